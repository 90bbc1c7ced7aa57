//! Any text taken for a dump of bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pingscript::net::wire::paste;

fuzz_target!(|text: &str| {
    if let Ok(bytes) = paste::bytes(text) {
        assert!(!bytes.is_empty() && bytes.len() <= text.len());
    }
});
