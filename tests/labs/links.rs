//! Links and ingresses in scripts: changed while traffic flows, and what they count.

#[path = "frames.rs"]
mod frames;

use crate::common::{TempDir, require_lab_or_skip, require_program_or_skip};
use crate::{PAIR, run_text};

/// A server in b, and pings from a.
const PINGS: &str = "b.start(\"udp_server_plain.rhai\", [\"--listen\", \"*:11000\", \"--quiet\"]);
    fn ping(a, timeout) { run_in(a, || udp::open(\"b:11000\").ping(\"b:11000\", \"ping 1\", #{ timeout: timeout, icmp_wait: 0.s })) }\n";

#[test]
fn a_link_is_changed_while_it_carries() {
    if !require_lab_or_skip("links that change") {
        return;
    }
    run_text(
        &format!(
            "{PAIR}{PINGS}
             expect(ping(a, 10.s).kind, \"reply\");
             link.delay = 20.ms;
             expect(ping(a, 10.s).rtt, at_least(40.ms));
             let back = link.from(b);
             back.delay = 0.ms;
             expect(ping(a, 10.s).rtt, at_least(20.ms));
             expect([link.from(a).delay, link.from(b).delay], [20.ms, 0.ms]);
             link.delay = 0.ms;
             // 40 bytes of headers and payload are 320 bits: at 8 kbit/s each way takes 40 ms and more.
             link.rate = \"8k\";
             expect(ping(a, 10.s).rtt, at_least(80.ms));
             link.rate = ();
             expect(link.rate, ());
             link.down();
             expect(ping(a, 50.ms).kind, \"timeout\");
             expect(link.counts.down, at_least(1));
             link.up();
             expect(ping(a, 10.s).kind, \"reply\");
             expect(link.from(a).frames, link.from(a).passed + link.from(a).counts.down);
             ()"
        ),
        0,
    );
}

#[test]
fn a_zone_names_an_interface_of_the_host() {
    if !require_lab_or_skip("zones in a lab") {
        return;
    }
    // eth0 and eth1 of b have other numbers than those of c, of a, and of this machine.
    run_text(
        "let net = lab::create(); let a = net.host(\"a\");
         let links = [\"b\", \"c\", \"d\"].map(|name| net.link(a, net.host(name)));
         // Kernels send by themselves; echo requests are ours.
         for link in links { set_policy(link.from(a), |pkt| if `${pkt.icmp}` == \"Echo Request\" { drop() } else { pass() }); }
         for wanted in 0..3 {
             run_in(a, || icmp::open(\"ff02::1\").ping(`ff02::1%eth${wanted}`, #{ timeout: 10.s, icmp_wait: 0.s }));
             // The host itself replies, too: before the link has counted.
             let dropped = links.map(|link| link.from(a).counts.dropped);
             while dropped[0] + dropped[1] + dropped[2] <= wanted {
                 sleep(1.ms);
                 dropped = links.map(|link| link.from(a).counts.dropped);
             }
             expect(dropped[wanted], 1, `over eth${wanted}: ${dropped}`);
         }
         let none = ();
         run_in(a, || { try { icmp::open(\"::\").ping(\"ff02::1%eth7\", 1.s); } catch (err) { none = err; } });
         expect(none.kind, \"resolve\");
         expect(none.hint.contains(\"eth0, eth1\"), true);",
        0,
    );
}

#[test]
fn a_verdict_that_cannot_be_carried_out_is_a_failure_in_every_count() {
    if !require_lab_or_skip("verdicts that cannot be carried out") {
        return;
    }
    let run = run_text(
        &format!(
            "{PAIR}{PINGS}
             set_policy(link.from(a), |pkt| if pkt.protocol == \"udp\" {{ reject(\"tcp-reset\") }} else {{ pass() }});
             expect(ping(a, 10.s).kind, \"reply\");
             let counts = link.from(a).counts;
             expect([counts.failed, counts.rejected], [1, 0]);"
        ),
        0,
    );
    assert!(run.stderr.contains(" acted on 0 of "), "{}", run.stderr);
    assert!(!run.stderr.contains("rejected)"), "{}", run.stderr);
}

#[test]
fn an_outage_is_as_much_loss_as_the_time_it_lasted() {
    if !require_lab_or_skip("a link that is down for a third of a run") {
        return;
    }
    let run = run_text(
        &format!(
            "{PAIR}
             b.start(\"udp_server_plain.rhai\", [\"--listen\", \"*:11000\", \"--quiet\"]);
             let how = [\"--count\", 90, \"--interval\", \"100ms\", \"--timeout\", \"1s\", \"--quiet\"];
             let pings = [[\"icmp_ping.rhai\", [\"b\"] + how], [\"udp_ping.rhai\", [\"--server\", \"b:11000\"] + how]];
             let runs = pings.map(|ping| start_thread(|| a.run(ping[0], ping[1])));
             sleep(3.s); link.down(); sleep(3.s); link.up();
             let ended = runs.map(|run| run.join());
             print(`LOST ${{ended[0].lost}} and ${{ended[1].lost}} of ${{ended[0].sent}} and ${{ended[1].sent}}`);
             expect(ended[0].sent + ended[1].sent, 180);
             expect(ended[0].lost, at_least(25));
             expect(ended[1].lost, at_least(25));
             // One point of them all is not two.
             expect(ended[0].lost + ended[1].lost, near(link.counts.down, 1));
             ()"
        ),
        0,
    );
    assert!(run.stdout.contains("LOST "), "{}", run.stdout);
}

#[test]
fn a_policy_is_of_a_direction_or_of_both_and_an_ingress_is_of_all_links() {
    if !require_lab_or_skip("policies on links") {
        return;
    }
    run_text(
        &format!(
            "{PAIR}{PINGS}
             set_policy(link.from(b), |pkt| if pkt.text == \"PING 1\" {{ drop() }} else {{ pass() }});
             expect(ping(a, 50.ms).kind, \"timeout\");
             expect([link.from(a).dropped, link.from(b).dropped, link.dropped], [0, 1, 1]);
             set_policy(link.from(b), |pkt| pass());
             set_policy(link, every(2));
             let kinds = [];
             for i in 0..4 {{ kinds.push(ping(a, 50.ms).kind); }}
             expect(kinds, [\"reply\", \"reply\", \"reply\", \"reply\"], \"each socket's flow begins anew\");
             set_policy(link, |pkt| pass());

             let c = net.host(\"c\");
             net.link(c, b);
             set_policy(b.ingress, |pkt| if pkt.to.port == 11000 {{ reject(\"icmp-port-unreachable\") }} else {{ pass() }});
             for host in [a, c] {{ expect(`${{ping(host, 10.s).icmp}}`, \"Port Unreachable\"); }}
             expect([b.ingress.rejected, a.ingress.rejected], [2, 0]);
             ()"
        ),
        0,
    );
}

#[test]
fn policy_files_serve_at_links_as_in_servers() {
    if !require_lab_or_skip("policy files on links") {
        return;
    }
    run_text(
        "for name in [\"corrupt\", \"delay\", \"duplicate\", \"every\", \"first\", \"gilbert\", \"loss\", \"pattern\"] {
             let net = lab::create();
             let a = net.host(\"a\");
             let link = net.link(a, net.host(\"b\"), #{ policy: policy(name) });
             a.exec([\"ping\", \"-q\", \"-c\", 10, \"-i\", 0.002, \"-W\", 0.1, \"b\"], #{ quiet: true });
             let counts = link.counts;
             expect(counts.frames, at_least(10), name);
             expect(counts.failed, 0, name);
             net.end();
         }",
        0,
    );
}

#[test]
fn a_host_without_links_is_accounted_for_as_any_other() {
    if !require_lab_or_skip("a host without links") {
        return;
    }
    let run = run_text(
        "let net = lab::create(); let a = net.host(\"a\");
         let server = run_in(a, || udp::bind(\"*:11000\"));
         set_policy(server, always(drop()));
         run_in(a, || start_thread(|| udp::serve(server, udp::echo())));
         for to in [`${a.addr}:11000`, \"127.0.0.1:11000\"] {
             expect(run_in(a, || udp::bind(\"*:0\").ping(to, \"ping 1\", 50.ms)).kind, \"timeout\");
         }
         exit(0)",
        0,
    );
    let all = format!("{}{}", run.stdout, run.stderr);
    assert!(all.contains("dropped by") && all.contains("  0 unexplained"), "{all}");
    assert!(!all.contains("outside of this process"), "{all}");
}

#[test]
fn a_policy_outlives_the_thread_that_set_it() {
    if !require_lab_or_skip("a policy of a thread that has ended") {
        return;
    }
    run_text(
        &format!(
            "{PAIR}{PINGS}
             let setter = start_thread(|| {{
                 set_policy(link.from(a), |pkt| {{ let n = 0; for i in 0..500 {{ n += i; }} drop() }});
                 sleep(1.h);
             }});
             while ping(a, 30.ms).kind != \"timeout\" {{ }}
             setter.stop();
             // The thread is terminated, for good, half a second later.
             for i in 0..40 {{ expect(ping(a, 30.ms).kind, \"timeout\"); }}
             exit(0)"
        ),
        0,
    );
}

#[test]
fn a_segment_rejected_again_does_not_settle_the_ping_sent_since() {
    if !require_lab_or_skip("segments rejected again") {
        return;
    }
    run_text(
        &format!(
            "{PAIR}
             b.start(\"tcp_multi.rhai\", [\"--listen\", \"*:11001\", \"--quiet\"]);
             let conn = run_in(a, || tcp::connect(\"b:11001\"));
             let copies = counter();
             // The first ping's segment, and once more as TCP sends it again; the second ping's always passes.
             set_policy(b.ingress, |pkt| {{
                 if !pkt.text.contains(\"ping 1 \") {{ return pass(); }}
                 copies.add(1);
                 if copies.value <= 2 {{ reject(\"icmp-port-unreachable\") }} else {{ pass() }}
             }});
             expect(conn.ping(\"ping 1 .\", 10.s).kind, \"icmp\");
             expect(conn.ping(\"ping 2 .\", 30.s).kind, \"reply\");
             expect(copies.value, at_least(3));
             expect([conn.counts.late, conn.counts.stray_errors], [1, 1]);
             ()"
        ),
        0,
    );
}

#[test]
fn a_lost_fragment_explains_the_probe_it_was_a_part_of() {
    if !require_lab_or_skip("fragments that are lost") {
        return;
    }
    let run = run_text(
        "let net = lab::create();
         let a = net.host(\"a\");
         let r = net.router(\"r\");
         let b = net.host(\"b\");
         net.link(a, r);
         net.link(r, b, #{ policy: loss(0.2) });
         b.start(\"udp_server_plain.rhai\", [\"--listen\", \"*:11000\", \"--quiet\"]);
         let large = [\"--count\", 10, \"--size\", 4000, \"--timeout\", \"100ms\"];
         a.run(\"udp_ping.rhai\", [\"--server\", \"b:11000\"] + large);
         a.run(\"icmp_ping.rhai\", [\"b\", \"--interval\", \"1ms\"] + large);",
        0,
    );
    let lost = run.stdout.lines().find(|line| line.starts_with("Lost ")).unwrap_or_default();
    assert!(!lost.starts_with("Lost 0 "), "{}", run.stdout);
    assert!(run.stdout.contains("dropped by loss(0.2) on r-b"), "{}", run.stdout);
    assert!(run.stdout.contains("\n  0 unexplained"), "{}", run.stdout);
}

#[test]
fn a_flood_that_a_policy_delays_is_bounded_and_counted() {
    if !require_lab_or_skip("a flood of delayed frames") || !require_program_or_skip("python3", "a flood") {
        return;
    }
    // More than the 128 MiB that may wait. On a busy machine the relay receives a part of it, and it is sent again.
    let flood = "import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
                 for i in range(400_000): s.sendto(bytes(1400), (sys.argv[1], 9))";
    run_text(
        &format!(
            "{PAIR}set_policy(link, always(delay(1.h)));
             let sent = 0;
             let counts = link.from(a).counts;
             while counts.no_room == 0 && sent < 4_000_000 {{
                 expect(a.exec([\"python3\", \"-c\", {flood:?}, b.addr], #{{ quiet: true }}).code, 0);
                 sent += 400_000;
                 counts = link.from(a).counts;
             }}
             expect([counts.no_room > 0, counts.passed, counts.frames <= sent], [true, 0, true]);
             expect((counts.frames - counts.no_room) * 1400 < 128 * 1024 * 1024, true);
             ()"
        ),
        0,
    );
}

#[test]
fn a_connection_that_may_not_linger_is_reset_without_a_fin() {
    if !require_lab_or_skip("SO_LINGER of 0") {
        return;
    }
    for v6 in ["", "6"] {
        run_text(
            &format!(
                "{PAIR}let seen = channel();
                 let to = if \"{v6}\" == \"\" {{ `${{b.addr}}:7` }} else {{ `[${{b.addr6}}]:7` }};
                 let listener = run_in(b, || tcp::listen(to));
                 let conn = run_in(a, || tcp::connect(to));
                 let served = listener.accept();
                 set_policy(link.from(a), |pkt| {{ if pkt.flags != () {{ seen.send(pkt.flags); }} pass() }});
                 conn.linger = 0.s;
                 conn.close();
                 let first = seen.recv();
                 expect([first.contains(\"RST\"), first.contains(\"FIN\")], [true, false]);
                 expect(served.recv(10.s).kind, \"reset\");"
            ),
            0,
        );
    }
}

#[test]
fn a_tcp_ping_of_many_segments_counts_from_its_first_byte() {
    if !require_lab_or_skip("long messages over TCP in a lab") {
        return;
    }
    // 131,072 bytes take 104 ms at 10 Mbit/s; the last segment alone takes 2 ms.
    run_text(
        "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\");
         net.link(a, b, #{ rate: \"10M\", queue: 1000 });
         b.start(\"tcp_multi.rhai\", [\"--listen\", \"*:11001\", \"--framing\", \"length\", \"--quiet\"]);
         let conn = run_in(a, || tcp::connect(\"b:11001\", #{ framing: \"length\" }));
         let message = \"x\"; for doubled in 0..17 { message += message; }
         let ping = conn.ping(message, 20.s);
         expect([ping.kind, ping.readings.kernel], [\"reply\", ()]);
         expect(ping.rtt, at_least(104.ms));
         expect(ping.received_at - ping.sent_at, at_least(0.104));
         expect(conn.ping(\"ping 1\", 20.s).kind, \"reply\");",
        0,
    );
}

#[test]
fn more_jitter_than_delay_is_noted_once() {
    if !require_lab_or_skip("jitter of links") {
        return;
    }
    let note = "a link's jitter of 20ms is more than its delay of 5ms: ";
    let run = run_text(
        "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\");
         let first = net.link(a, b, #{ delay: 5.ms, jitter: 20.ms });
         net.link(a, net.host(\"c\"), #{ delay: 5.ms, jitter: 20.ms }); first.jitter = 30.ms;",
        0,
    );
    assert_eq!(run.stderr.matches("jitter of").count(), 1, "{}", run.stderr);
    assert!(run.stderr.contains(note), "{}", run.stderr);
    let run = run_text(
        "let net = lab::create(); net.link(net.host(\"a\"), net.host(\"b\"), #{ delay: 5.ms, jitter: 5.ms });",
        0,
    );
    assert!(!run.stderr.contains("jitter of"), "{}", run.stderr);
}

#[test]
fn a_queue_without_a_rate_is_noted_once() {
    if !require_lab_or_skip("queues of links") {
        return;
    }
    let noted = |options: &str| {
        let script = format!(
            "let net = lab::create(); let a = net.host(\"a\");
             for name in [\"b\", \"c\"] {{ net.link(a, net.host(name), #{{ {options} }}); }}"
        );
        run_text(&script, 0).stderr.matches("a link without a rate has no queue").count()
    };
    assert_eq!((noted("queue: 10"), noted("queue: 10, rate: \"1M\"")), (1, 0));
}
