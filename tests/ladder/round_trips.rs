//! Round trips of messages that all say the same: those that the script measured, or none.

use std::net::SocketAddr;

use pingscript::net::observe::frame::{FrameRow, TcpCell, fates};
use pingscript::pictures::ladder::Ladder;
use pingscript::pictures::ladder::reading::ReadRun;
use pingscript::pictures::ladder::selection::Selection;

use super::*;

/// A lab in which the first of four pings is lost on the second link.
const LOST_ON_THE_WAY: &str = r#"
let net = lab::create();
let a = net.host("a"); let r = net.router("r"); let b = net.host("b");
net.link(a, r, #{ delay: 2.ms }); let link = net.link(r, b, #{ delay: 2.ms });
set_policy(link.from(r), |pkt| if pkt.number == 1 { drop() } else { pass() });
let server = run_in(b, || udp::bind("*:7000"));
let task = start_thread(|| udp::serve(server, udp::echo()));
run_in(a, || { let s = udp::open("b:7000"); for n in 1..=4 { s.ping("b:7000", "hello", 30.ms); sleep(20.ms); } });
task.stop();
"#;

/// One in which the server does not reply to the first.
const NO_REPLY: &str = r#"
let net = lab::create();
let a = net.host("a"); let b = net.host("b");
net.link(a, b, #{ delay: 2.ms });
let server = run_in(b, || udp::bind("*:7000"));
set_policy(server, |pkt| if pkt.number == 1 { drop() } else { pass() });
let task = start_thread(|| udp::serve(server, udp::upper()));
run_in(a, || { let s = udp::open("b:7000"); for n in 1..=4 { s.ping("b:7000", "hello", 30.ms); sleep(20.ms); } });
task.stop();
"#;

/// The same outside of labs.
const NO_REPLY_HERE: &str = r#"
let server = udp::bind("127.0.0.1:0");
set_policy(server, |pkt| if pkt.number == 1 { drop() } else { pass() });
let task = start_thread(|| udp::serve(server, udp::upper()));
let s = udp::open(server.addr);
for n in 1..=4 { s.ping(server.addr, "hello", 30.ms); sleep(20.ms); }
task.stop();
"#;

/// The round-trip times of a picture.
fn rtts(text: &str) -> Vec<&str> {
    text.split("rtt ").skip(1).filter_map(|rest| rest.split_whitespace().next()).collect()
}

/// Those of the pings of a file of rows.
fn measured(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).expect("rows");
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a row"));
    let replied = rows.filter(|row| row["type"] == "probe" && row["state"] == "replied");
    replied.map(|row| format!("{:.3}ms", row["rtt_ns"].as_f64().expect("a time") / 1e6)).collect()
}

#[test]
fn they_are_those_that_the_script_measured() {
    for (code, expected) in [(LOST_ON_THE_WAY, "8.020ms"), (NO_REPLY, "4.010ms"), (NO_REPLY_HERE, "0.020ms")] {
        let dir = TempDir::new();
        let (file, _) = frames_of(&dir, &["--simulate"], code);
        assert_eq!(measured(&file), [expected; 3]);
        let drawn = ladder(&file, &[]).expect_code(0).stdout;
        assert_eq!(rtts(&drawn), [expected; 3], "{drawn}");
        let selected = ladder(&file, &["--from", "100ms"]).expect_code(0).stdout;
        assert_eq!(rtts(&selected), [expected; 2], "{selected}");
        let page = dir.path().join("run.html");
        let [rows, html] = [&file, &page].map(|path| path.to_str().expect("a path"));
        pingscript(&["report", rows, "-o", html]).run().expect_code(0);
        let page = fs::read_to_string(page).expect("a page");
        let said: Vec<&str> =
            page.split("rtt ").skip(1).filter_map(|rest| rest.split(['<', ' ', '"']).next()).collect();
        assert!(!said.is_empty() && said.iter().all(|rtt| *rtt == expected), "{said:?}");
    }
}

#[test]
fn a_lost_ping_takes_no_reply_of_the_next() {
    let code = "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\");
        let link = net.link(a, b, #{ delay: 100.us });
        set_policy(link.from(a), |pkt| if pkt.number == 1 { drop() } else { pass() });
        let server = run_in(b, || udp::bind(\"*:7000\"));
        let task = start_thread(|| udp::serve(server, udp::echo()));
        let plan = #{ count: 4, interval: 1.ms, timeout: 30.ms };
        run_in(a, || for ping in pinger(udp::open(\"b:7000\"), \"b:7000\", plan) { });
        task.stop();";
    let dir = TempDir::new();
    let (file, _) = frames_of(&dir, &["--simulate"], code);
    let drawn = ladder(&file, &[]).expect_code(0).stdout;
    assert_eq!((measured(&file).len(), rtts(&drawn)), (3, vec!["0.210ms"; 3]), "{drawn}");
    assert!(drawn.lines().all(|line| !(line.contains("\"ping 1") && line.contains("rtt "))), "{drawn}");
}

#[test]
fn without_rows_of_pings_there_are_those_that_are_sure() {
    for (code, expected) in [(LOST_ON_THE_WAY, &["8.015ms"; 3][..]), (NO_REPLY, &[])] {
        let dir = TempDir::new();
        let (file, _) = frames_of(&dir, &["--simulate"], code);
        let rows = fs::read_to_string(&file).expect("rows");
        let others: Vec<&str> = rows.lines().filter(|line| !line.contains("\"type\":\"probe\"")).collect();
        let drawn = ladder(&dir.write("frames.jsonl", &others.join("\n")), &[]).expect_code(0).stdout;
        assert_eq!(rtts(&drawn), expected, "{drawn}");
    }
}

#[test]
fn later_fragments_are_of_no_round_trip() {
    let code = LOST_ON_THE_WAY
        .replace("let link = net.link(r, b, #{ delay: 2.ms", "let link = net.link(r, b, #{ delay: 2.ms, mtu: 1300")
        .replace("\"hello\"", "`ping ${n}` + \" \".repeat(1394)");
    let dir = TempDir::new();
    let (file, frames) = frames_of(&dir, &["--simulate"], &code);
    assert!(frames.iter().any(|row| row["from"] == "10.0.0.1:0" && row["protocol"] == "udp"), "fragments");
    let rows = fs::read_to_string(&file).expect("rows");
    let others: Vec<&str> = rows.lines().filter(|line| !line.contains("\"type\":\"probe\"")).collect();
    for file in [&file, &dir.write("frames.jsonl", &others.join("\n"))] {
        let drawn = ladder(file, &[]).expect_code(0).stdout;
        assert_eq!(rtts(&drawn).len(), measured(&dir.path().join("run.jsonl")).len(), "{drawn}");
        assert!(drawn.lines().filter(|line| line.contains("rtt ")).all(|line| line.contains("\"ping")), "{drawn}");
    }
}

#[test]
fn rows_of_pings_do_not_say_what_was_in_them() {
    let dir = TempDir::new();
    let file = dir.path().join("run.jsonl");
    let name = file.to_str().expect("a path");
    pingscript(&["--simulate", "--json", name, "-e", LOST_ON_THE_WAY]).run().expect_code(0);
    let drawn = ladder(&file, &[]).expect_code(0).stdout;
    assert!(drawn.contains("UDP 5 bytes seq 1\n") && !drawn.contains('"'), "{drawn}");
    assert_eq!(rtts(&drawn), ["8.020ms"; 3], "{drawn}");
    let second = ladder(&file, &["--seq", "2"]).expect_code(0).stdout;
    assert!(second.contains(": 2 frames\n"), "{second}");
}

/// A segment between the ports 1 and 2 that leaves at `time` and arrives 5 ns later.
fn segment(time: i64, from: u16, (seq, bytes, ack): (u32, usize, u32), retransmission: bool) -> FrameRow {
    let addr = |port: u16| SocketAddr::from(([10, 0, 0, port as u8], port));
    let ends = (addr(from), addr(3 - from));
    let tcp = TcpCell { flags: "ACK".to_string(), seq, ack: Some(ack), window: 0, retransmission };
    FrameRow {
        bytes,
        arrival_ns: Some(time + 5),
        tcp: Some(tcp),
        ..FrameRow::bare(time, "tcp".into(), ends, b"", fates::CARRIED)
    }
}

fn found(rows: &[FrameRow]) -> Vec<(usize, usize, i64)> {
    let (ladder, _) = Ladder::new(ReadRun { frames: rows.to_vec(), ..ReadRun::default() }, &Selection::default());
    ladder.round_trips.iter().map(|trip| (trip.request, trip.reply, trip.took.as_nanos())).collect()
}

#[test]
fn one_acknowledgement_is_one_round_trip() {
    let rows = [
        segment(0, 1, (1, 10, 1), false),
        segment(1, 1, (11, 10, 1), false),
        segment(10, 2, (1, 0, 21), false),
        segment(20, 2, (1, 10, 21), false),
    ];
    assert_eq!(found(&rows), [(1, 2, 14)], "what comes later says nothing new");
}

#[test]
fn what_was_sent_more_than_once_has_no_round_trip() {
    let rows = [
        segment(0, 1, (1, 10, 1), false),
        segment(1, 1, (11, 10, 1), false),
        // The first was lost on a later link.
        segment(50, 1, (1, 10, 1), true),
        segment(60, 2, (1, 0, 21), false),
        segment(70, 1, (21, 10, 1), false),
        segment(80, 2, (1, 0, 31), false),
    ];
    assert_eq!(found(&rows), [(4, 5, 15)]);
}
