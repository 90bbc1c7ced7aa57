//! `pingscript compare`: what it finds in rows, and what it does with files that have none.

mod common;

use std::fmt::Write;

use common::{Run, TempDir, pingscript};
use serde_json::Value;

const KERNEL: &str = "kernel receive - kernel send";

/// The first row of a run.
const RUN: &str =
    r#"{"type":"run","schema":1,"pingscript":"0.1.0","time_ns":0,"script":"x","args":[],"seed":1,"clocks":[]}"#;
/// As much as is read of the last.
const SUMMARY: &str = r#"{"type":"summary","time_ns":9}"#;

/// Rows of a run whose ping `n` of `count` ended after so many microseconds, or was lost.
fn rows(count: u64, clock: &str, ends: impl Fn(u64) -> Option<u64>) -> String {
    let mut text = format!("{RUN}\n");
    for n in 0..count {
        let (state, rtt, clock) = match ends(n) {
            Some(us) => ("replied", (us * 1000).to_string(), format!("{clock:?}")),
            None => ("timed_out", "null".to_string(), "null".to_string()),
        };
        writeln!(
            text,
            r#"{{"type":"probe","time_ns":{},"seq":{n},"from":"127.0.0.1:1","to":"127.0.0.1:7","bytes":8,"state":"{state}","rtt_ns":{rtt},"clock":{clock},"icmp":null,"error":null}}"#,
            n * 10_000_000,
        )
        .expect("memory takes it");
    }
    text + SUMMARY + "\n"
}

/// Times between 1 and 2 ms without order.
fn plain(n: u64) -> Option<u64> {
    Some(1000 + n * 7919 % 1009)
}

fn compare(dir: &TempDir, args: &[&str]) -> Run {
    pingscript(&[&["compare"], args].concat()).dir(dir.path()).run()
}

#[test]
fn a_table_shows_what_changed_and_what_did_not() {
    let dir = TempDir::new();
    dir.write("before.jsonl", &rows(1009, KERNEL, plain));
    let after = |n: u64| (!n.is_multiple_of(20)).then(|| plain(n).map(|us| us + 500)).flatten();
    dir.write("after.jsonl", &rows(1009, KERNEL, after));
    let run = compare(&dir, &["before.jsonl", "after.jsonl"]).expect_code(0);
    assert_eq!(run.stderr, "");
    assert_eq!(run.stdout, TABLE);
    // The other way round, and with itself.
    let back = compare(&dir, &["after.jsonl", "before.jsonl"]).expect_code(0);
    assert!(back.stdout.contains("  -0.494 [-0.554, -0.435]  -24.7%"), "{}", back.stdout);
    let same = compare(&dir, &["before.jsonl", "before.jsonl"]).expect_code(0);
    assert_eq!(same.stdout.matches("~ +0").count(), 6, "{}", same.stdout);
}

const TABLE: &str = "\
before  before.jsonl: 1009 pings, 1009 replies
after   after.jsonl: 1009 pings, 958 replies
clock   kernel receive - kernel send

                       before                 after                    change
median (ms)            1.504 [1.462, 1.546]   1.998 [1.957, 2.041]     +0.494 [+0.435, +0.554]  +32.8%
p90 (ms)               1.908 [1.889, 1.926]   2.407 [2.387, 2.426]     +0.499 [+0.472, +0.526]  +26.2%
p99 (ms)               1.998 [1.992, 2.004]   2.499 [2.491, 2.504]     +0.501 [+0.491, +0.509]  +25.1%
loss (%)               0.00 [0.00, 0.38]      5.05 [3.87, 6.58]        +5.05 [+3.81, +6.58]
longest loss (pings)   0 [0, NA]              1 [1, NA]                +1 [+1, +1]
jitter (us)            259.7 [244.6, 275.8]   268.2 [252.7, 284.6]   ~ +8.5 [-13.9, +30.8]  +3.3%

In brackets: 95% intervals. ~: no change is shown, as the interval holds 0.
";

#[test]
fn json_has_the_same_numbers() {
    let dir = TempDir::new();
    dir.write("before.jsonl", &rows(1009, KERNEL, plain));
    dir.write("after.jsonl", &rows(1009, KERNEL, |n| plain(n).map(|us| us + 500)));
    let run = compare(&dir, &["--json", "before.jsonl", "after.jsonl", "--max-change", "p99=1%"]).expect_code(5);
    let found: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let names: Vec<_> = found["metrics"].as_array().expect("a list").iter().map(|one| &one["metric"]).collect();
    assert_eq!(names, ["median", "p90", "p99", "loss", "longest-loss", "jitter"]);
    let median = &found["metrics"][0];
    assert_eq!((&median["before"]["value"], &median["change"]["value"]), (&1_504_000.0.into(), &500_000.0.into()));
    assert_eq!((&median["shown"], &found["metrics"][3]["shown"]), (&true.into(), &false.into()));
    assert_eq!((&found["before"]["settled"], &found["after"]["lost"]), (&1009.into(), &0.into()));
    assert_eq!(found["failed"].as_array().map(Vec::len), Some(1), "{found}");
}

