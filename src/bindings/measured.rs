//! What the expectations of a run were given, for the summary of many runs (`--seeds`).

use std::sync::{Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};

/// How many are kept of a run; one in a loop may come for ever.
const MOST: usize = 10_000;

/// An expectation that a run met: where it stands, and what it was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The script and the line.
    pub place: String,
    /// The column, by which several on one line differ.
    pub column: usize,
    /// What the script says that the value is.
    pub message: String,
    /// The value, if it is a number.
    pub number: Option<f64>,
    /// The value in nanoseconds, if it is a duration.
    pub time_ns: Option<i64>,
    /// Any other value in words.
    pub text: Option<String>,
    /// Whether it was as expected.
    pub passed: bool,
}

/// The expectations of a run, where they are wanted.
#[derive(Debug, Default)]
pub struct Expectations(OnceLock<Mutex<Vec<Measured>>>);

impl Expectations {
    /// Has them kept from now on.
    pub fn keep(&self) {
        self.0.get_or_init(Mutex::default);
    }

    /// Whether they are.
    pub(super) fn are_kept(&self) -> bool {
        self.0.get().is_some()
    }

    /// Those that were met.
    pub fn take(&self) -> Vec<Measured> {
        self.0.get().map_or_else(Vec::new, |kept| std::mem::take(&mut *lock(kept)))
    }

    /// An expectation was met.
    pub(super) fn met(&self, measured: Measured) {
        let kept = self.0.get().map(lock).filter(|kept| kept.len() < MOST);
        if let Some(mut kept) = kept {
            kept.push(measured);
        }
    }
}

fn lock(kept: &Mutex<Vec<Measured>>) -> std::sync::MutexGuard<'_, Vec<Measured>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
