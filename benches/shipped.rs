//! What users start, beside what they would use or write instead: one table.
//!
//! `cargo bench --bench shipped` starts shipped servers and pingers as a user does, beside the same in C (compiled here, where
//! there is a compiler), plain Rust and CPython, `ping -f` and `fping`; what is not installed has no row. Servers run at the same
//! time and get the same load in turns, so that what else the machine does falls on all alike. A row gives the median of all
//! rounds, the median of each round's ratio to the peer with its quartiles, and the ratio that we aim at: `MISSED` if it is not
//! reached. A word after `--` picks a part: `udp`, `tcp`, `icmp`, `start`; `--json` prints the rows as JSON lines.
#![allow(missing_docs)]

mod common;

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{PINGSCRIPT, Server, compile, in_turns, load, median, pin, quantile, script};

const ROUNDS: usize = 11;

const UDP_C: &str = include_str!("peers/udp_server.c");
const UDP_PYTHON: &str = include_str!("peers/udp_server.py");
/// The loop of a student: no options, no lines.
const UDP_STUDENT: &str = r#"
let server = udp::bind("127.0.0.1:0");
set_policy(server, |pkt| if random() < 0.0 { drop() } else { pass() });
print(`bound to port ${server.port}`);
for pkt in server {
    let answer = pkt.text.to_upper();
    pkt.reply(answer);
}
"#;

const UDP_SCRIPTED: &str = r#"
let server = udp::bind("127.0.0.1:0");
set_policy(server, |pkt| if random() < 0.0 { drop() } else { pass() });
print(`bound to port ${server.port}`);
udp::serve(server, udp::upper());
"#;

const UDP_NATIVE: &str = r#"
let server = udp::bind("127.0.0.1:0");
set_policy(server, loss(0.0));
print(`bound to port ${server.port}`);
udp::serve(server, udp::upper());
"#;

const TCP_C: &str = include_str!("peers/tcp_server.c");
const TCP_PYTHON: &str = include_str!("peers/tcp_server.py");
/// The ratio to the peer that is aimed at.
#[derive(Clone, Copy)]
enum Target {
    AtMost(f64),
    AtLeast(f64),
    /// Of the figure itself, as there is no peer.
    FigureAtMost(f64),
    None,
}

/// Prints rows as they come.
struct Table {
    json: bool,
    head: RefCell<String>,
}

impl Table {
    fn head(&self, what: &str, unit: &str) {
        self.head.replace(format!("{what}, {unit}"));
        if !self.json {
            println!("\n{what}");
            let columns = ["to", "ratio", "quartiles", "target"];
            println!(
                "  {:<44} {unit:>12} {:>10} {:>6} {:>12} {:>9}",
                "", columns[0], columns[1], columns[2], columns[3]
            );
        }
    }

    /// A row: a figure of each round, and those of the peer.
    fn row(&self, part: &str, what: &str, figures: &[f64], peer: Option<(&str, &[f64])>, target: Target) {
        let figure = median(figures.to_vec());
        let mut ratios: Vec<f64> = match peer {
            Some((_, theirs)) => figures.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect(),
            None => vec![f64::NAN],
        };
        let [low, ratio, high] = [0.25, 0.5, 0.75].map(|share| quantile(&mut ratios, share));
        let (aim, is_missed) = match target {
            Target::AtMost(most) => (format!("<= {most}"), ratio > most),
            Target::AtLeast(least) => (format!(">= {least}"), ratio < least),
            Target::FigureAtMost(most) => (format!("<= {most}"), figure > most),
            Target::None => (String::new(), false),
        };
        let name = peer.map_or("", |(name, _)| name);
        if self.json {
            let known = |value: f64| (!value.is_nan()).then_some(value);
            let row = serde_json::json!({
                "part": part, "table": *self.head.borrow(), "what": what, "median": figure, "to": name, "ratio": known(ratio),
                "quartiles": [known(low), known(high)], "target": aim, "missed": is_missed, "rounds": figures.len(),
            });
            return println!("{row}");
        }
        let [ratio, spread] = match peer {
            Some(_) => [format!("{ratio:.2}"), format!("{low:.2} to {high:.2}")],
            None => Default::default(),
        };
        let missed = if is_missed { "MISSED" } else { "" };
        println!("  {what:<44} {figure:>12.2} {name:>10} {ratio:>6} {spread:>12} {aim:>9} {missed}");
    }
}

