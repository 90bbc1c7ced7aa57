//! What a shell offers for the end of a command line: only what is accepted there.

mod common;

use std::path::Path;

use common::{Cmd, TempDir, binary, pingscript, require_program_or_skip};

/// A directory with a few files.
fn files() -> TempDir {
    let dir = TempDir::new();
    let options = "option(\"mode\", \"raw\", \"how\").choices([\"raw\", \"line\"]), flag(\"loud\", \"x\")";
    dir.write("my script.rhai", &format!("const OPT = options([ {options} ]);"));
    dir.write("it's.rhai", "");
    dir.write("data.txt", "");
    std::fs::create_dir(dir.path().join("sub dir")).expect("a directory");
    std::fs::write(dir.path().join("sub dir/in.rhai"), "").expect("a file");
    dir
}

/// What `shell` is offered for `line` in a directory with a few files.
fn offered(shell: &str, line: &str) -> Vec<String> {
    let dir = files();
    let run = pingscript(&["complete", shell, line]).dir(dir.path()).run().expect_code(0);
    run.stdout.lines().filter(|line| !line.is_empty()).map(str::to_string).collect()
}

#[test]
fn only_what_is_accepted_is_offered() {
    for (line, expected) in [
        ("pingscript udp_p", &["udp_ping"][..]),
        ("pingscript do", &["doc", "doctor"]),
        ("pingscript --color ", &["auto", "always", "never"]),
        ("pingscript --color never doct", &["doctor"]),
        ("pingscript --seed ", &[]),
        ("pingscript --seed 1 doct", &[]),
        ("pingscript --json ", &["data.txt", "sub dir/"]),
        ("pingscript --watch ", &["it's.rhai", "my script.rhai", "sub dir/"]),
        ("pingscript --check m", &["my script.rhai"]),
        ("pingscript my", &["my script.rhai"]),
        ("pingscript my\\ script.rhai --", &["--mode", "--loud", "--help"]),
        ("pingscript 'my script.rhai' --mode ", &["raw", "line"]),
        ("pingscript 'my script.rhai' --loud --l", &[]),
        ("pingscript sub", &["sub dir/"]),
        ("pingscript sub\\ dir/", &["in.rhai"]),
        ("pingscript udp_server --policy lo", &["loss"]),
        ("pingscript labs/ro", &["router"]),
        ("pingscript lab -- icmp_p", &["icmp_ping"]),
        ("pingscript lab icmp_p", &["icmp_ping"]),
        ("pingscript lab --loss 0.1 -- icmp_ping --cou", &["--count"]),
        ("pingscript lab --loss ", &[]),
        ("pingscript udp_ping -- icmp_p", &[]),
        ("pingscript --color=n", &["never"]),
        ("pingscript --quiet=", &[]),
        ("pingscript udp_server --policy=los", &["loss"]),
        ("pingscript 'my script.rhai' --mode=", &["raw", "line"]),
        ("pingscript 'my script.rhai' --loud=", &[]),
        ("pingscript doc udp::b", &["udp::bind"]),
        ("pingscript help udp_l", &["udp_load"]),
        ("pingscript new policies/", POLICIES),
        ("pingscript completions ", &["bash", "zsh", "fish"]),
        ("pingscript doctor --j", &["--json"]),
        ("pingscript compare d", &["data.txt"]),
        ("pingscript compare --json data.txt d", &["data.txt"]),
        ("pingscript report d", &["data.txt"]),
        ("pingscript report data.txt -o d", &["data.txt"]),
        ("pingscript --report d", &["data.txt"]),
        ("pingscript nowhere --", &[]),
        ("pingscript -e 1 ", &[]),
        ("ping", &[]),
    ] {
        assert_eq!(offered("zsh", line), expected, "{line}");
    }
}

const POLICIES: &[&str] = &["corrupt", "delay", "duplicate", "every", "first", "gilbert", "loss", "pattern"];

/// What is typed before Tab, and what the line then is, in every shell.
const LINES: [(&str, &str); 16] = [
    ("pingscript udp_pi", "pingscript udp_ping "),
    ("pingscript labs/ro", "pingscript labs/router "),
    ("pingscript my", "pingscript my\\ script.rhai "),
    ("pingscript my\\ script.rhai --m", "pingscript my\\ script.rhai --mode "),
    ("pingscript 'my script.rhai' --mode r", "pingscript 'my script.rhai' --mode raw "),
    ("pingscript it", "pingscript it\\'s.rhai "),
    ("pingscript sub", "pingscript sub\\ dir/"),
    ("pingscript sub\\ dir/", "pingscript sub\\ dir/in.rhai "),
    ("pingscript \"sub dir/", "pingscript \"sub dir/in.rhai\" "),
    ("pingscript ~/my", "pingscript ~/my\\ script.rhai "),
    ("pingscript --json=d", "pingscript --json=data.txt "),
    ("pingscript udp_server --policy lo", "pingscript udp_server --policy loss "),
    ("pingscript doc udp::b", "pingscript doc udp::bind "),
    ("pingscript lab -- icmp_p", "pingscript lab -- icmp_ping "),
    ("echo; pingscript udp_pi", "echo; pingscript udp_ping "),
    ("SEED=1 pingscript udp_pi", "SEED=1 pingscript udp_ping "),
];

/// Types [`LINES`] in `shell` on a terminal. `setup` has it complete, and Ctrl-G print the line in parentheses.
fn completes(shell: &str, args: &[&str], setup: &str) {
    if !require_program_or_skip(shell, "completion in a shell") {
        return;
    }
    let dir = files();
    let bin = binary().parent().expect("a directory").display();
    let path = format!("{bin}:{}", std::env::var("PATH").expect("a path"));
    let home = dir.path().display().to_string();
    let cmd = Cmd::new(Path::new(shell), args).dir(dir.path()).env("HOME", &home).env("PATH", &path);
    let mut running = cmd.error_on_terminal().start_on_terminal();
    running.type_text(&format!("{setup}\n"));
    for (typed, completed) in LINES {
        running.type_text(&format!("{typed}\t\x07"));
        running.wait_for(&format!("({completed})"));
        running.type_text("\x15");
    }
}

#[test]
fn bash_completes() {
    let setup = r#"source <(pingscript completions bash); bind -x '"\C-g": echo "($READLINE_LINE)"'"#;
    completes("bash", &["--norc", "-i"], setup);
}

#[test]
fn zsh_completes() {
    let dump = r#"dump() { print -r -- "($BUFFER)"; }; zle -N dump; bindkey "^G" dump"#;
    completes("zsh", &["-f", "-i"], &format!("source <(pingscript completions zsh); {dump}"));
    // From a file that is loaded when it is first needed.
    let load =
        "mkdir .f; pingscript completions zsh > .f/_pingscript; fpath=(~/.f $fpath); autoload -Uz compinit; compinit";
    completes("zsh", &["-f", "-i"], &format!("{load}; {dump}"));
}

#[test]
fn fish_completes() {
    let setup = r#"pingscript completions fish | source; bind \cg 'printf "(%s)\n" (commandline -b)'"#;
    completes("fish", &["--no-config", "-i"], setup);
}

#[test]
fn bash_gets_words_as_they_are_typed() {
    assert_eq!(offered("bash", "pingscript my"), ["my\\ script.rhai"]);
    assert_eq!(offered("bash", "pingscript \"my"), ["my script.rhai"]);
    // It keeps what stands before the last colon.
    assert_eq!(offered("bash", "pingscript doc udp::b"), ["bind"]);
}
