//! Sweeps, floods and round-trip times over ICMP beside `fping` and `ping` of iputils, in turns in one run.
//!
//! `cargo bench --bench icmp` prints a table each for a sweep of 127.0.0.0/16, for the memory of sweeps of several sizes, for
//! floods of one host, and for the round-trip times of pings 2 ms apart, over loopback and over a link of a lab. A word after
//! `--` picks one: `sweep`, `memory`, `flood`, `rtt`. A program that is not installed is left out, and so is what this user
//! may not do. Programs are timed from start to end, their own start included; who begins changes from round to round; medians
//! of the rounds and of each round's ratios or differences are printed.
#![allow(missing_docs)]
// wait4(2) says what one child took; the block states why it is sound.
#![allow(unsafe_code)]

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Instant;

const PINGSCRIPT: &str = env!("CARGO_BIN_EXE_pingscript");
const ROUNDS: usize = 9;
const NETWORK: &str = "127.0.0.0/16";
const SIZES: [(&str, &str); 5] = [
    ("127.0.0.0/20", "4,094"),
    ("127.0.0.0/18", "16,382"),
    ("127.0.0.0/16", "65,534"),
    ("127.0.0.0/15", "131,070"),
    ("127.0.0.0/14", "262,142"),
];
const FLOOD: &str = "200000";
/// Of each of two threads.
const HALF: &str = "100000";
const LAB_FLOOD: &str = "20000";
const PINGS: &str = "400";

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let parts: [(&str, fn()); 4] = [("sweep", sweep), ("memory", memory), ("flood", flood), ("rtt", rtt)];
    if !run(&["icmp_ping", "127.0.0.1", "--count", "1"]).is_some_and(|run| run.is_ok) {
        return println!("this user can send no echo requests: pingscript doctor says why");
    }
    for (name, part) in parts {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            part();
        }
    }
}

/// What a program did.
struct Ran {
    is_ok: bool,
    out: String,
    /// From start to end, in seconds.
    wall: f64,
    /// User and system time, in seconds.
    cpu: f64,
    /// The most memory it had, in MiB.
    memory: f64,
}

