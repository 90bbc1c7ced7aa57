//! The command line: flags, and scripts that are not there or cannot be read.

use super::{Case, assert_message};
use crate::common::{TempDir, nobodys_pingscript, pingscript, require_root_or_skip};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

#[test]
fn wrong_command_lines() {
    for (line, code, expected) in &LINES {
        let words: Vec<&str> = line.split(' ').collect();
        assert_message(line, &pingscript(&words).run(), *code, expected);
    }
    let run = pingscript(&["traceroute", "--proto", "tcp", "--mtu"]).run().expect_code(2);
    assert_eq!(run.stdout, "error: --mtu takes --proto udp or icmp: TCP probes have no payload\n");
}

#[test]
fn an_unknown_option_is_noticed_however_a_script_is_started() {
    let dir = TempDir::new();
    dir.write("plain.rhai", "print(1);");
    let expected = r#"
error: options --foo: the script declares no options
  hint: leave it out, or declare it: const OPT = options([option("count", 5, "how many")])
"#;
    let lines = ["plain.rhai --foo", "-i plain.rhai --foo", "--watch plain.rhai --foo", "-e print(1) --foo", "- --foo"];
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        assert_message(line, &pingscript(&words).dir(dir.path()).stdin("print(1);").run(), 2, expected);
    }
    let run = pingscript::<&str>(&[]).dir(dir.path()).stdin(":load plain.rhai --foo\n:run\n").run().expect_code(3);
    assert_eq!((run.stdout.as_str(), run.stderr.matches(expected.trim()).count()), ("", 2), "{}", run.stderr);
    let note = "plain.rhai declares no options, and has not read what stands after its name: --foo";
    let started = "start(\"plain.rhai\", [\"--foo\"]).join();";
    for line in [&["plain.rhai", "--", "--foo"][..], &["-i", "plain.rhai", "--", "--foo"], &["-e", started]] {
        let run = pingscript(line).dir(dir.path()).stdin("").run().expect_code(0);
        assert_eq!((run.stdout.as_str(), run.stderr.trim_end()), ("1\n", note), "{line:?}");
    }
}

