//! Groups of checks, and what became of these.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::check::{CheckRow, rounded};

/// Checks that belong together; those outside of groups are in one without a name.
#[derive(Debug, Default)]
pub struct CheckGroup {
    name: Option<String>,
    /// The one that it is in.
    above: Option<Arc<CheckGroup>>,
    /// Whether who is judged is to know nothing of its checks.
    hidden: bool,
    /// Why the rest of it is not judged.
    void: OnceLock<String>,
    counts: Mutex<CheckCounts>,
}

/// What became of checks.
#[derive(Debug, Default)]
struct CheckCounts {
    passed: u64,
    failed: u64,
    void: u64,
    points: f64,
    max_points: f64,
}

impl CheckGroup {
    /// One within `above`; `hidden`: who is judged is to know nothing of its checks.
    pub fn named(name: &str, above: Arc<Self>, hidden: bool) -> Self {
        let name = above.name().map_or(name.to_string(), |outer| format!("{outer}: {name}"));
        let hidden = hidden || above.hidden;
        Self { name: Some(name), above: Some(above), hidden, ..Self::default() }
    }

    /// Whether who is judged is to know nothing of its checks.
    pub fn is_hidden(&self) -> bool {
        self.hidden
    }

    /// What it is called.
    pub fn name(&self) -> Option<String> {
        self.name.clone()
    }

    /// Why its checks are not judged any more.
    pub fn void(&self) -> Option<String> {
        self.with_above().find_map(|group| group.void.get().cloned())
    }

    /// Has the rest of it not be judged.
    pub fn make_void(&self, why: String) {
        let _ = self.void.set(why);
    }

    /// Counts a check, in all groups around it, too.
    pub fn count(&self, row: &CheckRow) {
        for group in self.with_above() {
            let mut counts = group.counts();
            match row.passed {
                None => counts.void += 1,
                Some(true) => counts.passed += 1,
                Some(false) => counts.failed += 1,
            }
            counts.points += row.points.unwrap_or_default();
            counts.max_points += row.max_points.unwrap_or_default();
        }
    }

    /// What became of its checks, in a line; `None`: there were none.
    pub fn summary(&self) -> Option<String> {
        let CheckCounts { passed, failed, void, points, max_points } = *self.counts();
        if passed + failed + void == 0 {
            return None;
        }
        let mut text = format!("checks: {passed} passed, {failed} failed");
        if void > 0 {
            text.push_str(&format!(", {void} not judged"));
        }
        if max_points > 0.0 {
            text.push_str(&format!("; {} of {} points", rounded(points), rounded(max_points)));
        }
        Some(text)
    }

    /// Whether all of its checks passed.
    pub fn has_passed(&self) -> bool {
        let counts = self.counts();
        counts.failed + counts.void == 0
    }

    fn with_above(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |group| group.above.as_deref())
    }

    fn counts(&self) -> MutexGuard<'_, CheckCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
