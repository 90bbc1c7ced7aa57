//! Errors in the middle of a connection.

use super::*;

// Errors in the middle of a connection.

/// A transcript, the code of the ICMP error, and which pings meet silence.
const REJECTS: [(&str, u8, &[u64]); 7] = [
    ("tcp_reject_port", 3, &[68, 70]),
    ("tcp_reject_net", 0, &[137]),
    ("tcp_reject_protocol", 2, &[68]),
    ("tcp_reject_host", 1, &[]),
    ("tcp_reject_net_prohibited", 9, &[89]),
    ("tcp_reject_host_prohibited", 10, &[33]),
    ("tcp_reject_admin_prohibited", 13, &[55]),
];

#[test]
fn errors_are_reported_and_the_connection_recovers() {
    if !require_own_network_or_skip("ICMP errors in the middle of a connection") {
        return;
    }
    for (name, code, silent) in REJECTS {
        let transcript = golden::transcript(name);
        let numbers: Vec<u64> = transcript.lines().filter_map(number_of).collect();
        let (first, last) = (numbers[0], numbers[numbers.len() - 1]);
        let addr = tcp::server(move |n| match n {
            n if silent.contains(&n) => Fate::Silence,
            n if (first..=last).contains(&n) => Fate::Error(IcmpError { quoted: 20, ..IcmpError::unreachable(code) }),
            _ => Fate::Answered,
        });
        // A ping that meets silence waits for its error as long again.
        let count = (last + 2).to_string();
        let run = client(addr, SHORT, &["--count", &count]).run().expect_code(0);
        check_client(&run.stdout);
        let end = format!("received from {addr} PING {count} ");
        assert!(run.stdout.contains(&end), "{name}: it did not recover:\n{}", run.stdout);
        assert_excerpt(name, &mask(&run.stdout));
    }
}

#[test]
fn the_whole_list_of_errors_is_received() {
    if !require_own_network_or_skip("ICMP errors in the middle of a connection") {
        return;
    }
    let kinds = [
        (3, 4),
        (3, 5),
        (3, 6),
        (3, 7),
        (3, 8),
        (3, 11),
        (3, 12),
        (3, 14),
        (3, 15),
        (11, 0),
        (11, 1),
        (12, 0),
        (12, 1),
        (12, 2),
        (40, 0),
        (40, 5),
    ];
    let addr = tcp::server(move |n| match kinds.get(n as usize - 1) {
        Some(&(kind, code)) => Fate::Error(IcmpError { kind, code, rest: [0; 4], quoted: 20 }),
        None => Fate::Answered,
    });
    let count = (kinds.len() + 1).to_string();
    let run = client(addr, "10s", &["--count", &count]).run().expect_code(0);
    for (n, name) in [
        (1, "Fragmentation Needed and Don't Fragment was Set"),
        (2, "Source Route Failed"),
        (3, "Destination Network Unknown"),
        (4, "Destination Host Unknown"),
        (5, "Source Host Isolated"),
        (6, "Destination Network Unreachable for Type of Service"),
        (7, "Destination Host Unreachable for Type of Service"),
        (8, "Host Precedence Violation"),
        (9, "Precedence cutoff in effect"),
        (10, "Time to Live exceeded in Transit"),
        (11, "Fragment Reassembly Time Exceeded"),
        (12, "Pointer indicates the error"),
        (13, "Missing a Required Option"),
        (14, "Bad Length"),
        (15, "Bad SPI"),
        (16, "Need Authorization"),
    ] {
        assert!(run.stdout.contains(&format!("{name} for the packet {n}\n")), "{name}:\n{}", run.stdout);
    }
    assert!(run.stdout.contains("Packets Received: 1\n"), "{}", run.stdout);
}
