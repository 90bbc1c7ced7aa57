//! The same script over a lab of the kernel and over a simulated one: what of TCP is the same, and what is not.
//!
//! `cargo test --test simulation like_linux -- --nocapture --test-threads 1` prints the table of docs/simulation.md, and that of the labs
//! that ship, too, if `PINGSCRIPT_LABS=1` is set.

#[path = "like_linux/situations.rs"]
mod situations;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::common::{Run, pingscript, skip};
use pingscript::engine::sources::SHIPPED;
use pingscript::net::wire::Family;
use pingscript::net::wire::icmp::Kind;
use situations::{SITUATIONS, Situation};

/// Makes two hosts and a link that records the segments.
const BEGIN: &str = r#"
let net = lab::create(); let a = net.host("a"); let b = net.host("b");
let link = net.link(a, b, #{ delay: DELAY });
let log = channel(100_000); let nth = counter();
set_policy(link, |pkt| {
    if pkt.protocol != "tcp" { return pass(); }
    log.send([pkt.host, pkt.flags, pkt.len, unix_time()]);
    RULE
});
fn ms(time) { (time.ms * 10.0).round() / 10.0 }
fn connect(host, options) { run_in(host, || tcp::try_connect("b:7", options)) }
"#;

/// Gives each segment that was recorded: who sent it, its flags, its length, and when, in milliseconds since the first.
const END: &str = r#"
let first = ();
while log.len > 0 {
    let segment = log.recv();
    first = first ?? segment[3];
    print(`segment=${segment[0]} ${segment[1]} ${segment[2]} ${((segment[3] - first) * 1000.0).round().to_int()}`);
}
exit(0);
"#;

/// What a run printed: facts by name, and segments in a line.
#[derive(Debug, Default)]
struct Facts {
    named: BTreeMap<String, String>,
    order: Vec<String>,
    segments: Vec<(String, i64)>,
}

impl Facts {
    fn of(run: &Run) -> Self {
        let mut facts = Self::default();
        for line in run.stdout.lines().filter_map(|line| line.split_once('=')) {
            match line {
                ("segment", segment) => {
                    let (what, at) = segment.rsplit_once(' ').expect("a segment");
                    facts.segments.push((what.to_string(), at.parse().expect("a time")));
                }
                (name, value) => {
                    facts.order.push(name.to_string());
                    facts.named.insert(name.to_string(), value.to_string());
                }
            }
        }
        assert!(!facts.order.is_empty(), "{run:?}");
        facts
    }

    /// In one cell of a table.
    fn cell(&self) -> String {
        let parts: Vec<String> = self.order.iter().map(|name| format!("{name} {}", self.named[name])).collect();
        parts.join(", ")
    }

    /// When the segments that the first one says were sent: the first time, and when again.
    fn times_of(&self, what: &str) -> Vec<i64> {
        self.segments.iter().filter(|(segment, _)| segment == what).map(|(_, at)| *at).collect()
    }
}

impl Situation {
    fn script(&self) -> String {
        let begin = BEGIN.replace("DELAY", self.delay).replace("RULE", self.rule);
        format!("{begin}{}{END}", self.body)
    }

    /// Checks what is to be the same: all facts; times within bounds that a busy machine keeps.
    fn compare(&self, linux: &Facts, simulated: &Facts) {
        let of = || format!("{}\n{linux:?}\n{simulated:?}", self.name);
        assert_eq!(linux.order, simulated.order, "{}", of());
        for name in linux.order.iter().filter(|name| !self.differs.contains(&name.as_str())) {
            let (kernels, ours) = (&linux.named[name], &simulated.named[name]);
            if !name.ends_with(" ms") {
                assert_eq!(kernels, ours, "{name}: {}", of());
                continue;
            }
            let [kernels, ours] = [kernels, ours].map(|text| text.parse::<f64>().expect("a time"));
            // A kernel is late, by its timers' grain and by what else runs; never early.
            assert!(kernels > 0.8 * ours && kernels < 2.0 * ours + 500.0, "{name}: {}", of());
        }
    }
}

fn run(args: &[&str]) -> Run {
    pingscript(args).patience(Duration::from_secs(120)).run()
}

#[test]
fn tcp_meets_the_same_in_the_simulation_as_in_the_kernel() {
    let mut table = String::new();
    for situation in SITUATIONS {
        let script = situation.script();
        let simulated = Facts::of(&run(&["--simulate", "--seed", "7", "-e", &script]).expect_code(0));
        let kernels = run(&["--lab", "kernel", "-e", &script]);
        if kernels.code == Some(4) {
            skip("TCP over labs of both kinds", "user namespaces or root");
            return;
        }
        let linux = Facts::of(&kernels.expect_code(0));
        let _ = writeln!(table, "| {} | {} | {} |", situation.name, linux.cell(), simulated.cell());
        situation.compare(&linux, &simulated);
    }
    println!("{table}");
}

/// Connects while each error and advice of the tables answers the SYN.
const CONNECTS: &str = r#"
let net = lab::create(); let a = net.host("a"); let b = net.host("b"); net.link(a, b);
let to = if v6 { `[${b.addr6}]:7` } else { `${b.addr}:7` };
let listener = run_in(b, || tcp::listen(if v6 { "[::]:7" } else { "*:7" }));
for kind in kinds {
    let type = kind[0]; let code = kind[1]; let nth = counter();
    set_policy(b.ingress, |pkt| if pkt.flags == "SYN" && nth.add(1) == 1 { reject(type, code) } else { pass() });
    let t = run_in(a, || tcp::try_connect(to, #{ timeout: 3.s }));
    print(`${type}/${code}=${t.kind} ${t.icmp ?? ""}`);
}
exit(0);
"#;

#[test]
fn each_icmp_error_meets_a_connect_as_it_does_in_the_kernel() {
    for family in [Family::V4, Family::V6] {
        let kinds: Vec<Kind> = Kind::all(family).filter(|kind| kind.is_error() || kind.is_advisory()).collect();
        let rows: Vec<String> = kinds.iter().map(|kind| format!("[{}, {}]", kind.type_, kind.code)).collect();
        let script = format!("let v6 = {}; let kinds = [{}];\n{CONNECTS}", family == Family::V6, rows.join(", "));
        let simulated = Facts::of(&run(&["--simulate", "--seed", "7", "-e", &script]).expect_code(0));
        let named = simulated.named.values().filter(|outcome| outcome.starts_with("icmp ")).count();
        println!("{family:?}: {named} of {} end a connect", kinds.len());
        assert!(named >= 15, "{simulated:?}");
        for kind in &kinds {
            let outcome = &simulated.named[&format!("{}/{}", kind.type_, kind.code)];
            assert!(outcome == "connected " || *outcome == format!("icmp {kind}"), "{kind}: {outcome}");
        }
        let kernels = run(&["--lab", "kernel", "-e", &script]);
        if kernels.code == Some(4) {
            skip("connects over labs of both kinds", "user namespaces or root");
            return;
        }
        assert_eq!(Facts::of(&kernels.expect_code(0)).named, simulated.named);
    }
}

/// Pings groups and all hosts of a network over UDP.
const GROUPS: &str = r#"
let net = lab::create();
let a = net.host("a", #{ addrs: ["10.0.9.1/24"] }); let b = net.host("b", #{ addrs: ["10.0.9.2/24"] });
net.link(a, b);
for any in ["*:7", "[::]:7"] { let server = run_in(b, || udp::bind(any)); start_thread(|| udp::serve(server, udp::echo())); }
fn ask(host, sock, to) { let ping = run_in(host, || sock.ping(to, "ping 1", 2.s)); print(`${to}=${ping.kind} ${ping.from ?? ""} ${ping.error ?? ""}`); }
let v4 = run_in(a, || udp::bind("*:0", #{ broadcast: true }));
for to in ["10.0.9.255:7", "255.255.255.255:7", "224.0.0.1:7", "224.0.0.251:7"] { ask(a, v4, to); }
let v6 = run_in(a, || udp::bind("[::]:0"));
for to in ["[ff02::1%eth0]:7", "[ff02::2%eth0]:7", "[ff02::1%9]:7"] { ask(a, v6, to); }
exit(0);
"#;

#[test]
fn broadcast_and_multicast_reach_the_other_hosts_as_in_the_kernel() {
    let simulated = Facts::of(&run(&["--simulate", "--seed", "7", "-e", GROUPS]).expect_code(0));
    assert!(simulated.named["10.0.9.255:7"].starts_with("reply 10.0.9.2:7"), "{simulated:?}");
    assert!(simulated.named["[ff02::1%eth0]:7"].starts_with("reply [fd00::2]:7"), "{simulated:?}");
    let kernels = run(&["--lab", "kernel", "-e", GROUPS]);
    if kernels.code == Some(4) {
        skip("groups over labs of both kinds", "user namespaces or root");
        return;
    }
    assert_eq!(Facts::of(&kernels.expect_code(0)).named, simulated.named);
}

/// ICMP errors from senders that no host can be, and from some that may.
const SENDERS: &str = r#"
let net = lab::create();
let a = net.host("a"); let b = net.host("b"); let link = net.link(a, b);
let all = #{
    "10.0.0.2:7": ["224.0.0.9", "255.255.255.255", "0.0.0.0", "0.1.2.3", "127.0.0.1", "10.0.0.1", "240.0.0.1", "10.9.9.9"],
    "[fd00::2]:7": ["ff02::1", "::", "::1", "fd00::1", "fd00::9"],
};
for to in all.keys() {
    for from in all[to] {
        set_policy(link.from(a), |pkt| reject("port-unreachable", #{ from: from }));
        print(`${from}=${run_in(a, || udp::open(to).ping(to, "hi", 200.ms)).kind}`);
    }
}
exit(0);
"#;

#[test]
fn packets_from_senders_that_no_host_can_be_are_not_received_as_in_the_kernel() {
    let simulated = Facts::of(&run(&["--simulate", "--seed", "7", "-e", SENDERS]).expect_code(0));
    assert_eq!([&simulated.named["224.0.0.9"], &simulated.named["10.9.9.9"]], ["timeout", "icmp"], "{simulated:?}");
    let kernels = run(&["--lab", "kernel", "-e", SENDERS]);
    if kernels.code == Some(4) {
        skip("senders over labs of both kinds", "user namespaces or root");
        return;
    }
    assert_eq!(Facts::of(&kernels.expect_code(0)).named, simulated.named);
}

/// What is refused, rejected and reset in corners, a line each.
const CORNERS: &str = r#"
let net = lab::create();
let a = net.host("a"); let r = net.router("r"); let b = net.host("b"); net.link(a, r); net.link(r, b);
for kind in ["blackhole", "prohibit", "unreachable"] {
    for addr in [b.addr, `[${b.addr6}]`] {
        r.route(if addr == b.addr { addr } else { b.addr6 }, kind);
        let ping = run_in(a, || udp::open(`${addr}:7`, #{ ttl: 1 }).ping(`${addr}:7`, "hi", 200.ms));
        print(`${kind} ${addr}=${ping.kind} ${ping.icmp ?? ""}`);
    }
}
let to = `${r.addr}:7`;
for source in ["127.0.0.1:0", "127.9.9.9:0"] {
    print(`udp from ${source}=${run_in(a, || udp::bind(source).ping(to, "hi", 200.ms)).error ?? "sent"}`);
    try { run_in(a, || tcp::try_connect(to, #{ bind: source, timeout: 200.ms })); } catch (e) { print(`tcp from ${source}=${e.message}`); }
}
let listener = run_in(r, || tcp::listen("*:80", #{ framing: "line" }));
run_in(a, || { let conn = tcp::connect(`${r.addr}:80`, #{ framing: "line" }); conn.send("hello"); sleep(50.ms); conn.linger = 0.s; conn.close(); });
sleep(100.ms);
let conn = run_in(r, || listener.accept(500.ms));
print(`reset before it was accepted=${conn.recv(200.ms).text} ${conn.recv(200.ms).kind} ${conn.ended}`);
b.start("udp_server_plain.rhai", ["--listen", "*:7", "--quiet"]);
sleep(10.ms);
net.end();
sleep(10.ms);
exit(0);
"#;

#[test]
fn corners_are_as_in_the_kernel() {
    let simulated = run(&["--simulate", "--seed", "7", "-e", CORNERS]).expect_code(0);
    assert!(!simulated.stderr.contains("error:"), "{}", simulated.stderr);
    let simulated = Facts::of(&simulated);
    assert_eq!(simulated.named["blackhole 10.0.0.3"], "timeout ", "{simulated:?}");
    let kernels = run(&["--lab", "kernel", "-e", CORNERS]);
    if kernels.code == Some(4) {
        skip("corners over labs of both kinds", "user namespaces or root");
        return;
    }
    assert_eq!(Facts::of(&kernels.expect_code(0)).named, simulated.named);
}

/// When what is lost is sent again: exact here, for they are the times of the docs.
#[test]
fn what_is_lost_is_sent_again_at_the_times_of_linux() {
    for (name, segment, expected) in [
        ("six SYNs lost", "a SYN 0", &[0, 1_000, 2_000, 3_000, 4_000, 5_000, 7_000][..]),
        ("data lost four times", "a PSH ACK 7", &[10, 20, 230, 440, 860, 1_700]),
        ("FIN lost three times", "a FIN ACK 0", &[15, 225, 435, 855]),
        ("ACK of the handshake lost", "b SYN ACK 0", &[5, 1_005]),
    ] {
        let situation = SITUATIONS.iter().find(|situation| situation.name == name).expect("a situation");
        let facts = Facts::of(&run(&["--simulate", "--seed", "7", "-e", &situation.script()]).expect_code(0));
        assert_eq!(facts.times_of(segment), expected, "{name}: {:?}", facts.segments);
    }
}

/// The lines of the labs that say what was measured, over both kinds of lab, for the table of the docs.
#[test]
fn labs_that_ship_measure_alike() {
    if std::env::var_os("PINGSCRIPT_LABS").is_none() {
        return;
    }
    for (lab, _) in SHIPPED.iter().filter(|(name, _)| name.starts_with("labs/")) {
        let file = format!("scripts/{lab}");
        let mut cells = Vec::new();
        for (kind, args) in [
            ("Linux", &["--lab", "kernel", "--seed", "7", &file][..]),
            ("simulated", &["--simulate", "--seed", "7", &file]),
        ] {
            let run = run(args);
            // An answer goes on in lines that begin with blanks.
            let answer = run.stdout.lines().skip_while(|line| !line.starts_with("Answer:"));
            let answer: Vec<&str> = answer.take_while(|line| !line.starts_with("Explain:")).map(str::trim).collect();
            let answer = answer.join(" ").replace("Answer: ", "");
            cells.push(if run.code == Some(0) { answer } else { format!("{kind}: exit code {:?}", run.code) });
        }
        println!("| `{}` | {} |", lab.trim_end_matches(".rhai"), cells.join(" | "));
    }
}
