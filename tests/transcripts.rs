//! Part 1 of the report, session by session: the UDP client and server print what its transcripts
//! show (`tests/golden/part1/`), but for the differences of `tests/golden/deviations.txt`.
//!
//! No test looks at how long anything took: time-outs are short where one is to run out, and long
//! where something else is to come first.

mod common;
#[path = "common/selftest.rs"]
mod selftest;

use common::golden::{self, assert_excerpt, assert_golden};
use common::icmp::{self, IcmpError};
use common::mask::{mask, mask_clients};
use common::session::{check_client, check_server};
use common::udp::{ClosedPort, LOOPBACK, UdpPeer, relay};
use common::{
    Cmd, POLICY, Run, Running, TempDir, dropping, nobodys_pingscript, peer, pingscript, require_own_network_or_skip,
    require_program_or_skip, require_root_or_skip, server_script, sys,
};
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc;
use std::time::Duration;

/// Soon over, yet long for an answer over loopback on a busy machine.
const SHORT: &str = "700ms";

/// Never over within a test.
const LONG: &str = "60s";

const PROMPT: &str = "Enter number of pings to be sent:\n";

// The basic session and its losses.

#[test]
fn the_server_drops_two_and_the_client_times_out() {
    let dir = TempDir::new();
    let server = start_server(&dir, &dropping(&[1, 2]), "127.0.0.1:0");
    let addr = format!("127.0.0.1:{}", server.bound_port());
    let screen = ping_on_terminal(client(&addr, SHORT, &[]), "5", 0);
    assert_golden("client_timeouts", &mask(&screen));
    check_server_saw("server_drops", &server);
}

#[test]
fn client_and_server_on_two_addresses() {
    let dir = TempDir::new();
    let server = start_server(&dir, &dropping(&[2, 3]), "127.0.0.2:0");
    let addr = format!("127.0.0.2:{}", server.bound_port());
    let screen = ping_on_terminal(client(&addr, SHORT, &["--bind", "127.0.0.3:0"]), "5", 0);
    assert!(server.stdout().contains("received from 127.0.0.3:"), "{}", server.stdout());
    assert_golden("two_machines_client", &mask(&screen));
    check_server_saw("two_machines_server", &server);
}

#[test]
fn the_network_loses_what_the_server_sent() {
    let dir = TempDir::new();
    let server = start_server(&dir, "|pkt| pass()", "127.0.0.1:0");
    let network =
        relay(loopback(server.bound_port()), |reply| reply.starts_with(b"PING 3 ") || reply.starts_with(b"PING 4 "));
    let screen = ping_on_terminal(client(&network.addr().to_string(), SHORT, &[]), "5", 0);
    assert_golden("modified_client", &mask(&screen));
    check_server_saw("modified_server", &server);
}

#[test]
fn without_a_terminal_the_count_is_its_default_and_the_input_is_left_alone() {
    let server = UdpPeer::answering(10);
    let shell = "read first; \"$0\" scripts/udp_ping.rhai --server $1; \"$0\" scripts/udp_ping.rhai --server $1; cat";
    let words = ["-c", shell, env!("CARGO_BIN_EXE_pingscript"), &server.addr().to_string()];
    let run = Cmd::new("sh".as_ref(), &words).stdin("2\n3\n4\n").run().expect_code(0);
    assert_eq!(run.stdout.matches("Packets Received: 5\n").count(), 2, "{}", run.stdout);
    assert!(run.stdout.ends_with("=====\nClosing UDP socket\n3\n4\n"), "{}", run.stdout);
    assert_eq!(run.stderr.matches("--count 5, its default: standard input is no terminal to ask on\n").count(), 2);
}

// Interrupts.

#[test]
fn an_interrupt_ends_the_pings_and_prints_the_summary() {
    let screen = stopped_while_waiting(4, 130, Running::press_ctrl_c);
    assert_golden("client_sigint", &mask(&screen));
}

#[test]
fn a_sigterm_ends_the_pings_and_prints_the_summary() {
    let screen = stopped_while_waiting(8, 143, |client| client.signal(sys::SIGTERM));
    assert_golden("client_sigterm", &mask(&screen));
}

// ICMP errors. The time-out is long: they are reported at once.

