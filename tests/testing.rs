//! `pingscript test`: what it finds, runs and reports, and that other programs read its TAP and its JUnit XML.

mod common;

use std::fs;
use std::path::Path;
use std::time::Duration;

use common::{Cmd, Run, TempDir, binary, peer, pingscript, repo_root, require_lab_or_skip, require_program_or_skip};
use pingscript::engine::sources::SHIPPED;

const GOOD: &str = "let net = lab::create(); let a = net.host(\"a\"); net.link(a, net.host(\"b\"));
check(\"is refused\", run_in(a, || udp::open(\"b:7\").ping(\"b:7\", \"x\", 1.s)).kind, \"icmp\");
group(\"sums\", || { check(\"one\", 1 + 1, 2); check(\"two\", 2, 2 + 2, 4) });";
const BAD: &str = "print(\"here <&> I am\");
group(\"client\", || { check(\"count\", 2, 3, 5, \"are there five? # TODO\"); require(\"port\", (), at_least(1)); check(\"rest\", 1, 1) });
check(\"other\", 1, 1);";
const BROKEN: &str = "check(\"first\", 1, 1);\nlet x = 0;\nlet y = 1 / x;";

/// A directory with a good, a bad and a broken test, and a script that is none.
fn tests() -> TempDir {
    let dir = TempDir::new();
    fs::create_dir_all(dir.path().join("deep/.hidden")).expect("directories");
    for (file, text) in [
        ("good_test.rhai", GOOD),
        ("deep/bad_test.rhai", BAD),
        ("deep/broken_test.rhai", BROKEN),
        ("deep/.hidden/no_test.rhai", "throw 1"),
        ("plain.rhai", "expect(1, 1)"),
    ] {
        fs::write(dir.path().join(file), text).expect("a file");
    }
    dir
}

fn run(dir: &Path, args: &[&str], exit: i32) -> Run {
    pingscript(&[&["test"], args].concat()).dir(dir).patience(Duration::from_secs(120)).run().expect_code(exit)
}

/// Output without times.
fn timeless(text: &str) -> String {
    let is_time = |word: &str| word.trim_start_matches('(').parse::<f64>().is_ok() && word.contains('.');
    let masked = |word: &str| {
        if is_time(word) { word[..usize::from(word.starts_with('('))].to_string() + "T" } else { word.to_string() }
    };
    let line = |line: &str| line.split(' ').map(masked).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_script_is_a_line_and_what_failed_is_shown() {
    let dir = tests();
    let run = run(dir.path(), &["-j", "1"], 5);
    let broken = broken_as_shown(&run.stdout);
    let expected = format!(
        "FAIL  deep/bad_test.rhai (T s): 2 of 4 checks failed, 1 not judged
      FAIL client: count (0/2 points): got 3, expected 5 (deep/bad_test.rhai:2)
           are there five? # TODO
      FAIL client: port: got (), expected at least 1 (deep/bad_test.rhai:2)
      --   client: rest: not judged: \"port\" failed
      | here <&> I am
ERROR deep/broken_test.rhai (T s): exit code 3
{broken}
ok    good_test.rhai (T s, 3 checks)
3 runs: 1 passed, 1 failed, 1 with errors; 8 checks: 5 passed, 2 failed, 1 not judged; T s"
    );
    assert_eq!(timeless(&run.stdout), expected);
}

/// What is printed of the error, whose words are not for this test.
fn broken_as_shown(text: &str) -> String {
    let (_, rest) = text.split_once("exit code 3\n").expect("the broken one");
    let lines: Vec<&str> = rest.lines().take_while(|line| line.starts_with("      | ")).collect();
    assert!(lines.iter().any(|line| line.contains("1 / x")), "{text}");
    timeless(&lines.join("\n"))
}

#[test]
fn exit_codes_are_those_of_the_worst_check_or_error() {
    let dir = tests();
    run(dir.path(), &["good_test.rhai"], 0);
    run(dir.path(), &["plain.rhai", "good_test.rhai"], 0);
    run(dir.path(), &["good_test.rhai", "deep/broken_test.rhai"], 3);
    run(dir.path(), &["deep/bad_test.rhai", "deep/broken_test.rhai"], 5);
    let one = run(dir.path(), &["--filter", "good"], 0);
    assert!(one.stdout.contains("1 run: 1 passed, 0 failed; 3 checks: 3 passed, 0 failed; "), "{}", one.stdout);
    // The same file twice is run once; the hidden directory is not searched.
    assert!(run(dir.path(), &["deep", ".", "good_test.rhai"], 5).stdout.contains("3 runs: "));
}

#[test]
fn every_seed_is_a_run_and_a_test_without_seeds_does_the_same_each_time() {
    let dir = TempDir::new();
    fs::write(dir.path().join("a_test.rhai"), "check(\"small\", random() < 0.8, true); print(random());")
        .expect("a file");
    let run = run(dir.path(), &["--seeds", "1..20"], 5);
    let failed = run.stdout.lines().filter(|line| line.starts_with("FAIL  a_test.rhai seed ")).count();
    assert!((1..20).contains(&failed) && run.stdout.contains("20 runs: "), "{}", run.stdout);
    let once = || timeless(&self::run(dir.path(), &[], 0).stdout);
    assert_eq!(once(), once());
}

#[test]
fn bad_input_is_refused() {
    let dir = tests();
    let empty = TempDir::new();
    for (args, why) in [
        (&["no_such_dir"][..], "there is no such file or directory"),
        (&["--filter", "nothing has this"], "none of 3 files has \"nothing has this\" in its path"),
        (&["-j", "0"], "0 is not in 1..=1024"),
        (&["--seeds", "9..3"], "3..9"),
    ] {
        let run = run(dir.path(), args, 2);
        assert!(run.stderr.contains(why) && run.stdout.is_empty(), "{args:?}\n{}", run.stderr);
    }
    let none = run(empty.path(), &[], 2);
    assert!(
        none.stderr.contains("no file called *_test.rhai was found") && none.stderr.contains("hint: "),
        "{}",
        none.stderr
    );
    let unwritten = run(dir.path(), &["good_test.rhai", "--junit", "/no/such/place"], 3);
    assert!(unwritten.stderr.contains("the results cannot be written"), "{}", unwritten.stderr);
}

#[test]
fn prove_reads_the_tap() {
    if !require_program_or_skip("prove", "TAP") {
        return;
    }
    let dir = tests();
    let tap = run(dir.path(), &["--tap", "-j", "1"], 5);
    assert!(tap.stdout.starts_with("TAP version 13\n1..3\n# Subtest: deep/bad_test.rhai\n"), "{}", tap.stdout);
    assert!(tap.stderr.contains("3 runs: 1 passed"), "{}", tap.stderr);
    let file = dir.path().join("out.tap");
    fs::write(&file, &tap.stdout).expect("a file");
    let prove =
        Cmd::new(Path::new("prove"), &["-v", "--source", "File", "--ext", ".tap", &file.display().to_string()]).run();
    let all = format!("{}{}", prove.stdout, prove.stderr);
    assert!(all.contains("Failed tests:  1-2") && !all.contains("Parse errors"), "{all}");
    let good = run(dir.path(), &["--tap", "good_test.rhai"], 0);
    fs::write(&file, &good.stdout).expect("a file");
    Cmd::new(Path::new("prove"), &["--source", "File", "--ext", ".tap", &file.display().to_string()])
        .run()
        .expect_code(0);
    // As docs/testing.md has it.
    let program = format!("{} test --tap", binary().display());
    let prove = |file: &str| Cmd::new(Path::new("prove"), &["-e", &program, file]).dir(dir.path()).run();
    prove("good_test.rhai").expect_code(0);
    assert!(prove("deep/bad_test.rhai").stdout.contains("Result: FAIL"));
}

#[test]
fn python_reads_the_junit_xml() {
    if !require_program_or_skip("python3", "JUnit XML") {
        return;
    }
    let dir = tests();
    run(dir.path(), &["--junit", "out.xml", "-j", "1"], 5);
    let read = peer("read_junit.py", &[dir.path().join("out.xml").display().to_string()]).run().expect_code(0);
    assert!(read.stdout.contains("{'tests': 9, 'failures': 2, 'errors': 1, 'skipped': 1}"), "{}", read.stdout);
    assert!(
        read.stdout.contains("got 3, expected 5 (deep/bad_test.rhai:2)|are there five? # TODO here <&> I am"),
        "{}",
        read.stdout
    );
}

#[test]
fn a_signal_ends_all_and_what_was_done_is_reported() {
    let dir = tests();
    fs::write(dir.path().join("z_test.rhai"), "loop { }").expect("a file");
    for (signal, exit) in [(libc::SIGINT, 130), (libc::SIGTERM, 143)] {
        let running = pingscript(&["test", "-j", "1"]).dir(dir.path()).patience(Duration::from_secs(120)).start();
        running.wait_for("good_test.rhai");
        running.signal(signal);
        let run = running.finish().expect_code(exit);
        assert!(run.stdout.contains("3 runs: 1 passed, 1 failed, 1 with errors, 1 did not run; "), "{}", run.stdout);
        assert!(!run.stdout.contains("z_test.rhai"), "{}", run.stdout);
    }
}

/// Programs need a kernel, and are run in one without a word about it.
#[test]
fn scripts_that_start_programs_run_in_the_kernel() {
    if !require_lab_or_skip("tests with programs") {
        return;
    }
    let dir = TempDir::new();
    let text = "let b = lab::create().host(\"b\");
        check(\"starts\", b.exec([\"true\"], #{ quiet: true }).code, 0);
        b.start_program([\"python3\", \"-c\", \"import socket, time; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); time.sleep(0.2); s.bind(('', 12000)); time.sleep(60)\"]);
        check(\"binds\", b.wait_port(\"udp\", 12000, 10.s), true);
        check(\"binds nothing else\", b.wait_port(\"tcp\", 12000, 0.s), false);";
    fs::write(dir.path().join("a_test.rhai"), text).expect("a file");
    let run = run(dir.path(), &[], 0);
    assert!(run.stdout.contains("3 checks: 3 passed"), "{}", run.stdout);
}

/// The labs that ship, as a class would test its own.
#[test]
fn the_labs_that_ship_pass() {
    if !require_lab_or_skip("labs that start programs") {
        return;
    }
    let labs = SHIPPED.iter().map(|(name, _)| name.trim_end_matches(".rhai")).filter(|name| name.starts_with("labs/"));
    // It starts programs that not every system has, and is run by another test.
    let labs: Vec<&str> = labs.filter(|lab| *lab != "labs/nat").collect();
    let run = run(repo_root(), &labs, 0);
    let summary = format!("{} runs: {} passed, 0 failed; ", labs.len(), labs.len());
    assert!(labs.len() >= 15 && run.stdout.contains(&summary), "{}", run.stdout);
}

#[test]
fn below_a_failed_check_stands_what_the_links_carried() {
    let dir = TempDir::new();
    dir.write(
        "lost_test.rhai",
        "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\"); let link = net.link(a, b, #{ delay: 5.ms });
set_policy(link.from(a), |pkt| if pkt.text == \"ping 21\" { drop() } else { pass() });
b.start(\"udp_server_plain.rhai\", [\"--listen\", \"*:11000\", \"--quiet\"]);
let got = run_in(a, || { let sock = udp::open(\"b:11000\"); let kinds = []; for n in 1..=30 { kinds.push(sock.ping(\"b:11000\", `ping ${n}`, 100.ms).kind); } kinds });
check(\"all have a reply\", got.filter(|kind| kind == \"reply\").len, 30);
check(\"none is lost\", \"timeout\" in got, false);
group(\"without a lab\", || check(\"one\", 1, 1));",
    );
    let stdout = run(dir.path(), &["--junit", "a.xml"], 5).stdout;
    assert!(stdout.contains("packets 37 to 52 of 59: 16 frames, 1 lost\n"), "{stdout}");
    assert_eq!((stdout.matches("× dropped").count(), stdout.matches("10.0.0.1").count()), (1, 1), "{stdout}");
    assert!(stdout.contains("\"ping 21\"") && !stdout.contains("\"ping 1\""), "{stdout}");
    assert!(fs::read_to_string(dir.path().join("a.xml")).expect("a file").contains("× dropped"), "{stdout}");
}
