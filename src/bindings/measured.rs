//! What the expectations of a run were given, for the summary of many runs (`--seeds`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rhai::Dynamic;
use serde::{Deserialize, Serialize};

use super::bound::{Quantity, shown_value};
use crate::net::observe::check::CheckRow;

/// How many are kept of a run; one in a loop may come for ever.
const MOST: usize = 10_000;

/// How many ladders are kept of a run.
const LADDERS: usize = 50;

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
pub struct Expectations(OnceLock<Mutex<State>>, AtomicBool);

/// What is kept.
#[derive(Debug, Default)]
struct State {
    measured: Vec<Measured>,
    checks: Vec<CheckRow>,
    /// How many of these have a ladder.
    ladders: usize,
}

/// Whether a check has this ladder: one that failed for the same packets needs no other.
fn has(row: &CheckRow, drawn: &str) -> bool {
    row.ladder.as_deref() == Some(drawn)
}

impl Expectations {
    /// Has them kept from now on, with `ladders` for checks that failed.
    pub fn keep(&self, ladders: bool) {
        self.1.store(ladders, Ordering::Relaxed);
        self.0.get_or_init(Mutex::default);
    }

    /// Whether ladders are kept.
    pub(super) fn have_ladders(&self) -> bool {
        self.1.load(Ordering::Relaxed)
    }

    /// Whether they are.
    pub(super) fn are_kept(&self) -> bool {
        self.0.get().is_some()
    }

    /// Those that were met, and all of them as rows.
    pub fn take(&self) -> (Vec<Measured>, Vec<CheckRow>) {
        let kept = self.0.get().map(|kept| std::mem::take(&mut *lock(kept))).unwrap_or_default();
        (kept.measured, kept.checks)
    }

    /// An expectation was met.
    pub(super) fn met(&self, measured: Measured) {
        if let Some(mut kept) = self.0.get().map(lock).filter(|kept| kept.measured.len() < MOST) {
            kept.measured.push(measured);
        }
    }

    /// A check, or an expectation, has its row; `ladder` draws one.
    pub(super) fn checked(&self, mut row: CheckRow, ladder: impl FnOnce() -> Option<String>) {
        if let Some(mut kept) = self.0.get().map(lock).filter(|kept| kept.checks.len() < MOST) {
            if row.passed == Some(false) && self.have_ladders() && kept.ladders < LADDERS {
                row.ladder = ladder().filter(|drawn| kept.checks.iter().all(|row| !has(row, drawn)));
                kept.ladders += usize::from(row.ladder.is_some());
            }
            kept.checks.push(row);
        }
    }
}

/// What the summary of many runs needs of an expectation at this place and column.
pub(super) fn measured((place, column): (&str, usize), message: &str, actual: &Dynamic, passed: bool) -> Measured {
    let (number, time_ns) = match Quantity::of(actual) {
        Some(Quantity::Number(number)) if number.is_finite() => (Some(number), None),
        Some(Quantity::Time(time)) => (None, Some(time.as_nanos())),
        _ => (None, None),
    };
    let text = (number.is_none() && time_ns.is_none()).then(|| shown_value(actual));
    Measured { place: place.to_string(), column, message: message.to_string(), number, time_ns, text, passed }
}

fn lock(kept: &Mutex<State>) -> MutexGuard<'_, State> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
