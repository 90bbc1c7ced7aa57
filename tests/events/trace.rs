//! The trace, the events of the kernel, and the progress of quiet runs.

use super::*;

#[test]
fn the_trace_shows_what_happened_among_what_is_printed() {
    let code = r#"let server = udp::bind("127.0.0.1:0");
        set_policy(server, |pkt| if pkt.number == 2 { drop() } else { pass() });
        let addr = server.addr;
        start_thread(|| { for pkt in server { pkt.reply(pkt.text.to_upper()); } });
        let sock = udp::bind("127.0.0.1:0");
        for seq in 1..=2 { print(`ping ${seq}`); sock.ping(addr, `ping ${seq} 1725934363.5`, 150.ms); }
        print("done");
        server.close();"#;
    let dir = TempDir::new();
    let file = dir.path().join("both");
    let both = fs::File::create(&file).expect("a file");
    let status = Command::new(common::binary())
        .args(["--trace", "-e", code])
        .stdin(Stdio::null())
        .stdout(both.try_clone().expect("a descriptor"))
        .stderr(both)
        .status()
        .expect("it runs");
    assert!(status.success());
    let text = fs::read_to_string(&file).expect("a trace");
    let lines: Vec<String> =
        mask_times(&mask_addrs(&text)).lines().map(mask_trace).filter(|line| !line.contains("-e:4 runs")).collect();
    let traced: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let expected = "\
<ms>  script  -e:2:34 runs compiled
ping 1
<ms>  send  <addr> > <addr>  19 bytes  \"ping 1 <time>\"
<ms>  recv  <addr> > <addr>  19 bytes  \"ping 1 <time>\"
<ms>  verdict  <addr> > <addr>  19 bytes  pass(): -e:2
<ms>  send  <addr> > <addr>  19 bytes  \"PING 1 <time>\"
<ms>  recv  <addr> > <addr>  19 bytes  \"PING 1 <time>\"
<ms>  outcome  <addr> > <addr>  19 bytes  ping 1 replied, rtt <ms>
ping 2
<ms>  send  <addr> > <addr>  19 bytes  \"ping 2 <time>\"
<ms>  recv  <addr> > <addr>  19 bytes  \"ping 2 <time>\"
<ms>  verdict  <addr> > <addr>  19 bytes  drop(): -e:2
<ms>  unsent  <addr> > <addr>  19 bytes  drop(): -e:2
<ms>  outcome  <addr> > <addr>  19 bytes  ping 2 timed out
done
Lost 1 of 2 pings: 50.0% (95%: 9.5% to 90.5%)
  seq 2: dropped by -e:2
  0 unexplained
a closure at <addr> acted on 1 of 2 packets (1 dropped): 50.0% (95%: 9.5% to 90.5%)
rtt clock: <clock>
";
    golden::assert_text("trace", expected, &traced);
}

#[test]
fn the_trace_says_what_runs_compiled() {
    let code = r#"let server = udp::bind("127.0.0.1:0");
set_policy(server, |pkt| if random() < 0.2 { drop() } else { pass() });
set_policy(server, |pkt| { let n = 0;
  while n < 3 { n += 1; }
  pass() });
server.close();
for pkt in server { pkt.reply(pkt.text); }
for pkt in server { print(server.port); }"#;
    let run = pingscript(&["--trace", "-e", code]).run().expect_code(0);
    let said: Vec<_> =
        run.stderr.lines().filter_map(|line| line.split_once("  script   ")).map(|(_, said)| said).collect();
    let expected = [
        "-e:2:26 runs compiled",
        "-e:3:26 runs in the interpreter, because of what stands at line 4, column 3",
        "-e:7 runs compiled",
        "-e:8 runs in the interpreter, because of what stands at line 8, column 27",
    ];
    assert_eq!(said, expected, "{}", run.stderr);
}

#[test]
fn no_packet_of_the_servers_that_ship_is_left_to_the_interpreter() {
    let server = pingscript(&["--trace", "udp_server", "--listen", "127.0.0.1:0", "--policy", "gilbert"]).start();
    let port = server.bound_port();
    let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    for n in 0..30 {
        client.send_to(format!("ping {n}").as_bytes(), ("127.0.0.1", port)).expect("sent");
    }
    server.wait_for("ping 29");
    let run = server.stop();
    assert!(run.stderr.contains("runs compiled"), "{}", run.stderr);
    assert!(!run.stderr.contains("to the interpreter") && !run.stderr.contains("in the interpreter"), "{}", run.stderr);
}

