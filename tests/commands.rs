//! The commands about scripts: `scripts` lists them, `new` copies one, `--check` checks without running.

mod common;

#[path = "commands/check.rs"]
mod checks;

use std::fs;

use common::{TempDir, pingscript, repo_root};
use pingscript::engine::check::check;
use pingscript::engine::programs::ScriptHost;
use pingscript::engine::sources::{SHIPPED, header};

#[test]
fn scripts_lists_each_with_its_purpose() {
    let dir = TempDir::new();
    let run = pingscript(&["scripts"]).dir(dir.path()).run().expect_code(0);
    assert_eq!(run.stderr, "");
    for (file, text) in SHIPPED {
        let name = file.trim_end_matches(".rhai").trim_start_matches("policies/");
        let purpose = header(text).lines().next().unwrap_or_default().to_string();
        let line = run.stdout.lines().find(|line| line.split_whitespace().next() == Some(name));
        let line = line.unwrap_or_else(|| panic!("{name} is not listed:\n{}", run.stdout));
        assert!(line.ends_with(&purpose), "{line}");
    }
    let order = [
        "icmp_ping ",
        "tcp_ping ",
        "udp_ping ",
        "Examples:",
        "examples/dns_query ",
        "Labs:",
        "labs/two_machines ",
        "Policies:",
        "\n  loss ",
        "pingscript new",
    ];
    let places: Vec<Option<usize>> = order.iter().map(|word| run.stdout.find(word)).collect();
    assert!(places.is_sorted() && places[0].is_some(), "{places:?}:\n{}", run.stdout);

    let run = pingscript(&["scripts", "--all"]).run().expect_code(2);
    assert!(run.stderr.contains("unexpected argument '--all'"), "{}", run.stderr);
    let run = pingscript(&["scripts", "--help"]).run().expect_code(0);
    assert!(run.stdout.starts_with("List the scripts"), "{}", run.stdout);
}

#[test]
fn new_writes_a_copy_that_runs_unchanged() {
    let dir = TempDir::new();
    let run = pingscript(&["new", "udp_ping", "my.rhai"]).dir(dir.path()).run().expect_code(0);
    assert!(run.stdout.contains("pingscript my.rhai\n"), "{}", run.stdout);
    let copy = fs::read_to_string(dir.path().join("my.rhai")).expect("the copy");
    assert_eq!(copy, fs::read_to_string(repo_root().join("scripts/udp_ping.rhai")).expect("the script"));
    let run = pingscript(&["my.rhai", "--count", "1", "--timeout", "100ms"]).dir(dir.path()).run();
    assert!(matches!(run.code, Some(0 | 1)) && run.stdout.contains("Packets Sent: 1\n"), "{run:?}");

    for (name, file) in [
        ("udp_ping", "udp_ping.rhai"),
        ("udp_server.rhai", "udp_server.rhai"),
        ("scripts/examples/dns_query.rhai", "dns_query.rhai"),
        ("examples/ntp_query", "ntp_query.rhai"),
        ("loss", "loss.rhai"),
        ("policies/gilbert", "gilbert.rhai"),
    ] {
        let run = pingscript(&["new", name]).dir(dir.path()).run().expect_code(0);
        assert!(run.stdout.starts_with(&format!("{file} is a copy of ")), "{}", run.stdout);
        pingscript(&["--check", file]).dir(dir.path()).run().expect_code(0);
    }
    for query in ["dns_query.rhai", "ntp_query.rhai"] {
        pingscript(&[query]).dir(dir.path()).run().expect_code(0);
    }
    let code = "set_policy(udp::bind(\"127.0.0.1:0\"), policy(\"./loss.rhai:p=0.5\"));";
    pingscript(&["-e", code]).dir(dir.path()).run().expect_code(0);
}

#[test]
fn new_says_what_it_cannot_do_and_spoils_nothing() {
    let dir = TempDir::new();
    dir.write("mine.rhai", "print(1);");
    fs::create_dir(dir.path().join("directory")).expect("a directory");
    for (args, expected) in [
        (&["new", "udp_ping", "mine.rhai"][..], "new mine.rhai: the file exists, and is left as it is"),
        (
            &["new", "udp_ping", "directory"],
            "new directory: it is a directory\n  hint: give a file name, such as directory/udp_ping.rhai",
        ),
        (&["new", "udp_ping", "nowhere/my.rhai"], "its directory must exist"),
        (&["new", "udp_ping", "mine.rhai/my.rhai"], "new mine.rhai/my.rhai: not a directory"),
        (&["new", "udp_pnig", "my.rhai"], "did you mean `udp_ping`?"),
        (&["new", "examples/dns_qurey"], "did you mean `dns_query`?"),
        (&["new", "gilbret"], "did you mean `gilbert`?"),
        (&["new", "elephant"], "`pingscript scripts` lists the names"),
        (&["new", ""], "`pingscript scripts` lists the names"),
        (&["new", "udp_ping", ""], "its directory must exist"),
    ] {
        let run = pingscript(args).dir(dir.path()).run().expect_code(2);
        assert!(run.stderr.contains(expected), "{args:?}: no {expected:?} in\n{}", run.stderr);
        assert!(run.stderr.contains("  hint: ") || args[2..].contains(&"mine.rhai/my.rhai"), "{}", run.stderr);
    }
    for (args, expected) in
        [(&["new"][..], "required arguments were not provided"), (&["new", "a", "b", "c"], "unexpected argument 'c'")]
    {
        let run = pingscript(args).dir(dir.path()).run().expect_code(2);
        assert!(run.stderr.contains(expected) && run.stderr.contains("<NAME> [FILE]"), "{}", run.stderr);
    }
    let run = pingscript(&["new", "--help"]).run().expect_code(0);
    assert!(run.stdout.contains("Such as: pingscript new udp_ping my.rhai"), "{}", run.stdout);
    assert_eq!(fs::read_to_string(dir.path().join("mine.rhai")).expect("the file"), "print(1);");
    assert_eq!(fs::read_dir(dir.path()).expect("the directory").count(), 2, "nothing else was written");
}

