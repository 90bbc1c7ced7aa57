//! An extension structure (RFC 4884) of any bytes, by itself and behind a quote.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pingscript::net::wire::icmp::{Extensions, Kind, split_quote};

fuzz_target!(|bytes: &[u8]| {
    if let Some(found) = Extensions::parse(bytes) {
        for object in found.objects() {
            let _ = object.content();
        }
    }
    for announced in [None, Some(8), Some(128)] {
        let (quote, extensions) = split_quote(Kind::v4(11, 0), bytes, announced, 28);
        assert_eq!(quote.len() + extensions.len(), bytes.len());
    }
});
