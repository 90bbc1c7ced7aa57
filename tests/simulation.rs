//! Runs on simulated hosts (`--simulate`): the same output each time, exact times, and what they refuse.

mod common;

#[path = "simulation/asked.rs"]
mod asked;
#[path = "simulation/bad_input.rs"]
mod bad_input;
#[path = "simulation/embedded.rs"]
mod embedded;
#[path = "simulation/large.rs"]
mod large;
#[path = "simulation/like_linux.rs"]
mod like_linux;
#[path = "simulation/loss.rs"]
mod loss;
#[path = "simulation/refused.rs"]
mod refused;
#[path = "simulation/repeats.rs"]
mod repeats;
#[path = "simulation/seeds.rs"]
mod seeds;

use common::{Run, pingscript};
use pingscript::engine::sources::SHIPPED;

/// A simulated run with seed 7; it ends with `code`. What it prints on standard error, but for how long it took.
fn simulated(args: &[&str], code: i32) -> (Run, String) {
    let run = pingscript(&[&["--simulate", "--seed", "7"], args].concat()).run().expect_code(code);
    let last = run.stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with("simulated: ") && last.contains(" s of network in "), "{}", run.stderr);
    let rest = run.stderr.trim_end().strip_suffix(last).unwrap_or_default().to_string();
    (run, rest)
}

#[test]
fn the_same_seed_prints_the_same_to_the_byte_with_threads_and_labs() {
    for args in [
        &["udp_ping"][..],
        &["labs/many_clients"],
        &["labs/router"],
        &["labs/icmp_rejects"],
        &["labs/same_port"],
        &["labs/tcp_loss"],
        &["labs/tcp_nagle"],
        &["labs/tcp_rejects"],
        &["tcp_ping"],
    ] {
        let (first, errors) = simulated(args, 0);
        for _ in 0..4 {
            let (again, more) = simulated(args, 0);
            assert_eq!((again.stdout, more), (first.stdout.clone(), errors.clone()), "{args:?}");
        }
        assert!(!errors.contains("other segments"), "{errors}");
    }
    let other = pingscript(&["--simulate", "--seed", "8", "udp_ping", "--count", "50"]).run().expect_code(0);
    assert_ne!(other.stdout, simulated(&["udp_ping", "--count", "50"], 0).0.stdout);
}

/// Labs that ship and need more than a simulated run has, and what the error says.
const NEED_A_KERNEL: &[(&str, &str)] = &[("labs/nat.rhai", "programs run in labs of the kernel alone")];

#[test]
fn the_labs_that_ship_pass_or_say_what_they_need() {
    for (lab, _) in SHIPPED.iter().filter(|(name, _)| name.starts_with("labs/")) {
        let run = pingscript(&["--simulate", "--seed", "7", &format!("scripts/{lab}")]).run();
        match NEED_A_KERNEL.iter().find(|(name, _)| name == lab) {
            None => assert_eq!(run.code, Some(0), "{lab}\n{}\n{}", run.stdout, run.stderr),
            Some((_, why)) => assert!(run.code != Some(0) && run.stderr.contains(why), "{lab}\n{}", run.stderr),
        }
    }
}

