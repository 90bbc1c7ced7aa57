//! Runs that would never end: they end with an error that says what to write.

use std::time::Duration;

use super::simulated;
use crate::common::pingscript;

#[test]
fn a_loop_until_a_time_that_cannot_come_is_an_error_that_says_so() {
    for wait in
        ["let end = unix_time() + 1.0; while unix_time() < end { }", "let end = deadline(1.s); while !end.passed { }"]
    {
        let (_, errors) = simulated(&["-e", wait], 3);
        assert!(
            errors.contains("it stands still until the script waits") && errors.contains("hint: write a wait"),
            "{errors}"
        );
    }
    let (run, _) = simulated(&["-e", "let end = deadline(1.s); while !end.passed { sleep(1.ms); } print(end.left)"], 0);
    assert_eq!(run.stdout, "0.000ms\n");
}

#[test]
fn a_lab_without_links_and_policies_that_delay_for_ever_end() {
    let pair = "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\");";
    let ping = "run_in(a, || { let s = udp::open(\"b:7\"); print(s.ping(\"b:7\", \"ping 1\", 1.s)); s })";
    let (run, _) = simulated(&["-e", &format!("{pair} {ping}; ()")], 1);
    assert!(run.stdout.contains("network is unreachable"), "{}", run.stdout);
    let code = format!("{pair} net.link(a, b, #{{ policy: |pkt| delay(1000.h) }});\nlet s = {ping};\nprint(s.recv());");
    let (run, _) = simulated(&["-e", &code], 1);
    assert!(run.stdout.contains("no reply from") && run.stdout.contains("-e:1 on a-b"), "{}", run.stdout);
}

#[test]
fn a_policy_that_decides_for_ever_ends_with_an_error_that_says_where() {
    let code = "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\"); let link = net.link(a, b);
        set_policy(link, |pkt| { while true { } pass() });
        run_in(a, || { let s = udp::open(\"b:7\"); for n in 1..=2 { print(s.ping(\"b:7\", `ping ${n}`, 1.s)); } });
        exit(0);";
    let run = pingscript(&["--simulate", "-e", code]).patience(Duration::from_secs(100)).run();
    let both = format!("{}{}", run.stdout, run.stderr);
    for part in ["taken 8 million operations for one packet", "--> -e:2", "Port Unreachable for"] {
        assert!(both.contains(part), "{part}: {both}");
    }
}

#[test]
fn waits_of_no_time_do_not_go_on_for_ever() {
    let code =
        "let done = counter(); start_thread(|| { sleep(1.ms); done.add(1); }); while done.value == 0 { sleep(0.s); }";
    let run = pingscript(&["--simulate", "-e", code]).patience(Duration::from_secs(100)).run().expect_code(3);
    assert!(run.stderr.contains("hint: write a wait into the loop"), "{}", run.stderr);
}
