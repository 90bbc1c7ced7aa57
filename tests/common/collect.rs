//! What a running program has printed so far, collected by a thread and waited for by the test.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The growing text of one stream. Copies share it.
#[derive(Clone, Debug)]
pub(crate) struct Collected(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    grown: Condvar,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    ended: bool,
}

impl Collected {
    /// Read `stream` to its end in a thread of its own. A read error is an end too: a terminal
    /// whose last program went answers EIO.
    pub(crate) fn from(mut stream: impl Read + Send + 'static) -> Self {
        let this = Self(Arc::default());
        let shared = Arc::clone(&this.0);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let n = match stream.read(&mut buffer) {
                    Ok(n) => n,
                    Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                    Err(_) => 0,
                };
                let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.bytes.extend_from_slice(&buffer[..n]);
                state.ended = n == 0;
                shared.grown.notify_all();
                if n == 0 {
                    return;
                }
            }
        });
        this
    }

    /// A stream that ended without a byte.
    pub(crate) fn nothing() -> Self {
        Self::from(std::io::empty())
    }

    /// What came so far, as text, with the line ends of a terminal made plain ones.
    pub(crate) fn text(&self) -> String {
        let state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        plain(&state.bytes)
    }

    /// Wait until `enough` says yes to the text, at most `patience`; the text, or in `Err` the
    /// text that was not enough.
    pub(crate) fn wait(&self, patience: Duration, mut enough: impl FnMut(&str) -> bool) -> Result<String, String> {
        let deadline = Instant::now() + patience;
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let text = plain(&state.bytes);
            if enough(&text) {
                return Ok(text);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if state.ended || left.is_zero() {
                return Err(text);
            }
            state = self.0.grown.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Wait for the stream's end, at most `patience`; whether it ended.
    pub(crate) fn wait_end(&self, patience: Duration) -> bool {
        let state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (state, _) = self
            .0
            .grown
            .wait_timeout_while(state, patience, |state| !state.ended)
            .unwrap_or_else(PoisonError::into_inner);
        state.ended
    }
}

/// Bytes as text with plain line ends; what is no UTF-8 shows as a replacement character.
fn plain(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", "\n")
}
