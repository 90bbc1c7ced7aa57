//! The scripts beside the pinger: sweep, path, path MTU, and what they say of wrong input.

use super::*;

#[test]
fn a_sweep_ends_in_a_table() {
    if !require_root_or_skip("a sweep over addresses of which some are silent") {
        return;
    }
    // 127.0.0.1 to .4 reply, .5 and .6 are silent, .7 rejects.
    let answer = |asked: &Asked| {
        let last = asked.to.to_string().rsplit('.').next().and_then(|last| last.parse::<u8>().ok());
        match last {
            Some(1..=4) => vec![asked.reply()],
            Some(7) => vec![asked.error(3, 10, [0; 4], 8)],
            _ => Vec::new(),
        }
    };
    for (groups, rate) in [(NONE, "0"), (ALL, "0"), (ALL, "200")] {
        let _host = EchoHost::start(groups, answer);
        let args = ["sweep", "127.0.0.1-7", "--timeout", SHORT, "--rate", rate];
        let run = pingscript(&args).run().expect_code(0);
        for part in [
            "127.0.0.1-127.0.0.4      4  alive ",
            "127.0.0.5-127.0.0.6      2  no reply\n",
            "Communication with Destination Host is Administratively Prohibited\n",
            "4 of 7 targets alive\n",
        ] {
            assert!(run.stdout.contains(part), "no {part:?} in\n{}", run.stdout);
        }
    }
}

#[test]
fn a_sweep_of_a_network_loses_nobody() {
    if !require_root_or_skip("a sweep over a network") {
        return;
    }
    let args = ["sweep", "127.3.0.0/20", "--rate", "0", "--timeout", LONG];
    let run = pingscript(&args).run().expect_code(0);
    assert!(run.stdout.contains("127.3.0.1-127.3.15.254   4094  alive "), "{}", run.stdout);
    let run = pingscript(&["sweep", "127.3.0.1-3", "--each", "--rate", "0"]).run().expect_code(0);
    assert_eq!(run.stdout.matches(" is alive, rtt=").count(), 3, "{}", run.stdout);
}

#[test]
fn targets_that_are_none_are_refused() {
    for (targets, part) in [
        ("10.0.0.9-1", "its last address stands before its first"),
        ("10.0.0.0/40", "is not 0 to 32"),
        ("::/0", "more than 4,294,967,296 addresses"),
        ("127.0.0.1,::1", "mixes IPv4 and IPv6"),
    ] {
        let run = pingscript(&["sweep", targets]).run().expect_code(3);
        assert!(run.stderr.contains(part) && run.stderr.contains("  hint: "), "{}", run.stderr);
    }
}

#[test]
fn paths_over_loopback_have_one_hop() {
    for proto in ["udp", "tcp", "icmp"] {
        if proto == "icmp" && !require_root_or_skip("a traceroute by ICMP") {
            return;
        }
        for target in ["127.0.0.1", "::1"] {
            let args = ["traceroute", target, "--proto", proto, "--timeout", LONG];
            let run = pingscript(&args).run().expect_code(0);
            let line = run.stdout.lines().nth(1).unwrap_or_default();
            assert!(line.starts_with(&format!(" 1  {target}  ")), "{}", run.stdout);
            assert_eq!((run.stdout.lines().count(), line.matches("ms").count()), (2, 3), "{}", run.stdout);
        }
    }
}

#[test]
fn what_arrives_is_shown_and_explained() {
    if !require_root_or_skip("a listener for all ICMP") {
        return;
    }
    let _host = EchoHost::start(ALL, |asked: &Asked| vec![asked.error(3, 4, [0, 0, 5, 0x78], 548)]);
    let args = ["icmp_listen", "--explain", "--only", "fragmentation-needed", "--count", "1"];
    let listener = pingscript(&args).start();
    // It may begin to listen after the first.
    let pings =
        pingscript(&["icmp_ping", "127.0.0.1", "--count", "200", "--interval", "10ms", "--timeout", SHORT]).start();
    let run = listener.finish().expect_code(0);
    drop(pings);
    for part in [
        "ICMP: Fragmentation Needed and Don't Fragment was Set (next-hop MTU 1400), type 3 code 4 (RFC 792)",
        "about ICMP 127.0.0.1 > 127.0.0.1 Echo Request id ",
        "next-hop MTU 1400",
        "as in the message: right",
        "Likely cause: The packet is larger",
        "What to try: ",
    ] {
        assert!(run.stdout.contains(part), "no {part:?} in\n{}", run.stdout);
    }
}

#[test]
fn pasted_bytes_are_decoded() {
    let code = r#"
        let dump = "\t0x0000:  45c0 0046 f950 0000 4001 82a4 7f00 0001\n\t0x0010:  7f00 0001 0303 a5ab 0000 0000 4500 002a\n\t0x0020:  c2c7 4000 4011 79f9 7f00 0001 7f00 0001\n\t0x0030:  9c40 0009 0016 fe29 7069 6e67 2031 2031\n\t0x0040:  3731 342e 3235";
        let m = icmp::decode(dump);
        expect([m.name, m.type, m.code, m.checksum_ok, m.role], ["Port Unreachable", 3, 3, true, "error"]);
        expect([m.ip.from, m.ip.ttl, m.quote.from_port, m.quote.to_port], ["127.0.0.1", 64, 40_000, 9]);
        expect([m.mtu, m.extensions, m.id], [(), (), ()]);
        expect(`${reader(m.quote.data).text(4)}`, "ping");
        try { m.tpye } catch (e) { print(e.message); }
        for wrong in ["", "xyz", "45"] { try { icmp::decode(wrong); expect(true, false); } catch (e) { expect(e.kind, "invalid"); } }
    "#;
    pingscript(&["-e", code]).run().expect_code(0);
}
