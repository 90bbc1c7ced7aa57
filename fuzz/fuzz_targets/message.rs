//! An ICMP message of either version: what is read and written again is the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pingscript::net::wire::Family;
use pingscript::net::wire::icmp::Message;

fuzz_target!(|bytes: &[u8]| {
    for family in [Family::V4, Family::V6] {
        if let Ok(message) = Message::parse(family, bytes) {
            assert_eq!(message.emit(), bytes);
            let _ = (message.to_string(), message.quoted(), message.extension_structure());
            let _ = (message.about(), message.extended_echo(), message.probed().map(|found| found.to_string()));
        }
    }
});
