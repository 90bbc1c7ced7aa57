//! SIGINT, SIGTERM and SIGHUP at any moment: the line that says which came, once; the script's last lines; the exit code.
//!
//! No test asserts how long a single program took to end beyond [`PATIENCE`]; the longest time is written to standard error
//! by the test of random moments. PINGSCRIPT_INTERRUPTS sets how many that tries.

mod common;

#[path = "interrupts/loops.rs"]
mod loops;
#[path = "interrupts/prompt.rs"]
mod prompt;
#[path = "interrupts/threads.rs"]
mod threads;

use common::udp::UdpPeer;
use common::{Cmd, Run, Running, pingscript, sys};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a program may take to end; more than on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// Programs at a time, in the test that runs many.
const AT_ONCE: u64 = 10;

const SIGNALS: [(i32, i32, &str); 3] = [
    (sys::SIGINT, 130, "Received interrupt stopping pings"),
    (sys::SIGTERM, 143, "Received SIGTERM stopping pings"),
    (sys::SIGHUP, 129, "Received SIGHUP stopping pings"),
];

/// A number below `bound`, the same for the same `n`.
fn draw(n: u64, bound: u64) -> u64 {
    let mut x = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (x ^ (x >> 31)) % bound
}

/// Sends `signal`, waits for the end, checks the exit code and that the line came once; how long it took.
fn stop(running: Running, (signal, code, line): (i32, i32, &str)) -> (Run, Duration) {
    let sent = Instant::now();
    running.signal(signal);
    let run = running.finish();
    let took = sent.elapsed();
    let run = run.expect_code(code);
    let said = run.stdout.lines().filter(|text| text.starts_with("Received ") && text.ends_with("stopping pings"));
    assert_eq!(said.collect::<Vec<_>>(), [line], "{}", run.stdout);
    (run, took)
}

/// Starts `code`, and waits until it prints `ready`.
fn ready(code: &str) -> Running {
    let running = pingscript(&["-e", code]).patience(PATIENCE).start();
    running.wait_for("ready\n");
    running
}

#[test]
fn at_random_moments() {
    let tries: u64 = std::env::var("PINGSCRIPT_INTERRUPTS").map_or(100, |n| n.parse().expect("a number"));
    let (next, longest) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= tries {
                        return;
                    }
                    let took = at_random_moment(n);
                    longest.fetch_max(u64::try_from(took.as_micros()).expect("short"), Ordering::Relaxed);
                }
            });
        }
    });
    let longest = longest.into_inner();
    sys::write_stderr(&format!("{tries} interrupts: the longest took {}.{:03} ms\n", longest / 1000, longest % 1000));
}

fn at_random_moment(n: u64) -> Duration {
    let interval = ["1ms", "10ms", "150ms"][(n % 3) as usize];
    let timeout = ["5ms", "300ms", "60s"][(n / 3 % 3) as usize];
    let args = ["scripts/udp_ping.rhai", "--count", "1000000", "--interval", interval, "--timeout", timeout];
    let running = pingscript(&args).patience(PATIENCE).start();
    running.wait_lines(1);
    // From the first line to 2 s, every other one while the first pings are under way.
    let within = if n.is_multiple_of(2) { 2_000_000 } else { 20_000 };
    thread::sleep(Duration::from_micros(draw(n, within)));
    let (run, took) = stop(running, SIGNALS[(n / 2 % 3) as usize]);
    let number = |name: &str| -> u64 {
        let value = run.stdout.lines().find_map(|line| line.strip_prefix(name));
        value.unwrap_or_else(|| panic!("no {name:?} in\n{}", run.stdout)).parse().expect("a number")
    };
    let count = |what: &str| run.stdout.lines().filter(|line| line.starts_with(what)).count() as u64;
    // The signal may come between the line that announces a ping and the ping.
    let (announced, sent) = (count("send to "), number("Packets Sent: "));
    assert!(announced == sent || announced == sent + 1, "{announced} announced, {sent} sent\n{}", run.stdout);
    assert_eq!(number("Packets Received: "), count("received from "), "{}", run.stdout);
    assert_eq!(count("Summary:"), 1, "{}", run.stdout);
    assert!(run.stdout.contains("\nClosing UDP socket\n"), "{}", run.stdout);
    assert!(!run.stdout.contains("unexplained") || run.stdout.contains("  0 unexplained\n"), "{}", run.stdout);
    took
}

