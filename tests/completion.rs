//! What a shell offers for the end of a command line: only what is accepted there.

mod common;

use common::{Cmd, TempDir, binary, pingscript};

/// What `shell` is offered for `line` in a directory with a few files.
fn offered(shell: &str, line: &str) -> Vec<String> {
    let dir = TempDir::new();
    dir.write("my script.rhai", "const OPT = options([ option(\"mode\", \"raw\", \"how\").choices([\"raw\", \"line\"]), flag(\"loud\", \"x\") ]);");
    dir.write("data.txt", "");
    std::fs::create_dir(dir.path().join("sub dir")).expect("a directory");
    std::fs::write(dir.path().join("sub dir/in.rhai"), "").expect("a file");
    let run = pingscript(&["complete", shell, line]).dir(dir.path()).run().expect_code(0);
    run.stdout.lines().filter(|line| !line.is_empty()).map(str::to_string).collect()
}

#[test]
fn only_what_is_accepted_is_offered() {
    for (line, expected) in [
        ("pingscript udp_p", &["udp_ping"][..]),
        ("pingscript do", &["doc", "doctor"]),
        ("pingscript labs/ro", &["labs/router"]),
        ("pingscript --color ", &["auto", "always", "never"]),
        ("pingscript --color never doct", &["doctor"]),
        ("pingscript --seed ", &[]),
        ("pingscript --seed 1 doct", &[]),
        ("pingscript --json ", &["data.txt", "sub dir/"]),
        ("pingscript --watch ", &["my script.rhai", "sub dir/"]),
        ("pingscript --check m", &["my script.rhai"]),
        ("pingscript my", &["my script.rhai"]),
        ("pingscript my\\ script.rhai --", &["--mode", "--loud", "--help"]),
        ("pingscript 'my script.rhai' --mode ", &["raw", "line"]),
        ("pingscript 'my script.rhai' --loud --l", &[]),
        ("pingscript sub", &["sub dir/"]),
        ("pingscript sub\\ dir/", &["sub dir/in.rhai"]),
        ("pingscript udp_server --policy lo", &["loss"]),
        ("pingscript lab -- icmp_p", &["icmp_ping"]),
        ("pingscript doc udp::b", &["udp::bind"]),
        ("pingscript help udp_l", &["udp_load"]),
        ("pingscript new polic", POLICIES),
        ("pingscript completions ", &["bash", "zsh", "fish"]),
        ("pingscript doctor --j", &["--json"]),
        ("pingscript nowhere --", &[]),
        ("pingscript -e 1 ", &[]),
        ("ping", &[]),
    ] {
        assert_eq!(offered("zsh", line), expected, "{line}");
    }
}

const POLICIES: &[&str] = &[
    "policies/corrupt",
    "policies/delay",
    "policies/duplicate",
    "policies/every",
    "policies/first",
    "policies/gilbert",
    "policies/loss",
    "policies/pattern",
];

#[test]
fn bash_gets_words_as_they_are_typed() {
    assert_eq!(offered("bash", "pingscript my"), ["my\\ script.rhai"]);
    // It keeps what stands before the last colon.
    assert_eq!(offered("bash", "pingscript doc udp::b"), ["bind"]);
    let script = format!(
        "PATH={}:$PATH; source <(pingscript completions bash); COMP_LINE='pingscript udp_pi'; COMP_POINT=17; _pingscript; echo \"${{COMPREPLY[@]}}\"",
        binary().parent().expect("a directory").display()
    );
    let run = Cmd::new(std::path::Path::new("bash"), &["-c", &script]).run().expect_code(0);
    assert_eq!(run.stdout, "udp_ping\n");
}
