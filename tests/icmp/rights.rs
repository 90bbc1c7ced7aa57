//! What users without rights are told, and wrong input.

use super::*;
use common::{TempDir, nobodys_pingscript};

#[test]
fn an_ordinary_user_pings_where_ping_sockets_are_allowed() {
    if !require_root_or_skip("the ICMP pinger as another user") {
        return;
    }
    let _host = EchoHost::start(ALL, |asked: &Asked| vec![asked.reply()]);
    let dir = TempDir::new();
    for target in ["127.0.0.1", "::1", "localhost"] {
        let args = ["icmp_ping", target, "--count", "2", "--interval", "0ms", "--timeout", LONG];
        let run = nobodys_pingscript(&dir, &args).run().expect_code(0);
        let bytes = if target == "::1" { "56 bytes from ::1: ttl=64" } else { "36 bytes from 127.0.0.1: ttl=64" };
        assert!(run.stdout.contains(bytes), "{}", run.stdout);
    }
}

#[test]
fn an_ordinary_user_is_told_both_remedies_where_they_are_not() {
    if !require_root_or_skip("the ICMP pinger as another user") {
        return;
    }
    let _host = EchoHost::start(NONE, |asked: &Asked| vec![asked.reply()]);
    let dir = TempDir::new();
    let run = nobodys_pingscript(&dir, &["icmp_ping", "127.0.0.1", "--count", "1"]).run().expect_code(4);
    for part in [
        "neither a ping socket nor a raw",
        "net.ipv4.ping_group_range=\"0 2147483647\"",
        "now \"1 0\"",
        "setcap cap_net_raw+ep",
    ] {
        assert!(run.stderr.contains(part), "no {part} in\n{}", run.stderr);
    }
}

#[test]
fn wrong_input_is_refused_in_words() {
    for (args, code, part) in [
        (&["127.0.0.1", "--size", "70000"][..], 2, "it must be at most 65507"),
        (&["127.0.0.1", "--ttl", "0"], 2, "it must be at least 1"),
        (&["127.0.0.1", "--count", "0"], 2, "it must be at least 1"),
        (&["127.0.0.1", "--interval", "-1s"], 2, "cannot be negative"),
        (&["127.0.0.1:7", "--count", "1"], 3, "has a port, and ICMP has none"),
        (&["no.such.host.invalid", "--count", "1"], 3, "no address for this name"),
        (&["127.0.0.1", "--count", "1", "--version", "IPv6"], 3, "it has no IPv6 address"),
        (&["127.0.0.1", "--count", "1", "--pattern", "xyz"], 3, "no hexadecimal digit"),
    ] {
        let run = pingscript(&[&["scripts/icmp_ping.rhai"], args].concat()).run().expect_code(code);
        assert!(run.stderr.contains(part), "{args:?}: no {part} in\n{}", run.stderr);
    }
}

#[test]
fn an_address_without_a_route_is_an_error_of_this_host() {
    if !require_root_or_skip("a network without routes") {
        return;
    }
    let _host = EchoHost::start(ALL, |asked: &Asked| vec![asked.reply()]);
    for target in ["2001:db8::1", "192.0.2.1"] {
        let args = ["icmp_ping", target, "--count", "1"];
        let run = pingscript(&args).run().expect_code(1);
        assert!(run.stdout.contains("network is unreachable for packet 1"), "{}", run.stdout);
        assert!(run.stdout.contains("Loss Rate: 100.000%"), "{}", run.stdout);
    }
}
