//! Wrong uses of labs: each is an error that says what to do, and a system without labs is one too.

use crate::common::{Cmd, binary, pingscript, require_lab_or_skip, require_program_or_skip};
use crate::{PAIR, run_text};

#[test]
fn each_mistake_is_reported_with_what_to_do() {
    if !require_lab_or_skip("mistakes in labs") {
        return;
    }
    for (code, part) in [
        ("net.host(\"a\")", "the lab has a host of this name"),
        ("net.host(\"a b\")", "a name has letters, digits, - and _"),
        ("net.link(a, a)", "a link from a host to itself goes nowhere"),
        ("net.link(a, lab::create().host(\"c\"))", "the host c is of another lab"),
        ("net.host(\"c\", #{ addr: \"10.0.0.1\" })", "a has this address"),
        ("net.host(\"c\", #{ addr: \"300.0.0.1\" })", "is not an IP address"),
        ("net.host(\"c\", #{ address: \"10.0.0.3\" })", "The options are addr, addrs"),
        ("net.link(a, b, #{ latency: 5.ms })", "unknown option `latency`"),
        ("net.link(a, b, #{ loss: 0.1 })", "write: #{ policy: loss(0.1) }"),
        ("net.host(\"c\", \"10.0.0.3\")", "write: net.host(\"c\", #{ addr: \"10.0.0.3\" })"),
        ("net.link(a, b, #{ rate: \"fast\" })", "option `rate` takes bits a second"),
        ("net.link(a, b, #{ policy: 5 })", "5 is no policy"),
        ("set_policy(link, 5)", "5 is no policy"),
        ("link.from(net.host(\"c\"))", "it joins a and b"),
        ("link.delay = -1.ms", "a delay cannot be negative"),
        ("link.capture(\"/no/such/directory/x.pcap\")", "no such file or directory"),
        ("a.route(\"192.0.2.0/24\", \"nowhere\")", "\"unreachable\", \"prohibit\" or \"blackhole\""),
        ("a.route(\"192.0.2.0/24\", \"192.0.2.1\")", "a is linked to b"),
        ("a.remove_route(\"192.0.2.0/24\")", "its routes are"),
        ("lab::create(#{ apr: true })", "did you mean `arp`?"),
        ("set_policy(b, loss(0.1))", "write: set_policy(b.ingress, …)"),
        ("set_policy(b.door, always(drop()))", "did you mean `ingress`?"),
        ("a.ip", "did you mean `addr`?"),
    ] {
        let run = run_text(&format!("{PAIR}{code}"), 3);
        assert!(run.stderr.contains(part), "{code}: no {part:?} in\n{}", run.stderr);
    }
}

#[test]
fn a_policy_that_throws_in_mid_flow_is_reported_with_its_line_and_the_packet_passes() {
    if !require_lab_or_skip("policies that throw") {
        return;
    }
    let run = run_text(
        &format!(
            "{PAIR}b.start(\"udp_server_plain.rhai\", [\"--listen\", \"*:11000\", \"--quiet\"]);
set_policy(link, |pkt| if pkt.number == 2 {{ throw \"broken\" }} else {{ pass() }});
let rtts = a.run(\"udp_ping.rhai\", [\"--server\", \"b:11000\", \"--count\", 3]);
expect([rtts.received, link.counts.failed], [3, 2]);
()"
        ),
        3,
    );
    assert_eq!(run.stderr.matches("broken").count(), 2, "the error, and the line\n{}", run.stderr);
    assert!(run.stderr.contains("-e:3:"), "{}", run.stderr);
}

#[test]
fn where_no_lab_can_be_made_one_error_says_why_and_the_rest_works() {
    if !require_lab_or_skip("refused labs") || !require_program_or_skip("unshare", "refused labs") {
        return;
    }
    // A limit of a user namespace of the test's own, in which the script has no capabilities.
    let limited = |args: &[&str]| {
        let inside =
            "echo 0 >/proc/sys/user/max_user_namespaces; exec setpriv --bounding-set=-all --inh-caps=-all \"$@\"";
        let binary = binary().display().to_string();
        let words = ["-Ur", "sh", "-c", inside, "sh", &binary].into_iter().chain(args.iter().copied());
        Cmd::new(std::path::Path::new("unshare"), &words.collect::<Vec<_>>()).run()
    };
    for args in [&["scripts/labs/two_machines.rhai"][..], &["lab", "true"], &["-e", "lab::create()"]] {
        let run = limited(&[&["--lab", "kernel"], args].concat()).expect_code(4);
        assert_eq!(run.stderr.matches("error: ").count(), 1, "{}", run.stderr);
        assert!(run.stderr.contains("max_user_namespaces") && run.stderr.contains("hint: "), "{}", run.stderr);
        assert!(!run.stderr.contains("simulate"), "{}", run.stderr);
    }
    // Without the flag the whole run is simulated, and prints what --simulate prints.
    let name = "scripts/labs/router.rhai";
    let run = limited(&["--seed", "7", name]).expect_code(0);
    let (first, rest) = run.stderr.split_once('\n').expect("lines");
    assert!(
        first.contains("max_user_namespaces = 0") && first.ends_with("the whole run is simulated instead"),
        "{first}"
    );
    let simulated = pingscript(&["--simulate", "--seed", "7", name]).run().expect_code(0);
    assert_eq!(run.stdout, simulated.stdout);
    assert!(rest.lines().last().is_some_and(|line| line.starts_with("simulated: ")), "{rest}");
    // What has begun on real time stays there.
    let late = limited(&["-e", "sleep(1.ms); lab::create()"]).expect_code(4);
    assert!(late.stderr.contains("hint: ") && late.stderr.contains("pingscript --simulate"), "{}", late.stderr);
    let program = limited(&["lab", "true"]).expect_code(3);
    assert!(program.stderr.contains("programs run in labs of the kernel alone"), "{}", program.stderr);
    let run = limited(&["--seed", "1", "scripts/udp_ping.rhai", "--count", "1"]).expect_code(0);
    assert!(run.stdout.contains("Packets Received: 1"), "{}", run.stdout);
    pingscript(&["-e", "lab::create(); ()"]).run().expect_code(0);
}

#[test]
fn tcp_ping_tries_each_address_of_a_name() {
    if !require_lab_or_skip("a host with two addresses") {
        return;
    }
    // The name b has an IPv4 and an IPv6 address, and the server has one of them.
    for (index, other) in [(0, 1), (1, 0)] {
        let run = run_text(
            &format!(
                "{PAIR}let server = b.start(\"tcp_multi.rhai\", [\"--listen\", if {index} == 0 {{ \"10.0.0.2:11001\" }} \
                 else {{ \"[fd00::2]:11001\" }}, \"--quiet\"]); \
                 expect(a.run(\"tcp_ping.rhai\", [\"--server\", \"b:11001\", \"--count\", 2]).received, 2); ()"
            ),
            0,
        );
        let addrs = ["10.0.0.2:11001", "[fd00::2]:11001"];
        assert!(run.stdout.contains(&format!("Connected to {}\n", addrs[index])), "{}", run.stdout);
        let refused = format!("Connection refused by {}\n", addrs[other]);
        assert_eq!(run.stdout.contains(&refused), index == 1, "the IPv4 address comes first\n{}", run.stdout);
    }
}
