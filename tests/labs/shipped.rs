//! The labs that come with pingscript.

use pingscript::engine::sources::SHIPPED;

use crate::by_each_user;
use crate::common::{pingscript, require_lab_or_skip};

#[test]
fn each_lab_shows_what_it_explains() {
    if !require_lab_or_skip("the labs that ship") {
        return;
    }
    let labs: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).filter(|name| name.starts_with("labs/")).collect();
    assert!(labs.len() >= 6, "{labs:?}");
    for lab in labs {
        by_each_user(&["--seed", "1", &format!("scripts/{lab}")], |user, cmd| {
            let run = cmd.run();
            assert_eq!(run.code, Some(0), "{lab} by {user}\n{}\n{}", run.stdout, run.stderr);
            assert!(run.stdout.starts_with("Predict: "), "{lab} by {user}\n{}", run.stdout);
            let explained = run.stdout.split("\nExplain: ").count() == 2;
            assert!(explained, "{lab} by {user}\n{}", run.stdout);
            let mut unexplained = run.stdout.lines().filter(|line| line.contains(" unexplained"));
            let all = unexplained.all(|line| line == "  0 unexplained");
            assert!(all, "{lab} by {user}\n{}", run.stdout);
        });
    }
}

#[test]
fn what_a_hosts_kernel_counts_explains_losses() {
    if !require_lab_or_skip("the limit of ICMP errors") {
        return;
    }
    by_each_user(&["scripts/labs/icmp_limits.rhai"], |user, cmd| {
        let run = cmd.run().expect_code(0);
        let cause = "and 12 more: an ICMP error was held back by the rate limit of b (its kernel counted IcmpOutRateLimitHost 24)\n";
        assert!(run.stdout.contains(cause), "{user}\n{}", run.stdout);
    });
}

#[test]
fn the_errors_are_printed_as_the_pinger_prints_them() {
    if !require_lab_or_skip("the lab of ICMP errors") {
        return;
    }
    by_each_user(&["scripts/labs/icmp_errors.rhai"], |user, cmd| {
        let run = cmd.run().expect_code(0);
        for error in [
            "Net Unreachable",
            "Host Unreachable",
            "Protocol Unreachable",
            "Port Unreachable",
            "Communication with Destination Network is Administratively Prohibited",
            "Communication with Destination Host is Administratively Prohibited",
            "Communication Administratively Prohibited",
        ] {
            let line = format!("{error} for the packet 1\n");
            assert!(run.stdout.contains(&line), "{user}: no {line}\n{}", run.stdout);
        }
    });
}

#[test]
fn on_a_terminal_a_lab_waits_for_an_answer_to_its_question() {
    if !require_lab_or_skip("the question of a lab") {
        return;
    }
    let mut lab = pingscript(&["labs/same_port"]).start_on_terminal();
    lab.wait_for("(Enter shows what happens)");
    assert!(!lab.stdout().contains("Summary"), "{}", lab.stdout());
    lab.type_text("three\r");
    lab.wait_for("Explain: ");
    lab.finish().expect_code(0);
    let lab = pingscript(&["labs/same_port"]).start_on_terminal();
    lab.wait_for("(Enter shows what happens)");
    lab.signal(crate::common::sys::SIGINT);
    let run = lab.finish().expect_code(130);
    assert!(!run.stdout.contains("Explain: ") && !run.stdout.contains("expected"), "{}", run.stdout);
    assert!(!run.stderr.contains("not as expected"), "{}", run.stderr);
}
