//! How often `compare` shows a change between simulated runs: of one lab, where there is none; and where p99 is 20% longer, or the loss
//! 3 points higher.
//!
//! `cargo bench --bench comparison` runs each pair by `--simulate` with seeds of its own: 1,000 pairs that are alike and 200 of
//! each change, or as many of each as are asked for (`-- 100`). A ping shares a link of 10 Mbit/s with bursts of other packets, so
//! that round-trip times are like those before them, and losses come in runs of two.
#![allow(missing_docs)]

use std::process::{Command, Stdio};

use pingscript::net::probe::comparison::Metric;

const PINGSCRIPT: &str = env!("CARGO_BIN_EXE_pingscript");

/// A lab, the rows of whose pings are compared.
const LAB: &str = r#"
const OPT = options([ option("burst", 12.0, "packets at once"), option("enter", 0.005, "begin of a loss"), option("count", 4000, "pings") ]);
let net = lab::create(); let a = net.host("a"); let b = net.host("b");
net.link(a, b, #{ delay: 5.ms, jitter: 2.ms, fifo: true, rate: "10M", queue: 200, policy: gilbert(OPT.enter, 0.5) });
let server = run_in(b, || udp::bind("*:7"));
start_thread(|| for pkt in server { pkt.reply(pkt.text); });
let others = run_in(b, || udp::bind("*:9"));
let noise = run_in(a, || udp::bind("*:0")); let to = `${b.addr}:9`;
start_thread(|| while true {
    for n in 0..(1 + (random() * global::OPT.burst).to_int()) { noise.send_to(blob(1000), to); }
    sleep((2.0 + random() * 40.0).ms);
});
let plan = #{ count: OPT.count, interval: 10.ms, window: 256, timeout: 1.s, icmp_wait: 0.s };
run_in(a, || for ping in pinger(udp::open("b:7"), "b:7", plan) { });
exit(0);
"#;

fn main() {
    let asked = std::env::args().skip(1).find_map(|arg| arg.parse::<u64>().ok());
    let dir = std::env::temp_dir().join(format!("pingscript-comparison-{}", std::process::id()));
    std::fs::create_dir(&dir).expect("a directory");
    let files = ["before.jsonl", "after.jsonl"].map(|name| dir.join(name).display().to_string());
    println!("{:<28}{}", "pairs with a change of", Metric::ALL.map(|metric| format!("{:>14}", metric.name())).concat());
    for (name, pairs, before, after) in [
        ("alike, 2,000 pings", 1000, &["--count", "2000"][..], &["--count", "2000"][..]),
        ("p99 20% longer, 4,000 pings", 200, &[], &["--burst", "16.1"]),
        ("loss 5% for 2%, 4,000 pings", 200, &[], &["--enter", "0.0131"]),
    ] {
        let pairs = asked.unwrap_or(pairs);
        let mut shown = [0_u64; 6];
        for pair in 0..pairs {
            run(2 * pair, before, &files[0]);
            run(2 * pair + 1, after, &files[1]);
            let is_shown = compared(&files);
            shown.iter_mut().zip(is_shown).for_each(|(sum, is_shown)| *sum += u64::from(is_shown));
        }
        println!("{name:<28}{}", shown.map(|shown| format!("{:>13.1}%", shown as f64 * 100.0 / pairs as f64)).concat());
    }
    std::fs::remove_dir_all(&dir).expect("the directory");
}

/// Runs the lab with a seed, and writes its rows.
fn run(seed: u64, args: &[&str], file: &str) {
    let seed = seed.to_string();
    let flags = ["--simulate", "--seed", &seed, "--json", file, "-e", LAB];
    let status = Command::new(PINGSCRIPT).args(flags).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "seed {seed}");
}

/// Whether a change is shown of each metric.
fn compared(files: &[String; 2]) -> Vec<bool> {
    let output = Command::new(PINGSCRIPT).args(["compare", "--json"]).args(files).output().expect("a comparison");
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    value["metrics"].as_array().expect("metrics").iter().map(|metric| metric["shown"] == true).collect()
}
