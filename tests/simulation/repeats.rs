//! The same seed gives the same bytes: of every lab and pinger that ships, on an idle and on a busy machine.
//!
//! `PINGSCRIPT_REPEATS=100 cargo test --test simulation repeats` runs each so many times more.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::common::{TempDir, pingscript, repo_root};

/// What ships and pings, with arguments that need no other machine.
const PINGERS: [&[&str]; 10] = [
    &["udp_ping", "--count", "30"],
    &["tcp_ping", "--count", "20"],
    &["icmp_ping", "127.0.0.1", "--count", "5"],
    &["icmp_flood", "127.0.0.1", "--count", "100"],
    &["traceroute", "127.0.0.1"],
    &["sweep", "127.0.0.0/29"],
    &["pmtu", "127.0.0.1"],
    &["udp_load", "--count", "50"],
    &["examples/dns_probe"],
    &["examples/voip_probe"],
];

/// Eight threads of the script, which wait for each other.
const THREADS: &str = "let q = channel(); let done = counter();
let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\");
net.link(a, b, #{ delay: 3.ms, jitter: 2.ms, policy: loss(0.1) });
let server = run_in(b, || udp::bind(\"*:7\"));
let serving = start_thread(|| udp::serve(server, udp::echo()));
let tasks = [];
for n in 0..8 {
    tasks.push(run_in(a, || start_thread(|| {
        let s = udp::open(\"b:7\");
        for i in 0..20 {
            let p = s.ping(\"b:7\", `ping ${i} of ${n}`, 50.ms);
            q.send(`${n} ${i} ${p.rtt}`);
            done.add(1);
            sleep(random() * 4.0 * 1.ms);
        }
    })));
}
for n in 0..160 { print(q.recv()); }
for task in tasks { task.join(); }
print(done.value); serving.stop();";

/// What a run leaves: its exit code, what it printed, its rows, its capture.
type Left = (Option<i32>, String, String, String, Vec<u8>);

fn run(dir: &Path, seed: &str, args: &[&str]) -> Left {
    let [rows, capture] = ["rows", "capture.pcapng"].map(|name| dir.join(name));
    for file in [&rows, &capture] {
        let _ = fs::remove_file(file);
    }
    let words = [&["--simulate", "--seed", seed, "--json", rows.to_str().expect("a path")], args].concat();
    let run = pingscript(&words).patience(Duration::from_secs(300)).run();
    // The last line has the time that it took.
    let errors = run.stderr.trim_end().rsplit_once('\n').map_or(String::new(), |(errors, _)| errors.to_string());
    assert!(
        run.stderr.trim_end().lines().last().is_some_and(|last| last.starts_with("simulated: ")),
        "{args:?} {run:?}"
    );
    let rows = fs::read_to_string(&rows).unwrap_or_else(|err| panic!("{args:?}: no rows: {err}"));
    (run.code, run.stdout, errors, rows, fs::read(&capture).unwrap_or_default())
}

/// Has two threads keep processors busy meanwhile; they end when the body does, also where it fails.
fn on_a_busy_machine<T>(body: impl FnOnce() -> T) -> T {
    let busy = Arc::new(());
    for _ in 0..2 {
        let busy = Arc::downgrade(&busy);
        std::thread::spawn(move || {
            while busy.strong_count() > 0 {
                std::hint::spin_loop();
            }
        });
    }
    body()
}

fn repeats(args: &[&str]) -> Left {
    let dir = TempDir::new();
    let first = run(dir.path(), "7", args);
    assert!(!first.1.is_empty() && first.3.contains("\"summary\""), "{args:?}: {first:?}");
    let same = |again: Left, how: &str| {
        assert_eq!((again.0, &again.1, &again.2), (first.0, &first.1, &first.2), "{args:?} {how}");
        assert!(again.3 == first.3, "{args:?} {how}: other rows");
        assert!(again.4 == first.4, "{args:?} {how}: another capture");
    };
    same(on_a_busy_machine(|| run(dir.path(), "7", args)), "on a busy machine");
    let more = std::env::var("PINGSCRIPT_REPEATS").ok().and_then(|count| count.parse().ok()).unwrap_or(0);
    for count in 0..more {
        same(run(dir.path(), "7", args), &format!("run {count}"));
    }
    first
}

#[test]
fn every_lab_leaves_the_same_bytes() {
    let labs = fs::read_dir(repo_root().join("scripts/labs")).expect("the labs");
    let mut names: Vec<String> = labs
        .filter_map(|file| file.ok()?.file_name().to_str()?.strip_suffix(".rhai").map(|name| format!("labs/{name}")))
        .collect();
    names.sort();
    assert!(names.len() >= 18, "{names:?}");
    let passed = names.iter().filter(|name| repeats(&[name]).0 == Some(0)).count();
    assert!(passed >= names.len() - 2, "only {passed} of {} labs pass", names.len());
}

#[test]
fn every_pinger_leaves_the_same_bytes() {
    for args in PINGERS {
        assert_eq!(repeats(args).0, Some(0), "{args:?}");
    }
}

#[test]
fn captures_and_eight_threads_leave_the_same_bytes_and_another_seed_others() {
    let dir = TempDir::new();
    let capture = dir.path().join("capture.pcapng");
    let code = format!(
        "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\");
         let link = net.link(a, b, #{{ delay: 2.ms, jitter: 1.ms, policy: loss(0.2) }}); link.capture(\"{}\");
         b.start(\"udp_server_plain.rhai\", [\"--listen\", \"*:11000\", \"--quiet\"]);
         a.run(\"udp_ping.rhai\", [\"--server\", \"b:11000\", \"--count\", 30]); ()",
        capture.display()
    );
    let first = run(dir.path(), "7", &["-e", &code]);
    assert!(first.4.len() > 1_000, "the capture has {} bytes", first.4.len());
    assert!(first == on_a_busy_machine(|| run(dir.path(), "7", &["-e", &code])));
    let threads = repeats(&["-e", THREADS]);
    assert!(threads.1.contains("\n160\n"), "{}", threads.1);
    for args in [&["-e", code.as_str()][..], &["-e", THREADS], &["udp_ping", "--count", "30"]] {
        let (one, other) = (run(dir.path(), "7", args), run(dir.path(), "8", args));
        assert!(one.1 != other.1 && one.3 != other.3, "{args:?}");
    }
}
