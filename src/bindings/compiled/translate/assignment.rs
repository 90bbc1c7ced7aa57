//! What is assigned to.

use rhai::{ASTFlags, Expr};

use super::{KnownValue, TreeBuilder};
use crate::bindings::compiled::tree::{Change, State, TreeNode};
use crate::bindings::compiled::value::{Value, arithmetic};

impl TreeBuilder<'_> {
    /// Gives a variable, or the entry of a captured map, a new value; with an operator, made of the old one.
    pub(super) fn assignment(&mut self, target: &Expr, operator: Option<char>, value: TreeNode) -> Option<TreeNode> {
        let (variable, key) = match target {
            Expr::Variable(..) => (target, None),
            Expr::Index(parts, flags, _) if !flags.contains(ASTFlags::NEGATED) => {
                (&parts.lhs, Some(self.index_value(&parts.rhs, *flags)?))
            }
            Expr::Dot(parts, flags, _) if !flags.contains(ASTFlags::NEGATED) => match &parts.rhs {
                Expr::Property(names, _) => (&parts.lhs, Some(self.constant(Value::Text(names.2.to_string().into())))),
                _ => return None,
            },
            _ => return None,
        };
        match (self.known(variable)?, &key) {
            (KnownValue::Variable(at), None) => {
                if operator.is_some() {
                    self.read(at);
                }
                Some(TreeNode::new(move |state| {
                    let value = value.run(state)?;
                    let new = made(operator, state.variables.get(at).cloned(), value)?;
                    *state.variables.get_mut(at)? = new;
                    Some(Value::Unit)
                }))
            }
            (KnownValue::Captured(at, true), Some(_)) | (KnownValue::Captured(at, _), None) => {
                Some(TreeNode::new(move |state| change(state, at, key.as_ref(), operator, &value)))
            }
            _ => None,
        }
    }
}

/// What an assignment makes of `value` and, with an operator, of the `old` one.
fn made<'a>(operator: Option<char>, old: Option<Value<'a>>, value: Value<'a>) -> Option<Value<'a>> {
    match operator {
        Some(operator) => arithmetic(operator, old?, value),
        None => Some(value),
    }
}

/// Notes that the captured variable `at`, or an entry of it, is to have a new value.
fn change<'a>(
    state: &mut State<'a, '_>,
    at: usize,
    key: Option<&TreeNode>,
    operator: Option<char>,
    value: &TreeNode,
) -> Option<Value<'a>> {
    let value = value.run(state)?;
    let key = match key {
        Some(key) => Some(key.text(state)?.into_owned()),
        None => None,
    };
    let value = made(operator, state.read(at, key.as_deref(), true), value)?;
    if matches!(value, Value::Addr(_) | Value::Verdict(_)) {
        return None;
    }
    state.changes.push(Change { at, key, value });
    Some(Value::Unit)
}
