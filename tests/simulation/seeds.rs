//! `--seeds`: a run for each seed, and what is said of all.

use serde_json::Value;

use crate::common::{TempDir, pingscript};

/// Fails for some seeds, by what it draws.
const DRAWS: &str = "print(\"line of the script\");
let x = random();
expect(x, at_most(0.8), \"the draw\");
expect(10.ms * x, at_least(0.ms));
expect(`${x > 0.5}`, containing(\"e\"), \"whether it is large\");
";

#[test]
fn seeds_are_summed_up_with_what_was_expected_and_those_that_failed() {
    let dir = TempDir::new();
    let script = dir.write("draws.rhai", DRAWS);
    let script = script.to_str().expect("a path");
    let rows = dir.path().join("rows.jsonl");
    let rows = rows.to_str().expect("a path");
    let args = ["--simulate", "--seeds", "1..40", "--json", rows, script];
    let run = pingscript(&args).run().expect_code(5);
    let rows: Vec<Value> = std::fs::read_to_string(rows)
        .expect("rows")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a row of JSON"))
        .collect();
    assert_eq!(rows.iter().map(|row| row["seed"].as_u64()).collect::<Vec<_>>(), (1..=40).map(Some).collect::<Vec<_>>());
    let failed: Vec<u64> =
        rows.iter().filter(|row| row["exit_code"] == 5).filter_map(|row| row["seed"].as_u64()).collect();
    let mut draws: Vec<f64> = rows.iter().filter_map(|row| row["expectations"][0]["number"].as_f64()).collect();
    draws.sort_by(f64::total_cmp);
    assert_eq!(draws.len(), 40);
    assert_eq!(draws.iter().filter(|draw| **draw > 0.8).count(), failed.len());
    assert!(!failed.is_empty() && failed.len() < 20, "{failed:?}");
    let all: Vec<String> = failed.iter().map(u64::to_string).collect();
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(
        lines.contains(&format!("40 seeds: {} passed, {} failed", 40 - all.len(), all.len()).as_str()),
        "{lines:?}"
    );
    assert!(lines.contains(&format!("exit code 5: seeds {}", all.join(", ")).as_str()), "{lines:?}");
    let spread = lines.iter().find(|line| line.contains(":3 (the draw): ")).expect("the expectation of line 3");
    let shown = |draw: f64| {
        let text = format!("{draw:.4}");
        text.trim_end_matches('0').to_string()
    };
    let expected = format!(
        "smallest {}, median {}, largest {}; failed {} of 40",
        shown(draws[0]),
        shown(draws[19]),
        shown(draws[39]),
        all.len()
    );
    assert!(spread.ends_with(&expected), "{spread}\n{expected}");
    assert!(lines.iter().any(|line| line.contains(":4: smallest ") && line.contains("us, median ")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("(whether it is large): \"")), "{lines:?}");
    // The first that failed is shown as it is when it runs alone.
    let alone = pingscript(&["--simulate", "--seed", &all[0], script]).run().expect_code(5);
    let shown: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("    ")).collect();
    let printed: Vec<&str> = alone.stdout.lines().chain(alone.stderr.lines()).collect();
    assert_eq!(shown[..shown.len() - 1], printed[..printed.len() - 1], "all but what it took");
    assert!(lines.contains(&format!("this seed alone: pingscript --simulate --seed {} {script}", all[0]).as_str()));
}

#[test]
fn the_summary_is_the_same_each_time_and_its_code_is_that_of_the_runs() {
    let summed =
        |args: &[&str], code| pingscript(&[&["--simulate", "--seeds"], args].concat()).run().expect_code(code).stdout;
    let first = summed(&["5..9", "labs/tcp_loss"], 0);
    assert!(
        first.contains("5 seeds: 5 passed, 0 failed") && first.contains("(pings lost over UDP): smallest"),
        "{first}"
    );
    assert_eq!(summed(&["5..9", "labs/tcp_loss"], 0), first);
    let code = "let n = (random() * 3.0).to_int(); if n == 1 { exit(1) } else if n == 2 { throw \"no\" }";
    let run = summed(&["1..12", "-e", code], 1);
    assert!(run.contains("exit code 1: ") && run.contains("exit code 3: "), "{run}");
}

#[test]
fn seeds_that_cannot_be_run_are_refused_once() {
    for (args, code, why) in [
        (&["--seeds", "1..3", "udp_ping"][..], 2, "--simulate"),
        (&["--simulate", "--seeds", "9..3", "udp_ping"], 2, "3..9"),
        (&["--simulate", "--seeds", "few", "udp_ping"], 2, "such as 1..1000"),
        (&["--simulate", "--seeds", "1..3"], 2, "a script is needed"),
        (&["--simulate", "--seeds", "1..3", "-"], 2, "a script is needed"),
        (&["--simulate", "--seeds", "1..3", "no_such_script"], 2, "no such script"),
        (&["--simulate", "--seeds", "1..3", "--seed", "2", "udp_ping"], 2, "cannot be used with"),
        (&["--simulate", "--seeds", "1..3", "-i", "udp_ping"], 2, "cannot be used with"),
        (&["--simulate", "--seeds", "1..3", "--watch", "udp_ping"], 2, "cannot be used with"),
        (&["--simulate", "--seeds", "1..30", "udp_ping", "--cuont", "5"], 2, "--count"),
        (&["--simulate", "--seeds", "1..30", "-e", "let = 5"], 3, "-e:1"),
        (&["--simulate", "--seeds", "1..30", "--json", "/no/such/place", "udp_ping"], 2, "cannot be opened for rows"),
    ] {
        let run = pingscript(args).run().expect_code(code);
        assert_eq!((run.stderr.matches(why).count() > 0, run.stdout.as_str()), (true, ""), "{args:?}: {}", run.stderr);
        assert!(run.stderr.matches("error: ").count() == 1, "{args:?}: {}", run.stderr);
    }
    let help = pingscript(&["--simulate", "--seeds", "1..3", "udp_ping", "--help"]).run().expect_code(0);
    assert_eq!(help.stdout.matches("Usage:").count(), 1);
}

#[test]
fn a_signal_ends_all_and_what_ran_is_summed_up() {
    // Seed 11 is the first that draws more than 0.8, and never ends.
    let code = "if random() > 0.8 { loop { } }";
    for (signal, exit) in [(libc::SIGINT, 130), (libc::SIGTERM, 143)] {
        let running = pingscript(&["--simulate", "--seeds", "1..1000", "--json", "-", "-e", code]).start();
        running.wait_for("\"seed\":1,");
        running.signal(signal);
        let run = running.finish().expect_code(exit);
        assert!(run.stderr.contains("did not run") && !run.stderr.contains("exit code"), "{}", run.stderr);
        let rows = run.stdout.lines().count();
        assert!((1..1000).contains(&rows) && run.stderr.contains(&format!("{rows} seed")), "{rows}: {}", run.stderr);
    }
}
