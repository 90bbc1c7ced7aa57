//! `labs/tcp_loss` over many seeds and over both kinds of lab: what is lost and how long round trips take has the distribution it should.
//!
//! `PINGSCRIPT_SEEDS=1000 cargo test --test simulation losses -- --nocapture` takes more seeds than the 100 of each run, and
//! `cargo test --test simulation round_trips -- --ignored --nocapture` compares 50 runs in the kernel with 50 simulated ones, which
//! needs an idle machine for some minutes.

use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::common::{TempDir, pingscript, skip};

const LAB: &str = "scripts/labs/tcp_loss.rhai";

/// Pings over UDP in a run of the lab, and the share that is lost where a link loses a tenth each way.
const PINGS: usize = 60;
const LOST: f64 = 0.19;

/// What lies 3.09 standard deviations out is met once in a thousand.
const ONE_IN_A_THOUSAND: f64 = 3.09;

fn rows(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).expect("rows");
    text.lines().map(|line| serde_json::from_str(line).expect("a row of JSON")).collect()
}

/// The chance of each number of losses.
fn binomial() -> Vec<f64> {
    let mut chances = vec![(1.0 - LOST).powi(PINGS as i32)];
    for lost in 0..PINGS {
        let next = chances[lost] * (PINGS - lost) as f64 / (lost + 1) as f64 * LOST / (1.0 - LOST);
        chances.push(next);
    }
    chances
}

/// Chi-square of `counts` against `chances`, with neighbours joined until five are expected of each, and the degrees of freedom.
fn chi_square(counts: &[usize], chances: &[f64]) -> (f64, f64) {
    let all = counts.iter().sum::<usize>() as f64;
    let mut bins: Vec<(f64, f64)> = vec![(0.0, 0.0)];
    for (count, chance) in counts.iter().zip(chances) {
        if bins.last().is_some_and(|(_, expected)| *expected >= 5.0) {
            bins.push((0.0, 0.0));
        }
        let last = bins.last_mut().expect("a bin");
        (last.0, last.1) = (last.0 + *count as f64, last.1 + chance * all);
    }
    if let Some((count, expected)) = bins.pop_if(|(_, expected)| *expected < 5.0) {
        let last = bins.last_mut().expect("a bin");
        (last.0, last.1) = (last.0 + count, last.1 + expected);
    }
    let sum = bins.iter().map(|(count, expected)| (count - expected).powi(2) / expected).sum();
    (sum, bins.len() as f64 - 1.0)
}

/// What chi-square with so many degrees of freedom exceeds once in a thousand (Wilson and Hilferty).
fn most_of_chi_square(freedom: f64) -> f64 {
    let ninth = 2.0 / (9.0 * freedom);
    freedom * (1.0 - ninth + ONE_IN_A_THOUSAND * ninth.sqrt()).powi(3)
}

