//! The tree and how it runs.

use std::borrow::Cow;
use std::sync::Arc;

use rhai::{Dynamic, ImmutableString, Map, Position, Scope};

use super::text::Method;
use super::value::{Arithmetic, Unit, Value};
use super::{View, constant};
use crate::bindings::compare::Operator;
use crate::net::policy::{Action, Verdict};
use crate::net::socket::udp::check_size;

/// A property of the packet.
#[derive(Clone, Copy, Debug)]
pub(in crate::bindings) enum Field {
    Text,
    Len,
    Number,
    Flow,
    From,
    Protocol,
}

/// A part of a closure.
#[derive(Debug)]
pub(in crate::bindings) enum TreeNode {
    Constant(Value<'static>),
    Packet(Field),
    /// The variable in this place, counted over all that are alive.
    Variable(usize),
    /// The captured variable in this place.
    Captured(usize),
    /// The entry of a captured map with this key; whether it must be there.
    Entry(usize, Box<TreeNode>, bool),
    /// A new value for a variable; with an operator, made of the old one.
    Assign(AssignTarget, Option<Arithmetic>, Box<TreeNode>),
    /// The first that is not `()`.
    Coalesce(Vec<TreeNode>),
    Random,
    RandomInt(Box<[TreeNode; 2]>),
    Not(Box<TreeNode>),
    Negative(Box<TreeNode>),
    Compare(Operator, Box<[TreeNode; 2]>),
    Arithmetic(Arithmetic, Box<[TreeNode; 2]>),
    All(Vec<TreeNode>),
    Any(Vec<TreeNode>),
    If(Box<[TreeNode; 3]>),
    /// One after the other, with variables of its own; its value is the last one's.
    Block(Vec<TreeNode>),
    /// A new variable.
    Let(Box<TreeNode>),
    Return(Box<TreeNode>),
    /// The body of a function, where `return` ends.
    Function(Box<TreeNode>),
    Method(Method, Box<TreeNode>, Option<Box<TreeNode>>),
    /// A character of a text.
    At(Box<[TreeNode; 2]>),
    Unit(Box<TreeNode>, Unit),
    Joined(Vec<TreeNode>),
    Verdict(Verdict),
    Delay(Box<TreeNode>, Arc<str>),
    Duplicate(Box<TreeNode>, Arc<str>),
    Replace(Box<TreeNode>, Arc<str>),
    /// In a server's loop: a line for standard output.
    Print(Box<TreeNode>),
    /// In a server's loop: the reply to the request; its value is the verdict that it meets.
    Reply(Box<TreeNode>, Position),
    Dropped(Box<TreeNode>),
}

/// What is assigned to.
#[derive(Debug)]
pub(in crate::bindings) enum AssignTarget {
    Variable(usize),
    Captured(usize),
    Entry(usize, Box<TreeNode>),
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
    view: &'s View<'a>,
    drawn: &'s mut Vec<f64>,
    cells: Cells<'a>,
    variables: Vec<Value<'a>>,
    returned: Option<Value<'a>>,
    /// What is to be done, in order.
    pub(in crate::bindings) effects: Vec<Effect>,
    /// What was captured and is to change.
    pub(in crate::bindings) changes: Vec<Change<'a>>,
}

impl<'a, 's> State<'a, 's> {
    pub(in crate::bindings) fn new(view: &'s View<'a>, drawn: &'s mut Vec<f64>, cells: Cells<'a>) -> Self {
        let (variables, effects, changes) = (Vec::new(), Vec::new(), Vec::new());
        Self { view, drawn, cells, variables, returned: None, effects, changes }
    }

