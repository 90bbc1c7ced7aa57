//! SIGINT, SIGTERM and SIGHUP at any moment: the line that says which came, once; the script's last lines; the exit code.
//!
//! No test asserts how long a single program took to end beyond [`PATIENCE`]; the longest time is written to standard error
//! by the test of random moments. PINGSCRIPT_INTERRUPTS sets how many that tries.

mod common;

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
            let told = run.stderr == "-e: still running half a second later, ended\n";
            assert!(told || run.stderr.is_empty(), "{code}\n{}", run.stderr);
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
fn a_thread_that_does_not_wait_is_ended_after_the_last_lines() {
    for signal in SIGNALS {
        let code = "print(\"ready\"); start_thread(|| { try { loop {} } catch { print(\"caught\"); } }); sleep(1.h); print(\"the end\");";
        let (run, _) = stop(ready(code), signal);
        assert!(run.stdout.ends_with("the end\n"), "{}", run.stdout);
    }
}

/// Every kind of loop that waits ends where the script is stopped, and what stands after it runs, loops included.
#[test]
fn loops_that_wait_end_by_themselves() {
    let server = UdpPeer::start(common::udp::LOOPBACK, |datagram| datagram.reply_upper());
    let addr = server.addr();
    let ping = "n += 1; pings.add(sock.ping(addr, `ping ${n}`, 60.s)); sleep(1.ms);";
    let once = "fn once(sock, addr, pings, n) { pings.add(sock.ping(addr, `ping ${n}`, 60.s)); sleep(1.ms); }";
    for pinging in [
        format!("while true {{ {ping} }}"),
        format!("loop {{ {ping} }}"),
        format!("do {{ {ping} }} while true;"),
        format!("do {{ {ping} }} until false;"),
        format!("for host in list {{ loop {{ {ping} }} }}"),
        format!("while true {{ while n >= 0 {{ {ping} }} }}"),
        format!("while true {{ try {{ {ping} }} catch {{ print(\"caught\"); }} }}"),
        format!("let turn = || {{ {ping} }}; while true {{ turn.call(); }}"),
        format!("loop {{ [1].map(|x| {{ {ping} }}); }}"),
        format!("{once} while true {{ n += 1; once(sock, addr, pings, n); }}"),
        format!(
            "{once} fn all(sock, addr, pings) {{ let n = 0; loop {{ n += 1; once(sock, addr, pings, n); }} }} all(sock, addr, pings);"
        ),
        "for host in list { sleep(50.ms); }".to_string(),
    ] {
        let running = ready(&format!(
            "let sock = udp::open(\"{addr}\"); let addr = \"{addr}\"; let pings = stats(); let n = 0; let list = []; list.pad(1000, 1);
             print(\"ready\"); {pinging}
             for i in 0..2 {{ print(`tail ${{i}}`); }}
             let i = 0; while i < 2 {{ i += 1; print(`more ${{i}}`); }}
             let c = sock.counts; print(c.sent == c.replied + c.pending && c.pending <= 1 && pings.sent == c.sent);"
        ));
        thread::sleep(Duration::from_millis(15));
        let (run, _) = stop(running, SIGNALS[0]);
        assert!(run.stdout.ends_with("pings\ntail 0\ntail 1\nmore 1\nmore 2\ntrue\n"), "{pinging}\n{}", run.stdout);
        assert_eq!(run.stderr.lines().filter(|line| !line.starts_with("rtt clock")).count(), 0, "{}", run.stderr);
    }
}

/// What the rest of the turn makes of a message that did not arrive is no error of the script; what its last lines do is.
#[test]
fn an_error_after_a_wait_that_was_cut_short_is_none_of_the_script() {
    let shout =
        "fn shout(s) { let p = s.recv(); s.send_to(p.text.to_upper(), p.from); } let s = udp::bind(\"127.0.0.1:0\");";
    let quiet = "let l = tcp::listen(\"127.0.0.1:0\"); let c = tcp::connect(l.addr);";
    let tail = "print(\"tail\");";
    for (code, has_tail) in [
        (format!("{shout} print(\"ready\"); while true {{ shout(s); }} {tail}"), true),
        (format!("{shout} print(\"ready\"); for i in 0..3 {{ for j in 0..3 {{ shout(s); }} }} {tail}"), true),
        (format!("{shout} print(\"ready\"); shout(s); {tail}"), false),
        (format!("{shout} print(\"ready\"); start_thread(|| shout(s)).join(); {tail}"), true),
        (format!("{shout} print(\"ready\"); start_thread(|| {{ loop {{ shout(s); }} }}).join(); {tail}"), true),
        (format!("{quiet} print(\"ready\"); loop {{ let m = c.recv(); print(m.text.len + 1); }} {tail}"), true),
        (format!("{quiet} print(\"ready\"); let m = c.recv(); print(m.text.len + 1); {tail}"), false),
    ] {
        let (run, _) = stop(ready(&code), SIGNALS[0]);
        assert_eq!(run.stderr, "", "{code}");
        assert_eq!(run.stdout.ends_with("tail\n"), has_tail, "{code}\n{}", run.stdout);
    }
    let (run, _) = stop(ready(&format!("{shout} print(\"ready\"); while true {{ shout(s); }} shuot(s);")), SIGNALS[0]);
    assert!(run.stderr.contains("error: no function `shuot`"), "{}", run.stderr);
}

/// A loop that prints what it receives does not print what did not arrive.
#[test]
fn what_did_not_arrive_is_not_printed() {
    let udp = "let s = udp::bind(\"127.0.0.1:0\");";
    let tcp = "let l = tcp::listen(\"127.0.0.1:0\"); let s = tcp::connect(l.addr);";
    let queue = "let s = channel();";
    for (made, got, shown) in [
        (udp, "s.recv()", "${p.text}"),
        (udp, "s.recv()", "${p.data}"),
        (udp, "s.recv()", "from ${p.from}"),
        (udp, "s.recv()", "${p}"),
        (tcp, "s.recv()", "${p.text}"),
        (tcp, "s.recv()", "${p.len}"),
        (queue, "s.recv()", "${p}"),
    ] {
        let code = format!("{made} print(\"ready\"); loop {{ let p = {got}; print(`got {shown}`); }} print(\"tail\");");
        let (run, _) = stop(ready(&code), SIGNALS[0]);
        assert!(!run.stdout.contains("got") && run.stdout.ends_with("tail\n"), "{code}\n{}", run.stdout);
    }
    // A script that asks what came gets an answer.
    let code = format!("{udp} print(\"ready\"); loop {{ let p = s.recv(); print(p.kind); }} print(\"tail\");");
    let (run, _) = stop(ready(&code), SIGNALS[0]);
    assert!(run.stdout.ends_with("interrupted\ntail\n"), "{}", run.stdout);
}

/// What a script makes of a wait that was cut short outside of loops is no error of the script, whatever stands between.
#[test]
fn what_did_not_arrive_is_no_error_outside_of_loops() {
    let tcp = "let l = tcp::listen(\"127.0.0.1:0\"); let s = tcp::connect(l.addr); let c = l.accept();";
    let udp = "let s = udp::bind(\"127.0.0.1:0\");";
    for (made, wait) in [
        ("let s = tcp::listen(\"127.0.0.1:0\");", "s.accept()"),
        ("let s = start_thread(|| sleep(60.s));", "s.join()"),
        ("let s = channel();", "s.recv()"),
        (tcp, "s.recv()"),
        (udp, "s.recv()"),
        (&format!("{udp} let o = udp::bind(\"127.0.0.1:0\");"), "s.ping(o.addr, \"x\", 60.s)"),
    ] {
        for use_it in ["for m in x { print(m.text); }", "let n = 0; for i in 0..3 { n += i; } x.send(n);", "x + 1.s;"] {
            let body = format!("let x = {wait}; {use_it}");
            for code in [
                format!("{made} print(\"ready\"); {body}"),
                format!("{made} let t = start_thread(|| {{ {body} }}); sleep(50.ms); print(\"ready\"); t.join();"),
            ] {
                let (run, _) = stop(ready(&code), SIGNALS[0]);
                assert!(!run.stderr.contains("error"), "{code}\n{}", run.stderr);
            }
        }
    }
    // An error of the tail itself is one.
    let code = "print(\"ready\"); loop { sleep(1.s); } for i in 0..3 { i.nothing(); }";
    let (run, _) = stop(ready(code), SIGNALS[0]);
    assert!(run.stderr.contains("error"), "{}", run.stderr);
}

#[test]
fn a_connection_that_was_being_made_is_no_error() {
    if !common::require_lab_or_skip("a host that does not answer") {
        return;
    }
    for code in ["loop { tcp::connect(\"b:9\"); }", "tcp::connect(\"b:9\");"] {
        let code = format!(
            "let net = lab::create(); let a = net.host(\"a\"); net.link(a, net.host(\"b\"), #{{ policy: loss(1.0) }});
             print(\"ready\"); run_in(a, || {{ {code} }});"
        );
        let (run, _) = stop(ready(&code), SIGNALS[0]);
        assert!(!run.stderr.contains("error"), "{}", run.stderr);
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
fn stopping_one_task_leaves_the_others_running() {
    let code = "
        let beats = []; let tasks = [];
        for i in 0..4 { let beat = counter(); beats.push(beat);
            tasks.push(start_thread(|| { for tick in ticks(100.us) { beat.add(1); } })); }
        for i in 0..3 {
            tasks[i].stop(); tasks[i].join();
            expect(tasks[i].is_done, true);
            for other in i + 1..4 {
                let seen = beats[other].value;
                while beats[other].value < seen + 5 { sleep(100.us); }
                expect(tasks[other].is_done, false);
            }
        }
        tasks[3].stop(); tasks[3].join(); print(\"done\");";
    let run = pingscript(&["-e", code]).patience(Duration::from_secs(60)).run().expect_code(0);
    assert_eq!(run.stdout, "done\n");
}

/// The processor time that the process `pid` has used, in ticks of 10 ms.
fn ticks_used(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields = stat.rsplit_once(')').expect("a name").1.split_whitespace();
    fields.skip(11).take(2).map(|field| field.parse::<u64>().expect("a number")).sum()
}

#[test]
fn a_thread_whose_starter_has_ended_is_stopped_too() {
    for signal in SIGNALS {
        let code = "start_thread(|| { start_thread(|| { print(\"ready\"); sleep(1.h); print(\"over\"); }); }).join(); sleep(1.h);";
        let running = ready(code);
        thread::sleep(Duration::from_millis(20));
        let (run, _) = stop(running, signal);
        // It is not terminated after the grace: its wait ends, and it goes on to its last line.
        assert!(run.stdout.contains("over\n"), "{}", run.stdout);
    }
}

#[test]
fn at_the_prompt_a_stopped_thread_leaves_its_siblings_asleep_and_a_signal_ends_the_wait_for_them() {
    for signal in SIGNALS {
        let mut running = Cmd::start(pingscript::<&str>(&[]).patience(PATIENCE));
        running.type_text(
            "let a = start_thread(|| sleep(1.h)); let b = start_thread(|| { sleep(1.h); print(\"b\"); });\n",
        );
        running.type_text("sleep(50.ms); a.stop(); a.join(); print(\"ready\"); sleep(1.ms);\n");
        running.wait_for("ready\n");
        let before = ticks_used(running.pid());
        thread::sleep(Duration::from_millis(500));
        let used = ticks_used(running.pid()) - before;
        assert!(used < 25, "{used} ticks of 50 used while all threads sleep");
        running.close_stdin();
        // The end of its input has been seen.
        thread::sleep(Duration::from_millis(200));
        let (run, _) = stop(running, signal);
        assert!(run.stdout.ends_with("b\n"), "{}", run.stdout);
    }
}

#[test]
fn what_an_entry_started_outlives_an_interrupt_of_the_entry() {
    let mut running = Cmd::start(pingscript::<&str>(&[]).patience(PATIENCE));
    running.type_text("let a = start_thread(|| sleep(1.h)); print(\"ready\"); sleep(1.h);\n");
    running.wait_for("ready\n");
    running.signal(sys::SIGINT);
    running.type_text("print(`done: ${a.is_done}`); a.stop(); a.join();\n");
    running.close_stdin();
    assert!(running.finish().expect_code(0).stdout.contains("done: false\n"));
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

#[test]
fn a_signal_between_the_entries_of_a_pipe_ends_the_prompt() {
    for signal in SIGNALS {
        let mut running = Cmd::start(pingscript::<&str>(&[]).patience(PATIENCE));
        running.type_text("start_thread(|| { sleep(1.h); print(\"woken\"); });\nprint(\"ready\")\n");
        running.wait_for("ready\n");
        // The next line is being waited for.
        thread::sleep(Duration::from_millis(200));
        let (run, _) = stop(running, signal);
        assert!(run.stdout.ends_with("woken\n"), "{}", run.stdout);
    }
}

#[test]
fn a_signal_while_the_script_is_read_ends_it_at_once() {
    for signal in SIGNALS {
        let end = || {
            let mut running = Cmd::start(pingscript(&["-"]).patience(PATIENCE));
            running.type_text("print(\"the end\");\n");
            thread::sleep(Duration::from_millis(200));
            let (run, took) = stop(running, signal);
            assert_eq!((run.stdout, run.stderr), (format!("{}\n", signal.2), String::new()));
            took
        };
        // One of several, on a busy machine: before the grace is over that a running script has.
        assert!((0..10).any(|_| end() < Duration::from_millis(500)));
    }
}

#[test]
fn sigterm_at_the_prompt_restores_the_terminal_and_ends_the_rows() {
    let dir = common::TempDir::new();
    let file = dir.path().join("rows").display().to_string();
    sigterm_on_a_terminal(&["--json", &file]);
    let rows = std::fs::read_to_string(&file).expect("rows");
    assert!(rows.lines().next_back().is_some_and(|row| row.contains("\"summary\"")), "{rows}");
}

#[test]
fn sigterm_to_a_lab_with_its_shell_restores_the_terminal() {
    let what = "a shell in a lab";
    if common::require_lab_or_skip(what) && common::require_program_or_skip("bash", what) {
        sigterm_on_a_terminal(&["lab"]);
    }
}

/// Sends SIGTERM to the binary on a terminal, once a line is edited there, and checks that the terminal echoes afterwards.
fn sigterm_on_a_terminal(args: &[&str]) {
    let (screen, terminal) = sys::open_terminal().expect("a terminal");
    assert!(sys::echoes(&screen));
    let mut command = Command::new(common::binary());
    command.args(args).env("TERM", "xterm").env("XDG_STATE_HOME", "").env("HOME", "").env("SHELL", "bash");
    command.stdin(terminal.try_clone().expect("shared")).stdout(terminal.try_clone().expect("shared"));
    sys::take_terminal(&mut command);
    let mut child = command.stderr(terminal.try_clone().expect("shared")).spawn().expect("starts");
    let deadline = Instant::now() + PATIENCE;
    while sys::echoes(&screen) {
        assert!(Instant::now() < deadline, "no prompt");
        thread::sleep(Duration::from_millis(5));
    }
    sys::send_signal(child.id(), sys::SIGTERM);
    assert_eq!(child.wait().expect("ends").code(), Some(143));
    assert!(sys::echoes(&screen));
    drop(terminal);
}
