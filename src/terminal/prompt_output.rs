//! Lines for a terminal on which somebody types meanwhile: they are kept for the thread that reads what is typed, who is asked to let
//! go of the line for a moment and shows them above it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::net::sys::Thread;

/// Bytes kept at most; of more the oldest lines are left out, and counted.
const LIMIT: usize = 1 << 20;

/// How long lines wait for others, to be shown together; and how long it takes until the reader is asked once more.
const PAUSE: Duration = Duration::from_millis(30);

/// How often it is asked at most: what it was asked and has not taken note of is kept where there is little room.
const MOST: u32 = 64;

static STATE: Mutex<State> = Mutex::new(State { reader: None, busy: false, asked: 0, bytes: Vec::new(), left_out: 0 });
static CHANGED: Condvar = Condvar::new();

struct State {
    /// The thread that reads what is typed, while it does.
    reader: Option<Thread>,
    /// Whether it is not to be disturbed.
    busy: bool,
    /// How often it was asked to let go of the line.
    asked: u32,
    bytes: Vec<u8>,
    left_out: usize,
}

/// How typing ended.
#[derive(Debug)]
pub struct TypingEnd {
    /// How often it was asked to end, so that lines can be shown.
    pub asked: u32,
    /// The lines.
    pub lines: Vec<u8>,
}

/// This thread reads what is typed from now on. It is asked to stop with SIGINT, which has to end its wait.
pub fn begin() {
    let mut state = state();
    (state.reader, state.busy, state.asked) = (Some(Thread::current()), false, 0);
    CHANGED.notify_one();
}

/// Whether the reader is not to be disturbed.
pub fn set_busy(busy: bool) {
    let mut state = state();
    state.busy = busy;
    CHANGED.notify_one();
}

/// Asks the reader to let go of its line once, so that it is shown anew.
pub fn show_anew() {
    let mut now = state();
    if let Some(reader) = now.reader.filter(|_| !now.busy) {
        // Under the lock: see below.
        reader.interrupt();
        now.asked += 1;
    }
}

/// The line was read, or let go.
pub fn end() -> TypingEnd {
    let mut state = state();
    state.reader = None;
    let mut lines = std::mem::take(&mut state.bytes);
    let left_out = std::mem::take(&mut state.left_out);
    if left_out > 0 {
        lines.splice(0..0, format!("… {left_out} lines left out …\n").into_bytes());
    }
    TypingEnd { asked: state.asked, lines }
}

/// Keeps `lines` if a line is being typed; whether it is.
pub(super) fn takes(lines: &[u8]) -> bool {
    let mut state = state();
    if state.reader.is_none() {
        return false;
    }
    state.bytes.extend_from_slice(lines);
    if state.bytes.len() > LIMIT {
        let from = state.bytes.len() - LIMIT / 2;
        let end = state.bytes[from..].iter().position(|byte| *byte == b'\n').map_or(from, |end| from + end + 1);
        state.left_out += state.bytes.drain(..end).filter(|byte| *byte == b'\n').count();
    }
    CHANGED.notify_one();
    true
}

/// Asks the reader to let go of its line whenever there are lines to show, for ever.
pub fn ask_for_lines() {
    loop {
        let wanted = |state: &State| state.reader.is_some() && !state.busy && !state.bytes.is_empty();
        let mut now = state();
        while !wanted(&now) {
            now = CHANGED.wait(now).unwrap_or_else(PoisonError::into_inner);
        }
        drop(now);
        std::thread::sleep(PAUSE);
        let mut now = state();
        if wanted(&now)
            && now.asked < MOST
            && let Some(reader) = now.reader
        {
            // Under the lock: without it the line could be read already, and the signal stop what runs then.
            reader.interrupt();
            now.asked += 1;
        }
    }
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
        assert_eq!(end().lines, b"first\n");
        begin();
        let line = [b'x'; 99].into_iter().chain([b'\n']).collect::<Vec<u8>>();
        for _ in 0..15_000 {
            assert!(takes(&line));
        }
        let rest = String::from_utf8(end().lines).expect("text");
        assert!(rest.len() <= LIMIT + 100 && rest.starts_with("… "), "{}", &rest[..40]);
        let left_out: usize = rest.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a count");
        assert_eq!(left_out + rest.lines().count() - 1, 15_000);
        assert!(!takes(b"shown at once\n"));
    }
}
