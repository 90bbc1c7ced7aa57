//! The static binary in a root directory that holds nothing but it, as an ordinary user:
//! `cargo test --target x86_64-unknown-linux-musl --test static`, as root.

#![cfg(target_env = "musl")]

mod common;

use std::ffi::CStr;
use std::fs;
use std::process::Command;

use common::sys::BareRoot;
use common::{Cmd, Run, TempDir, binary};

/// A root directory with the binary alone, and where /proc and /dev/null can be mounted.
fn root() -> Option<TempDir> {
    if !common::require_root_or_skip("the static binary in a bare root directory") {
        return None;
    }
    let dir = TempDir::new();
    // Copied by a program of its own, so that no other test holds it open for writing.
    let copied = Command::new("cp").arg(binary()).arg(dir.path().join("pingscript")).status();
    assert!(copied.is_ok_and(|status| status.success()), "cannot copy the binary");
    for name in ["proc", "dev"] {
        fs::create_dir(dir.path().join(name)).expect("a directory");
    }
    dir.write("dev/null", "");
    Some(dir)
}

/// The command line in a root directory of its own, in a chroot with nothing else. `None`: this cannot be tested here.
fn bare(args: &[&str], input: &str) -> Option<Run> {
    let dir = root()?;
    fs::remove_dir_all(dir.path().join("dev")).expect("removed");
    fs::remove_dir(dir.path().join("proc")).expect("removed");
    Some(Cmd::new("/pingscript".as_ref(), args).stdin(input).in_root(dir.path(), BareRoot::Chroot).run())
}

/// The same with `paths` of this system mounted, as in a container.
fn mounted(args: &[&str], paths: &'static [&'static CStr]) -> Option<Run> {
    let dir = root()?;
    if paths.iter().all(|path| *path != c"/dev/null") {
        fs::remove_dir_all(dir.path().join("dev")).expect("removed");
    }
    Some(Cmd::new("/pingscript".as_ref(), args).in_root(dir.path(), BareRoot::Mounted(paths)).run())
}

#[test]
fn the_first_ping_is_timed_by_the_kernel() {
    let Some(run) = bare(&["--seed", "7", "udp_ping", "--count", "5", "--timeout", "200ms"], "") else { return };
    let run = run.expect_code(0);
    assert!(run.stdout.contains("Packets Sent: 5\nPackets Received: 4\n"), "{}", run.stdout);
    assert!(run.stdout.contains("dropped by scripts/udp_server.rhai:14"), "{}", run.stdout);
    assert!(run.stderr.contains("rtt clock: kernel receive - kernel send"), "{}", run.stderr);
}

#[test]
fn localhost_needs_no_file_and_no_name_server() {
    let Some(run) = bare(&["udp_ping", "--server", "localhost:9", "--count", "1"], "") else { return };
    assert!(run.expect_code(1).stdout.contains("Port Unreachable for the packet 1"));
    let Some(run) = bare(&["-e", "resolve(\"localhost:7\")"], "") else { return };
    assert_eq!(run.expect_code(0).stdout, "127.0.0.1:7\n");
}

#[test]
fn a_lab_runs_simulated_and_one_line_names_what_is_missing() {
    for lab in ["labs/tcp_loss", "labs/router"] {
        let Some(run) = bare(&["--seed", "3", lab], "") else { return };
        let run = run.expect_code(0);
        let said: Vec<&str> = run.stderr.lines().filter(|line| line.contains("no network can be made")).collect();
        assert_eq!(said.len(), 1, "{}", run.stderr);
        assert!(said[0].contains("(/proc/self/exe, /dev/null: no such file or directory)"), "{}", said[0]);
        assert!(said[0].ends_with("the whole run is simulated instead"), "{}", said[0]);
        let asked = common::pingscript(&["--simulate", "--seed", "3", lab]).run().expect_code(0);
        assert_eq!(run.stdout, asked.stdout);
    }
}

#[test]
fn seeds_that_cannot_be_started_name_proc() {
    let Some(run) = bare(&["--simulate", "--seeds", "1..3", "udp_ping"], "") else { return };
    assert!(run.code != Some(0) && format!("{}{}", run.stdout, run.stderr).contains("/proc/self/exe"), "{run:?}");
}

#[test]
fn the_prompt_the_tour_and_the_help_need_no_file() {
    let Some(run) =
        bare(&[], "let x = 20;\nx + 1\nudp::open(\"127.0.0.1:9\").ping(\"127.0.0.1:9\", \"x\", 1.s).icmp\n")
    else {
        return;
    };
    let run = run.expect_code(0);
    assert!(run.stdout.contains("21\n") && run.stdout.contains("port-unreachable"), "{run:?}");
    for (args, part) in [
        (&["tour"][..], "Step 2 of"),
        (&["scripts"], "udp_ping"),
        (&["doc", "udp::bind"], "udp::bind"),
        (&["man"], ".TH pingscript 1"),
        (&["completions", "bash"], "_pingscript"),
        (&["doctor"], "/proc/self/exe, /dev/null"),
    ] {
        let Some(run) = bare(args, ":skip\n") else { return };
        assert!(run.stdout.contains(part), "{args:?}: {run:?}");
    }
}

#[test]
fn a_lab_of_the_kernel_needs_proc_and_dev_null_alone() {
    let lab = ["--lab", "kernel", "labs/two_machines"];
    let Some(run) = mounted(&lab, &[c"/proc", c"/dev/null"]) else { return };
    run.expect_code(0);
    let Some(run) = mounted(&lab, &[c"/proc"]) else { return };
    let run = run.expect_code(4);
    assert!(run.stderr.contains("(/dev/null: no such file or directory)"), "{}", run.stderr);
    assert!(!run.stderr.contains("/proc/self/exe"), "{}", run.stderr);
}
