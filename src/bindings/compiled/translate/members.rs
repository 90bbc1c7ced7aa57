//! What follows a dot or a bracket, and what is assigned to.

use rhai::{ASTFlags, Expr};

use super::{KnownValue, TreeBuilder, function};
use crate::bindings::compiled::text::Method;
use crate::bindings::compiled::tree::{AssignTarget, Field, TreeNode};
use crate::bindings::compiled::value::{Unit, Value};

/// What a dot or a bracket follows.
pub(super) enum Of {
    Packet,
    /// The captured map in this place.
    Map(usize),
    Value(TreeNode),
}

impl TreeBuilder<'_> {
    /// What an assignment is to: a variable, or the entry of a captured map.
    pub(super) fn target(&mut self, target: &Expr) -> Option<AssignTarget> {
        match target {
            Expr::Variable(..) => match self.known(target)? {
                KnownValue::Variable(at) => Some(AssignTarget::Variable(at)),
                KnownValue::Captured(at, _) => Some(AssignTarget::Captured(at)),
                KnownValue::Packet | KnownValue::Constant(_) => None,
            },
            Expr::Index(parts, flags, _) | Expr::Dot(parts, flags, _) if !flags.contains(ASTFlags::NEGATED) => {
                match self.expression(target)? {
                    TreeNode::Entry(at, key, true) if matches!(parts.lhs, Expr::Variable(..)) => {
                        Some(AssignTarget::Entry(at, key))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// What follows a dot.
    pub(super) fn chain(&mut self, of: Of, rest: &Expr) -> Option<TreeNode> {
        match rest {
            Expr::Dot(parts, flags, _) if !flags.contains(ASTFlags::NEGATED) => {
                let of = self.member(of, &parts.lhs)?;
                self.chain(Of::Value(of), &parts.rhs)
            }
            Expr::Index(parts, flags, _) if !flags.contains(ASTFlags::NEGATED) => {
                let of = self.member(of, &parts.lhs)?;
                self.index(Of::Value(of), &parts.rhs, *flags)
            }
            last => self.member(of, last),
        }
    }

    pub(super) fn index(&mut self, of: Of, at: &Expr, flags: ASTFlags) -> Option<TreeNode> {
        if !flags.contains(ASTFlags::BREAK) && matches!(at, Expr::Dot(..) | Expr::Index(..)) {
            return None;
        }
        let at = self.expression(at)?;
        match of {
            Of::Packet => None,
            Of::Map(map) => Some(TreeNode::Entry(map, at.into(), true)),
            Of::Value(of) => Some(TreeNode::At([of, at].into())),
        }
    }

    fn member(&mut self, of: Of, member: &Expr) -> Option<TreeNode> {
        match (of, member) {
            (Of::Map(at), Expr::Property(names, _)) => {
                let key = TreeNode::Constant(Value::Text(names.2.to_string().into()));
                Some(TreeNode::Entry(at, key.into(), true))
            }
            (Of::Map(at), Expr::MethodCall(call, _)) if self.is_native("get", call) => {
                Some(TreeNode::Entry(at, self.parts(&call.args)?.pop()?.into(), false))
            }
            (Of::Packet, Expr::Property(names, _)) => Some(TreeNode::Packet(match names.2.as_str() {
                "text" => Field::Text,
                "len" => Field::Len,
                "number" => Field::Number,
                "flow" => Field::Flow,
                "from" => Field::From,
                "protocol" => Field::Protocol,
                _ => return None,
            })),
            (Of::Value(of), Expr::Property(names, _)) => match names.2.as_str() {
                "dropped" => Some(TreeNode::Dropped(of.into())),
                "len" => Some(TreeNode::Method(Method::Len, of.into(), None)),
                unit => Some(TreeNode::Unit(of.into(), Unit::of(unit)?)),
            },
            (Of::Packet, Expr::MethodCall(call, at)) if self.is_native("reply", call) && self.outer.is_some() => {
                Some(TreeNode::Reply(self.parts(&call.args)?.pop()?.into(), *at))
            }
            (Of::Value(of), Expr::MethodCall(call, _))
                if function(self.global, &call.name, call.args.len()).is_none() =>
            {
                let with = self.parts(&call.args)?;
                method(&call.name, of, with)
            }
            _ => None,
        }
    }
}

/// A method of a text, which may be written as a function, too.
pub(super) fn method(name: &str, of: TreeNode, mut with: Vec<TreeNode>) -> Option<TreeNode> {
    let (method, count) = match name {
        "to_upper" => (Method::Upper, 0),
        "to_lower" => (Method::Lower, 0),
        "len" => (Method::Len, 0),
        "to_string" => (Method::ToString, 0),
        "contains" => (Method::Contains, 1),
        "starts_with" => (Method::StartsWith, 1),
        "ends_with" => (Method::EndsWith, 1),
        _ => return None,
    };
    (with.len() == count).then(|| TreeNode::Method(method, of.into(), with.pop().map(Box::new)))
}
