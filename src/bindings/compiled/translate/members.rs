//! What follows a dot or a bracket.

use std::borrow::Cow;

use rhai::{ASTFlags, Expr};

use super::{KnownValue, TreeBuilder, function};
use crate::bindings::compiled::View;
use crate::bindings::compiled::tree::{Effect, TreeNode};
use crate::bindings::compiled::value::Value;
use crate::net::socket::udp::MAX_PAYLOAD;
use crate::net::time::Duration;

/// What a dot or a bracket follows.
pub(super) enum Of {
    Packet,
    /// The captured map in this place.
    Map(usize),
    Value(TreeNode),
}

impl TreeBuilder<'_> {
    /// What `expression` is, for a dot or a bracket after it.
    pub(super) fn of(&mut self, expression: &Expr) -> Option<Of> {
        Some(match self.known(expression) {
            Some(KnownValue::Packet) => Of::Packet,
            Some(KnownValue::Captured(at, true)) => Of::Map(at),
            _ => Of::Value(self.expression(expression)?),
        })
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
        let at = self.index_value(at, flags)?;
        match of {
            Of::Packet => None,
            Of::Map(map) => Some(TreeNode::entry(map, at, true)),
            // A character of a text.
            Of::Value(of) => Some(TreeNode::new(move |state| {
                let text = of.text(state)?;
                let at = usize::try_from(at.int(state)?).ok()?;
                Some(Value::Char(text.chars().nth(at)?))
            })),
        }
    }

    pub(super) fn index_value(&mut self, at: &Expr, flags: ASTFlags) -> Option<TreeNode> {
        if !flags.contains(ASTFlags::BREAK) && matches!(at, Expr::Dot(..) | Expr::Index(..)) {
            return None;
        }
        self.expression(at)
    }

    fn member(&mut self, of: Of, member: &Expr) -> Option<TreeNode> {
        match (of, member) {
            (Of::Map(at), Expr::Property(names, _)) => {
                let key = self.constant(Value::Text(names.2.to_string().into()));
                Some(TreeNode::entry(at, key, true))
            }
            (Of::Map(at), Expr::MethodCall(call, _)) if self.is_native("get", call) => {
                Some(TreeNode::entry(at, self.parts(&call.args)?.pop()?, false))
            }
            (Of::Packet, Expr::Property(names, _)) => field(names.2.as_str()),
            (Of::Value(of), Expr::Property(names, _)) => match names.2.as_str() {
                "dropped" => Some(TreeNode::new(move |state| match of.run(state)? {
                    Value::Verdict(verdict) => {
                        state.asks_verdict = true;
                        Some(Value::Bool(verdict.is_lost()))
                    }
                    _ => None,
                })),
                "len" => method("len", of, Vec::new()),
                name => unit(name, of),
            },
            (Of::Packet, Expr::MethodCall(call, at)) if self.is_native("reply", call) && self.outer.is_some() => {
                let (data, at) = (self.parts(&call.args)?.pop()?, *at);
                Some(TreeNode::new(move |state| {
                    let text = data.text(state)?;
                    if text.len() > MAX_PAYLOAD {
                        return None;
                    }
                    state.effects.push(Effect::Reply(text.into_owned().into_bytes(), at));
                    Some(Value::Verdict(Cow::Borrowed(state.view.verdict?)))
                }))
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

/// A property of the packet.
fn field(name: &str) -> Option<TreeNode> {
    let field: for<'a> fn(&View<'a>) -> Option<Value<'a>> = match name {
        "text" => |view| Some(Value::Text(lossy(view.data))),
        "len" => |view| Some(Value::Int(view.data.len() as i64)),
        "number" => |view| Some(view.place.map_or(Value::Unit, |place| Value::Int(place.number as i64))),
        "flow" => |view| Some(view.place.map_or(Value::Unit, |place| Value::Int(place.flow))),
        "from" => |view| Some(view.from.map_or(Value::Unit, Value::Addr)),
        "protocol" => |view| Some(Value::Text(view.frame?.protocol().into())),
        _ => return None,
    };
    Some(TreeNode::new(move |state| field(state.view)))
}

/// As [`String::from_utf8_lossy`], which looks at each byte by itself.
fn lossy(data: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(data).map_or_else(|_| String::from_utf8_lossy(data), Cow::Borrowed)
}

/// A number with a unit of time, such as `20.ms`.
fn unit(name: &str, of: TreeNode) -> Option<TreeNode> {
    let (unit, has_parts) = match name {
        "s" => (Duration::from_secs(1), true),
        "ms" => (Duration::from_millis(1), true),
        "us" => (Duration::from_micros(1), true),
        "ns" => (Duration::from_nanos(1), false),
        _ => return None,
    };
    Some(TreeNode::new(move |state| match of.run(state)? {
        Value::Int(number) => unit.checked_mul(number).map(Value::Duration),
        Value::Float(number) if has_parts => unit.checked_mul_f64(number).map(Value::Duration),
        _ => None,
    }))
}

/// A method of a text, which may be written as a function, too.
pub(super) fn method(name: &str, of: TreeNode, mut with: Vec<TreeNode>) -> Option<TreeNode> {
    let test: Option<fn(&str, &str) -> bool> = match name {
        "contains" => Some(|text, part| text.contains(part)),
        "starts_with" => Some(|text, part| text.starts_with(part)),
        "ends_with" => Some(|text, part| text.ends_with(part)),
        _ => None,
    };
    if let (Some(test), 1) = (test, with.len()) {
        let with = with.pop()?;
        return Some(TreeNode::new(move |state| {
            let text = of.text(state)?;
            let part = match with.run(state)? {
                Value::Text(part) => part,
                Value::Char(letter) => letter.to_string().into(),
                _ => return None,
            };
            Some(Value::Bool(test(&text, &part)))
        }));
    }
    let changed: for<'a> fn(Cow<'a, str>) -> Value<'a> = match (name, with.len()) {
        ("to_string", 0) => return Some(TreeNode::joined(vec![of])),
        ("to_upper", 0) => |text| Value::Text(in_case(text, str::make_ascii_uppercase, str::to_uppercase)),
        ("to_lower", 0) => |text| Value::Text(in_case(text, str::make_ascii_lowercase, str::to_lowercase)),
        ("len", 0) => |text| Value::Int(text.chars().count() as i64),
        _ => return None,
    };
    Some(TreeNode::new(move |state| of.text(state).map(changed)))
}

fn in_case<'a>(text: Cow<'a, str>, in_place: fn(&mut str), copied: fn(&str) -> String) -> Cow<'a, str> {
    if !text.is_ascii() {
        return copied(&text).into();
    }
    let mut text = text.into_owned();
    in_place(&mut text);
    text.into()
}
