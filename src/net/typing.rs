//! Lines for a terminal on which somebody types meanwhile: they are kept for whoever owns the line that is typed, who shows
//! them above it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes kept at most; of more the oldest lines are left out, and counted.
const LIMIT: usize = 1 << 20;

static STATE: Mutex<State> = Mutex::new(State { typing: false, bytes: Vec::new(), left_out: 0 });
static ARRIVED: Condvar = Condvar::new();

#[derive(Debug)]
struct State {
    typing: bool,
    bytes: Vec<u8>,
    left_out: usize,
}

impl State {
    fn take(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.bytes);
        let left_out = std::mem::take(&mut self.left_out);
        if left_out > 0 {
            bytes.splice(0..0, format!("… {left_out} lines left out …\n").into_bytes());
        }
        bytes
    }
}

/// A line is being typed from now on.
pub fn begin() {
    state().typing = true;
}

/// No line is being typed any more; what has not been shown.
pub(super) fn end() -> Vec<u8> {
    let mut state = state();
    state.typing = false;
    state.take()
}

/// Keeps `lines` if a line is being typed; whether it is.
pub(super) fn takes(lines: &[u8]) -> bool {
    let mut state = state();
    if !state.typing {
        return false;
    }
    state.bytes.extend_from_slice(lines);
    if state.bytes.len() > LIMIT {
        let from = state.bytes.len() - LIMIT / 2;
        let end = state.bytes[from..].iter().position(|byte| *byte == b'\n').map_or(from, |end| from + end + 1);
        state.left_out += state.bytes.drain(..end).filter(|byte| *byte == b'\n').count();
    }
    ARRIVED.notify_one();
    true
}

/// Waits for lines that come while a line is being typed.
pub fn wait() -> Vec<u8> {
    let mut state = state();
    while !state.typing || state.bytes.is_empty() {
        state = ARRIVED.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    state.take()
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_while_somebody_types_and_bounded() {
        assert!(!takes(b"shown at once\n"));
        begin();
        assert!(takes(b"first\n"));
        assert_eq!(wait(), b"first\n");
        let line = [b'x'; 99].into_iter().chain([b'\n']).collect::<Vec<u8>>();
        for _ in 0..15_000 {
            assert!(takes(&line));
        }
        let rest = String::from_utf8(end()).expect("text");
        assert!(rest.len() <= LIMIT + 100 && rest.starts_with("… "), "{}", &rest[..40]);
        let left_out: usize = rest.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a count");
        assert_eq!(left_out + rest.lines().count() - 1, 15_000);
        assert!(!takes(b"shown at once\n"));
    }
}
