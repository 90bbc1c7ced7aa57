//! Servers and networks that answer wrongly: late, twice, out of order, damaged, from elsewhere, with errors. Each
//! packet is counted under its own name, and none of them makes a round-trip time or a probe's state wrong.
//!
//! What must not count is sent before what must, on the same path, so no test depends on how long anything takes.
//! Where a time-out is to run out, the answer is held back until the client has given up.

mod common;

use common::icmp::{self, IcmpError};
use common::udp::{Datagram, LOOPBACK, UdpPeer};
use common::{Run, pingscript, require_root_or_skip};
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

// Packets that are no answer.

/// Damage done ahead of the true answer, by the number of the ping.
fn damage(ping: &Datagram<'_>) {
    let answer = ping.data.to_ascii_uppercase();
    let stranger = UdpSocket::bind((ping.from.ip(), 0)).expect("cannot bind");
    match number(ping.data) {
        1 => {
            let _ = stranger.send_to(&answer, ping.from);
        }
        2 => ping.reply(&answer[..9]),
        3 => ping.reply(b"PIN"),
        4 => ping.reply(b""),
        5 => {
            let mut changed = answer.clone();
            let last = changed.last_mut().expect("not empty");
            *last = if *last == b'0' { b'1' } else { b'0' };
            ping.reply(&changed);
        }
        6 => ping.reply(&[&answer[..], b" and more"].concat()),
        7 => ping.reply(&[0xff; 50]),
        8 => ping.reply(&[0; 65_000]),
        9 => ping.reply(b"PING 4711 1725933169.813111"),
        10 => ping.reply(b"PING 99999999999999999999999999 "),
        11 => ping.reply(b"PING 1"), // of PING 11 …: a number that was sent before
        _ => {}
    }
    thread::sleep(HELD);
    ping.reply(&answer);
    if number(ping.data) == 12 {
        ping.reply(&answer);
        ping.reply(&answer);
    }
}

const DAMAGED: [(&str, u64); 6] =
    [("sent", 13), ("replied", 13), ("duplicate", 2), ("foreign", 2), ("truncated", 4), ("corrupt", 5)];

fn damaged(ip: IpAddr) {
    let server = UdpPeer::start(ip, |ping| damage(&ping));
    Session::of(&one_by_one(server.addr(), 13, LONG)).expect(&DAMAGED).expect_held();
    let plan = "#{ count: 13, interval: 0.ms, timeout: 60.s }";
    Session::of(&in_flight(server.addr(), plan)).expect(&DAMAGED).expect_held();
}

#[test]
fn what_is_no_answer_is_counted_and_settles_nothing() {
    damaged(LOOPBACK);
}

#[test]
fn what_is_no_answer_over_ipv6() {
    damaged(LOOPBACK6);
}

#[test]
fn an_answer_cut_in_the_middle_of_its_number() {
    let server = UdpPeer::start(LOOPBACK, |ping| {
        ping.reply(b"PING 9"); // of PING 95 …; a ping 9 was never sent
        thread::sleep(HELD);
        ping.reply_upper();
    });
    let script = one_by_one(server.addr(), 1, LONG).replace("1..=1", "95..=95");
    Session::of(&script).expect(&[("sent", 1), ("replied", 1), ("truncated", 1)]).expect_held();
}

#[test]
fn a_message_without_a_number_is_known_by_its_text() {
    let server = UdpPeer::start(LOOPBACK, |ping| {
        ping.reply(b"HELL");
        ping.reply(b"HELLO, WORLD?");
        thread::sleep(HELD);
        ping.reply_upper();
        ping.reply_upper();
    });
    let script = one_by_one(server.addr(), 2, LONG).replace("`ping ${seq} ${unix_time()}`", "`hello, world ${seq}`");
    let session = Session::of(&script);
    // The second copy of the last answer may still be on its way.
    assert_eq!((session.count("replied"), session.count("truncated"), session.count("corrupt")), (2, 2, 2));
    session.expect_held();
}

