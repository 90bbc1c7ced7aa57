//! `pingscript doctor`: what it finds here, and where the system forbids things. Every restriction is put on the program
//! alone; the machine is left as it is.

mod common;

use common::{
    Cmd, Run, TempDir, binary, nobodys_pingscript, peer, pingscript, require_program_or_skip, require_root_or_skip,
};
use serde_json::Value;

/// The checks, in the order in which they are shown.
const CHECKS: [&str; 12] = [
    "udp",
    "ipv6",
    "icmp-errors",
    "stamps",
    "drops",
    "ping-sockets",
    "raw-sockets",
    "timer",
    "files",
    "buffer",
    "labs",
    "tools",
];

#[test]
fn every_check_is_printed_for_people_and_for_programs() {
    let run = pingscript(&["doctor"]).run();
    let found = Found::of(pingscript(&["doctor", "--json"]).run());
    assert_eq!(found.ids(), CHECKS);
    assert_eq!(run.code, found.run.code, "{}", run.stdout);
    assert_eq!(run.stderr, "");
    assert!(run.stdout.starts_with(&format!("pingscript {} on Linux ", env!("CARGO_PKG_VERSION"))), "{}", run.stdout);
    // How late a timer is differs from run to run.
    for check in found.checks().iter().filter(|check| check["id"] != "timer") {
        let (title, word) = (check["title"].as_str().expect("a title"), check["state"].as_str().expect("a state"));
        let line = run.stdout.lines().find(|line| line.get(11..).is_some_and(|rest| rest.starts_with(title)));
        assert!(line.is_some_and(|line| line.trim_start().starts_with(word)), "{title} {word}:\n{}", run.stdout);
        assert!(!check["finding"].as_str().expect("a finding").is_empty(), "{check}");
        for remedy in check["remedies"].as_array().into_iter().flatten() {
            let line = format!("      -> {}\n", remedy.as_str().expect("text"));
            assert!(run.stdout.contains(&line), "{line}{}", run.stdout);
        }
    }
    let long = |line: &&str| line.chars().count() > 80 && !line.starts_with("      -> ");
    assert_eq!(run.stdout.lines().skip(1).find(long), None);
}

#[test]
fn udp_works_wherever_tests_run() {
    let found = Found::of(pingscript(&["doctor", "--json"]).run());
    for id in ["udp", "icmp-errors", "stamps", "drops", "timer"] {
        assert_ne!(found.state(id), "broken", "{}", found.run.stdout);
    }
    assert_eq!(found.state("udp"), "ok", "{}", found.run.stdout);
    assert_eq!(found.state("icmp-errors"), "ok", "{}", found.run.stdout);
    let timer = &found.check("timer")["details"];
    assert!(timer["median_us"].as_i64() <= timer["worst_us"].as_i64(), "{timer}");
}

#[test]
fn colours_are_for_terminals() {
    let colours = |cmd: Cmd| cmd.start_on_terminal().finish().stdout.contains("\x1b[32mok");
    assert!(colours(pingscript(&["doctor"])));
    assert!(!colours(pingscript(&["doctor"]).env("NO_COLOR", "1")));
    assert!(!pingscript(&["doctor"]).run().stdout.contains('\x1b'));
}

#[test]
fn options_are_reported() {
    let run = pingscript(&["doctor", "--help"]).run().expect_code(0);
    assert!(run.stdout.contains("Exit codes:\n    0  all that matters works"), "{}", run.stdout);
    let run = pingscript(&["doctor", "--jsno"]).run().expect_code(2);
    assert!(run.stderr.contains("a similar argument exists: '--json'"), "{}", run.stderr);
    let run = pingscript(&["doctor", "--json", "--apparmor-profile"]).run().expect_code(2);
    assert!(run.stderr.contains("cannot be used with"), "{}", run.stderr);
}

