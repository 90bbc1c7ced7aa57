//! TCP servers with many clients: nothing that a client sends, or fails to do, ends a server or holds up another client;
//! each end is reported once, and what was taken is given back.

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use common::tcp::Client;
use common::{Cmd, Running, TempDir, binary, pingscript, repo_root};

/// The servers that serve several clients at once.
const SERVERS: [&[&str]; 3] =
    [&["scripts/tcp_multi.rhai"], &["scripts/tcp_pool.rhai", "--workers", "64"], &["scripts/tcp_events.rhai"]];

/// Never over within a test.
const LONG: Duration = Duration::from_secs(15);

#[test]
fn clients_are_served_at_once() {
    for server in SERVERS {
        let running = start(server, &[]);
        let addr = addr(&running);
        let mut clients: Vec<Client> = (0..20).map(|_| Client::connect(addr)).collect();
        for round in 0..5 {
            for (n, client) in clients.iter_mut().enumerate() {
                assert_eq!(client.ask(&format!("round {round} of {n}")), format!("ROUND {round} OF {n}"), "{server:?}");
            }
        }
        drop(clients);
        let seen = running.wait_lines(1 + 20 * (1 + 2 * 5 + 1));
        assert_eq!(seen.matches("Connected to ").count(), 20, "{seen}");
        let ends = seen.lines().filter(|line| line.starts_with("received from ") && line.ends_with(':')).count();
        assert_eq!(ends, 20, "{seen}");
        let run = running.stop().expect_code(143);
        assert_eq!(run.stderr, "", "{server:?}");
    }
}

#[test]
fn a_server_edited_to_be_silent_now_and_then_serves_on() {
    let dir = TempDir::new();
    for name in ["tcp_single.rhai", "tcp_multi.rhai", "tcp_pool.rhai"] {
        let script = std::fs::read_to_string(repo_root().join("scripts").join(name)).expect("a script");
        let answer = "to_upper(msg.text)";
        assert_eq!(script.matches(answer).count(), 1, "{name}");
        dir.write(name, &script.replace(answer, "if msg.text == \"hush\" { () } else { to_upper(msg.text) }"));
        let path = dir.path().join(name);
        for more in [&["--framing", "line"][..], &["--framing", "line", "--quiet"]] {
            let running = start(&[path.to_str().expect("UTF-8")], more);
            let mut client = Client::connect(addr(&running));
            client.send("hush\n");
            assert_eq!(client.ask("ping 1\n"), "PING 1\n", "{name} {more:?}");
        }
    }
}

#[test]
fn half_closed_clients_get_their_answers() {
    for server in SERVERS {
        let running = start(server, &["--framing", "line"]);
        let mut client = Client::connect(addr(&running));
        client.send("one\ntwo\nthree\n");
        client.half_close();
        let mut all = String::new();
        client.stream().read_to_string(&mut all).expect("the end");
        assert_eq!(all, "ONE\nTWO\nTHREE\n", "{server:?}");
    }
}

#[test]
fn one_byte_at_a_time_is_as_good_as_all_at_once() {
    for (framing, wire, answer) in
        [("line", &b"ping 1 slow\n"[..], &b"PING 1 SLOW\n"[..]), ("length", b"\0\0\0\x02ab", b"\0\0\0\x02AB")]
    {
        for server in SERVERS {
            let running = start(server, &["--framing", framing]);
            let mut slow = Client::connect(addr(&running));
            let mut other = Client::connect(addr(&running));
            for byte in wire {
                slow.send([*byte]);
                other.send(wire);
                assert_eq!(exactly(&other, answer.len()), answer, "{server:?}");
            }
            assert_eq!(exactly(&slow, answer.len()), answer, "{server:?}");
        }
    }
}

#[test]
fn resets_at_every_point_end_their_client_alone() {
    const RESETS: usize = 40;
    for server in SERVERS {
        let running = start(server, &[]);
        let addr = addr(&running);
        let mut steady = Client::connect(addr);
        let before = descriptors(&running);
        for n in 0..RESETS {
            let mut client = Client::connect(addr);
            match n % 4 {
                // At once; with a question; with an answer unread; with much unread.
                0 => {}
                1 => client.send("ping"),
                2 => drop(client.ask("ping 1")),
                _ => {
                    client.send("x".repeat(50_000));
                    client.receive();
                }
            }
            client.reset();
            assert_eq!(steady.ask("still there?"), "STILL THERE?", "{server:?}");
        }
        eventually("the descriptors are given back", || descriptors(&running) <= before + 1);
        assert_eq!(steady.ask("at last"), "AT LAST");
        // Each end once; one that was reset before it was accepted may never have been seen.
        let ends = |text: &str| text.lines().filter(|line| line.ends_with(": (reset)") || line.ends_with(':')).count();
        let clients = |text: &str| text.matches("Connected to ").count();
        running.wait_until("all ends but that of the client that stays", |text| ends(text) + 1 >= clients(text));
        let run = running.stop().expect_code(143);
        assert_eq!(run.stderr, "", "{server:?}");
        let (ends, clients) = (ends(&run.stdout), clients(&run.stdout));
        assert!(
            (ends == clients || ends + 1 == clients) && clients > RESETS / 2,
            "{ends} of {clients}:\n{}",
            run.stdout
        );
    }
}