// Late answers.

fn late(ip: IpAddr) {
    let mut kept = Vec::new();
    let server = UdpPeer::start(ip, move |ping| {
        if ping.index == 0 {
            kept = ping.data.to_ascii_uppercase();
        } else {
            ping.reply(&kept);
            ping.reply(&kept);
            thread::sleep(HELD);
            ping.reply_upper();
        }
    });
    let script = one_by_one(server.addr(), 2, "#{ timeout: if seq == 1 { 30.ms } else { 60.s }, icmp_wait: 0.ms }");
    let session = Session::of(&script);
    session.expect(&[("sent", 2), ("replied", 1), ("timed_out", 1), ("late", 1), ("duplicate", 1)]).expect_held();
    assert_eq!(session.kinds(), [(1, "timeout"), (2, "reply")]);
}

#[test]
fn a_late_answer_changes_nothing_but_its_count() {
    late(LOOPBACK);
}

#[test]
fn a_late_answer_over_ipv6() {
    late(LOOPBACK6);
}

#[test]
fn an_answer_after_the_timeout_ends_the_wait_for_an_error() {
    let server = UdpPeer::start(LOOPBACK, |ping| {
        thread::sleep(Duration::from_millis(60));
        ping.reply_upper();
    });
    let session = Session::ended(&one_by_one(server.addr(), 2, "#{ timeout: 20.ms, icmp_wait: 60.s }"), 1);
    session.expect(&[("sent", 2), ("timed_out", 2), ("late", 2)]);
}

#[test]
fn an_answer_in_time_stays_so_however_late_the_script_looks() {
    let server = UdpPeer::start(LOOPBACK, {
        let mut asked: Vec<Vec<u8>> = Vec::new();
        move |ping| {
            asked.push(ping.data.to_ascii_uppercase());
            if asked.len() == 3 {
                ping.reply(&asked[0]);
                thread::sleep(HELD);
                ping.reply(&asked[1]);
                ping.reply(&asked[2]);
            }
        }
    });
    let script = in_flight(server.addr(), "#{ count: 3, interval: 1.ms, timeout: 1.s, icmp_wait: 0.ms }")
        .replace("all.add(ping);", "all.add(ping); if ping.seq == 1 { sleep(1500.ms); }");
    let session = Session::of(&script);
    assert_eq!(session.kinds(), [(1, "reply"), (2, "reply"), (3, "reply")]);
    assert_eq!((session.count("timed_out"), session.count("late")), (0, 0));
    for (_, _, rtt, ..) in &session.pings {
        assert!(rtt.expect("a reply") < 1000.0, "the script's own time is in it\n{}", session.run.stdout);
    }
}

// Several in flight.

#[test]
fn answers_in_reverse_order_are_reordered() {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let server = UdpPeer::start(LOOPBACK, move |ping| {
        kept.push(ping.data.to_ascii_uppercase());
        if kept.len() == 5 {
            kept.drain(..).rev().for_each(|answer| ping.reply(&answer));
        }
    });
    let session = Session::of(&in_flight(server.addr(), "#{ count: 5, interval: 0.ms, window: 5, timeout: 60.s }"));
    session.expect(&[("sent", 5), ("replied", 5), ("reordered", 4)]);
    assert_eq!(session.kinds(), [5, 4, 3, 2, 1].map(|seq| (seq, "reply")));
}

#[test]
fn a_schedule_keeps_its_beat_and_counts_what_it_missed() {
    let server = UdpPeer::answering(5);
    let script = in_flight(server.addr(), "#{ count: 5, interval: 50.ms, timeout: 60.s }")
        .replace("all.add(ping);", "all.add(ping); if ping.seq == 1 { sleep(220.ms); }");
    let session = Session::of(&script);
    assert_eq!((session.count("sent"), session.count("replied")), (5, 5));
    assert!(session.count("missed_slots") >= 3, "{}", session.run.stdout);
}

