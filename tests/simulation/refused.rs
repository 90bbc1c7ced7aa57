//! Systems that allow no lab: what needs no program of the system runs simulated, and one line says so.

use super::simulated;
use crate::common::{binary, peer, require_lab_or_skip, require_program_or_skip};

#[test]
fn labs_that_the_system_refuses_run_simulated_and_one_line_says_why() {
    if !require_program_or_skip("python3", "refused labs") {
        return;
    }
    let binary = binary().display().to_string();
    for (restriction, why) in [
        ("seccomp", "a filter of system calls forbids namespaces"),
        ("no-user-namespaces", "user namespaces are switched off"),
        ("no-proc", "which needs /proc/self/exe (/proc/self/exe: no such file or directory)"),
    ] {
        // The others live in namespaces.
        if restriction != "seccomp" && !require_lab_or_skip(restriction) {
            continue;
        }
        let run = |more: &[&str]| peer("sandbox.py", &[&[restriction, &binary], more].concat()).run();
        for lab in ["labs/router", "labs/tcp_loss"] {
            let refused = run(&["--seed", "7", lab]).expect_code(0);
            let (allowed, _) = simulated(&[lab], 0);
            assert_eq!(refused.stdout, allowed.stdout, "{restriction}");
            let said: Vec<_> = refused.stderr.lines().filter(|line| line.contains("no network can be made")).collect();
            assert_eq!(said.len(), 1, "{restriction}: {}", refused.stderr);
            assert!(said[0].contains(why) && said[0].ends_with("the whole run is simulated instead"), "{}", said[0]);
        }
        let kernel = run(&["--lab", "kernel", "labs/router"]).expect_code(4);
        assert!(kernel.stderr.contains(why), "{}", kernel.stderr);
    }
}
