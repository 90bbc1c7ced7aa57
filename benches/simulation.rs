//! How fast a simulated run is.
//!
//! `cargo bench --bench simulation` starts the program with `--simulate`, as a user does, and prints the median of some rounds with
//! the start of the process in it: pings a second of the core's pinger against `udp::serve` with a scripted policy, a day of a ping
//! each second, how often a second two scripts take turns, a lab of 500 hosts and routers, TCP, and all labs that ship.
#![allow(missing_docs)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pingscript::engine::sources::SHIPPED;

const PINGSCRIPT: &str = env!("CARGO_BIN_EXE_pingscript");

const ROUNDS: usize = 5;

const PINGS: &str = r#"
let server = udp::bind("127.0.0.1:7");
set_policy(server, |pkt| if random() < 0.1 { drop() } else { pass() });
let task = start_thread(|| udp::serve(server, udp::echo()));
let n = 0;
let plan = #{ count: COUNT, interval: INTERVAL, window: 1024, timeout: 100.ms, report: false };
for ping in pinger(udp::open("127.0.0.1:7"), "127.0.0.1:7", plan) { n += 1; }
expect(n, COUNT);
exit(0);
"#;

/// Two threads that sleep half a beat apart: each wakes after the other.
const TURNS: &str = r#"
let other = start_thread(|| { sleep(500.us); for n in 0..50_000 { sleep(1.ms); } });
for n in 0..50_000 { sleep(1.ms); }
other.join();
"#;

/// 500 hosts and routers, and a ping across.
const LARGE: &str = include_str!("../tests/simulation/large.rhai");

const STREAM: &str = r#"
let net = lab::create(); let a = net.host("a"); let b = net.host("b"); net.link(a, b, #{ delay: 5.ms, rate: "100M" });
let listener = run_in(b, || tcp::listen("*:7"));
let sender = run_in(a, || start_thread(|| { let conn = tcp::connect("b:7"); conn.send(blob(20_000_000), 100.s); conn.close(); }));
let got = 0;
for msg in listener.accept() { got += msg.len; }
expect(got, 20_000_000);
"#;

fn main() {
    println!("{:<44} {:>10} {:>14} {:>10}", "", "median", "a second", "wanted");
    let pings = |count: &str, interval: &str| PINGS.replace("COUNT", count).replace("INTERVAL", interval);
    row("pings, 100,000 at 100 us", 100_000, "300,000/s", || script(&pings("100_000", "100.us")));
    row("a day of a ping each second", 86_400, "3 s", || script(&pings("86_400", "1.s")));
    row("two scripts that sleep in turn", 100_000, "", || script(TURNS));
    row("a lab of 500 hosts and routers", 0, "1 s", || script(LARGE));
    row("20 MB over TCP", 0, "", || script(STREAM));
    let labs =
        || SHIPPED.iter().map(|(name, _)| *name).filter(|name| name.starts_with("labs/") && *name != "labs/nat.rhai");
    row("all labs that ship but nat", 0, "2 s", || labs().map(|lab| run(&[&format!("scripts/{lab}")])).sum());
    for lab in labs() {
        row(lab, 0, "", || run(&[&format!("scripts/{lab}")]));
    }
}

fn script(text: &str) -> Duration {
    run(&["-e", text])
}

/// How long a run takes, which has to end well.
fn run(args: &[&str]) -> Duration {
    let begun = Instant::now();
    let mut command = Command::new(PINGSCRIPT);
    command.args(["--simulate", "--seed", "7"]).args(args).stdin(Stdio::null()).stdout(Stdio::null());
    let output = command.stderr(Stdio::piped()).output().expect("the program starts");
    let took = begun.elapsed();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    took
}

fn row(name: &str, count: u32, wanted: &str, run: impl Fn() -> Duration) {
    let mut times: Vec<Duration> = (0..ROUNDS).map(|_| run()).collect();
    times.sort_unstable();
    let median = times[ROUNDS / 2];
    let rate = if count > 0 { format!("{:.0}", f64::from(count) / median.as_secs_f64()) } else { String::new() };
    println!("{name:<44} {:>8} ms {rate:>14} {wanted:>10}", median.as_millis());
}
