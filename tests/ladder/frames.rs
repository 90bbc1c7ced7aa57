//! Rows of frames: of links, in the kernel and simulated, of recordings, and of sockets.

use super::*;
use crate::common::require_lab_or_skip;

/// What became of the pings of [`LAB`] on their way to b, in order.
fn fates(frames: &[Value]) -> Vec<String> {
    let mut there: Vec<&Value> =
        frames.iter().filter(|row| row["protocol"] == "udp" && row["from_host"] == "a").collect();
    there.sort_by_key(|row| (row["time_ns"].as_i64(), row["fate"].to_string()));
    there
        .iter()
        .map(|row| format!("{} {}", row["text"].as_str().unwrap_or("?"), row["fate"].as_str().unwrap_or("?")))
        .collect()
}

const FATES: [&str; 11] = [
    "ping 1 carried",
    "ping 2 dropped",
    "ping 3 delayed",
    "ping 4 carried",
    "ping 4 duplicated",
    "ping 5, other replaced",
    "? corrupted",
    "ping 7 rejected",
    "ping 8 carried",
    "ping 9 dropped",
    "last link down",
];

fn assert_fates(frames: &[Value]) {
    let found = fates(frames);
    assert_eq!(found.len(), FATES.len(), "{found:?}");
    for (found, expected) in found.iter().zip(FATES) {
        // Of what is damaged, any byte may be.
        let expected = expected.strip_prefix('?').unwrap_or(expected);
        assert!(found.ends_with(expected), "{found}, not {expected}");
    }
    let number = |row: &Value, field: &str| row[field].as_i64();
    for row in frames.iter().filter(|row| row["protocol"] == "udp") {
        let ends = (number(row, "arrival_ns"), number(row, "lost_ns"));
        assert!(ends.0.is_some() != ends.1.is_some(), "it arrives or is lost: {row}");
        let lost = matches!(row["fate"].as_str(), Some("dropped" | "rejected" | "link down"));
        assert_eq!(ends.1.is_some(), lost, "{row}");
        assert!(ends.0.or(ends.1) >= number(row, "time_ns"), "{row}");
    }
    let of = |fate: &str, from: &str| {
        frames.iter().find(|row| row["fate"] == fate && row["from_host"] == from).expect("a row")
    };
    let delayed = of("delayed", "a");
    assert_eq!((&delayed["detail"], &delayed["waited_ns"]), (&"delay(5ms)".into(), &5_000_000.into()));
    assert_eq!(delayed["cause"], "-e:7", "{delayed}");
    let ingress = frames.iter().find(|row| row["at"] == "ingress of b").expect("a row of the ingress");
    assert_eq!((&ingress["text"], &ingress["cause"]), (&"ping 9".into(), &"-e:10".into()));
    let error = frames.iter().find(|row| row["icmp"]["type"] == 3 && row["to_host"] == "a").expect("the ICMP error");
    assert_eq!((&error["icmp"]["code"], &error["fate"]), (&13.into(), &"carried".into()));
}

#[test]
fn a_simulated_link_has_a_row_for_each_frame() {
    let dir = TempDir::new();
    let (_, frames) = frames_of(&dir, &["--simulate"], LAB);
    assert_fates(&frames);
    let (_, again) = frames_of(&dir, &["--simulate"], LAB);
    assert_eq!(frames, again, "the same seed gives the same rows");
    let took = |row: &Value| row["arrival_ns"].as_i64().unwrap_or(0) - row["time_ns"].as_i64().unwrap_or(0);
    assert_eq!(frames.iter().find(|row| row["text"] == "ping 1").map(took), Some(1_000_000));
    assert_eq!(frames.iter().find(|row| row["fate"] == "delayed").map(took), Some(6_000_000));
}

#[test]
fn a_link_of_the_kernel_has_the_same_rows() {
    if require_lab_or_skip("rows of frames") {
        let (_, frames) = frames_of(&TempDir::new(), &["--lab", "kernel"], LAB);
        assert_fates(&frames);
    }
}