#[test]
fn a_rise_beyond_its_limit_is_exit_code_5() {
    let dir = TempDir::new();
    dir.write("before.jsonl", &rows(1009, KERNEL, plain));
    let worse = |n: u64| (!n.is_multiple_of(20)).then(|| plain(n).map(|us| us + 500)).flatten();
    dir.write("after.jsonl", &rows(1009, KERNEL, worse));
    dir.write("dead.jsonl", &rows(1009, KERNEL, |_| None));
    for (limit, file, code, said) in [
        ("median=10%", "after.jsonl", 5, "failed: median rose by 32.8%, more than 10%"),
        ("median=0.4ms", "after.jsonl", 5, "failed: median rose by 494us, more than 400us"),
        ("median=1ms", "after.jsonl", 0, ""),
        ("p90=40%", "after.jsonl", 0, ""),
        ("loss=3%", "after.jsonl", 5, "failed: loss rose by 5.05 points, more than 3"),
        ("loss=6%", "after.jsonl", 0, ""),
        ("median=10%", "before.jsonl", 0, ""),
        ("p99=10%", "dead.jsonl", 5, "failed: p99 has no value on one side, so that its change is not known"),
    ] {
        let run = compare(&dir, &["before.jsonl", file, "--max-change", limit]).expect_code(code);
        assert_eq!(run.stderr.trim_end(), said, "{limit} {file}");
    }
    // What is better fails no limit.
    compare(&dir, &["after.jsonl", "before.jsonl", "--max-change", "median=1%", "--max-change", "loss=0%"])
        .expect_code(0);
    let run = compare(&dir, &["before.jsonl", "after.jsonl", "--max-change", "p98=1%"]).expect_code(2);
    assert!(run.stderr.contains("there is no metric \"p98\"; there are median, p90, p99, loss"), "{}", run.stderr);
}

#[test]
fn different_clocks_do_not_compare() {
    let dir = TempDir::new();
    let user = "user receive - user send";
    dir.write("kernel.jsonl", &rows(1009, KERNEL, plain));
    dir.write("user.jsonl", &rows(1009, user, plain));
    let run = compare(&dir, &["kernel.jsonl", "user.jsonl"]).expect_code(2);
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains(&format!("different clocks: {KERNEL} before, {user} after")), "{}", run.stderr);
    // A few times by another clock within a run are left out.
    let few = rows(1009, KERNEL, plain).replacen(KERNEL, user, 3);
    dir.write("few.jsonl", &few);
    let run = compare(&dir, &["kernel.jsonl", "few.jsonl"]).expect_code(0);
    assert_eq!(run.stderr, "note: few.jsonl: the times of 3 replies are by another clock, and left out\n");
    assert!(run.stdout.contains("few.jsonl: 1009 pings, 1009 replies"), "{}", run.stdout);
}

#[test]
fn several_files_make_a_side_and_one_target_can_be_chosen() {
    let dir = TempDir::new();
    for name in ["a", "b", "c"] {
        dir.write(&format!("{name}.jsonl"), &rows(1009, KERNEL, plain));
    }
    let run = compare(&dir, &["a.jsonl", "b.jsonl", "--to", "c.jsonl"]).expect_code(0);
    assert!(run.stdout.contains("before  a.jsonl, b.jsonl: 2018 pings"), "{}", run.stdout);
    assert!(run.stdout.contains("after   c.jsonl: 1009 pings"), "{}", run.stdout);
    for args in [&["a.jsonl"][..], &["a.jsonl", "b.jsonl", "c.jsonl"]] {
        let run = compare(&dir, args).expect_code(2);
        assert!(run.stderr.contains("two files are needed"), "{}", run.stderr);
    }
    let two = rows(400, KERNEL, |n| plain(n).map(|us| us * 9)).replace(":7\"", ":8\"");
    dir.write("two.jsonl", &(rows(400, KERNEL, plain) + &two));
    let run = compare(&dir, &["a.jsonl", "two.jsonl"]).expect_code(0);
    assert!(run.stderr.contains("2 targets are taken together; --target ADDRESS"), "{}", run.stderr);
    let run = compare(&dir, &["a.jsonl", "two.jsonl", "--target", "127.0.0.1:7"]).expect_code(0);
    assert!(run.stdout.contains("two.jsonl: 400 pings, 400 replies"), "{}", run.stdout);
    let run = compare(&dir, &["a.jsonl", "two.jsonl", "--target", "127.0.0.1:9"]).expect_code(2);
    assert!(run.stderr.contains("it has pings to 127.0.0.1:7"), "{}", run.stderr);
}