#[test]
fn every_wait_and_every_loop_over_natives_ends() {
    let silent = UdpPeer::start(common::udp::LOOPBACK, |_| {});
    let addr = silent.addr();
    let ping = format!("print(udp::open(\"{addr}\").ping(\"{addr}\", \"ping 1\", 60.s).kind);");
    let pinger = format!(
        "let sock = udp::open(\"{addr}\"); let n = 0;
         for ping in pinger(sock, \"{addr}\", #{{ interval: 1.ms, timeout: 60.s }}) {{ if ping.kind == \"interrupted\" {{ n += 1; }} }}
         print(n > 0 && n == sock.counts.pending && n == sock.counts.sent);"
    );
    for (code, tail) in [
        (&*ping, "interrupted\n"),
        (&*pinger, "true\n"),
        ("sleep(1.h);", ""),
        ("sleep(1.h); sleep(1.h); sleep(1.h);", ""),
        ("print(udp::bind(\"127.0.0.1:0\").recv().kind);", "interrupted\n"),
        ("for pkt in udp::bind(\"127.0.0.1:0\") { print(pkt); }", ""),
        ("for tick in ticks(1.h) {}", ""),
        ("for tick in ticks(0.s) {}", ""),
        ("for tick in ticks(10.us) { sleep(5.us); }", ""),
        ("let n = 0; for i in 0..1_000_000_000_000 { n += 1; }", ""),
        ("let n = 0; for i in 0..1_000_000_000_000 { for j in 0..=1_000_000_000_000 { n += 1; } }", ""),
        ("while !interrupted() {}", ""),
        ("print(channel().recv());", "\n"),
        ("let queue = channel(1); queue.send(1); print(queue.send(2));", "false\n"),
        ("for value in channel() {}", ""),
        ("let queue = channel(1); start_thread(|| { while queue.send(1) {} }); for value in queue {}", ""),
        ("print(start_thread(|| sleep(1.h)).join());", "\n"),
        ("start_thread(|| { for tick in ticks(1.ms) {} print(\"thread\"); }).join(); sleep(10.ms);", ""),
        ("for i in 0..20 { start_thread(|| udp::bind(\"127.0.0.1:0\").recv()); } sleep(1.h);", ""),
        ("let end = deadline(1.h); while !end.passed && !interrupted() { sleep(1.h); }", ""),
        ("let server = start(\"udp_server.rhai\", [\"--listen\", \"127.0.0.1:0\", \"--quiet\"]); server.join();", ""),
    ] {
        for signal in SIGNALS {
            let running = ready(&format!("print(\"ready\"); sleep(1.ms); {code}\nprint(\"the end\");"));
            thread::sleep(Duration::from_millis(15));
            let (run, _) = stop(running, signal);
            assert!(run.stdout.contains(&format!("{tail}the end\n")), "{code}\n{}", run.stdout);
            assert_eq!(run.stderr, "", "{code}");
        }
    }
}

#[test]
fn what_an_interrupt_cut_short_was_not_measured() {
    for signal in SIGNALS {
        let code = "print(\"ready\"); sleep(1.h);\nexpect((), at_least(3), \"pings\"); print(\"the end\")";
        let (run, _) = stop(ready(code), signal);
        assert!(!run.stdout.contains("the end"), "{}", run.stdout);
        assert_eq!(run.stderr, "not measured, since the run was interrupted (-e:2): pings\n");
    }
}

#[test]
fn what_does_not_wait_is_ended_and_cannot_catch_it() {
    for code in [
        "loop {}",
        "try { loop {} } catch { print(\"the end\"); }",
        "loop { try { loop {} } catch { print(\"the end\"); } }",
        "loop { sleep(1.h); }",
        "fn f(n) { if n == 0 { loop {} } f(n - 1) } f(20);",
        "start_thread(|| loop {}); loop {}",
        "let n = 0; while true { n += 1; } print(\"the end\");",
    ] {
        for signal in SIGNALS {
            let (run, _) = stop(ready(&format!("print(\"ready\"); sleep(1.ms); {code}")), signal);
            assert!(!run.stdout.contains("the end"), "{code}\n{}", run.stdout);
            // Where the machine is too busy for that, the process ends without the words.
            let reported = run.stderr == "-e: still running half a second later, ended\n";
            assert!(reported || run.stderr.is_empty(), "{code}\n{}", run.stderr);
        }
    }
}

#[test]
fn reading_a_file_that_does_not_end_is_ended() {
    for signal in SIGNALS {
        let (run, _) = stop(ready("print(\"ready\"); icmp::targets(\"@-\"); print(\"read\");"), signal);
        assert!(!run.stdout.contains("read\n"), "{}", run.stdout);
        assert_eq!(run.stderr, "");
    }
}

#[test]
fn the_prompt_for_the_count_is_a_wait_and_an_interrupt_there_ends_the_script() {
    for (script, signal) in ["udp_ping", "tcp_ping", "icmp_ping"].into_iter().zip(SIGNALS) {
        let running = pingscript(&[script]).patience(PATIENCE).start_on_terminal();
        running.wait_for("Enter number of pings to be sent:");
        let (run, _) = stop(running, signal);
        // No server is started, and nothing is summed up: no ping was sent.
        assert!(run.stdout.ends_with(&format!("{}\n", signal.2)), "{}", run.stdout);
        assert_eq!(run.stderr, "");
    }
}

#[test]
fn what_is_in_flight_is_said_to_be_pending_beside_the_loss() {
    let running = ready(
        "let server = udp::bind(\"127.0.0.1:0\"); let sock = udp::open(server.addr);
         set_policy(server, |pkt| if pkt.number > 5 { drop() } else { pass() });
         start_thread(|| for pkt in server { pkt.reply(pkt.data); });
         for ping in pinger(sock, server.addr, #{ interval: 1.ms, timeout: 60.s, sends: true, count: 20 }) {
             if ping.kind == \"sent\" && ping.seq == 20 { sleep(10.ms); print(\"ready\"); }
         }",
    );
    let (run, _) = stop(running, SIGNALS[0]);
    let report = "Lost 0 of 5 pings: 0.0% (95%: 0.0% to 43.4%)
  15 still pending, not counted: 75.0% if all of them are lost
  0 unexplained
";
    assert!(run.stdout.ends_with(report), "{}", run.stdout);
}

#[test]
fn pings_to_a_server_that_is_stopped_too_are_pending() {
    for signal in SIGNALS {
        let args = ["--json", "-", "tcp_ping", "--count", "0", "--clients", "20", "--quiet"];
        let running = pingscript(&args).patience(PATIENCE).start();
        running.wait_for("\"type\":\"probe\"");
        running.signal(signal.0);
        let run = running.finish().expect_code(signal.1);
        assert!(!run.stderr.contains("the peer has") && !run.stderr.contains("The peer has"), "{}", run.stderr);
        let summary: serde_json::Value = serde_json::from_str(run.stdout.lines().last().expect("rows")).expect("JSON");
        assert_eq!(summary["errored"], 0, "{summary}");
        for (words, field) in [("Packets Sent: ", "sent"), ("Packets Received: ", "replied")] {
            let line = run.stderr.lines().find_map(|line| line.strip_prefix(words));
            assert_eq!(line.map(str::to_string), Some(summary[field].to_string()), "{}", run.stderr);
        }
    }
}

#[test]
fn the_server_ends() {
    for signal in SIGNALS {
        let running = pingscript(&["scripts/udp_server.rhai", "--listen", "127.0.0.1:0"]).patience(PATIENCE).start();
        running.bound_port();
        stop(running, signal);
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for [first, second] in [[0, 0], [0, 1], [1, 0], [1, 1]] {
        let (first, second) = (SIGNALS[first], SIGNALS[second]);
        let running = ready("print(\"ready\"); sleep(1.ms); try { loop {} } catch { }");
        running.signal(first.0);
        // The first has done its work, or two signals of one kind may become one. Its line waits in the buffer.
        thread::sleep(Duration::from_millis(50));
        running.signal(second.0);
        let run = running.finish().expect_code(second.1);
        assert_eq!(run.stdout, format!("ready\n{}\n", first.2));
    }
}

#[test]
fn a_reader_that_does_not_read_holds_up_no_end() {
    for signals in [vec![SIGNALS[0]], vec![SIGNALS[1]], vec![SIGNALS[0], SIGNALS[0]]] {
        let mut command = Command::new(common::binary());
        command.args(["-e", "loop { print(\"a line that nobody reads\"); }"]);
        sys::end_with_parent(&mut command);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.expect("starts");
        thread::sleep(Duration::from_millis(300));
        for (signal, ..) in &signals {
            sys::send_signal(child.id(), *signal);
            thread::sleep(Duration::from_millis(20));
        }
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match child.try_wait().expect("waits") {
                Some(status) => break status,
                None if Instant::now() > deadline => {
                    let _ = child.kill();
                    panic!("{} signals did not end it", signals.len());
                }
                None => thread::sleep(Duration::from_millis(1)),
            }
        };
        assert_eq!(status.code(), Some(signals[0].1));
    }
}

#[test]
fn a_signal_at_the_moment_of_the_end() {
    // Around the moment at which the script ends by itself: all of it happens, or nothing.
    for n in 0..60 {
        let (signal, code, line) = SIGNALS[(n % 3) as usize];
        let running = ready("print(\"ready\"); sleep(10.ms); print(\"the end\");");
        thread::sleep(Duration::from_micros(7_000 + draw(n, 8_000)));
        running.signal(signal);
        let run = running.finish();
        match run.code {
            Some(0) => assert_eq!(run.stdout, "ready\nthe end\n"),
            other => {
                assert_eq!(other, Some(code), "{:?}", run.signal);
                assert_eq!(run.stdout.matches(line).count(), 1, "{}", run.stdout);
                assert!(run.stdout.contains("the end\n"), "{}", run.stdout);
            }
        }
    }
}

#[test]
fn a_signal_while_it_starts_is_kept() {
    // Long before the script runs: the first lines of a script that takes a while to compile.
    let long = "let x = 1 + 1;\n".repeat(20_000);
    let mut kept = 0;
    for n in 0..20 {
        let running = pingscript(&["-"]).stdin(&format!("{long}\nprint(\"ready\"); sleep(1.h); print(\"the end\");"));
        let running: Running = Cmd::start(running.patience(PATIENCE));
        thread::sleep(Duration::from_millis(30 + draw(n, 50)));
        running.signal(sys::SIGINT);
        let run = running.finish();
        // Until the process listens, the signal does what it does to every process.
        if run.signal.is_none() {
            kept += 1;
            assert_eq!(run.code, Some(130), "{}", run.stderr);
            assert_eq!(run.stdout.matches(SIGNALS[0].2).count(), 1, "{}", run.stdout);
            // While the script is still being read, there are no last lines.
            let read = run.stdout != format!("{}\n", SIGNALS[0].2);
            assert!(!read || run.stdout.ends_with("the end\n"), "{}", run.stdout);
        }
    }
    sys::write_stderr(&format!("{kept} of 20 signals came after the process had begun to listen\n"));
}

#[test]
fn sigquit_prints_the_statistics_and_the_run_goes_on() {
    let server = UdpPeer::answering(usize::MAX);
    let addr = server.addr().to_string();
    let line = ["scripts/udp_ping.rhai", "--server", &addr, "--count", "0", "--interval", "5ms"];
    let running = pingscript(&line).patience(PATIENCE).start();
    running.wait_for(" PING 1 ");
    running.signal(sys::SIGQUIT);
    running.wait_for_error(", lost 0.0%, last rtt ");
    let said = running.stderr();
    assert!(said.starts_with("sent ") && said.lines().count() == 1, "{said}");
    let lines = running.stdout().lines().count();
    running.wait_lines(lines + 20);
    let (run, _) = stop(running, SIGNALS[2]);
    assert!(run.stdout.contains("\nSummary:\n"), "{}", run.stdout);
}

#[test]
fn a_hang_up_that_is_to_be_ignored_stops_nothing() {
    let script = "print(\"ready\"); sleep(100.ms); print(\"the end\");";
    let mut command = Command::new("nohup");
    command.args([common::binary().as_os_str(), "-e".as_ref(), script.as_ref()]).stderr(Stdio::null());
    sys::end_with_parent(&mut command);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    assert_eq!(lines.next().expect("a line").expect("text"), "ready");
    sys::send_signal(child.id(), sys::SIGHUP);
    assert_eq!(lines.next().expect("a line").expect("text"), "the end");
    assert_eq!(child.wait().expect("ends").code(), Some(0));
}
