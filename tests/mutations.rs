//! The decoders over mutations of the seed corpus of `fuzz/`: any bytes, no panic, nothing lost.
//!
//! The draws are the same in every run. `PINGSCRIPT_MUTATIONS` sets how many inputs each entry point gets.

mod common;

use std::fs;

use common::repo_root;
use pingscript::net::random::{RandomStream, Sequence};
use pingscript::net::wire::Family;
use pingscript::net::wire::icmp::{Extensions, Kind, Message, explain, split_quote};
use pingscript::net::wire::ip::Packet;
use pingscript::net::wire::paste;

/// Inputs for an entry point, unless the environment says otherwise.
const INPUTS: u64 = 20_000;

#[test]
fn packets() {
    mutate("packet", 1, |bytes| {
        if let Ok(packet) = Packet::parse(bytes) {
            let _ = (packet.to_string(), packet.icmp_message(), packet.transport_checksum_ok());
            assert!(packet.segment.len() <= bytes.len() && packet.payload.len() <= packet.segment.len());
        }
    });
}

#[test]
fn messages() {
    mutate("message", 2, |bytes| {
        for family in [Family::V4, Family::V6] {
            if let Ok(message) = Message::parse(family, bytes) {
                assert_eq!(message.emit(), bytes);
                let _ = (message.to_string(), message.quoted(), message.extension_structure());
            }
        }
    });
}

#[test]
fn extensions() {
    mutate("extensions", 3, |bytes| {
        if let Some(found) = Extensions::parse(bytes) {
            found.objects().for_each(|object| drop(object.content()));
        }
        for announced in [None, Some(8), Some(128)] {
            let (quote, extensions) = split_quote(Kind::v4(11, 0), bytes, announced, 28);
            assert_eq!(quote.len() + extensions.len(), bytes.len());
        }
    });
}

#[test]
fn explanations() {
    mutate("explain", 4, |bytes| {
        for family in [None, Some(Family::V4), Some(Family::V6)] {
            assert!(!explain(bytes, family).is_empty());
        }
    });
}

#[test]
fn pasted_text() {
    mutate("paste", 5, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        if let Ok(bytes) = paste::bytes(&text) {
            assert!(!bytes.is_empty() && bytes.len() <= text.len());
        }
    });
}

/// Gives `check` each seed of the target `name`, and mutations of them.
fn mutate(name: &str, stream: u64, mut check: impl FnMut(&[u8])) {
    let dir = repo_root().join("fuzz/corpus").join(name);
    let mut paths: Vec<_> = fs::read_dir(&dir).expect("a corpus").map(|entry| entry.expect("a seed").path()).collect();
    paths.sort();
    let seeds: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).expect("a seed")).collect();
    seeds.iter().for_each(|seed| check(seed));
    let draws = Sequence::new(RandomStream::of_seed(stream));
    let below = |n: usize| (draws.draw() * n as f64) as usize;
    let inputs = std::env::var("PINGSCRIPT_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(INPUTS);
    for _ in 0..inputs {
        let mut bytes = seeds[below(seeds.len())].clone();
        for _ in 0..=below(4) {
            let at = below(bytes.len() + 1);
            match below(6) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, below(256) as u8),
                2 if at < bytes.len() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][below(5)],
                3 if at < bytes.len() => bytes[at] ^= 1 << below(8),
                4 => {
                    // Part of another seed, or the same part once more.
                    let other = &seeds[below(seeds.len())];
                    let from = below(other.len() + 1);
                    let part = other[from..(from + below(24)).min(other.len())].to_vec();
                    bytes.splice(at..at, part);
                }
                _ if at < bytes.len() => bytes[at] = below(256) as u8,
                _ => {}
            }
        }
        check(&bytes);
    }
}