fn main() {
    pingscript::net::sys::raise_descriptor_limit();
    if std::env::var_os("PLAIN_SERVER").is_some() {
        return plain_server();
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    let table = Table { json: args.iter().any(|arg| arg == "--json"), head: RefCell::default() };
    let wanted: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    type Part = fn(&Table);
    let parts: [(&str, Part); 4] = [("udp", udp), ("tcp", tcp), ("icmp", icmp), ("start", start)];
    for (name, part) in parts {
        if wanted.is_empty() || wanted.iter().any(|word| *word == name) {
            part(&table);
        }
    }
}

/// The floor: receive, upper-case, draw, send.
fn plain_server() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    println!("bound to port {}", server.local_addr().expect("an address").port());
    let (mut buffer, mut state) = ([0u8; 65536], 1u64);
    while let Ok((len, from)) = server.recv_from(&mut buffer) {
        let reply = String::from_utf8_lossy(&buffer[..len]).to_uppercase();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if state != 0 {
            let _ = server.send_to(reply.as_bytes(), from);
        }
    }
}

/// What it is called, how many processors, how many flows, and how many datagrams of each are in flight.
const LOADS: [(&str, bool, usize, usize); 5] = [
    ("one processor, 4 flows of 64 in flight", true, 4, 64),
    ("one processor, 1 in flight", true, 1, 1),
    ("two processors, 4 flows of 64 in flight", false, 4, 64),
    ("two processors, 1 in flight", false, 1, 1),
    ("two processors, 1,000 flows of 1 in flight", false, 1000, 1),
];