#[test]
fn scripts_from_standard_input() {
    assert_message("nothing", &pingscript(&["-"]).run(), 0, "");
    assert_message(
        "an error",
        &pingscript(&["-"]).stdin("let x = 1;\nprint(x;\n").run(),
        3,
        r#"
error: `)` is missing
  --> stdin:2:8
    2 | print(x;
      |        ^
  hint: the `(` of line 2 is not closed: add `)`
"#,
    );
}

#[test]
fn files_that_are_no_scripts() {
    let dir = TempDir::new();
    dir.write("empty.rhai", "");
    fs::write(dir.path().join("latin.rhai"), b"// caf\xe9\n").expect("a file");
    fs::create_dir(dir.path().join("directory.rhai")).expect("a directory");
    for (name, code, expected) in &FILES {
        assert_message(name, &pingscript(&[name]).dir(dir.path()).run(), *code, expected);
    }
}

#[test]
fn a_script_that_may_not_be_read() {
    if !require_root_or_skip("an unreadable script") {
        return;
    }
    let dir = TempDir::new();
    let file = dir.write("secret.rhai", "print(1);");
    fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("a mode");
    let run = nobodys_pingscript(&dir, &["secret.rhai"]).run();
    assert_message(
        "secret.rhai",
        &run,
        2,
        "\nerror: read secret.rhai: permission denied\n  hint: its owner can allow reading it: chmod a+r secret.rhai\n",
    );
}

/// Words of the command line, exit code, message.
const LINES: [Case; 23] = [
    (
        "lab --seed 3 -- ping b",
        2,
        r#"
error: unexpected argument '--seed' found

Usage: pingscript scripts/lab.rhai [OPTIONS] [COMMAND…]

For more information, try '--help'.
  hint: --seed is a flag of pingscript, and stands before the script
"#,
    ),
    (
        "doc --nosuch",
        2,
        r#"
error: unexpected argument '--nosuch' found

Usage: pingscript doc [OPTIONS] [NAME]

For more information, try '--help'.
"#,
    ),
    (
        "icmp_ping --version x",
        2,
        r#"
error: invalid value 'x' for '--version <TEXT>'
  [possible values: IPv4, IPv6]

For more information, try '--help'.
"#,
    ),
    (
        "help udp_png",
        2,
        r#"
error: help: there is nothing called "udp_png"
  hint: did you mean `udp_ping`?
"#,
    ),
    (
        "udp_server --policy loss=0.3",
        2,
        r#"
error: invalid value 'loss=0.3' for '--policy <POLICY>': "loss=0.3" has no name before its values; write: loss:p=0.3

For more information, try '--help'.
"#,
    ),
    (
        "udp_server --policy loss:0.3",
        2,
        r#"
error: invalid value 'loss:0.3' for '--policy <POLICY>': "0.3" in "loss:0.3" is not key=value; write: loss:p=0.3

For more information, try '--help'.
"#,
    ),
    (
        "lab --loss 10%",
        2,
        r#"
error: invalid value '10%' for '--loss <X>': a share is written without %: 0.1

For more information, try '--help'.
"#,
    ),
    (
        "--csv udp_ping --count 3",
        2,
        r#"
error: --csv udp_ping: refusing to overwrite a script; was the FILE left out?
  hint: write: pingscript --csv rows.csv udp_ping --count 3
"#,
    ),
    (
        "--seed 1 doctor",
        2,
        r#"
error: flag --seed: it is for scripts, and `doctor` is a command
  hint: write: pingscript doctor; a script of this name is ./doctor
"#,
    ),
    (
        "--cuont",
        2,
        r#"
error: flag --cuont: there is no such flag
  hint: Flags are -e CODE, --check, --seed N, --trace, --simulate, --change CHANGE, --lab WHERE, --seeds A..B, --no-sandbox, --restrict, --json FILE, --csv FILE, --report FILE, --live, --frames, --color WHEN, -i, --watch, --help and --version; a script's own options stand after its name
"#,
    ),
    (
        "--sed 3 x.rhai",
        2,
        r#"
error: flag --sed: there is no such flag
  hint: did you mean --seed? Flags are -e CODE, --check, --seed N, --trace, --simulate, --change CHANGE, --lab WHERE, --seeds A..B, --no-sandbox, --restrict, --json FILE, --csv FILE, --report FILE, --live, --frames, --color WHEN, -i, --watch, --help and --version; a script's own options stand after its name
"#,
    ),
    (
        "--seed x -e 1",
        2,
        r#"
error: invalid value 'x' for '--seed <N>': a seed is a whole number from 0 up, such as 42

For more information, try '--help'.
"#,
    ),
    (
        "--seed -1 -e 1",
        2,
        r#"
error: invalid value '-1' for '--seed <N>': a seed is a whole number from 0 up, such as 42

For more information, try '--help'.
"#,
    ),
    (
        "--seed",
        2,
        r#"
error: a value is required for '--seed <N>' but none was supplied

For more information, try '--help'.
"#,
    ),
    (
        "-e",
        2,
        r#"
error: a value is required for '-e <CODE>' but none was supplied

For more information, try '--help'.
"#,
    ),
    (
        "-e 1+",
        3,
        r#"
error: the script ends too early
  --> -e:1:3
    1 | 1+
      |   ^
  hint: the last expression is not complete
"#,
    ),
    (
        "-e foo()",
        3,
        r#"
error: no function `foo`
  --> -e:1:1
    1 | foo()
      | ^
  hint: a function is written: fn foo(…) { … }
"#,
    ),
    (
        "nosuch.rhai",
        2,
        r#"
error: read nosuch.rhai: there is no such script
  hint: give a file, or one of those that `pingscript scripts` lists
"#,
    ),
    (
        "udp_pign",
        2,
        r#"
error: read udp_pign: there is no such script
  hint: did you mean `udp_ping`?
"#,
    ),
    (
        "ping 127.0.0.1",
        2,
        r#"
error: read ping: there is no such script
  hint: did you mean `icmp_ping`, `tcp_ping` or `udp_ping`?
"#,
    ),
    (
        "tracert 127.0.0.1",
        2,
        r#"
error: read tracert: there is no such script
  hint: did you mean `traceroute`?
"#,
    ),
    (
        "examples",
        2,
        r#"
error: read examples: there is no such script
  hint: give one of them: examples/dns_probe, examples/dns_query, examples/dns_server, examples/ntp_query, examples/ntp_server, examples/voip_probe
"#,
    ),
    (
        "scripts/udp_pnig.rhai",
        2,
        r#"
error: read scripts/udp_pnig.rhai: there is no such script
  hint: did you mean `udp_ping`?
"#,
    ),
];

/// File, exit code, message.
const FILES: [Case; 3] = [
    ("empty.rhai", 0, ""),
    (
        "latin.rhai",
        2,
        r#"
error: read latin.rhai: it is not text (UTF-8)
  hint: a script is a text file; an editor can save it as UTF-8
"#,
    ),
    (
        "directory.rhai",
        2,
        r#"
error: read directory.rhai: is a directory
  hint: give a script in it
"#,
    ),
];
