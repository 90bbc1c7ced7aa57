//! Panics: each is a bug of this program. One that a single frame or message sets off ends the work on that one alone.

use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How often a panic was met that nothing has turned into an error.
static MET: AtomicU64 = AtomicU64::new(0);

/// Where; each place is reported once.
static PLACES: Mutex<Vec<(String, u32)>> = Mutex::new(Vec::new());

/// Counts a panic; whether it is the first one at its place.
pub fn met(place: Option<&Location<'_>>) -> bool {
    MET.fetch_add(1, Ordering::Relaxed);
    let place = place.map_or((String::new(), 0), |at| (at.file().to_string(), at.line()));
    let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
    let is_new = !places.contains(&place);
    if is_new {
        places.push(place);
    }
    is_new
}

/// How often a panic was met, and at how many places.
pub fn count() -> (u64, usize) {
    (MET.load(Ordering::Relaxed), PLACES.lock().unwrap_or_else(PoisonError::into_inner).len())
}

/// Does `step`, and goes on after a panic in it; whether there was none.
pub fn contained(step: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(step)).is_ok()
}
