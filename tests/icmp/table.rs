//! Each row of the tables that is an error or advice, over a lab of the kernel and a simulated one: an ingress answers a ping with it, it reaches the pinger, whether
//! that works by UDP, ICMP or TCP, and is printed under its name.

use super::labs::run_lab;
use super::*;
use common::Run;
use pingscript::net::wire::Family;
use pingscript::net::wire::icmp::Kind;

#[test]
fn every_error_and_advice_of_ipv4_is_printed_by_every_pinger() {
    every_kind_by_every_pinger(Family::V4);
}

#[test]
fn every_error_and_advice_of_ipv6_is_printed_by_every_pinger() {
    every_kind_by_every_pinger(Family::V6);
}

fn every_kind_by_every_pinger(family: Family) {
    let kinds: Vec<Kind> = Kind::all(family).filter(|kind| kind.is_error() || kind.is_advisory()).collect();
    assert!(kinds.len() >= if family == Family::V4 { 39 } else { 31 }, "{kinds:?}");
    let rows: Vec<String> =
        kinds.iter().map(|kind| format!("[{}, {}, {}]", kind.type_, kind.code, kind.is_advisory())).collect();
    let is_v6 = family == Family::V6;
    let script = format!("let v6 = {is_v6}; let kinds = [{}];\n{PINGS}", rows.join(", "));
    prints_each(&kinds, pingscript(&["--simulate", "--seed", "7", "-e", &script]).run());
    run_lab(&["-e", &script]).into_iter().for_each(|run| prints_each(&kinds, run));
}

/// Checks that each of `kinds` was printed by each pinger.
fn prints_each(kinds: &[Kind], run: Run) {
    let run = run.expect_code(0);
    // Not each line of a host has its name before it.
    let printed = run.stdout.replace("a| ", "");
    let mut sections = printed.split("# ").skip(1);
    for pinger in ["udp", "icmp", "tcp"] {
        for kind in kinds {
            let heading = format!("{pinger} {}/{}\n", kind.type_, kind.code);
            let lines = sections.next().unwrap_or_else(|| panic!("no {heading}{}", run.stdout));
            assert!(lines.starts_with(&heading), "not {heading}{lines}");
            let (line, reply) = match (pinger, kind.is_advisory()) {
                ("icmp", false) => (format!("\n{kind} for packet 1 {kind}\n"), " bytes from "),
                ("icmp", true) => (format!("\n{kind} from "), " bytes from "),
                _ => (format!("\n{kind} for the packet 1\n"), "\nreceived from "),
            };
            assert_eq!(lines.matches(&line).count(), 1, "{line}{lines}\n{}", run.stderr);
            // Advice settles nothing: the reply still comes. An error does.
            assert_eq!(lines.contains(reply), kind.is_advisory(), "{lines}");
        }
    }
    assert_eq!(sections.next(), None);
}

/// Pings once by each pinger for each of `kinds`. An error answers whatever arrives; advice the first packet alone, and the next
/// one passes: a copy that comes later, or what TCP sends again.
const PINGS: &str = r##"
let net = lab::create();
let a = net.host("a"); let b = net.host("b");
let link = net.link(a, b);
let any = if v6 { "[::]" } else { "*" };
b.start("udp_server_plain.rhai", ["--listen", `${any}:11000`, "--quiet"]);
b.start("tcp_multi.rhai", ["--listen", `${any}:11001`, "--quiet"]);
let host = if v6 { b.addr6 } else { b.addr };
let ip = if v6 { `[${host}]` } else { host };
let port = 20_000;
for pinger in ["udp", "icmp", "tcp"] {
    for kind in kinds {
        let type = kind[0]; let code = kind[1]; let advice = kind[2]; let stream = pinger == "tcp";
        let seen = counter();
        port += 1;
        set_policy(b.ingress, |pkt| {
            // The segments that make the connection pass, and what the one before still sends.
            if stream && (pkt.data.len == 0 || pkt.from.port != port) { pass() }
            else if !advice || seen.add(1) == 1 { reject(type, code) }
            else if stream { pass() } else { delay(30.ms) }
        });
        let copies = if advice && !stream { 2 } else { 1 };
        set_policy(link.from(a), |pkt| if copies == 2 { duplicate(2) } else { pass() });
        print(`# ${pinger} ${type}/${code}`);
        let ping = ["--count", "1", "--timeout", "20s"];
        switch pinger {
            "udp" => a.run("udp_ping.rhai", ping + ["--server", `${ip}:11000`]),
            "tcp" => a.run("tcp_ping.rhai", ping + ["--server", `${ip}:11001`, "--bind", `*:${port}`]),
            _     => a.run("icmp_ping.rhai", ping + [host]),
        }
        set_policy(b.ingress, |pkt| pass());
    }
}
exit(0);
"##;