fn udp(table: &Table) {
    let shipped = |args: &[&str]| {
        let mut command = Command::new(PINGSCRIPT);
        command.args(["udp_server", "--listen", "127.0.0.1:0", "--policy", "loss:p=0"]).args(args);
        command
    };
    let python = |args: &[&str]| {
        let mut command = Command::new("python3");
        command.args(["-c", UDP_PYTHON]).args(args);
        command
    };
    let me = std::env::current_exe().expect("this program has a path");
    let servers: Vec<Server> = [
        compile("udp_server_c", UDP_C).and_then(|mut command| Server::start("C", &mut command)),
        Server::start("plain Rust", Command::new(me).env("PLAIN_SERVER", "1")),
        Server::start("CPython", &mut python(&[])),
        Server::start("udp_server --quiet, scripted policy", &mut shipped(&["--quiet"])),
        Server::start("a student's loop, scripted policy", &mut script("student.rhai", UDP_STUDENT)),
        Server::start("udp::serve, scripted policy", &mut script("scripted.rhai", UDP_SCRIPTED)),
        Server::start("udp::serve, native policy", &mut script("native.rhai", UDP_NATIVE)),
        Server::start("CPython, lines to a file", &mut python(&["loud"])),
        Server::start("udp_server, lines to a file", &mut shipped(&[])),
    ]
    .into_iter()
    .flatten()
    .collect();
    for (what, is_one, flows, window) in LOADS {
        let mut pinned = pin(std::process::id(), "0");
        servers.iter().for_each(|server| pinned &= server.pin(if is_one { "0" } else { "1" }));
        if !pinned {
            println!("taskset is missing, or a processor: {what} is left to the system");
        }
        let count = if window == 1 { 5_000 } else { 20_000 };
        let rates = RefCell::new(Vec::new());
        let cost = |server: &Server| {
            let before = server.cpu();
            let took = load::udp(server.addr, flows, window, count);
            rates.borrow_mut().push((server.name, count as f64 / took.as_secs_f64()));
            (server.cpu() - before) as f64 / count as f64 / 1000.0
        };
        let costs = in_turns(&servers, ROUNDS, cost);
        let rates = rates.into_inner();
        let of = |name: &str| servers.iter().position(|server| server.name == name).map(|at| costs[at].as_slice());
        table.head(&format!("UDP, {what}: CPU time of the server a reply"), "us");
        for (server, costs) in servers.iter().zip(&costs) {
            let is_gate =
                is_one && window == 64 && (server.name.contains("--quiet") || server.name.contains("student"));
            let is_loud = server.name.contains("lines");
            let aim = |most| if is_gate { Target::AtMost(most) } else { Target::None };
            if let (Some(c), false) = (of("C"), is_loud) {
                table.row("udp", server.name, costs, Some(("C", c)), aim(1.0));
            }
            let (peer, target) = match is_loud {
                true => ("CPython, lines to a file", Target::AtMost(0.9)),
                false => ("CPython", aim(0.8)),
            };
            if let (Some(python), true) = (of(peer), server.name.contains("udp") || is_gate) {
                table.row("udp", server.name, costs, Some(("CPython", python)), target);
            }
        }
        if let (Some(scripted), Some(native)) = (of("udp::serve, scripted policy"), of("udp::serve, native policy")) {
            let more: Vec<f64> = scripted.iter().zip(native).map(|(scripted, native)| scripted - native).collect();
            let target = if is_one && window == 64 { Target::FigureAtMost(0.15) } else { Target::None };
            table.row("udp", "a scripted policy beyond a native one", &more, None, target);
        }
        if window == 1 && flows == 1 {
            table.head(&format!("UDP, {what}: replies"), "a second");
            let of = |name: &str| -> Vec<f64> {
                rates.iter().filter(|(other, _)| *other == name).map(|(_, rate)| *rate).collect()
            };
            for server in &servers {
                let target = if server.name.contains("--quiet") { Target::AtLeast(0.93) } else { Target::None };
                table.row("udp", server.name, &of(server.name), Some(("C", &of("C"))), target);
            }
        }
    }
    pin(std::process::id(), "0-1023");
}

fn tcp(table: &Table) {
    let shipped = |name: &str| {
        let mut command = Command::new(PINGSCRIPT);
        command.args([name, "--listen", "127.0.0.1:0", "--quiet"]);
        command
    };
    let servers: Vec<Server> = [
        compile("tcp_server_c", TCP_C).and_then(|mut command| Server::start("C, a thread each", &mut command)),
        Server::start("CPython, a thread each", Command::new("python3").args(["-c", TCP_PYTHON])),
        Server::start("tcp_multi", &mut shipped("tcp_multi")),
        Server::start("tcp_events", &mut shipped("tcp_events")),
    ]
    .into_iter()
    .flatten()
    .collect();
    // First: what was once in use is not given back.
    let memory: Vec<f64> = servers.iter().map(load::idle).collect();
    let rates = in_turns(&servers, ROUNDS, |server| load::tcp(server.addr, 30_000));
    let of =
        |name: &str| servers.iter().position(|server| server.name.starts_with(name)).map(|at| rates[at].as_slice());
    table.head(&format!("TCP, {} clients in closed loops: replies", load::CLIENTS), "a second");
    for (server, rates) in servers.iter().zip(&rates) {
        let target = if server.name == "tcp_multi" { Target::AtLeast(1.1) } else { Target::None };
        table.row("tcp", server.name, rates, of("C").map(|c| ("C", c)), target);
    }
    table.head("TCP: memory of an idle client", "KiB");
    for (server, memory) in servers.iter().zip(memory) {
        let target = match server.name {
            "tcp_multi" => Target::FigureAtMost(24.0),
            "tcp_events" => Target::FigureAtMost(0.9),
            _ => Target::None,
        };
        table.row("tcp", server.name, &[memory], None, target);
    }
}

