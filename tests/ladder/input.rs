//! Files that are not whole, not ours, or hostile.

use super::*;

const RUN: &str =
    r#"{"type":"run","schema":1,"pingscript":"0.1.0","time_ns":1000,"script":"x","args":[],"seed":1,"clocks":[]}"#;

/// A row of a frame.
fn frame(time: i64, hosts: [&str; 2], text: &str) -> String {
    let row = serde_json::json!({
        "type": "frame", "time_ns": time, "arrival_ns": time + 1000, "link": "l", "from_host": hosts[0], "to_host": hosts[1],
        "protocol": "udp", "from": "10.0.0.1:9", "to": "10.0.0.2:7", "bytes": 5, "size": 47, "text": text, "fate": "delayed",
        "cause": text, "at": "l", "waited_ns": 0,
    });
    row.to_string()
}

#[test]
fn what_packets_and_names_hold_is_escaped_in_each_form() {
    let evil = "<script>alert(1)</script>\u{1b}[2J\u{202e}\"'&;#\nend";
    let dir = TempDir::new();
    let first = RUN.replace("\"script\":\"x\"", &format!("\"script\":{}", serde_json::json!(evil)));
    let file =
        dir.write("evil.jsonl", &[first, frame(2000, [evil, "b"], evil), frame(3000, ["b", evil], evil)].join("\n"));
    let name = file.to_str().expect("a path");
    let text = pingscript(&["--color", "always", "ladder", name]).run().expect_code(0).stdout;
    assert!(text.contains("alert(1)"), "{text}");
    let codes = text.split('\x1b').skip(1).filter(|rest| {
        !rest.starts_with("[0m") && !rest.starts_with("[1m") && !rest.starts_with("[2m") && !rest.starts_with("[33m")
    });
    assert_eq!(codes.collect::<Vec<_>>(), [""; 0], "no sequence but ours");
    assert!(!text.contains('\u{202e}'), "{text}");
    for form in ["x.svg", "x.mmd"] {
        let path = dir.path().join(form);
        ladder(&file, &["-o", path.to_str().expect("a path")]).expect_code(0);
        let drawn = fs::read_to_string(path).expect("a picture");
        assert!(drawn.contains("alert(1)"), "{drawn}");
        for wrong in ["<script", "\x1b", "\u{202e}", "\"'&;"] {
            assert!(!drawn.contains(wrong), "{form}: {wrong:?} in {drawn}");
        }
        if form == "x.mmd" {
            let title = drawn.lines().nth(1).expect("a title");
            assert!(title.matches('"').count() == 2 && !drawn.contains(" end"), "{drawn}");
        }
    }
}

