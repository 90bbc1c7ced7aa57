//! Extended echo (RFC 8335): questions that the kernel of a lab answers, and answers that are none.

use super::labs::run_lab;
use super::*;
use std::net::{IpAddr, Ipv4Addr};

#[test]
fn the_kernel_is_asked_and_answers() {
    if !std::path::Path::new("/proc/sys/net/ipv4/icmp_echo_enable_probe").exists() {
        common::skip("extended echo", "a kernel that answers it: Linux from 5.13 on");
        return;
    }
    let script = r#"
        let net = lab::create();
        let a = net.host("a"); let b = net.host("b");
        net.link(a, b);
        b.exec(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/icmp_echo_enable_probe"]);
        for raw in [false, true] { for target in [b.addr, b.addr6] {
            let sock = run_in(a, || icmp::open(target, #{ raw: raw }));
            let ask = |interface| sock.probe(target, interface, 20.s);
            for interface in ["eth0", 2, "2", b.addr, b.addr6, icmp::resolve(b.addr)] {
                let ping = ask.call(interface);
                expect([ping.kind, `${ping.interface}`], ["reply", "active, IPv4, IPv6"], `${interface}`);
                expect([ping.interface.found, ping.interface.code, ping.interface.state], [true, 0, ()]);
                expect(ping.rtt > 0.s && ping.from.ip == target, true);
            }
            for interface in ["none", 99, "10.99.0.1", "fd00::99"] {
                let ping = ask.call(interface);
                expect([ping.kind, `${ping.interface}`, ping.interface.code], ["reply", "No Such Interface", 2], `${interface}`);
            }
            // Longer than Linux has them.
            expect(`${ask.call("a-name-of-an-interface").interface}`, "Malformed Query");
            // What is wrong with the path ends a question as it does a ping.
            for code in [1, 3] {
                set_policy(b.ingress, |pkt| if target == b.addr { reject(3, code) } else { reject(1, code) });
                expect(ask.call("eth0").kind, "icmp", `${sock}`);
            }
            set_policy(b.ingress, |pkt| pass());
            expect(sock.ping(target, 20.s).interface, ());
            expect([sock.counts.sent, sock.counts.replied, sock.counts.errored], [14, 12, 2]);
            expect(sock.counts.advisory + sock.counts.foreign + sock.counts.stray_errors, 0);
        } }
        b.exec(["ip", "link", "set", "lo", "down"]);
        let one = run_in(a, || icmp::open(b.addr).probe(b.addr, "lo", 20.s).interface);
        expect([one.found, one.active], [true, false]);
        exit(a.run("icmp_ping.rhai", [b.addr, "--count", 1, "--probe", "eth0"]).lost);
    "#;
    let Some(run) = run_lab(&["-e", script]) else { return };
    let run = run.expect_code(0);
    assert!(run.stdout.contains(" eth0: active, IPv4, IPv6\n"), "{}", run.stdout);
}

#[test]
fn questions_keep_their_beat_and_no_two_in_flight_have_one_number() {
    let script = r#"
        let net = lab::create();
        let a = net.host("a"); let b = net.host("b");
        net.link(a, b);
        set_policy(b.ingress, |pkt| drop());
        let sock = run_in(a, || icmp::open(b.addr));
        let plan = #{ count: 300, interval: 100.us, timeout: 500.ms, icmp_wait: 0.s, sends: true, probe: "eth0" };
        let sent = 0; let ended = 0; let most = 0;
        for ping in pinger(sock, b.addr, plan) {
            if ping.kind == "sent" { sent += 1; expect(ping.seq, sent); } else { ended += 1; expect(ping.kind, "timeout"); }
            most = max(most, sent - ended);
        }
        expect([sent, ended, most], [300, 300, 128]);
        expect(sock.counts.missed_slots, at_least(1000));
        exit(0);
    "#;
    let Some(run) = run_lab(&["-e", script]) else { return };
    run.expect_code(0);
}

#[test]
fn each_code_is_shown_as_the_answer() {
    let script = r#"
        let net = lab::create();
        let a = net.host("a"); let b = net.host("b");
        net.link(a, b);
        for target in [b.addr, b.addr6] {
            let sock = run_in(a, || icmp::open(target));
            let names = [];
            for code in 0..=4 {
                set_policy(b.ingress, |pkt| if target == b.addr { reject(43, code) } else { reject(161, code) });
                names.push(`${sock.probe(target, "eth0", 20.s).interface}`);
            }
            expect(names, ["not active", "Malformed Query", "No Such Interface", "No Such Table Entry",
                "Multiple Interfaces Satisfy Query"]);
            expect([sock.counts.replied, sock.notices().len], [5, 0]);
        }
        exit(0);
    "#;
    let Some(run) = run_lab(&["-e", script]) else { return };
    run.expect_code(0);
}

/// The answer of a host whose interface is active.
fn answer(asked: &Asked) -> Said {
    asked.reply_with(|reply| {
        reply.truncate(8);
        (reply[0], reply[7]) = (43, 0b110);
    })
}

/// The same with `change` made to it.
fn changed(asked: &Asked, change: impl FnOnce(&mut Vec<u8>)) -> Said {
    let mut said = answer(asked);
    change(&mut said.message);
    Said { message: common::echo::sealed(said.message), ..said }
}

/// The first question is answered by `wrong` alone, the second as it should be.
fn wrong_first(check: &str, wrong: fn(&Asked) -> Vec<Said>, groups: &[&str]) {
    if !require_root_or_skip("hostile answers to questions") {
        return;
    }
    let script = format!(
        "let sock = icmp::open(\"127.0.0.1\");
         let first = sock.probe(\"127.0.0.1\", \"eth0\", #{{ timeout: 700.ms, icmp_wait: 0.s }});
         let second = sock.probe(\"127.0.0.1\", \"eth0\", 60.s);
         let counts = sock.counts;
         expect([first.kind, second.kind, `${{second.interface}}`], [\"timeout\", \"reply\", \"active, IPv4\"]);
         {check}"
    );
    for groups in groups {
        let _host = EchoHost::start(groups, move |asked| {
            // The sequence number has eight bits.
            if asked.seq >> 8 == 1 { wrong(asked) } else { vec![answer(asked)] }
        });
        pingscript(&["-e", &script]).run().expect_code(0);
    }
}

#[test]
fn an_answer_to_no_question_is_a_notice() {
    let wrong = |asked: &Asked| vec![changed(asked, |said| said[6] = 9)];
    wrong_first("expect(sock.notices().map(|one| `${one}`), [\"Extended Echo Reply\"]);", wrong, &[NONE, ALL]);
}

#[test]
fn an_answer_to_another_is_none() {
    let wrong = |asked: &Asked| vec![changed(asked, |said| said[5] ^= 0x40)];
    wrong_first("expect([counts.advisory, counts.foreign], [0, 0]);", wrong, &[NONE, ALL]);
}

#[test]
fn an_answer_from_elsewhere_is_foreign() {
    let wrong = |asked: &Asked| vec![Said { from: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9)), ..answer(asked) }];
    wrong_first("expect(counts.foreign, 1);", wrong, &[NONE, ALL]);
}

#[test]
fn a_damaged_answer_is_corrupt_where_it_arrives() {
    let wrong = |asked: &Asked| {
        let mut said = answer(asked);
        said.message[2] ^= 1;
        vec![said]
    };
    wrong_first("expect(counts.corrupt, 1);", wrong, &[NONE]);
    // The kernel drops it before it reaches a ping socket.
    wrong_first("expect(counts.corrupt, 0);", wrong, &[ALL]);
}

#[test]
fn a_reply_to_a_ping_is_no_answer() {
    let wrong = |asked: &Asked| vec![changed(asked, |said| said[0] = 0)];
    wrong_first("expect(counts.unmatched, 1);", wrong, &[NONE, ALL]);
}

#[test]
fn an_answer_that_names_no_packet_is_given_to_who_asked_its_sender() {
    // Others would receive it, too.
    if !require_own_network_or_skip("an extended echo reply to a pinger over UDP") {
        return;
    }
    let raw = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::RAW, Some(socket2::Protocol::ICMPV4))
        .expect("a raw socket");
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let peer = common::udp::UdpPeer::start(local, move |asked| {
        let said = common::echo::sealed(vec![43, 2, 0, 0, 0x12, 0x34, 7, 0]);
        // The second comes from a host that was not asked.
        for from in [[127, 0, 0, 1], [127, 0, 0, 9]] {
            raw.bind(&std::net::SocketAddr::from((from, 0)).into()).expect("an address of loopback");
            raw.send_to(&said, &std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("cannot send");
        }
        // It is to be received with this ping.
        std::thread::sleep(std::time::Duration::from_millis(20));
        asked.reply_upper();
    });
    let args = ["udp_ping", "--server", &peer.addr().to_string(), "--count", "2", "--timeout", LONG];
    let run = pingscript(&args).run().expect_code(0);
    for seq in 1..=2 {
        let line = format!("No Such Interface for the packet {seq}\n");
        assert_eq!(run.stdout.matches(&line).count(), 1, "{}", run.stdout);
    }
}

#[test]
fn what_cannot_be_asked_is_said() {
    if !require_root_or_skip("questions that cannot be asked") {
        return;
    }
    let _host = EchoHost::start(ALL, |asked: &Asked| vec![answer(asked)]);
    for (ask, message) in [
        (r#""127.0.0.1", "", 1.s"#, "the name of an interface has 1 to 255 bytes, not 0"),
        (r#""127.0.0.1", 0, 1.s"#, "0 names no interface"),
        (r#""127.0.0.1", 1.5, 1.s"#, "1.5 names no interface"),
        (r#""::1", "lo", 1.s"#, "the socket is IPv4 and the target IPv6"),
        (r#""127.0.0.1", "lo", #{ neighbour: true }"#, "is no address, and a neighbour is asked about by that"),
        (r#""127.0.0.1", "lo", #{ size: 8 }"#, "unknown option `size`"),
    ] {
        let run = pingscript(&["-e", &format!("icmp::open(\"127.0.0.1\").probe({ask});")]).run().expect_code(3);
        assert!(run.stderr.contains(message), "{ask}: {}", run.stderr);
    }
}