#[test]
fn the_apparmor_profile_is_for_this_file() {
    let run = pingscript(&["doctor", "--apparmor-profile"]).run().expect_code(0);
    let file = binary().canonicalize().expect("the binary");
    let line = format!("profile pingscript \"{}\" flags=(unconfined) {{\n  userns,\n", file.display());
    assert!(run.stdout.contains(&line), "{}", run.stdout);
    assert_eq!(run.stderr, "");
}

#[test]
fn root_may_do_everything() {
    if !require_root_or_skip("what root may do") {
        return;
    }
    let found = Found::of(pingscript(&["doctor", "--json"]).run().expect_code(0));
    assert_eq!((found.state("raw-sockets"), found.state("labs")), ("ok", "ok"), "{}", found.run.stdout);
    assert!(!found.run.stdout.contains("sudo "), "root needs none:\n{}", found.run.stdout);
}

#[test]
fn an_ordinary_user_is_reported_what_to_ask_for() {
    if !require_root_or_skip("what an ordinary user may do") {
        return;
    }
    let dir = TempDir::new();
    let found = Found::of(nobodys_pingscript(&dir, &["doctor", "--json"]).run());
    assert_eq!(found.state("icmp-errors"), "ok", "{}", found.run.stdout);
    let raw = found.check("raw-sockets");
    assert_ne!(raw["state"], "ok", "{raw}");
    let setcap = format!("sudo setcap cap_net_raw+ep {}", dir.path().join("pingscript").display());
    let in_container = raw["remedies"][0].as_str().is_some_and(|remedy| remedy.contains("NET_RAW"));
    assert!(raw["remedies"][0] == setcap.as_str() || in_container, "{raw}");
    for unheard in ["source quench (4/0)", "reassembly time exceeded (11/1)", "Photuris (40)", "extended echo (43)"] {
        assert!(raw["meaning"].as_str().is_some_and(|meaning| meaning.contains(unheard)), "{raw}");
    }
}

#[test]
fn labs_without_user_namespaces() {
    let Some(found) = restricted(&["no-user-namespaces"]) else { return };
    found.expect_refused("labs", "user.max_user_namespaces = 0", "sysctl -w user.max_user_namespaces=");
    assert_eq!(found.check("labs")["details"]["user.max_user_namespaces"], 0);
    assert_eq!(found.state("udp"), "ok", "{}", found.run.stdout);
}

#[test]
fn labs_under_a_filter_of_system_calls() {
    let Some(found) = restricted(&["seccomp"]) else { return };
    found.expect_refused("labs", "filter", "seccomp=unconfined");
    assert_eq!(found.check("labs")["details"]["seccomp"], true);
    let words = sandboxed(&["seccomp"], &[]).run().expect_code(4);
    assert!(
        words.stdout.contains("\nRefused: ") && words.stdout.contains("Without labs all other scripts run"),
        "{words:?}"
    );
}

#[test]
fn labs_without_mounts_are_limited() {
    for (restriction, finding, remedy) in [
        ("no-mounts", "programs in hosts do not know hosts by name, ", "apparmor=unconfined"),
        ("masked", "programs in hosts see this machine's processes in /proc (mount(2): ", "systempaths=unconfined"),
    ] {
        if restriction == "masked" && !require_root_or_skip("labs where /proc is masked") {
            continue;
        }
        let Some(found) = restricted(&[restriction]) else { return };
        let labs = found.check("labs");
        assert_eq!(labs["state"], "limited", "{labs}");
        assert!(labs["finding"].as_str().is_some_and(|text| text.starts_with(finding)), "{labs}");
        assert!(labs["remedies"][0].as_str().is_some_and(|text| text.contains(remedy)), "{labs}");
        let words = sandboxed(&[restriction], &[]).run();
        assert!(!words.stdout.contains("Without labs all other scripts run"), "{}", words.stdout);
    }
}

