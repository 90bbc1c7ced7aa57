//! What a packet costs a server: ours, a plain Rust one and CPython's, in turns in one run.
//!
//! `cargo bench --bench udp_servers` prints, for each server and each number of pings in flight, the CPU time that the
//! server's process spent on a packet (user and system, from the kernel's scheduler statistics) and its ratio to
//! the plain one's. Rounds of all servers alternate, so that what else the machine does falls on all alike; medians of the
//! rounds and of each round's ratios are printed. Every server upper-cases, and draws a number by which it drops nothing.
//!
//! Client and server share one processor (taskset(1), where it is there): what it costs to wake another one varies with
//! the machine by more than what is compared.
#![allow(missing_docs)]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const ROUNDS: usize = 15;
const PACKETS: u64 = 10_000;
const WINDOWS: [u64; 2] = [1, 64];

const NATIVE_LOOP: &str = r#"
let server = udp::bind("127.0.0.1:0");
set_policy(server, |pkt| if random() < 0.0 { drop() } else { pass() });
print(`Server bound to port ${server.port}`);
udp::serve(server, udp::upper());
"#;

const CLOSURES: &str = r#"
let server = udp::bind("127.0.0.1:0");
set_policy(server, |pkt| if random() < 0.0 { drop() } else { pass() });
print(`Server bound to port ${server.port}`);
udp::serve(server, |pkt| pkt.text.to_upper());
"#;

const SCRIPT_LOOP: &str = r#"
let server = udp::bind("127.0.0.1:0");
print(`Server bound to port ${server.port}`);
for pkt in server {
    let answer = pkt.text.to_upper();
    if random() >= 0.0 { pkt.reply(answer); }
}
"#;

const NATIVE_ALL: &str = r#"
let server = udp::bind("127.0.0.1:0");
set_policy(server, loss(0.0));
print(`Server bound to port ${server.port}`);
udp::serve(server, udp::upper());
"#;

const PYTHON: &str = r#"
import random, socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print("Server bound to port", server.getsockname()[1], flush=True)
while True:
    message, address = server.recvfrom(65535)
    answer = message.decode().upper()
    if random.random() >= 0.0:
        server.sendto(answer.encode(), address)
"#;

struct Server {
    name: &'static str,
    child: Child,
    addr: SocketAddr,
}

impl Server {
    fn start(name: &'static str, command: &mut Command, input: Option<&str>) -> Option<Self> {
        let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
        let mut child = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        if let (Some(text), Some(mut stdin)) = (input, child.stdin.take()) {
            stdin.write_all(text.as_bytes()).ok()?;
        }
        let mut line = String::new();
        BufReader::new(child.stdout.take()?).read_line(&mut line).ok()?;
        let port = line.trim().rsplit(' ').next()?.parse::<u16>().ok()?;
        Some(Self { name, child, addr: ([127, 0, 0, 1], port).into() })
    }

    /// CPU time of all the server's threads so far, in nanoseconds.
    fn cpu(&self) -> u64 {
        let tasks = format!("/proc/{}/task", self.child.id());
        std::fs::read_dir(tasks)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok())
            .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
            .sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The floor: receive, upper-case, draw, send.
fn plain_server() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    println!("Server bound to port {}", server.local_addr().expect("an address").port());
    let (mut buffer, mut state) = ([0u8; 65536], 1u64);
    while let Ok((len, from)) = server.recv_from(&mut buffer) {
        let answer = String::from_utf8_lossy(&buffer[..len]).to_uppercase();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if state != 0 {
            let _ = server.send_to(answer.as_bytes(), from);
        }
    }
}

/// Keeps `window` pings in flight until `PACKETS` were answered; how many were.
fn load(server: SocketAddr, window: u64) -> u64 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(server).expect("connects");
    socket.set_read_timeout(Some(Duration::from_millis(500))).expect("a timeout");
    let (mut buffer, mut sent, mut answered) = ([0u8; 2048], 0, 0);
    let send = |sent: &mut u64| {
        *sent += 1;
        let _ = socket.send(format!("ping {sent} 1725933169.813111").as_bytes());
    };
    for _ in 0..window {
        send(&mut sent);
    }
    while answered < PACKETS && socket.recv(&mut buffer).is_ok() {
        answered += 1;
        if sent < PACKETS {
            send(&mut sent);
        }
    }
    answered
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() {
    if std::env::var_os("PLAIN_SERVER").is_some() {
        return plain_server();
    }
    let me = std::env::current_exe().expect("this program has a path");
    if std::env::var_os("PINNED").is_none() {
        let pinned = Command::new("taskset").args(["-c", "0"]).arg(&me).env("PINNED", "1").status();
        if pinned.is_ok_and(|status| status.success()) {
            return;
        }
        println!("taskset is missing: not on one processor");
    }
    let pingscript = env!("CARGO_BIN_EXE_pingscript");
    let servers: Vec<Server> = [
        Server::start("plain Rust", Command::new(me).env("PLAIN_SERVER", "1"), None),
        Server::start("native loop, scripted policy", Command::new(pingscript).arg("-"), Some(NATIVE_LOOP)),
        Server::start("native loop, two closures", Command::new(pingscript).arg("-"), Some(CLOSURES)),
        Server::start("native loop, native policy", Command::new(pingscript).arg("-"), Some(NATIVE_ALL)),
        Server::start("script loop", Command::new(pingscript).arg("-"), Some(SCRIPT_LOOP)),
        Server::start("CPython", Command::new("python3").args(["-c", PYTHON]), None),
    ]
    .into_iter()
    .flatten()
    .collect();
    println!("CPU time of the server per packet, median of {ROUNDS} rounds of {PACKETS} packets");
    println!("{:<30} {:>9} {:>12} {:>9} {:>11}", "server", "in flight", "ns a packet", "to plain", "to CPython");
    for window in WINDOWS {
        let mut costs = vec![Vec::new(); servers.len()];
        for _ in 0..ROUNDS {
            for (server, costs) in servers.iter().zip(&mut costs) {
                let before = server.cpu();
                let answered = load(server.addr, window);
                costs.push((server.cpu() - before) as f64 / answered.max(1) as f64);
            }
        }
        let of = |name: &str| servers.iter().position(|server| server.name == name).map(|index| &costs[index]);
        let (plain, python) = (of("plain Rust"), of("CPython"));
        for (server, cost) in servers.iter().zip(&costs) {
            let ratio = |floor: Option<&Vec<f64>>| {
                let ratios = floor.map(|floor| cost.iter().zip(floor).map(|(cost, floor)| cost / floor).collect());
                ratios.map_or("-".to_string(), |ratios: Vec<f64>| format!("{:.2}", median(ratios)))
            };
            let ns = median(cost.clone());
            println!("{:<30} {window:>9} {ns:>12.0} {:>9} {:>11}", server.name, ratio(plain), ratio(python));
        }
    }
}
