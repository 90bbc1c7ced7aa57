//! Servers with many clients: every line belongs to one datagram and stands whole, several loops share one socket, nothing
//! that a client sends or fails to do stops a server, and what is lost is accounted for.

mod common;

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::time::Duration;

use common::client::{ask, loopback, receive, socket};
use common::golden::{self, assert_excerpt};
use common::mask::{mask_addrs, mask_clients};
use common::session::{check_client, check_server};
use common::{Run, Running, TempDir, pingscript};
use serde_json::Value;

/// The servers that ship, each with the options that make another one of it.
const SERVERS: [&[&str]; 4] = [
    &["scripts/udp_server.rhai"],
    &["scripts/udp_server_plain.rhai"],
    &["scripts/udp_multi.rhai", "--threads", "1"],
    &["scripts/udp_multi.rhai", "--threads", "4"],
];

// Lines.

#[test]
fn each_server_prints_what_three_clients_send() {
    // The pings of the excerpt, sent by three plain sockets in its order.
    let script = golden::expected("server_three_clients");
    let asked: Vec<(usize, &str)> = script
        .lines()
        .filter_map(|line| line.strip_prefix("received from <client ")?.split_once(">: "))
        .map(|(client, ping)| (client.parse().expect("a client's number"), ping))
        .collect();
    let dir = TempDir::new();
    let policy = "|pkt| if [\"88\", \"97\", \"126\"].contains(pkt.text.split(\" \")[1]) { drop() } else { pass() }";
    let policy = dir.write("three.rhai", policy).display().to_string();
    for server in SERVERS {
        let running = start(server, &["--policy", &policy]);
        let to = loopback(running.bound_port());
        let sockets = [(); 3].map(|()| socket());
        for (n, (client, ping)) in asked.iter().enumerate() {
            let text = ping.replace("<time>", &format!("1725934363.{:07}", n + 1));
            sockets[client - 1].send_to(text.as_bytes(), to).expect("cannot send");
            // After its first line, the server prints two for each ping.
            running.wait_lines(1 + 2 * (n + 1));
        }
        let seen = running.wait_lines(1 + 2 * asked.len());
        check_server(&seen);
        assert_excerpt("server_three_clients", &mask_clients(&seen));
    }
}

#[test]
fn three_clients_at_once_and_five() {
    const PINGS: usize = 12;
    for (server, clients) in SERVERS.into_iter().flat_map(|server| [(server, 3), (server, 5)]) {
        let running = start(server, &["--policy", "every:n=4"]);
        let addr = loopback(running.bound_port()).to_string();
        let args = ["scripts/udp_ping.rhai", "--server", &addr, "--count", "12", "--timeout", "60ms"];
        let started: Vec<Running> = (0..clients).map(|_| pingscript(&args).start()).collect();
        for client in started {
            let run = client.finish().expect_code(0);
            check_client(&run.stdout);
            let settled = run.stdout.matches("received from").count() + run.stdout.matches("timed out").count();
            assert_eq!(settled, PINGS, "{}", run.stdout);
        }
        let seen = running.wait_lines(1 + 2 * PINGS * clients);
        let served = paired(&seen);
        assert_eq!(served.len(), clients, "{seen}");
        for (from, kinds) in served {
            assert_eq!(kinds.len(), PINGS, "{from}\n{seen}");
            assert_eq!(kinds.iter().filter(|kind| **kind == "dropped").count(), PINGS / 4, "{from}\n{seen}");
        }
        check_server(&seen);
        assert!(is_interleaved(&seen, clients), "{server:?} served one client after the other:\n{seen}");
    }
}

#[test]
fn lines_of_four_threads_stay_whole() {
    const EACH: usize = 60;
    let running = start(SERVERS[3], &[]);
    let to = loopback(running.bound_port());
    let sockets = [(); 3].map(|()| socket());
    for n in 0..EACH {
        for (client, socket) in sockets.iter().enumerate() {
            socket.send_to(format!("ping {n} of {client} {}", "x".repeat(200)).as_bytes(), to).expect("cannot send");
        }
        // Not more at a time than the receive buffer holds.
        if n % 20 == 19 {
            running.wait_lines(1 + 2 * 3 * (n + 1));
        }
    }
    let seen = running.wait_lines(1 + 2 * 3 * EACH);
    assert!(paired(&seen).values().all(|kinds| kinds.len() == EACH), "{seen}");
}

