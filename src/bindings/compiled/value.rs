//! The values of trees, and what operators do with them: exactly what the interpreter does, or `None`.

use std::borrow::Cow;
use std::net::SocketAddr;

use rhai::Dynamic;

use crate::bindings::compare::{self, Operator};
use crate::net::policy::Verdict;
use crate::net::time::Duration;

/// Longer texts than this are left to the interpreter, which has a limit for them.
const LONGEST: usize = 1 << 20;

/// A value while a tree runs.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// `()`.
    Unit,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// A character.
    Char(char),
    /// A text.
    Text(Cow<'a, str>),
    /// A time span.
    Duration(Duration),
    /// An address with its port.
    Addr(SocketAddr),
    /// What to do with the packet.
    Verdict(Cow<'a, Verdict>),
}

/// `a operator b`, for `+`, `-`, `*`, `/` and `%`.
pub(super) fn arithmetic<'a>(operator: char, a: Value<'a>, b: Value<'a>) -> Option<Value<'a>> {
    Some(match (operator, a, b) {
        (_, Value::Int(a), Value::Int(b)) => Value::Int(match operator {
            '+' => a.checked_add(b)?,
            '-' => a.checked_sub(b)?,
            '*' => a.checked_mul(b)?,
            '/' => a.checked_div(b)?,
            _ => a.checked_rem(b)?,
        }),
        (_, Value::Float(a), Value::Float(b)) => floats(operator, a, b),
        (_, Value::Float(a), Value::Int(b)) => floats(operator, a, b as f64),
        (_, Value::Int(a), Value::Float(b)) => floats(operator, a as f64, b),
        ('+', Value::Duration(a), Value::Duration(b)) => Value::Duration(a.checked_add(b)?),
        ('-', Value::Duration(a), Value::Duration(b)) => Value::Duration(a.checked_sub(b)?),
        ('/', Value::Duration(a), Value::Duration(b)) => Value::Float(a.as_nanos() as f64 / b.as_nanos() as f64),
        ('*', Value::Duration(a), Value::Int(b)) | ('*', Value::Int(b), Value::Duration(a)) => {
            Value::Duration(a.checked_mul(b)?)
        }
        ('*', Value::Duration(a), Value::Float(b)) | ('*', Value::Float(b), Value::Duration(a)) => {
            Value::Duration(a.checked_mul_f64(b)?)
        }
        ('+', Value::Text(a), Value::Text(b)) if a.len() + b.len() <= LONGEST => {
            Value::Text((a.into_owned() + &*b).into())
        }
        _ => return None,
    })
}

fn floats(operator: char, a: f64, b: f64) -> Value<'static> {
    Value::Float(match operator {
        '+' => a + b,
        '-' => a - b,
        '*' => a * b,
        '/' => a / b,
        _ => a % b,
    })
}

impl Value<'_> {
    /// The same, without a copy of a text or a verdict.
    pub(in crate::bindings) fn borrowed(&self) -> Value<'_> {
        match self {
            Value::Text(text) => Value::Text(Cow::Borrowed(text)),
            Value::Verdict(verdict) => Value::Verdict(Cow::Borrowed(verdict)),
            other => other.clone(),
        }
    }

    /// The same as a value of the script; `None`: trees do not give it away.
    pub(in crate::bindings) fn dynamic(&self) -> Option<Dynamic> {
        Some(match self {
            Value::Text(text) => text.as_ref().into(),
            Value::Unit => Dynamic::UNIT,
            Value::Bool(truth) => (*truth).into(),
            Value::Int(number) => (*number).into(),
            Value::Float(number) => (*number).into(),
            Value::Char(letter) => (*letter).into(),
            Value::Duration(span) => Dynamic::from(*span),
            Value::Addr(_) | Value::Verdict(_) => return None,
        })
    }

    /// Whether `self operator other` holds.
    pub(in crate::bindings) fn compared(&self, operator: Operator, other: &Self) -> Option<bool> {
        let order = match (self, other) {
            (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
            (Value::Float(a), Value::Float(b)) => compare::close(*a, *b),
            (Value::Float(a), Value::Int(b)) => compare::close(*a, *b as f64),
            (Value::Int(a), Value::Float(b)) => compare::close(*a as f64, *b),
            (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
            (Value::Char(a), Value::Char(b)) => Some(a.cmp(b)),
            (Value::Char(a), Value::Text(b)) => Some(a.encode_utf8(&mut [0; 4]).as_bytes().cmp(b.as_bytes())),
            (Value::Text(a), Value::Char(b)) => Some(a.as_bytes().cmp(b.encode_utf8(&mut [0; 4]).as_bytes())),
            (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
            (Value::Duration(a), Value::Duration(b)) => a.partial_cmp(b),
            (Value::Unit, _) | (_, Value::Unit) if operator.is_of_equality() => {
                let both = matches!((self, other), (Value::Unit, Value::Unit));
                return Some(both == (operator == Operator::Equal));
            }
            _ => return None,
        };
        Some(operator.holds(order))
    }

    /// The value as interpolation writes it.
    pub(in crate::bindings) fn write(&self, text: &mut String) -> Option<()> {
        match self {
            Value::Text(part) => text.push_str(part),
            Value::Char(letter) => text.push(*letter),
            Value::Int(number) => text.push_str(&number.to_string()),
            Value::Bool(truth) => text.push_str(if *truth { "true" } else { "false" }),
            Value::Duration(duration) => text.push_str(&duration.to_string()),
            Value::Addr(addr) => text.push_str(&addr.to_string()),
            _ => return None,
        }
        (text.len() <= LONGEST).then_some(())
    }
}
