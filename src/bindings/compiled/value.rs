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
    Verdict(Verdict),
}

/// An operator on two values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::bindings) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Arithmetic {
    pub(in crate::bindings) fn of(text: &str) -> Option<Self> {
        Some(match text {
            "+" => Self::Add,
            "-" => Self::Subtract,
            "*" => Self::Multiply,
            "/" => Self::Divide,
            "%" => Self::Remainder,
            _ => return None,
        })
    }

    pub(in crate::bindings) fn apply<'a>(self, a: Value<'a>, b: Value<'a>) -> Option<Value<'a>> {
        Some(match (a, b) {
            (Value::Int(a), Value::Int(b)) => Value::Int(match self {
                Self::Add => a.checked_add(b)?,
                Self::Subtract => a.checked_sub(b)?,
                Self::Multiply => a.checked_mul(b)?,
                Self::Divide => a.checked_div(b)?,
                Self::Remainder => a.checked_rem(b)?,
            }),
            (Value::Float(a), Value::Float(b)) => self.floats(a, b),
            (Value::Float(a), Value::Int(b)) => self.floats(a, b as f64),
            (Value::Int(a), Value::Float(b)) => self.floats(a as f64, b),
            (Value::Duration(a), b) => self.of_duration(a, b)?,
            (Value::Int(a), Value::Duration(b)) if self == Self::Multiply => Value::Duration(b * a),
            (Value::Float(a), Value::Duration(b)) if self == Self::Multiply => Value::Duration(b * a),
            (Value::Text(a), Value::Text(b)) if self == Self::Add && a.len() + b.len() <= LONGEST => {
                Value::Text((a.into_owned() + &*b).into())
            }
            _ => return None,
        })
    }

    fn floats(self, a: f64, b: f64) -> Value<'static> {
        Value::Float(match self {
            Self::Add => a + b,
            Self::Subtract => a - b,
            Self::Multiply => a * b,
            Self::Divide => a / b,
            Self::Remainder => a % b,
        })
    }

    fn of_duration(self, a: Duration, b: Value<'_>) -> Option<Value<'static>> {
        Some(Value::Duration(match (self, b) {
            (Self::Add, Value::Duration(b)) => a + b,
            (Self::Subtract, Value::Duration(b)) => a - b,
            (Self::Divide, Value::Duration(b)) => {
                return Some(Value::Float(a.as_nanos() as f64 / b.as_nanos() as f64));
            }
            (Self::Multiply, Value::Int(b)) => a * b,
            (Self::Multiply, Value::Float(b)) => a * b,
            _ => return None,
        }))
    }
}

impl Value<'_> {
    /// The same, without a copy of a text.
    pub(in crate::bindings) fn borrowed(&self) -> Value<'_> {
        match self {
            Value::Text(text) => Value::Text(Cow::Borrowed(text)),
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
            _ => return None,
        }
        (text.len() <= LONGEST).then_some(())
    }

    /// The unit of time `name` of a number, such as `20.ms`, or that many of a duration.
    pub(in crate::bindings) fn unit(&self, name: Unit) -> Option<Value<'static>> {
        Some(match self {
            Value::Int(number) => Value::Duration(name.whole(*number)),
            Value::Float(number) => Value::Duration(name.part(*number)?),
            _ => return None,
        })
    }
}

/// A unit of time.
#[derive(Clone, Copy, Debug)]
pub(in crate::bindings) enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

impl Unit {
    pub(in crate::bindings) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "s" => Self::Seconds,
            "ms" => Self::Milliseconds,
            "us" => Self::Microseconds,
            "ns" => Self::Nanoseconds,
            _ => return None,
        })
    }

    fn whole(self, number: i64) -> Duration {
        match self {
            Self::Seconds => Duration::from_secs(number),
            Self::Milliseconds => Duration::from_millis(number),
            Self::Microseconds => Duration::from_micros(number),
            Self::Nanoseconds => Duration::from_nanos(number),
        }
    }

    fn part(self, number: f64) -> Option<Duration> {
        match self {
            Self::Seconds => Some(Duration::from_secs_f64(number)),
            Self::Milliseconds => Some(Duration::from_millis(1) * number),
            Self::Microseconds => Some(Duration::from_micros(1) * number),
            Self::Nanoseconds => None,
        }
    }
}
