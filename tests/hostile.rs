//! Servers and networks that answer wrongly: late, twice, out of order, damaged, from elsewhere, with errors. Each
//! packet is counted under its own name, and none of them makes a round-trip time or a probe's state wrong.
//!
//! What must not count is sent before what must, on the same path, so no test depends on how long anything takes.
//! Where a time-out is to run out, the answer is held back until the client has given up.

mod common;

#[path = "hostile/alike.rs"]
mod alike;
#[path = "hostile/answers.rs"]
mod answers;
#[path = "hostile/errors.rs"]
mod errors;
#[path = "hostile/schedules.rs"]
mod schedules;

use common::icmp::{self, IcmpError};
use common::tcp::{self, Fate};
use common::udp::{Datagram, LOOPBACK, UdpPeer};
use common::{Run, pingscript, require_own_network_or_skip};
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::thread;
use std::time::Duration;

const LOOPBACK6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// How long a server holds back a true answer: no round-trip time can be shorter.
const HELD: Duration = Duration::from_millis(20);

/// What most scripts here do: `n` pings one after the other, then the account.
fn one_by_one(server: SocketAddr, n: u32, options: &str) -> String {
    format!(
        "let server = resolve(\"{server}\"); let sock = udp::open(server); let all = stats();
         for seq in 1..={n} {{
             let ping = sock.ping(server, `ping ${{seq}} ${{unix_time()}}`, {options});
             all.add(ping);
             print(`PING ${{ping.seq}} ${{ping.kind}} ${{ping.rtt}} ${{ping.icmp}} ${{ping.assumed}}`);
         }}
         {ACCOUNT}"
    )
}

/// As [`one_by_one`], with several in flight.
fn in_flight(server: SocketAddr, options: &str) -> String {
    format!(
        "let server = resolve(\"{server}\"); let sock = udp::open(server); let all = stats();
         for ping in pinger(sock, server, {options}) {{
             all.add(ping);
             print(`PING ${{ping.seq}} ${{ping.kind}} ${{ping.rtt}} ${{ping.icmp}} ${{ping.assumed}}`);
         }}
         {ACCOUNT}"
    )
}

const ACCOUNT: &str = "print(`COUNTS ${sock.counts.to_json()}`); print(all.summary());";

/// Never over within a test.
const LONG: &str = "#{ timeout: 60.s }";

/// What a script printed about its pings.
struct Session {
    /// Number, kind, round-trip time in ms, ICMP error, whether that was assumed.
    pings: Vec<(u32, String, Option<f64>, String, bool)>,
    counts: BTreeMap<String, u64>,
    run: Run,
}

impl Session {
    fn of(script: &str) -> Self {
        Self::ended(script, 0)
    }

    fn ended(script: &str, code: i32) -> Self {
        let run = pingscript(&["-e", script]).patience(Duration::from_secs(60)).run().expect_code(code);
        let mut pings = Vec::new();
        let mut counts = BTreeMap::new();
        for line in run.stdout.lines() {
            if let Some(ping) = line.strip_prefix("PING ") {
                let [seq, kind, rtt, rest @ ..] = &*ping.split(' ').collect::<Vec<_>>() else { panic!("{line}") };
                let rtt = rtt.strip_suffix("ms").map(|ms| ms.parse().expect("a number"));
                let (assumed, icmp) = rest.split_last().expect("two more");
                pings.push((
                    seq.parse().expect("a number"),
                    (*kind).to_owned(),
                    rtt,
                    icmp.join(" "),
                    *assumed == "true",
                ));
            } else if let Some(json) = line.strip_prefix("COUNTS ") {
                for field in json.trim_matches(['{', '}']).split(',') {
                    let (name, count) = field.split_once(':').expect("name and count");
                    counts.insert(name.trim_matches('"').to_owned(), count.parse().expect("a count"));
                }
            }
        }
        let this = Self { pings, counts, run };
        assert_eq!(
            this.count("sent"),
            ["replied", "errored", "timed_out", "pending"].iter().map(|name| this.count(name)).sum::<u64>(),
            "{}",
            this.run.stdout
        );
        this
    }

    fn count(&self, name: &str) -> u64 {
        *self.counts.get(name).unwrap_or_else(|| panic!("no {name} in\n{}", self.run.stdout))
    }

    /// The counts are exactly these; those not named are 0. The summary says the same.
    fn expect(&self, expected: &[(&str, u64)]) -> &Self {
        let nonzero: BTreeMap<&str, u64> =
            self.counts.iter().filter(|(_, count)| **count != 0).map(|(name, count)| (name.as_str(), *count)).collect();
        assert_eq!(nonzero, expected.iter().copied().collect(), "{}", self.run.stdout);
        for (name, line) in [
            ("sent", "Packets Sent"),
            ("replied", "Packets Received"),
            ("pending", "Packets Pending"),
            ("late", "Late Replies"),
            ("duplicate", "Duplicate Replies"),
            ("reordered", "Reordered Replies"),
            ("foreign", "Foreign Packets"),
            ("truncated", "Truncated Replies"),
            ("corrupt", "Corrupt Replies"),
            ("unmatched", "Unmatched Replies"),
            ("stray_errors", "Stray ICMP Errors"),
            ("advisory", "Advisory ICMP Messages"),
            ("missed_slots", "Missed Slots"),
        ] {
            let shown = self.run.stdout.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(": "));
            let count = self.count(name);
            let expected = (count != 0 || matches!(name, "sent" | "replied")).then(|| count.to_string());
            assert_eq!(shown, expected.as_deref(), "{line} in\n{}", self.run.stdout);
        }
        self
    }

    /// How each ping ended, in the order of the outcomes.
    fn kinds(&self) -> Vec<(u32, &str)> {
        self.pings.iter().map(|(seq, kind, ..)| (*seq, kind.as_str())).collect()
    }

    /// No round-trip time is shorter than what the server held its answers back.
    fn expect_held(&self) {
        for (seq, _, rtt, ..) in &self.pings {
            assert!(rtt.is_none_or(|rtt| rtt >= HELD.as_secs_f64() * 1e3), "ping {seq}\n{}", self.run.stdout);
        }
    }
}

/// The number of a ping.
fn number(data: &[u8]) -> u32 {
    let text = std::str::from_utf8(data).expect("text");
    text.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("no ping: {text}"))
}

fn closed_port(ip: IpAddr) -> (SocketAddr, UdpSocket) {
    let held = UdpSocket::bind((ip, 0)).expect("cannot bind");
    held.connect((ip, 1)).expect("cannot connect");
    (held.local_addr().expect("an address"), held)
}
