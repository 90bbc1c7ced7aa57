//! Counters: whole numbers that threads share.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A whole number that threads share.
#[derive(Clone, Debug, Default)]
pub struct SharedCounter(Arc<AtomicI64>);

functions! {
    pub fn api;
    object SharedCounter as Counter, "A whole number that threads share.";

    /// A counter at 0 that threads can share.
    ///
    /// ```rhai
    /// let hits = counter();
    /// hits.add(1);
    /// expect(hits.value, 1);
    /// ```
    fn counter() -> SharedCounter = SharedCounter::default();

    /// Adds `n` to the counter; the new value.
    ///
    /// ```rhai
    /// let hits = counter();
    /// expect(hits.add(2), 2);
    /// ```
    fn add(counter: &mut SharedCounter, n: i64) -> i64 = counter.0.fetch_add(n, Ordering::Relaxed).wrapping_add(n);

    /// The counter's value.
    ///
    /// ```rhai
    /// expect(counter().value, 0);
    /// ```
    get value as value(counter: &mut SharedCounter) -> i64 = counter.0.load(Ordering::Relaxed);

    /// The counter's value as text.
    ///
    /// ```rhai
    /// expect(`${counter()}`, "0");
    /// ```
    fn to_string | to_debug(counter: &mut SharedCounter) -> String = value(counter).to_string();
}
