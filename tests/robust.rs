//! What must not bring a server, a thread or a count down: odd datagrams, threads that come and go, two that want the
//! same answers, full pipes.

mod common;

use std::net::UdpSocket;
use std::time::Duration;

use common::pingscript;

/// A socket that speaks to the server bound to `port`.
fn client(port: u16) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(("127.0.0.1", port)).expect("connects");
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    socket
}

#[test]
fn no_datagram_ends_a_server() {
    let native =
        "let s = udp::bind(\"127.0.0.1:0\"); print(`Server bound to port ${s.port}`); udp::serve(s, udp::upper());";
    let servers: [&[&str]; 4] = [
        &["scripts/udp_server.rhai", "--listen", "127.0.0.1:0", "--quiet", "--policy", "loss:p=0"],
        &["scripts/udp_server_plain.rhai", "--listen", "127.0.0.1:0", "--quiet"],
        &["scripts/udp_multi.rhai", "--listen", "127.0.0.1:0", "--quiet", "--threads", "2"],
        &["-e", native],
    ];
    for args in servers {
        let server = pingscript(args).start();
        let socket = client(server.bound_port());
        // All answers have room twice over.
        socket2::SockRef::from(&socket).set_recv_buffer_size(1 << 20).expect("SO_RCVBUF");
        // Text that takes three times the room as text, or in capitals; nothing; all there is room for.
        let odd = [b"\xff".repeat(30_000), "\u{390}".repeat(32_000).into_bytes(), Vec::new(), vec![b'a'; 65_507]];
        for datagram in odd {
            socket.send(&datagram).expect("sends");
        }
        let mut answer = [0; 65_536];
        socket.send(b"ping 1 x").expect("sends");
        loop {
            let len = socket.recv(&mut answer).unwrap_or_else(|err| panic!("{args:?} serves no more: {err}"));
            if &answer[..len] == b"PING 1 X" {
                break;
            }
        }
        server.stop().expect_code(143);
    }
}

