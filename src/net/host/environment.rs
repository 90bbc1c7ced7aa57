//! What the core needs of the process around it: a place for its notes and rows, and what is to be done before a wait.
//! Whoever runs the core sets it once; without one nothing is shown.

use std::sync::{Arc, OnceLock};

use super::id::HostId;

/// What the core needs of the process around it.
pub trait Environment: Send + Sync {
    /// Shows a message to the user.
    fn note(&self, _text: &str) {}

    /// Shows a line that a program of the host called `name` has printed, as an error if it went to its standard error.
    fn program_line(&self, _host: HostId, _name: &str, _text: &str, _is_error: bool) {}

    /// Takes a line of the trace, with its end, from `time` in nanoseconds since 1970.
    fn traced(&self, _time: i64, _line: &str) {}

    /// Keeps standard output for rows from now on.
    fn give_output_to_rows(&self) {}

    /// Puts a row, with its line end, on standard output.
    fn row(&self, _row: &[u8]) {}

    /// Has `held` written out whenever printed lines are, for as long as somebody else has it.
    fn hold(&self, _held: Arc<dyn Buffered>) {}

    /// Marks that something held has content to write out.
    fn has_held(&self) {}

    /// Whether there may be something to write out.
    fn is_pending(&self) -> bool {
        false
    }

    /// Writes out what was printed, and what is held back: a wait begins.
    fn flush(&self) {}

    /// Whether so much memory is in use that a script will soon be stopped.
    fn memory_is_scarce(&self) -> bool {
        false
    }

    /// A thread begins that may run script code, with so many bytes of stack.
    fn thread_begins(&self, _stack: usize) {}
}

/// Something that holds lines back and is written out whenever printed lines are.
pub trait Buffered: Send + Sync {
    /// Writes out what it holds.
    fn flush(&self);

    /// Writes out what it holds unless another thread is at it.
    fn try_flush(&self);
}

struct NoEnvironment;

impl Environment for NoEnvironment {}

static ENVIRONMENT: OnceLock<Box<dyn Environment>> = OnceLock::new();

/// Sets the environment. Only the first call counts.
pub fn set(environment: impl Environment + 'static) {
    let _ = ENVIRONMENT.set(Box::new(environment));
}

/// The environment that was set.
pub fn environment() -> &'static dyn Environment {
    ENVIRONMENT.get().map_or(&NoEnvironment, |set| &**set)
}
