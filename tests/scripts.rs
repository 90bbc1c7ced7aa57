//! The scripts that come with pingscript: each is short, says what it needs, explains itself and runs.

mod common;

use common::{TempDir, pingscript};
use pingscript::engine::programs::ScriptHost;
use pingscript::engine::sources::{SHIPPED, header};

/// Lines of a script, its header included.
const MOST_LINES: usize = 50;

/// The scripts that are run by themselves; policies are used by others.
fn programs() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    SHIPPED.iter().filter(|(name, _)| !name.starts_with("policies/"))
}

#[test]
fn each_policy_names_its_use_and_is_a_policy() {
    let policies = SHIPPED.iter().filter_map(|(name, text)| Some((name.strip_prefix("policies/")?, text)));
    for (file, text) in policies {
        let name = file.trim_end_matches(".rhai");
        assert!(header(text).contains(&format!("Usage: --policy {name}")), "{file}:\n{}", header(text));
        assert!(text.lines().count() <= 15, "{file} has {} lines", text.lines().count());
        let code = format!("set_policy(udp::bind(\"127.0.0.1:0\"), policy(\"{name}\"));");
        pingscript(&["-e", &code]).run().expect_code(0);
    }
}

#[test]
fn each_compiles_and_is_short() {
    let host = ScriptHost::new();
    for (name, text) in SHIPPED {
        if let Err(error) = host.compile(name, text) {
            panic!("{}", host.describe_parse(name, &error).text);
        }
        let lines = text.lines().count();
        assert!(lines <= MOST_LINES, "{name} has {lines} lines, more than {MOST_LINES}");
    }
}

#[test]
fn all_hosts_of_a_network_are_pinged_with_broadcast_alone() {
    let server = pingscript(&["scripts/udp_server_plain.rhai", "--listen", "*:0", "--quiet"]).start();
    let all = format!("127.255.255.255:{}", server.bound_port());
    let udp = ["scripts/udp_ping.rhai", "--server", &all, "--count", "1"];
    let icmp = ["scripts/icmp_ping.rhai", "127.255.255.255", "--count", "1", "--timeout", "10ms"];
    let refused = "permission denied: this address is that of all hosts of a network; allow that with --broadcast";
    for line in [&udp[..], &icmp[..]] {
        let run = pingscript(line).run().expect_code(1);
        assert!(run.stdout.contains(refused), "{}", run.stdout);
        let run = pingscript(&[line, &["--broadcast"]].concat()).run();
        assert!(!run.stdout.contains(refused) && run.stdout.contains("Packets Sent: 1\n"), "{}", run.stdout);
        assert!(line[0].contains("icmp") || run.stdout.contains("Packets Received: 1\n"), "{}", run.stdout);
    }
}

#[test]
fn each_says_what_it_is_for_and_what_it_needs() {
    for (name, text) in programs() {
        let header = header(text);
        let mut lines = header.lines();
        assert!(lines.next().is_some_and(|purpose| purpose.ends_with('.')), "{name}: a sentence first:\n{header}");
        assert_eq!(lines.next(), Some(""), "{name}: an empty line after the first sentence:\n{header}");
        for word in ["Usage:", "Needs:", "Exit:"] {
            let line = header.lines().find_map(|line| line.strip_prefix(word));
            assert!(
                line.is_some_and(|rest| !rest.trim().is_empty()),
                "{name}: no line `{word}` in its header:\n{header}"
            );
        }
        for word in ["Predict:", "Explain:", "Remember:"].iter().filter(|_| name.starts_with("labs/")) {
            assert!(
                header.lines().any(|line| line.starts_with(word)),
                "{name}: no line `{word}` in its header:\n{header}"
            );
        }
        let usage = format!("pingscript scripts/{name}");
        assert!(header.contains(&usage), "{name}: `{usage}` is not in its header:\n{header}");
    }
}