#[test]
fn datagrams_are_as_large_as_their_version_of_ip_allows() {
    for (at, most) in [("127.0.0.1:0", 65_507), ("[::1]:0", 65_527)] {
        for simulate in [&[][..], &["--simulate"]] {
            let script = format!(
                "let server = udp::bind(\"{at}\"); start_thread(|| udp::serve(server, |pkt| pkt.text)); let sock = udp::open(server.addr);
                 let ping = |size| sock.ping(server.addr, \"ping 1\", #{{ timeout: 5.s, size: size }});
                 expect(ping.call({most}).kind, \"reply\"); expect(sock.ping(server.addr, blob({most}, 65), 5.s).kind, \"reply\");
                 for ping in pinger(sock, server.addr, #{{ count: 1, size: {most}, timeout: 5.s }}) {{ expect(ping.kind, \"reply\"); }}
                 try {{ ping.call({most} + 1); }} catch (error) {{ print(`${{error.kind}}: ${{error.hint}}`); }} exit(0);"
            );
            let run = pingscript(&[simulate, &["-e", &script]].concat()).run().expect_code(0);
            assert_eq!(run.stdout.lines().next(), Some(&*format!("too-large: send at most {most} bytes")));
        }
    }
}

#[test]
fn memory_is_counted_where_threads_come_and_go() {
    // Each thread takes 60 kB with it that another gives back.
    let taking = "let b = blob(60_000); for i in 0..6_000 { start_thread(|| b.len).join(); } print(\"done\");";
    let giving = "let n = 0; for i in 0..6_000 { let b = start_thread(|| blob(60_000)).join(); n += b.len; } print(n);";
    assert_eq!(pingscript(&["-e", taking]).run().expect_code(0).stdout, "done\n");
    assert_eq!(pingscript(&["-e", giving]).run().expect_code(0).stdout, "360000000\n");
}

#[test]
fn what_a_captured_closure_captured_is_copied_too() {
    let script = "
        let n = 0;
        let inc = || { n += 1; n };
        let list = [inc];
        let tasks = [];
        for i in 0..3 { tasks.push(start_thread(|| inc.call() + list[0].call())); }
        for task in tasks { print(task.join()); }
        print(n);";
    assert_eq!(pingscript(&["-e", script]).run().expect_code(0).stdout, "2\n2\n2\n0\n");
}

#[test]
fn a_policy_does_not_receive_from_its_own_socket() {
    let script = "
        let s = udp::bind(\"127.0.0.1:0\");
        set_policy(s, |pkt| { s.recv(1.ms); drop() });
        s.send_to(\"x\", s.addr);
        print(s.recv(1.s).reply(\"y\").kind);";
    let run = pingscript(&["-e", script]).run().expect_code(3);
    assert_eq!(run.stdout, "pass\n", "{}", run.stderr);
    // Nor where requests are decided about in batches: the server goes on.
    let script = "
        let s = udp::bind(\"127.0.0.1:0\");
        set_policy(s, |pkt| { s.recv(1.ms); drop() });
        print(`Server bound to port ${s.port}`);
        sleep(200.ms);
        udp::serve(s, udp::upper());";
    let server = pingscript(&["-e", script]).start();
    let socket = client(server.bound_port());
    for number in 1..=40 {
        socket.send(format!("ping {number}").as_bytes()).expect("sends");
    }
    let mut buffer = [0; 100];
    for _ in 1..=40 {
        socket.recv(&mut buffer).expect("each is answered");
    }
    server.stop().expect_code(143);
    assert!(run.stderr.contains("a policy is deciding about a packet"), "{}", run.stderr);
}

#[test]
fn policies_that_wait_for_each_other_or_are_replaced_while_they_ping_end() {
    let crossed = r#"let a = udp::bind("127.0.0.1:0"); let b = udp::bind("127.0.0.1:0");
        set_policy(a, |pkt| { sleep(100.ms); b.recv(1.s); pass() });
        set_policy(b, |pkt| { sleep(100.ms); a.recv(1.s); pass() });
        let c = udp::bind("127.0.0.1:0"); c.send_to("x", a.addr); c.send_to("y", b.addr);
        let t = start_thread(|| a.recv(9.s).text); let u = start_thread(|| b.recv(9.s).text);
        print(t.join()); print(u.join());"#;
    let run = pingscript(&["-e", crossed]).run().expect_code(3);
    assert_eq!(run.stdout, "x\ny\n", "{}", run.stderr);
    assert!(run.stderr.contains("receive from a socket without a policy"), "{}", run.stderr);

    let replaced = r#"let server = udp::bind("127.0.0.1:0"); let addr = server.addr; let closed = udp::closed_port();
        start_thread(|| { for pkt in server { pkt.reply("x"); } });
        for i in 0..2 { start_thread(|| { let c = udp::bind("127.0.0.1:0"); loop { c.send_to("ping 1", addr); } }); }
        let other = udp::bind("127.0.0.1:0");
        for i in 0..3000 { set_policy(server, |pkt| { other.ping(closed, "y", 5.ms); pass() }); }
        print("done"); exit(0);"#;
    assert!(pingscript(&["-e", replaced]).run().stdout.starts_with("done\n"));
}

#[test]
fn no_icmp_error_is_lost_to_a_receive() {
    let script = "
        let s = udp::bind(\"127.0.0.1:0\");
        for i in 0..4 { s.send_to(`x${i}`, udp::closed_port()); }
        sleep(20.ms);
        for i in 0..4 { print(s.recv(1.s).kind); }
        print(s.icmp_errors);";
    let run = pingscript(&["-e", script]).run().expect_code(0);
    assert_eq!(run.stdout, "icmp\nicmp\nicmp\nicmp\n0\n");
}

#[test]
fn one_socket_has_one_that_waits_for_its_answers() {
    let script = "
        let server = start(\"udp_server_plain.rhai\", [\"--listen\", \"127.0.0.1:0\", \"--quiet\"]).addr;
        let s = udp::open(server);
        let seen = 0;
        for ping in pinger(s, server, #{ count: 20, interval: 1.ms, timeout: 5.s }) {
            seen += 1;
            if seen == 3 { try { s.ping(server, \"x\", 1.s); } catch (e) { print(e.kind); } }
            if seen == 4 { try { for other in pinger(s, server, #{ count: 1 }) { print(other); } } catch (e) { print(e.kind); } }
        }
        print(seen);
        print(s.ping(server, \"afterwards\", 5.s).kind);";
    let run = pingscript(&["-e", script]).run().expect_code(0);
    let lines: Vec<&str> = run.stdout.lines().skip(1).take(4).collect();
    assert_eq!(lines, ["busy", "busy", "20", "reply"], "{}", run.stdout);
}

#[test]
fn one_bit_of_a_letter_is_no_answer() {
    let script = "
        let server = udp::bind(\"127.0.0.1:0\");
        set_policy(server, always(corrupt()));
        let task = start_thread(|| udp::serve(server, udp::upper()));
        let s = udp::open(server.addr);
        let replies = 0;
        for i in 1..=200 { if s.ping(server.addr, \"abcdefghijklmnopqrstuvwxyz\", #{ timeout: 5.ms, icmp_wait: 0.ms }).kind == \"reply\" { replies += 1; } }
        print(replies);
        server.close();";
    let run = pingscript(&["--seed", "1", "-e", script]).run().expect_code(1);
    assert!(run.stdout.starts_with("0\n"), "{}", run.stdout);
}

#[test]
fn a_batch_of_requests_is_decided_one_by_one() {
    // The handler of the first request holds the server up until all others wait; then it answers in batches.
    let script = "
        let server = udp::bind(\"127.0.0.1:0\");
        set_policy(server, every(2));
        print(`Server bound to port ${server.port}`);
        server.recv();
        sleep(300.ms);
        udp::serve(server, udp::upper());";
    let server = pingscript(&["-e", script]).start();
    let socket = client(server.bound_port());
    for number in 1..=64 {
        socket.send(format!("ping {number}").as_bytes()).expect("sends");
    }
    socket.set_read_timeout(Some(Duration::from_millis(1500))).expect("a timeout");
    let mut buffer = [0; 100];
    let mut answers = Vec::new();
    while let Ok(len) = socket.recv(&mut buffer) {
        answers.push(String::from_utf8_lossy(&buffer[..len]).into_owned());
    }
    let odd: Vec<String> = (3..=63).step_by(2).map(|number| format!("PING {number}")).collect();
    assert_eq!(answers, odd);
    server.stop().expect_code(143);
}

#[test]
fn exit_ends_the_threads_too() {
    let script = "
        let s = udp::bind(\"127.0.0.1:0\");
        start_thread(|| udp::serve(s, udp::upper()));
        print(\"bye\");
        exit(3);";
    assert_eq!(pingscript(&["-e", script]).run().expect_code(3).stdout, "bye\n");
}

#[test]
fn scripts_may_be_programs_and_bear_a_mark() {
    let dir = common::TempDir::new();
    for (name, text) in [("a.rhai", "#!/usr/bin/env pingscript\n//! A.\nprint(1);"), ("b.rhai", "\u{feff}print(1);")] {
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("writes");
        let path = path.to_str().expect("UTF-8");
        assert_eq!(pingscript(&[path]).run().expect_code(0).stdout, "1\n");
        pingscript(&["--check", path]).run().expect_code(0);
        // Rows do not overwrite it where their file was forgotten.
        let run = pingscript(&["--json", path]).run().expect_code(2);
        assert!(run.stderr.contains("refusing to overwrite a script"), "{}", run.stderr);
        assert_eq!(std::fs::read_to_string(path).expect("is there"), text);
    }
}

#[test]
fn a_flag_after_the_script_is_distinguished_from_an_option() {
    let run = pingscript(&["scripts/udp_ping.rhai", "--trace"]).run().expect_code(2);
    assert!(run.stderr.contains("--trace is a flag of pingscript, and stands before the script"), "{}", run.stderr);
}

#[test]
fn a_script_whose_name_is_not_utf8_runs() {
    use std::os::unix::ffi::OsStrExt;
    let dir = common::TempDir::new();
    for (name, text) in [(&b"caf\xe9.rhai"[..], "print(\"one\")"), (b"caf\xea.rhai", "print(\"two\")")] {
        let file = dir.path().join(std::ffi::OsStr::from_bytes(name));
        std::fs::write(&file, text).expect("written");
        let run = std::process::Command::new(env!("CARGO_BIN_EXE_pingscript")).arg(&file).output().expect("started");
        assert!(text.contains(String::from_utf8_lossy(&run.stdout).trim()) && run.status.success(), "{run:?}");
    }
}

#[test]
fn too_few_descriptors_for_the_output_are_an_error() {
    for limit in 4..30 {
        let command = format!("ulimit -n {limit}; exec {} -e 'print(\"here\")'", env!("CARGO_BIN_EXE_pingscript"));
        let run = std::process::Command::new("bash").args(["-c", &command]).output().expect("bash");
        let printed = String::from_utf8_lossy(&run.stdout).contains("here");
        assert!(printed || !run.status.success(), "{limit}: {run:?}");
    }
}

#[test]
fn too_few_descriptors_for_a_lab_are_reported_as_such() {
    if !common::require_lab_or_skip("a lab with few descriptors") {
        return;
    }
    let code = "let net = lab::create(); let a = net.host(\"a\"); let socks = []; \
                for n in 0..30 { socks.push(run_in(a, || udp::bind(\"127.0.0.1:0\"))); }";
    let command = format!("ulimit -n 24; exec {} -e '{code}'", env!("CARGO_BIN_EXE_pingscript"));
    let run = std::process::Command::new("bash").args(["-c", &command]).output().expect("bash");
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(said.contains("too many open files") && said.contains("raise `ulimit -n`"), "{said}");
    assert!(!said.contains("has killed"), "{said}");
    assert_eq!(run.status.code(), Some(3), "{said}");
}

#[test]
fn a_long_line_at_the_prompt_is_one_entry_and_the_next_another() {
    let dir = common::TempDir::new();
    let input = dir.path().join("lines");
    std::fs::write(&input, format!("print(\"{}\".len)\nleft\n", "a".repeat(1_000_000))).expect("written");
    for feed in ["<", "cat"] {
        let (exe, input) = (env!("CARGO_BIN_EXE_pingscript"), input.display());
        let command = match feed {
            "<" => format!("{exe} < {input}"),
            _ => format!("cat {input} | {exe}"),
        };
        let run = std::process::Command::new("bash").args(["-c", &command]).output().expect("bash");
        let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        assert!(out.contains("1000000\n") && err.contains("left"), "{feed}: {out} {err}");
    }
}

#[test]
fn the_unspecified_address_is_this_host() {
    for any in ["0.0.0.0:0", "[::]:0"] {
        let udp = format!(
            "let b = udp::bind(\"{any}\"); start_thread(|| udp::serve(b, udp::echo())); let s = udp::open(b.addr);
             expect(s.ping(b.addr, \"ping 1\", 5.s).kind, \"reply\"); expect(s.counts.foreign, 0);
             for ping in pinger(s, b.addr, #{{ count: 2, interval: 1.ms, timeout: 5.s }}) {{ expect(ping.kind, \"reply\"); }}
             let c = udp::bind(\"{any}\"); c.connect(b.addr); expect(c.ping(b.addr, \"ping 1\", 5.s).kind, \"reply\"); exit(0);"
        );
        let tcp = format!(
            "let l = tcp::listen(\"{any}\", #{{ framing: \"line\" }});
             start_thread(|| {{ let c = l.accept(); loop {{ let m = c.recv(5.s); if m.kind != \"message\" {{ break; }} c.send(m.data); }} }});
             let c = tcp::connect(l.addr, #{{ framing: \"line\" }});
             expect(c.ping(\"ping 1\", 5.s).kind, \"reply\"); exit(0);"
        );
        for script in [udp, tcp] {
            pingscript(&["-e", &script]).run().expect_code(0);
        }
    }
}

#[test]
fn a_link_local_address_without_its_interface_is_a_wrong_argument() {
    for code in [
        "udp::bind(\"[::]:0\").ping(\"[fe80::1]:7\", \"ping 1\", 1.s)",
        "udp::bind(\"[::]:0\").send_to(\"x\", \"[ff02::1]:7\")",
        "tcp::try_connect(\"[fe80::1]:7\")",
    ] {
        let run = pingscript(&["-e", code]).run().expect_code(3);
        assert!(run.stderr.contains("%eth0"), "{code}: {}", run.stderr);
    }
}
