//! The scripts that come with pingscript, started or edited wrongly.

use super::{Case, assert_message};
use crate::common::udp::ClosedPort;
use crate::common::{TempDir, nobodys_pingscript, pingscript, require_root_or_skip};
use std::net::UdpSocket;

#[test]
fn options_of_the_pinger() {
    check("scripts/udp_ping.rhai", &["--count", "1"], &PING);
}

#[test]
fn options_of_the_server() {
    check("scripts/udp_server.rhai", &[], &SERVER);
}

fn check(script: &str, more: &[&str], cases: &[Case]) {
    for (line, code, expected) in cases {
        let mut words = vec![script];
        words.extend(line.split(' '));
        if !line.contains("--count") {
            words.extend(more);
        }
        assert_message(line, &pingscript(&words).run(), *code, expected);
    }
}

#[test]
fn a_name_without_an_address() {
    let line = ["scripts/udp_ping.rhai", "--count", "1", "--server", "no.such.host.invalid:7"];
    let run = pingscript(&line).run().expect_code(3);
    // What the resolver says differs between systems.
    let reason = run.stderr.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(reason, _)| reason);
    assert_message("no.such.host.invalid", &run, 3, &NO_ADDRESS.replace("<reason>", reason));
}

#[test]
fn a_port_that_is_taken() {
    let other = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let addr = other.local_addr().expect("an address").to_string();
    let port = addr.rsplit(':').next().unwrap_or_default();
    let ping = pingscript(&["scripts/udp_ping.rhai", "--count", "1", "--server", "127.0.0.1:9", "--bind", &addr]).run();
    assert_message("--bind", &ping, 3, &BOUND_PING.replace("<port>", port));
    let server = pingscript(&["scripts/udp_server.rhai", "--listen", &addr]).run();
    assert_message("--listen", &server, 3, &BOUND_SERVER.replace("<port>", port));
}

#[test]
fn a_port_that_needs_a_permission() {
    let first = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap_or_default();
    if first.trim().parse::<u16>().is_ok_and(|first| first <= 80)
        || !require_root_or_skip("port 80 without a permission")
    {
        return;
    }
    let dir = TempDir::new();
    let run = nobodys_pingscript(&dir, &["scripts/udp_server.rhai", "--listen", "127.0.0.1:80"]).run().expect_code(4);
    assert!(run.stderr.starts_with("error: bind 127.0.0.1:80: permission denied\n"), "{}", run.stderr);
    assert!(run.stderr.contains("hint: "), "{}", run.stderr);
}

#[test]
fn the_count_typed_wrongly_at_a_terminal_is_asked_for_again() {
    let closed = ClosedPort::new();
    let line = ["scripts/udp_ping.rhai", "--server", &closed.addr().to_string(), "--timeout", "100ms"];
    let mut running = pingscript(&line).start_on_terminal();
    running.wait_for("Enter number of pings to be sent:");
    running.type_text("many\n");
    running.wait_until("a second question", |text| text.matches("Enter number").count() == 2);
    running.type_text("1\n");
    let run = running.finish().expect_code(1);
    assert!(run.stdout.contains("\"many\": it is not a whole number"), "{}", run.stdout);
    assert!(run.stdout.contains("Packets Sent: 1"), "{}", run.stdout);
}

#[test]
fn the_end_of_input_at_the_question_is_the_default() {
    let closed = ClosedPort::new();
    let line = ["scripts/udp_ping.rhai", "--server", &closed.addr().to_string(), "--timeout", "10ms"];
    let mut running = pingscript(&line).start_on_terminal();
    running.wait_for("Enter number of pings to be sent:");
    running.type_text("\u{4}");
    let run = running.finish().expect_code(1);
    assert!(run.stdout.contains("Packets Sent: 5"), "{}", run.stdout);
}