#[test]
fn ten_mebibytes_without_a_line_end_are_refused_in_little_memory() {
    for server in SERVERS {
        let running = start(server, &["--framing", "line", "--quiet"]);
        let addr = addr(&running);
        let mut other = Client::connect(addr);
        other.ask("warm\n");
        let before = resident(&running);
        let mut endless = TcpStream::connect(addr).expect("connects");
        endless.set_write_timeout(Some(LONG)).expect("a time-out");
        let line = vec![b'x'; 1 << 20];
        // The server closes when it has had enough.
        let sent = (0..10).take_while(|_| endless.write_all(&line).is_ok()).count();
        assert!(sent < 10, "{server:?}: all of it was taken");
        assert_eq!(other.ask("others?\n"), "OTHERS?\n");
        assert!(resident(&running) < before + 32 * 1024, "{server:?}: {} KiB, {before} before", resident(&running));
    }
}

#[test]
fn garbage_ends_its_client_alone() {
    let garbage: Vec<u8> = (0..=255).cycle().take(5_000).collect();
    for server in SERVERS {
        for framing in ["raw", "line", "length"] {
            let running = start(server, &["--framing", framing, "--quiet"]);
            let addr = addr(&running);
            let mut client = Client::connect(addr);
            client.send(&garbage);
            client.send("\u{df}\n\0\0\0\x7fGET / HTTP/1.1\r\n\r\n");
            client.half_close();
            // Whatever the answer, there is an end to it.
            let mut rest = Vec::new();
            let _ = client.stream().read_to_end(&mut rest);
            let mut other = Client::connect(addr);
            let (wire, answer) = wrapped(framing);
            other.send(&wire);
            assert_eq!(exactly(&other, answer.len()), answer, "{server:?} {framing}");
            assert_eq!(running.stop().expect_code(143).stderr, "", "{server:?} {framing}");
        }
    }
}