#[test]
fn a_host_limits_its_errors_as_linux_does_and_the_loss_report_says_so() {
    let script = "let net = lab::create(#{ icmp_limits: true }); let a = net.host(\"a\"); let b = net.host(\"b\"); net.link(a, b);
        let plan = #{ count: 60, interval: 50.ms, window: 128, timeout: 1.s, icmp_wait: 0.s };
        for to in [`${b.addr}:7`, `[${b.addr6}]:7`] {
            let n = counter();
            run_in(a, || for ping in pinger(udp::open(to), to, plan) { if ping.kind == \"icmp\" { n.add(1); } });
            print(n.value);
        }
        b.set(\"net.ipv4.icmp_ratelimit\", 50); b.set(\"net.ipv4.icmp_msgs_burst\", 10);
        let n = counter();
        run_in(a, || for ping in pinger(udp::open(\"b:7\"), \"b:7\", plan) { if ping.kind == \"icmp\" { n.add(1); } });
        print(n.value);
        try { b.set(\"net.ipv4.icmp_ratemask\", \"all\"); } catch (e) { print(e); }
        exit(0);";
    let (run, _) = simulated(&["-e", script], 0);
    assert!(run.stdout.starts_with("8\n35\n60\n"), "{}", run.stdout);
    for part in [
        "the setting takes a mask of types, not \"all\"",
        "held back by the rate limit of b (its kernel counted IcmpOutRateLimitHost 52 meanwhile)",
        "held back by the rate limit of b (its kernel counted Icmp6OutRateLimitHost 25 meanwhile)",
    ] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
}

#[test]
fn a_port_is_in_time_wait_for_a_minute_after_the_connection() {
    let script = "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\");
        let link = net.link(a, b, #{ delay: 5.ms });
        a.set(\"net.ipv4.ip_local_port_range\", \"40000 40000\");
        let listener = run_in(b, || tcp::listen(\"*:7\"));
        let connect = || {
            let conn = run_in(a, || tcp::connect(\"b:7\")); let there = listener.accept();
            conn.close(); there.recv(1.s); there.close();
        };
        connect.call(); sleep(59.s);
        try { connect.call(); } catch (e) { print(e.message); }
        sleep(2.s); connect.call(); print(\"again\");
        // What is lost of the end of a connection is sent again, and acknowledged in TIME-WAIT.
        sleep(61.s); let lost = counter();
        set_policy(link.from(a), |pkt| { lost.add(1); if lost.value == 4 { drop() } else { pass() } });
        connect.call(); sleep(1.s); print(lost.value);";
    let (run, _) = simulated(&["-e", script], 0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines, ["cannot assign requested address", "again", "5"]);
}

#[test]
fn hosts_that_resolve_addresses_ask_and_give_up_as_linux_does() {
    let script = "let net = lab::create(#{ arp: true }); let a = net.host(\"a\"); let r = net.router(\"r\"); let b = net.host(\"b\");
        let near = net.link(a, r, #{ delay: 10.ms }); let far = net.link(r, b);
        let asked = counter(); let silent = counter();
        set_policy(near, |pkt| { if pkt.protocol == \"arp\" { asked.add(1); } pass() });
        set_policy(far, |pkt| if silent.value == 1 && pkt.protocol != \"udp\" { drop() } else { pass() });
        for to in [b.addr, b.addr6] {
            let sock = run_in(a, || icmp::open(to));
            print(sock.ping(to, 5.s).readings.user);
            print(sock.ping(to, 5.s).readings.user);
        }
        print(asked.value);
        // Once the answer is old, and no reply comes any more, the router says so after three attempts.
        silent.add(1); sleep(10.min);
        let sock = run_in(a, || udp::open(`${b.addr}:7`));
        for n in 0..2 { let ping = sock.ping(`${b.addr}:7`, \"x\", 20.s); print(`${ping.icmp ?? ping.kind}`); }
        exit(0);";
    let (run, _) = simulated(&["-e", script], 0);
    let lines: Vec<&str> = run.stdout.lines().filter(|line| !line.starts_with("Lost")).collect();
    let expected = ["40.040ms", "20.020ms", "40.040ms", "20.020ms", "2", "timeout", "Host Unreachable"];
    assert_eq!(lines[..7], expected, "{}", run.stdout);
}

#[test]
fn times_are_those_of_the_links() {
    let script = "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\");
        net.link(a, b, #{ delay: 20.ms });
        let server = run_in(b, || udp::bind(\"*:7\"));
        let task = start_thread(|| udp::serve(server, udp::echo()));
        let begun = unix_time();
        run_in(a, || { let s = udp::open(\"b:7\"); for n in 0..100 { let p = s.ping(\"b:7\", `ping ${n}`, 1.s); print(p.rtt); } });
        print(((unix_time() - begun) * 1000.0).round()); sleep(24.h); print(((unix_time() - begun) / 3600.0).to_int()); task.stop();";
    let (run, _) = simulated(&["-e", script], 0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    // A packet takes 5 us from an interface into its host.
    assert!(lines[..100].iter().all(|line| *line == "a| 40.010ms" || *line == "40.010ms"), "{}", run.stdout);
    assert_eq!(lines[100..102], ["4001.0", "24"], "{}", run.stdout);
}

#[test]
fn routers_carry_on_what_was_damaged_and_its_receiver_drops_it() {
    for (any, at) in [("*:7", "`${b.addr}:7`"), ("[::]:7", "`[${b.addr6}]:7`")] {
        let code = format!(
            "let net = lab::create(); let a = net.host(\"a\"); let r = net.router(\"r\"); let b = net.host(\"b\");
             let near = net.link(a, r); let far = net.link(r, b);
             set_policy(near.from(a), |frame| if frame.text.contains(\"ping\") {{ corrupt() }} else {{ pass() }});
             let seen = counter();
             set_policy(far.from(r), |frame| {{ if frame.protocol == \"udp\" {{ seen.add(1); }} pass() }});
             let server = run_in(b, || udp::bind(\"{any}\"));
             let to = {at};
             let client = run_in(a, || udp::open(to));
             for n in 0..5 {{ client.send_to(`ping ${{n}}`, to); }}
             expect(server.recv(100.ms).kind, \"timeout\");
             print(seen.value);"
        );
        let (run, _) = simulated(&["-e", &code], 0);
        assert!(run.stdout.starts_with("5\n"), "{}", run.stdout);
    }
}

#[test]
fn a_wait_for_what_never_comes_is_an_error_that_says_where() {
    let (run, errors) = simulated(&["-e", "let s = udp::bind(\"127.0.0.1:7\");\ns.recv();"], 3);
    assert!(errors.contains("all threads wait, and nothing is to come: thread 0 for UDP 127.0.0.1:7"), "{errors}");
    assert!(errors.contains("-e:2"), "{errors}");
    assert_eq!(run.stdout, "");
    let (_, errors) = simulated(&["-e", "start_thread(|| udp::bind(\"127.0.0.1:7\").recv()).join()"], 3);
    assert!(errors.contains("all threads wait") && errors.contains("hint: give the wait a time-out"), "{errors}");
}

#[test]
fn policies_of_servers_may_wait_while_others_wait_for_them() {
    let udp = r#"let server = udp::bind("127.0.0.1:0"); set_policy(server, |pkt| { sleep(100.ms); pass() });
        for i in 0..2 { start_thread(|| { for pkt in server { pkt.reply(pkt.data); } }); }
        let c = udp::bind("127.0.0.1:0");
        for i in 1..=3 { c.send_to(`ping ${i}`, server.addr); }
        for i in 1..=3 { print(c.recv(2.s).text); }
        exit(0);"#;
    let tcp = r#"let l = tcp::listen("127.0.0.1:0"); set_policy(l, |pkt| { sleep(100.ms); pass() });
        start_thread(|| { for conn in l { start_thread(|| { for m in conn { m.reply(m.data); } }); } });
        let ask = |i| { let c = tcp::connect(l.addr); c.send(`ping ${i}`); print(c.recv(2.s).text); };
        let threads = [1, 2, 3].map(|i| start_thread(|| ask.call(i)));
        for t in threads { t.join(); }
        exit(0);"#;
    for script in [udp, tcp] {
        let (run, _) = simulated(&["-e", script], 0);
        assert_eq!(run.stdout, "ping 1\nping 2\nping 3\n", "{}", run.stderr);
    }
}

#[test]
fn a_script_of_a_host_stays_there_while_policies_of_links_run() {
    let script = r#"let net = lab::create(); let a = net.host("a"); let b = net.host("b");
        let link = net.link(a, b, #{ delay: 1.ms });
        set_policy(link.from(a), |p| { let n = 0; while n < 3 { n += 1; } pass() });
        a.run("udp_ping.rhai", ["--server", "b:9", "--count", "2"]);"#;
    let (run, _) = simulated(&["-e", script], 1);
    let outside: Vec<&str> = run.stdout.lines().filter(|line| !line.starts_with("a| ")).collect();
    assert!(run.stdout.contains("a| Port Unreachable for the packet 2\n") && outside.len() == 4, "{outside:?}");
}

#[test]
fn a_run_whose_server_has_delayed_replies_ends() {
    let script = r#"let server = udp::bind("127.0.0.1:0"); set_policy(server, |p| delay(10.ms));
        let serving = start_thread(|| udp::serve(server, |p| p.text));
        let sock = udp::open(server.addr);
        for i in 1..=2 { print(sock.ping(server.addr, `ping ${i}`, 1.s).rtt > 10.ms); }
        serving.stop();"#;
    let (run, _) = simulated(&["-e", script], 0);
    assert!(run.stdout.starts_with("true\ntrue\n"), "{} {}", run.stdout, run.stderr);
}

#[test]
fn what_needs_a_kernel_is_refused_with_one_clear_error() {
    let (_, errors) = simulated(&["-e", "lab::create().host(\"a\").exec([\"true\"]);"], 3);
    assert!(errors.contains("programs run in labs of the kernel alone: this lab is simulated"), "{errors}");
}

#[test]
fn names_that_a_simulated_run_does_not_know_are_asked_of_this_machine() {
    let (run, _) = simulated(
        &[
            "-e",
            "let t = unix_time(); try { icmp::resolve(\"no.such.host.invalid\") } catch (e) { print(e.kind); } print(unix_time() - t);",
        ],
        0,
    );
    assert_eq!(run.stdout, "resolve\n0.0\n");
    let (run, _) = simulated(
        &["-e", "let a = lab::create().host(\"a\"); print(run_in(a, || icmp::resolve(\"localhost\")).ip);"],
        0,
    );
    assert!(run.stdout.contains("127.0.0.1") || run.stdout.contains("::1"), "{}", run.stdout);
}

/// Hosts a and b with a link of 20 ms, and a server on b that accepts one connection and does `serve` with it.
fn over_tcp(serve: &str, client: &str) -> String {
    let script = format!(
        "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\"); let link = net.link(a, b, #{{ delay: 20.ms }});
         let server = run_in(b, || tcp::listen(\"*:7\", #{{ backlog: 2 }}));
         let task = run_in(b, || start_thread(|| {{ {serve} }}));
         run_in(a, || {{ {client} }}); task.join(); ()"
    );
    let (run, _) = simulated(&["-e", &script], 0);
    run.stdout
}

#[test]
fn a_connection_ends_as_it_does_on_linux() {
    let read = "let c = server.accept(); print(c.recv(1000.s)); print(c.recv(1000.s)); c.close();";
    let connect = "let c = tcp::connect(\"10.0.0.2:7\");";
    let idle = over_tcp(read, &format!("{connect} c.send(\"x\"); sleep(200.s); c.close();"));
    assert!(idle.ends_with("the peer has closed the connection\n"), "after 200 s of silence: {idle}");
    let late = "let c = server.accept(); c.recv(); sleep(300.s); c.send(\"late\"); c.close();";
    let half = over_tcp(late, &format!("{connect} c.send(\"x\"); c.shutdown(); print(c.recv(1000.s).text);"));
    assert_eq!(half, "a| late\n", "a direction that has ended leaves the other");
    let unread = "let c = server.accept(); sleep(1.s); c.send(\"late\"); c.close();";
    let reset = over_tcp(unread, &format!("{connect} c.send(\"x\"); print(c.recv(9.s).text); print(c.recv(9.s));"));
    assert_eq!(reset, "a| late\na| the peer has closed the connection\n", "the end came before the reset");
    let down = format!(
        "{connect} sleep(1.s); link.down(); c.send(\"x\"); try {{ print(c.recv(1.h)); }} catch (e) {{ print(e); }}"
    );
    let lost = over_tcp("server.accept(); sleep(200.s);", &down);
    assert!(lost.contains("timed out"), "{lost}");
}

#[test]
fn handshakes_that_are_broken_off_leave_room_for_others() {
    let attempt =
        "for n in 0..8 { try { tcp::connect(\"10.0.0.2:7\", #{ timeout: 30.ms }); } catch (e) { } sleep(1.s); }
                   sleep(400.s); tcp::connect(\"10.0.0.2:7\", #{ timeout: 1.s }); print(\"connected\");";
    assert_eq!(over_tcp("server.accept();", attempt), "a| connected\n");
}

#[test]
fn a_planned_change_of_a_link_holds_from_its_time_on_and_leaves_what_was_before() {
    let script = r#"let net = lab::create(); let a = net.host("a"); let b = net.host("b");
net.link(a, b, #{ delay: 5.ms });
b.start("udp_server_plain.rhai", ["--listen", "*:7", "--quiet"]);
run_in(a, || for n in 1..=5 { print(`${n} ${udp::open("b:7").ping("b:7", `ping ${n}`, 1.s).rtt}`); });"#;
    let changes = ["12ms a-b delay=20ms", "60ms a-b loss=1", "1.1s a-b loss=0", "1.1s a-b rate=10k"];
    let flags: Vec<&str> = changes.iter().flat_map(|change| ["--change", change]).collect();
    let rtts =
        |run: &Run| run.stdout.lines().filter_map(|line| line.strip_prefix("a| ")).collect::<Vec<_>>().join(", ");
    let plain = simulated(&["-e", script], 0).0;
    assert_eq!(rtts(&plain), "1 10.010ms, 2 10.010ms, 3 10.010ms, 4 10.010ms, 5 10.010ms");
    let changed = simulated(&[&flags[..], &["-e", script]].concat(), 0).0;
    assert_eq!(rtts(&changed), "1 10.010ms, 2 25.010ms, 3 40.010ms, 4 , 5 116.810ms");
    assert!(changed.stdout.contains("dropped by loss(1) on a-b"), "{}", changed.stdout);
    let (_, noted) = simulated(&["--change", "1s x-y loss=1", "-e", script], 0);
    assert!(noted.contains("--change x-y: this run had no such link"), "{noted}");
    let wrong = pingscript(&["--simulate", "--change", "1s a-b mtu=9", "udp_ping"]).run().expect_code(2);
    assert!(wrong.stderr.contains("mtu=9 is none of delay=20ms, rate=10M, rate=none and loss=0.1"), "{}", wrong.stderr);
}

#[test]
fn echo_requests_and_replies_of_one_host_are_two_flows() {
    let script = r#"let net = lab::create(); let a = net.host("a"); let b = net.host("b"); let link = net.link(a, b);
set_policy(link.from(b), every(2));
let sockets = [run_in(a, || icmp::open("b")), run_in(b, || icmp::open("a"))]; let lost = [0, 0];
expect(sockets[0].id, sockets[1].id, "the identifiers are the same");
for n in 1..=6 { for (host, index) in [b.addr, a.addr] { if sockets[index].ping(host, 20.ms).kind != "reply" { lost[index] += 1; } } }
print(`${lost}`);"#;
    assert_eq!(simulated(&["-e", script], 0).0.stdout.lines().next(), Some("[3, 3]"));
}

#[test]
fn replies_that_say_something_else_have_their_own_causes() {
    let lab = |link: &str, reply: &str, plan: &str| {
        format!(
            "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\"); let link = net.link(a, b{link});
             let server = run_in(b, || udp::bind(\"*:7\")); start_thread(|| udp::serve(server, |pkt| {reply}));
             let plan = #{{ count: 4, interval: 10.ms, timeout: 50.ms, message: |n| `hi ${{n}}`, seq_of: |r| parse_int(r.text.split(\" \")[1]){plan} }};
             let policy = |pkt| if pkt.text.starts_with(\"ok\") {{ drop() }} else {{ pass() }};
             if \"{plan}\" == \"\" {{ set_policy(link.from(b), policy); }}
             run_in(a, || for ping in pinger(udp::open(\"b:7\"), \"b:7\", plan) {{ }}); exit(0);"
        )
    };
    // All are lost on the way back, by a policy; or all come too late, over a slow link.
    let dropped = lab("", "\"ok \" + pkt.text.split(\" \")[1]", "");
    let text = simulated(&["-e", &dropped], 0).0.stdout;
    assert!(text.contains("seq 1, 2, 3, 4: dropped by") && text.contains("0 unexplained"), "{text}");
    let late = lab(
        ", #{ rate: \"100k\" }",
        "\"ok \" + pkt.text.split(\" \")[1] + \" \" + \"x\".repeat(1400)",
        ", icmp_wait: 1.s",
    );
    let text = simulated(&["-e", &late], 0).0.stdout;
    assert!(!text.contains("did not repeat the message") && text.contains("the reply came too late"), "{text}");
}

#[test]
fn a_full_buffer_of_the_pinger_is_a_cause_by_the_count_of_its_host() {
    let script = r#"let net = lab::create(); let a = net.host("a"); let b = net.host("b"); net.link(a, b);
let server = run_in(b, || udp::bind("*:7")); start_thread(|| udp::serve(server, udp::upper()));
run_in(a, || for ping in pinger(udp::open("b:7", #{ rcvbuf: 2048 }), "b:7", #{ count: 60, interval: 0.ms, window: 60, timeout: 300.ms, size: 600 }) { });
exit(0);"#;
    let text = simulated(&["-e", script], 0).0.stdout;
    assert!(text.contains("lost in a full receive buffer of a (its kernel counted UdpRcvbufErrors"), "{text}");
}
