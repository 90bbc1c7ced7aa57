//! Panics: each is a bug of this program. One that a single frame or message sets off ends the work on that one alone.

use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::{MutexGuard, PoisonError};

use super::environment::process;

/// Counts a panic; whether it is the first one at its place.
pub fn met(place: Option<&Location<'_>>) -> bool {
    let (file, line) = place.map_or(("", 0), |at| (at.file(), at.line()));
    let mut panics = panics();
    if let Some((.., count)) = panics.iter_mut().find(|known| (known.0.as_str(), known.1) == (file, line)) {
        *count += 1;
        return false;
    }
    panics.push((file.to_string(), line, 1));
    true
}

/// How often a panic was met, and at how many places.
pub fn count() -> (u64, usize) {
    let panics = panics();
    (panics.iter().map(|(.., count)| count).sum(), panics.len())
}

fn panics() -> MutexGuard<'static, Vec<(String, u32, u64)>> {
    process().panics.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does `step`, and goes on after a panic in it; whether there was none.
pub fn contained(step: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(step)).is_ok()
}
