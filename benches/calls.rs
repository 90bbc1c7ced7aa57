//! Where the time of a message goes: system calls, and CPU time in the program and in the kernel, of ours and of their peers.
//!
//! `cargo bench --bench calls` prints for servers, floods and sweeps how many system calls a message costs (counted by strace(1),
//! where it is there), and how much CPU time it costs in the program and in the kernel, in a run without it. What makes as many
//! calls as its peer can only be faster in the program. A word after `--` picks a part: `udp`, `tcp`, `icmp`.
#![allow(missing_docs)]

mod common;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{PINGSCRIPT, Server, compile, load, scratch, script};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const UDP_C: &str = include_str!("peers/udp_server.c");
const TCP_C: &str = include_str!("peers/tcp_server.c");
/// As a student writes it: a scripted policy, no lines.
const UDP_SCRIPTED: &str = r#"
let server = udp::bind("127.0.0.1:0");
set_policy(server, |pkt| if random() < 0.0 { drop() } else { pass() });
print(`bound to port ${server.port}`);
for pkt in server { pkt.reply(pkt.text.to_upper()); }
"#;

/// How many messages are timed, and how many are traced.
const TIMED: usize = 200_000;
const TRACED: usize = 20_000;

fn main() {
    pingscript::net::sys::raise_descriptor_limit();
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    println!("{:<52} {:>6} {:>12} {:>11} {:>10}", "a message", "calls", "program, us", "kernel, us", "in kernel");
    let parts: [(&str, fn()); 3] = [("udp", udp), ("tcp", tcp), ("icmp", icmp)];
    for (name, part) in parts {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            part();
        }
    }
}

fn udp() {
    let servers = [
        compile("udp_server_c", UDP_C).and_then(|mut command| Server::start("C", &mut command)),
        Server::start("a loop with a scripted policy", &mut script("loop.rhai", UDP_SCRIPTED)),
    ];
    for (what, flows, window) in [("1 in flight", 1, 1), ("4 x 64 in flight", 4, 64)] {
        let run = |server: &Server, count| {
            load::udp(server.addr, flows, window, count);
        };
        servers.iter().flatten().for_each(|server| served(&format!("UDP, {what}: {}", server.name), server, run));
    }
}

fn tcp() {
    let mut ours = Command::new(PINGSCRIPT);
    ours.args(["tcp_multi", "--listen", "127.0.0.1:0", "--quiet"]);
    let servers = [
        compile("tcp_server_c", TCP_C).and_then(|mut command| Server::start("C, a thread each", &mut command)),
        Server::start("tcp_multi", &mut ours),
    ];
    let run = |server: &Server, count| {
        load::tcp(server.addr, count);
    };
    let name = |server: &Server| format!("TCP, {} clients: {}", load::CLIENTS, server.name);
    servers.iter().flatten().for_each(|server| served(&name(server), server, run));
}

fn icmp() {
    let count = |count: usize| count.to_string();
    ran("ping -f", TIMED, |n| vec!["ping".into(), "-fqnc".into(), count(n), "127.0.0.1".into()]);
    let flood = |n| vec![PINGSCRIPT.into(), "icmp_flood".into(), "127.0.0.1".into(), "--count".into(), count(n)];
    ran("icmp_flood", TIMED, flood);
    let network = |n| if n == TRACED { "127.0.0.0/18" } else { "127.0.0.0/16" }.to_string();
    ran("fping -i 0", 65_534, |n| {
        ["fping", "-q", "-i", "0", "-r", "0", "-g"].map(String::from).into_iter().chain([network(n)]).collect()
    });
    let sweep = |n| [PINGSCRIPT, "sweep", &network(n), "--rate", "0", "--size", "56"].map(String::from).to_vec();
    ran("sweep --rate 0", 65_534, sweep);
}

/// Prints the row of a server under a load.
fn served(what: &str, server: &Server, load: impl Fn(&Server, usize)) {
    // What is first used is slow.
    load(server, TRACED);
    let before = server.times();
    load(server, TIMED);
    let after = server.times();
    let traced = || {
        let (out, id) = (scratch("strace.out"), server.id().to_string());
        let mut tracer = start(Command::new("strace").args(["-c", "-f", "-q", "-p", &id, "-o"]).arg(&out))?;
        // It says nothing when it has begun.
        std::thread::sleep(Duration::from_millis(500));
        load(server, TRACED);
        kill(Pid::from_raw(tracer.id() as i32), Signal::SIGINT).ok()?;
        tracer.wait().ok()?;
        calls(&std::fs::read_to_string(out).ok()?)
    };
    row(what, traced().map(|calls| calls / TRACED as f64), [0, 1].map(|at| (after[at] - before[at]) / TIMED as f64));
}

/// Prints the row of a program that is run to its end.
fn ran(what: &str, count: usize, argv: impl Fn(usize) -> Vec<String>) {
    let used = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("it is known");
        [usage.user_time(), usage.system_time()].map(|time| time.tv_sec() as f64 * 1e6 + time.tv_usec() as f64)
    };
    let argv_timed = argv(count);
    let before = used();
    let done = start(Command::new(&argv_timed[0]).args(&argv_timed[1..])).and_then(|mut child| child.wait().ok());
    let after = used();
    if !done.is_some_and(|status| status.success()) {
        return println!("{what:<52} did not run to its end, or is not installed");
    }
    let traced = || {
        let out = scratch("strace.out");
        start(Command::new("strace").args(["-c", "-f", "-q", "-o"]).arg(&out).args(argv(TRACED)))?.wait().ok()?;
        calls(&std::fs::read_to_string(out).ok()?)
    };
    let of = if count == TIMED { TRACED } else { 16_382 };
    row(what, traced().map(|calls| calls / of as f64), [0, 1].map(|at| (after[at] - before[at]) / count as f64));
}

fn start(command: &mut Command) -> Option<Child> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
}

/// How many calls strace(1) has counted in all.
fn calls(table: &str) -> Option<f64> {
    let total = table.lines().find(|line| line.trim_end().ends_with("total"))?;
    total.split_whitespace().nth(3)?.parse().ok()
}

fn row(what: &str, calls: Option<f64>, [program, kernel]: [f64; 2]) {
    let calls = calls.map_or("NA".to_string(), |calls| format!("{calls:.2}"));
    let share = kernel / (program + kernel) * 100.0;
    println!("{what:<52} {calls:>6} {program:>12.2} {kernel:>11.2} {share:>9.0}%");
}
