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

#[test]
fn the_path_mtu_is_found() {
    if !has_program_or_skip("ip") {
        return;
    }
    let script = r#"
        let net = lab::create();
        let a = net.host("a"); let r = net.router("r"); let b = net.host("b");
        net.link(a, r);
        net.link(r, b);
        r.exec(["ip", "link", "set", "eth1", "mtu", "1380"]);
        for target in [b.addr, b.addr6] { a.run("pmtu.rhai", [target, "--most", 1500, "--timeout", "300ms"]); }
    "#;
    let Some(run) = run_lab(&["-e", script]) else { return };
    assert_eq!(run.stdout.matches("Path MTU: 1380 bytes").count(), 2, "{}\n{}", run.stdout, run.stderr);
    assert!(
        run.stdout.contains("Fragmentation Needed and Don't Fragment was Set from 10.0.0.2, next-hop MTU 1380"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("Packet Too Big from fd00::2, next-hop MTU 1380"), "{}", run.stdout);
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
    // With its defaults pmtu tries more than the links take, and a router tells MTUs that cannot be.
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
fn gaps_are_told_apart_with_any_seed() {
    // Twenty seeds, some at a time: each run is mostly waiting.
    let runs = (1..=20).collect::<Vec<u32>>();
    for some in runs.chunks(4) {
        let run = |seed: &u32| {
            let (proto, seed) = (["icmp", "udp", "tcp"][*seed as usize % 3], seed.to_string());
            thread::spawn(move || run_lab(&["--seed", &seed, "scripts/labs/path_gaps.rhai", "--proto", proto]))
        };
        for thread in some.iter().map(run).collect::<Vec<_>>() {
            let Some(run) = thread.join().expect("a run") else { return };
            let run = run.expect_code(0);
            let found: Vec<&str> = run
                .stdout
                .lines()
                .filter_map(|line| line.strip_prefix("a | "))
                .filter(|line| line.starts_with("hop ") || line.starts_with("packets are lost"))
                .collect();
            let [silent, limits, loses] = found[..] else { panic!("{found:?}\n{}", run.stdout) };
            assert!(silent.starts_with("hop 2 answers nothing"), "{found:?}");
            assert!(limits.starts_with("hop 3 limits its errors"), "{found:?}");
            assert!(loses.starts_with("packets are lost from hop 5 on"), "{found:?}");
        }
    }
}

#[test]
fn an_error_of_a_hop_is_never_taken_for_a_connection() {
    // The kernel tells that there is an error before the attempt has one: seen now and then, so many are made.
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
