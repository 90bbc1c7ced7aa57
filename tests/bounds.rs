//! What strangers can fill has a bound: memory and threads. Those that take too much are disconnected and counted, the others
//! are served meanwhile, and nothing of it is charged to the script.

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use common::{Cmd, Running, TempDir, pingscript, require_program_or_skip, require_root_or_skip};

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
    for server in ["scripts/tcp_multi.rhai", "scripts/tcp_events.rhai"] {
        let (running, addr) = start(server);
        let mut good = connect(addr);
        ask(&mut good);
        let before = most_resident(&running);
        let clients = half_send(CLIENTS, addr, &mut good);
        running.wait_for_error("those that have sent most are disconnected\n");
        ask(&mut good);
        ask(&mut connect(addr));
        let grown = most_resident(&running) - before;
        assert!(grown < 192, "{server}: {grown} MiB");
        drop(clients);
        ask(&mut good);
        let run = running.stop().expect_code(143);
        let line = "disconnected: the unfinished messages of all clients found no room in 64 MiB\n";
        assert_eq!(run.stderr.matches(line).count(), 1, "{server}: {}", run.stderr);
    }
}

/// Connects `count` clients that each send half of a long line, and asks over `good` meanwhile.
fn half_send(count: usize, addr: SocketAddr, good: &mut TcpStream) -> Vec<TcpStream> {
    let unfinished = vec![b'x'; 1_000_000];
    let send = |n| {
        let mut client = connect(addr);
        // Of one that no one reads from, the system takes as much as it likes.
        client.set_write_timeout(Some(Duration::from_millis(200))).expect("a time-out");
        let _ = client.write_all(&unfinished);
        if n % 40 == 0 {
            ask(good);
        }
        client
    };
    (0..count).map(send).collect()
}

#[test]
fn servers_of_few_clients_go_on_with_those_and_hold_nothing_for_the_others() {
    for server in ["scripts/tcp_single.rhai", "scripts/tcp_pool.rhai"] {
        let (running, addr) = start(server);
        let mut good = connect(addr);
        ask(&mut good);
        let before = most_resident(&running);
        let clients = half_send(100, addr, &mut good);
        ask(&mut good);
        let grown = most_resident(&running) - before;
        assert!(grown < 32, "{server}: {grown} MiB");
        drop((clients, good));
        ask(&mut connect(addr));
        let run = running.stop().expect_code(143);
        assert!(!run.stderr.contains("disconnected"), "{server}: {}", run.stderr);
    }
}

/// The binary with `args`, for a user who may have `most` processes and threads; `None`: that cannot be had here.
fn with_few_threads(dir: &TempDir, user: u32, most: u32, args: &[&str]) -> Option<Cmd> {
    let what = "a limit of threads";
    if !require_root_or_skip(what) || !["setpriv", "prlimit"].iter().all(|name| require_program_or_skip(name, what)) {
        return None;
    }
    let copy = dir.path().join("pingscript").display().to_string();
    let from = common::binary().display().to_string();
    let copied = std::process::Command::new("cp").args([&from, &copy]).status();
    assert!(copied.is_ok_and(|status| status.success()), "cannot copy the binary");
    let (user, most) = (user.to_string(), format!("--nproc={most}"));
    let words = ["--reuid", &user, "--regid", &user, "--clear-groups", "prlimit", &most, &copy];
    Some(Cmd::new(Path::new("setpriv"), &[&words[..], args].concat()).patience(LONG).dir(dir.path()))
}

#[test]
fn a_server_without_threads_disconnects_the_next_clients_and_goes_on() {
    let dir = TempDir::new();
    let args = ["tcp_multi", "--listen", "127.0.0.1:0", "--framing", "line", "--quiet"];
    let Some(cmd) = with_few_threads(&dir, 64_231, 60, &args) else { return };
    let running = cmd.start();
    let addr: SocketAddr = ([127, 0, 0, 1], running.bound_port()).into();
    let (mut served, mut refused) = (Vec::new(), 0);
    for _ in 0..100 {
        let mut client = connect(addr);
        let mut answer = [0; 5];
        let answered = client.write_all(b"ping\n").and_then(|()| client.read_exact(&mut answer));
        match answered {
            Ok(()) => served.push(client),
            Err(_) => refused += 1,
        }
    }
    assert!(served.len() >= 20 && refused >= 40, "{} served, {refused} refused", served.len());
    served.iter_mut().for_each(ask);
    served.truncate(10);
    // There are threads again, once those of the clients that left have ended.
    let is_served = || {
        let mut client = connect(addr);
        client.write_all(b"ping\n").and_then(|()| client.read_exact(&mut [0; 5])).is_ok()
    };
    assert!((0..10_000).any(|_| is_served()), "nobody is served any more");
    served.iter_mut().for_each(ask);
    let run = running.stop().expect_code(143);
    assert!(run.stdout.contains("Received SIGTERM stopping pings\n"), "{}", run.stdout);
    assert_eq!(
        run.stderr.matches("further clients are disconnected until others have left\n").count(),
        1,
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains(" clients were disconnected: no thread was left to serve them\n"), "{}", run.stderr);
}

#[test]
fn a_script_that_has_used_up_all_threads_ends_with_its_last_lines() {
    let dir = TempDir::new();
    let code = "let all = []; try { loop { all.push(start_thread(|| sleep(1.h))); } } catch (e) { print(e.kind); }
                sleep(1.h); print(\"last\");";
    let Some(cmd) = with_few_threads(&dir, 64_232, 80, &["-e", code]) else { return };
    let running = cmd.start();
    running.wait_for("exhausted\n");
    let run = running.stop().expect_code(143);
    assert_eq!(run.stdout, "exhausted\nReceived SIGTERM stopping pings\nlast\n");
}