/// Runs a program to its end; `None` if there is none.
fn program(argv: &[&str]) -> Option<Ran> {
    let start = Instant::now();
    let mut command = Command::new(argv[0]);
    command.args(&argv[1..]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut out = String::new();
    child.stdout.take()?.read_to_string(&mut out).ok()?;
    let mut status = 0;
    // SAFETY: rusage is plain data for which zeroes are valid; both places are valid to be written to. The child is ours,
    // and no one else has waited for it.
    let (waited, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::wait4(child.id() as i32, &raw mut status, 0, &raw mut usage), usage)
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Some(Ran {
        is_ok: waited > 0 && status == 0,
        out,
        wall: start.elapsed().as_secs_f64(),
        cpu: seconds(usage.ru_utime) + seconds(usage.ru_stime),
        memory: usage.ru_maxrss as f64 / 1024.0,
    })
}

fn run(args: &[&str]) -> Option<Ran> {
    program(&[&[PINGSCRIPT], args].concat())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Who is compared: a name, and what is run.
type Rival<'a> = (&'a str, Vec<&'a str>);

/// Runs all in turns and prints a row each: the median of what `measure` makes of each run, beside that of the first, which is
/// the peer; `better` says of the two which ratio is above 1 where we are better.
fn compare(rivals: &[Rival<'_>], rounds: usize, unit: &str, measure: impl Fn(&Ran) -> f64, more_is_better: bool) {
    let mut results = vec![Vec::new(); rivals.len()];
    for round in 0..rounds {
        // Who is first changes, so that what one leaves behind does not always fall on the same next one.
        for turn in 0..rivals.len() {
            let at = (round + turn) % rivals.len();
            results[at].extend(program(&rivals[at].1).filter(|ran| ran.is_ok).map(|ran| (measure(&ran), ran.cpu)));
        }
    }
    let peer = results[0].clone();
    for ((name, _), results) in rivals.iter().zip(&results) {
        if results.len() < rounds {
            println!("  {name:<34} did not run to its end, or is not installed");
            continue;
        }
        let ratio = |(ours, theirs): (&(f64, f64), &(f64, f64))| match more_is_better {
            true => ours.0 / theirs.0,
            false => theirs.0 / ours.0,
        };
        let ratios: Vec<f64> = results.iter().zip(&peer).map(ratio).collect();
        let ratio = if ratios.len() < rounds { "-".to_string() } else { format!("{:.2}", median(ratios)) };
        let (value, cpu) = results.iter().copied().unzip::<f64, f64, Vec<_>, Vec<_>>();
        let value = median(value);
        let value = if value < 100.0 { format!("{value:.3}") } else { format!("{value:.0}") };
        println!("  {name:<34} {value:>9} {unit:<9} {:>9.3} s of CPU {ratio:>9}", median(cpu));
    }
}

/// How long a network takes of which all addresses answer.
fn sweep() {
    println!("Sweep of {NETWORK}: 65,534 addresses that all answer; how many times as fast as fping");
    let ours = |threads| vec![PINGSCRIPT, "sweep", NETWORK, "--rate", "0", "--size", "56", "--threads", threads];
    let rivals = [
        ("fping -i 0", vec!["fping", "-q", "-i", "0", "-r", "0", "-g", NETWORK]),
        ("sweep --rate 0 --threads 1", ours("1")),
        ("sweep --rate 0", ours("2")),
    ];
    compare(&rivals, ROUNDS, "s", |ran| ran.wall, false);
}

/// The most memory that sweeps take.
fn memory() {
    println!("\nMost memory of a sweep, in MiB{:>27} {:>9}", "sweep", "fping");
    for (network, count) in SIZES {
        let ours = run(&["sweep", network, "--rate", "0"]).filter(|ran| ran.is_ok);
        let theirs = program(&["fping", "-q", "-i", "0", "-r", "0", "-g", network]).filter(|ran| ran.is_ok);
        let [ours, theirs] = [ours, theirs].map(|ran| ran.map_or("-".to_string(), |ran| format!("{:.1}", ran.memory)));
        println!("  {network:<16} {count:>9} addresses {ours:>25} {theirs:>9}");
    }
}

/// How many pings a second one host answers.
fn flood() {
    println!("\nFlood of 127.0.0.1 with 56 bytes of payload, pings a second; how many times as many as ping -f");
    let count: f64 = FLOOD.parse().expect("a number");
    let ours = |window, count, threads| {
        vec![PINGSCRIPT, "icmp_flood", "127.0.0.1", "--window", window, "--count", count, "--threads", threads]
    };
    let rivals = [
        ("ping -f", vec!["ping", "-f", "-q", "-n", "-c", FLOOD, "127.0.0.1"]),
        ("icmp_flood, 1 in flight", ours("1", FLOOD, "1")),
        ("icmp_flood, 64 in flight", ours("64", FLOOD, "1")),
        ("icmp_flood, 2 threads, 64 each", ours("64", HALF, "2")),
    ];
    compare(&rivals, ROUNDS, "a second", |ran| count / ran.wall, true);
    println!("over a link of a lab");
    let mut rates = [const { Vec::new() }; 3];
    let Some(out) = in_lab(&flood_script()) else { return };
    for line in out.lines() {
        let rate = |text: &str| text.trim().parse::<f64>().ok();
        let line = line.trim_start_matches("a| ");
        // `… 0% packet loss, time 608ms` and `98765 replies a second`.
        let theirs = line.split_once("packet loss, time ").and_then(|(_, time)| rate(time.strip_suffix("ms")?));
        let window = usize::from(rates[1].len() > rates[2].len()) + 1;
        rates[0].extend(theirs.map(|ms| LAB_FLOOD.parse::<f64>().expect("a number") / ms * 1e3));
        rates[window].extend(line.strip_suffix(" replies a second").and_then(rate));
    }
    let peer = rates[0].clone();
    for (name, rates) in ["ping -f", "icmp_flood, 1 in flight", "icmp_flood, 64 in flight"].into_iter().zip(rates) {
        let ratio = median(rates.iter().zip(&peer).map(|(ours, theirs)| ours / theirs).collect());
        println!("  {name:<34} {:>9.0} a second {ratio:>31.2}", median(rates));
    }
}

fn flood_script() -> String {
    format!(
        r#"for round in 0..5 {{
            print(a.exec(["ping", "-f", "-q", "-n", "-c", "{LAB_FLOOD}", b.addr], #{{ quiet: true }}).stdout);
            for window in ["1", "64"] {{ a.run("icmp_flood.rhai", [b.addr, "--count", "{LAB_FLOOD}", "--window", window]); }}
        }}"#
    )
}

/// Runs a script in a lab of two hosts and a link; what it prints.
fn in_lab(script: &str) -> Option<String> {
    let lab = "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\"); net.link(a, b);\n";
    let ran = run(&["-e", &format!("{lab}{script}\nexit(0);")]);
    if !ran.as_ref().is_some_and(|ran| ran.is_ok) {
        println!("  no lab can be had here, or ping is not installed: pingscript doctor says why");
    }
    ran.filter(|ran| ran.is_ok).map(|ran| ran.out)
}

/// Who measures round-trip times, each in its own words.
const CLOCKS: [&str; 3] = ["ping", "icmp_ping --as-ping", "icmp_ping"];

/// The round-trip times of each of them, round by round.
type Times = [Vec<Vec<f64>>; 3];

/// Round-trip times by the clock of `ping`, and by the kernel's stamps at both ends.
fn rtt() {
    println!(
        "\nMedian round-trip time of pings 2 ms apart with 56 bytes of payload, in us, and the median of each round's"
    );
    println!("difference to ping's");
    let ping = |target| vec!["ping", "-n", "-i", "0.002", "-c", PINGS, "-s", "56", target];
    let ours = ["--interval", "2ms", "--count", PINGS, "--size", "56"];
    let mut times = Times::default();
    for round in 0..ROUNDS {
        for turn in 0..3 {
            let at = (round + turn) % 3;
            let ran = match at {
                0 => program(&ping("127.0.0.1")),
                1 => run(&[&["icmp_ping", "127.0.0.1", "--as-ping"], &ours[..]].concat()),
                _ => run(&[&["icmp_ping", "127.0.0.1"], &ours[..]].concat()),
            };
            times[at].push(ran.iter().flat_map(|ran| ran.out.lines()).filter_map(micros).collect());
        }
    }
    show("loopback", &times);
    // All run as programs of the host and write to a file, so that no one reads while they measure. The host's address is
    // put in by the script.
    let step = |clock: &str, command: &str| {
        let line = format!("F=$(mktemp); {command} > $F; echo of {clock}; cat $F; rm $F");
        format!("to(\"{line}\", b.addr)")
    };
    let ours = ours.join(" ");
    let steps = [
        step(CLOCKS[0], &ping("TARGET").join(" ")),
        step(CLOCKS[1], &format!("{PINGSCRIPT} icmp_ping TARGET --as-ping {ours}")),
        step(CLOCKS[2], &format!("{PINGSCRIPT} icmp_ping TARGET {ours}")),
    ];
    let script = format!(
        r#"fn to(text, addr) {{ text.replace("TARGET", `${{addr}}`); text }}
        let steps = [{}];
        for round in 0..{ROUNDS} {{ for turn in 0..3 {{
            print(a.exec(["sh", "-c", steps[(round + turn) % 3]], #{{ quiet: true }}).stdout);
        }} }}"#,
        steps.join(", ")
    );
    let Some(out) = in_lab(&script) else { return };
    let (mut times, mut at) = (Times::default(), 0);
    for line in out.lines() {
        if let Some(next) = CLOCKS.iter().position(|clock| line.strip_prefix("of ") == Some(clock)) {
            times[next].push(Vec::new());
            at = next;
        }
        if let Some(round) = times[at].last_mut() {
            round.extend(micros(line));
        }
    }
    show("a link of a lab", &times);
}

/// The round-trip time that a line of either prints, in µs.
fn micros(line: &str) -> Option<f64> {
    let (_, time) = line.split_once(" time=").or_else(|| line.split_once(" rtt="))?;
    time.trim_end_matches("ms").trim_end().parse::<f64>().ok().map(|ms| ms * 1e3)
}

fn show(path: &str, times: &Times) {
    println!("over {path}");
    let clocks = ["kernel receive - user send", "kernel receive - user send", "kernel receive - kernel send"];
    // NaN where there were none.
    let medians = times.each_ref().map(|rounds| rounds.iter().cloned().map(median).collect::<Vec<f64>>());
    for ((name, clock), (rounds, ours)) in CLOCKS.into_iter().zip(clocks).zip(times.iter().zip(&medians)) {
        let pairs = ours.iter().zip(&medians[0]).map(|(ours, theirs)| ours - theirs);
        let differences: Vec<f64> = pairs.filter(|difference| !difference.is_nan()).collect();
        let (paired, count) = (differences.len(), rounds.iter().map(Vec::len).sum::<usize>());
        let (time, difference) = (median(rounds.concat()), median(differences));
        println!("  {name:<20} {clock:<30} {time:>7.2} {difference:>+7.2}   of {count} in {paired} rounds");
    }
}
