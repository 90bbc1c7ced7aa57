//! `pingscript lab`: a network to try things in, from the command line.

use crate::by_each_user;
use crate::common::{pingscript, require_lab_or_skip, require_program_or_skip};

#[test]
fn a_command_runs_in_the_first_host_and_its_exit_code_is_kept() {
    if !require_lab_or_skip("pingscript lab") {
        return;
    }
    by_each_user(&["lab", "--delay", "5ms", "--", "ping", "-c", "1", "b"], |user, cmd| {
        let run = cmd.run().expect_code(0);
        assert!(run.stdout.contains("1 packets transmitted, 1 received"), "{user}\n{}", run.stdout);
        assert!(
            run.stdout.contains("link a-b: from a to b 1 of 1 passed; from b to a 1 of 1 passed\n"),
            "{user}\n{}",
            run.stdout
        );
    });
    for (args, code) in [
        (&["lab", "--", "sh", "-c", "exit 7"][..], 7),
        (&["lab", "true"], 0),
        (&["lab", "--loss", "1", "--", "ping", "-c", "1", "-W", "0.2", "b"], 1),
        (&["lab", "--los", "1"], 2),
        (&["lab", "--loss", "2"], 2),
        (&["lab", "--", "no-such-program"], 2),
    ] {
        pingscript(args).run().expect_code(code);
    }
    let run = pingscript(&["lab", "--", "sh", "-c", "kill -9 $$"]).run().expect_code(128 + 9);
    assert!(run.stdout.contains("sh: ended by signal 9\n"), "{}", run.stdout);
}

#[test]
fn a_program_without_a_terminal_is_interrupted_as_by_ctrl_c() {
    if !require_lab_or_skip("an interrupt of pingscript lab") {
        return;
    }
    let program = "trap 'echo statistics; exit 0' INT; echo begun; while :; do sleep 0.01; done";
    let lab = pingscript(&["lab", "--", "bash", "-c", program]).start();
    lab.wait_for("begun");
    lab.signal(libc::SIGINT);
    let run = lab.finish();
    assert_eq!(run.code, Some(130), "{}", run.stderr);
    assert!(run.stdout.contains("statistics\n"), "{}", run.stdout);
}

#[test]
fn what_is_wrong_with_the_command_line_of_a_script_in_the_lab_is_named_and_the_script_of_the_lab_is_not() {
    if !require_lab_or_skip("wrong options in pingscript lab") {
        return;
    }
    let record = crate::TempDir::new();
    let record = record.write("there.pcapng", "not empty");
    let record = record.to_str().expect("a path");
    for (args, code, expected) in [
        (
            &["udp_ping", "--nosuch"][..],
            2,
            "a| error: unexpected argument '--nosuch' found\na|   hint: the options are --server",
        ),
        (&["udp_ping", "--cuont", "1"], 2, "a|   hint: did you mean --count?"),
        (&["udp_ping", "--count", "x"], 2, "a| error: invalid value 'x' for '--count <N>'"),
        (&["udp_ping", "--server", "nohost:7"], 3, "a| error: resolve nohost: no host of the lab has this name"),
        (&["no-such-program"], 2, "error: COMMAND no-such-program: there is no such program\n"),
    ] {
        let run = pingscript(&[&["lab", "--"], args].concat()).run().expect_code(code);
        assert!(run.stderr.contains(expected), "{args:?}\n{}", run.stderr);
        assert!(!run.stderr.contains("lab.rhai") && !run.stderr.contains("try {"), "{args:?}\n{}", run.stderr);
    }
    let run = pingscript(&["lab", "--record", record, "--", "true"]).run().expect_code(2);
    let hint = "  hint: remove it, name another file, or let it be overwritten: --overwrite true\n";
    assert!(run.stderr.ends_with(hint), "{}", run.stderr);
    pingscript(&["lab", "--record", record, "--overwrite", "true", "--", "true"]).run().expect_code(0);
}

