//! Labs of many hosts, and of many packets at once.

use super::simulated;

#[test]
fn a_lab_of_five_hundred_hosts_and_routers_carries_a_ping_across() {
    simulated(&["tests/simulation/large.rhai"], 0);
}

#[test]
fn packets_on_their_way_have_a_bounded_room_and_those_beyond_are_counted() {
    // 2,300 packets of 60 kB where 128 MiB may wait: on a link that delays them, or all at one time before it.
    let flood = |policy: &str, pause: &str, then: &str| {
        format!(
            "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\");
             let link = net.link(a, b, #{{ mtu: 65_535 }});
             {policy}
             let to = `${{b.addr}}:9`;
             let sock = run_in(a, || udp::open(to));
             let data = blob(60_000);
             for n in 0..2_300 {{ sock.send_to(data, to); {pause} }}
             {then}
             let text = \"ping 1\"; text.pad(60_000, \".\");
             run_in(a, || udp::open(to).ping(to, text, 1.s));
             print(link.from(a));
             exit(0);"
        )
    };
    let delayed =
        flood("set_policy(link.from(a), always(delay(1.h)));", "if n % 100 == 0 { sleep(1.us); }", "sleep(1.us);");
    let (run, _) = simulated(&["-e", &delayed], 0);
    assert!(run.stdout.contains("0 of 2301 passed, 73 lost for want of room"), "{}", run.stdout);
    assert!(run.stdout.contains("seq 1: dropped on a-b: no room\n  0 unexplained"), "{}", run.stdout);
    let (run, _) = simulated(&["-e", &flood("", "", "")], 0);
    assert!(run.stdout.contains("2228 of 2228 passed"), "{}", run.stdout);
    assert!(run.stdout.contains("seq 1: no room was left for packets on their way at a"), "{}", run.stdout);
}
