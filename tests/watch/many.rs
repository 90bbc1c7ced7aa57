//! Many edits: nothing is lost, and nothing piles up.

use std::fs;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{expect_note, save, watch};
use crate::common::process::Running;
use crate::common::{TempDir, sys};

fn count(running: &Running, what: &str) -> usize {
    fs::read_dir(format!("/proc/{}/{what}", running.pid())).expect("a process").count()
}

fn resident(running: &Running) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", running.pid())).expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
}

#[test]
fn no_datagram_is_lost_in_20_edits() {
    const RATE: Duration = Duration::from_millis(2);
    for serve in ["udp::serve(sock, |pkt| WORD);", "for pkt in sock { pkt.reply(WORD); }"] {
        let dir = TempDir::new();
        let script = |n: usize| {
            let serve = serve.replace("WORD", &format!("\"{n} \" + pkt.text"));
            format!(
                "let sock = udp::bind(\"127.0.0.1:0\");\nprint(`bound to ${{sock.port}}`);\nset_policy(sock, |pkt| pass());\n{serve}\n"
            )
        };
        let file = dir.write("server.rhai", &script(0));
        let running = watch(&file);
        let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        client.connect(("127.0.0.1", running.bound_port())).expect("a peer");
        client.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        let over = AtomicBool::new(false);
        let (sent, answers) = thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let mut sent = 0u32;
                while !over.load(Ordering::Relaxed) {
                    client.send(format!("{sent}").as_bytes()).expect("sent");
                    sent += 1;
                    thread::sleep(RATE);
                }
                client.send(b"last").expect("sent");
                sent
            });
            let receiver = scope.spawn(|| {
                let mut answers = Vec::new();
                loop {
                    let mut buffer = [0; 100];
                    let len = client.recv(&mut buffer).expect("an answer");
                    let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
                    let (version, number) = text.split_once(' ').expect("two words");
                    if number == "last" {
                        return answers;
                    }
                    answers
                        .push((version.parse::<usize>().expect("a version"), number.parse::<u32>().expect("a number")));
                }
            });
            for n in 1..=20 {
                save(&file, &script(n));
                expect_note(&running, "reloaded", n);
            }
            over.store(true, Ordering::Relaxed);
            (sender.join().expect("sent"), receiver.join().expect("received"))
        });
        let numbers: Vec<u32> = answers.iter().map(|(_, number)| *number).collect();
        assert_eq!(numbers, (0..sent).collect::<Vec<_>>(), "each once, in order: {serve}");
        assert!(answers.is_sorted_by_key(|(version, _)| *version), "never back to old code");
        running.signal(sys::SIGINT);
        running.finish().expect_code(130);
    }
}

#[test]
fn two_hundred_edits_leave_nothing_behind() {
    let dir = TempDir::new();
    // A server of each kind, and a thread that waits.
    let script = |n: usize| {
        format!(
            "let sock = udp::bind(\"127.0.0.1:0\");\nprint(`bound to ${{sock.port}}`);\n\
             set_policy(sock, |pkt| pass());\nstart_thread(|| sleep(1.h));\n\
             start_thread(|| udp::serve(sock, |pkt| \"{n}\"));\n\
             let listener = tcp::listen(\"127.0.0.1:0\");\nprint(`tcp ${{listener.port}}`);\n\
             handle_events(poll(listener), |event| if event.kind == \"message\" {{ event.message.reply(\"{n}\"); }});\n"
        )
    };
    let file = dir.write("server.rhai", &script(0));
    let running = watch(&file);
    let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    client.connect(("127.0.0.1", running.bound_port())).expect("a peer");
    client.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    let port = running.wait_lines(2).lines().nth(1).and_then(|line| line.strip_prefix("tcp ")?.parse::<u16>().ok());
    let port = port.expect("a port");
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    let mut early = (0, 0, 0);
    for n in 1..=200 {
        save(&file, &script(n));
        expect_note(&running, "reloaded", n);
        let mut buffer = [0; 100];
        client.send(b"x").expect("sent");
        let len = client.recv(&mut buffer).expect("an answer");
        assert_eq!(String::from_utf8_lossy(&buffer[..len]), n.to_string());
        // A new client is served once the new code listens.
        let mut new = std::net::TcpStream::connect(("127.0.0.1", port)).expect("connected");
        new.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        std::io::Write::write_all(&mut new, b"x").expect("sent");
        let len = std::io::Read::read(&mut new, &mut buffer).expect("an answer");
        assert_eq!(String::from_utf8_lossy(&buffer[..len]), n.to_string(), "a new connection");
        std::io::Write::write_all(&mut stream, b"x").expect("sent");
        let len = std::io::Read::read(&mut stream, &mut buffer).expect("an answer");
        assert_eq!(String::from_utf8_lossy(&buffer[..len]), n.to_string(), "the same connection");
        if n == 50 {
            early = settled(&running, (usize::MAX, usize::MAX));
        }
    }
    let late = settled(&running, (early.0, early.1));
    eprintln!("threads, descriptors, kB after 50 and after 200 edits: {early:?}, {late:?}");
    assert!((late.0, late.1) <= (early.0, early.1), "threads, descriptors: {early:?}, then {late:?}");
    // One engine that was kept with each edit would be 100 MB.
    assert!(late.2 < early.2 + 20_000, "kB after 50 and 200 edits: {early:?}, then {late:?}");
    running.signal(sys::SIGINT);
    running.finish().expect_code(130);
}

/// Threads, descriptors and kB in use once what ends by itself has ended.
fn settled(running: &Running, (threads, files): (usize, usize)) -> (usize, usize, u64) {
    let deadline = Instant::now() + Duration::from_secs(15);
    let mut last = (0, 0);
    loop {
        let now = (count(running, "task"), count(running, "fd"));
        let low = now.0 <= threads && now.1 <= files;
        if (now == last && low) || Instant::now() > deadline {
            return (now.0, now.1, resident(running));
        }
        last = now;
        thread::sleep(Duration::from_millis(1_000));
    }
}
