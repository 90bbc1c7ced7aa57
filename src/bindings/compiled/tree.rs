//! A tree: the parts of a closure, each of them a function of what they read, and how they run.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rhai::{Dynamic, ImmutableString, Map, Position, Scope};
use smallvec::SmallVec;

use super::value::Value;
use super::{View, constant, note};
use crate::net::random::Draws;

/// Evaluates a part of a closure; `None`: the interpreter decides.
type Evaluate = dyn for<'a, 's> Fn(&mut State<'a, 's>) -> Option<Value<'a>> + Send + Sync;

/// A part of a closure.
pub(super) struct TreeNode {
    evaluate: Box<Evaluate>,
    /// Its value, if it always has this one and does nothing.
    known: Option<Value<'static>>,
}

impl TreeNode {
    pub(super) fn new(
        run: impl for<'a, 's> Fn(&mut State<'a, 's>) -> Option<Value<'a>> + Send + Sync + 'static,
    ) -> Self {
        Self { evaluate: Box::new(run), known: None }
    }

    /// The value in this place of the tree's constants.
    pub(super) fn constant(at: usize, value: Value<'static>) -> Self {
        Self { known: Some(value), ..Self::new(move |state| state.constant(at)) }
    }

    /// Its value, if that is always the same.
    pub(super) const fn known(&self) -> Option<&Value<'static>> {
        self.known.as_ref()
    }

    /// Whether it is `true` or `false`, if that is always the same.
    pub(super) const fn known_truth(&self) -> Option<bool> {
        match self.known {
            Some(Value::Bool(truth)) => Some(truth),
            _ => None,
        }
    }

    /// Its value; `None`: the interpreter is to decide.
    pub(super) fn run<'a>(&self, state: &mut State<'a, '_>) -> Option<Value<'a>> {
        (self.evaluate)(state)
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
        Self { known: Some(Value::Unit), ..Self::new(|_| Some(Value::Unit)) }
    }

    /// One after the other; its value is the last one's. Whether it `declares` variables, which are its own, and whether a part of
    /// it may be the `end`.
    pub(super) fn block(mut parts: Vec<Self>, declares: bool, ends: bool) -> Self {
        let last = parts.pop().unwrap_or_else(Self::unit);
        parts.retain(|part| part.known.is_none());
        if parts.is_empty() && !declares {
            return last;
        }
        Self::new(move |state| {
            let before = state.variables.len();
            for part in &parts {
                let value = part.run(state)?;
                if ends && state.returned.is_some() {
                    state.variables.truncate(before);
                    return Some(value);
                }
            }
            let value = last.run(state)?;
            if declares {
                state.variables.truncate(before);
            }
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

    /// The body of a function, where `return` ends, if it has one.
    pub(super) fn body(body: Self, ends: bool) -> Self {
        if !ends {
            return body;
        }
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

/// What a tree does, in order: mostly a reply.
pub(in crate::bindings) type Effects = SmallVec<[Effect; 1]>;

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
    drawn: &'s mut Draws,
    cells: Cells<'a>,
    pub(super) variables: SmallVec<[Value<'a>; 4]>,
    returned: Option<Value<'a>>,
    /// Whether something depends on what becomes of a reply.
    pub(in crate::bindings) asks_verdict: bool,
    /// What is to be done, in order.
    pub(in crate::bindings) effects: Effects,
    /// What was captured and is to change.
    pub(in crate::bindings) changes: Vec<Change<'a>>,
}

impl<'a, 's> State<'a, 's> {
    pub(in crate::bindings) fn new(tree: &'a Tree, view: &'s View<'a>, drawn: &'s mut Draws, cells: Cells<'a>) -> Self {
        let (variables, effects, changes) = (SmallVec::new(), Effects::new(), Vec::new());
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
