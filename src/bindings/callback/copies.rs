//! What a closure captured is copied; and what shows that it has changed its copies.

use std::sync::atomic::Ordering;

use rhai::{Dynamic, FnPtr};

use crate::bindings::{context, print};

/// Says, once in a run, that a closure has changed variables that are its own: the author may have meant to share them.
pub fn note_of_copies(note: &str) {
    let was_said = context::peek(|context| context.run.noted_copies.swap(true, Ordering::Relaxed));
    if was_said == Some(false) {
        print::note(note);
    }
}

/// What distinguishes a plain value from what it was before: a number or a text itself, of a collection its length.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// A number, as its bits.
    Number(u64),
    /// A text.
    Text(rhai::ImmutableString),
    /// So many items.
    Items(usize),
    /// Anything else: handles are meant to be shared.
    Other,
}

impl Look {
    pub(super) fn at(value: &Dynamic) -> Self {
        if let Ok(number) = value.as_int() {
            return Self::Number(number as u64);
        }
        if let Ok(number) = value.as_float() {
            return Self::Number(number.to_bits());
        }
        if let Ok(truth) = value.as_bool() {
            return Self::Number(u64::from(truth));
        }
        if let Some(text) = value.read_lock::<rhai::ImmutableString>() {
            return Self::Text(text.clone());
        }
        if let Ok(array) = value.as_array_ref() {
            return Self::Items(array.len());
        }
        if let Ok(map) = value.as_map_ref() {
            return Self::Items(map.len());
        }
        Self::Other
    }
}

/// How deep values within values are copied; deeper ones no script makes by hand.
const DEPTH: usize = 64;

/// A copy of `value` that shares no variable with it: not in what arrays and maps hold, nor in what closures captured.
/// Handles, such as sockets and counters, stay the same ones.
pub fn own(value: Dynamic, depth: usize) -> Dynamic {
    let value = value.flatten();
    if depth >= DEPTH {
        return value;
    }
    if value.is_array() {
        return value.cast::<rhai::Array>().into_iter().map(|item| own(item, depth + 1)).collect::<Vec<_>>().into();
    }
    if value.is_map() {
        let map = value.cast::<rhai::Map>();
        return map.into_iter().map(|(key, item)| (key, own(item, depth + 1))).collect::<rhai::Map>().into();
    }
    if value.is_fnptr() {
        let mut closure = value.cast::<FnPtr>();
        for captured in closure.iter_curry_mut() {
            *captured = own(std::mem::take(captured), depth + 1).into_shared();
        }
        return closure.into();
    }
    value
}