#[test]
fn ping_sockets_that_are_for_nobody() {
    let Some(found) = restricted(&["network", "1 0"]) else { return };
    let ping = found.check("ping-sockets");
    assert_eq!((&ping["state"], found.state("raw-sockets")), (&Value::from("limited"), "ok"), "{ping}");
    assert_eq!(ping["meaning"], "raw sockets take their place");
    assert!(ping["finding"].as_str().is_some_and(|text| text.contains("net.ipv4.ping_group_range is ")), "{ping}");
    assert!(ping["remedies"][0].as_str().is_some_and(|text| text.contains("sysctl -w net.ipv4.ping_group_range=")));
}

#[test]
fn ping_sockets_that_are_for_this_group() {
    let Some(found) = restricted(&["network", "0 0"]) else { return };
    let ping = found.check("ping-sockets");
    assert!(ping["finding"].as_str().is_some_and(|text| text.starts_with("IPv4") && text.contains("stamps")), "{ping}");
}

#[test]
fn a_network_that_is_down() {
    let Some(found) = restricted(&["network-down"]) else { return };
    assert_eq!((found.state("udp"), found.run.code), ("broken", Some(1)), "{}", found.run.stdout);
    let remedy = found.check("udp")["remedies"][0].as_str().expect("a remedy");
    assert!(remedy.ends_with("ip link set lo up"), "{remedy}");
    assert_eq!(found.state("labs"), "ok", "a lab has a network of its own\n{}", found.run.stdout);
}

/// What a doctor found.
#[derive(Debug)]
struct Found {
    run: Run,
    report: Value,
}

impl Found {
    fn of(run: Run) -> Self {
        let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|err| panic!("{err}: {run:?}"));
        assert_eq!(report["exit"].as_i64(), run.code.map(i64::from), "{}", run.stdout);
        assert_eq!(run.stderr, "");
        Self { run, report }
    }

    fn checks(&self) -> &Vec<Value> {
        self.report["checks"].as_array().expect("checks")
    }

    fn ids(&self) -> Vec<&str> {
        self.checks().iter().filter_map(|check| check["id"].as_str()).collect()
    }

    fn check(&self, id: &str) -> &Value {
        self.checks().iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no {id}: {:?}", self.report))
    }

    fn state(&self, id: &str) -> &str {
        self.check(id)["state"].as_str().expect("a state")
    }

    /// The check `id` is refused for this reason, with this remedy, and that is the exit code.
    fn expect_refused(&self, id: &str, reason: &str, remedy: &str) {
        let check = self.check(id);
        assert_eq!((self.state(id), self.run.code), ("refused", Some(4)), "{}", self.run.stdout);
        assert!(check["finding"].as_str().is_some_and(|text| text.contains(reason)), "{check}");
        assert!(check["remedies"][0].as_str().is_some_and(|text| text.contains(remedy)), "{check}");
    }
}

/// `pingscript doctor` with `more`, where `restriction` holds.
fn sandboxed(restriction: &[&str], more: &[&str]) -> Cmd {
    let binary = binary().display().to_string();
    peer("sandbox.py", &[restriction, &[&binary, "doctor"], more].concat())
}

/// What the doctor finds where `restriction` holds; `None`, after saying so, where that cannot be tried.
fn restricted(restriction: &[&str]) -> Option<Found> {
    let what = format!("the doctor under {}", restriction.join(" "));
    if !require_program_or_skip("python3", &what) || (!FILTERS.contains(&restriction[0]) && !may_restrict(&what)) {
        return None;
    }
    Some(Found::of(sandboxed(restriction, &["--json"]).run()))
}

/// Restrictions that need no namespaces.
const FILTERS: [&str; 2] = ["seccomp", "no-mounts"];

/// Whether namespaces can be made, which the restrictions live in.
fn may_restrict(what: &str) -> bool {
    let labs = Found::of(pingscript(&["doctor", "--json"]).run());
    labs.state("labs") == "ok" || require_root_or_skip(what)
}
