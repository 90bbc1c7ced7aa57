//! The example `run_script`, a program with the library in it, prints what `pingscript --simulate` prints. Set PINGSCRIPT_RUN_SCRIPT to one
//! that was built otherwise, such as without the feature `kernel`; else it is built with the features of this test.

use std::path::PathBuf;
use std::process::Command;

use super::common::{binary, repo_root};
use super::simulated;

/// Scripts and labs with what follows them, and their exit codes: pings over each protocol, threads, labs, a script that is not there,
/// and one that needs what no simulated host has.
const RUNS: &[(&[&str], i32)] = &[
    (&["udp_ping"], 0),
    (&["udp_ping", "--count", "20"], 0),
    (&["tcp_ping"], 0),
    (&["labs/many_clients"], 0),
    (&["labs/router"], 0),
    (&["labs/icmp_rejects"], 0),
    (&["labs/bufferbloat"], 0),
    (&["labs/tcp_loss"], 0),
    (&["labs/two_machines"], 0),
    (&["labs/nat"], 3),
];

fn example() -> PathBuf {
    if let Some(built) = std::env::var_os("PINGSCRIPT_RUN_SCRIPT") {
        return built.into();
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--quiet", "--example", "run_script"]).current_dir(repo_root());
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    assert!(cargo.status().expect("cargo runs").success());
    binary().with_file_name("examples").join("run_script")
}

#[test]
fn a_program_with_the_library_in_it_prints_the_same_to_the_byte() {
    let example = example();
    for (args, code) in RUNS {
        let (run, errors) = simulated(args, *code);
        let same = Command::new(&example).arg("7").args(*args).current_dir(repo_root()).output().expect("it runs");
        let stderr = String::from_utf8_lossy(&same.stderr);
        let last = stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("simulated: "), "{args:?}: {stderr}");
        let rest = stderr.trim_end().strip_suffix(last).unwrap_or_default();
        assert_eq!((String::from_utf8_lossy(&same.stdout).as_ref(), rest), (&*run.stdout, &*errors), "{args:?}");
        assert_eq!(same.status.code(), Some(*code), "{args:?}");
    }
}
