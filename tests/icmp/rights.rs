//! What users without rights see, and wrong input.

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
fn an_ordinary_user_is_reported_both_remedies_where_they_are_not() {
    if !require_root_or_skip("the ICMP pinger as another user") {
        return;
    }
    let _host = EchoHost::start(NONE, |asked: &Asked| vec![asked.reply()]);
    let dir = TempDir::new();
    let run = nobodys_pingscript(&dir, &["icmp_ping", "127.0.0.1", "--count", "1"]).run().expect_code(4);
    for part in [
        "neither a ping socket nor a raw",
        "a lab needs no rights: pingscript lab -- icmp_ping b; on this network: let every group",
        "net.ipv4.ping_group_range=\"0 2147483647\"",
        "now \"1 0\"",
        "setcap cap_net_raw+ep",
    ] {
        assert!(run.stderr.contains(part), "no {part} in\n{}", run.stderr);
    }
}

/// The lab that is named first is one for the script at hand, and works.
#[test]
fn where_an_ordinary_user_may_not_ping_a_lab_is_named_that_works() {
    if !require_root_or_skip("the ICMP pinger as another user") || !require_lab_or_skip("the lab of a hint") {
        return;
    }
    let _host = EchoHost::start(NONE, |asked: &Asked| vec![asked.reply()]);
    let dir = TempDir::new();
    dir.write("my.rhai", "print(icmp::open(\"127.0.0.1\").ping(\"127.0.0.1\", 1.s).kind);");
    for (script, lab) in [
        ("icmp_ping", &["icmp_ping", "b"][..]),
        ("pmtu", &["pmtu", "b"]),
        ("sweep", &["sweep", "b"]),
        ("icmp_flood", &["icmp_flood", "b"]),
        ("icmp_listen", &["icmp_listen"]),
        ("./my.rhai", &["./my.rhai"]),
    ] {
        let run = nobodys_pingscript(&dir, &[script]).run().expect_code(4);
        let hint = format!("hint: a lab needs no rights: pingscript lab -- {}; on this network: ", lab.join(" "));
        assert!(run.stderr.contains(&hint), "{script}\n{}", run.stderr);
        let args = [&["lab", "--"], lab].concat();
        match script {
            // It would wait for messages; it needs no more than the rights.
            "icmp_listen" => continue,
            // All that it sends would take longer than a test may on a busy machine.
            "icmp_flood" => nobodys_pingscript(&dir, &[&args[..], &["--count", "1000"]].concat()).run().expect_code(0),
            _ => nobodys_pingscript(&dir, &args).run().expect_code(0),
        };
    }
}

#[test]
fn wrong_input_is_refused_in_words() {
    for (args, code, part) in [
        (&["127.0.0.1", "--size", "70000"][..], 2, "it must be at most 65527"),
        (&["127.0.0.1", "--ttl", "0"], 2, "it must be at least 1"),
        (&["127.0.0.1", "--count", "-1"], 2, "it must be at least 0"),
        (&["127.0.0.1", "--interval", "-1s"], 2, "cannot be negative"),
        (&["127.0.0.1:7", "--count", "1"], 2, "TARGET 127.0.0.1:7: \"127.0.0.1:7\" has a port, and ICMP has none"),
        (&["no.such.host.invalid", "--count", "1"], 3, "no address for this name"),
        (&["127.0.0.1", "--count", "1", "--version", "IPv6"], 3, "it is an IPv4 address: ask for IPv4"),
        (&["localhost", "--count", "1", "--version", "ipv6"], 2, "IPv6"),
        (
            &["127.0.0.1", "--count", "1", "--pattern", "xyz"],
            2,
            "--pattern xyz: option `pattern` takes hexadecimal digits, not \"xyz\"",
        ),
        (&["127.0.0.1", "--count", "1", "--pattern", "abc"], 2, "write two digits for each byte"),
        (&["127.0.0.1", "--count", "1", "--pattern", "ab"], 2, "make room for it, such as: --size 9\n"),
        (&["127.0.0.1", "--count", "1", "--pattern", "DE ad", "--size", "3"], 2, "the pattern \"dead\" fills"),
        (&["127.0.0.1", "--count", "1", "--probe", "0"], 2, "names no interface"),
    ] {
        let run = pingscript(&[&["scripts/icmp_ping.rhai"], args].concat()).run().expect_code(code);
        assert!(run.stderr.contains(part), "{args:?}: no {part} in\n{}", run.stderr);
    }
}

#[test]
fn a_keyword_that_no_message_has_is_refused_with_the_nearest() {
    for (word, hint) in [
        ("redirct", "did you mean redirect"),
        ("port-unreachabel", "did you mean port-unreachable"),
        ("time-exeeded", "did you mean time-exceeded"),
        ("xyz", "keywords are such as port-unreachable"),
    ] {
        let run = pingscript(&["icmp_listen", "--only", word]).run().expect_code(2);
        let message = format!("no ICMP message has the keyword \"{word}\"");
        assert!(run.stderr.contains(&message) && run.stderr.contains(hint), "{}", run.stderr);
    }
    // Over one version alone, only its words.
    let run =
        pingscript(&["-e", "icmp::listen(#{ version: \"IPv4\", only: \"packet-too-big\" });"]).run().expect_code(3);
    assert!(run.stderr.contains("no ICMP message has the keyword"), "{}", run.stderr);
}

#[test]
fn a_type_stands_for_all_of_its_codes() {
    if !require_root_or_skip("a listener for a type of ICMP") {
        return;
    }
    let code = std::sync::atomic::AtomicU8::new(0);
    let code = std::sync::Arc::new(code);
    let _host = EchoHost::start(ALL, move |asked: &Asked| {
        let code = code.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 4;
        vec![asked.error(3, 1, [0; 4], 8), asked.error(5, code, [127, 0, 0, 9], 8)]
    });
    let listener = pingscript(&["icmp_listen", "--only", "redirect", "--count", "8"]).start();
    // It may begin to listen after the first.
    let pings =
        pingscript(&["icmp_ping", "127.0.0.1", "--count", "200", "--interval", "10ms", "--timeout", SHORT]).start();
    let run = listener.finish().expect_code(0);
    drop(pings);
    for what in ["the Network", "the Host", "the Type of Service and Network", "the Type of Service and Host"] {
        assert!(run.stdout.contains(&format!(": Redirect Datagram for {what} (")), "{}", run.stdout);
    }
    assert_eq!(run.stdout.lines().count(), 8, "{}", run.stdout);
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
