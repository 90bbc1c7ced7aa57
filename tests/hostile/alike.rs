//! Replies that say the same, and to which pings they are.

use super::answers::run_simulated;

#[test]
fn pings_that_say_the_same_do_not_take_each_others_replies() {
    let lab = |delay: &str, plan: &str, protocol: &str| {
        let socket = if protocol == "udp" {
            "udp::open(\"b:7\"), \"b:7\""
        } else {
            "tcp::connect(\"b:7\", #{ framing: \"line\" })"
        };
        run_simulated(&format!(
            "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\"); net.link(a, b, #{{ delay: {delay} }});
             b.start(\"{}\", [\"--listen\", \"*:7\", \"--quiet\"]);
             run_in(a, || for ping in pinger({socket}, #{{ message: \"hello\", {plan} }}) {{ print(`${{ping.kind}} ${{ping.rtt}}`); }});
             exit(0)",
            if protocol == "udp" { "udp_server_plain.rhai" } else { "tcp_multi.rhai" },
        ))
    };
    for protocol in ["udp", "tcp"] {
        let slow = lab("30.ms", "count: 5, interval: 10.ms, timeout: 1.s", protocol);
        assert_eq!(slow.matches("reply 60.").count(), 5, "{slow}");
    }
}

#[test]
fn a_reply_to_a_ping_of_an_earlier_run_is_late_and_not_corrupt() {
    let run = run_simulated(
        "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\"); net.link(a, b, #{ delay: 80.ms });
         b.start(\"udp_server_plain.rhai\", [\"--listen\", \"*:7\", \"--quiet\"]);
         run_in(a, || {
             let sock = udp::open(\"b:7\");
             let plan = #{ count: 2, interval: 10.ms, timeout: 100.ms, icmp_wait: 0.s, strays: true };
             for turn in 0..2 { for ping in pinger(sock, \"b:7\", plan) { print(`${turn} ${ping.kind}`); } }
             print(sock.counts.corrupt);
         });
         exit(0)",
    );
    assert!(!run.contains("corrupt") && run.contains("\na| 0\n"), "{run}");
    assert_eq!(run.matches("1 late").count(), 2, "{run}");
}

#[test]
fn of_the_fragments_of_a_message_the_one_that_was_lost_counts() {
    for (first, second, cause) in [
        ("delay(5.ms)", "drop()", "dropped by -e:2"),
        ("duplicate(2)", "drop()", "dropped by -e:2"),
        ("corrupt()", "drop()", "dropped by -e:2"),
        ("drop()", "delay(5.ms)", "dropped by -e:2"),
        ("delay(5.ms)", "delay(400.ms)", "delayed 400ms by -e:2"),
    ] {
        let run = run_simulated(&format!(
            "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\"); let link = net.link(a, b); let k = counter();
             set_policy(link.from(a), |pkt| {{ k.add(1); if k.value == 1 {{ {first} }} else {{ {second} }} }});
             b.start(\"udp_server_plain.rhai\", [\"--listen\", \"*:7\", \"--quiet\"]);
             run_in(a, || udp::open(\"b:7\").ping(\"b:7\", \"ping 1\", #{{ size: 2000, timeout: 200.ms }}));
             exit(0)"
        ));
        assert!(
            run.contains(&format!("\n  seq 1: {cause} on a-b from a\n  0 unexplained\n")),
            "{first} {second}: {run}"
        );
    }
}
