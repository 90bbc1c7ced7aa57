//! The ICMP pinger against a host that answers as a test wants: the transcripts of Part 3 of the report, hostile answers, and
//! what users without rights see.
//!
//! No test looks at how long anything took: time-outs are short where one is to run out, and long where something else is
//! to come first.

mod common;
#[path = "icmp/extended.rs"]
mod extended;
#[path = "icmp/flood.rs"]
mod flood;
#[path = "icmp/hostile.rs"]
mod hostile;
#[path = "icmp/judges.rs"]
mod judges;
#[path = "icmp/kinds.rs"]
mod kinds;
#[path = "icmp/labs.rs"]
mod labs;
#[path = "icmp/names.rs"]
mod names;
#[path = "icmp/rights.rs"]
mod rights;
#[path = "icmp/scripts.rs"]
mod scripts;
#[path = "icmp/table.rs"]
mod table;

use common::echo::{Asked, EchoHost, Said};
use common::golden::{self, assert_golden};
use common::{Run, TempDir, pingscript, require_lab_or_skip, require_own_network_or_skip, require_root_or_skip};
use std::fs;

/// Soon over, yet long for an answer over loopback on a busy machine.
const SHORT: &str = "700ms";

/// Never over within a test.
const LONG: &str = "60s";

const PROMPT: &str = "Enter number of pings to be sent:\n";

/// Every group may open ping sockets, or none may.
const ALL: &str = "0 2147483647";
const NONE: &str = "1 0";

// The transcripts.

#[test]
fn lossy() {
    transcript("icmp_lossy", 0, &[1], Asked::reply);
}

#[test]
fn lossless() {
    transcript("icmp_lossless", 0, &[], Asked::reply);
}

#[test]
fn port_unreachable() {
    transcript("icmp_port_unreachable", 1, &[4], |asked| asked.error(3, 3, [0; 4], 548));
}

#[test]
fn host_unreachable() {
    transcript("icmp_host_unreachable", 1, &[2, 4], |asked| asked.error(3, 1, [0; 4], 548));
}

#[test]
fn net_unreachable() {
    transcript("icmp_net_unreachable", 1, &[2, 5], |asked| asked.error(3, 0, [0; 4], 8));
}

#[test]
fn protocol_unreachable() {
    transcript("icmp_protocol_unreachable", 1, &[5], |asked| asked.error(3, 2, [0; 4], 548));
}

#[test]
fn net_prohibited() {
    transcript("icmp_net_prohibited", 1, &[5], |asked| asked.error(3, 9, [0; 4], 548));
}

#[test]
fn host_prohibited() {
    transcript("icmp_host_prohibited", 1, &[1], |asked| asked.error(3, 10, [0; 4], 548));
}

#[test]
fn admin_prohibited() {
    transcript("icmp_admin_prohibited", 1, &[2], |asked| asked.error(3, 13, [0; 4], 8));
}

#[test]
fn every_transcript_is_tested() {
    let tests = include_str!("icmp.rs");
    for name in golden::transcripts("part3") {
        assert!(tests.contains(&format!("\"{name}\"")), "{name} is compared with nothing");
        let text = golden::transcript(&name);
        assert_eq!(mask(&text), text);
    }
}

/// Pings five times as the transcript does, by both kinds of socket; the requests in `silent` are not answered.
fn transcript(name: &str, code: i32, silent: &'static [u16], said: fn(&Asked) -> Said) {
    if !require_root_or_skip(name) {
        return;
    }
    for groups in [NONE, ALL] {
        let answer = move |asked: &Asked| if silent.contains(&asked.seq) { Vec::new() } else { vec![said(asked)] };
        let _host = EchoHost::start(groups, answer);
        let args = ["scripts/icmp_ping.rhai", "127.0.0.1", "--timeout", SHORT, "--interval", "0ms"];
        let mut running = pingscript(&args).start_on_terminal();
        running.wait_for(PROMPT);
        running.type_text("5\n");
        let Run { stdout, .. } = running.finish().expect_code(code);
        assert_golden(name, &mask(&stdout));
    }
}

/// The text with addresses, TTLs and times replaced by words.
fn mask(text: &str) -> String {
    let word = |word: &str| {
        let (bare, end) = match word.strip_suffix(':') {
            Some(bare) => (bare, ":"),
            None => (word, ""),
        };
        match word.split_once('=') {
            _ if bare.parse::<std::net::IpAddr>().is_ok() => format!("<ip>{end}"),
            Some(("ttl", ttl)) if ttl.parse::<u8>().is_ok() => "ttl=<ttl>".to_string(),
            Some(("rtt", rtt)) if is_rtt(rtt) => "rtt=<rtt>".to_string(),
            _ if is_rtt(word) => "<rtt>".to_string(),
            _ => word.to_string(),
        }
    };
    text.split_inclusive('\n')
        .map(|line| {
            let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
            line.split(' ').map(word).collect::<Vec<_>>().join(" ") + end
        })
        .collect()
}

/// Whether it is a time as a pinger prints it: `0.031ms`.
fn is_rtt(text: &str) -> bool {
    text.strip_suffix("ms").and_then(|ms| ms.split_once('.')).is_some_and(|(whole, part)| {
        part.len() == 3 && [whole, part].iter().all(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
    })
}
