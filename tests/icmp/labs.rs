//! Over the links and routers of a lab: what other programs say of the same paths, and what the gaps of a path
//! mean.

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
fn other_programs_agree() {
    for name in ["ping", "fping", "traceroute", "ip"] {
        if !has_program_or_skip(name) {
            return;
        }
    }
    let script = r#"
        let net = lab::create();
        let a = net.host("a"); let r1 = net.router("r1"); let r2 = net.router("r2"); let b = net.host("b");
        net.link(a, r1);
        let link = net.link(r1, r2, #{ policy: every(4) });
        net.link(r2, b);
        for target in [b.addr, b.addr6] {
            // Every fourth packet of a flow is lost: ours and that of ping lose the same.
            let args = ["ping", "-n", "-c", "20", "-i", "0.01", "-W", "1", target];
            let theirs = a.exec(args, #{ quiet: true }).stdout;
            let rtts = stats();
            let ttl = run_in(a, || {
                let ttl = ();
                for ping in pinger(icmp::open(target), target, #{ count: 20, interval: 10.ms, timeout: 1.s, icmp_wait: 0.s }) {
                    rtts.add(ping);
                    if ping.kind == "reply" { ttl = ping.ttl; }
                }
                ttl
            });
            expect(theirs.contains(`20 packets transmitted, ${rtts.received} received`), true, theirs);
            expect(theirs.contains(` ttl=${ttl} `), true, theirs);
            expect(rtts.lost > 0 && ttl == 62, true);
        }
        set_policy(link, loss(0));
        let fping = a.exec(["fping", "-c", "3", "-p", "20", "-q", b.addr], #{ quiet: true }).stderr;
        expect(fping.contains("xmt/rcv/%loss = 3/3/0%"), true, fping);
        // The same routers in the same order.
        for proto in ["udp", "icmp", "tcp"] {
            let theirs = a.exec(["traceroute", "-n", "-q", "1", if proto == "udp" { "-U" } else if proto == "icmp" { "-I" } else { "-T" }, b.addr], #{ quiet: true });
            let path = trace();
            run_in(a, || {
                for ttl in 1..=3 {
                    if proto == "tcp" { path.add(ttl, tcp::try_connect(`${b.addr}:80`, #{ ttl: ttl })); continue; }
                    let sock = if proto == "udp" { udp::open(`${b.addr}:0`) } else { icmp::open(b.addr) };
                    for ping in pinger(sock, [#{ to: if proto == "udp" { `${b.addr}:33434` } else { b.addr }, ttl: ttl }], #{}) { path.add(ping); }
                }
            });
            expect(path.end, 3);
            let hops = `${path}`.split("\n").map(|line| line.split().filter(|word| word != "")[1]);
            expect(hops, [r1.addr, r2.addr, b.addr]);
            if theirs.code == 0 {
                let shown = theirs.stdout.split("\n").filter(|line| line != "");
                for n in 0..3 { expect(shown[n + 1].contains(` ${hops[n]} `), true, theirs.stdout); }
            }
        }
        exit(0);
    "#;
    let Some(run) = run_lab(&["-e", script]) else { return };
    run.expect_code(0);
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
fn gaps_are_told_apart_with_any_seed() {
    // Twenty seeds, some at a time: each run is mostly waiting.
    let runs = (1..=20).collect::<Vec<u32>>();
    for some in runs.chunks(4) {
        let run = |seed: &u32| {
            let seed = seed.to_string();
            let proto = ["icmp", "udp"][seed.len() % 2];
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

/// Whether the program is here; not all of them know `--version`.
fn has_program_or_skip(name: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    let found = path.split(':').chain(["/usr/sbin", "/sbin"]).any(|dir| std::path::Path::new(dir).join(name).exists());
    found || skip("agreement with other programs", &format!("the program {name}; install it"))
}
