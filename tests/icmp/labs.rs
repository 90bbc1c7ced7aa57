//! Over the links and routers of a lab: path MTUs, and what the gaps of a path mean. What other programs say of the same paths
//! is in `judges`.

use super::*;
use common::{Run, skip};
use std::thread;

/// Runs a script that makes a lab; `None` where none can be made here.
pub(crate) fn run_lab(args: &[&str]) -> Option<Run> {
    let run = pingscript(args).patience(std::time::Duration::from_secs(60)).run();
    if run.code == Some(4) {
        skip("pings over a lab", "user namespaces or root");
        return None;
    }
    Some(run)
}

/// The script in a lab of the kernel, where one can be made, and simulated.
fn on_both(script: &str) -> Vec<Run> {
    let simulated = pingscript(&["--simulate", "--seed", "7", "-e", script]).run();
    run_lab(&["-e", script]).into_iter().chain([simulated]).collect()
}

#[test]
fn the_path_mtu_is_found() {
    let script = r#"
        let net = lab::create();
        let a = net.host("a"); let r = net.router("r"); let b = net.host("b");
        net.link(a, r);
        print(net.link(r, b, #{ mtu: 1_380 }).mtu);
        for target in [b.addr, b.addr6] { a.run("pmtu.rhai", [target, "--most", 1500, "--timeout", "300ms"]); }
        let listener = run_in(b, || tcp::listen("*:7"));
        let conn = run_in(a, || tcp::connect("b:7"));
        let there = listener.accept();
        let sent = start_thread(|| conn.send(blob(50_000), 20.s));
        let got = 0;
        while got < 50_000 { got += there.recv(20.s).len; }
        sent.join();
        print(`TCP: ${got}`);
        exit(0);
    "#;
    for run in on_both(script) {
        let run = run.expect_code(0);
        for (part, count) in [
            ("Path MTU: 1380 bytes", 2),
            ("Fragmentation Needed and Don't Fragment was Set from 10.0.0.2, next-hop MTU 1380", 1),
            ("Packet Too Big from fd00::2, next-hop MTU 1380", 1),
            ("TCP: 50000\n", 1),
        ] {
            assert!(run.stdout.matches(part).count() >= count, "{part}: {}\n{}", run.stdout, run.stderr);
        }
    }
}

#[test]
fn a_link_takes_the_mtus_that_linux_takes() {
    let script = r#"
        let net = lab::create();
        let a = net.host("a"); let r = net.router("r"); let b = net.host("b");
        for mtu in [0, 67, 65_536, 1_000_000] { try { net.link(a, r, #{ mtu: mtu }); } catch (e) { print(e); } }
        try { net.link(a, r, #{ mtu: -1 }); } catch (e) { print(e.kind); }
        net.link(a, r, #{ mtu: 65_535 }); net.link(r, b, #{ mtu: 68 });
        let server = run_in(b, || udp::bind("*:7")); let task = start_thread(|| udp::serve(server, udp::echo()));
        let sock = run_in(a, || udp::open(`${b.addr}:7`));
        // In fragments of 48 octets each way, once the path is known.
        for size in [20, 200, 200, 200] {
            let text = ""; for n in 0..size { text += "x"; }
            print(`${size} ${sock.ping(`${b.addr}:7`, text, 2.s).kind}`);
        }
        print(run_in(a, || udp::bind("[::]:0").ping(`[${b.addr6}]:7`, "x", 1.s)).kind);
        exit(0);
    "#;
    for run in on_both(script) {
        let run = run.expect_code(0);
        let ranges = run.stdout.matches("an mtu is from 68 to 65535 bytes, not ").count();
        assert_eq!(ranges, 4, "{}\n{}", run.stdout, run.stderr);
        let pings = "\ninvalid\n20 reply\n200 icmp\n200 reply\n200 reply\nicmp\n";
        assert!(run.stdout.contains(pings), "{}\n{}", run.stdout, run.stderr);
    }
}

#[test]
fn loss_makes_no_path_narrower_and_a_limit_that_rests_on_silence_says_so() {
    let script = r#"
        let net = lab::create(); let a = net.host("a"); let b = net.host("b"); let link = net.link(a, b);
        set_policy(link, loss(0.2));
        for n in 0..12 { a.run("pmtu.rhai", [b.addr]); }
        set_policy(link, |pkt| if pkt.size > 1_314 { drop() } else { pass() });
        a.run("pmtu.rhai", [b.addr, "--most", 1_310, "--timeout", "300ms"]);
        exit(0);
    "#;
    let Some(run) = run_lab(&["--seed", "1", "-e", script]) else { return };
    let run = run.expect_code(0);
    assert_eq!(run.stdout.matches("Path MTU: 1500 bytes\n").count(), 12, "{}", run.stdout);
    let silence = "Path MTU: 1300 bytes (10 pings of 1301 bytes got no reply, and no hop said why)\n";
    assert!(run.stdout.contains(silence), "{}", run.stdout);
}

#[test]
fn a_path_mtu_that_the_search_does_not_reach_is_at_least_its_limit() {
    let script = r#"
        let net = lab::create(); let a = net.host("a"); let b = net.host("b"); net.link(a, b);
        a.run("pmtu.rhai", [b.addr, "--most", 1000]); a.run("pmtu.rhai", [b.addr, "--most", 1500]);
        a.run("pmtu.rhai", [b.addr, "--most", 1501]); a.run("pmtu.rhai", ["127.0.0.1"]);
    "#;
    let Some(run) = run_lab(&["-e", script]) else { return };
    let found: Vec<&str> =
        run.stdout.lines().filter_map(|line| line.split_once("Path MTU: ")).map(|(_, found)| found).collect();
    let most = |bytes| format!("at least {bytes} bytes, the most that were tried (--most)");
    assert_eq!(found, [&*most(1000), &most(1500), "1500 bytes", &most(9000)], "{}", run.stdout);
}

#[test]
fn an_interface_takes_no_more_than_its_mtu_and_no_more_is_sent() {
    // With its defaults pmtu tries more than the links take, and a router reports MTUs that cannot be.
    let script = r#"
        let net = lab::create();
        let a = net.host("a"); let r = net.router("r"); let b = net.host("b");
        net.link(a, r);
        let far = net.link(r, b);
        a.run("pmtu.rhai", [b.addr]);
        for mtu in [1, 67, 1_501, 65_535] {
            let lies = |pkt| if pkt.size > 1_314 { reject("frag-needed", #{ mtu: mtu }) } else { pass() };
            set_policy(far.from(r), lies);
            a.run("pmtu.rhai", [b.addr, "--most", 1_500, "--timeout", "300ms"]);
            a.run("traceroute.rhai", [b.addr, "--mtu", "--queries", 1, "--hops", 2, "--timeout", "300ms"]);
        }
        exit(0);
    "#;
    let Some(run) = run_lab(&["-e", script]) else { return };
    let run = run.expect_code(0);
    assert!(run.stdout.contains("larger than this host's interface takes"), "{}", run.stdout);
    assert_eq!(run.stdout.matches("Path MTU: 1500 bytes").count(), 1, "{}", run.stdout);
    assert_eq!(run.stdout.matches("Path MTU: 1300 bytes").count(), 4, "{}", run.stdout);
    for mtu in [1, 67, 1501, 65_535] {
        assert!(run.stdout.contains(&format!("next-hop MTU {mtu}, which cannot be")), "{mtu}: {}", run.stdout);
        assert!(run.stdout.contains(&format!("[says MTU {mtu}, which cannot be]")), "{mtu}: {}", run.stdout);
    }
}

#[test]
fn what_this_host_refuses_to_send_is_named_and_is_no_loss() {
    let script = r#"
        let net = lab::create();
        let a = net.host("a");
        for proto in ["udp", "icmp", "tcp"] { a.run("traceroute.rhai", ["192.0.2.1", "--proto", proto]); }
        a.run("pmtu.rhai", ["192.0.2.1"]);
        exit(0);
    "#;
    let Some(run) = run_lab(&["-e", script]) else { return };
    let run = run.expect_code(0);
    assert_eq!(run.stdout.matches("not sent: network is unreachable").count(), 3 * 6 + 1, "{}", run.stdout);
    for wrong in ["*", "packets are lost", "Path MTU: 0"] {
        assert!(!run.stdout.contains(wrong), "{wrong}: {}", run.stdout);
    }
}

#[test]
fn gaps_are_distinguished_with_any_seed() {
    // Twenty seeds, some at a time: each run is mostly waiting.
    let runs = (1..=20).collect::<Vec<u32>>();
    for some in runs.chunks(4) {
        let run = |seed: &u32| {
            let (proto, seed) = (["icmp", "udp", "tcp"][*seed as usize % 3], seed.to_string());
            let args =
                ["--seed".to_string(), seed, "scripts/labs/path_gaps.rhai".into(), "--proto".into(), proto.into()];
            (proto, thread::spawn(move || run_lab(&args.each_ref().map(String::as_str))))
        };
        for (proto, thread) in some.iter().map(run).collect::<Vec<_>>() {
            let Some(run) = thread.join().expect("a run") else { return };
            let run = run.expect_code(0);
            let found: Vec<&str> = run
                .stdout
                .lines()
                .filter_map(|line| line.strip_prefix("a | "))
                .filter(|line| ["hop ", "packets ", "from hop "].iter().any(|start| line.starts_with(start)))
                .collect();
            let [silent, limits, loses] = found[..] else { panic!("{found:?}\n{}", run.stdout) };
            assert!(silent.starts_with("hop 2 replies to none of 103 probes"), "{found:?}");
            assert!(limits.starts_with("hop 3 limits its errors"), "{found:?}");
            // An end sends errors to probes of UDP, and may limit them.
            let loss = if proto == "udp" { "from hop 5 on about " } else { "packets are lost from hop 5 on" };
            assert!(loses.starts_with(loss), "{found:?}");
        }
    }
}

#[test]
fn a_study_says_loss_only_where_packets_are_lost() {
    // As Linux has it by itself, the end limits its errors; then links lose packets, both ways; then the end sends nothing.
    let script = r#"
        let net = lab::create();
        let a = net.host("a"); let r = net.router("r"); let b = net.host("b");
        net.link(a, r); let last = net.link(r, b);
        let study = |what| for proto in ["udp", "icmp", "tcp"] {
            print(`${what} ${proto}`);
            a.run("traceroute.rhai", [b.addr, "--proto", proto, "--study", 60, "--timeout", "300ms", "--hops", 2]);
        };
        b.exec(["sh", "-c", "echo 6168 > /proc/sys/net/ipv4/icmp_ratemask"]);
        study.call("limit");
        b.exec(["sh", "-c", "echo 0 > /proc/sys/net/ipv4/icmp_ratemask"]);
        set_policy(last, loss(0.3));
        study.call("loss");
        set_policy(last.from(b), loss(1.0));
        study.call("silence");
        exit(0);
    "#;
    let Some(run) = run_lab(&["--seed", "1", "-e", script]) else { return };
    let run = run.expect_code(0);
    let mut found = String::new();
    for line in run.stdout.lines() {
        let text = line.strip_prefix("a| ").unwrap_or_default();
        let finding =
            ["packets are lost from hop 2 on", "from hop 2 on"].iter().find(|start| text.starts_with(**start));
        match finding {
            Some(finding) => found += &format!(" {finding};"),
            None if ["limit ", "loss ", "silence "].iter().any(|what| line.starts_with(what)) => {
                found += &format!("\n{line}:")
            }
            None => assert!(!text.starts_with("hop ") && !text.contains(" lost"), "{}", run.stdout),
        }
    }
    let expected = "
limit udp: from hop 2 on;
limit icmp:
limit tcp:
loss udp: from hop 2 on;
loss icmp: packets are lost from hop 2 on;
loss tcp: packets are lost from hop 2 on;
silence udp: from hop 2 on;
silence icmp: from hop 2 on;
silence tcp: from hop 2 on;";
    assert_eq!(found, expected, "{}", run.stdout);
}

#[test]
fn a_study_corrects_the_end_of_the_path_and_says_what_is_lost_up_to_it() {
    // The end is at hop 2, and its first replies do not come: the table has it at hop 4.
    let script = r#"
        let net = lab::create();
        let a = net.host("a"); let r = net.router("r"); let b = net.host("b");
        let first = net.link(a, r); net.link(r, b);
        let early = counter();
        set_policy(first.from(a), |pkt| if pkt.ttl in [2, 3] && early.value < 6 { early.add(1); drop() } else { pass() });
        for n in 0..2 { a.run("traceroute.rhai", [b.addr, "--proto", "icmp", "--study", 60, "--timeout", "300ms"]); }
        a.run("traceroute.rhai", [b.addr, "--proto", "icmp", "--timeout", "300ms"]);
        exit(0);
    "#;
    let Some(run) = run_lab(&["-e", script]) else { return };
    let run = run.expect_code(0);
    let lines: Vec<&str> = run.stdout.lines().filter_map(|line| line.strip_prefix("a| ")).collect();
    let after = |line: &str| lines.iter().position(|one| one.starts_with(line)).map(|at| &lines[at + 1..]);
    let corrected = "the path ends at hop 2: hops behind it were shown because its replies were lost";
    let corrected = after(corrected).unwrap_or_else(|| panic!("{}", run.stdout));
    assert!(corrected[0].starts_with(" 2  *  *  *  10.0.0."), "{}", run.stdout);
    assert!(
        corrected[1].starts_with("no reply to 3 of 63 probes to the end of the path, hop 2: 4.8% ("),
        "{}",
        run.stdout
    );
    // On a path without loss it says so; without a study nothing.
    let clean = "no loss found: a reply to each of 63 probes to the end of the path, hop 2 (95%: a loss below 5.7%)";
    let behind = after(clean).unwrap_or_else(|| panic!("{}", run.stdout));
    assert_eq!(behind.len(), 3, "{}", run.stdout);
}

#[test]
fn hops_that_are_silent_before_the_end_are_asked_again() {
    for proto in ["icmp", "udp", "tcp"] {
        let script = format!(
            r#"
            let net = lab::create();
            let a = net.host("a"); let r = net.router("r"); let b = net.host("b");
            let first = net.link(a, r); net.link(r, b);
            let early = counter();
            set_policy(first.from(a), |pkt| if pkt.protocol == "{proto}" && pkt.ttl in [2, 3] && early.value < 6 {{ early.add(1); drop() }} else {{ pass() }});
            a.run("traceroute.rhai", [b.addr, "--proto", "{proto}", "--timeout", "500ms"]);
            exit(0);"#
        );
        let Some(run) = run_lab(&["-e", &script]) else { return };
        let run = run.expect_code(0);
        let corrected = "a| the path ends at hop 2: hops behind it were shown because its replies were lost\na|  2  *  *  *  10.0.0.";
        assert!(run.stdout.contains(corrected), "{proto}\n{}", run.stdout);
    }
}

#[test]
fn an_error_of_a_hop_is_never_taken_for_a_connection() {
    // The kernel says that there is an error before the attempt has one: seen now and then, so many are made.
    let script = r#"
        let net = lab::create();
        let a = net.host("a"); let r = net.router("r"); let b = net.host("b");
        net.link(a, r); net.link(r, b);
        let to = `${b.addr}:80`;
        run_in(a, || {
            let tries = [];
            for one in 0..8 {
                tries.push(start_thread(|| for n in 0..1_000 {
                    let attempt = tcp::try_connect(to, #{ ttl: 1, timeout: 60.s });
                    if attempt.kind != "icmp" { throw `${attempt}`; }
                }));
            }
            for one in tries { one.join(); }
        });
    "#;
    let Some(run) = run_lab(&["-e", script]) else { return };
    // No attempt connects, and none throws.
    run.expect_code(1);
}

/// Whether the program is here; not all of them know `--version`.
pub(crate) fn has_program_or_skip(name: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    let found = path.split(':').chain(["/usr/sbin", "/sbin"]).any(|dir| std::path::Path::new(dir).join(name).exists());
    found || skip("agreement with other programs", &format!("the program {name}; install it"))
}
