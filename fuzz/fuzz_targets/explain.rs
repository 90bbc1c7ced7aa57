//! Any bytes explained in words.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pingscript::net::wire::Family;
use pingscript::net::wire::icmp::explain;

fuzz_target!(|bytes: &[u8]| {
    for family in [None, Some(Family::V4), Some(Family::V6)] {
        assert!(!explain(bytes, family).is_empty());
    }
});