#[test]
fn a_closed_port_is_unreachable() {
    let closed = ClosedPort::new();
    let cmd = client(&closed.addr().to_string(), LONG, &[]);
    assert_golden("client_port_unreachable", &mask(&ping_on_terminal(cmd, "1", 1)));
}

#[test]
fn a_closed_port_is_unreachable_for_an_ordinary_user() {
    if !require_root_or_skip("the client as another user, without capabilities") {
        return;
    }
    let (dir, closed) = (TempDir::new(), ClosedPort::new());
    let server = closed.addr().to_string();
    let cmd = nobodys_pingscript(&dir, &client_args(&server, LONG, &[]));
    assert_golden("client_port_unreachable", &mask(&ping_on_terminal(cmd, "1", 1)));
}

#[test]
fn a_net_is_unreachable() {
    unreachable("client_net_unreachable", 0);
}

#[test]
fn a_host_is_unreachable() {
    unreachable("client_host_unreachable", 1);
}

#[test]
fn a_protocol_is_unreachable() {
    unreachable("client_protocol_unreachable", 2);
}

#[test]
fn a_forged_port_unreachable_reads_as_a_real_one() {
    unreachable("client_port_unreachable", 3);
}

// Three clients at once.

#[test]
fn three_clients_at_once() {
    // Which pings of which client are dropped, and how far its excerpt goes.
    let plans: [(&str, &[u32], &str); 3] = [
        ("clients_three_a", &[46, 52, 54, 55, 58, 59], "60"),
        ("clients_three_b", &[72, 80, 82], "88"),
        ("clients_three_c", &[45, 50, 54, 57], "60"),
    ];
    // A client is known to the server by its address.
    let binds = ["127.0.0.11", "127.0.0.12", "127.0.0.13"];
    let dropped: Vec<String> = binds
        .iter()
        .zip(&plans)
        .map(|(ip, (_, numbers, _))| {
            let any: Vec<String> = numbers.iter().map(|n| format!("text.starts_with(\"ping {n} \")")).collect();
            format!("(from.starts_with(\"{ip}:\") && ({}))", any.join(" || "))
        })
        .collect();
    let policy = format!(
        "|pkt| {{ let from = `${{pkt.from}}`; let text = pkt.text; if {} {{ drop() }} else {{ pass() }} }}",
        dropped.join(" || ")
    );
    let dir = TempDir::new();
    let server = start_server(&dir, &policy, "127.0.0.1:0");
    let addr = format!("127.0.0.1:{}", server.bound_port());

    let clients: Vec<Running> = binds
        .iter()
        .zip(&plans)
        .map(|(ip, (_, _, count))| {
            let bind = format!("{ip}:0");
            client(&addr, SHORT, &["--bind", &bind, "--count", count]).start()
        })
        .collect();
    for (running, (name, _, _)) in clients.into_iter().zip(plans) {
        let run = running.finish().expect_code(0);
        check_client(&run.stdout);
        assert_excerpt(name, &mask(&run.stdout));
    }
    let seen = server.stdout();
    check_server(&seen);
    assert!(is_interleaved(&seen, &binds), "served one client after the other:\n{seen}");
}

#[test]
fn a_server_prints_what_three_clients_send() {
    // The pings of the excerpt, sent by three plain sockets in its order.
    let script = golden::expected("server_three_clients");
    let asked: Vec<(usize, &str)> = script
        .lines()
        .filter_map(|line| line.strip_prefix("received from <client ")?.split_once(">: "))
        .map(|(client, ping)| (client.parse().expect("a client's number"), ping))
        .collect();
    let dir = TempDir::new();
    let server = start_server(&dir, &dropping(&[88, 97, 126]), "127.0.0.1:0");
    let to = loopback(server.bound_port());
    let sockets = [(); 3].map(|()| UdpSocket::bind("127.0.0.1:0").expect("cannot bind"));
    for (n, (client, ping)) in asked.iter().enumerate() {
        let text = ping.replace("<time>", &format!("1725934363.{:07}", n + 1));
        sockets[client - 1].send_to(text.as_bytes(), to).expect("cannot send");
        // After its first line, the server prints two for each ping.
        server.wait_lines(1 + 2 * (n + 1));
    }
    let seen = server.wait_lines(1 + 2 * asked.len());
    check_server(&seen);
    assert_excerpt("server_three_clients", &mask_clients(&seen));
}

