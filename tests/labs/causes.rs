//! What losses in a lab are attributed to: errors, verdicts, routes and what kernels count.

use crate::common::{require_lab_or_skip, require_program_or_skip};
use crate::{PAIR, pingscript, run_text};

#[test]
fn errors_are_named_with_their_sender_and_the_verdict_that_sent_them() {
    if !require_lab_or_skip("the errors that pings meet") {
        return;
    }
    let run = run_text(
        "let net = lab::create(); let a = net.host(\"a\"); let r = net.router(\"r\"); let b = net.host(\"b\");
         net.link(a, r); let link = net.link(r, b);
         set_policy(link.from(r), |pkt| if pkt.number % 2 == 1 { reject(\"admin-prohibited\") } else { delay(1.ms) });
         run_in(a, || {
             let udp = udp::open(b.addr + \":7\");
             for n in 0..2 { udp.ping(b.addr + \":7\", `ping ${n}`, 2.s); }
             for sock in [icmp::open(b.addr), icmp::open(b.addr)] { for n in 0..2 { sock.ping(b.addr, 5.s); } }
         });
         exit(0)",
        0,
    );
    let rejected = "rejected by -e:3 on r-b from r: Communication Administratively Prohibited from 10.0.0.3\n";
    let udp = format!("\n  seq 0: {rejected}  seq 1: Port Unreachable from 10.0.0.3\n");
    assert!(run.stdout.contains(&udp), "{}", run.stdout);
    let icmp = "over ICMP from a to 10.0.0.3 (echo identifier ";
    assert_eq!(run.stdout.matches(icmp).count(), 2, "{}", run.stdout);
    assert!(!run.stdout.contains("(from port "), "{}", run.stdout);
    assert_eq!(run.stdout.matches(&format!("\n  seq 1: {rejected}")).count(), 2, "{}", run.stdout);
}

#[test]
fn what_was_delayed_on_its_way_there_and_dropped_on_its_way_back_was_dropped() {
    if !require_lab_or_skip("both ways of a link") {
        return;
    }
    let run = run_text(
        "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\"); let link = net.link(a, b);
         set_policy(link.from(a), |pkt| delay(1.ms)); set_policy(link.from(b), |pkt| drop());
         run_in(a, || icmp::open(b.addr).ping(b.addr, 300.ms)); exit(0)",
        0,
    );
    assert!(run.stdout.contains("\n  seq 1: dropped by -e:2 on a-b"), "{}", run.stdout);
}

#[test]
fn what_a_kernel_did_comes_before_an_address_that_no_host_has() {
    if !require_lab_or_skip("losses in the kernel") {
        return;
    }
    let run = run_text(
        "let net = lab::create(); let a = net.host(\"a\"); let r = net.router(\"r\"); net.link(a, r);
         a.route(\"192.0.2.0/24\", r); a.route(\"203.0.113.0/24\", r); r.route(\"192.0.2.0/24\", \"blackhole\");
         r.exec([\"sh\", \"-c\", \"echo 6168 > /proc/sys/net/ipv4/icmp_ratemask\"]);
         fn lose(a, to, count) {
             let plan = #{ count: count, interval: 1.ms, window: 64, timeout: 300.ms };
             run_in(a, || for ping in pinger(udp::open(to), to, plan) { });
         }
         lose(a, \"192.0.2.1:7\", 3); lose(a, \"203.0.113.1:7\", 20);
         exit(0)",
        0,
    );
    let text = &run.stdout;
    assert!(text.contains("\n  seq 1, 2, 3: vanished in the black hole route of r to 192.0.2.0/24\n"), "{text}");
    assert!(text.contains("Net Unreachable from 10.0.0.2\n"), "{text}");
    assert!(text.contains("no route was found by r (its kernel counted IpExtInNoRoutes "), "{text}");
    assert!(!text.contains("the lab has given no host this address"), "{text}");
    assert_eq!(text.matches("\n  0 unexplained").count(), 2, "{text}");
    let run = run_text(
        "let net = lab::create(); let a = net.host(\"a\"); net.link(a, net.host(\"b\"));
         a.route(\"10.0.0.77\", \"10.0.0.2\");
         run_in(a, || udp::open(\"10.0.0.77:7\").ping(\"10.0.0.77:7\", \"ping 1\", 100.ms)); exit(0)",
        0,
    );
    assert!(run.stdout.contains("\n  seq 1: the lab has given no host this address\n"), "{}", run.stdout);
}

#[test]
fn an_error_that_comes_after_the_time_out_explains_the_loss_all_the_same() {
    if !require_lab_or_skip("late errors") {
        return;
    }
    let run = run_text(
        &format!(
            "{PAIR}link.delay = 50.ms;
             run_in(a, || {{
                 let udp = udp::open(`${{b.addr}}:7`);
                 let options = #{{ timeout: 10.ms, icmp_wait: 0.s }};
                 expect(udp.ping(`${{b.addr}}:7`, \"ping 1 a\", options).kind, \"timeout\");
                 expect(udp.ping(`${{b.addr}}:7`, \"ping 2 a\", 10.s).kind, \"icmp\");
                 set_policy(b.ingress, |pkt| reject(\"host-prohibited\"));
                 let icmp = icmp::open(b.addr);
                 expect(icmp.ping(b.addr, options).kind, \"timeout\");
                 expect(icmp.ping(b.addr, 10.s).kind, \"icmp\");
                 expect([udp, icmp].map(|sock| sock.counts.stray_errors), [1, 1]);
             }});
             exit(0)"
        ),
        0,
    );
    assert!(run.stdout.contains("\n  seq 1: Port Unreachable from 10.0.0.2, after the time-out\n"), "{}", run.stdout);
    let rejected =
        "Communication with Destination Host is Administratively Prohibited from 10.0.0.2, after the time-out\n";
    assert!(run.stdout.contains(&format!("at the ingress of b: {rejected}")), "{}", run.stdout);
    assert_eq!(run.stdout.matches("\n  0 unexplained").count(), 2, "{}", run.stdout);
}

#[test]
fn an_error_that_nobody_read_before_the_end_explains_the_loss_too() {
    if !require_lab_or_skip("errors that nobody reads") {
        return;
    }
    for end in ["udp.close(); icmp.close();", ""] {
        let run = run_text(
            &format!(
                "{PAIR}link.delay = 50.ms; set_policy(b.ingress, |pkt| reject(\"host-prohibited\"));
                 run_in(a, || {{
                     let options = #{{ timeout: 10.ms, icmp_wait: 0.s }};
                     let udp = udp::open(`${{b.addr}}:7`);
                     expect(udp.ping(`${{b.addr}}:7`, \"ping 1 a\", options).kind, \"timeout\");
                     let icmp = icmp::open(b.addr);
                     expect(icmp.ping(b.addr, options).kind, \"timeout\");
                     sleep(300.ms);
                     {end}
                 }});
                 exit(0)"
            ),
            0,
        );
        assert_eq!(run.stdout.matches("Prohibited from 10.0.0.2, after the time-out\n").count(), 2, "{}", run.stdout);
    }
}

#[test]
fn what_kernels_counted_for_others_explains_no_loss() {
    if !require_lab_or_skip("counts of kernels") {
        return;
    }
    // Damaged datagrams before the pinger begins; then b has no way back.
    let before = format!(
        "{PAIR}set_policy(link.from(a), |pkt| corrupt());
         run_in(a, || {{ let other = udp::bind(\"*:0\"); for n in 0..6 {{ other.send_to(`${{n}}`, \"b:9\"); }} }});
         sleep(100.ms);
         set_policy(link.from(a), |pkt| pass()); b.route(\"10.0.0.1\", \"prohibit\");
         run_in(a, || {{ let udp = udp::open(\"b:9\"); for n in 0..4 {{ udp.ping(\"b:9\", `ping ${{n}}`, 50.ms); }} }});
         exit(0)"
    );
    let run = run_text(&before, 0);
    assert!(run.stdout.ends_with("\n  4 unexplained: seq 0, 1, 2, 3\n"), "{}", run.stdout);
    // A program on the way without a route, while pings are lost elsewhere: a possibility, no more.
    let run = run_text(
        "let net = lab::create(); let a = net.host(\"a\"); let r = net.router(\"r\"); let b = net.host(\"b\");
         net.link(a, r); net.link(r, b); a.route(\"203.0.113.0/24\", r); b.route(\"10.0.0.1\", \"prohibit\");
         run_in(a, || {
             let udp = udp::open(\"b:9\"); let other = udp::bind(\"*:0\");
             let noise = start_thread(|| for k in 0..8 { sleep(20.ms); other.send_to(\"x\", \"203.0.113.1:5\"); });
             udp.ping(\"b:9\", \"ping 1\", #{ timeout: 3.s, icmp_wait: 0.s });
             noise.join();
         });
         exit(0)",
        0,
    );
    let possible = "\n  seq 1: perhaps no route was found by r (its kernel counted IpExtInNoRoutes ";
    assert!(run.stdout.contains(possible), "{}", run.stdout);
}

/// With `ss -K`, which has the kernel end a socket (SOCK_DESTROY): what waits to receive from it gets ECONNABORTED.
#[test]
fn an_error_of_receiving_is_the_outcome_of_that_ping_and_the_run_goes_on() {
    if !require_lab_or_skip("errors of receiving") || !require_program_or_skip("ss", "errors of receiving") {
        return;
    }
    let run = run_text(
        &format!(
            "{PAIR}
             b.start(\"udp_server_plain.rhai\", [\"--listen\", \"*:11000\", \"--quiet\"]);
             b.start(\"tcp_multi.rhai\", [\"--listen\", \"*:11001\", \"--quiet\"]);
             let way = link.from(a);
             // The third ping is lost, and its socket is ended while that waits.
             set_policy(way, |pkt| if pkt.text.contains(\"ping 3 \") {{ drop() }} else {{ pass() }});
             fn end_sockets(a, way, proto) {{
                 let before = way.dropped;
                 start_thread(|| {{
                     while way.dropped == before {{ sleep(1.ms); }}
                     a.exec([\"ss\", \"-K\", \"-a\", proto], #{{ quiet: true }});
                 }})
             }}
             let ended = end_sockets(a, way, \"-u\");
             let to = `${{b.addr}}:11000`;
             let udp = run_in(a, || udp::open(to));
             let kinds = [];
             for ping in pinger(udp, to, #{{ count: 6, interval: 100.ms, timeout: 10.s }}) {{
                 kinds.push(ping.kind);
                 if ping.kind == \"error\" {{ expect([ping.seq, ping.error.kind], [3, \"system\"]); print(ping.error.message); }}
             }}
             expect(kinds.filter(|kind| kind == \"reply\").len, 5);
             expect(udp.counts.errored, 1);
             ended.join();
             let ended = end_sockets(a, way, \"-u\");
             expect([1, 3, 1].map(|n| udp.ping(to, `ping ${{n}} `, 10.s).kind), [\"reply\", \"error\", \"reply\"]);
             ended.join();
             let ended = end_sockets(a, way, \"-t\");
             let tcp = run_in(a, || tcp::connect(\"b:11001\"));
             expect([tcp.ping(\"ping 1 \", 10.s).kind, tcp.ping(\"ping 3 \", 10.s).kind], [\"reply\", \"error\"]);
             expect(tcp.ended, \"lost\");
             ended.join();
             exit(0)"
        ),
        0,
    );
    let aborted = "software caused connection abort\n";
    assert!(run.stdout.contains(&format!("\n{aborted}")), "{}", run.stdout);
    for of in ["pinger 1", "single pings"] {
        let account = run.stdout.split_once(&format!("to 10.0.0.2:11000 ({of}): ")).map(|(_, account)| account);
        let cause = account.and_then(|account| account.lines().nth(1)).map(|line| format!("{line}\n"));
        assert_eq!(cause, Some(format!("  seq 3: {aborted}")), "{}", run.stdout);
    }
    assert!(run.stdout.contains(&format!("  seq 3: the connection was lost: {aborted}")), "{}", run.stdout);
    assert_eq!(run.stdout.matches("\n  0 unexplained").count(), 3, "{}", run.stdout);
}

#[test]
fn pings_over_a_link_that_is_down_are_lost_there_over_every_protocol() {
    if !require_lab_or_skip("a link that is down") {
        return;
    }
    for framing in ["raw", "line"] {
        let run = run_text(
            &format!(
                "{PAIR}let listener = run_in(b, || tcp::listen(\"b:11000\", #{{ framing: \"{framing}\" }}));
                 run_in(b, || start_thread(|| for conn in listener {{ for msg in conn {{ msg.reply(msg.data); }} }}));
                 run_in(a, || {{
                     let tcp = tcp::connect(\"b:11000\", #{{ framing: \"{framing}\" }});
                     expect(tcp.ping(\"ping 1 \", 10.s).kind, \"reply\");
                     link.down();
                     for n in 2..5 {{ expect(tcp.ping(`ping ${{n}} `, 50.ms).kind, \"timeout\"); }}
                     udp::open(\"b:7\").ping(\"b:7\", \"ping 1\", 50.ms);
                     icmp::open(\"b\").ping(\"b\", 50.ms);
                 }});
                 exit(0)"
            ),
            0,
        );
        assert!(run.stdout.contains("\n  seq 2, 3, 4: dropped on a-b: link down\n"), "{}", run.stdout);
        assert_eq!(run.stdout.matches("dropped on a-b: link down\n").count(), 3, "{}", run.stdout);
        assert_eq!(run.stdout.matches("\n  0 unexplained").count(), 3, "{}", run.stdout);
    }
}

#[test]
fn pings_that_say_the_same_have_each_its_own_cause() {
    if !require_lab_or_skip("errors of a policy and of a closed port") {
        return;
    }
    // The first kind of error is not that of the closed port, the second is.
    for (error, name) in [
        ("admin-prohibited", "Communication Administratively Prohibited from 10.0.0.2"),
        ("port-unreachable", "Port Unreachable from 10.0.0.2"),
    ] {
        let run = run_text(
            &format!(
                "{PAIR}set_policy(b.ingress, |p| if p.number > 3 {{ reject(\"{error}\") }} else {{ pass() }});
                 let udp = run_in(a, || udp::open(`${{b.addr}}:9`));
                 for n in 0..6 {{ udp.ping(`${{b.addr}}:9`, \"hello\", 5.s); }}
                 exit(0)"
            ),
            0,
        );
        let lines: Vec<&str> = run.stdout.lines().filter(|line| line.contains("  seq ")).collect();
        let [closed, rejected] = lines.as_slice() else { panic!("{}", run.stdout) };
        assert_eq!(*closed, "  seq 1, 2, 3: Port Unreachable from 10.0.0.2", "{}", run.stdout);
        assert!(rejected.starts_with("  seq 4, 5, 6: rejected by -e:"), "{}", run.stdout);
        assert!(rejected.ends_with(&format!(" at the ingress of b: {name}")), "{}", run.stdout);
    }
}

#[test]
fn pings_over_a_connection_that_a_policy_resets_are_attributed_to_its_verdict() {
    if !require_lab_or_skip("a reset by a policy") {
        return;
    }
    let run = run_text(
        &format!(
            "{PAIR}let l = run_in(b, || tcp::listen(\"*:11001\", #{{ framing: \"line\" }}));
             let t = start_thread(|| for conn in l {{ for m in conn {{ m.reply(m.text); }} }});
             let c = run_in(a, || tcp::connect(`${{b.addr}}:11001`, #{{ framing: \"line\" }}));
             set_policy(link.from(a), |p| if p.text.contains(\"ping 3\") {{ reject(\"tcp-reset\") }} else {{ pass() }});
             for n in 1..=3 {{ c.ping(`ping ${{n}}`, 5.s); }}
             exit(0)"
        ),
        0,
    );
    let line = run.stdout.lines().find(|line| line.contains("  seq ")).unwrap_or_default();
    assert!(line.starts_with("  seq 3: rejected by -e:"), "{}", run.stdout);
    assert!(line.ends_with(" on a-b from a: the peer has reset the connection"), "{}", run.stdout);
}

#[test]
fn routes_and_addresses_that_had_no_part_in_a_loss_explain_none() {
    if !require_lab_or_skip("addresses and routes of programs") {
        return;
    }
    let run = run_text(
        "let net = lab::create(); let a = net.host(\"a\"); let r = net.router(\"r\"); let b = net.host(\"b\");
         net.link(a, r); net.link(r, b);
         r.route(\"10.0.0.0/24\", \"blackhole\");
         b.exec([\"ip\", \"addr\", \"add\", \"10.9.9.9/32\", \"dev\", \"lo\"]);
         r.exec([\"ip\", \"route\", \"add\", \"10.9.9.9/32\", \"via\", b.addr]);
         a.exec([\"ip\", \"route\", \"add\", \"10.9.9.9/32\", \"via\", r.addr]);
         fn ping_both(a, b) { for to in [b.addr, \"10.9.9.9\"] { run_in(a, || icmp::open(to).ping(to, 300.ms)); } }
         ping_both(a, b);
         b.exec([\"nft\", \"add table ip t; add chain ip t c { type filter hook input priority 0; }; add rule ip t c drop\"]);
         ping_both(a, b);
         exit(0)",
        0,
    );
    assert!(!run.stdout.contains("black hole") && !run.stdout.contains("given no host"), "{}", run.stdout);
    assert_eq!(run.stdout.matches("\n  1 unexplained\n").count(), 2, "{}", run.stdout);
}

#[test]
fn broadcast_goes_to_hosts_that_the_lab_knows() {
    let run = run_text(
        "simulate(); let net = lab::create(); let a = net.host(\"a\", #{ addr: \"10.1.0.1/24\" });
         let b = net.host(\"b\", #{ addr: \"10.1.0.2/24\" }); net.link(a, b);
         let sock = run_in(b, || udp::bind(\"*:7000\"));
         run_in(a, || udp::open(\"10.1.0.255:7000\", \"\", #{ broadcast: true }).ping(\"10.1.0.255:7000\", \"hi\", 100.ms)); exit(0)",
        0,
    );
    assert!(run.stdout.contains("1 unexplained: seq 1") && !run.stdout.contains("given no host"), "{}", run.stdout);
}

#[test]
fn a_policy_that_acts_on_frames_of_kernels_alone_is_in_the_report() {
    if !require_lab_or_skip("ARP that a policy drops") {
        return;
    }
    let run = run_text(
        "let net = lab::create(#{ arp: true }); let a = net.host(\"a\"); let b = net.host(\"b\"); let link = net.link(a, b);
         set_policy(link.from(a), |pkt| if pkt.protocol == \"arp\" { drop() } else { pass() });
         run_in(a, || icmp::open(b.addr).ping(b.addr, 300.ms)); exit(0)",
        0,
    );
    assert!(run.stderr.contains(" on a-b from a acted on 0 of 0 packets: NA; and on "), "{}", run.stderr);
}

#[test]
fn replies_without_a_way_back_and_lives_that_end_are_causes_in_the_kernel_and_simulated() {
    if !require_lab_or_skip("what kernels count of replies") {
        return;
    }
    let text = "let net = lab::create(#{ routes: false });
        let a = net.host(\"a\"); let r = net.router(\"r\"); let s = net.router(\"s\"); net.link(a, r); net.link(r, s);
        a.route(\"192.0.2.0/24\", r); r.route(\"192.0.2.0/24\", s); s.route(\"192.0.2.0/24\", r);
        a.route(`${s.addr}/32`, r);
        fn lose(a, sock, to) {
            run_in(a, || for ping in pinger(sock, to, #{ count: 3, interval: 10.ms, timeout: 200.ms }) { });
        }
        lose(a, run_in(a, || icmp::open(\"s\")), \"s\");
        for ttl in [63, 64] { lose(a, run_in(a, || udp::bind(\"*:0\", #{ ttl: ttl })), \"192.0.2.1:7\"); }
        exit(0)";
    for args in [&["-e", text][..], &["--simulate", "-e", text]] {
        let run = pingscript(args).run().expect_code(0);
        for cause in [
            "an echo request was received and not replied to, as where no route leads back, by s (its kernel counted \
             IcmpInEchos - IcmpOutEchoReps 3 meanwhile)",
            // It ends at r, which has a way back, and at s, which has none.
            "Time to Live exceeded in Transit from 10.0.0.2",
            "perhaps the time to live of a packet ended, or its header was wrong, at s (its kernel counted IpInHdrErrors 3 meanwhile)",
        ] {
            let cause = format!("\n  seq 1, 2, 3: {cause}\n  0 unexplained");
            assert!(run.stdout.contains(&cause), "{args:?} {cause}\n{}", run.stdout);
        }
    }
}