#[test]
fn what_can_be_read_is_compared_and_what_is_missing_is_said() {
    let dir = TempDir::new();
    let whole = rows(1009, KERNEL, plain);
    dir.write("whole.jsonl", &whole);
    let cut = &whole[..whole.len() / 2];
    let complete = cut.lines().count() - 2;
    dir.write("cut.jsonl", cut);
    let run = compare(&dir, &["whole.jsonl", "cut.jsonl"]).expect_code(0);
    let line = complete + 2;
    assert_eq!(
        run.stderr,
        format!("note: cut.jsonl: the run did not come to its end (no summary); line {line} is no row\n")
    );
    assert!(run.stdout.contains(&format!("cut.jsonl: {complete} pings")), "{}", run.stdout);
    let newer = whole.replace("\"schema\":1", "\"schema\":3").replace("\"bytes\":8", "\"octets\":[8]");
    dir.write("newer.jsonl", &newer);
    let run = compare(&dir, &["whole.jsonl", "newer.jsonl"]).expect_code(0);
    assert!(
        run.stderr.contains("newer.jsonl: its rows are of version 3, and this program writes version 1"),
        "{}",
        run.stderr
    );
    assert!(run.stdout.contains("newer.jsonl: 1009 pings"), "{}", run.stdout);
    let few = rows(30, KERNEL, plain);
    dir.write("few.jsonl", &few);
    let run = compare(&dir, &["whole.jsonl", "few.jsonl"]).expect_code(0);
    assert!(run.stderr.starts_with("note: after: too few replies for the interval of p90, p99: 30"), "{}", run.stderr);
}

#[test]
fn files_without_pings_are_errors_that_name_them() {
    let dir = TempDir::new();
    dir.write("whole.jsonl", &rows(100, KERNEL, plain));
    dir.write("empty.jsonl", "");
    dir.write("garbage.jsonl", "\u{1b}[2J<script>\n\0\n{}\n");
    dir.write("idle.jsonl", &format!("{RUN}\n{SUMMARY}\n"));
    dir.write("seeds.jsonl", "{\"type\":\"seed\",\"seed\":1,\"exit_code\":0,\"network_ns\":1,\"expectations\":[]}\n");
    for (file, said) in [
        ("none.jsonl", "no such file or directory"),
        ("empty.jsonl", "it has no rows"),
        ("garbage.jsonl", "it has no rows"),
        ("idle.jsonl", "no ping in it came to an end"),
        ("seeds.jsonl", "these are rows of --seeds"),
    ] {
        for args in [["whole.jsonl", file], [file, "whole.jsonl"]] {
            let run = compare(&dir, &args).expect_code(2);
            assert!(run.stderr.starts_with(&format!("error: compare {file}: {said}")), "{}", run.stderr);
            assert_eq!(run.stdout, "");
        }
    }
}

#[test]
fn runs_compare_as_they_were_measured() {
    let dir = TempDir::new();
    let lab = r#"
        const OPT = options([option("delay", 5.ms, "of the link")]);
        let net = lab::create();
        let a = net.host("a");
        let b = net.host("b");
        net.link(a, b, #{ delay: OPT.delay, jitter: 1.ms });
        b.start("udp_server_plain.rhai", ["--listen", "*:9", "--quiet"]);
        let rtts = stats();
        run_in(a, || rtts.add(pinger(udp::open("b:9"), "b:9", #{ count: 500, interval: 5.ms })));
        expect(rtts.received, 500);
    "#;
    dir.write("lab.rhai", lab);
    for (file, seed, delay) in [("a.jsonl", "1", "5ms"), ("b.jsonl", "2", "5ms"), ("c.jsonl", "3", "6ms")] {
        let args = ["--simulate", "--seed", seed, "--json", file, "lab.rhai", "--delay", delay];
        pingscript(&args).dir(dir.path()).run().expect_code(0);
    }
    let same = compare(&dir, &["a.jsonl", "b.jsonl", "--max-change", "median=5%"]).expect_code(0);
    assert!(same.stdout.contains(KERNEL), "{}", same.stdout);
    let slower = compare(&dir, &["a.jsonl", "c.jsonl", "--max-change", "median=5%"]).expect_code(5);
    assert!(slower.stderr.contains("failed: median rose by 1"), "{}", slower.stderr);
}
