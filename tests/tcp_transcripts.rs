//! Part 2 of the report, session by session: the TCP client and servers print what its transcripts show
//! (`tests/golden/part2/`), but for the differences of `tests/golden/deviations.txt`.
//!
//! No test looks at how long anything took: time-outs are short where one is to run out, and long where something else is to
//! come first.

mod common;

#[path = "tcp_transcripts/errors.rs"]
mod errors;

use common::golden::{self, assert_excerpt, assert_golden};
use common::icmp::IcmpError;
use common::mask::{mask, mask_clients};
use common::session::{check_client, check_tcp_server};
use common::tcp::{self, Client, Fate};
use common::{
    Cmd, Run, Running, TempDir, nobodys_pingscript, peer, pingscript, require_own_network_or_skip,
    require_program_or_skip, require_root_or_skip, sys,
};
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

/// Soon over, yet long for an answer over loopback on a busy machine.
const SHORT: &str = "700ms";

/// Never over within a test.
const LONG: &str = "60s";

const PROMPT: &str = "Enter number of pings to be sent:\n";

const SINGLE: &str = "scripts/tcp_single.rhai";
const MULTI: &str = "scripts/tcp_multi.rhai";

// The basic session.

#[test]
fn the_client_pings_the_server_for_one() {
    let server = start(SINGLE, &[]);
    let screen = ping_on_terminal(client(server_addr(&server), LONG, &[]), "5", 0);
    assert_golden("tcp_client", &mask(&screen));
    check_server_saw("tcp_server", &server);
}

#[test]
fn the_client_pings_the_server_for_many() {
    let server = start(MULTI, &[]);
    let screen = ping_on_terminal(client(server_addr(&server), LONG, &[]), "5", 0);
    assert_golden("tcp_modified_client", &mask(&screen));
    check_server_saw("tcp_server", &server);
}

#[test]
fn each_framing_makes_the_same_transcript() {
    for framing in ["raw", "line", "length"] {
        let server = start(SINGLE, &["--framing", framing]);
        let screen =
            ping_on_terminal(client(server_addr(&server), LONG, &["--framing", framing, "--size", "200"]), "5", 0);
        assert_golden("tcp_client", &mask(&screen));
    }
}

#[test]
fn over_ipv6_the_lines_are_the_same() {
    let server = pingscript(&[SINGLE, "--listen", "[::1]:0"]).start();
    let addr: SocketAddr = ([0u16, 0, 0, 0, 0, 0, 0, 1], server.bound_port()).into();
    assert_golden("tcp_client", &mask(&ping_on_terminal(client(addr, LONG, &[]), "5", 0)));
    check_server_saw("tcp_server", &server);
}

// A second client.

#[test]
fn a_second_client_waits_for_the_first_in_vain() {
    let server = start(SINGLE, &[]);
    let mut first = Client::connect(server_addr(&server));
    assert_eq!(first.ask("ping 1 1.0"), "PING 1 1.0");
    let screen = ping_on_terminal(client(server_addr(&server), "20ms", &[]), "20", 1);
    assert_excerpt("tcp_second_client", &mask(&screen));
    drop(first);
}

#[test]
fn what_waited_comes_as_one_message() {
    let server = start(SINGLE, &[]);
    let mut first = Client::connect(server_addr(&server));
    first.ask("ping 869 1725936775.0540745");
    let mut second = Client::connect(server_addr(&server));
    for n in 1..=11 {
        second.send(format!("ping {n} 1725936749.{n:07}"));
    }
    second.half_close();
    for n in 870..=873 {
        first.ask(&format!("ping {n} 1725936775.{n:07}"));
    }
    drop(first);
    let last = format!("received from {}:\n", second.addr());
    let seen = server.wait_until("the end of the second client", |text| text.contains(&last));
    check_tcp_server(&seen);
    assert_excerpt("tcp_server_second_client", &mask_clients(&seen));
}

#[test]
fn with_framing_what_waited_comes_as_it_was_sent() {
    let server = start(SINGLE, &["--framing", "line"]);
    let mut first = Client::connect(server_addr(&server));
    first.ask("ping 1 1.5\n");
    let mut second = Client::connect(server_addr(&server));
    second.send("ping 1 1.5\nping 2 2.5\n");
    second.half_close();
    drop(first);
    let last = format!("received from {}:\n", second.addr());
    let seen = server.wait_until("the end of the second client", |text| text.contains(&last));
    let of_second = format!("received from {}: ping ", second.addr());
    assert_eq!(seen.matches(&of_second).count(), 2, "{seen}");
}

