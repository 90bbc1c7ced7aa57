//! Texts in a tree: their methods, and interpolation.

use std::borrow::Cow;

use super::tree::{State, TreeNode};
use super::value::Value;

/// A method of a text.
#[derive(Clone, Copy, Debug)]
pub(in crate::bindings) enum Method {
    Upper,
    Lower,
    Len,
    Contains,
    StartsWith,
    EndsWith,
    ToString,
}

impl<'a> State<'a, '_> {
    pub(super) fn joined(&mut self, parts: &'a [TreeNode]) -> Option<Value<'a>> {
        let mut text = String::new();
        for part in parts {
            self.run(part)?.write(&mut text)?;
        }
        Some(Value::Text(text.into()))
    }

    pub(super) fn method(&mut self, method: Method, of: &'a TreeNode, with: Option<&'a TreeNode>) -> Option<Value<'a>> {
        if let Method::ToString = method {
            let mut text = String::new();
            self.run(of)?.write(&mut text)?;
            return Some(Value::Text(text.into()));
        }
        let (Value::Text(text), with) = (self.run(of)?, with.map(|with| self.run(with))) else { return None };
        let part = match with {
            None => Cow::Borrowed(""),
            Some(Some(Value::Text(part))) => part,
            Some(Some(Value::Char(letter))) => letter.to_string().into(),
            _ => return None,
        };
        Some(match method {
            Method::Upper => Value::Text(in_case(text, str::make_ascii_uppercase, str::to_uppercase)),
            Method::Lower => Value::Text(in_case(text, str::make_ascii_lowercase, str::to_lowercase)),
            Method::Len => Value::Int(text.chars().count() as i64),
            Method::Contains => Value::Bool(text.contains(&*part)),
            Method::StartsWith => Value::Bool(text.starts_with(&*part)),
            Method::EndsWith => Value::Bool(text.ends_with(&*part)),
            Method::ToString => return None,
        })
    }
}

fn in_case<'a>(text: Cow<'a, str>, in_place: fn(&mut str), copied: fn(&str) -> String) -> Cow<'a, str> {
    if !text.is_ascii() {
        return copied(&text).into();
    }
    let mut text = text.into_owned();
    in_place(&mut text);
    text.into()
}