#[test]
fn a_client_that_does_not_read_holds_up_nobody() {
    for server in SERVERS {
        let running = start(server, &["--quiet"]);
        let addr = addr(&running);
        let lazy = TcpStream::connect(addr).expect("connects");
        lazy.set_nonblocking(true).expect("a socket");
        let block = vec![b'x'; 1 << 16];
        // Until nothing more goes: its answers fill the server's buffers, and then its questions.
        let mut stuck = Instant::now();
        let mut sent = 0;
        while stuck.elapsed() < Duration::from_millis(300) && sent < 64 << 20 {
            match (&lazy).write(&block) {
                Ok(n) => (sent, stuck) = (sent + n, Instant::now()),
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        assert!(sent < 64 << 20, "{server:?}: it is read from without end");
        let mut other = Client::connect(addr);
        assert_eq!(other.ask("others?"), "OTHERS?", "{server:?}");
        assert!(resident(&running) < 96 * 1024, "{server:?}: {} KiB", resident(&running));
        drop(lazy);
        assert_eq!(other.ask("still?"), "STILL?", "{server:?}");
        assert_eq!(running.stop().expect_code(143).stderr, "", "{server:?}");
    }
}

#[test]
fn more_clients_than_descriptors_wait_for_their_turn() {
    for server in SERVERS {
        let line =
            format!("ulimit -n 64; exec {} {} --listen 127.0.0.1:0 --quiet", binary().display(), server.join(" "));
        let running = Cmd::new(Path::new("bash"), &["-c", &line]).start();
        let addr = addr(&running);
        let mut clients: Vec<Client> = (0..100).map(|_| Client::connect(addr)).collect();
        clients.iter_mut().for_each(|client| client.send("ping"));
        let reported = || running.stderr().contains("too many open files");
        eventually("the lack is reported", reported);
        // As some go, the next are served; all in the end.
        for client in &mut clients {
            assert_eq!(client.receive(), "PING", "{server:?}");
            client.half_close();
        }
        drop(clients);
        assert_eq!(Client::connect(addr).ask("again"), "AGAIN", "{server:?}");
        let run = running.stop().expect_code(143);
        let times = run.stderr.matches("too many open files").count();
        assert!((1..=50).contains(&times), "{server:?}: reported {times} times:\n{}", run.stderr);
    }
}

#[test]
fn an_error_in_a_handler_ends_its_client_alone() {
    let loops = [
        "for conn in listener { start_thread(|| serve(conn)); }",
        "let workers = pool(4); for conn in listener { start_in(workers, || serve(conn)); }",
        "handle_events(poll(listener), |event| if event.kind == \"message\" { answer(event.message); });",
    ];
    for code in loops {
        let dir = TempDir::new();
        let code = format!(
            "let listener = tcp::listen(\"127.0.0.1:0\");\nprint(listener.port);\n\
             fn answer(msg) {{\n    if msg.text == \"bad\" {{ throw \"a bad one\"; }}\n    msg.reply(msg.text);\n}}\n\
             fn serve(conn) {{ for msg in conn {{ answer(msg); }} conn.close(); }}\n{code}\n"
        );
        dir.write("throws.rhai", &code);
        let running = pingscript(&["throws.rhai"]).dir(dir.path()).start();
        let addr = addr(&running);
        let (mut good, mut bad) = (Client::connect(addr), Client::connect(addr));
        assert_eq!(good.ask("good"), "good");
        bad.send("bad");
        assert_eq!(bad.receive(), "", "its connection is closed");
        assert_eq!(good.ask("good"), "good");
        let mut next = Client::connect(addr);
        assert_eq!(next.ask("next"), "next");
        let run = running.stop().expect_code(143);
        assert_eq!(run.stderr.matches("error: a bad one\n  --> throws.rhai:4:").count(), 1, "{code}\n{}", run.stderr);
    }
}

#[test]
fn a_stop_ends_a_server_with_a_hundred_clients() {
    for server in SERVERS {
        for busy in [false, true] {
            let running = start(server, &["--quiet"]);
            let addr = addr(&running);
            let mut clients: Vec<Client> = (0..100).map(|_| Client::connect(addr)).collect();
            clients.iter_mut().take(if busy { 100 } else { 1 }).for_each(|client| client.send("ping"));
            if !busy {
                assert_eq!(clients[0].receive(), "PING");
            }
            let run = running.stop().expect_code(143);
            assert_eq!(
                (run.stdout.lines().last(), &*run.stderr),
                (Some("Received SIGTERM stopping pings"), ""),
                "{server:?}"
            );
        }
    }
}

#[test]
fn a_hundred_clients_end_with_their_summary() {
    let server = start(SERVERS[0], &["--quiet"]);
    let addr = addr(&server).to_string();
    for _ in 0..5 {
        let args = ["scripts/tcp_ping.rhai", "--server", &addr, "--count", "1000000", "--clients", "100"];
        let pinger = pingscript(&args).start();
        pinger.wait_until("all clients", |text| text.matches("Connected to ").count() == 100);
        let run = pinger.stop().expect_code(143);
        assert!(run.stdout.contains("\nReceived SIGTERM stopping pings\n"), "{}", run.stdout);
        assert!(
            run.stdout.contains("\nPackets Sent: ") && run.stdout.contains("\nClosing tcp socket\n"),
            "{}",
            run.stdout
        );
    }
}

#[test]
fn each_framing_keeps_what_was_sent_apart() {
    let sent = ["one", "two", "three"];
    for server in [&["scripts/tcp_single.rhai"][..], SERVERS[0], SERVERS[1], SERVERS[2]] {
        for (framing, messages) in [("raw", 1), ("line", 3), ("length", 3)] {
            let running = start(server, &["--framing", framing]);
            let mut client = Client::connect(addr(&running));
            let wire: Vec<u8> = sent.iter().flat_map(|text| wrap(framing, text)).collect();
            client.send(&wire);
            client.half_close();
            let mut answer = Vec::new();
            client.stream().read_to_end(&mut answer).expect("the end");
            let expected: Vec<u8> = sent.iter().flat_map(|text| wrap(framing, &text.to_uppercase())).collect();
            assert_eq!(answer, expected, "{server:?} {framing}");
            let seen = running.wait_until("its end", |text| text.ends_with(":\n"));
            assert_eq!(seen.matches("\nsent to ").count(), messages, "{server:?} {framing}:\n{seen}");
        }
    }
}

/// `server` with `more`, on a free port.
fn start(server: &[&str], more: &[&str]) -> Running {
    pingscript(&[server, &["--listen", "127.0.0.1:0"], more].concat()).start()
}

fn addr(server: &Running) -> SocketAddr {
    ([127, 0, 0, 1], server.bound_port()).into()
}

/// A message as it goes over the wire.
fn wrap(framing: &str, text: &str) -> Vec<u8> {
    match framing {
        "line" => format!("{text}\n").into_bytes(),
        "length" => [&u32::try_from(text.len()).expect("short").to_be_bytes()[..], text.as_bytes()].concat(),
        _ => text.as_bytes().to_vec(),
    }
}

/// A question and its answer as they go over the wire.
fn wrapped(framing: &str) -> (Vec<u8>, Vec<u8>) {
    (wrap(framing, "others?"), wrap(framing, "OTHERS?"))
}

/// So many bytes from the server.
fn exactly(client: &Client, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    client.stream().read_exact(&mut bytes).expect("an answer");
    bytes
}

/// How many descriptors a program has.
fn descriptors(program: &Running) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", program.pid())).map_or(0, Iterator::count)
}

/// How much memory of a program is resident, in KiB.
fn resident(program: &Running) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).expect("a size")
}

/// Wait until `holds`, which `what` names.
fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_size_of_a_reply_over_tcp_counts_the_timestamps_of_its_segment() {
    let script = r#"
        let server = start("tcp_multi.rhai", ["--listen", "127.0.0.1:0", "--quiet"]).addr;
        let conn = tcp::connect(server);
        expect(conn.ping("ping 1", 60.s).bytes, 20 + 20 + 12 + 6, "IPv4, TCP, its timestamps, the text");
    "#;
    pingscript(&["-e", script]).run().expect_code(0);
}
