//! What TCP servers do for one client and for many: ours, our core without a script, a plain Rust one and CPython's, in turns in
//! one run.
//!
//! `cargo bench --bench tcp_servers` prints, for each server, the median round-trip time of one client; how many messages a
//! second 1,000 clients get answered, each of which sends its next when the last was answered; and how much memory a client
//! takes that is connected and silent. Ratios are to the plain server, and to CPython's. Rounds of all servers alternate, so
//! that what else the machine does falls on all alike; medians of the rounds and of each round's ratios are printed.
//!
//! For the round-trip times, client and server share one processor (taskset(1), where it is there): what it costs to wake
//! another one varies with the machine by more than what is compared.
#![allow(missing_docs)]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use common::load::{self, CLIENTS, MESSAGE, connect};
use common::{PINGSCRIPT, Server, in_turns, median};
use pingscript::net::host::ThisMachine;
use pingscript::net::host::stop::Stop;
use pingscript::net::socket::session::Session;
use pingscript::net::socket::tcp::{Accepted, Incoming, ListenOptions, Listener, StreamOptions};
use pingscript::net::sys;

const ROUNDS: usize = 9;
const PINGS: usize = 5_000;
const ANSWERS: usize = 60_000;

const PYTHON: &str = include_str!("peers/tcp_server.py");

/// The floor: a thread for each client, which reads, upper-cases and writes.
fn plain_server() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    println!("Listening on port {}", listener.local_addr().expect("an address").port());
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || {
            let _ = stream.set_nodelay(true);
            let mut stream = stream;
            let mut buffer = [0u8; 2048];
            while let Ok(n @ 1..) = stream.read(&mut buffer) {
                let answer = String::from_utf8_lossy(&buffer[..n]).to_uppercase();
                if stream.write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
        });
    }
}

/// Our core with a thread for each client and no script: what is left of the scripts' servers without their evaluation.
fn core_server() {
    let stop = Stop::root().expect("a stop");
    let session = Arc::new(Session::new(stop.clone()));
    let options = ListenOptions { stream: StreamOptions::default(), backlog: 4096 };
    let local = ([127, 0, 0, 1], 0).into();
    let listener = Listener::new(Arc::new(ThisMachine), session, local, &options).expect("a listener");
    println!("Listening on port {}", listener.local().port());
    while let Ok(Accepted::Connection(connection)) = listener.accept(None, &stop) {
        let stop = stop.clone();
        std::thread::spawn(move || {
            while let Ok(Incoming::Message(message)) = connection.receive(connection.framing().want(), None, &stop) {
                let answer = String::from_utf8_lossy(&message.data).to_uppercase();
                if connection.reply(&message, answer.as_bytes(), &stop).is_err() {
                    return;
                }
            }
        });
    }
}

/// The median round-trip time of one client, in microseconds.
fn one_client(addr: SocketAddr) -> f64 {
    let mut stream = connect(addr);
    let mut buffer = [0u8; 256];
    let times: Vec<f64> = (0..PINGS)
        .map(|_| {
            let start = Instant::now();
            stream.write_all(MESSAGE).expect("sent");
            stream.read_exact(&mut buffer[..MESSAGE.len()]).expect("answered");
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    median(times)
}

/// Each server's own figures, and its ratios to those of the server whose name begins with `name`, both as medians.
fn compared(servers: &[Server], rounds: &[Vec<f64>], name: &str) -> Vec<(f64, f64)> {
    let floor = servers.iter().position(|server| server.name.starts_with(name)).map(|index| &rounds[index]);
    let compare = |figures: &Vec<f64>| {
        let ratios = floor.map(|floor| figures.iter().zip(floor).map(|(figure, floor)| figure / floor).collect());
        (median(figures.clone()), ratios.map_or(f64::NAN, median))
    };
    rounds.iter().map(compare).collect()
}

fn start_all() -> Vec<Server> {
    let me = std::env::current_exe().expect("this program has a path");
    let script = |name: &str| {
        let mut command = Command::new(PINGSCRIPT);
        command.args([name, "--listen", "127.0.0.1:0", "--quiet"]);
        command
    };
    [
        Server::start("plain Rust, a thread each", Command::new(&me).env("PLAIN_SERVER", "1")),
        Server::start("our core, a thread each", Command::new(&me).env("CORE_SERVER", "1")),
        Server::start("tcp_multi.rhai", &mut script("tcp_multi")),
        Server::start("tcp_events.rhai", &mut script("tcp_events")),
        Server::start("tcp_pool.rhai, enough threads", script("tcp_pool").args(["--workers", "1100"])),
        Server::start("CPython, a thread each", Command::new("python3").args(["-c", PYTHON])),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Round-trip times of one client, on one processor.
fn print_rtts() {
    let servers = start_all();
    // What is first used is slow.
    servers.iter().for_each(|server| assert!(one_client(server.addr) > 0.0));
    let rtts = in_turns(&servers, ROUNDS, |server| one_client(server.addr));
    println!("one client, on one processor with the server; median of {ROUNDS} rounds of {PINGS} messages");
    println!("{:<30} {:>9} {:>9} {:>11}", "server", "RTT, µs", "to plain", "to CPython");
    let (plain, python) = (compared(&servers, &rtts, "plain"), compared(&servers, &rtts, "CPython"));
    for ((server, (rtt, to_plain)), (_, to_python)) in servers.iter().zip(plain).zip(python) {
        println!("{:<30} {rtt:>9.1} {to_plain:>9.2} {to_python:>11.2}", server.name);
    }
}

/// Messages a second of many clients, and the memory of idle ones.
fn print_rates() {
    let servers = start_all();
    // First: what was once in use is not given back.
    let memory: Vec<f64> = servers.iter().map(load::idle).collect();
    let rates = in_turns(&servers, ROUNDS, |server| load::tcp(server.addr, ANSWERS));
    println!("{CLIENTS} clients in closed loop; median of {ROUNDS} rounds of {ANSWERS} messages");
    println!("{:<30} {:>9} {:>9} {:>11} {:>16}", "server", "msgs/s", "to plain", "to CPython", "KiB idle client");
    let (plain, python) = (compared(&servers, &rates, "plain"), compared(&servers, &rates, "CPython"));
    for (((server, (rate, to_plain)), (_, to_python)), memory) in servers.iter().zip(plain).zip(python).zip(memory) {
        println!("{:<30} {rate:>9.0} {to_plain:>9.2} {to_python:>11.2} {memory:>16.1}", server.name);
    }
}

fn main() {
    sys::raise_descriptor_limit();
    if std::env::var_os("PLAIN_SERVER").is_some() {
        return plain_server();
    }
    if std::env::var_os("CORE_SERVER").is_some() {
        return core_server();
    }
    if std::env::var_os("PINNED").is_some() {
        return print_rtts();
    }
    let me = std::env::current_exe().expect("this program has a path");
    let pinned = Command::new("taskset").args(["-c", "0"]).arg(me).env("PINNED", "1").status();
    if !pinned.is_ok_and(|status| status.success()) {
        println!("taskset is missing: not on one processor");
        print_rtts();
    }
    print_rates();
}
