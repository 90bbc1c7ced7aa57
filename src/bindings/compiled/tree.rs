//! A tree: the parts of a closure, each of them a function of what they read, and how they run.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rhai::{Dynamic, ImmutableString, Map, Position, Scope};

use super::value::Value;
use super::{View, constant, note};

/// Evaluates a part of a closure; `None`: the interpreter decides.
type Evaluate = dyn for<'a, 's> Fn(&mut State<'a, 's>) -> Option<Value<'a>> + Send + Sync;

/// A part of a closure.
pub(super) struct TreeNode(Box<Evaluate>);

impl TreeNode {
    pub(super) fn new(
        run: impl for<'a, 's> Fn(&mut State<'a, 's>) -> Option<Value<'a>> + Send + Sync + 'static,
    ) -> Self {
        Self(Box::new(run))
    }

    /// Its value; `None`: the interpreter is to decide.
    pub(super) fn run<'a>(&self, state: &mut State<'a, '_>) -> Option<Value<'a>> {
        (self.0)(state)
    }

    pub(super) fn truth(&self, state: &mut State<'_, '_>) -> Option<bool> {
        match self.run(state)? {
            Value::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    pub(super) fn text<'a>(&self, state: &mut State<'a, '_>) -> Option<Cow<'a, str>> {
        match self.run(state)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn int(&self, state: &mut State<'_, '_>) -> Option<i64> {
        match self.run(state)? {
            Value::Int(number) => Some(number),
            _ => None,
        }
    }

    pub(super) fn unit() -> Self {
        Self::new(|_| Some(Value::Unit))
    }

    /// One after the other, with variables of its own; its value is the last one's.
    pub(super) fn block(parts: Vec<Self>) -> Self {
        Self::new(move |state| {
            let before = state.variables.len();
            let mut value = Value::Unit;
            for part in &parts {
                value = part.run(state)?;
                if state.returned.is_some() {
                    break;
                }
            }
            state.variables.truncate(before);
            Some(value)
        })
    }

    /// A new variable.
    pub(super) fn declaration(value: Self) -> Self {
        Self::new(move |state| {
            let value = value.run(state)?;
            state.variables.push(value);
            Some(Value::Unit)
        })
    }

    pub(super) fn end(value: Self) -> Self {
        Self::new(move |state| {
            state.returned = Some(value.run(state)?);
            Some(Value::Unit)
        })
    }

    /// The body of a function, where `return` ends.
    pub(super) fn body(body: Self) -> Self {
        Self::new(move |state| {
            let value = body.run(state)?;
            Some(state.returned.take().unwrap_or(value))
        })
    }

    /// Whether one of `parts` is `wanted`, as far as they must be looked at.
    pub(super) fn first(parts: Vec<Self>, wanted: bool) -> Self {
        Self::new(move |state| {
            for part in &parts {
                if part.truth(state)? == wanted {
                    return Some(Value::Bool(wanted));
                }
            }
            Some(Value::Bool(!wanted))
        })
    }

    /// The parts as one text.
    pub(super) fn joined(parts: Vec<Self>) -> Self {
        Self::new(move |state| {
            let mut text = String::new();
            for part in &parts {
                part.run(state)?.write(&mut text)?;
            }
            Some(Value::Text(text.into()))
        })
    }

    /// The entry of the captured map in this place; whether it must be there.
    pub(super) fn entry(at: usize, key: Self, is_strict: bool) -> Self {
        Self::new(move |state| {
            let key = key.text(state)?;
            state.read(at, Some(&key), is_strict)
        })
    }
}

/// A closure, or the body of a loop, as a tree.
pub(in crate::bindings) struct Tree {
    pub(super) root: TreeNode,
    /// The values that stand in it.
    pub(super) constants: Vec<Value<'static>>,
    /// Where it is written, and whether the trace has that it gave up.
    pub(in crate::bindings) place: Arc<str>,
    pub(super) has_given_up: AtomicBool,
}

impl Tree {
    pub(super) fn new(root: TreeNode, constants: Vec<Value<'static>>) -> Self {
        Self { root, constants, place: "".into(), has_given_up: AtomicBool::new(false) }
    }
}

impl std::fmt::Debug for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tree({:?})", self.constants)
    }
}

/// A captured variable, or the entry of a captured map, that is to have a new value.
#[derive(Debug)]
pub struct Change<'a> {
    /// Which one.
    pub at: usize,
    /// Of which entry; `None`: of the variable itself.
    pub key: Option<String>,
    /// Its new value.
    pub value: Value<'a>,
}