#[test]
fn what_can_be_read_is_drawn_and_one_line_says_what_is_missing() {
    let dir = TempDir::new();
    let whole = frame(2000, ["a", "b"], "hello");
    let cut = &whole[..60];
    let newer = whole.replace("\"bytes\"", "\"of_later\":{},\"bytes\"");
    let lines = [&RUN.replace("\"schema\":1", "\"schema\":9"), &whole, &newer, "no JSON \u{1b}[2J", cut].join("\n");
    let file = dir.write("cut.jsonl", &lines);
    let run = ladder(&file, &[]).expect_code(0);
    assert!(run.stdout.starts_with("x: 2 frames\n"), "{}", run.stdout);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    for said in ["its rows are of version 9", "2 lines are no rows, the first of them line 4"] {
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
    for (text, hint) in
        [("", "it has no rows"), ("garbage\n\0\u{1}", "it has no rows"), (RUN, "there is no frame in it, and no ping")]
    {
        let file = dir.write("none.jsonl", text);
        let run = ladder(&file, &[]).expect_code(2);
        assert!(run.stderr.contains(hint) && run.stderr.contains("--frames"), "{}", run.stderr);
    }
    let run = ladder(&dir.path().join("nowhere"), &[]).expect_code(2);
    assert!(run.stderr.contains("no such file"), "{}", run.stderr);
}

#[test]
fn without_rows_of_frames_pings_are_drawn_of_probes_and_verdicts() {
    let dir = TempDir::new();
    let file = dir.path().join("run.jsonl");
    let flags = ["--simulate", "--seed", "1", "--json", file.to_str().expect("a path"), "-e", LAB];
    pingscript(&flags).run().expect_code(0);
    let drawn = ladder(&file, &[]).expect_code(0);
    assert!(drawn.stderr.contains("there are no frame rows (--frames writes them)"), "{}", drawn.stderr);
    assert!(drawn.stdout.contains("× dropped by -e:7"), "{}", drawn.stdout);
    assert!(drawn.stdout.contains("seq 8 rtt 2.0"), "{}", drawn.stdout);
}

#[test]
fn without_rows_of_frames_a_ping_does_not_take_the_verdict_about_a_later_one() {
    let dir = TempDir::new();
    let file = dir.path().join("run.jsonl");
    let code = "let server = udp::bind(\"127.0.0.1:0\"); set_policy(server, |pkt| if pkt.number == 2 { drop() } else { pass() });
        start_thread(|| for pkt in server { if pkt.text != \"ping 1\" { pkt.reply(pkt.data); } });
        let sock = udp::open(server.addr);
        for n in 1..4 { sock.ping(server.addr, `ping ${n}`, 100.ms); } exit(0)";
    pingscript(&["--simulate", "--json", file.to_str().expect("a path"), "-e", code]).run().expect_code(0);
    let drawn = ladder(&file, &[]).expect_code(0).stdout;
    let (first, rest) = drawn.split_once("seq 2").expect("a second ping");
    assert!(first.contains("× timed out") && rest.contains("× dropped by -e:1"), "{drawn}");
    assert_eq!(drawn.matches("× dropped by -e:1").count(), 1, "{drawn}");
}

#[test]
fn any_bytes_in_rows_break_nothing() {
    let dir = TempDir::new();
    let (file, _) = frames_of(&dir, &["--simulate"], LAB);
    let text = fs::read(&file).expect("rows");
    // A change in each fifth of the file, and a cut there.
    for part in 1..5 {
        let at = text.len() * part / 5;
        let (mut changed, cut) = (text.clone(), &text[..at]);
        changed[at] ^= 0x55;
        for bytes in [&changed[..], cut] {
            let path = dir.path().join("damaged.jsonl");
            fs::write(&path, bytes).expect("written");
            let run = ladder(&path, &[]).expect_code(0);
            assert!(run.stderr.lines().count() <= 1, "{}", run.stderr);
        }
    }
}

#[test]
fn a_recording_is_drawn_as_far_as_it_goes() {
    let dir = TempDir::new();
    for (name, hosts) in [("x.pcapng", ["a", "b"]), ("x.pcap", ["10.0.0.1", "10.0.0.2"])] {
        let file = dir.path().join(name);
        let code =
            LAB.replace("let server", &format!("link.capture({:?}); let server", file.to_str().expect("a path")));
        pingscript(&["--simulate", "-e", &code]).run().expect_code(0);
        let drawn = ladder(&file, &[]).expect_code(0);
        assert_eq!(drawn.stderr, "");
        let line = drawn.stdout.lines().nth(2).expect("names");
        assert!(hosts.iter().all(|host| line.contains(host)), "{}", drawn.stdout);
        assert!(drawn.stdout.contains("UDP 6 bytes \"ping 9\""), "{}", drawn.stdout);
        assert_eq!(
            drawn.stdout.contains("× dropped by -e:7"),
            name == "x.pcapng",
            "pcap has no comments: {}",
            drawn.stdout
        );
        let bytes = fs::read(&file).expect("a recording");
        let cut = dir.path().join(format!("cut-{name}"));
        fs::write(&cut, &bytes[..bytes.len() - 5]).expect("written");
        let drawn = ladder(&cut, &[]).expect_code(0);
        assert!(
            drawn.stderr.contains("it is cut short after ") && drawn.stderr.lines().count() == 1,
            "{}",
            drawn.stderr
        );
        fs::write(&cut, &bytes[..30]).expect("written");
        let refused = ladder(&cut, &[]).expect_code(2);
        assert!(
            refused.stderr.contains("after 0 packets") || refused.stderr.contains("no packet"),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn a_picture_that_cannot_be_written_and_one_of_another_kind_are_said() {
    let dir = TempDir::new();
    let (file, _) = frames_of(&dir, &["--simulate"], "udp::open(\"127.0.0.1:7\").send_to(\"x\", \"127.0.0.1:7\")");
    let full = ladder(&file, &["-o", "/dev/full"]).expect_code(3);
    assert_eq!(full.stderr, "error: /dev/full could not be written: no space left on device\n");
    let other = ladder(&file, &["-o", "x.png"]).expect_code(2);
    assert!(ladder(&file, &["-o", "-"]).expect_code(2).stderr.contains("- is no name of a file"));
    assert!(other.stderr.contains("no .png is made: name a file .svg or .mmd or .mermaid"), "{}", other.stderr);
}

/// The records of a recording of the classic format.
fn records(path: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(path).expect("a recording");
    let (mut rest, mut records) = (&bytes[24..], Vec::new());
    while !rest.is_empty() {
        let len = u32::from_le_bytes(rest[8..12].try_into().expect("a length")) as usize;
        let (record, others) = rest.split_at(16 + len);
        records.push(record.to_vec());
        rest = others;
    }
    records
}

#[test]
fn a_recording_of_all_interfaces_of_a_router_has_two_hosts_and_nothing_sent_again() {
    let dir = TempDir::new();
    let [one, other, both] = ["one.pcap", "other.pcap", "both.pcap"].map(|name| dir.path().join(name));
    let script = format!(
        "let net = lab::create(#{{ arp: true }}); let a = net.host(\"a\"); let r = net.router(\"r\"); let b = net.host(\"b\");
         net.link(a, r, #{{ delay: 1.ms }}).capture({one:?}); net.link(r, b, #{{ delay: 1.ms }}).capture({other:?});
         b.start(\"tcp_multi.rhai\", [\"--listen\", \"*:7\", \"--quiet\"]);
         run_in(a, || for ping in pinger(tcp::connect(\"b:7\"), #{{ count: 3, interval: 0.s }}) {{ }});
         exit(0)"
    );
    pingscript(&["--simulate", "--seed", "1", "-e", &script]).run().expect_code(0);
    let mut all = [records(&one), records(&other)].concat();
    let part = |record: &[u8], at: usize| u32::from_le_bytes(record[at..at + 4].try_into().expect("four octets"));
    all.sort_by_key(|record| (part(record, 0), part(record, 4)));
    fs::write(&both, [fs::read(&one).expect("a recording")[..24].to_vec(), all.concat()].concat()).expect("written");
    let drawn = ladder(&both, &["--protocol", "tcp"]).expect_code(0).stdout;
    assert!(drawn.contains("PSH ACK") && !drawn.contains("retransmi"), "{drawn}");
    let columns = ladder(&both, &[]).expect_code(0).stdout;
    let heading = columns.lines().nth(2).expect("a heading");
    assert!(!heading.contains(':') && heading.contains("10.0.0.1"), "{columns}");
}

#[test]
fn what_hosts_send_to_each_other_is_drawn_on_its_whole_way_and_forwarded_packets_own_no_address() {
    let dir = TempDir::new();
    let (rows, other) = (dir.path().join("run.jsonl"), dir.path().join("other.pcapng"));
    let script = format!(
        "let net = lab::create(); let a = net.host(\"a\"); let r = net.router(\"r\"); let b = net.host(\"b\");
         net.link(a, r); net.link(r, b).capture({other:?});
         run_in(a, || icmp::open(\"b\").ping(\"b\", 1.s)); run_in(r, || icmp::open(\"b\").ping(\"b\", 1.s));"
    );
    let name = rows.to_str().expect("a path");
    pingscript(&["--simulate", "--seed", "1", "--json", name, "--frames", "-e", &script]).run().expect_code(0);
    let drawn = |hosts: &[&str]| {
        let args: Vec<&str> = hosts.iter().flat_map(|host| ["--host", host]).collect();
        ladder(&rows, &args).expect_code(0).stdout.lines().next().unwrap_or_default().to_string()
    };
    assert!(drawn(&["a", "b"]).ends_with(": 4 frames"), "there and back, over both links: {}", drawn(&["a", "b"]));
    assert!(drawn(&["r", "b"]).ends_with(": 4 frames"), "what is on their link: {}", drawn(&["r", "b"]));
    // The recording of the far link has what r sent on, and what it sent itself.
    let heading = ladder(&other, &[]).expect_code(0).stdout.lines().take(4).collect::<Vec<_>>().join("\n");
    assert!(heading.contains("10.0.0.2") && !heading.contains("10.0.0.1 "), "{heading}");
}
