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
fn any_address_in_a_network_is_this_host() {
    if !require_root_or_skip("a sweep over a network") {
        return;
    }
    for (targets, own, all) in [("::1/126", "::1 ", 3), ("::-::1", "::1 ", 1), ("0.0.0.0/31", "127.0.0.1 ", 2)] {
        let run = pingscript(&["sweep", targets, "--timeout", SHORT]).run().expect_code(0);
        let row = run.stdout.lines().nth(1).unwrap_or_default();
        assert!(row.starts_with(own) && row.contains(" 1  alive "), "{}", run.stdout);
        let sum = format!("1 of {all} targets alive\n");
        assert!(run.stdout.contains(&sum) && !run.stdout.contains("not pinged"), "{}", run.stdout);
    }
}

#[test]
fn a_name_without_an_address_ends_no_sweep() {
    if !require_root_or_skip("a sweep over names") {
        return;
    }
    let list = "127.0.0.1-2 # two\n\n# a comment\nno.such.name.invalid, 127.0.0.3\n";
    let dir = TempDir::new();
    fs::write(dir.path().join("hosts of the lab"), list).expect("written");
    for (args, input) in [(["sweep", "@hosts of the lab"], ""), (["sweep", "@-"], list)] {
        let args = [&["--json", "rows.jsonl"], &args[..]].concat();
        let run = pingscript(&args).dir(dir.path()).stdin(input).run().expect_code(0);
        let lines: Vec<&str> = run.stdout.lines().collect();
        assert!(lines[1].starts_with("127.0.0.1-127.0.0.2 "), "{}", run.stdout);
        assert!(lines[2].starts_with("no.such.name.invalid      1  no address for this name ("), "{}", run.stdout);
        assert!(lines[3].starts_with("127.0.0.3 "), "{}", run.stdout);
        assert_eq!(lines[4..], ["3 of 4 targets alive"], "{}", run.stdout);
        let rows = fs::read_to_string(dir.path().join("rows.jsonl")).expect("rows");
        let row = rows.lines().find(|row| row.contains("\"to\":\"no.such.name.invalid\"")).expect("a row of the name");
        assert!(
            row.contains("\"state\":\"errored\"") && row.contains("\"error\":\"resolve no.such.name.invalid: "),
            "{row}"
        );
        assert!(rows.contains("\"sent\":4,\"replied\":3,\"errored\":1,"), "{rows}");
    }
    // As a target that does not reply.
    let run = pingscript(&["sweep", "no.such.name.invalid,other.invalid"]).run().expect_code(1);
    assert!(run.stdout.ends_with("0 of 2 targets alive\n"), "{}", run.stdout);
}

/// Lists of a script, over UDP and ICMP.
#[test]
fn a_name_without_an_address_is_the_outcome_of_its_pings() {
    if !require_root_or_skip("ICMP") {
        return;
    }
    for (sock, to, wrong) in [
        ("udp::open(echo.addr)", "echo.addr", "no.such.name.invalid:7"),
        ("icmp::open(\"127.0.0.1\")", "\"127.0.0.1\"", "no.such.name.invalid"),
    ] {
        let code = format!(
            "let echo = udp::bind(\"127.0.0.1:0\");
             let serving = start_thread(|| udp::serve(echo, |pkt| pkt.reply(pkt.data)));
             let all = stats();
             let said = [];
             let plan = #{{ count: 2, interval: 1.ms, timeout: 1.s, icmp_wait: 0.s, sends: true }};
             for ping in pinger({sock}, [{to}, #{{ to: \"{wrong}\", ttl: 9 }}], plan) {{
                 all.add(ping);
                 if ping.kind == \"sent\" {{ expect(type_of(ping.to), \"Addr\"); }}
                 if ping.kind == \"error\" {{ said.push(`${{ping.to}} ${{ping.error.kind}}`); }}
             }}
             expect([all.sent, all.received], [4, 2]);
             expect(said, [\"no.such.name.invalid resolve\", \"no.such.name.invalid resolve\"]);
             serving.stop();"
        );
        pingscript(&["-e", &code]).run().expect_code(0);
    }
    // One that is no list has no others to go on with.
    let run = pingscript(&["-e", "for p in pinger(icmp::open(\"::1\"), \"no.such.name.invalid\", #{}) {}"]).run();
    assert!(run.expect_code(3).stderr.contains("error: resolve no.such.name.invalid: no address for this name"));
}

#[test]
fn targets_that_are_none_are_refused() {
    for (targets, part) in [
        ("10.0.0.9-1", "its last address stands before its first"),
        ("10.0.0.0/40", "is not 0 to 32"),
        ("::/0", "more than 4,294,967,296 addresses"),
        ("127.0.0.1,::1", "mixes IPv4 and IPv6"),
        ("127.0.0.1,@", "no file is named"),
    ] {
        let run = pingscript(&["sweep", targets]).run().expect_code(2);
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

#[test]
fn the_trace_names_the_address_that_echo_requests_leave_by_and_the_identifier() {
    if !require_root_or_skip("ICMP") {
        return;
    }
    for to in ["127.0.0.1", "::1"] {
        let run =
            pingscript(&["--trace", "-e", &format!("icmp::open(\"{to}\").ping(\"{to}\", 5.s)")]).run().expect_code(0);
        let ends = format!("  {to} > {to} id ");
        assert_eq!(run.stderr.matches(&ends).count(), 3, "{}", run.stderr);
    }
}