#[test]
fn what_a_policy_keeps_from_being_sent_is_in_the_trace() {
    let udp = "let s = udp::bind(\"127.0.0.1:0\"); set_policy(s, POLICY);
        let t = start_thread(|| { let p = s.recv(); SEND; }); let c = udp::open(s.addr);
        c.send_to(\"hello\", s.addr); c.recv(100.ms); t.join();";
    let tcp = "let l = tcp::listen(\"127.0.0.1:0\"); set_policy(l, POLICY);
        let t = start_thread(|| { let conn = l.accept(); let p = conn.recv(); SEND; });
        let c = tcp::connect(l.addr); c.send(\"hello\"); c.recv(100.ms); t.join();";
    for (script, send) in [
        (udp, "s.send_to(\"hi there\", p.from)"),
        (udp, "p.reply(\"hi there\")"),
        (tcp, "conn.send(\"hi there\")"),
        (tcp, "p.reply(\"hi there\")"),
    ] {
        for (policy, sent) in [("|p| drop()", false), ("|p| pass()", true)] {
            let script = script.replace("POLICY", policy).replace("SEND", send);
            let run = pingscript(&["--trace", "-e", &script]).run().expect_code(0);
            let lines: Vec<&str> = run.stderr.lines().filter(|line| line.contains("8 bytes")).collect();
            let is =
                |word: &str, end: &str| lines.iter().filter(|line| line.contains(word) && line.ends_with(end)).count();
            let unsent = (is("  unsent ", "8 bytes  drop(): -e:1"), is("  send ", "\"hi there\""));
            assert_eq!(unsent, if sent { (0, 1) } else { (1, 0) }, "{script}\n{}", run.stderr);
        }
    }
}

#[test]
fn what_the_kernel_drops_is_an_event_and_counted() {
    let code = r#"
        let sock = udp::bind("127.0.0.1:0", #{ rcvbuf: 2304 });
        let sender = udp::bind("127.0.0.1:0");
        for i in 0..500 { sender.send_to("flood", sock.addr); }
        let got = 0;
        loop { let pkt = sock.recv(100.ms); if pkt.kind != "packet" { break; } got += 1; if got == 1 { pkt.reply("x"); } }
        sender.send_to("flood", sock.addr);
        sock.recv(1.s);
        print(got);
    "#;
    let dir = TempDir::new();
    let file = dir.path().join("rows").display().to_string();
    let run = pingscript(&["--trace", "--json", &file, "-e", code]).run().expect_code(0);
    let got: u64 = run.stdout.lines().next().and_then(|line| line.parse().ok()).expect("a number");
    let reported = run.stderr.lines().filter(|line| line.contains("lost by the kernel")).map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| word.starts_with("packet")).expect("a count of packets");
        words[at - 1].parse::<u64>().expect("a number")
    });
    assert_eq!(reported.sum::<u64>(), 500 - got, "{}", run.stderr);
    let rows = rows(&fs::read_to_string(&file).expect("rows"));
    assert_eq!(reconcile(&rows)["kernel_drops"][0]["count"], 500 - got);
}

#[test]
fn a_quiet_run_shows_its_progress_on_a_terminal_and_erases_it() {
    let server = UdpPeer::answering(1);
    let code = format!(
        "let sock = udp::bind(\"127.0.0.1:0\"); for seq in 1..=2 {{ sock.ping(\"{}\", `ping ${{seq}} x`, 2.s); }} print(\"done\");",
        server.addr()
    );
    let screen = pingscript(&["-e", &code]).error_on_terminal().start_on_terminal();
    screen.wait_for("\rsent 2, received 1, pending 1, lost 0.0%, last rtt ");
    let run = screen.finish().expect_code(0);
    let last = run.stdout.rfind("\rsent ").expect("shown above");
    let after = &run.stdout[last..];
    let erased = after.find("\x1b[K\r\x1b[K").expect("erased");
    assert!(after[erased..].contains("done\n"), "{:?}", run.stdout);
    // Not where standard error is no terminal, whatever standard output is.
    let run = pingscript(&["-e", &code]).start_on_terminal().finish();
    assert!(!run.stdout.contains("sent 2") && !run.stderr.contains("sent 2"), "{run:?}");
}

#[test]
fn the_prompt_is_recorded_too() {
    let server = UdpPeer::answering(1);
    let line = format!("udp::bind(\"127.0.0.1:0\").ping(\"{}\", \"ping 1 x\", 1.s).kind\n", server.addr());
    let run = pingscript(&["--json", "-"]).stdin(&line).run().expect_code(0);
    assert_eq!(reconcile(&rows(&run.stdout))["replied"], 1);
    assert!(run.stderr.starts_with("\"reply\"\nrtt clock: "), "{}", run.stderr);
}

/// A line with its times in milliseconds masked, its columns two spaces apart, and without the name of the clock.
fn mask_trace(line: &str) -> String {
    let mut words: Vec<String> =
        line.split("  ").map(str::trim).filter(|word| !word.is_empty()).map(Into::into).collect();
    if line.starts_with("  seq") || line.starts_with("  0 unexplained") {
        return line.to_string();
    }
    if let Some(first) = words.first_mut()
        && first.strip_suffix("ms").is_some_and(|number| number.parse::<f64>().is_ok())
    {
        *first = "<ms>".to_string();
    }
    if let Some(last) = words.last_mut() {
        if let Some((before, _)) = last.split_once(", rtt ") {
            *last = format!("{before}, rtt <ms>");
        }
        if last.starts_with("rtt clock: ") {
            *last = "rtt clock: <clock>".to_string();
        }
    }
    words.join("  ")
}