#[test]
fn new_says_that_a_dir_cannot_be_written_to() {
    // For root everything can; a directory of the kernel's cannot even then.
    let run = pingscript(&["new", "udp_ping", "/proc/my.rhai"]).run().expect_code(2);
    assert!(run.stderr.starts_with("error: new /proc/my.rhai: ") && run.stderr.contains("hint: "), "{}", run.stderr);
}

#[test]
fn files_named_as_commands_are_run_by_their_path() {
    let dir = TempDir::new();
    for name in ["new", "scripts", "new.rhai", "scripts.rhai"] {
        dir.write(name, "print(`this is ${1 + 1}`);");
    }
    for name in ["./new", "./scripts", "new.rhai", "scripts.rhai"] {
        assert_eq!(pingscript(&[name]).dir(dir.path()).run().expect_code(0).stdout, "this is 2\n");
    }
    let run = pingscript(&["-e", "print(1)", "scripts"]).dir(dir.path()).run().expect_code(0);
    assert_eq!(run.stdout, "1\n");
}

#[test]
fn help_names_the_commands() {
    let run = pingscript(&["--help"]).run().expect_code(0);
    for words in ["--check", "pingscript scripts\n", "pingscript new NAME [FILE]\n", "./new"] {
        assert!(run.stdout.contains(words), "no {words:?} in\n{}", run.stdout);
    }
}

#[test]
fn doc_explains_what_scripts_can_call() {
    for (words, expected) in [
        (&["doc"][..], "help(\"udp::bind\") explains a function"),
        (&["doc", "udp::bind"], "udp::bind(local: string, options: map) -> UdpSocket"),
        (&["doc", "sock.recv"], "UdpSocket.recv(timeout: Duration) -> Packet"),
        (&["doc", "Stats"], ".percentile(percent)"),
        (&["doc", "language"], "for i in 0..5"),
        (&["doc", "--all"], "expect(blob(3).len, 3);"),
        (&["doc", "--markdown"], "\n### udp::bind\n"),
        (&["doc", "--html"], "<h3 id=\"udp-3a-3abind\">udp::bind</h3>"),
    ] {
        let run = pingscript(words).run().expect_code(0);
        assert!(run.stdout.contains(expected), "{words:?}: no {expected:?} in\n{}", run.stdout);
    }
    let run = pingscript(&["doc", "udp::bnd"]).run().expect_code(2);
    assert!(run.stderr.contains("did you mean \"udp::bind\"?"), "{}", run.stderr);
    let run = pingscript(&["-e", "help(\"udp::bnd\")"]).run().expect_code(3);
    assert!(run.stderr.contains("did you mean \"udp::bind\"?"), "{}", run.stderr);
    let run = pingscript(&["-e", "help(udp::bind(\"127.0.0.1:0\"))"]).run().expect_code(0);
    assert!(run.stdout.starts_with("UdpSocket: A UDP socket."), "{}", run.stdout);
}

#[test]
fn doc_writes_definitions_for_editors() {
    let dir = TempDir::new();
    let dir = dir.path().join("definitions");
    pingscript(&["doc", "--definitions", dir.to_str().expect("UTF-8")]).run().expect_code(0);
    let udp = fs::read_to_string(dir.join("udp.d.rhai")).expect("definitions of a namespace");
    assert!(udp.starts_with("module udp;\n"), "{udp}");
    assert!(udp.contains("\nfn bind(local: string) -> UdpSocket;\n"), "{udp}");
    let run = pingscript(&["doc", "--definitions", "/proc/nowhere"]).run().expect_code(2);
    assert!(run.stderr.contains("hint: name a directory"), "{}", run.stderr);
}

#[test]
fn completions_and_the_manual_know_every_command_and_flag() {
    for shell in ["bash", "zsh", "fish"] {
        let run = pingscript(&["completions", shell]).run().expect_code(0);
        assert!(run.stdout.contains(&format!("pingscript complete {shell}")), "{}", run.stdout);
    }
    let run = pingscript(&["man"]).run().expect_code(0);
    assert!(run.stdout.contains(".TH pingscript 1") && run.stdout.contains("\\-\\-seed"), "{}", run.stdout);
    let dir = TempDir::new();
    pingscript(&["man", dir.path().to_str().expect("UTF-8")]).run().expect_code(0);
    assert!(dir.path().join("pingscript-doc.1").is_file());
}