// The policy of the server is one line to edit.

#[test]
fn editing_the_policy_changes_the_loss() {
    for (policy, code, loss) in [
        ("|pkt| pass()", 0, "Loss Rate: 0.000%"),
        (&*dropping(&[2]), 0, "Loss Rate: 25.000%"),
        ("|pkt| drop()", 1, "Loss Rate: 100.000%"),
    ] {
        let dir = TempDir::new();
        let server = start_server(&dir, policy, "127.0.0.1:0");
        let addr = format!("127.0.0.1:{}", server.bound_port());
        let run = client(&addr, SHORT, &["--count", "4"]).run().expect_code(code);
        check_client(&run.stdout);
        assert!(run.stdout.contains(loss), "{policy}: no {loss}:\n{}", run.stdout);
    }
}

#[test]
fn the_same_seed_drops_the_same_packets() {
    let [first, again, other] = ["7", "7", "8"].map(dropped_with_seed);
    assert_eq!(first, again);
    assert_ne!(first, other);
    assert!((1..100).contains(&first.len()), "{first:?}");
}

// Second opinions: a Python client and server.

#[test]
fn a_python_client_agrees_about_our_server() {
    if !require_program_or_skip("python3", "a Python client against our server") {
        return;
    }
    let dir = TempDir::new();
    let server = start_server(&dir, &dropping(&[1, 2]), "127.0.0.1:0");
    let addr = format!("127.0.0.1:{}", server.bound_port());
    let cmd = peer("udp_ping_client.py", &["--server", &addr, "--timeout", "0.3"]);
    let screen = ping_on_terminal(cmd, "5", 0);
    assert_golden("client_timeouts", &mask(&screen));
    check_server_saw("server_drops", &server);
}

#[test]
fn our_client_agrees_about_a_python_server() {
    if !require_program_or_skip("python3", "our client against a Python server") {
        return;
    }
    for threads in [None, Some("--threads")] {
        let args = ["--listen", "127.0.0.1:0", "--drop", "1,2"];
        let args: Vec<&str> = args.into_iter().chain(threads).collect();
        let server = peer("udp_ping_server.py", &args).start();
        let addr = format!("127.0.0.1:{}", server.bound_port());
        let screen = ping_on_terminal(client(&addr, SHORT, &[]), "5", 0);
        assert_golden("client_timeouts", &mask(&screen));
        if threads.is_none() {
            check_server_saw("server_drops", &server);
        }
    }
}

#[test]
fn our_client_counts_what_a_python_server_drops_at_random() {
    if !require_program_or_skip("python3", "our client against a Python server") {
        return;
    }
    let server = peer("udp_ping_server.py", &["--listen", "127.0.0.1:0", "--loss", "40", "--seed", "3"]).start();
    let addr = format!("127.0.0.1:{}", server.bound_port());
    let run = client(&addr, SHORT, &["--count", "8"]).run().expect_code(0);
    check_client(&run.stdout);
    let seen = server.wait_lines(1 + 2 * 8);
    let (sent, dropped) = (seen.matches("sent to ").count(), seen.matches("dropped message").count());
    assert_eq!((run.stdout.matches("received from").count(), sent + dropped), (sent, 8), "{seen}");
    assert_eq!(run.stdout.matches("Request timed out").count(), dropped, "{}", run.stdout);
}

// The golden files.

#[test]
fn every_accepted_difference_fits_a_transcript() {
    let names: Vec<String> = golden::parts().iter().flat_map(|part| golden::transcripts(part)).collect();
    for deviation in golden::accepted() {
        let fits = |name: &&String| deviation.is_for(name) && deviation.apply(&golden::transcript(name)).is_some();
        assert!(names.iter().any(|name| fits(&name)), "fits nowhere: {deviation:?}");
    }
}

#[test]
fn every_transcript_is_tested() {
    let tests = include_str!("transcripts.rs");
    for name in golden::transcripts("part1") {
        assert!(tests.contains(&format!("\"{name}\"")), "{name} is compared with nothing");
        // What is masked already stays as it is: no time, address or RTT was left in.
        let text = golden::transcript(&name);
        assert_eq!(mask(&text), text);
    }
}

