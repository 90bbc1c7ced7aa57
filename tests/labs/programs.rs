//! Programs of the system in hosts: what they are given, what they print and how they end.

use crate::common::require_lab_or_skip;
use crate::{by_each_user, run_text};

#[test]
fn what_programs_print_is_labelled_line_by_line_and_kept() {
    if !require_lab_or_skip("programs in hosts") {
        return;
    }
    let script = "let net = lab::create(); let a = net.host(\"a\"); let far = net.host(\"far\");
        let out = far.exec([\"sh\", \"-c\", \"echo one; echo two >&2; printf three; exit 4\"]);
        expect([out.code, out.signal, out.stdout, out.stderr], [4, (), \"one\\nthree\", \"two\\n\"]);
        let out = a.exec([\"sh\", \"-c\", \"echo hidden; kill -15 $$\"], #{ quiet: true });
        expect([out.code, out.signal, out.stdout], [(), 15, \"hidden\\n\"]);
        let out = a.exec([\"cat\"], #{ stdin: \"line\\n\" });
        let out = a.exec([\"sh\", \"-c\", \"echo $X-$Y; pwd\"], #{ env: #{ X: 5, Y: 2.ms }, dir: \"/\", quiet: true });
        expect(out.stdout, \"5-2ms\\n/\\n\");
        expect(a.exec([\"sleep\", 600], #{ timeout: 30.ms }).timed_out, true);
        expect(a.exec([\"head\", \"-c\", 1_048_580, \"/dev/zero\"], #{ quiet: true }).excess, 4);";
    by_each_user(&["-e", script], |user, cmd| {
        let run = cmd.run().expect_code(0);
        assert_eq!(run.stdout, "far| one\nfar| three\na  | line\n", "{user}");
        assert_eq!(run.stderr, "far| two\n", "{user}");
    });
}

#[test]
fn what_was_printed_last_is_not_lost_at_the_end() {
    if !require_lab_or_skip("the last output of programs") {
        return;
    }
    // As much as a pipe holds, written at once by a program that ends then; and one that leaves something running.
    let script = "let net = lab::create(); let hosts = [];
        for i in 0..4 { hosts.push(net.host(`h${i}`)); }
        for turn in 0..20 {
            let all = hosts.map(|host| host.start_program([\"head\", \"-c\", 65_536, \"/dev/zero\"], #{ quiet: true }));
            for one in all { expect(one.wait().stdout.len, 65_536); }
        }
        let left = hosts[0].exec([\"sh\", \"-c\", \"yes & echo begun\"], #{ quiet: true });
        expect(left.code, 0);";
    run_text(script, 0);
}

#[test]
fn lines_of_many_programs_stay_whole() {
    if !require_lab_or_skip("lines of many programs") {
        return;
    }
    // Each line is written in two pieces.
    let run = run_text(
        "let net = lab::create();
         let loud = \"for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do printf aaaaaaaa; printf 'bbbbbbbb\\\\n'; done\";
         let all = [];
         for i in 1..=8 { all.push(net.host(`h${i}`).start_program([\"sh\", \"-c\", loud])); }
         for one in all { expect(one.wait().code, 0); }
         ()",
        0,
    );
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 160, "{}", run.stdout);
    for host in 1..=8 {
        let line = format!("h{host}| aaaaaaaabbbbbbbb");
        assert_eq!(lines.iter().filter(|other| **other == line).count(), 20, "{}", run.stdout);
    }
}

#[test]
fn programs_beside_the_script_are_waited_for_and_stopped() {
    if !require_lab_or_skip("programs beside a script") {
        return;
    }
    let run = run_text(
        "let a = lab::create().host(\"a\");
         let p = a.start_program([\"sh\", \"-c\", \"echo ready; trap 'echo bye; exit 3' INT; while :; do sleep 0.01; done\"]);
         expect(p.wait_for(\"ready\", 20.s), true);
         expect(p.wait_for(\"never\", 10.ms), false);
         expect(p.is_running, true);
         let out = p.interrupt();
         expect([out.code, out.stdout], [3, \"ready\\nbye\\n\"]);
         // It does not listen, and has started another: both are gone after the grace.
         let deaf = a.start_program([\"sh\", \"-c\", \"trap '' TERM; echo deaf; sleep 600 & wait; wait\"], #{ quiet: true });
         expect(deaf.wait_for(\"deaf\", 20.s), true);
         expect(deaf.stop().signal, 9);
         ()",
        0,
    );
    assert_eq!(run.stdout, "a| ready\na| bye\n");
}

#[test]
fn what_is_no_program_is_an_error_that_says_so() {
    if !require_lab_or_skip("programs that are none") {
        return;
    }
    for (argv, part) in [
        ("[\"no-such-program\"]", "there is no such program"),
        ("[\"/\"]", "it is not a program"),
        ("[]", "there is no program to run"),
        ("[\"true\"], #{ timeot: 1.s }", "did you mean `timeout`?"),
        ("[\"true\"], #{ env: 5 }", "option `env` takes a map of texts"),
        ("[\"true\"], #{ dir: \"/no/such\" }", "no such working directory"),
    ] {
        let run = run_text(&format!("lab::create().host(\"a\").exec({argv})"), 3);
        assert!(run.stderr.contains(part), "{argv}: {}", run.stderr);
    }
}