#[test]
fn each_explains_its_options() {
    for (name, text) in programs() {
        let run = pingscript(&[format!("scripts/{name}").as_str(), "--help"]).run().expect_code(0);
        assert_eq!(run.stderr, "", "{name}");
        let purpose = header(text).lines().next().unwrap_or_default().to_string();
        // Lines are wrapped to the screen.
        let words = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.starts_with(&purpose), "{name}:\n{}", run.stdout);
        assert!(!words.contains('{'), "{name}: values of options stand in their places:\n{}", run.stdout);
        let options = declared(text);
        assert!(!options.is_empty() || name.starts_with("labs/"), "{name} declares no options");
        for option in options {
            let flag = format!("--{option} ");
            let line = run.stdout.lines().find(|line| line.trim_start().trim_start_matches("-q, ").starts_with(&flag));
            assert!(line.is_some(), "{name}: --{option} is not explained:\n{}", run.stdout);
        }
        let tells_units = run.stdout.contains("\nTIME is a number and its unit: ") && run.stdout.contains("1m, 1h\n");
        assert_eq!(tells_units, run.stdout.contains("<TIME>"), "{name}:\n{}", run.stdout);
        if text.contains("Missed Slot") {
            assert!(words.contains("Missed Slot"), "{name}:\n{}", run.stdout);
        }
        for word in ["Usage:", "Needs:", "Exit:"] {
            assert!(run.stdout.contains(word), "{name}: no {word} in\n{}", run.stdout);
        }
    }
}

#[test]
fn an_unknown_option_is_refused_by_each() {
    for (name, text) in programs() {
        let Some(option) = declared(text).into_iter().next() else { continue };
        let wrong = format!("--{option}x");
        let run = pingscript(&[format!("scripts/{name}").as_str(), wrong.as_str()]).run().expect_code(2);
        assert!(run.stderr.contains(&wrong) && run.stderr.contains(&format!("'--{option}'")), "{}", run.stderr);
    }
}

#[test]
fn udp_ping_runs_on_its_own() {
    let run = pingscript(&["--seed", "1", "scripts/udp_ping.rhai", "--count", "3", "--timeout", "100ms"]).run();
    let run = run.expect_code(0);
    assert!(run.stdout.contains("drops 20% of the pings by default (see its policy line)\n"), "{}", run.stdout);
    assert!(run.stdout.contains("Packets Sent: 3\n"), "{}", run.stdout);
    assert!(run.stdout.ends_with("  0 unexplained\n"), "{}", run.stdout);
    assert!(run.stderr.contains("seed: 1 (the same again: --seed 1)"), "{}", run.stderr);
}

#[test]
fn udp_server_serves_until_it_is_stopped() {
    let server = pingscript(&["--seed", "1", "scripts/udp_server.rhai", "--listen", "127.0.0.1:0"]).start();
    let addr = format!("127.0.0.1:{}", server.bound_port());
    let args = ["scripts/udp_ping.rhai", "--server", &addr, "--count", "2", "--timeout", "100ms"];
    let client = pingscript(&args).run();
    assert!(client.stdout.contains("Packets Sent: 2\n"), "{}", client.stdout);
    let run = server.stop().expect_code(143);
    assert!(run.stdout.contains(": ping 2 "), "{}", run.stdout);
    assert!(run.stdout.ends_with("Received SIGTERM stopping pings\n"), "{}", run.stdout);
}

#[test]
fn a_shipped_script_runs_from_any_directory_by_its_name() {
    let dir = TempDir::new();
    let run = pingscript(&["udp_ping", "--count", "1", "--timeout", "100ms"]).dir(dir.path()).run();
    assert!(matches!(run.code, Some(0 | 1)), "{run:?}");
    assert!(run.stdout.contains("Packets Sent: 1\n"), "{}", run.stdout);
}

/// The names of the options that a script declares, in order.
fn declared(text: &str) -> Vec<String> {
    let call = |line: &str| {
        let rest = ["option(\"", "ask(\"", "flag(\""].iter().find_map(|call| line.trim_start().strip_prefix(call))?;
        rest.split_once('"').map(|(name, _)| name.to_string())
    };
    text.lines().filter_map(call).collect()
}

