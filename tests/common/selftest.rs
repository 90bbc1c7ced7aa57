//! Tests of the helpers themselves, run once, with `tests/transcripts.rs`.

use crate::common::icmp::{IcmpError, checksum, message, udp_packet};
use crate::common::mask::{mask, mask_clients};
use crate::common::udp::{ClosedPort, UdpPeer, relay};
use crate::common::{Cmd, deviations, golden, icmp, require_own_network_or_skip, session};
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::path::Path;
use std::time::Duration;

#[test]
fn masks_hide_what_varies_and_nothing_else() {
    for (raw, masked) in [
        ("send to 127.0.0.1:11000: ping 1 1725933169.813111", "send to <addr>: ping 1 <time>"),
        ("received from [::1]:9 PING 2 1725933169.8 rtt=0.502ms", "received from <addr> PING 2 <time> rtt=<rtt>"),
        ("MIN RTT: 12.337ms", "MIN RTT: <rtt>"),
        ("MIN RTT: NA", "MIN RTT: NA"),
        ("rtt=0.5ms", "rtt=0.5ms"),
        ("rtt=0.5021ms", "rtt=0.5021ms"),
        ("rtt=1.250s", "rtt=1.250s"),
        ("ping 1 172593316.813111", "ping 1 172593316.813111"),
        ("ping 1 1725933169", "ping 1 1725933169"),
        ("Server bound to port 11000", "Server bound to port <port>"),
        ("Server bound to port é", "Server bound to port é"),
        ("127.0.0.1:99999 256.0.0.1:1 10.0.0.1", "127.0.0.1:99999 256.0.0.1:1 10.0.0.1"),
        ("Loss Rate: 40.000%", "Loss Rate: 40.000%"),
    ] {
        assert_eq!(mask(raw), masked);
    }
    assert_eq!(
        mask_clients("to 1.2.3.4:5: a\nto 1.2.3.4:6: b\nto 1.2.3.4:5: c\n"),
        "to <client 1>: a\nto <client 2>: b\nto <client 1>: c\n"
    );
}

#[test]
fn deviations_replace_insert_and_append() {
    let list = "# note\nfile: a*\n- x\nbecause: one\n  more\n\nfile: ab\n= y\n+ z\nbecause: two\n\nfile: ab\n+ end\nbecause: three\n";
    let all = deviations::parse(list);
    let text = all.iter().fold("x\ny\n".to_owned(), |text, d| {
        assert!(d.is_for("ab") && !d.is_for("b"));
        d.apply(&text).expect("fits")
    });
    assert_eq!(text, "y\nz\nend\n");
    assert_eq!(all[0].apply("y\n"), None);
    assert_eq!(all[0].apply(""), None);
}

#[test]
fn a_diff_marks_the_lines() {
    assert_eq!(golden::diff("a\nb\nc\n", "a\nc\nd\n"), "  a\n- b\n  c\n+ d\n");
}

#[test]
fn a_session_that_disagrees_with_itself_is_found() {
    let good = "send to h: ping 1 5.0\nreceived from h PING 1 5.0 rtt=0.200ms\nPackets Sent: 1\nPackets Received: 1\nMIN RTT: 0.200ms\nMAX RTT: 0.200ms\nAVG RTT: 0.200ms\n";
    session::check_client(good);
    for (old, new) in [("PING 1 5.0", "PING 1 6.0"), ("Sent: 1", "Sent: 2"), ("AVG RTT: 0.200", "AVG RTT: 0.202")] {
        let bad = good.replace(old, new);
        assert!(std::panic::catch_unwind(|| session::check_client(&bad)).is_err(), "{bad}");
    }
}

#[test]
fn checksums_hold() {
    // The example of RFC 1071, section 3.
    assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
    let (a, b) = ("127.0.0.1:1000".parse(), "127.0.0.1:2000".parse());
    let packet = udp_packet(a.expect("an address"), b.expect("an address"), b"odd");
    assert_eq!((checksum(&packet[..20]), packet.len()), (0, 31));
    let error = message(IcmpError { quoted: 8, ..IcmpError::unreachable(1) }, &packet);
    assert_eq!((checksum(&error), error.len()), (0, 8 + 20 + 8));
}

#[test]
fn a_closed_port_refuses() {
    let closed = ClosedPort::new();
    assert_eq!(error_of(&closed.addr().to_string()), Some(ErrorKind::ConnectionRefused));
}

#[test]
fn a_forged_error_reaches_the_socket_it_quotes() {
    if !require_own_network_or_skip("forged ICMP errors reach a socket") {
        return;
    }
    // Of the codes, port unreachable is one that a connected socket learns of without asking.
    for quoted in [8, 548] {
        let forger = icmp::forger(move |_| Some(IcmpError { quoted, ..IcmpError::unreachable(3) }));
        assert_eq!(error_of(&forger.addr().to_string()), Some(ErrorKind::ConnectionRefused));
    }
}

#[test]
fn a_relay_loses_as_its_policy_says() {
    let server = UdpPeer::answering(usize::MAX);
    let relay = relay(server.addr(), |reply| reply == b"LOST");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("cannot bind");
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out");
    let mut buffer = [0; 100];
    for text in ["lost", "kept"] {
        socket.send_to(text.as_bytes(), relay.addr()).expect("cannot send");
    }
    let n = socket.recv(&mut buffer).expect("a reply");
    assert_eq!(&buffer[..n], b"KEPT");
}

#[test]
fn a_terminal_echoes_and_interrupts() {
    let script = "trap 'echo caught; exit 7' INT; echo ready; read line; echo got $line; read more";
    let mut shell = Cmd::new(Path::new("/bin/sh"), &["-c", script]).start_on_terminal();
    shell.wait_for("ready\n");
    shell.type_text("typed\n");
    shell.wait_for("got typed\n");
    shell.press_ctrl_c();
    let run = shell.finish().expect_code(7);
    assert_eq!(run.stdout, "ready\ntyped\ngot typed\n^Ccaught\n");
}

/// What a connected socket receives after sending one datagram to `addr`.
fn error_of(addr: &str) -> Option<ErrorKind> {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("cannot bind");
    socket.connect(addr).expect("cannot connect");
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out");
    socket.send(b"ping 1 0.0").expect("cannot send");
    socket.recv(&mut [0; 100]).err().map(|e| e.kind())
}