#[test]
fn a_late_answer_that_holds_several_pings_is_distinguished() {
    // The first two wait until both are over; then the server answers three at once.
    let server = start(SINGLE, &[]);
    let first = Client::connect(server_addr(&server));
    let code = format!(
        "let conn = tcp::connect(\"{}\");
         let wait = #{{ timeout: 50.ms, icmp_wait: 0.s }};
         print(conn.ping(\"ping 1 1.5\", wait).kind); print(conn.ping(\"ping 2 2.5\", wait).kind);
         let task = start_thread(|| conn.ping(\"ping 3 3.5\", 60.s).kind);
         print(\"now\"); print(task.join()); print(`${{conn.counts.replied}} ${{conn.counts.late}} ${{conn.counts.corrupt}}`);",
        server_addr(&server)
    );
    let pinger = pingscript(&["-e", &code]).start();
    pinger.wait_for("now\n");
    drop(first);
    let run = pinger.finish().expect_code(0);
    assert!(run.stdout.starts_with("timeout\ntimeout\nnow\nreply\n1 2 0\n"), "{}", run.stdout);
}

#[test]
fn two_clients_are_served_at_once() {
    let server = start(MULTI, &[]);
    let mut clients = [(); 2].map(|()| Client::connect(server_addr(&server)));
    server.wait_lines(3);
    clients[0].ask("ping 103 1725939109.479941");
    server.wait_lines(5);
    let script = golden::expected("tcp_server_two_clients");
    let asked = script.lines().filter_map(|line| line.strip_prefix("received from <client ")?.split_once(">: "));
    for (n, (client, ping)) in asked.enumerate() {
        let client: usize = client.parse().expect("a client's number");
        clients[client - 1].ask(&ping.replace("<time>", &format!("1725939109.{:07}", n + 1)));
        server.wait_lines(5 + 2 * (n + 1));
    }
    let seen = server.stdout();
    check_tcp_server(&seen);
    // Which of both threads printed first is not said.
    let [first, second] = clients.each_ref().map(|client| format!("Connected to {}\n", client.addr()));
    let seen = seen.replace(&format!("{second}{first}"), &format!("{first}{second}"));
    assert_excerpt("tcp_server_two_clients", &mask_clients(&seen));
}

#[test]
fn the_servers_for_one_and_for_many_differ_in_one_line() {
    let code = |name: &str| -> Vec<String> {
        let text = std::fs::read_to_string(common::repo_root().join(name)).expect("a script");
        text.lines().filter(|line| !line.starts_with("//!")).map(str::to_string).collect()
    };
    let (single, multi) = (code(SINGLE), code(MULTI));
    assert_eq!(single.len(), multi.len());
    let differing: Vec<(&String, &String)> = single.iter().zip(&multi).filter(|(a, b)| a != b).collect();
    assert_eq!(differing, [(&"    serve(conn);".to_string(), &"    start_thread(|| serve(conn));".to_string())]);
}

// Loss.

#[test]
fn what_the_network_loses_takes_longer() {
    if !require_root_or_skip("a lab whose link loses two frames") {
        return;
    }
    let dir = TempDir::new();
    // The first transmission of the first ping and of the last.
    let code = "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\");
         let link = net.link(a, b); let seen = #{};
         set_policy(link.from(a), |pkt| {
             let text = pkt.text ?? \"\";
             if !(text.starts_with(\"ping 1 \") || text.starts_with(\"ping 5 \")) || text in seen { return pass(); }
             seen[text] = true;
             drop()
         });
         b.start(\"tcp_single.rhai\", [\"--listen\", \"*:11001\"]);
         a.run(\"tcp_ping.rhai\", [\"--server\", \"b:11001\", \"--count\", 5, \"--timeout\", 60.s]);
         sleep(200.ms);";
    let file = dir.write("loss.rhai", code).display().to_string();
    let run = pingscript(&[&file]).run().expect_code(0);
    let of = |host: &str| -> String {
        let lines = run.stdout.lines().filter_map(|line| line.strip_prefix(&format!("{host}| ")));
        lines.map(|line| format!("{line}\n")).collect()
    };
    check_client(&of("a"));
    check_tcp_server(&of("b"));
    // The count was given, so it is not asked for.
    let wanted = golden::expected("tcp_loss_client");
    let (_, wanted) = wanted.split_once("\n5\n").expect("the answer to the prompt");
    golden::assert_text("tcp_loss_client", wanted, &mask(&of("a")));
    assert_excerpt("tcp_loss_server", &mask(&of("b")));
    // The least retransmission timeout of Linux.
    let rtts: Vec<f64> =
        of("a").lines().filter_map(|line| line.split_once(" rtt=")?.1.strip_suffix("ms")?.parse().ok()).collect();
    assert!(rtts.len() == 5 && rtts[0] >= 200.0 && rtts[4] >= 200.0, "{rtts:?}");
}

// The end of a connection.

#[test]
fn a_connection_that_ends_settles_its_ping() {
    for (fate, line) in [
        (Fate::Closed, "the peer has closed the connection for the packet 3\n"),
        (Fate::Reset, "the peer has reset the connection for the packet 3\n"),
    ] {
        let addr = tcp::server(move |n| if n < 3 { Fate::Answered } else { fate });
        let run = client(addr, LONG, &["--count", "9"]).run().expect_code(0);
        check_client(&run.stdout);
        assert!(run.stdout.contains(line), "{}", run.stdout);
        assert!(run.stdout.contains("Packets Sent: 3\nPackets Received: 2\n"), "{}", run.stdout);
        assert!(run.stdout.ends_with("Closing tcp socket\n"), "{}", run.stdout);
    }
}

#[test]
fn a_refused_connection_is_reported() {
    let addr = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");
    let run = client(addr, LONG, &["--count", "2"]).run().expect_code(1);
    assert!(run.stdout.starts_with(&format!("Connection refused by {addr}\n=====\n")), "{}", run.stdout);
}

#[test]
fn an_interrupt_ends_the_pings_and_prints_the_summary() {
    for (stop, code, line) in [
        (Running::press_ctrl_c as fn(&mut Running), 130, "Received interrupt stopping pings\n"),
        (|client: &mut Running| client.signal(sys::SIGTERM), 143, "Received SIGTERM stopping pings\n"),
    ] {
        let (tell, fourth) = mpsc::channel();
        let addr = tcp::server(move |n| {
            if n < 4 {
                return Fate::Answered;
            }
            let _ = tell.send(());
            Fate::Silence
        });
        let mut running = client(addr, LONG, &["--count", "9"]).start_on_terminal();
        fourth.recv_timeout(Duration::from_secs(20)).expect("ping 4 did not come");
        // Ctrl-C discards what a terminal has not shown yet.
        running.wait_for(": ping 4 ");
        stop(&mut running);
        let Run { stdout, .. } = running.finish().expect_code(code);
        check_client(&stdout);
        assert!(stdout.contains(line) && stdout.contains("Packets Pending: 1\n"), "{stdout}");
        assert!(stdout.contains("Packets Sent: 4\nPackets Received: 3\n"), "{stdout}");
    }
}

// Second opinions: a Python client and server; an ordinary user.

#[test]
fn a_python_client_agrees_about_our_servers() {
    if !require_program_or_skip("python3", "a Python client against our servers") {
        return;
    }
    for server in [SINGLE, MULTI] {
        let server = start(server, &[]);
        let cmd = peer("tcp_ping_client.py", &["--server", &server_addr(&server).to_string()]);
        assert_golden("tcp_client", &mask(&ping_on_terminal(cmd, "5", 0)));
        check_server_saw("tcp_server", &server);
    }
}

#[test]
fn our_client_agrees_about_a_python_server() {
    if !require_program_or_skip("python3", "our client against a Python server") {
        return;
    }
    for threads in [None, Some("--threads")] {
        let args: Vec<&str> = ["--listen", "127.0.0.1:0"].into_iter().chain(threads).collect();
        let server = peer("tcp_ping_server.py", &args).start();
        assert_golden("tcp_client", &mask(&ping_on_terminal(client(server_addr(&server), LONG, &[]), "5", 0)));
        check_server_saw("tcp_server", &server);
    }
}

#[test]
fn an_ordinary_user_sees_the_same() {
    if !require_root_or_skip("the client as another user, without capabilities") {
        return;
    }
    let (dir, server) = (TempDir::new(), start(SINGLE, &[]));
    let addr = server_addr(&server).to_string();
    let cmd = nobodys_pingscript(&dir, &["scripts/tcp_ping.rhai", "--server", &addr]);
    assert_golden("tcp_client", &mask(&ping_on_terminal(cmd, "5", 0)));
}

#[test]
fn every_transcript_is_tested() {
    let tests = concat!(include_str!("tcp_transcripts.rs"), include_str!("tcp_transcripts/errors.rs"));
    for name in golden::transcripts("part2") {
        assert!(tests.contains(&format!("\"{name}\"")), "{name} is compared with nothing");
        let text = golden::transcript(&name);
        assert_eq!(mask(&text), text);
    }
}

/// A server on loopback, on a free port.
fn start(script: &str, more: &[&str]) -> Running {
    pingscript(&[&[script, "--listen", "127.0.0.1:0"], more].concat()).start()
}

fn server_addr(server: &Running) -> SocketAddr {
    ([127, 0, 0, 1], server.bound_port()).into()
}

/// The client, to ping `server`.
fn client(server: SocketAddr, timeout: &str, more: &[&str]) -> Cmd {
    let server = server.to_string();
    pingscript(&[&["scripts/tcp_ping.rhai", "--server", &server, "--timeout", timeout], more].concat())
}

/// Run a client on a terminal, type `count` at its prompt, let it end with `code`, and check that its screen agrees with
/// itself; the screen.
fn ping_on_terminal(cmd: Cmd, count: &str, code: i32) -> String {
    let mut running = cmd.start_on_terminal();
    running.wait_for(PROMPT);
    running.type_text(&format!("{count}\n"));
    let Run { stdout, .. } = running.finish().expect_code(code);
    check_client(&stdout);
    stdout
}

/// Compare what the server has printed with the whole transcript `name`, once it is all there.
fn check_server_saw(name: &str, server: &Running) {
    server.wait_lines(golden::expected(name).lines().count());
    let text = server.stdout();
    check_tcp_server(&text);
    assert_golden(name, &mask(&text));
}

/// The number of the ping that a line of a transcript is about.
fn number_of(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once(": ping ").or_else(|| line.split_once(" for the packet "))?;
    rest.split(' ').next()?.parse().ok()
}