    /// The value of `node`; `None`: the interpreter is to decide. Each kind of node has a function of its own, so that no stack is
    /// taken for the others.
    pub(in crate::bindings) fn run(&mut self, node: &'a TreeNode) -> Option<Value<'a>> {
        match node {
            TreeNode::Constant(value) => Some(value.borrowed()),
            TreeNode::Packet(field) => self.field(*field),
            TreeNode::Variable(at) => self.variables.get(*at).cloned(),
            TreeNode::Block(parts) => self.block(parts),
            TreeNode::Let(value) => self.declare(value),
            TreeNode::Return(value) => self.end(value),
            TreeNode::Function(body) => self.body(body),
            TreeNode::If(parts) => {
                if self.truth(&parts[0])? {
                    self.run(&parts[1])
                } else {
                    self.run(&parts[2])
                }
            }
            TreeNode::Compare(operator, parts) => self.compare(*operator, parts),
            TreeNode::Arithmetic(operator, parts) => self.arithmetic(*operator, parts),
            TreeNode::All(parts) => self.first(parts, false).map(Value::Bool),
            TreeNode::Any(parts) => self.first(parts, true).map(Value::Bool),
            TreeNode::Method(method, of, with) => self.method(*method, of, with.as_deref()),
            TreeNode::Joined(parts) => self.joined(parts),
            TreeNode::Verdict(_) | TreeNode::Delay(..) | TreeNode::Duplicate(..) | TreeNode::Replace(..) => {
                self.verdict(node).map(Value::Verdict)
            }
            TreeNode::Print(_) | TreeNode::Reply(..) | TreeNode::Dropped(_) => self.effect(node),
            TreeNode::Captured(at) => self.read(*at, None, true),
            TreeNode::Entry(at, key, is_strict) => {
                let key = self.text(key)?;
                self.read(*at, Some(&key), *is_strict)
            }
            TreeNode::Assign(target, operator, value) => self.assign(target, *operator, value),
            TreeNode::Coalesce(parts) => self.coalesce(parts),
            _ => self.operation(node),
        }
    }

    fn block(&mut self, parts: &'a [TreeNode]) -> Option<Value<'a>> {
        let before = self.variables.len();
        let mut value = Value::Unit;
        for part in parts {
            value = self.run(part)?;
            if self.returned.is_some() {
                break;
            }
        }
        self.variables.truncate(before);
        Some(value)
    }

    fn declare(&mut self, value: &'a TreeNode) -> Option<Value<'a>> {
        let value = self.run(value)?;
        self.variables.push(value);
        Some(Value::Unit)
    }

    /// A captured variable as it is by now, or the entry `key` of a captured map.
    fn read(&self, at: usize, key: Option<&str>, is_strict: bool) -> Option<Value<'a>> {
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

    fn assign(
        &mut self,
        target: &'a AssignTarget,
        operator: Option<Arithmetic>,
        value: &'a TreeNode,
    ) -> Option<Value<'a>> {
        let value = self.run(value)?;
        let with = |old: Option<Value<'a>>| match operator {
            Some(operator) => operator.apply(old?, value),
            None => Some(value),
        };
        let (at, key) = match target {
            AssignTarget::Variable(at) => {
                let new = with(self.variables.get(*at).cloned())?;
                *self.variables.get_mut(*at)? = new;
                return Some(Value::Unit);
            }
            AssignTarget::Captured(at) => (*at, None),
            AssignTarget::Entry(at, key) => (*at, Some(self.text(key)?.into_owned())),
        };
        let value = with(self.read(at, key.as_deref(), true))?;
        if matches!(value, Value::Addr(_) | Value::Verdict(_)) {
            return None;
        }
        self.changes.push(Change { at, key, value });
        Some(Value::Unit)
    }

    fn coalesce(&mut self, parts: &'a [TreeNode]) -> Option<Value<'a>> {
        for part in parts {
            match self.run(part)? {
                Value::Unit => {}
                value => return Some(value),
            }
        }
        Some(Value::Unit)
    }

    fn end(&mut self, value: &'a TreeNode) -> Option<Value<'a>> {
        self.returned = Some(self.run(value)?);
        Some(Value::Unit)
    }

    fn body(&mut self, body: &'a TreeNode) -> Option<Value<'a>> {
        let value = self.run(body)?;
        Some(self.returned.take().unwrap_or(value))
    }

    fn compare(&mut self, operator: Operator, parts: &'a [TreeNode; 2]) -> Option<Value<'a>> {
        let (a, b) = (self.run(&parts[0])?, self.run(&parts[1])?);
        a.compared(operator, &b).map(Value::Bool)
    }

    fn arithmetic(&mut self, operator: Arithmetic, parts: &'a [TreeNode; 2]) -> Option<Value<'a>> {
        let (a, b) = (self.run(&parts[0])?, self.run(&parts[1])?);
        operator.apply(a, b)
    }

    fn operation(&mut self, node: &'a TreeNode) -> Option<Value<'a>> {
        Some(match node {
            TreeNode::Random => Value::Float(self.draw()?),
            TreeNode::RandomInt(ends) => {
                let (low, high) = (self.int(&ends[0])?, self.int(&ends[1])?);
                let span = high.abs_diff(low) as f64 + 1.0;
                let drawn = if high < low { return None } else { self.draw()? };
                Value::Int(low.saturating_add((drawn * span) as i64).min(high))
            }
            TreeNode::Not(part) => Value::Bool(!self.truth(part)?),
            TreeNode::Negative(part) => match self.run(part)? {
                Value::Int(number) => Value::Int(number.checked_neg()?),
                Value::Float(number) => Value::Float(-number),
                Value::Duration(span) => Value::Duration(-span),
                _ => return None,
            },
            TreeNode::At(parts) => {
                let Value::Text(text) = self.run(&parts[0])? else { return None };
                let at = usize::try_from(self.int(&parts[1])?).ok()?;
                Value::Char(text.chars().nth(at)?)
            }
            TreeNode::Unit(number, unit) => self.run(number)?.unit(*unit)?,
            _ => return None,
        })
    }

    fn effect(&mut self, node: &'a TreeNode) -> Option<Value<'a>> {
        Some(match node {
            TreeNode::Print(line) => {
                let Value::Text(line) = self.run(line)? else { return None };
                self.effects.push(Effect::Print(line.into_owned()));
                Value::Unit
            }
            TreeNode::Reply(data, at) => {
                let Value::Text(text) = self.run(data)? else { return None };
                check_size(text.len()).ok()?;
                self.effects.push(Effect::Reply(text.into_owned().into_bytes(), *at));
                Value::Verdict(self.view.verdict?.clone())
            }
            TreeNode::Dropped(of) => match self.run(of)? {
                Value::Verdict(verdict) => Value::Bool(verdict.action == Action::Drop),
                _ => return None,
            },
            _ => return None,
        })
    }

    fn verdict(&mut self, node: &'a TreeNode) -> Option<Verdict> {
        let (action, origin) = match node {
            TreeNode::Verdict(verdict) => return Some(verdict.clone()),
            TreeNode::Delay(by, origin) => match self.run(by)? {
                Value::Duration(by) if !by.is_negative() => (Action::Delay(by), origin),
                _ => return None,
            },
            TreeNode::Duplicate(times, origin) => match u32::try_from(self.int(times)?) {
                Ok(times @ 1..=100) => (Action::Duplicate(times), origin),
                _ => return None,
            },
            TreeNode::Replace(data, origin) => match self.run(data)? {
                Value::Text(text) if check_size(text.len()).is_ok() => {
                    (Action::Replace(text.as_bytes().into()), origin)
                }
                _ => return None,
            },
            _ => return None,
        };
        Some(Verdict { action, origin: origin.clone().into() })
    }

    fn field(&self, field: Field) -> Option<Value<'a>> {
        let View { data, place, from, frame, .. } = *self.view;
        Some(match field {
            Field::Text => Value::Text(String::from_utf8_lossy(data)),
            Field::Len => Value::Int(data.len() as i64),
            Field::Number => place.map_or(Value::Unit, |place| Value::Int(place.number as i64)),
            Field::Flow => place.map_or(Value::Unit, |place| Value::Int(place.flow)),
            Field::From => from.map_or(Value::Unit, Value::Addr),
            Field::Protocol => Value::Text(frame?.protocol().into()),
        })
    }

    fn draw(&mut self) -> Option<f64> {
        let number = self.drawn.len() as u64 + 1;
        let drawn = match self.view.random {
            Some(random) => random.ahead(number),
            None => self.view.place?.draws.draw(number),
        };
        self.drawn.push(drawn);
        Some(drawn)
    }

    /// Whether one of `parts` is `wanted`, as far as they must be looked at.
    fn first(&mut self, parts: &'a [TreeNode], wanted: bool) -> Option<bool> {
        for part in parts {
            if self.truth(part)? == wanted {
                return Some(wanted);
            }
        }
        Some(!wanted)
    }

    fn truth(&mut self, node: &'a TreeNode) -> Option<bool> {
        match self.run(node)? {
            Value::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    fn text(&mut self, node: &'a TreeNode) -> Option<Cow<'a, str>> {
        match self.run(node)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn int(&mut self, node: &'a TreeNode) -> Option<i64> {
        match self.run(node)? {
            Value::Int(number) => Some(number),
            _ => None,
        }
    }
}
