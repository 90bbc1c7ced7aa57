//! Operators, functions of the script, and natives.

use std::borrow::Cow;
use std::sync::Arc;

use rhai::{Expr, FnCallExpr, Position, ScriptFuncDef, Token};

use super::members::method;
use super::{KnownValue, TreeBuilder, function};
use crate::bindings::compiled::place;
use crate::bindings::compiled::tree::{Effect, State, TreeNode};
use crate::bindings::compiled::value::{Value, arithmetic};
use crate::net::policy::{Action, Verdict};
use crate::net::socket::udp::MAX_PAYLOAD;

impl TreeBuilder<'_> {
    /// Whether `call` is one of the native function `name`, with one argument.
    pub(super) fn is_native(&self, name: &str, call: &FnCallExpr) -> bool {
        call.name == name && call.args.len() == 1 && function(self.global, name, 1).is_none()
    }

    pub(super) fn call(&mut self, call: &FnCallExpr, at: Position) -> Option<TreeNode> {
        if call.capture_parent_scope || !call.namespace.is_empty() {
            return None;
        }
        if let Some(operator) = &call.op_token {
            let mut parts = self.parts(&call.args)?;
            let last = parts.pop()?;
            return match (operator, parts.pop()) {
                (Token::Bang, None) => Some(match last.known_truth() {
                    Some(truth) => self.constant(Value::Bool(!truth)),
                    None => TreeNode::new(move |state| Some(Value::Bool(!last.truth(state)?))),
                }),
                (Token::UnaryMinus | Token::Minus, None) => {
                    Some(TreeNode::new(move |state| match last.run(state)? {
                        Value::Int(number) => number.checked_neg().map(Value::Int),
                        Value::Float(number) => Some(Value::Float(-number)),
                        Value::Duration(span) => Some(Value::Duration(-span)),
                        _ => None,
                    }))
                }
                (_, Some(first)) => {
                    let operator = operator_of(&call.name)?;
                    Some(TreeNode::new(move |state| {
                        let a = first.run(state)?;
                        arithmetic(operator, a, last.run(state)?)
                    }))
                }
                _ => None,
            };
        }
        match function(self.global, &call.name, call.args.len()) {
            Some(function) => self.inlined(&function, &call.args),
            None => self.native(call, at),
        }
    }

    /// A function of the script: its arguments become variables, then comes its body.
    fn inlined(&mut self, function: &Arc<ScriptFuncDef>, args: &[Expr]) -> Option<TreeNode> {
        let (mut nodes, mut values, height) = (Vec::new(), Vec::new(), self.height);
        for arg in args {
            if let Some(KnownValue::Packet) = self.known(arg) {
                values.push(KnownValue::Packet);
                continue;
            }
            nodes.push(TreeNode::declaration(self.expression(arg)?));
            values.push(self.declared());
        }
        let body = self.body(function, values);
        let declares = self.height > height;
        self.height = height;
        nodes.push(body?);
        Some(TreeNode::block(nodes, declares, false))
    }

    /// A verdict that is always the same.
    fn verdict(&mut self, action: Action, origin: Arc<str>) -> TreeNode {
        self.constant(Value::Verdict(Cow::Owned(Verdict::new(action, origin))))
    }

    fn native(&mut self, call: &FnCallExpr, at: Position) -> Option<TreeNode> {
        let mut args = self.parts(&call.args)?;
        let origin = place(self.source, at.line());
        match (call.name.as_str(), args.len()) {
            ("random", 0) => Some(TreeNode::new(|state| state.draw().map(Value::Float))),
            ("random", 2) => {
                let (high, low) = (args.pop()?, args.pop()?);
                Some(TreeNode::new(move |state| {
                    let (low, high) = (low.int(state)?, high.int(state)?);
                    let span = high.abs_diff(low) as f64 + 1.0;
                    let drawn = if high < low { return None } else { state.draw()? };
                    Some(Value::Int(low.saturating_add((drawn * span) as i64).min(high)))
                }))
            }
            ("pass", 0) => Some(self.verdict(Action::Pass, origin)),
            ("drop", 0) => Some(self.verdict(Action::Drop, origin)),
            ("corrupt", 0) => Some(self.verdict(Action::Corrupt, origin)),
            ("print", 1) if self.outer.is_some() => {
                let line = args.pop()?;
                Some(TreeNode::new(move |state| {
                    let line = line.text(state)?.into_owned();
                    state.effects.push(Effect::Print(line));
                    Some(Value::Unit)
                }))
            }
            ("delay", 1) => {
                let by = args.pop()?;
                verdict(origin, move |state| match by.run(state)? {
                    Value::Duration(by) if !by.is_negative() => Some(Action::Delay(by)),
                    _ => None,
                })
            }
            ("duplicate", 1) => {
                let times = args.pop()?;
                verdict(origin, move |state| match u32::try_from(times.int(state)?) {
                    Ok(times @ 1..=100) => Some(Action::Duplicate(times)),
                    _ => None,
                })
            }
            ("replace", 1) => {
                let data = args.pop()?;
                verdict(origin, move |state| {
                    let text = data.text(state)?;
                    if text.len() > MAX_PAYLOAD {
                        return None;
                    }
                    Some(Action::Replace(text.as_bytes().into()))
                })
            }
            (name, 1..) => {
                let of = args.remove(0);
                method(name, of, args)
            }
            _ => None,
        }
    }
}

/// An operator on two values, for [`arithmetic`].
pub(super) fn operator_of(name: &str) -> Option<char> {
    name.chars().next().filter(|operator| name.len() == 1 && "+-*/%".contains(*operator))
}

fn verdict(
    origin: Arc<str>,
    action: impl for<'a, 's> Fn(&mut State<'a, 's>) -> Option<Action> + Send + Sync + 'static,
) -> Option<TreeNode> {
    Some(TreeNode::new(move |state| {
        let action = action(state)?;
        Some(Value::Verdict(Cow::Owned(Verdict::new(action, origin.clone()))))
    }))
}
