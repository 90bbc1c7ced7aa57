//! Policies of scripts on the links and at the ingresses of labs: the same closures, files and native ones as in servers.

mod common;

use common::{Run, TempDir, pingscript};

/// Two hosts, a link, and a server in b that echoes.
const NET: &str = r#"
let net = lab::create();
let a = net.host("a");
let b = net.host("b");
let link = net.link(a, b);
let server = run_in(b, || udp::bind("*:11000"));
run_in(b, || start_thread(|| udp::serve(server, udp::echo())));
let sock = run_in(a, || udp::bind("*:0"));
let to = `${b.addr}:11000`;
"#;

/// Runs `code` with the net before it; `None`, after a loud word, where the system allows no lab.
fn run(code: &str) -> Option<Run> {
    let probe = pingscript(&["-e", "lab::create(); 1"]).run();
    if probe.stderr.contains("permission") || probe.stderr.contains("lab: ") {
        common::skip("labs", &probe.stderr);
        return None;
    }
    let dir = TempDir::new();
    let file = dir.write("net.rhai", &format!("{NET}{code}\nexit();\n"));
    Some(pingscript(&["--seed", "1", file.to_str().expect("a path in UTF-8")]).run())
}

/// What the script printed, without the account at the end.
fn printed(run: &Run) -> &str {
    run.stdout.split("Lost ").next().unwrap_or_default()
}

#[test]
fn every_policy_file_serves_at_links_and_ingresses() {
    let Some(run) = run(r#"
        for name in ["corrupt:p=0.5", "delay:by=2ms,jitter=1ms", "duplicate:p=0.5", "every:n=3", "first:n=2",
                     "gilbert:p=0.3", "loss:p=0.3", "pattern:bits=1101"] {
            for place in [link, link.from(b), b.ingress] {
                set_policy(place, policy(name));
                for seq in 1..=8 { sock.ping(to, `ping ${seq} ${name}`, 20.ms); }
                set_policy(place, always(pass()));
            }
        }
    "#) else {
        return;
    };
    let run = run.expect_code(0);
    assert!(!run.stderr.contains("failed"), "{}", run.stderr);
    for name in ["corrupt", "delay", "duplicate", "every", "first", "gilbert", "loss", "pattern"] {
        for place in ["on a-b acted on", "on a-b from b acted on", "at the ingress of b acted on"] {
            let line = format!("policy(\"scripts/policies/{name}.rhai\") {place}");
            assert!(run.stderr.contains(&line), "no {line}:\n{}", run.stderr);
        }
    }
}

#[test]
fn a_closure_sees_the_packet_and_keeps_its_own_state() {
    let Some(run) = run(r#"
        let seen = 0;
        let reported = channel();
        set_policy(link, |pkt| {
            seen += 1;
            reported.send(`${pkt.protocol} ${pkt.from.ip} > ${pkt.to} ${pkt.direction} ${pkt.host} ${pkt.link} ${pkt.text} ` +
                      `${pkt.len} ${pkt.size} ${pkt.ttl} ${pkt.number} ${pkt.flow} ${pkt.icmp == ()} ${seen}`);
            if seen == 2 { drop() } else { pass() }
        });
        print(sock.ping(to, "ping 1 x", 50.ms).kind);
        print(seen);
        print(reported.recv());
        print(reported.recv());
        set_policy(link, always(pass()));
        set_policy(link.from(a), |pkt| reject("ttl-exceeded"));
        set_policy(a.ingress, |pkt| { reported.send(`${pkt.icmp.name} ${pkt.icmp.type} ${pkt.id} ${pkt.flags} ${pkt.malformed}`); pass() });
        print(sock.ping(to, "ping 2 x", 1.s).icmp.name);
        print(reported.recv());
    "#) else {
        return;
    };
    let lines: Vec<&str> = printed(&run).lines().collect();
    assert_eq!(lines[..2], ["timeout", "0"], "{}", run.stderr);
    assert_eq!(lines[2], "udp 10.0.0.1 > 10.0.0.2:11000 a > b a a-b ping 1 x 8 50 64 1 0 true 1", "{}", run.stderr);
    assert!(lines[3].starts_with("udp 10.0.0.2 > 10.0.0.1:"), "{}", run.stdout);
    assert!(lines[3].ends_with(" b > a b a-b ping 1 x 8 50 64 1 1 true 2"), "{}", run.stdout);
    let expired = "Time to Live exceeded in Transit";
    assert_eq!(lines[4..], [expired, &format!("{expired} 11   false")], "{}", run.stderr);
}

#[test]
fn one_that_throws_is_reported_once_with_its_line_and_packets_pass() {
    let Some(run) = run(r#"
        set_policy(link, |pkt| if pkt.numbr == 1 { drop() } else { pass() });
        for seq in 1..=5 { print(sock.ping(to, `ping ${seq} x`, 1.s).kind); }
    "#) else {
        return;
    };
    assert_eq!(printed(&run), "reply\n".repeat(5));
    assert_eq!(run.stderr.matches("has no property `numbr`").count(), 1, "{}", run.stderr);
    assert!(run.stderr.contains("did you mean `number`?"), "{}", run.stderr);
    assert!(run.stderr.contains("net.rhai:11:"), "{}", run.stderr);
    assert!(run.stderr.contains("on a-b acted on 0 of 10 packets"), "{}", run.stderr);
    assert!(run.stderr.contains("it failed on 10, which passed"), "{}", run.stderr);
}