/// Options, exit code, message.
const PING: [Case; 22] = [
    (
        "--server 127.0.0.1:99999",
        2,
        r#"
error: invalid value '127.0.0.1:99999' for '--server <HOST:PORT>': port 99999 of "127.0.0.1:99999" is out of range: ports are 0 to 65535; write HOST:PORT, such as 127.0.0.1:11000, localhost:11000 or [::1]:11000

For more information, try '--help'.
"#,
    ),
    (
        "--server 127.0.0.1",
        2,
        r#"
error: invalid value '127.0.0.1' for '--server <HOST:PORT>': "127.0.0.1" has no port; write HOST:PORT, such as 127.0.0.1:11000, localhost:11000 or [::1]:11000

For more information, try '--help'.
"#,
    ),
    (
        "--server 127.0.0.1:",
        2,
        r#"
error: invalid value '127.0.0.1:' for '--server <HOST:PORT>': "127.0.0.1:" has no port after the colon; write HOST:PORT, such as 127.0.0.1:11000, localhost:11000 or [::1]:11000

For more information, try '--help'.
"#,
    ),
    (
        "--server ::1:7",
        2,
        r#"
error: invalid value '::1:7' for '--server <HOST:PORT>': "::1:7" is an IPv6 address without brackets or without a port; write HOST:PORT, such as 127.0.0.1:11000, localhost:11000 or [::1]:11000

For more information, try '--help'.
"#,
    ),
    (
        "--server [::1",
        2,
        r#"
error: invalid value '[::1' for '--server <HOST:PORT>': "[::1" lacks a closing ]; write HOST:PORT, such as 127.0.0.1:11000, localhost:11000 or [::1]:11000

For more information, try '--help'.
"#,
    ),
    (
        "--server",
        2,
        r#"
error: a value is required for '--server <HOST:PORT>' but none was supplied

For more information, try '--help'.
"#,
    ),
    (
        "--count -3",
        2,
        r#"
error: invalid value '-3' for '--count <N>': it must be at least 0

For more information, try '--help'.
"#,
    ),
    (
        "--count x",
        2,
        r#"
error: invalid value 'x' for '--count <N>': it is not a whole number

For more information, try '--help'.
"#,
    ),
    (
        "--timeout fast",
        2,
        r#"
error: invalid value 'fast' for '--timeout <TIME>': it is not a duration: write a number and a unit, such as 1s, 250ms or 50us

For more information, try '--help'.
"#,
    ),
    (
        "--timeout 5",
        2,
        r#"
error: invalid value '5' for '--timeout <TIME>': it is not a duration: write a number and a unit, such as 1s, 250ms or 50us

For more information, try '--help'.
"#,
    ),
    (
        "--timeout -1s",
        2,
        r#"
error: invalid value '-1s' for '--timeout <TIME>': a duration cannot be negative

For more information, try '--help'.
"#,
    ),
    (
        "--cuont 5",
        2,
        r#"
error: unexpected argument '--cuont' found

  tip: a similar argument exists: '--count'

Usage: pingscript scripts/udp_ping.rhai [OPTIONS]

For more information, try '--help'.
"#,
    ),
    (
        "--size 70000",
        2,
        r#"
error: invalid value '70000' for '--size <N>': it must be at most 65507

For more information, try '--help'.
"#,
    ),
    (
        "--size -1",
        2,
        r#"
error: invalid value '-1' for '--size <N>': it must be at least 0

For more information, try '--help'.
"#,
    ),
    (
        "--interval -1ms",
        2,
        r#"
error: invalid value '-1ms' for '--interval <TIME>': a duration cannot be negative

For more information, try '--help'.
"#,
    ),
    (
        "--bind x",
        2,
        r#"
error: invalid value 'x' for '--bind <HOST:PORT>': "x" has no port; write HOST:PORT, such as 127.0.0.1:11000, localhost:11000 or [::1]:11000

For more information, try '--help'.
"#,
    ),
    (
        "nonsense",
        2,
        r#"
error: unexpected argument 'nonsense' found

Usage: pingscript scripts/udp_ping.rhai [OPTIONS]

For more information, try '--help'.
"#,
    ),
    (
        "-x",
        2,
        r#"
error: unexpected argument '-x' found

Usage: pingscript scripts/udp_ping.rhai [OPTIONS]

For more information, try '--help'.
"#,
    ),
    (
        "--count 1 --count 2",
        2,
        r#"
error: the argument '--count <N>' cannot be used multiple times

Usage: pingscript scripts/udp_ping.rhai [OPTIONS]

For more information, try '--help'.
"#,
    ),
    (
        "--server :7",
        2,
        r#"
error: --server :7: ":7" has no host
  hint: write HOST:PORT, such as 127.0.0.1:11000, localhost:11000 or [::1]:11000
"#,
    ),
    (
        "--server 127.0.0.1:0",
        2,
        r#"
error: --server 127.0.0.1:0: nothing can be reached at port 0
  hint: give the port that the peer listens on, 1 to 65535
"#,
    ),
    (
        "--bind 192.0.2.1:0 --server 127.0.0.1:9",
        2,
        r#"
error: --bind 192.0.2.1:0: cannot assign requested address
  hint: bind to an address of this host, such as 127.0.0.1 or 0.0.0.0
"#,
    ),
];

/// Options, exit code, message.
const SERVER: [Case; 4] = [
    (
        "--listen 127.0.0.1:port",
        2,
        r#"
error: invalid value '127.0.0.1:port' for '--listen <HOST:PORT>': "port" in "127.0.0.1:port" is not a port number; write HOST:PORT, such as 127.0.0.1:11000, localhost:11000 or [::1]:11000

For more information, try '--help'.
"#,
    ),
    (
        "--listen 11000",
        2,
        r#"
error: invalid value '11000' for '--listen <HOST:PORT>': "11000" has no port; write HOST:PORT, such as 127.0.0.1:11000, localhost:11000 or [::1]:11000

For more information, try '--help'.
"#,
    ),
    (
        "--quite",
        2,
        r#"
error: unexpected argument '--quite' found

  tip: a similar argument exists: '--quiet'

Usage: pingscript scripts/udp_server.rhai [OPTIONS]

For more information, try '--help'.
"#,
    ),
    (
        "more",
        2,
        r#"
error: unexpected argument 'more' found

Usage: pingscript scripts/udp_server.rhai [OPTIONS]

For more information, try '--help'.
"#,
    ),
];

const NO_ADDRESS: &str = r#"
error: resolve no.such.host.invalid: no address for this name (<reason>)
  --> scripts/udp_ping.rhai:26:10
   26 | server = resolve(server);
      |          ^
  hint: check the spelling and the network's name server, or give an address such as 127.0.0.1
"#;

const BOUND_PING: &str = r#"
error: bind 127.0.0.1:<port>: address already in use
  --> scripts/udp_ping.rhai:27:17
   27 | let sock = udp::open(server, OPT.bind, #{ dscp: OPT.dscp, broadcast: OPT.broadcast });
      |                 ^
  hint: another socket has port <port>; stop it, or choose another port (0: any free one)
"#;

const BOUND_SERVER: &str = r#"
error: bind 127.0.0.1:<port>: address already in use
  --> scripts/udp_server.rhai:17:19
   17 | let server = udp::bind(OPT.listen);
      |                   ^
  hint: another socket has port <port>; stop it, or choose another port (0: any free one)
"#;