#[test]
fn a_policy_that_is_run_says_how_it_is_used() {
    let dir = TempDir::new();
    dir.write("mine.rhai", "|pkt| pass()");
    for (name, used) in [("policies/loss", "--policy loss\n"), ("mine.rhai", "--policy ./mine.rhai\n")] {
        let run = pingscript(&[name]).dir(dir.path()).run().expect_code(0);
        assert!(run.stdout.is_empty() && run.stderr.ends_with(used), "{name}: {run:?}");
    }
}

/// What is wrong is the command line, not the script: the message names the option, and no place in the script.
#[test]
fn a_wrong_argument_of_a_script_that_came_with_pingscript_is_a_matter_of_usage() {
    for (args, message) in [
        (&["udp_server", "--policy", "gilbert:p=2"][..], "--policy gilbert:p=2: invalid value '2' for '--p <X>'"),
        (&["udp_server", "--policy", "gilbert:x=2"], "--policy gilbert:x=2: unexpected argument '--x' found"),
        (&["udp_server", "--policy", "loss:p=50%"], "--policy loss:p=50%: invalid value '50%' for '--p <X>'"),
        (&["sweep", "10.0.0.1-300"], "TARGETS 10.0.0.1-300: \"10.0.0.1-300\" is not a list of addresses"),
        (&["sweep", "10.0.0.0/33"], "TARGETS 10.0.0.0/33: \"10.0.0.0/33\" is not a list of addresses"),
        (&["sweep", "@/no/such/file"], "TARGETS @/no/such/file: no such file or directory"),
        (&["icmp_ping", "--count", "1", "--pattern", "zz"], "--pattern zz: option `pattern` takes"),
        (&["pmtu", "127.0.0.1:7"], "TARGET 127.0.0.1:7: \"127.0.0.1:7\" has a port"),
        (&["traceroute", "127.0.0.1:7"], "TARGET 127.0.0.1:7: \"127.0.0.1:7\" has a port"),
        (&["traceroute", "--source", "192.0.2.1"], "--source 192.0.2.1: cannot assign requested address"),
        (
            &["icmp_ping", "--count", "1", "--interval", "1ns"],
            "--interval 1ns: an interval of 1ns is shorter than can be kept",
        ),
        (&["udp_server", "--listen", "192.0.2.1:0"], "--listen 192.0.2.1:0: cannot assign requested address"),
    ] {
        let run = pingscript(args).run().expect_code(2);
        assert!(run.stderr.starts_with(&format!("error: {message}")), "{args:?}\n{}", run.stderr);
        assert!(!run.stderr.contains("-->"), "{args:?}\n{}", run.stderr);
    }
}

#[test]
fn a_question_about_an_interface_has_no_payload_for_a_pattern() {
    let run = pingscript(&["icmp_ping", "--count", "1", "--probe", "lo", "--pattern", "ff"]).run().expect_code(2);
    assert!(run.stdout.starts_with("error: --probe takes no --pattern: "), "{}", run.stdout);
}

#[test]
fn wrong_arguments_of_a_lab_are_a_matter_of_usage() {
    if !common::require_lab_or_skip("pingscript lab") {
        return;
    }
    for (flag, value) in [("--rate", "10X"), ("--record", "/no/such/dir/x.pcap")] {
        let run = pingscript(&["lab", flag, value, "--", "true"]).run().expect_code(2);
        assert!(run.stderr.contains(&format!("error: {flag} {value}: ")), "{}", run.stderr);
    }
}

/// The user's own script is shown with its place: what is wrong may be there.
#[test]
fn a_wrong_argument_of_another_script_has_its_place() {
    let dir = TempDir::new();
    dir.write("own.rhai", "const OPT = options([option(\"t\", \"\", \"\")]); icmp::targets(OPT.t);");
    let run = pingscript(&["own.rhai", "--t", "10.0.0.1-300"]).dir(dir.path()).run().expect_code(3);
    assert!(run.stderr.contains("--> own.rhai:1:"), "{}", run.stderr);
}
