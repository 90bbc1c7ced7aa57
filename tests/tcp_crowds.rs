//! Many clients at once: none is refused, none waits in vain, and a signal in the middle of it ends a server as fast as an
//! idle one.
//!
//! PINGSCRIPT_CLIENTS sets how many clients there are (10000 where the machine allows so many threads and descriptors);
//! PINGSCRIPT_INTERRUPTS how many programs are interrupted. What was seen is written to standard error; no time is asserted
//! but that everything comes to an end.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{Running, pingscript, sys};

const MESSAGE: &[u8] = b"ping 1 1725933169.813111";

/// How long a program has to come to its end by itself.
const GRACE: Duration = Duration::from_millis(500);

/// Never over within a test, also on a machine that does much else.
const LONG: Duration = Duration::from_secs(120);

/// The servers that serve several clients at once.
const SERVERS: [&[&str]; 3] =
    [&["scripts/tcp_multi.rhai"], &["scripts/tcp_events.rhai"], &["scripts/tcp_pool.rhai", "--workers", "100"]];

/// One at a time: each takes all of the machine.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn none_of_many_clients_is_refused_or_left_without_an_answer() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let clients: usize = from_environment("PINGSCRIPT_CLIENTS", 400);
    pingscript::net::sys::raise_descriptor_limit();
    for server in &SERVERS[..2] {
        let running = start(server);
        let addr = addr(&running);
        // What the server takes for itself, and for its first client, is not counted.
        let mut first = connect(addr).expect("connects");
        ask_all(std::slice::from_mut(&mut first));
        let before = resident(&running);
        let mut all: Vec<TcpStream> = (0..clients)
            .map(|n| connect(addr).unwrap_or_else(|err| panic!("client {n} of {server:?}: {err}")))
            .collect();
        // All at once, then idle.
        ask_all(&mut all);
        let each = (resident(&running) - before) as f64 / clients as f64;
        ask_all(&mut all);
        sys::write_stderr(&format!("{}: {clients} clients answered twice, {each:.1} KiB each\n", server[0]));
        assert!(each < 64.0, "{server:?}: {each} KiB for a client that is idle");
        drop(all);
        // It lives on, and gives back what they took.
        ask_all(std::slice::from_mut(&mut first));
        let run = running.stop().expect_code(143);
        assert_eq!(run.stderr, "", "{server:?}");
    }
}

#[test]
fn signals_at_random_moments_end_what_serves_a_hundred_clients() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let tries: u64 = from_environment("PINGSCRIPT_INTERRUPTS", 20);
    let single: &[&str] = &["scripts/tcp_single.rhai"];
    let mut worst = [Duration::ZERO; 5];
    for n in 0..tries {
        let which = (n % 5) as usize;
        let took = match which {
            0 => interrupt_clients(n),
            1 => interrupt_server(single, n),
            which => interrupt_server(SERVERS[which - 2], n),
        };
        worst[which] = worst[which].max(took);
    }
    let names = ["tcp_ping", "tcp_single", "tcp_multi", "tcp_events", "tcp_pool"];
    let times: Vec<String> =
        names.iter().zip(worst).map(|(name, took)| format!("{name} {:.1}", took.as_secs_f64() * 1e3)).collect();
    sys::write_stderr(&format!("{tries} interrupts; the longest until the end, in ms: {}\n", times.join(", ")));
}

/// Interrupts `server` while a hundred clients send their next message as soon as the last was answered.
fn interrupt_server(server: &[&str], n: u64) -> Duration {
    let running = start(server);
    let addr = addr(&running);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| keep_busy(addr, &over));
        thread::sleep(Duration::from_micros(draw(n, 100_000)));
        let took = end(running, n);
        over.store(true, Ordering::Relaxed);
        took
    })
}

/// Interrupts a hundred clients of the pinger's.
fn interrupt_clients(n: u64) -> Duration {
    let server = start(SERVERS[0]);
    let addr = addr(&server).to_string();
    let args = ["scripts/tcp_ping.rhai", "--server", &addr, "--count", "1000000", "--clients", "100"];
    let pinger = pingscript(&args).patience(LONG).start();
    pinger.wait_lines(1);
    thread::sleep(Duration::from_micros(draw(n, 200_000)));
    end(pinger, n)
}

/// Sends SIGINT or SIGTERM, and checks how the program ends; how long that took.
fn end(running: Running, n: u64) -> Duration {
    let (signal, code, line) = match n / 5 % 2 {
        0 => (sys::SIGINT, 130, "Received interrupt stopping pings"),
        _ => (sys::SIGTERM, 143, "Received SIGTERM stopping pings"),
    };
    let sent = Instant::now();
    running.signal(signal);
    let run = running.finish();
    let took = sent.elapsed();
    let run = run.expect_code(code);
    assert_eq!(run.stdout.lines().filter(|said| *said == line).count(), 1, "{}", run.stdout);
    let said: Vec<&str> = run.stderr.lines().filter(|line| !line.starts_with("rtt clock: ")).collect();
    if took > GRACE && said == ["scripts/tcp_ping.rhai: still running half a second later, ended"] {
        // The machine was too busy for a hundred threads to come to their ends.
        return took;
    }
    // No thread had to be ended by force, and none failed.
    assert_eq!(said, [""; 0]);
    if run.stdout.contains("send to ") {
        let summary = ["\nSummary:\n", "\nPackets Sent: ", "\nClosing tcp socket\n"];
        assert!(summary.iter().all(|part| run.stdout.matches(part).count() == 1), "{}", run.stdout);
    }
    took
}

/// A hundred clients that send without end, until `over`.
fn keep_busy(addr: SocketAddr, over: &AtomicBool) {
    let mut clients: Vec<TcpStream> = Vec::new();
    for _ in 0..100 {
        let Ok(mut client) = connect(addr) else { return };
        let _ = client.write_all(MESSAGE);
        let _ = client.set_nonblocking(true);
        clients.push(client);
    }
    while !over.load(Ordering::Relaxed) {
        for client in &mut clients {
            match client.read(&mut [0; 256]) {
                Ok(1..) => drop(client.write_all(MESSAGE)),
                Err(err) if err.kind() == ErrorKind::WouldBlock => {}
                // The server has ended.
                _ => return,
            }
        }
        thread::yield_now();
    }
}

/// Sends a message from each client, and only then waits for the answers.
fn ask_all(clients: &mut [TcpStream]) {
    for client in &mut *clients {
        client.write_all(MESSAGE).expect("sent");
    }
    for (n, client) in clients.iter_mut().enumerate() {
        let mut answer = [0; MESSAGE.len()];
        client.read_exact(&mut answer).unwrap_or_else(|err| panic!("client {n} has no answer: {err}"));
        assert!(answer.eq_ignore_ascii_case(MESSAGE));
    }
}

fn connect(addr: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(addr)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LONG))?;
    Ok(stream)
}

/// `server` on a free port.
fn start(server: &[&str]) -> Running {
    pingscript(&[server, &["--listen", "127.0.0.1:0", "--quiet"]].concat()).patience(LONG).start()
}

fn addr(server: &Running) -> SocketAddr {
    ([127, 0, 0, 1], server.bound_port()).into()
}

/// How much memory of a program is resident, in KiB.
fn resident(program: &Running) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).expect("a size")
}

fn from_environment<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    std::env::var(name)
        .map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")))
}

/// A number below `bound`, the same for the same `n`.
fn draw(n: u64, bound: u64) -> u64 {
    let mut x = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (x ^ (x >> 27)) % bound
}