#[test]
fn a_script_runs_in_the_first_host() {
    if !require_lab_or_skip("scripts in pingscript lab") {
        return;
    }
    let args =
        ["lab", "--rate", "10M", "--jitter", "1ms", "--", "udp_ping.rhai", "--server", "b:11000", "--count", "2"];
    let run = pingscript(&args).run().expect_code(0);
    assert!(run.stdout.contains("a| Packets Received: 2\n"), "{}", run.stdout);
    assert!(run.stdout.contains("\nLost 0 of 2 pings"), "{}", run.stdout);
}

#[test]
fn more_hosts_are_joined_by_a_router() {
    if !require_lab_or_skip("pingscript lab --hosts") {
        return;
    }
    let run = pingscript(&["lab", "--hosts", "4", "--", "ping", "-c", "1", "d"]).run().expect_code(0);
    assert!(run.stdout.contains("ttl=63"), "one router on the way\n{}", run.stdout);
    assert_eq!(run.stdout.lines().filter(|line| line.starts_with("link ")).count(), 4, "{}", run.stdout);
}

#[test]
fn a_shell_has_the_terminal() {
    if !require_lab_or_skip("a shell in a lab") || !require_program_or_skip("tcpdump", "tcpdump in a lab") {
        return;
    }
    by_each_user(&["lab", "--delay", "1ms"], |_, cmd| {
        let mut lab = cmd.env("SHELL", "/bin/sh").env("NO_COLOR", "1").error_on_terminal().start_on_terminal();
        lab.wait_for("ping -c 3 b");
        lab.wait_for("[a] $ ");
        lab.type_text("ping -c 1 b\n");
        lab.wait_for("1 packets transmitted, 1 received");
        lab.type_text("tcpdump -ni any -c 2 --immediate-mode icmp or icmp6 &\n");
        lab.wait_for("listening on");
        lab.type_text("ping -c 1 10.0.0.2\n");
        lab.wait_for("2 packets captured");
        lab.type_text("pingscript udp_ping --server b:11000 --count 2\n");
        lab.wait_for("Packets Received: 2");
        // Keys go to what runs there, and not to pingscript.
        lab.type_text("ping -i 0.01 b\n");
        lab.wait_until("a ping that goes on", |text| {
            text.rsplit("ping -i 0.01 b").next().is_some_and(|end| end.contains("icmp_seq=3"))
        });
        lab.press_ctrl_c();
        lab.wait_until("its summary", |text| text.matches("packets transmitted").count() == 3);
        lab.type_text("exit 3\n");
        let run = lab.finish().expect_code(3);
        assert!(run.stdout.contains("link a-b: from a to b "), "{}", run.stdout);
    });
}

#[test]
fn labels_have_colours_on_a_terminal_alone() {
    if !require_lab_or_skip("labels on a terminal") {
        return;
    }
    let args = ["-e", "lab::create().host(\"a\").exec([\"echo\", \"hi\"], #{ stdin: \"\" }); ()"];
    let run = pingscript(&args).start_on_terminal().finish().expect_code(0);
    assert!(run.stdout.contains("m a|") || run.stdout.contains("ma|\u{1b}[0m hi"), "{:?}", run.stdout);
    let run = pingscript(&args).env("NO_COLOR", "1").start_on_terminal().finish().expect_code(0);
    assert!(run.stdout.contains("a| hi") && !run.stdout.contains('\u{1b}'), "{:?}", run.stdout);
    assert_eq!(pingscript(&args).run().expect_code(0).stdout, "a| hi\n");
}

#[test]
fn attempts_at_the_addresses_of_a_name_are_shown_in_the_order_in_which_they_were_made() {
    if !require_lab_or_skip("a name with two addresses") {
        return;
    }
    let run = pingscript(&["lab", "--", "tcp_ping", "--server", "b:9", "--count", "1"]).run();
    let refused: Vec<&str> = run.stdout.lines().filter(|line| line.contains("refused by")).collect();
    // Of both versions, IPv4 is tried first.
    assert_eq!(refused, ["a| Connection refused by 10.0.0.2:9", "a| Connection refused by [fd00::2]:9"]);
}
