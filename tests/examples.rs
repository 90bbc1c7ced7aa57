//! The examples: DNS and NTP queries, each against the small server that comes with it, and probes at a steady rate; all
//! against peers of these tests, too, that check each byte and answer as they like.

mod common;

use std::net::UdpSocket;
use std::time::Duration;

use common::pingscript;
use common::udp::{LOOPBACK, UdpPeer};

#[test]
fn dns_query_finds_the_addresses_of_a_name() {
    let run = pingscript(&["scripts/examples/dns_query.rhai"]).run().expect_code(0);
    assert!(run.stdout.starts_with("2 answers from 127.0.0.1:"), "{}", run.stdout);
    assert!(run.stdout.contains("host.test is at 192.0.2.1\nhost.test is at 192.0.2.2\n"), "{}", run.stdout);

    let server =
        ["scripts/examples/dns_server.rhai", "--listen", "127.0.0.1:0", "--name", "a.b.example", "--addresses"];
    let server = pingscript(&[&server[..], &["198.51.100.7"]].concat()).start();
    let addr = format!("127.0.0.1:{}", server.bound_port());
    for (name, code, expected) in [
        ("A.b.Example", 0, "1 answers"),
        ("a.b.example.", 0, "a.b.example. is at 198.51.100.7\n"),
        ("b.example", 0, "there is no such name\n"),
    ] {
        let run = pingscript(&["examples/dns_query", name, "--server", &addr]).run().expect_code(code);
        assert!(run.stdout.contains(expected), "{name}: {}", run.stdout);
    }
    // What is no query is reported, and the server goes on.
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.send_to(b"garbage", &addr).expect("sent");
    server.wait_for("no query from 127.0.0.1:");
    pingscript(&["examples/dns_query", "a.b.example", "--server", &addr]).run().expect_code(0);
    let run = server.stop().expect_code(143);
    assert!(run.stdout.contains("asks for b.example: 0 addresses\n"), "{}", run.stdout);
}

#[test]
fn dns_query_asks_byte_by_byte_and_takes_its_own_answer_only() {
    let answer = |id: [u8; 2], question: &[u8]| {
        let mut answer = [&id[..], &[0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0], question].concat();
        // An alias, named in part by a pointer, then its address.
        answer.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 6, 3, b'a', b'p', b'i', 0xc0, 12]);
        answer.extend([3, b'a', b'p', b'i', 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 203, 0, 113, 9]);
        answer
    };
    let asked = against(&["examples/dns_query", "www.example"], 0, "www.example is at 203.0.113.9\n", |query| {
        let (id, question) = ([query[0], query[1]], &query[12..]);
        vec![Vec::new(), vec![id[0]], answer([id[0], !id[1]], question), answer(id, question)]
    });
    assert_eq!(asked[2..], *b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x00\x00\x01\x00\x01");

    against(&["examples/dns_query", "www.example"], 0, "the server reports error 5\n", |query| {
        vec![[&query[..2], &[0x81, 0x85, 0, 1, 0, 0, 0, 0, 0, 0], &query[12..]].concat()]
    });
    // An answer cut short is an error that says where.
    against(&["examples/dns_query", "www.example"], 3, "u16: 2 bytes are wanted at offset", |query| {
        let whole = answer([query[0], query[1]], &query[12..]);
        vec![whole[..whole.len() - 5].to_vec()]
    });
    against(&["examples/dns_query", "www.example", "--timeout", "50ms"], 1, "timeout from 127.0.0.1:", |_| Vec::new());
}

#[test]
fn dns_probe_asks_on_time_and_counts_what_is_answered() {
    let server = pingscript(&["scripts/examples/dns_server.rhai", "--listen", "127.0.0.1:0"]).start();
    let addr = format!("127.0.0.1:{}", server.bound_port());
    for (name, codes) in [("host.test", "50 response code 0\n"), ("no.test", "50 response code 3\n")] {
        let line =
            ["examples/dns_probe", name, "--server", &addr, "--count", "50", "--rate", "500", "--timeout", "60s"];
        let run = pingscript(&line).run().expect_code(0);
        assert!(run.stdout.starts_with(codes), "{name}: {}", run.stdout);
        assert!(run.stdout.contains("Packets Sent: 50\nPackets Received: 50\n"), "{name}: {}", run.stdout);
    }
    assert!(server.stop().expect_code(143).stdout.contains("asks for no.test: 0 addresses\n"));
    // Without an answer to each, each is known by its number.
    let server = UdpPeer::start(LOOPBACK, |query| {
        let id = u16::from_be_bytes([query.data[0], query.data[1]]);
        match id % 5 {
            0 => {}
            1 => query.reply(&[&query.data[..2], &[0x81, 0x82, 0, 1, 0, 0, 0, 0, 0, 0]].concat()),
            _ => query.reply(&[&query.data[..2], &[0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0]].concat()),
        }
    });
    let addr = server.addr().to_string();
    let line = ["examples/dns_probe", "--server", &addr, "--count", "50", "--rate", "500"];
    let run = pingscript(&line).run().expect_code(0);
    assert!(run.stdout.starts_with("30 response code 0\n10 response code 2\n10 timeout\n"), "{}", run.stdout);
}

