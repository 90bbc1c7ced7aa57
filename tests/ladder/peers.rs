//! What is drawn agrees arrow by arrow with what tshark reads in a recording of the same run.

use super::*;
use crate::common::require_program_or_skip;
use pingscript::pictures::ladder::reading::ReadRun;
use pingscript::pictures::ladder::selection::Selection;
use pingscript::pictures::ladder::{Arrow, ArrowEnd, Ladder, capture};
use std::process::Command;

/// When it left, from which address, what it is, whether it was sent before, and what a policy did to it.
type Seen = (i64, String, String, bool, String);

const FIELDS: [&str; 11] = [
    "frame.time_epoch",
    "ip.src",
    "tcp.flags",
    "tcp.seq",
    "tcp.ack",
    "tcp.len",
    "tcp.analysis.retransmission",
    "tcp.analysis.fast_retransmission",
    "tcp.analysis.spurious_retransmission",
    "frame.comment",
    "udp.length",
];

/// What tshark reads of TCP and UDP in a recording.
fn by_tshark(file: &Path) -> Vec<Seen> {
    let fields = FIELDS.iter().flat_map(|field| ["-e", field]);
    let args = ["-r", file.to_str().expect("a path"), "-Y", "tcp or udp", "-T", "fields"].into_iter().chain(fields);
    let output = Command::new("tshark").args(args).output().expect("tshark runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let mut seen: Vec<Seen> = text.lines().map(of_line).collect();
    seen.sort();
    seen
}

fn of_line(line: &str) -> Seen {
    let cells: Vec<&str> = line.split('\t').collect();
    let (seconds, nanos) = cells[0].split_once('.').expect("a time");
    let time = seconds.parse::<i64>().expect("seconds") * 1_000_000_000 + nanos.parse::<i64>().expect("nine digits");
    let label = match cells[2].strip_prefix("0x") {
        None => format!("UDP {} bytes", cells[10].parse::<u32>().expect("a length") - 8),
        Some(flags) => {
            let flags = u8::from_str_radix(&flags[flags.len() - 2..], 16).expect("flags");
            let names = ["FIN", "SYN", "RST", "PSH", "ACK"].iter().enumerate();
            let names: Vec<&str> = names.filter(|(bit, _)| flags >> bit & 1 == 1).map(|(_, name)| *name).collect();
            let ack = if flags & 0x10 == 0 { String::new() } else { format!(" ack {}", cells[4]) };
            let len = if cells[5] == "0" { String::new() } else { format!(" len {}", cells[5]) };
            format!("{} seq {}{ack}{len}", names.join(" "), cells[3])
        }
    };
    let again = cells[6..9].iter().any(|cell| !cell.is_empty());
    (time, cells[1].to_string(), label, again, cells[9].to_string())
}

/// The same of the ladder's arrows.
fn by_ladder(ladder: &Ladder) -> Vec<Seen> {
    let seen = |arrow: &Arrow| {
        let label = arrow.label.split(" \"").next().unwrap_or_default();
        // Ports come before the rest.
        let label =
            label.split_once("→").map_or(label, |(_, rest)| rest.split_once(' ').map_or(rest, |(_, rest)| rest));
        let from = ladder.columns[arrow.from].addresses.clone();
        (
            arrow.departure,
            from,
            label.to_string(),
            arrow.retransmission,
            arrow.cause.clone().filter(|cause| cause != "in flight").unwrap_or_default(),
        )
    };
    let mut all: Vec<Seen> = ladder.arrows.iter().map(seen).collect();
    all.sort();
    all
}

#[test]
fn arrows_are_those_that_tshark_reads() {
    if !require_program_or_skip("tshark", "ladders against tshark") {
        return;
    }
    for (lab, link) in [
        ("tcp_loss", "net.link(a, b, #{ delay: 1.ms, policy: loss(OPT.loss) });"),
        ("tcp_nagle", "net.link(a, b, #{ delay: 1.ms });"),
    ] {
        for seed in ["1", "2", "3"] {
            let dir = TempDir::new();
            let (rows, recording) = (dir.path().join("run.jsonl"), dir.path().join("run.pcapng"));
            let [rows_name, recording_name] = [&rows, &recording].map(|path| path.to_str().expect("a path"));
            let script = fs::read_to_string(repo_root().join(format!("scripts/labs/{lab}.rhai"))).expect("a lab");
            assert_eq!(script.matches(link).count(), 1, "{lab} has this line: {link}");
            let recorded = format!("{}.capture({recording_name:?});", link.trim_end_matches(';'));
            let copy = dir.write("lab.rhai", &script.replace(link, &recorded));
            let flags = ["--simulate", "--seed", seed, "--json", rows_name, "--frames"];
            pingscript(&[&flags[..], &[copy.to_str().expect("a path")]].concat()).run().expect_code(0);
            let (run, _) = ReadRun::read(fs::read(&rows).expect("rows").as_slice()).expect("rows");
            let (ladder, _) = Ladder::new(run, &Selection::default());
            let (drawn, seen) = (by_ladder(&ladder), by_tshark(&recording));
            let recorded = capture::read(fs::read(&recording).expect("a recording").as_slice()).expect("a recording");
            assert_eq!(recorded.notes, [""; 0]);
            let (recorded, _) = Ladder::new(recorded, &Selection::default());
            assert!(by_ladder(&recorded) == drawn, "{lab}, seed {seed}: the recording gives the same arrows");
            assert!(seen.len() > 100, "{lab}: {} frames", seen.len());
            for (index, (drawn, seen)) in drawn.iter().zip(&seen).enumerate() {
                assert_eq!(drawn, seen, "{lab}, seed {seed}, arrow {index}");
            }
            assert_eq!(drawn.len(), seen.len(), "{lab}, seed {seed}");
            let is_lost = |arrow: &&Arrow| matches!(arrow.end, ArrowEnd::Lost { .. });
            let lost = ladder.arrows.iter().filter(is_lost).count();
            assert_eq!(lost, seen.iter().filter(|seen| seen.4.starts_with("dropped")).count(), "{lab}, seed {seed}");
        }
    }
}
