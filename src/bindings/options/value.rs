//! The value of an option: read from what was typed, and shown as it would be typed.

use rhai::Dynamic;

use crate::net::time::Duration;

/// The value of an option.
#[derive(Clone, Debug, PartialEq)]
pub enum OptionValue {
    /// Text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Yes or no.
    Bool(bool),
    /// A length of time.
    Duration(Duration),
    /// Several texts.
    List(Vec<String>),
}

impl OptionValue {
    pub(in crate::bindings) fn of(value: &Dynamic) -> Option<Self> {
        if let Ok(n) = value.as_int() {
            return Some(Self::Int(n));
        }
        if let Ok(x) = value.as_float() {
            return Some(Self::Float(x));
        }
        if let Ok(b) = value.as_bool() {
            return Some(Self::Bool(b));
        }
        if let Some(duration) = value.clone().try_cast::<Duration>() {
            return Some(Self::Duration(duration));
        }
        value.clone().into_string().ok().map(Self::Text)
    }

    pub(in crate::bindings) fn into_dynamic(self) -> Dynamic {
        match self {
            Self::Text(text) => text.into(),
            Self::Int(n) => n.into(),
            Self::Float(x) => x.into(),
            Self::Bool(b) => b.into(),
            Self::Duration(duration) => Dynamic::from(duration),
            Self::List(list) => list.into_iter().map(Dynamic::from).collect::<Vec<_>>().into(),
        }
    }

    /// Reads `text` as a value of the same type.
    pub(in crate::bindings) fn read(&self, text: &str) -> Result<Self, String> {
        match self {
            Self::Text(_) | Self::List(_) => Ok(Self::Text(text.to_string())),
            Self::Int(_) => text.parse().map(Self::Int).map_err(|_| "it is not a whole number".to_string()),
            Self::Float(_) => match text.parse::<f64>() {
                Ok(x) if x.is_finite() => Ok(Self::Float(x)),
                _ => match text.strip_suffix('%').and_then(|share| share.trim().parse::<f64>().ok()) {
                    Some(share) => Err(format!("a share is written without %: {}", share / 100.0)),
                    None => Err("it is not a number".to_string()),
                },
            },
            Self::Bool(_) => text.parse().map(Self::Bool).map_err(|_| "it is neither true nor false".to_string()),
            Self::Duration(_) => match Duration::parse(text) {
                Some(duration) if duration.is_negative() => Err("a duration cannot be negative".to_string()),
                Some(duration) => Ok(Self::Duration(duration)),
                None if Duration::is_too_long(text) => Err("it is too long: 2562047h is the longest".to_string()),
                None => Err("it is not a duration: write a number and a unit, such as 1s, 250ms or 50us".to_string()),
            },
        }
    }

    /// As it would be typed.
    pub(in crate::bindings) fn typed(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Int(n) => n.to_string(),
            Self::Float(x) => x.to_string(),
            Self::Bool(b) => b.to_string(),
            Self::Duration(duration) => duration.short(),
            Self::List(list) => list.join(" "),
        }
    }

    pub(super) fn is_below(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a < b,
            (Self::Float(a), Self::Float(b)) => a < b,
            (Self::Float(a), Self::Int(b)) => *a < *b as f64,
            (Self::Int(a), Self::Float(b)) => (*a as f64) < *b,
            (Self::Duration(a), Self::Duration(b)) => a < b,
            _ => false,
        }
    }
}

/// Whether a word is written as an option is: `-x` and `--name`; no number, as `-5` and `-5ms`, and not `-`.
pub fn is_option(word: &str) -> bool {
    let begins_value = |rest: &str| rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    word.strip_prefix('-').is_some_and(|rest| !begins_value(rest))
}

#[cfg(test)]
mod tests {
    use super::is_option;

    #[test]
    fn numbers_are_no_options() {
        assert!(["-x", "--name", "--"].iter().all(|word| is_option(word)));
        assert!(["-", "-5", "-5ms", "-.5", "x", ""].iter().all(|word| !is_option(word)));
    }
}