// What clients send, and what they are.

#[test]
fn datagrams_of_every_kind_are_answered() {
    for server in SERVERS {
        let running = start(server, &["--quiet", "--policy", "loss:p=0"]);
        let to = loopback(running.bound_port());
        let client = socket();
        let large = vec![b'x'; 65_507];
        for (asked, answer) in [
            (&b""[..], &b""[..]),
            (&large, &large.to_ascii_uppercase()),
            ("stra\u{df}e \u{e4}".as_bytes(), "STRASSE \u{c4}".as_bytes()),
            (b"\xff\xfe\0a", "\u{fffd}\u{fffd}\0A".as_bytes()),
        ] {
            assert_eq!(ask(&client, to, asked), answer, "{server:?}");
        }
        // Clients that are gone when their answers come: the ICMP errors are no one's concern.
        for _ in 0..20 {
            socket().send_to(b"gone", to).expect("cannot send");
            assert_eq!(ask(&client, to, b"still there?"), b"STILL THERE?");
        }
        let run = running.stop().expect_code(143);
        assert_eq!(run.stderr.matches("error").count(), 0, "{}", run.stderr);
    }
}

#[test]
fn two_hundred_clients_are_served() {
    for server in SERVERS {
        let running = start(server, &["--policy", "loss:p=0"]);
        let to = loopback(running.bound_port());
        let clients: Vec<UdpSocket> = (0..200).map(|_| socket()).collect();
        for some in clients.chunks(50) {
            for client in some {
                let own = client.local_addr().expect("an address");
                client.send_to(format!("from {own}").as_bytes(), to).expect("cannot send");
            }
            for client in some {
                let own = client.local_addr().expect("an address");
                assert_eq!(receive(client), format!("FROM {own}").as_bytes());
            }
        }
        assert_eq!(paired(&running.wait_lines(1 + 2 * 200)).len(), 200);
    }
}

// Loops over one socket.