#[test]
fn a_queue_delays_and_overflows_and_the_end_finds_frames_in_flight() {
    let code = r#"
        let net = lab::create(); let a = net.host("a"); let b = net.host("b");
        net.link(a, b, #{ rate: "1M", queue: 2, delay: 1.s });
        run_in(a, || { let s = udp::open("b:7"); for n in 1..=5 { s.send_to("x".repeat(1208), "b:7"); } });
        sleep(20.ms);
    "#;
    let (_, frames) = frames_of(&TempDir::new(), &["--simulate"], code);
    let mut rows: Vec<(i64, String)> = frames
        .iter()
        .map(|row| (row["waited_ns"].as_i64().expect("a number"), row["fate"].as_str().expect("a word").to_string()))
        .collect();
    rows.sort();
    // 1250 bytes of frame at 1 Mbit/s take 10 ms.
    let expected =
        [(0, "in flight"), (0, "queue full"), (0, "queue full"), (10_000_000, "in flight"), (20_000_000, "in flight")];
    assert_eq!(rows, expected.map(|(waited, fate)| (waited, fate.to_string())));
}

#[test]
fn a_recording_of_rows_has_what_the_link_carries_once() {
    let dir = TempDir::new();
    let file = dir.path().join("link.jsonl");
    let name = file.to_str().expect("a path");
    let code = LAB.replace("let server", &format!("link.capture({name:?}); a.capture({name:?}); let server"));
    let (run, frames) = frames_of(&dir, &["--simulate"], &code);
    let recorded = fs::read_to_string(&file).expect("a recording");
    let rows = fs::read_to_string(run).expect("rows");
    let of_frames: Vec<&str> = rows.lines().filter(|line| line.starts_with("{\"type\":\"frame\"")).collect();
    let lines: Vec<&str> = recorded.lines().collect();
    assert_eq!((lines[0], &lines[1..]), (rows.lines().next().expect("a first row"), &of_frames[..]));
    assert_eq!(frames.len(), of_frames.len());
    let drawn = ladder(&file, &[]).expect_code(0);
    assert_eq!(drawn.stderr, "");
}

#[test]
fn outside_of_labs_what_sockets_send_and_receive_makes_arrows() {
    let code = r#"
        let server = udp::bind("127.0.0.1:0");
        set_policy(server, |pkt| if pkt.text == "ping 2" { drop() } else { pass() });
        let task = start_thread(|| udp::serve(server, udp::upper()));
        let s = udp::open(server.addr);
        for n in 1..=3 { s.ping(server.addr, `ping ${n}`, 200.ms); }
        task.stop();
        let listener = tcp::listen("127.0.0.1:0");
        let conn = tcp::connect(listener.addr);
        conn.send("over TCP");
        listener.accept().recv();
    "#;
    let dir = TempDir::new();
    let (file, frames) = frames_of(&dir, &[], code);
    let of = |fate: &str| {
        frames
            .iter()
            .filter(|row| row["fate"] == fate)
            .map(|row| row["text"].as_str().expect("text"))
            .collect::<Vec<_>>()
    };
    assert_eq!(of("dropped"), ["PING 2"], "the reply that was not sent");
    let mut sent = of("sent");
    sent.sort_unstable();
    assert_eq!(sent, ["PING 1", "PING 3", "over TCP", "ping 1", "ping 2", "ping 3"]);
    assert_eq!(of("received").len(), 6);
    let drawn = ladder(&file, &[]).expect_code(0);
    let first = drawn.stdout.lines().next().expect("a caption");
    assert_eq!(first, "-e: 7 frames, 1 lost", "{}", drawn.stdout);
    assert!(drawn.stdout.contains("× dropped by -e:3"), "{}", drawn.stdout);
    assert!(drawn.stdout.contains("rtt "), "{}", drawn.stdout);
}

#[test]
fn the_rows_are_as_csv_too_and_the_flag_needs_a_file() {
    let dir = TempDir::new();
    let csv = dir.path().join("rows.csv");
    pingscript(&["--simulate", "--csv", csv.to_str().expect("a path"), "--frames", "-e", LAB]).run().expect_code(0);
    let text = fs::read_to_string(csv).expect("rows");
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let column = |name: &str| rows[0].iter().position(|known| *known == name).expect("a column");
    let dropped = rows.iter().filter(|row| row[0] == "frame" && row.get(column("fate")) == Some(&"dropped"));
    assert_eq!(dropped.count(), 2);
    let refused = pingscript(&["--frames", "-e", "1"]).run().expect_code(2);
    assert!(refused.stderr.contains("--json"), "{}", refused.stderr);
}
