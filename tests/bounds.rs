//! What strangers can fill has a bound: memory and threads. Those that take too much are disconnected and counted, the others
//! are served meanwhile, and nothing of it is charged to the script.

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use common::{Running, pingscript};

/// Never over within a test.
const LONG: Duration = Duration::from_secs(60);

/// `server` on a free port, with lines as its messages.
fn start(server: &str) -> (Running, SocketAddr) {
    let args = [server, "--listen", "127.0.0.1:0", "--framing", "line", "--quiet"];
    let running = pingscript(&args).patience(LONG).start();
    let addr = ([127, 0, 0, 1], running.bound_port()).into();
    (running, addr)
}

fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).expect("connects");
    stream.set_read_timeout(Some(LONG)).expect("a time-out");
    stream.set_write_timeout(Some(LONG)).expect("a time-out");
    stream
}

/// Asks over a connection, which has to answer.
fn ask(client: &mut TcpStream) {
    client.write_all(b"ping\n").expect("sent");
    let mut answer = [0; 5];
    client.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"PING\n");
}

/// How much memory of a program was resident at most, in MiB.
fn most_resident(program: &Running) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid())).expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: u64 = line.and_then(|line| line.split_whitespace().next()?.parse().ok()).expect("a size");
    kib >> 10
}

#[test]
fn unfinished_messages_fill_no_memory_and_hold_up_nobody() {
    const CLIENTS: usize = 120;
    let unfinished = vec![b'x'; 1_000_000];
    for server in ["scripts/tcp_multi.rhai", "scripts/tcp_events.rhai"] {
        let (running, addr) = start(server);
        let mut good = connect(addr);
        ask(&mut good);
        let before = most_resident(&running);
        let mut gone = 0;
        let clients: Vec<TcpStream> = (0..CLIENTS)
            .map(|n| {
                let mut client = connect(addr);
                gone += u32::from(client.write_all(&unfinished).is_err());
                if n % 40 == 0 {
                    ask(&mut good);
                }
                client
            })
            .collect();
        running.wait_for_error("those that have sent most are disconnected\n");
        ask(&mut good);
        ask(&mut connect(addr));
        let grown = most_resident(&running) - before;
        assert!(grown < 192, "{server}: {grown} MiB");
        drop(clients);
        ask(&mut good);
        let run = running.stop().expect_code(143);
        let line = "disconnected: the unfinished messages of all clients found no room in 64 MiB\n";
        assert_eq!(run.stderr.matches(line).count(), 1, "{server}: {gone} {}", run.stderr);
    }
}
