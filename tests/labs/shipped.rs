//! The labs that come with pingscript.

use pingscript::engine::sources::SHIPPED;

use crate::common::{Run, TempDir, pingscript, require_lab_or_skip, require_program_or_skip};
use crate::{by_each_user, run_text};

#[test]
fn each_lab_shows_what_it_explains() {
    if !require_lab_or_skip("the labs that ship") {
        return;
    }
    let labs: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).filter(|name| name.starts_with("labs/")).collect();
    assert!(labs.len() >= 6, "{labs:?}");
    for lab in labs {
        if lab == "labs/nat.rhai" && !require_program_or_skip("nft", "the lab of NAT") {
            continue;
        }
        by_each_user(&["--seed", "1", &format!("scripts/{lab}")], |user, cmd| {
            let run = cmd.run();
            assert_eq!(run.code, Some(0), "{lab} by {user}\n{}\n{}", run.stdout, run.stderr);
            explains(&format!("{lab} by {user}"), &run);
            let mut unexplained = run.stdout.lines().filter(|line| line.contains(" unexplained"));
            let all = unexplained.all(|line| line == "  0 unexplained");
            assert!(all, "{lab} by {user}\n{}", run.stdout);
        });
    }
}

/// Checks that the run asks its question before and after, answers it with numbers, and explains it.
fn explains(what: &str, run: &Run) {
    assert!(run.stdout.starts_with("Predict: "), "{what}\n{}", run.stdout);
    let (_, lesson) = run.stdout.split_once("\n\nPredict: ").unwrap_or_else(|| panic!("{what}\n{}", run.stdout));
    let at = |label: &str| lesson.find(label).unwrap_or_else(|| panic!("{what}: no {label}\n{}", run.stdout));
    let (answer, explanation) = (at("\nAnswer: "), at("\nExplain: "));
    assert!(answer < explanation && explanation < at("\nRemember: "), "{what}\n{}", run.stdout);
    assert!(lesson[answer..explanation].contains(|c: char| c.is_ascii_digit()), "{what}\n{}", run.stdout);
    assert_eq!(run.stdout.matches("\nExplain: ").count(), 1, "{what}\n{}", run.stdout);
}

#[test]
fn options_at_their_edges_end_as_explained() {
    if !require_lab_or_skip("the options of labs") {
        return;
    }
    for args in [
        "two_machines --count 1",
        "two_machines --delay 0ms",
        "server_or_link --count 1",
        "same_port --hosts 1 --count 1",
        "icmp_limits --count 100",
        "icmp_rejects --loss 0 --count 1",
        "icmp_rejects --loss 1 --count 2",
        "many_clients --clients 2",
        "many_clients --work 0ms",
        "many_clients --work 100ms --count 10",
        "path_gaps --loss 0 --study 10",
        "path_gaps --proto tcp --study 10",
        "router --timeout 100ms",
        "tcp_loss --loss 0",
        "tcp_nagle --count 20",
        "first_ping --delay 1ms",
        "time_wait --attempts 9",
        "bufferbloat --seconds 2",
    ] {
        let args = format!("--seed 1 labs/{args}");
        let run = pingscript(&args.split(' ').collect::<Vec<_>>()).run();
        assert_eq!(run.code, Some(0), "{args}\n{}\n{}", run.stdout, run.stderr);
        explains(&args, &run);
    }
}

#[test]
fn questions_and_explanations_have_the_values_of_the_options() {
    if !require_lab_or_skip("the options of labs in their questions") {
        return;
    }
    for (args, parts) in [
        ("two_machines --count 1 --delay 2ms", &["A packet takes 2ms from", "many of 1 are lost"][..]),
        ("first_ping --delay 3ms", &["a link of 3ms each"]),
        ("icmp_limits --count 20", &["sends 20 pings"]),
        ("icmp_rejects --loss 0.5 --count 2", &["a share of 0.5 of all frames", "of 2 pings get", "(1 - 0.5)²"]),
        ("same_port --hosts 2", &["Each of 2 hosts pings"]),
    ] {
        let run = pingscript(&format!("--seed 1 labs/{args}").split(' ').collect::<Vec<_>>()).run().expect_code(0);
        let (_, lesson) = run.stdout.split_once("\n\nPredict: ").expect("the question again");
        let words = lesson.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in parts {
            assert!(words.contains(part), "{args}: no {part:?} in\n{}", run.stdout);
        }
        assert!(!run.stdout.contains('{'), "{args}\n{}", run.stdout);
    }
}

/// A lab that expects something else than it measures, after or before it answers.
fn wrong_lab(answers_first: bool) -> String {
    let (answer, expectation) = ("answer(`it was ${1 + 1}`);", "expect(1 + 1, 3);");
    let steps = if answers_first { [answer, expectation] } else { [expectation, answer] };
    format!(
        "//! A lab.\n//!\n//! Predict:  What is 1 + 1?\n//! Explain:  It is\n//!           2.\nlab::create();\n{}",
        steps.join("\n")
    )
}

