//! `--restrict`: what the script of a stranger may not do is an error with a hint, and all else goes on as without it.

mod common;

use common::{Run, TempDir, pingscript, require_lab_or_skip};

/// Tries each call: the kind and message of its error, or what it gave.
const TRYING: &str = "fn tried(asked) { try { print(`done: ${asked.call()}`); } catch (e) { print(`${e.kind}: ${e.message} (${e.hint})`); } }\n";

/// Tries these calls, as restricted or not.
fn tried(dir: &TempDir, flags: &[&str], calls: &[&str]) -> Run {
    let calls: String = calls.iter().map(|call| format!("tried(|| {call});\n")).collect();
    let script = dir.write("script.rhai", &format!("{TRYING}{calls}exit(0);")).display().to_string();
    pingscript(&[flags, &[&script]].concat()).dir(dir.path()).run().expect_code(0)
}

/// Checks that each of these calls is refused for this, with a hint.
fn all_refused(calls: &[&str], why: &str) {
    let dir = TempDir::new();
    let run = tried(&dir, &["--restrict"], calls);
    let lines: Vec<&str> = run.stdout.lines().filter(|line| line.contains(": ")).collect();
    assert_eq!(lines.len(), calls.len(), "{}{}", run.stdout, run.stderr);
    for (line, call) in lines.iter().zip(calls) {
        assert!(line.starts_with(&format!("permission: with --restrict, a script {why}")), "{call}: {line}");
        assert!(!line.ends_with("()"), "{call}: {line}");
    }
}

#[test]
fn files_outside_of_its_directory_are_refused() {
    let lab = "lab::create(#{ }).host(\"a\")";
    let capture = format!("{lab}.capture(\"/tmp/stranger.pcapng\")");
    let mut calls = vec![
        "start(\"/etc/passwd\")",
        "start(\"../other.rhai\")",
        "policy(\"/etc/hosts\")",
        "submission(\"/etc\")",
        "icmp::targets(\"@/etc/hosts\")",
    ];
    if require_lab_or_skip("captures of a restricted script") {
        calls.push(&capture);
    }
    all_refused(&calls, "touches no file outside");
}

#[test]
fn networks_beyond_loopback_are_refused() {
    let calls = [
        "udp::open(\"192.0.2.1:7\").ping(\"192.0.2.1:7\", \"x\", 1.s)",
        "udp::bind(\"*:0\").send_to(\"x\", \"192.0.2.1:7\")",
        "udp::bind(\"[::]:0\").send_to(\"x\", \"[2001:db8::1]:7\")",
        "udp::bind(\"*:0\").connect(\"192.0.2.1:7\")",
        "tcp::connect(\"192.0.2.1:7\")",
        "resolve(\"host.example:7\")",
    ];
    all_refused(&calls, "reaches no network");
}

#[test]
fn programs_are_refused() {
    if !require_lab_or_skip("programs of a restricted script") {
        return;
    }
    let calls = ["exec([\"id\"])", "start_program([\"id\"])", "shell()", "exec([\"id\"], #{ sandbox: true })"];
    let calls = calls.map(|call| format!("lab::create().host(\"a\").{call}"));
    all_refused(&calls.each_ref().map(String::as_str), "starts no program");
}

#[test]
fn loopback_labs_and_its_own_files_are_as_without_it() {
    let dir = TempDir::new();
    dir.write("other.rhai", "print(\"the other\");");
    let calls = [
        "udp::open(\"127.0.0.1:9\").addr.port > 0",
        "{ let server = udp::bind(\"*:0\"); start_thread(|| udp::serve(server, udp::upper())); udp::open(`localhost:${server.port}`).ping(`localhost:${server.port}`, \"x\", 5.s).text }",
        "{ let server = tcp::listen(\"[::]:0\"); tcp::connect(`[::1]:${server.port}`).peer.ip }",
        "start(\"other.rhai\").join()",
        "start(\"udp_server_plain.rhai\", [\"--listen\", \"*:0\"]).stop()",
    ];
    let restricted = tried(&dir, &["--restrict"], &calls);
    assert!(
        restricted.stdout.contains("done: X\n") && restricted.stdout.contains("done: ::1\n"),
        "{}",
        restricted.stdout
    );
    assert!(!restricted.stdout.contains("permission"), "{}", restricted.stdout);
    if require_lab_or_skip("a lab of a restricted script") {
        let lab = "{ let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\"); net.link(a, b).capture(\"own.pcapng\"); \
                   b.start(\"udp_server_plain.rhai\", [\"--listen\", \"*:11000\", \"--quiet\"]); \
                   run_in(a, || udp::open(\"b:11000\").ping(\"b:11000\", \"x\", 5.s).text) }";
        let run = tried(&dir, &["--restrict"], &[lab]);
        assert!(
            run.stdout.contains("done: X\n") && dir.path().join("own.pcapng").exists(),
            "{}{}",
            run.stdout,
            run.stderr
        );
    }
    // Simulated hosts are none of this machine.
    let anywhere = ["udp::open(\"192.0.2.1:7\").ping(\"192.0.2.1:7\", \"x\", 1.s).kind"];
    let run = tried(&dir, &["--restrict", "--simulate"], &anywhere);
    assert!(run.stdout.starts_with("done: "), "{}", run.stdout);
}

#[test]
fn it_is_for_scripts() {
    let run = pingscript(&["--restrict"]).run().expect_code(2);
    assert!(run.stderr.contains("name one: pingscript --restrict udp_ping"), "{}", run.stderr);
    // An error that is not caught has the exit code of a permission that is missing.
    let run = pingscript(&["--restrict", "-e", "start(\"/etc/passwd\")"]).run().expect_code(4);
    assert!(run.stderr.contains("hint: name a file beneath"), "{}", run.stderr);
}