#[test]
fn what_cannot_be_printed_is_no_success() {
    for words in [
        "scripts",
        "--help",
        "--version",
        "doc --all",
        "man",
        "udp_ping --help",
        "--check scripts/udp_ping.rhai",
        "udp_ping --server 127.0.0.1:9 --count 1",
    ] {
        let line = format!("'{}' {words} > /dev/full", common::binary().display());
        let run = common::Cmd::new(std::path::Path::new("bash"), &["-c", &line]).run().expect_code(3);
        assert!(run.stderr.contains("no space left on device"), "{words}: {}", run.stderr);
    }
}

#[test]
fn flags_stand_before_a_command_or_are_refused() {
    for words in [&["--color", "never", "doc", "udp::bind"][..], &["doc", "udp::bind", "--color", "never"]] {
        let run = pingscript(words).run().expect_code(0);
        assert!(run.stdout.starts_with("udp::bind("), "{}", run.stdout);
    }
    for (words, message) in [
        (&["--seed", "1", "doctor"][..], "error: flag --seed: it is for scripts, and `doctor` is a command"),
        (&["--simulate", "tour"], "error: flag --simulate: it is for scripts, and `tour` is a command"),
        (&["--trace", "help"], "error: flag --trace: it is for scripts, and `help` is a command"),
        (&["--color", "never", "doctor", "--jsn"], "error: unexpected argument '--jsn' found"),
    ] {
        let run = pingscript(words).run().expect_code(2);
        assert!(run.stderr.starts_with(message), "{}", run.stderr);
    }
}

#[test]
fn rows_do_not_take_the_place_of_a_script() {
    let dir = TempDir::new();
    let run = pingscript(&["--csv", "udp_ping", "--count", "3"]).dir(dir.path()).run().expect_code(2);
    assert!(run.stderr.ends_with("hint: write: pingscript --csv rows.csv udp_ping --count 3\n"), "{}", run.stderr);
    assert!(!dir.path().join("udp_ping").exists());
}

#[test]
fn an_edited_copy_is_what_its_name_runs() {
    let dir = TempDir::new();
    dir.write("udp_server_plain.rhai", "print(\"mine\");");
    let run = pingscript(&["udp_server_plain"]).dir(dir.path()).run().expect_code(0);
    assert_eq!(run.stdout, "mine\n");
    assert_eq!(run.stderr, "udp_server_plain.rhai: the one in this directory, not the one that came with pingscript\n");
    // So it is for a script that came with pingscript and starts another.
    dir.write("main.rhai", "start(\"udp_server_plain.rhai\", []).join();");
    let run = pingscript(&["main.rhai"]).dir(dir.path()).run().expect_code(0);
    assert_eq!(run.stdout, "mine\n");
    dir.write("udp_server.rhai", "print(\"my server\"); exit(0);");
    let run = pingscript(&["udp_ping", "--count", "1", "--timeout", "50ms"]).dir(dir.path()).run();
    assert!(run.stdout.contains("my server\n"), "{run:?}");
}

#[test]
fn color_holds_for_what_a_command_prints() {
    for words in [["--color", "always", "doctor"], ["doctor", "--color", "always"]] {
        assert!(pingscript(&words).run().stdout.contains("\x1b["), "{words:?}");
    }
    for words in [["--color", "never", "doctor"], ["doctor", "--color", "auto"]] {
        assert!(!pingscript(&words).run().stdout.contains("\x1b["), "{words:?}");
    }
}

#[test]
fn arguments_of_a_script_without_options_are_noted() {
    let dir = TempDir::new();
    std::fs::write(dir.path().join("plain.rhai"), "print(1)").expect("written");
    let note = "plain.rhai declares no options, and has not read what stands after its name: foo -1";
    let run = pingscript(&["./plain.rhai", "foo", "-1"]).dir(dir.path()).run().expect_code(0);
    assert!(run.stdout == "1\n" && run.stderr.contains(note), "{}", run.stderr);
    // What is written as an option is a mistake.
    let wrong = "error: options --foo: the script declares no options\n";
    for words in [&["./plain.rhai", "--foo", "bar"][..], &["-e", "print(1)", "--foo"], &["-e", "print(1)", "x", "-f"]] {
        let run = pingscript(words).dir(dir.path()).run().expect_code(2);
        assert!(
            run.stdout.is_empty()
                && run.stderr.starts_with(&wrong.replace("--foo", words[words.len() - 1]).replace("bar", "--foo")),
            "{}",
            run.stderr
        );
    }
    std::fs::write(dir.path().join("plain.rhai"), "options([ option(\"foo\", \"\", \"what comes\") ]); print(1)")
        .expect("written");
    let run = pingscript(&["./plain.rhai", "--foo", "bar"]).dir(dir.path()).run().expect_code(0);
    assert_eq!(run.stderr, "");
}