#[test]
fn an_expectation_that_failed_hides_no_explanation() {
    if !require_lab_or_skip("a lab that fails") {
        return;
    }
    let dir = TempDir::new();
    for (answers_first, answered) in [(true, "Answer:   it was 2\n"), (false, "")] {
        let file = dir.write("wrong.rhai", &wrong_lab(answers_first));
        let run = pingscript(&[&file.display().to_string()]).run().expect_code(5);
        let all = format!("Predict:  What is 1 + 1?\n\nPredict:  What is 1 + 1?\n{answered}Explain:  It is 2.\n");
        assert_eq!(run.stdout, all);
        assert!(run.stderr.contains("not as expected"), "{}", run.stderr);
    }
    // What breaks off explains nothing.
    let file = dir.write("broken.rhai", &wrong_lab(true).replace("expect(1 + 1, 3)", "throw \"broken\""));
    let run = pingscript(&[&file.display().to_string()]).run().expect_code(3);
    assert_eq!(run.stdout, "Predict:  What is 1 + 1?\n");
}

#[test]
fn an_answer_without_a_question_is_printed_at_once() {
    let run = run_text("answer(\"2\"); print(\"then\")", 0);
    assert_eq!(run.stdout, "Answer:   2\nthen\n");
}

#[test]
fn what_a_hosts_kernel_counts_explains_losses() {
    if !require_lab_or_skip("the limit of ICMP errors") {
        return;
    }
    by_each_user(&["scripts/labs/icmp_limits.rhai"], |user, cmd| {
        let run = cmd.run().expect_code(0);
        let cause = "and 12 more: an ICMP error was held back by the rate limit of b (its kernel counted IcmpOutRateLimitHost 24 meanwhile)\n";
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
        // Linux gives hard errors alone to a connected socket, and none to others.
        for (connected, error) in [("-", "Host Unreachable"), ("connection refused", "Port Unreachable")] {
            let line = format!("unconnected: -  connected: {connected:<29}  IP_RECVERR: {error} for the packet 1\n");
            assert!(run.stdout.contains(&line), "{user}: no {line}\n{}", run.stdout);
        }
    });
}

#[test]
fn on_a_terminal_a_lab_waits_for_an_answer_to_its_question() {
    if !require_lab_or_skip("the question of a lab") {
        return;
    }
    let mut lab = pingscript(&["labs/router", "--timeout", "100ms"]).start_on_terminal();
    lab.wait_for("(Enter shows what happens)");
    assert!(!lab.stdout().contains("with ttl"), "{}", lab.stdout());
    lab.type_text("r, I think\r");
    lab.wait_for("You said: r, I think");
    lab.wait_for("Explain: ");
    lab.finish().expect_code(0);
    for (name, question) in [("labs/router", "(Enter shows what happens)"), ("labs/same_port", "(Enter: 1)")] {
        let lab = pingscript(&[name]).start_on_terminal();
        lab.wait_for(question);
        lab.signal(crate::common::sys::SIGINT);
        let run = lab.finish().expect_code(130);
        assert!(!run.stdout.contains("Explain: ") && !run.stdout.contains("expected"), "{}", run.stdout);
        assert!(!run.stderr.contains("not as expected"), "{}", run.stderr);
    }
}

#[test]
fn on_a_terminal_a_prediction_is_asked_for_and_kept_beside_what_was_measured() {
    if !require_lab_or_skip("the prediction of a lab") {
        return;
    }
    let mut lab = pingscript(&["labs/same_port"]).start_on_terminal();
    lab.wait_for("How many pings are lost in all? (Enter: 1)");
    lab.type_text("three\r");
    lab.wait_for("\"three\": it is not a whole number");
    lab.type_text("7\r");
    lab.wait_for("You said 7; measured: 3 of 12: 1 of each of the");
    let run = lab.finish().expect_code(0);
    assert!(!run.stdout.contains("(Enter shows what happens)"), "asked twice: {}", run.stdout);
    assert!(!run.stderr.contains("predictions are"), "{}", run.stderr);
}

#[test]
fn without_a_terminal_predictions_are_their_defaults_and_a_pause_is_none() {
    let code =
        "let n = predict(\"How many?\", 3); predict(\"How long?\", 2.ms); pause(); answer(n, 4); print(n.said + 1);";
    let run = run_text(code, 0);
    assert_eq!(run.stdout, "Answer:   How many? 4\n4\n");
    assert_eq!(run.stderr.matches("predictions are their defaults").count(), 1, "{}", run.stderr);
    let run = run_text("predict(\"How many?\", [])", 3);
    assert!(run.stderr.contains("the default is []"), "{}", run.stderr);
}

#[test]
fn a_pause_waits_for_enter_and_ends_with_an_interrupt() {
    let code = "print(\"one\"); pause(); print(\"two\");";
    let mut run = pingscript(&["-e", code]).start_on_terminal();
    run.wait_for("(Enter goes on)");
    assert!(!run.stdout().contains("two"), "{}", run.stdout());
    run.type_text("\r");
    run.wait_for("two");
    run.finish().expect_code(0);
    let run = pingscript(&["-e", code]).start_on_terminal();
    run.wait_for("(Enter goes on)");
    run.signal(crate::common::sys::SIGINT);
    assert!(run.finish().expect_code(130).stdout.contains("two"), "the tail of the script runs");
}