#[test]
fn rejections_have_every_form_at_links_and_ingresses() {
    let Some(run) = run(r#"
        for place in [link.from(a), b.ingress] {
            for verdict in [reject(), reject("admin-prohibited"), reject("icmp-net-prohibited"), reject(3, 13), reject(12, 1),
                            reject("frag-needed", #{ mtu: 1280, from: "10.9.9.9" })] {
                set_policy(place, |pkt| verdict);
                let ping = sock.ping(to, "ping 1 x", 1.s);
                print(`${ping.icmp} ${ping.icmp.offender} ${ping.icmp.info}`);
            }
            set_policy(place, always(pass()));
        }
        for wrong in [|| reject("port-unreachible"), || reject(3, 300), || reject("port-unreachable", #{ mtu: 1 }),
                      || reject("redirect-host", #{ gateway: "::1" }), || reject("frag-needed", #{ mut: 1 })] {
            try { wrong.call(); } catch (e) { print(e.message); }
        }
    "#) else {
        return;
    };
    let run = run.expect_code(0);
    let each = "Port Unreachable 10.0.0.2 0\n\
        Communication Administratively Prohibited 10.0.0.2 0\n\
        Communication with Destination Network is Administratively Prohibited 10.0.0.2 0\n\
        Communication Administratively Prohibited 10.0.0.2 0\n\
        Missing a Required Option 10.0.0.2 0\n\
        Fragmentation Needed and Don't Fragment was Set 10.9.9.9 1280\n";
    let wrong = "no ICMP error is called \"port-unreachible\"\n\
        the code is 0 to 255, not 300\n\
        reject(\"port-unreachable\") has no room for an mtu of 1\n\
        `gateway` takes an IPv4 address, not ::1\n\
        unknown option `mut`\n";
    assert_eq!(printed(&run), format!("{each}{each}{wrong}"), "{}", run.stderr);
}

#[test]
fn a_router_without_a_route_is_limited_on_ipv4_and_a_policy_at_its_ingress_is_not() {
    let Some(run) = run(r#"
        let r = net.router("r");
        net.link(a, r);
        for to in ["192.0.2.0/24", "2001:db8::/32"] { a.route(to, r); }
        let plan = #{ count: 40, interval: 1.ms, window: 128, timeout: 1.s, icmp_wait: 0.s };
        fn errors(a, to, plan) {
            let reported = counter();
            run_in(a, || for ping in pinger(udp::open(to), to, plan) { if ping.kind == "icmp" { reported.add(1); } });
            reported.value
        }
        expect(errors(a, "192.0.2.1:7", plan), between(5, 39), "errors of the kernel on IPv4");
        expect(errors(a, "[2001:db8::1]:7", plan), 40, "errors of the kernel on IPv6");
        set_policy(r.ingress, |pkt| reject("icmp-net-unreachable"));
        expect(errors(a, "192.0.2.1:7", plan), 40, "errors of a policy on IPv4");
        set_policy(r.ingress, |pkt| reject("icmp6-no-route"));
        expect(errors(a, "[2001:db8::1]:7", plan), 40, "errors of a policy on IPv6");
    "#) else {
        return;
    };
    run.expect_code(0);
}

#[test]
fn a_seed_gives_the_same_verdicts_again_and_rows_name_the_link() {
    let code = r#"
        set_policy(link, |pkt| if random() < 0.4 { drop() } else { pass() });
        for seq in 1..=9 { print(`${seq} ${sock.ping(to, `ping ${seq} x`, 500.ms).kind}`); }
    "#;
    let (Some(first), Some(second)) = (run(code), run(code)) else { return };
    assert_eq!(printed(&first), printed(&second));
    assert!(first.stdout.contains("reply") && first.stdout.contains("timeout"), "{}", first.stdout);
    let dir = TempDir::new();
    let file = dir.write("net.rhai", &format!("{NET}{code}\nexit();\n"));
    let run = pingscript(&["--seed", "1", "--json", "-", file.to_str().expect("a path in UTF-8")]).run();
    let rows: Vec<serde_json::Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).expect("a row")).collect();
    let of = |kind: &str| rows.iter().filter(|row| row["type"] == kind).collect::<Vec<_>>();
    assert!(of("verdict").iter().all(|row| row["at"] == "a-b" && row.get("host").is_none()), "{}", run.stdout);
    assert!(of("probe").iter().all(|row| row["host"] == "a"), "{}", run.stdout);
    let lost = of("probe").iter().filter(|row| row["state"] == "timed_out").count();
    assert_eq!((of("verdict").len(), of("summary")[0]["unexplained"].as_u64()), (lost, Some(0)));
    assert_eq!(of("summary")[0]["policies"][0]["at"], "a-b");
}

#[test]
fn what_kernels_say_by_themselves_changes_no_draw() {
    // Without it, MLD and neighbour discovery come when they like; with it, ARP comes first.
    let losses = |arp: bool, pause: u32| {
        let script = format!(
            "let net = lab::create(#{{ arp: {arp} }}); let a = net.host(\"a\"); let b = net.host(\"b\"); net.link(a, b, #{{ jitter: 1.ms }});
             b.start(\"udp_server_plain.rhai\", [\"--listen\", \"*:11000\", \"--quiet\"]);
             let seen = channel();
             set_policy(b.ingress, |pkt| {{
                 if pkt.protocol == \"udp\" {{ seen.send(`${{pkt.flow}}`); }} else {{ expect(pkt.flow < 0, true); return pass(); }}
                 if random() < 0.3 {{ drop() }} else {{ pass() }}
             }});
             sleep({pause}.ms);
             for to in [`${{b.addr}}:11000`, `[${{b.addr6}}]:11000`] {{
                 let sock = run_in(a, || udp::open(to));
                 let kinds = \"\";
                 for seq in 0..12 {{ kinds += if sock.ping(to, `ping ${{seq}}`, 60.ms).kind == \"reply\" {{ \".\" }} else {{ \"x\" }}; }}
                 let flow = seen.recv();
                 for rest in 1..12 {{ expect(seen.recv(), flow); }}
                 print(`flow ${{flow}}: ${{kinds}}`);
             }}
             exit();"
        );
        let run = pingscript(&["--seed", "16", "-e", &script]).run().expect_code(0);
        assert!(run.stderr.contains("seed: 16 (the same again: --seed 16)"), "{}", run.stderr);
        printed(&run).to_string()
    };
    if run("").is_none() {
        return;
    }
    let first = losses(false, 0);
    assert!(first.contains("\nflow 0: ") && first.contains("\nflow 1: ") && first.contains('x'), "{first}");
    for (arp, pause) in [(false, 40), (false, 130), (false, 250), (true, 0), (true, 130)] {
        assert_eq!(losses(arp, pause), first, "arp {arp}, a pause of {pause} ms");
    }
}

#[test]
fn a_seed_is_not_said_to_do_the_same_again_where_it_decided_about_segments() {
    let Some(run) = run(r#"
        b.start("tcp_multi.rhai", ["--listen", "*:11001", "--quiet"]);
        for part in [link, b.ingress] {
            set_policy(part, loss(0.1));
        }
        print(run_in(a, || tcp::connect("b:11001").ping("ping 1 x", 20.s)).kind);
    "#) else {
        return;
    };
    let run = run.expect_code(0);
    assert!(printed(&run).ends_with("reply\n"), "{}", run.stderr);
    let note = "seed: 1 (--seed 1 draws the same again, but TCP over links sends other segments in each run)\n";
    assert!(run.stderr.ends_with(note), "{}", run.stderr);
}

#[test]
fn what_a_link_loses_without_a_policy_is_in_the_rows() {
    let code = r#"
        sock.ping(to, "ping 1 x", 5.s);
        link.down();
        sock.ping(to, "ping 2 x", 20.ms);
        link.up();
        link.rate = "8k";
        let before = link.from(a).frames;
        for seq in 0..200 { sock.send_to(`filler ${seq}`, to); }
        while link.from(a).frames < before + 200 { sleep(1.ms); }
    "#;
    if run("").is_none() {
        return;
    }
    let dir = TempDir::new();
    let file = dir.write("net.rhai", &format!("{NET}{code}\nexit();\n"));
    let csv = dir.path().join("rows.csv").display().to_string();
    let run = pingscript(&["--json", "-", "--csv", &csv, file.to_str().expect("a path in UTF-8")]).run().expect_code(0);
    let rows: Vec<serde_json::Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).expect("a row")).collect();
    let lost = |why: &str| rows.iter().filter(|row| row["type"] == "lost" && row["why"] == why).collect::<Vec<_>>();
    let (down, full) = (lost("link down"), lost("queue full"));
    assert_eq!((down.len(), &down[0]["at"], &down[0]["bytes"]), (1, &"a-b".into(), &8.into()), "{}", run.stdout);
    assert!(down[0]["to"] == "10.0.0.2:11000" && full.len() > 50, "{}", run.stdout);
    let cells = std::fs::read_to_string(csv).expect("rows");
    assert_eq!(cells.lines().filter(|line| line.contains(",a-b,queue full,")).count(), full.len(), "{cells}");
}

#[test]
fn a_policy_of_a_link_that_changes_its_own_copy_of_a_variable_is_noted() {
    let code = "let n = 0; set_policy(link.from(a), |pkt| { n += 1; if n == 2 { drop() } else { pass() } });
        for seq in 1..4 { sock.ping(to, `ping ${seq}`, 200.ms); } print(n);";
    let Some(run) = run(code) else { return };
    assert!(run.stderr.contains("note: `n` was changed in the policy, and there alone"), "{}", run.stderr);
    assert!(printed(&run).contains("0\n"), "{}", run.stdout);
}