#[test]
fn two_loops_share_a_socket() {
    let loops = [
        "udp::serve(server, |pkt| { one.add(1); sleep(3.ms); pkt.text })",
        "for pkt in server { one.add(1); sleep(3.ms); pkt.reply(pkt.text); }",
    ];
    for (first, second) in [(0, 0), (0, 1), (1, 1)] {
        let other = loops[second].replace("one.", "two.");
        let code = format!(
            "let server = udp::bind(\"127.0.0.1:0\"); let addr = server.addr; let one = counter(); let two = counter();
             let first = start_thread(|| {{ {} }}); let second = start_thread(|| {{ {other} }});
             let sock = udp::open(addr);
             for ping in pinger(sock, addr, #{{ count: 80, interval: 0.ms, window: 8, timeout: 15.s }}) {{ }}
             server.close(); first.join(); second.join();
             print(`${{sock.counts.replied}} ${{one.value}} ${{two.value}}`);",
            loops[first]
        );
        let run = pingscript(&["-e", &code]).run().expect_code(0);
        let numbers: Vec<u32> = run.stdout.lines().next().expect("a line").split(' ').flat_map(str::parse).collect();
        assert_eq!((numbers[0], numbers[1] + numbers[2]), (80, 80), "{}", run.stdout);
        assert!(numbers[1] > 0 && numbers[2] > 0, "one of the loops did all the work: {}", run.stdout);
    }
}

#[test]
fn a_handler_that_throws_ends_its_loop_with_its_line() {
    let dir = TempDir::new();
    let code = "let server = udp::bind(\"127.0.0.1:0\");\nprint(server.port);\nudp::serve(server, |pkt| {\n    \
                if pkt.text == \"bad\" { throw \"a bad one\"; }\n    pkt.text\n});\nprint(\"not reached\");\n";
    dir.write("throws.rhai", code);
    let running = pingscript(&["throws.rhai"]).dir(dir.path()).start();
    let to = loopback(running.bound_port());
    let client = socket();
    assert_eq!(ask(&client, to, b"good"), b"good");
    client.send_to(b"bad", to).expect("cannot send");
    let run = running.finish().expect_code(3);
    assert!(run.stderr.starts_with("error: a bad one\n  --> throws.rhai:4:"), "{}", run.stderr);
    assert!(!run.stdout.contains("not reached"), "{}", run.stdout);
}

#[test]
fn a_handler_that_throws_on_a_thread_leaves_the_other_threads_serving() {
    let code = "let server = udp::bind(\"127.0.0.1:0\"); print(server.port);
         for i in 0..2 {
             start_thread(|| udp::serve(server, |pkt| { if pkt.text == \"bad\" { throw \"a bad one\"; } pkt.text }));
         }";
    let running = pingscript(&["-e", code]).start();
    let to = loopback(running.bound_port());
    let client = socket();
    client.send_to(b"bad", to).expect("cannot send");
    for _ in 0..5 {
        assert_eq!(ask(&client, to, b"good"), b"good");
    }
    let run = running.stop().expect_code(143);
    assert_eq!(run.stderr.matches("error: a bad one\n  --> -e:3:").count(), 1, "{}", run.stderr);
}

#[test]
fn a_handler_answers_with_a_string_a_blob_or_nothing() {
    // `reply` gives a verdict, which a block's last statement has for its value even with a semicolon.
    let code = "let server = udp::bind(\"127.0.0.1:0\"); print(server.port);
         udp::serve(server, |pkt| switch pkt.text {
             \"text\" => \"T\", \"blob\" => blob(2, 66), \"itself\" => { pkt.reply(\"I\"); },
             \"too\" => pkt.reply(\"2\"), \"pass\" => pass(), _ => 7,
         });";
    let running = pingscript(&["-e", code]).start();
    let to = loopback(running.bound_port());
    let client = socket();
    for (asked, answer) in
        [(&b"text"[..], &b"T"[..]), (b"blob", b"BB"), (b"itself", b"I"), (b"too", b"2"), (b"text", b"T")]
    {
        assert_eq!(ask(&client, to, asked), answer);
    }
    // A verdict is an answer only where there was one.
    client.send_to(b"pass", to).expect("cannot send");
    let run = running.finish().expect_code(3);
    assert!(run.stderr.starts_with("error: ") && run.stderr.contains("\n  --> -e:2:"), "{}", run.stderr);
}

#[test]
fn an_error_ends_threads_that_still_serve() {
    let code = "let server = udp::bind(\"127.0.0.1:0\");
         start_thread(|| udp::serve(server, udp::upper()));
         throw \"too early\";";
    let run = pingscript(&["-e", code]).run().expect_code(3);
    assert_eq!(run.stderr.matches("error: too early\n  --> -e:3:").count(), 1, "{}", run.stderr);
}

// Load.

#[test]
fn one_thread_loses_in_its_full_buffer_what_the_kernel_counts() {
    let (run, summary) = load(&["--threads", "1", "--work", "5ms"]);
    let count = |field: &str| summary[field].as_u64().expect("a count");
    let drops = summary["kernel_drops"][0]["count"].as_u64().expect("a count");
    assert_eq!(count("sent"), 300, "{summary}");
    assert!(drops > 20 && count("replied") > 20, "{summary}");
    assert_eq!(count("timed_out"), drops + count("late"), "{summary}");
    assert_eq!(count("unexplained"), 0, "{summary}");
    let cause = format!("lost in the full receive buffer of <addr> (the kernel counted {drops})\n");
    assert!(mask_addrs(&run.stderr).contains(&cause), "{}", run.stderr);
    assert!(run.stderr.contains("\n  0 unexplained\n"), "{}", run.stderr);
}

#[test]
fn four_threads_lose_nothing() {
    // A buffer that outlasts a busy machine; three times one thread's work would still be too much for it.
    let args = ["--threads", "4", "--work", "10ms", "--rate", "100", "--count", "60", "--rcvbuf", "200000"];
    let (run, summary) = load(&[&args[..], &["--timeout", "10s"]].concat());
    let count = |field: &str| summary[field].as_u64().expect("a count");
    assert_eq!((count("sent"), count("replied")), (180, 180), "{summary}");
    assert_eq!(summary["kernel_drops"][0]["count"], 0, "{summary}");
    // One account for each client.
    assert_eq!(run.stderr.matches("Lost 0 of 60 pings over UDP to ").count(), 3, "{}", run.stderr);
}

#[test]
fn a_hundred_thousand_pings_are_accounted_for() {
    // The last ping finds what may still be on its way, so that no answer comes after the end.
    let code = "let server = udp::bind(\"127.0.0.1:0\"); let addr = server.addr;
         set_policy(server, loss(0.1));
         start_thread(|| udp::serve(server, udp::upper()));
         let sock = udp::open(addr); let seen = #{ reply: 0, timeout: 0 };
         let plan = #{ count: 100_000, interval: 0.ms, window: 64, timeout: 30.ms, icmp_wait: 0.ms };
         for ping in pinger(sock, addr, plan) { seen[ping.kind] += 1; }
         let c = sock.counts;
         set_policy(server, always(pass()));
         expect(sock.ping(addr, \"ping 100001\", 15.s).kind, \"reply\");
         server.close();
         print(`${c.sent} ${c.replied} ${c.errored} ${c.timed_out} ${c.pending} ${seen.reply} ${seen.timeout} ${sock.counts.late}`);";
    let run = pingscript(&["--seed", "3", "-e", code]).patience(Duration::from_secs(60)).run().expect_code(0);
    let numbers: Vec<u64> = run.stdout.lines().next().expect("a line").split(' ').flat_map(str::parse).collect();
    let [sent, replied, errored, timed_out, pending, replies, timeouts, late] = numbers[..] else {
        panic!("{}", run.stdout);
    };
    assert_eq!((sent, sent), (100_000, replied + errored + timed_out + pending), "{}", run.stdout);
    assert_eq!((errored, pending, replied, timed_out), (0, 0, replies, timeouts), "{}", run.stdout);
    assert!(run.stdout.ends_with("  0 unexplained\n"), "{}", run.stdout);
    // On a machine so busy that the server's buffer overflowed, the kernel's count takes its part.
    let drops = run.stdout.split_once("(the kernel counted ").and_then(|(_, rest)| rest.split_once(')'));
    let drops = drops.map_or(0, |(count, _)| count.parse::<u64>().expect("a number"));
    let tally = mask_addrs(&run.stderr);
    let tally = tally.lines().find_map(|line| line.strip_prefix("loss(0.1) at <addr> acted on "));
    let (chosen, rest) = tally.and_then(|line| line.split_once(" of ")).expect("a tally");
    assert!(rest.starts_with(&format!("{} packets (", 100_000 - drops)), "{}\n{}", run.stdout, run.stderr);
    let chosen: u64 = chosen.parse().expect("a number");
    // What was answered too late was not dropped.
    assert_eq!(chosen + late + drops, timed_out, "{}\n{}", run.stdout, run.stderr);
    assert!((9_000..11_000).contains(&chosen), "{}", run.stderr);
}

/// `server` with `more`, on a free port.
fn start(server: &[&str], more: &[&str]) -> Running {
    pingscript(&[server, &["--listen", "127.0.0.1:0"], more].concat()).start()
}

/// Runs `udp_load.rhai` with `args`: what it printed, and the summary of its rows.
fn load(args: &[&str]) -> (Run, Value) {
    let run = pingscript(&[&["--json", "-", "scripts/udp_load.rhai"], args].concat()).run().expect_code(0);
    let last = run.stdout.lines().next_back().expect("rows");
    let summary: Value = serde_json::from_str(last).expect("a row");
    let count = |field: &str| summary[field].as_u64().expect("a count");
    let settled = count("replied") + count("errored") + count("timed_out");
    assert_eq!(count("sent"), settled + count("pending"), "{summary}");
    for (line, number) in [("Packets Sent", count("sent")), ("Packets Received", count("replied"))] {
        assert!(run.stderr.contains(&format!("{line}: {number}\n")), "{summary}\n{}", run.stderr);
    }
    (run, summary)
}

/// Checks that after the first line of a server, each datagram has its two lines, one after the other and whole; for each
/// client what became of its datagrams.
fn paired(text: &str) -> BTreeMap<&str, Vec<&'static str>> {
    let lines: Vec<&str> = text.lines().skip(1).collect();
    let mut clients: BTreeMap<&str, Vec<&'static str>> = BTreeMap::new();
    for pair in lines.chunks(2) {
        let received = pair[0].strip_prefix("received from ").and_then(|rest| rest.split_once(": "));
        let (from, asked) = received.unwrap_or_else(|| panic!("{pair:?} in\n{text}"));
        let answer = asked.to_uppercase();
        let kind = match pair.get(1) {
            Some(line) if *line == format!("sent to {from}: {answer}") => "sent",
            Some(line) if *line == format!("dropped message: {answer}") => "dropped",
            _ => panic!("{pair:?} in\n{text}"),
        };
        clients.entry(from).or_default().push(kind);
    }
    clients
}

/// Whether the lines of one client stand between those of others.
fn is_interleaved(text: &str, clients: usize) -> bool {
    let order: Vec<&str> =
        text.lines().filter_map(|line| Some(line.strip_prefix("received from ")?.split_once(": ")?.0)).collect();
    order.windows(2).filter(|pair| pair[0] != pair[1]).count() >= clients
}

#[test]
fn a_server_bound_to_any_address_answers_from_the_one_that_was_asked() {
    let loops = [
        "for pkt in server { pkt.reply(pkt.text); }",
        "udp::serve(server, |pkt| pkt.text);",
        "udp::serve(server, udp::echo());",
        "set_policy(server, |pkt| delay(1.ms)); udp::serve(server, udp::echo());",
        "set_policy(server, duplicate_all); for pkt in server { pkt.reply(pkt.text); }",
    ];
    for serve in loops {
        let serve = serve.replace("duplicate_all", "|pkt| duplicate(2)");
        let script = format!(
            "let server = udp::bind(\"*:0\");
             let task = start_thread(|| {{ {serve} }});
             for ip in [\"127.0.0.1\", \"127.0.0.2\", \"127.7.7.7\"] {{
                 let ping = udp::bind(\"127.0.0.1:0\").ping(`${{ip}}:${{server.port}}`, \"ping 1\", 5.s);
                 expect(ping.kind, \"reply\");
                 expect(ping.from.ip, ip);
             }}
             task.stop();"
        );
        pingscript(&["-e", &script]).run().expect_code(0);
    }
}

#[test]
fn servers_do_not_answer_each_other_for_ever() {
    let serving = |name: &str| {
        [
            format!("start_thread(|| udp::serve({name}, udp::echo()));"),
            format!("start_thread(|| udp::serve({name}, |pkt| pkt.text));"),
            format!("start_thread(|| for pkt in {name} {{ pkt.reply(pkt.text); }});"),
            format!("start_thread(|| {{ while true {{ let pkt = {name}.recv(); pkt.reply(pkt.text); }} }});"),
        ]
    };
    for (one, other) in serving("one").iter().zip(serving("other").iter().rev()) {
        let code = format!(
            "let one = udp::bind(\"127.0.0.1:0\"); let other = udp::bind(\"127.0.0.1:0\"); {one} {other}
             one.send_to(\"ping\", other.addr); one.send_to(\"self\", one.addr);
             let client = udp::open(one.addr);
             for n in 1..=20 {{ expect(client.ping(one.addr, `ping ${{n}}`, 5.s).kind, \"reply\"); }}
             for n in 1..=20 {{ expect(client.ping(other.addr, `ping ${{n}}`, 5.s).kind, \"reply\"); }}
             exit(0);"
        );
        let dir = TempDir::new();
        let run = pingscript(&["--json", "rows.jsonl", "-e", &code]).dir(dir.path()).run();
        assert_eq!(run.code, Some(0), "{}\n{}", run.stdout, run.stderr);
        let rows = std::fs::read_to_string(dir.path().join("rows.jsonl")).expect("rows");
        let summary = rows.lines().last().expect("a summary");
        assert!(run.stderr.contains("its own reply sent back"), "{}", run.stderr);
        assert!(run.stderr.contains("from the server itself"), "{}", run.stderr);
        assert!(summary.contains("\"ignored\":"), "{summary}");
    }
}