#[test]
fn a_window_bounds_what_is_in_flight() {
    // The server answers a ping when the next one comes, and the last time-outs end the run: with one in flight at a
    // time no ping is ever answered, with two each but the last is.
    let start = || {
        let mut kept: Option<Vec<u8>> = None;
        UdpPeer::start(LOOPBACK, move |ping| {
            if let Some(answer) = kept.replace(ping.data.to_ascii_uppercase()) {
                ping.reply(&answer);
            }
        })
    };
    let two = start();
    let session =
        Session::of(&in_flight(two.addr(), "#{ count: 4, interval: 0.ms, window: 2, timeout: 1.s, icmp_wait: 0.ms }"));
    session.expect(&[("sent", 4), ("replied", 3), ("timed_out", 1)]);
    let one = start();
    let session = Session::ended(
        &in_flight(one.addr(), "#{ count: 4, interval: 0.ms, window: 1, timeout: 20.ms, icmp_wait: 0.ms }"),
        1,
    );
    session.expect(&[("sent", 4), ("timed_out", 4), ("late", 3)]);
}

// A protocol of the script's own.

#[test]
fn a_closure_matches_the_answers() {
    let server = UdpPeer::start(LOOPBACK, |ping| {
        let stranger = UdpSocket::bind((LOOPBACK, 0)).expect("cannot bind");
        let _ = stranger.send_to(b"ack 7", ping.from);
        ping.reply(b"nak");
        ping.reply(b"\xff\xfe");
        thread::sleep(HELD);
        ping.reply(b"ack 7");
        ping.reply(b"ack 7");
    });
    let script = format!(
        "let sock = udp::open(\"{}\"); let all = stats();
         let ping = ping(sock, \"{0}\", \"hello\", #{{ timeout: 60.s }}, |reply| reply.text == \"ack 7\");
         all.add(ping);
         print(`PING ${{ping.seq}} ${{ping.kind}} ${{ping.rtt}} ${{ping.icmp}} ${{ping.assumed}}`);
         try {{ ping(sock, \"{0}\", \"hello\", #{{ timeout: 60.s }}, |reply| 7); }} catch (e) {{ print(e.message); }}
         try {{ ping(sock, \"{0}\", \"hello\", #{{ timeout: 60.s }}, |reply| throw \"no\"); }} catch (e) {{ print(e); }}
         try {{ ping(sock, \"{0}\", \"hello\", #{{ timeout: 60.s }}, |reply| {{ sock.counts; sock.ping(\"{0}\", \"x\", 1.s); true }}); }}
         catch (e) {{ print(e.message); }}
         {ACCOUNT}",
        server.addr()
    );
    let session = Session::of(&script);
    session.expect_held();
    let counts = ["sent", "replied", "pending"].map(|name| session.count(name));
    assert_eq!(counts, [4, 1, 3], "{}", session.run.stdout);
    assert!(session.count("foreign") >= 3, "{}", session.run.stdout);
    for line in ["the closure returned 7, not true or false", "no", "the socket waits for the answer to another ping"] {
        assert!(session.run.stdout.lines().any(|text| text == line), "{line} in\n{}", session.run.stdout);
    }
}

#[test]
fn a_socket_closed_by_another_thread_ends_the_wait() {
    let silent = UdpPeer::start(LOOPBACK, |_| {});
    for (code, end) in [
        ("sock.ping(server, \"ping 1\", 60.s);", "closed\n"),
        ("for ping in pinger(sock, server, #{ timeout: 60.s, count: 1 }) { print(ping); }", "closed\n"),
        ("sock.recv();", "closed\n"),
        // Whoever closes a socket that is looped over wants the loop to end.
        ("for pkt in sock { print(pkt); }", "no error\n"),
        ("udp::serve(sock, |pkt| ());", "no error\n"),
    ] {
        let script = format!(
            "let server = \"{}\"; let sock = udp::open(server);
             let closer = start_thread(|| {{ sleep(30.ms); sock.close(); }});
             try {{ {code} print(\"no error\"); }} catch (e) {{ print(e.kind); }}",
            silent.addr()
        );
        let run = pingscript(&["-e", &script]).run();
        assert_eq!(run.stdout, end, "{code}");
    }
}

#[test]
fn what_has_come_is_received_however_short_the_wait() {
    let script = "let sock = udp::bind(\"127.0.0.1:0\"); let got = 0;
         for i in 0..10 {
             let sender = start_thread(|| { sleep(5.ms); sock.send_to(\"waited for\", sock.addr); });
             sock.recv(60.s); sender.join();
             sock.send_to(\"here\", sock.addr);
             if sock.recv(0.ms).kind == \"packet\" { got += 1; }
         }
         print(got);";
    assert_eq!(pingscript(&["-e", script]).run().expect_code(0).stdout, "10\n");
}

// ICMP errors of the kernel.

fn refused(ip: IpAddr) {
    let (closed, _held) = closed_port(ip);
    let server = UdpPeer::start(ip, |ping| ping.reply_upper());
    // Each round leaves an error unread in front of a ping, and in front of a plain send.
    let script = format!(
        "let server = resolve(\"{}\"); let closed = resolve(\"{closed}\"); let sock = udp::open(server); let all = stats();
         for seq in 1..=100 {{
             sock.send_to(\"x\", closed);
             sock.send_to(\"ping 1000 x\", server);
             sock.send_to(\"x\", closed);
             all.add(sock.ping(server, `ping ${{seq}} ${{unix_time()}}`, {LONG}));
         }}
         {ACCOUNT}",
        server.addr()
    );
    let session = Session::of(&script);
    // The plain sends are answered too, and nobody had asked in the form of a ping.
    session.expect(&[("sent", 100), ("replied", 100), ("foreign", 100), ("stray_errors", 200)]);
}

#[test]
fn an_unread_error_eats_no_send() {
    refused(LOOPBACK);
}

#[test]
fn an_unread_error_eats_no_send_over_ipv6() {
    refused(LOOPBACK6);
}

#[test]
fn two_thousand_errors_at_full_speed_settle_two_thousand_pings() {
    for ip in [LOOPBACK, LOOPBACK6] {
        let (closed, _held) = closed_port(ip);
        // The kernel limits ICMPv6 errors to one peer more than it does ICMP ones.
        let count = if ip.is_ipv4() { 2000 } else { 20 };
        let plan = format!("#{{ count: {count}, interval: 0.ms, window: 64, timeout: 60.s }}");
        let session = Session::ended(&in_flight(closed, &plan), 1);
        session.expect(&[("sent", count), ("errored", count)]);
        assert!(session.pings.iter().all(|(.., icmp, assumed)| icmp == "Port Unreachable" && !assumed));
    }
}

#[test]
fn a_port_that_closes_and_opens_again() {
    // Outside of the range from which the kernel picks, so that nobody takes it in between.
    let port = (20_000..30_000).find(|port| UdpSocket::bind((LOOPBACK, *port)).is_ok()).expect("a free port");
    let script = format!(
        "let at = \"127.0.0.1:{port}\"; let sock = udp::open(at); let all = stats();
         for round in 0..20 {{
             let server = udp::bind(at);
             let echo = start_thread(|| {{ for pkt in server {{ pkt.reply(pkt.text.to_upper()); }} }});
             all.add(sock.ping(at, `ping ${{2 * round + 1}} x`, {LONG}));
             echo.stop(); echo.join(); server.close();
             all.add(sock.ping(at, `ping ${{2 * round + 2}} x`, {LONG}));
             sock.send_to(\"x\", at);
         }}
         {ACCOUNT}"
    );
    let session = Session::of(&script);
    // The last send's error is still unread.
    assert_eq!(["sent", "replied", "errored"].map(|name| session.count(name)), [40, 20, 20]);
    assert_eq!(session.count("stray_errors"), 19);
}

// ICMP errors of others, made by hand.

/// Sends ICMP errors about a client's datagrams, in any order and with any quote.
struct Forger(Socket);

impl Forger {
    /// `None`, after saying so, without the right to make them.
    fn new(what: &str) -> Option<Self> {
        require_root_or_skip(what).then(|| {
            Self(Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).expect("cannot open a raw socket"))
        })
    }

    fn send(&self, error: IcmpError, ping: &Datagram<'_>, data: &[u8]) {
        let v4 = |addr| match addr {
            SocketAddr::V4(addr) => addr,
            SocketAddr::V6(_) => unreachable!("bound to IPv4"),
        };
        let (from, to) = (v4(ping.from), v4(ping.socket.local_addr().expect("bound")));
        let packet = icmp::message(error, &icmp::udp_packet(from, to, data));
        self.0.send_to(&packet, &SocketAddrV4::new(*from.ip(), 0).into()).expect("cannot send an ICMP error");
    }
}

fn short(code: u8) -> IcmpError {
    IcmpError { quoted: 8, ..IcmpError::unreachable(code) }
}

#[test]
fn an_error_names_its_probe_among_several() {
    let Some(forger) = Forger::new("ICMP errors for several probes in flight") else { return };
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let server = UdpPeer::start(LOOPBACK, move |ping| {
        kept.push(ping.data.to_vec());
        if kept.len() == 4 {
            forger.send(IcmpError::unreachable(1), &ping, &kept[2]);
            forger.send(IcmpError::unreachable(0), &ping, &kept[0]);
            forger.send(IcmpError { quoted: 8 + 7, ..IcmpError::unreachable(13) }, &ping, &kept[1]);
            ping.reply_upper();
        }
    });
    let session = Session::of(&in_flight(server.addr(), "#{ count: 4, interval: 0.ms, window: 4, timeout: 60.s }"));
    session.expect(&[("sent", 4), ("replied", 1), ("errored", 3)]);
    let mut errors: Vec<_> =
        session.pings.iter().map(|(seq, _, _, icmp, assumed)| (*seq, icmp.as_str(), *assumed)).collect();
    errors.sort_unstable();
    assert_eq!(errors[0], (1, "Net Unreachable", false));
    assert_eq!((errors[1].0, errors[1].2), (2, false));
    assert_eq!(errors[2], (3, "Host Unreachable", false));
    assert_eq!(errors[3], (4, "", false));
}

#[test]
fn an_error_that_names_none_is_put_down_to_one_and_says_so() {
    let Some(forger) = Forger::new("ICMP errors that quote 8 bytes") else { return };
    let mut kept = 0;
    let server = UdpPeer::start(LOOPBACK, move |ping| {
        kept += 1;
        if kept == 3 {
            (0..3).for_each(|_| forger.send(short(1), &ping, ping.data));
        }
    });
    let session =
        Session::ended(&in_flight(server.addr(), "#{ count: 3, interval: 0.ms, window: 3, timeout: 60.s }"), 1);
    session.expect(&[("sent", 3), ("errored", 3)]);
    let assumed: Vec<_> = session.pings.iter().map(|(seq, .., assumed)| (*seq, *assumed)).collect();
    assert_eq!(assumed, [(1, true), (2, true), (3, false)], "the last one can be about no other");
}

#[test]
fn an_error_with_a_short_quote_settles_the_only_probe() {
    let Some(forger) = Forger::new("ICMP errors that quote 8 bytes") else { return };
    let server = UdpPeer::start(LOOPBACK, move |ping| forger.send(short(1), &ping, ping.data));
    let session = Session::ended(&one_by_one(server.addr(), 3, LONG), 1);
    session.expect(&[("sent", 3), ("errored", 3)]);
    assert!(session.pings.iter().all(|(.., icmp, assumed)| icmp == "Host Unreachable" && !assumed));
}

#[test]
fn an_error_for_a_probe_long_settled_settles_no_other() {
    let Some(forger) = Forger::new("late ICMP errors") else { return };
    let mut first = Vec::new();
    let server = UdpPeer::start(LOOPBACK, move |ping| match number(ping.data) {
        1 => first = ping.data.to_vec(),
        2 => {
            forger.send(IcmpError::unreachable(1), &ping, &first);
            forger.send(IcmpError::unreachable(1), &ping, b"ping 4711 never sent");
            forger.send(IcmpError::unreachable(1), &ping, b"garbage");
            thread::sleep(HELD);
            ping.reply_upper();
        }
        _ => ping.reply_upper(),
    });
    let script = one_by_one(server.addr(), 3, "#{ timeout: if seq == 1 { 30.ms } else { 60.s }, icmp_wait: 0.ms }");
    let session = Session::of(&script);
    session.expect(&[("sent", 3), ("replied", 2), ("timed_out", 1), ("stray_errors", 3)]);
}

#[test]
fn advisory_messages_settle_nothing() {
    let Some(forger) = Forger::new("source quench") else { return };
    // Source quench. The kernel keeps it from sockets; were it to come, it would be counted as advisory.
    let server = UdpPeer::start(LOOPBACK, move |ping| {
        forger.send(IcmpError { kind: 4, ..IcmpError::unreachable(0) }, &ping, ping.data);
        thread::sleep(HELD);
        ping.reply_upper();
    });
    let session = Session::of(&one_by_one(server.addr(), 3, LONG));
    assert_eq!(["replied", "errored", "stray_errors"].map(|name| session.count(name)), [3, 0, 0]);
    session.expect_held();
}

#[test]
fn an_error_and_then_a_reply_a_thousand_times() {
    let Some(forger) = Forger::new("an ICMP error ahead of each reply") else { return };
    let server = UdpPeer::start(LOOPBACK, move |ping| {
        if number(ping.data) <= 1000 {
            forger.send(IcmpError::unreachable(1), &ping, ping.data);
        }
        ping.reply_upper();
    });
    let expected = [("sent", 1001), ("replied", 1), ("errored", 1000), ("late", 1000)];
    Session::of(&one_by_one(server.addr(), 1001, LONG)).expect(&expected);
    Session::of(&in_flight(server.addr(), "#{ count: 1001, interval: 0.ms, timeout: 60.s }")).expect(&expected);
}

#[test]
fn a_reply_and_then_an_error_a_thousand_times() {
    let Some(forger) = Forger::new("an ICMP error after each reply") else { return };
    let server = UdpPeer::start(LOOPBACK, move |ping| {
        ping.reply_upper();
        if number(ping.data) <= 1000 {
            forger.send(IcmpError::unreachable(1), &ping, ping.data);
        }
    });
    let expected = [("sent", 1001), ("replied", 1001), ("stray_errors", 1000)];
    Session::of(&one_by_one(server.addr(), 1001, LONG)).expect(&expected);
}

// Many.

#[test]
fn twenty_thousand_pings_are_accounted_for_exactly() {
    let script = format!(
        "let server = udp::bind(\"127.0.0.1:0\");
         let echo = start_thread(|| {{ for pkt in server {{ pkt.reply(pkt.text.to_upper()); }} }});
         set_policy(server, loss(0.1));
         let sock = udp::open(server.addr); let all = stats();
         for ping in pinger(sock, server.addr,
             #{{ count: 20_000, interval: 0.ms, window: 200, timeout: 200.ms, icmp_wait: 0.ms }}) {{ all.add(ping); }}
         echo.stop(); echo.join();
         {ACCOUNT}"
    );
    let session = Session::of(&script);
    assert_eq!((session.count("sent"), session.count("pending")), (20_000, 0));
    let lost = session.count("timed_out");
    assert!(lost > 1_500, "a tenth is lost\n{}", session.run.stdout);
    assert!(session.run.stdout.ends_with("  0 unexplained\n"), "{}", session.run.stdout);
}
