//! How fast a simulated run is.
//!
//! `cargo bench --bench simulation` starts the program with `--simulate`, as a user does, and prints the median of some rounds with
//! the start of the process in it: pings a second of the core's pinger against `udp::serve` with a scripted policy, over loopback and
//! over a link, a day of a ping each second, how often a second two scripts take turns, beside two threads of the system that do
//! nothing else, a lab of 500 hosts and routers, TCP, and all labs that ship.
#![allow(missing_docs)]

use std::process::{Command, Stdio};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use pingscript::engine::sources::SHIPPED;

const PINGSCRIPT: &str = env!("CARGO_BIN_EXE_pingscript");

const ROUNDS: usize = 5;

/// `HOSTS` has two, `a` and `b`; `LOSS` is how much the policy drops.
const PINGS: &str = r#"
HOSTS
let server = run_in(b, || udp::bind("*:7"));
set_policy(server, |pkt| if random() < LOSS { drop() } else { pass() });
let task = run_in(b, || start_thread(|| udp::serve(server, udp::echo())));
let n = run_in(a, || {
    let plan = #{ count: COUNT, interval: INTERVAL, window: WINDOW, timeout: 100.ms, report: false };
    let n = 0;
    for ping in pinger(udp::open(at), at, plan) { n += 1; }
    n
});
expect(n, COUNT);
exit(0);
"#;

const LOOPBACK: &str = r#"let net = lab::create(); let a = net.host("a"); let b = a; let at = "127.0.0.1:7";"#;
const LINK: &str =
    r#"let net = lab::create(); let a = net.host("a"); let b = net.host("b"); net.link(a, b); let at = "b:7";"#;

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
    for (way, hosts) in [("loopback", LOOPBACK), ("a link", LINK)] {
        for window in ["1", "64"] {
            let code = pings(hosts, ["0.0", "200_000", "0.s", window]);
            row(&format!("200,000 pings over {way}, {window} in flight"), 200_000, "300,000/s", || script(&code));
        }
    }
    let lossy = |count, interval| pings(LOOPBACK, ["0.1", count, interval, "1024"]);
    row("100,000 pings at 100 us, a tenth lost", 100_000, "300,000/s", || script(&lossy("100_000", "100.us")));
    row("a day of a ping each second, a tenth lost", 86_400, "3 s", || script(&lossy("86_400", "1.s")));
    row("two threads of the system in turn", 100_000, "", switches);
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

/// A script of pings between two hosts, with this loss, number, interval and window.
fn pings(hosts: &str, values: [&str; 4]) -> String {
    let names = ["LOSS", "COUNT", "INTERVAL", "WINDOW"];
    names.iter().zip(values).fold(PINGS.replace("HOSTS", hosts), |code, (name, value)| code.replace(name, value))
}

/// 100,000 changes from one thread to another, on one processor: the least that a change of scripts can take.
fn switches() -> Duration {
    let turn = (Mutex::new(0u32), Condvar::new());
    let run = |turn: &(Mutex<u32>, Condvar), own: u32| {
        for round in 0..50_000 {
            let is_other = |count: &mut u32| *count != 2 * round + own;
            let mut count = turn.1.wait_while(turn.0.lock().expect("a turn"), is_other).expect("a turn");
            *count += 1;
            turn.1.notify_one();
        }
    };
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            pingscript::net::sys::keep_to_this_processor();
            scope.spawn(|| run(&turn, 1));
            run(&turn, 0);
        });
    });
    begun.elapsed()
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
