//! Labs with many hosts. Times are shown, not asserted: see `cargo bench --bench lab`.
