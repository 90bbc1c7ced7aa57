//! An IP packet of any bytes: whole, cut short, damaged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pingscript::net::wire::ip::Packet;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(packet) = Packet::parse(bytes) {
        let _ = (packet.to_string(), packet.icmp_message(), packet.transport_checksum_ok());
        assert!(packet.segment.len() <= bytes.len() && packet.payload.len() <= packet.segment.len());
    }
});