/// What a tree does once it has run to its end: until then the interpreter can still take over.
#[derive(Debug)]
pub(in crate::bindings) enum Effect {
    /// Prints a line.
    Print(String),
    /// Replies to the request; from this place of the script.
    Reply(Vec<u8>, Position),
}

/// The values from outside of a tree that it reads as they are by now.
#[derive(Clone, Copy, Debug)]
pub(in crate::bindings) enum Cells<'a> {
    /// What a closure captured.
    Captured(&'a [Dynamic]),
    /// The variables of a script with these names.
    Outer(&'a Scope<'a>, &'a [ImmutableString]),
}

impl<'a> Cells<'a> {
    fn get(self, at: usize) -> Option<&'a Dynamic> {
        match self {
            Cells::Captured(values) => values.get(at),
            Cells::Outer(scope, names) => scope.get(names.get(at)?),
        }
    }
}

/// A tree that runs.
#[derive(Debug)]
pub(in crate::bindings) struct State<'a, 's> {
    tree: &'a Tree,
    pub(super) view: &'s View<'a>,
    drawn: &'s mut Vec<f64>,
    cells: Cells<'a>,
    pub(super) variables: Vec<Value<'a>>,
    returned: Option<Value<'a>>,
    /// Whether something depends on what becomes of a reply.
    pub(in crate::bindings) asks_verdict: bool,
    /// What is to be done, in order.
    pub(in crate::bindings) effects: Vec<Effect>,
    /// What was captured and is to change.
    pub(in crate::bindings) changes: Vec<Change<'a>>,
}

impl<'a, 's> State<'a, 's> {
    pub(in crate::bindings) fn new(
        tree: &'a Tree,
        view: &'s View<'a>,
        drawn: &'s mut Vec<f64>,
        cells: Cells<'a>,
    ) -> Self {
        let (variables, effects, changes) = (Vec::new(), Vec::new(), Vec::new());
        Self { tree, view, drawn, cells, variables, returned: None, asks_verdict: false, effects, changes }
    }

    /// The value of the tree; `None`: the interpreter is to decide.
    pub(in crate::bindings) fn run(&mut self) -> Option<Value<'a>> {
        let value = self.tree.root.run(self);
        if value.is_none() && !self.tree.has_given_up.swap(true, Ordering::Relaxed) {
            note(&format!("{} left a packet to the interpreter; others are not reported", self.tree.place));
        }
        value
    }

    pub(super) fn constant(&self, at: usize) -> Option<Value<'a>> {
        self.tree.constants.get(at).map(Value::borrowed)
    }

    /// A captured variable as it is by now, or the entry `key` of a captured map.
    pub(super) fn read(&self, at: usize, key: Option<&str>, is_strict: bool) -> Option<Value<'a>> {
        let is_it = |change: &&Change<'a>| change.at == at && change.key.as_deref() == key;
        if let Some(change) = self.changes.iter().rfind(is_it) {
            return Some(change.value.clone());
        }
        let Some(key) = key else { return constant(self.cells.get(at)?) };
        let map = self.cells.get(at)?.read_lock::<Map>()?;
        match map.get(key) {
            Some(value) => constant(value),
            None => (!is_strict).then_some(Value::Unit),
        }
    }

    pub(super) fn draw(&mut self) -> Option<f64> {
        let number = self.drawn.len() as u64 + 1;
        let drawn = match self.view.random {
            Some(random) => random.ahead(number),
            None => self.view.place?.draws.draw(number),
        };
        self.drawn.push(drawn);
        Some(drawn)
    }
}