/// Seconds that a program takes, from its start to its end; NaN if it fails or is not installed.
fn seconds(argv: &[&str]) -> f64 {
    let start = Instant::now();
    let mut command = Command::new(argv[0]);
    command.args(&argv[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => start.elapsed().as_secs_f64(),
        _ => f64::NAN,
    }
}

/// Runs a peer and ours in turns, and prints a row of each; `figure` of the seconds that one took.
fn compare(table: &Table, part: &str, rivals: &[(&str, &[&str])], figure: impl Fn(f64) -> f64, target: Target) {
    let figures = in_turns(rivals, ROUNDS, |(_, argv)| figure(seconds(argv)));
    let peer = rivals[0].0;
    for ((name, _), own) in rivals.iter().zip(&figures) {
        if own.iter().any(|figure| figure.is_nan()) {
            println!("  {name}: did not run to its end, or is not installed");
            continue;
        }
        let target = if *name == peer { Target::None } else { target };
        table.row(part, name, own, Some((peer, &figures[0])), target);
    }
}

fn icmp(table: &Table) {
    table.head("ICMP: flood of 127.0.0.1, one in flight", "a second");
    let flood: &[&str] = &["ping", "-f", "-q", "-n", "-c", "100000", "127.0.0.1"];
    let ours: &[&str] = &[PINGSCRIPT, "icmp_flood", "127.0.0.1", "--count", "100000"];
    compare(table, "icmp", &[("ping -f", flood), ("icmp_flood", ours)], |took| 100_000.0 / took, Target::AtLeast(1.0));
    table.head("ICMP: sweep of 127.0.0.0/16", "a second");
    let fping: &[&str] = &["fping", "-q", "-i", "0", "-r", "0", "-g", "127.0.0.0/16"];
    let ours: &[&str] = &[PINGSCRIPT, "sweep", "127.0.0.0/16", "--rate", "0", "--size", "56"];
    compare(table, "icmp", &[("fping", fping), ("sweep", ours)], |took| 65_534.0 / took, Target::AtLeast(4.0));
}

fn start(table: &Table) {
    table.head("Start and end", "ms");
    // The interpreter itself: `python3` may be a script that looks for it.
    let asked = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
    let python3 = asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string()).unwrap_or_default();
    let python: &[&str] = &[&python3, "-c", "1"];
    let rivals = [("python3 -c 1", python), ("pingscript -e 1", &[PINGSCRIPT, "-e", "1"])];
    compare(table, "start", &rivals, |took| took * 1000.0, Target::AtMost(0.3));
    table.head("From the start of udp_ping to its first packet", "ms");
    let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    server.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out");
    let at = server.local_addr().expect("an address").to_string();
    let first = |_: &()| {
        let mut command = Command::new(PINGSCRIPT);
        command.args(["udp_ping", "--server", &at, "--count", "1"]).stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        let mut child = command.spawn().expect("it starts");
        let mut buffer = [0; 2048];
        let came = server.recv_from(&mut buffer);
        let took = start.elapsed().as_secs_f64() * 1000.0;
        let replied = came.and_then(|(len, from)| server.send_to(&buffer[..len], from));
        let _ = child.wait();
        if replied.is_ok() { took } else { f64::NAN }
    };
    table.row("start", "udp_ping", &in_turns(&[()], ROUNDS, first)[0], None, Target::FigureAtMost(4.0));
    table.head("From the start of the prompt to its first answer", "ms");
    table.row("start", "the prompt", &in_turns(&[()], ROUNDS, |_| first_answer())[0], None, Target::None);
}

/// Milliseconds until the prompt has answered a first entry.
fn first_answer() -> f64 {
    let start = Instant::now();
    let mut child = Command::new(PINGSCRIPT).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut keys = child.stdin.take().expect("a pipe");
    let _ = keys.write_all(b"6 * 7\n");
    let mut line = String::new();
    let _ = BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line);
    let took = start.elapsed().as_secs_f64() * 1000.0;
    drop(keys);
    let _ = child.wait();
    took
}