/// The client, to ping `server`.
fn client(server: &str, timeout: &str, more: &[&str]) -> Cmd {
    pingscript(&client_args(server, timeout, more))
}

/// The arguments of the client, to ping `server`.
fn client_args<'a>(server: &'a str, timeout: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let script = "scripts/udp_ping.rhai";
    let args = [script, "--server", server, "--timeout", timeout];
    [&args, more].concat()
}

/// The server with `policy`, listening on `addr`.
fn start_server(dir: &TempDir, policy: &str, addr: &str) -> Running {
    pingscript(&[server_script(dir, policy).as_str(), "--listen", addr]).start()
}

/// Run a client on a terminal, type `count` at its prompt, let it end with `code`, and check that
/// its screen agrees with itself; the screen.
fn ping_on_terminal(cmd: Cmd, count: &str, code: i32) -> String {
    let mut running = cmd.start_on_terminal();
    running.wait_for(PROMPT);
    running.type_text(&format!("{count}\n"));
    let Run { stdout, .. } = running.finish().expect_code(code);
    check_client(&stdout);
    stdout
}

/// The screen of a client that was stopped while its ping number `last` waited, all before having
/// been answered, and ended with `code`.
fn stopped_while_waiting(last: usize, code: i32, stop: impl FnOnce(&mut Running)) -> String {
    let (tell, arrived) = mpsc::channel();
    let server = UdpPeer::start(LOOPBACK, move |datagram| {
        if datagram.index < last - 1 {
            datagram.reply_upper();
        } else {
            let _ = tell.send(());
        }
    });
    let mut running = client(&server.addr().to_string(), LONG, &[]).start_on_terminal();
    running.wait_for(PROMPT);
    running.type_text("10\n");
    arrived.recv_timeout(Duration::from_secs(20)).expect("the last ping did not come");
    // Ctrl-C discards what a terminal has not shown yet.
    running.wait_for(&format!(": ping {last} "));
    stop(&mut running);
    let Run { stdout, .. } = running.finish().expect_code(code);
    check_client(&stdout);
    stdout
}

/// Ping a host that answers destination unreachable with `code`; compare with the transcript.
fn unreachable(name: &str, code: u8) {
    if !require_own_network_or_skip(name) {
        return;
    }
    let forger = icmp::forger(move |_| Some(IcmpError::unreachable(code)));
    let cmd = client(&forger.addr().to_string(), LONG, &[]);
    assert_golden(name, &mask(&ping_on_terminal(cmd, "1", 1)));
}

/// Compare what the server has printed with the whole transcript `name`, once it is all there.
fn check_server_saw(name: &str, server: &Running) {
    server.wait_lines(golden::expected(name).lines().count());
    let text = server.stdout();
    check_server(&text);
    assert_golden(name, &mask(&text));
}

/// Whether a line of one of `clients` stands between two lines of another.
fn is_interleaved(text: &str, clients: &[&str]) -> bool {
    let order: Vec<usize> = text
        .lines()
        .filter_map(|line| line.strip_prefix("received from "))
        .filter_map(|rest| clients.iter().position(|ip| rest.starts_with(&format!("{ip}:"))))
        .collect();
    order.windows(2).filter(|pair| pair[0] != pair[1]).count() >= clients.len()
}

/// The numbers of the pings, of 100, that the server as it is drops with this seed.
fn dropped_with_seed(seed: &str) -> Vec<u32> {
    const PINGS: usize = 100;
    let dir = TempDir::new();
    let script = server_script(&dir, POLICY);
    let server = pingscript(&["--seed", seed, &script, "--listen", "127.0.0.1:0"]).start();
    let to = loopback(server.bound_port());
    let socket = UdpSocket::bind("127.0.0.1:0").expect("cannot bind");
    socket.set_write_timeout(Some(Duration::from_secs(5))).expect("a time-out");
    for n in 1..=PINGS {
        socket.send_to(format!("ping {n} 1725934363.5").as_bytes(), to).expect("cannot send");
    }
    let seen = server.wait_lines(1 + 2 * PINGS);
    seen.lines()
        .filter_map(|line| line.strip_prefix("dropped message: PING ")?.split_once(' ')?.0.parse().ok())
        .collect()
}

fn loopback(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}
