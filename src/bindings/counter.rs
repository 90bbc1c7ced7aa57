//! Counters: whole numbers that threads share.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rhai::plugin::*;

/// A whole number that threads share.
#[derive(Clone, Debug, Default)]
pub struct SharedCounter(Arc<AtomicI64>);

/// Counters.
#[export_module]
#[allow(clippy::unwrap_used)] // the code that the macro writes
pub mod api {
    /// A whole number that threads share.
    pub type Counter = super::SharedCounter;

    /// A counter at 0 that threads can share.
    ///
    /// ```rhai
    /// let hits = counter();
    /// hits.add(1);
    /// expect(hits.value, 1);
    /// ```
    pub fn counter() -> Counter {
        Counter::default()
    }

    /// Adds `n` to the counter; the new value.
    ///
    /// ```rhai
    /// let hits = counter();
    /// expect(hits.add(2), 2);
    /// ```
    #[rhai_fn(pure)]
    pub fn add(counter: &mut Counter, n: i64) -> i64 {
        counter.0.fetch_add(n, Ordering::Relaxed).wrapping_add(n)
    }

    /// The counter's value.
    ///
    /// ```rhai
    /// expect(counter().value, 0);
    /// ```
    #[rhai_fn(get = "value", pure)]
    pub fn value(counter: &mut Counter) -> i64 {
        counter.0.load(Ordering::Relaxed)
    }

    /// The counter's value as text.
    ///
    /// ```rhai
    /// expect(`${counter()}`, "0");
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn counter_text(counter: &mut Counter) -> String {
        value(counter).to_string()
    }
}