#[test]
fn voip_probe_counts_losses_and_what_is_out_of_order() {
    // Of ten, the third is lost, the fifth comes after the sixth, and the eighth comes twice.
    let mut held = Vec::new();
    let server = UdpPeer::start(LOOPBACK, move |packet| {
        assert_eq!(packet.data.len(), 160);
        match packet.index % 10 {
            2 => {}
            4 => held = packet.data.to_ascii_uppercase(),
            5 => {
                packet.reply_upper();
                packet.reply(&held);
            }
            7 => (0..2).for_each(|_| packet.reply_upper()),
            _ => packet.reply_upper(),
        }
    });
    let addr = server.addr().to_string();
    let run = pingscript(&["examples/voip_probe", "--server", &addr, "--time", "1s"]).run().expect_code(0);
    let counts = "50 packets: 5 lost, 0 of them late; 5 reordered, 5 duplicate; ";
    assert!(run.stdout.starts_with(counts), "{}", run.stdout);
    assert!(run.stdout.contains("(min / p50 / p99 / max), jitter "), "{}", run.stdout);
}

#[test]
fn ntp_query_finds_how_far_a_clock_is_ahead() {
    // Of one clock, both ways together are at least as long as twice what the stamps of one way are off.
    let run = pingscript(&["scripts/examples/ntp_query.rhai"]).run().expect_code(0);
    let delay = field(&run.stdout, "delay ");
    assert!(2.0 * field(&run.stdout, "offset ").abs() <= delay + 0.002, "{}", run.stdout);

    for (ahead, milliseconds) in [("1h", 3_600_000.0), ("90s", 90_000.0)] {
        let args = ["scripts/examples/ntp_server.rhai", "--listen", "127.0.0.1:0", "--ahead", ahead];
        let server = pingscript(&args).start();
        let addr = format!("127.0.0.1:{}", server.bound_port());
        let run = pingscript(&["examples/ntp_query", "--server", &addr]).run().expect_code(0);
        assert!((field(&run.stdout, "offset ") - milliseconds).abs() < 1000.0, "{ahead}: {}", run.stdout);
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.send_to(b"garbage", &addr).expect("sent");
        server.wait_for("no query from 127.0.0.1:");
        assert!(server.stop().expect_code(143).stdout.contains("asks for the time\n"));
    }
}

#[test]
fn ntp_query_asks_byte_by_byte_and_takes_its_own_answer_only() {
    let answer = |stamp: &[u8]| [&[0x24; 24], stamp, stamp, stamp].concat();
    let asked = against(&["examples/ntp_query"], 0, "offset ", |query| {
        let stamp = &query[40..];
        vec![vec![0; 10], answer(&[7; 8]), answer(stamp)]
    });
    assert_eq!(asked[..40], [&[0x23][..], &[0; 39]].concat());
    assert_eq!(asked.len(), 48);
}

/// The milliseconds behind `name`: `offset 0.123ms, …`.
fn field(output: &str, name: &str) -> f64 {
    let rest = output.split_once(name).map_or("", |(_, rest)| rest);
    rest.split_once("ms").and_then(|(number, _)| number.parse().ok()).unwrap_or_else(|| panic!("no {name} in {output}"))
}

/// Runs a query against a server that answers as `answers` says; what it was asked. Output and errors together hold
/// `expected`.
fn against(args: &[&str], code: i32, expected: &str, answers: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> Vec<u8> {
    let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    server.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    let addr = server.local_addr().expect("its address").to_string();
    let client = pingscript(&[args, &["--server", &addr]].concat()).start();
    let mut buffer = [0; 512];
    let (length, from) = server.recv_from(&mut buffer).expect("a query");
    for answer in answers(&buffer[..length]) {
        server.send_to(&answer, from).expect("sent");
    }
    let run = client.finish().expect_code(code);
    let all = run.stdout + &run.stderr;
    assert!(all.contains(expected), "{args:?}: no {expected:?} in\n{all}");
    buffer[..length].to_vec()
}