#[test]
fn losses_over_udp_are_binomial_and_none_is_over_tcp() {
    let seeds = std::env::var("PINGSCRIPT_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    let dir = TempDir::new();
    let file = dir.path().join("rows");
    let args = ["--simulate", "--seeds", &format!("1..{seeds}"), "--json", file.to_str().expect("a path"), LAB];
    pingscript(&args).patience(Duration::from_secs(1_800)).run();
    let mut counts = vec![0; PINGS + 1];
    for row in rows(&file) {
        let given = |at: usize| row["expectations"][at]["number"].as_f64();
        counts[given(0).expect("pings lost over UDP") as usize] += 1;
        // A seed whose first expectation fails has ended there.
        assert!(given(1).is_none_or(|lost| lost == 0.0), "{row}");
    }
    assert_eq!(counts.iter().sum::<usize>(), seeds);
    let (chi, freedom) = chi_square(&counts, &binomial());
    let most = most_of_chi_square(freedom);
    println!("{seeds} seeds: chi-square {chi:.1} with {freedom} degrees of freedom, {most:.1} at most at 0.1%");
    assert!(chi <= most, "{chi} of {most}: {counts:?}");
}

/// As the lab, with a link whose own times vary more than those of the machine; and without, for what the machine takes.
const JITTER: &str = r#"
let net = lab::create(); let a = net.host("a"); let b = net.host("b"); LIKE_OURS
net.link(a, b, #{ delay: 12.ms, jitter: JITTER, policy: loss(0.1) });
b.start("udp_server_plain.rhai", ["--listen", "*:11000", "--quiet"]);
b.start("tcp_multi.rhai", ["--listen", "*:11001", "--quiet"]);
let plan = #{ count: 60, interval: 2.ms, window: 256, timeout: 2.s, icmp_wait: 0.s };
run_in(a, || for ping in pinger(udp::open("b:11000"), "b:11000", plan) { });
let conn = run_in(a, || tcp::connect("b:11001", #{ timeout: 300.s }));
for n in 1..=60 { conn.ping(`ping ${n}`, 300.s); }
exit(0);
"#;

/// Without timestamps, as a simulated host: with them the time of a reply that was sent again enters Linux's time-out, and there
/// are half as many pings again with a longer one (docs/simulation.md).
const LIKE_OURS: &str =
    r#"for host in [a, b] { host.exec(["sh", "-c", "echo 0 > /proc/sys/net/ipv4/tcp_timestamps"]); }"#;

/// The round trips of a run over UDP and over TCP, in milliseconds.
fn round_trips(args: &[&str], file: &Path) -> [Vec<f64>; 2] {
    let args = [&["--json", file.to_str().expect("a path")], args].concat();
    let run = pingscript(&args).patience(Duration::from_secs(120)).run();
    assert!(matches!(run.code, Some(0 | 5)), "{run:?}");
    let mut times = [Vec::new(), Vec::new()];
    for row in rows(file).iter().filter(|row| row["type"] == "probe") {
        let over_tcp = row["to"].as_str().is_some_and(|to| to.ends_with(":11001"));
        times[usize::from(over_tcp)].extend(row["rtt_ns"].as_f64().map(|ns| ns / 1e6));
    }
    times
}

/// The largest distance of two distributions (Kolmogorov and Smirnov), and what it exceeds once in a thousand.
fn distance(one: &[f64], other: &[f64]) -> (f64, f64) {
    let below = |times: &[f64], at: f64| times.iter().filter(|time| **time <= at).count() as f64 / times.len() as f64;
    let far = one.iter().chain(other).map(|at| (below(one, *at) - below(other, *at)).abs()).fold(0.0, f64::max);
    let (n, m) = (one.len() as f64, other.len() as f64);
    (far, 1.949 * ((n + m) / (n * m)).sqrt())
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

/// How long what Linux sends again takes in the lab: the probe, and the time-out behind it. Further ones are apart: Linux's
/// time-out grows where the times of replies that were sent again enter it (docs/simulation.md).
const AGAIN: [(f64, f64); 2] = [(150.0, 350.0), (350.0, 700.0)];

#[test]
#[ignore = "fifty runs in the kernel take minutes, and an idle machine"]
fn round_trips_are_those_of_the_kernel() {
    if pingscript(&["--lab", "kernel", "-e", "lab::create()"]).run().code == Some(4) {
        skip("round trips in the kernel", "user namespaces or root");
        return;
    }
    let dir = TempDir::new();
    let file = dir.path().join("rows");
    let mut wrong = Vec::new();
    let script = |jitter, like_ours| JITTER.replace("JITTER", jitter).replace("LIKE_OURS", like_ours);
    let (even, varying, ours) = (script("0.ms", LIKE_OURS), script("12.ms", LIKE_OURS), script("12.ms", ""));
    // What the machine takes for a round trip, which a simulated one does not.
    let [own, _] = of_seeds(1..=10, &["--lab", "kernel"], &["-e", &even], &file);
    let own: Vec<f64> = own.iter().map(|time| time - 24.0).collect();
    let jitter = ("with jitter", [&["-e", &varying][..], &["-e", &ours]], Some(&own));
    for (what, scripts, own) in [jitter, ("tcp_loss", [&[LAB]; 2], None)] {
        // Other seeds, so that the runs have nothing in common.
        let mut linux = of_seeds(1..=50, &["--lab", "kernel"], scripts[0], &file);
        let mut simulated = of_seeds(1_001..=1_050, &["--simulate"], scripts[1], &file);
        for ((name, linux), simulated) in ["UDP", "TCP"].into_iter().zip(&mut linux).zip(&mut simulated) {
            let name = format!("{what}, {name}");
            wrong.extend(compare(&name, linux, simulated, own.map(Vec::as_slice)));
            // Over UDP nothing is sent again.
            let times = if name.ends_with("TCP") { &AGAIN[..] } else { &[] };
            wrong.extend(times.iter().filter_map(|times| compare_again(&name, linux, simulated, *times)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The round trips over UDP and over TCP of a run for each seed.
fn of_seeds(seeds: RangeInclusive<u32>, kind: &[&str], script: &[&str], file: &Path) -> [Vec<f64>; 2] {
    let mut all = [vec![], vec![]];
    for seed in seeds {
        let times = round_trips(&[kind, &["--seed", &seed.to_string()], script].concat(), file);
        all.iter_mut().zip(times).for_each(|(all, times)| all.extend(times));
    }
    all
}

/// The round trips below 50 ms. Where the link itself varies, both have one distribution, once each simulated one has one of the times
/// that the machine takes of its `own` added; else those of the simulation are all the same. What is wrong.
fn compare(name: &str, linux: &[f64], simulated: &[f64], own: Option<&[f64]>) -> Option<String> {
    let short = |times: &[f64]| times.iter().copied().filter(|time| *time < 50.0).collect::<Vec<f64>>();
    let added: Vec<f64> = match own {
        Some(own) => simulated.iter().zip(own.iter().cycle()).map(|(time, own)| time + own).collect(),
        None => simulated.to_vec(),
    };
    let (mut theirs, mut ours, mut with_own) = (short(linux), short(simulated), short(&added));
    let (far, most) = distance(&theirs, &with_own);
    let line = format!(
        "{name}: {} and {} below 50 ms, medians {:.2} and {:.2} ms, {:.2} ms with the machine's own; distance {far:.3}, {most:.3} at \
         most at 0.1%",
        theirs.len(),
        ours.len(),
        median(&mut theirs),
        median(&mut ours),
        median(&mut with_own),
    );
    println!("{line}");
    (own.is_some() && far > most).then_some(line)
}

/// The round trips of what was sent again, of a share that differs by four deviations at most. What is wrong.
fn compare_again(name: &str, linux: &[f64], simulated: &[f64], (from, to): (f64, f64)) -> Option<String> {
    let within = |times: &[f64]| times.iter().copied().filter(|time| (from..to).contains(time)).collect::<Vec<f64>>();
    let (mut theirs, mut ours) = (within(linux), within(simulated));
    let all = [linux.len() as f64, simulated.len() as f64];
    let shares = [theirs.len() as f64 / all[0], ours.len() as f64 / all[1]];
    let (a, b) = (median(&mut theirs), median(&mut ours));
    let line = format!("{name}: {from} to {to} ms: {} and {}, medians {a:.0} and {b:.0} ms", theirs.len(), ours.len());
    println!("{line}");
    let share = (shares[0] * all[0] + shares[1] * all[1]) / (all[0] + all[1]);
    let deviation = (share * (1.0 - share) * (1.0 / all[0] + 1.0 / all[1])).sqrt();
    let is_wrong = (shares[0] - shares[1]).abs() > 4.0 * deviation || (a - b).abs() > 50.0;
    is_wrong.then_some(line)
}
