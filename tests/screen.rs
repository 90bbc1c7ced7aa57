//! What is shown to people fits their screen: help at 80 columns, and everything that is prose on a narrow terminal.

mod common;

use std::path::Path;

use common::{Cmd, binary, pingscript};
use pingscript::engine::sources::SHIPPED;

const COMMANDS: [&str; 9] = ["scripts", "new", "compare", "doc", "tour", "doctor", "completions", "man", "help"];

/// Checks that no line of `text` is longer than `width` columns.
fn fits(what: &str, text: &str, width: usize) {
    let long: Vec<&str> = text.lines().filter(|line| line.trim_end().chars().count() > width).collect();
    assert!(long.is_empty() && !text.trim().is_empty(), "{what}: {long:#?}");
}

#[test]
fn the_help_of_the_command_and_of_each_command_fits_80_columns() {
    let run = pingscript(&["--help"]).run().expect_code(0);
    fits("--help", &run.stdout, 80);
    for command in COMMANDS {
        assert!(run.stdout.contains(&format!("\n  {command} ")), "{command} is not in\n{}", run.stdout);
        for flag in ["--help", "-h"] {
            fits(command, &pingscript(&[command, flag]).run().expect_code(0).stdout, 80);
        }
    }
}

#[test]
fn the_help_of_each_script_fits_80_columns() {
    for (name, _) in SHIPPED {
        let run = pingscript(&[format!("scripts/{name}").as_str(), "--help"]).run().expect_code(0);
        fits(name, &run.stdout, 80);
    }
    for topic in [&["doc"][..], &["doc", "UdpSocket"], &["doc", "language"], &["doc", "lab"], &["doc", "policies"]] {
        fits(topic.last().unwrap_or(&"doc"), &pingscript(topic).run().expect_code(0).stdout, 80);
    }
}

#[test]
fn prose_fits_a_narrow_terminal() {
    for words in [
        "--help",
        "scripts",
        "udp_ping --help",
        "labs/tcp_rejects --help",
        "--sed 5",
        "scripts/nowhere/nothing.rhai",
        "-e ':help'",
        "-e 'foo'",
        "-e 'let list = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]; list.nothing(1, 2, 3); list.len() + list.len()'",
    ] {
        let line = format!("stty cols 60; exec '{}' {words}", binary().display());
        let run = Cmd::new(Path::new("bash"), &["-c", &line]).env("NO_COLOR", "1").error_on_terminal();
        fits(words, &run.start_on_terminal().finish().stdout, 60);
    }
}

#[test]
fn help_explains_commands_scripts_and_functions() {
    for (name, expected) in [
        ("doctor", "Say what works on this machine"),
        ("new", "pingscript new"),
        ("lab", "A network to try things in"),
        ("udp_ping", "Ping a UDP echo server"),
        ("labs/router", "Explain: "),
        ("udp::bind", "udp::bind(local: string) -> UdpSocket"),
        ("policies/loss", "Drops each packet with probability p"),
    ] {
        let run = pingscript(&["help", name]).run();
        assert!(run.stdout.contains(expected), "{name}: no {expected:?} in\n{}{}", run.stdout, run.stderr);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{name}");
    }
    assert_eq!(pingscript(&["help"]).run().expect_code(0).stdout, pingscript(&["--help"]).run().expect_code(0).stdout);
    let run = pingscript(&["help", "nonsense_zzz"]).run().expect_code(2);
    assert!(run.stderr.contains("`pingscript scripts`"), "{}", run.stderr);
    let run = pingscript(&["help", "udp::bnd"]).run().expect_code(2);
    assert!(run.stderr.contains("did you mean \"udp::bind\"?"), "{}", run.stderr);
}
