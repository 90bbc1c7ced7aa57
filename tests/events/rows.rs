//! Rows agree with the summary, with what is printed and with what a server saw.

use super::*;

/// Pings to a server whose answers go wrong in every way: rows, summary, what is printed and what it saw agree.
#[test]
fn rows_of_a_hostile_server_reconcile_with_the_summary_and_its_own_count() {
    const PINGS: usize = 24;
    let seen = Arc::new(AtomicUsize::new(0));
    let (count, stranger) = (seen.clone(), UdpSocket::bind("127.0.0.1:0").expect("a socket"));
    let server = UdpPeer::start(LOOPBACK, move |datagram| {
        count.fetch_add(1, Ordering::SeqCst);
        match datagram.index % 8 {
            0 => datagram.reply_upper(),
            1 => (0..3).for_each(|_| datagram.reply_upper()),
            2 => {}
            3 => {
                let (socket, data, to) =
                    (datagram.socket.try_clone().expect("a socket"), datagram.data.to_vec(), datagram.from);
                thread::spawn(move || {
                    thread::sleep(Duration::from_millis(250));
                    let _ = socket.send_to(&data, to);
                });
            }
            4 => datagram.reply(&datagram.data[..9]),
            5 => datagram.reply(&[&datagram.data[..9], b"something else entirely"].concat()),
            6 => datagram.reply(b"PING 99999 1.5"),
            _ => drop(stranger.send_to(datagram.data, datagram.from)),
        }
    });
    let dir = TempDir::new();
    let (json, csv) = (dir.path().join("rows.json"), dir.path().join("rows.csv"));
    let (json_name, csv_name) = (json.display().to_string(), csv.display().to_string());
    let (addr, pings) = (server.addr().to_string(), PINGS.to_string());
    let flags = ["--json", &json_name, "--csv", &csv_name];
    let args = [PING, "--server", &addr, "--count", &pings, "--timeout", "100ms"];
    let run = pingscript(&[&flags[..], &args[..]].concat()).run().expect_code(0);
    let rows = rows(&fs::read_to_string(&json).expect("rows"));
    let summary = reconcile(&rows);
    assert_eq!((summary["sent"].as_u64(), seen.load(Ordering::SeqCst)), (Some(PINGS as u64), PINGS));
    // What is printed says the same, to the digits it has.
    let printed = |name: &str| {
        let line = run.stdout.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.map(str::to_string)
    };
    let none = |text: Option<String>| text.unwrap_or_else(|| "0".to_string());
    for (name, field) in [
        ("Packets Sent", "sent"),
        ("Packets Received", "replied"),
        ("Late Replies", "late"),
        ("Duplicate Replies", "duplicate"),
        ("Reordered Replies", "reordered"),
        ("Foreign Packets", "foreign"),
        ("Truncated Replies", "truncated"),
        ("Corrupt Replies", "corrupt"),
        ("Unmatched Replies", "unmatched"),
    ] {
        assert_eq!(none(printed(name)), summary[field].to_string(), "{name}\n{}\n{summary}", run.stdout);
    }
    for (name, field) in [("MIN", "min_ns"), ("MAX", "max_ns"), ("AVG", "mean_ns")] {
        let ms = summary["rtt"][field].as_i64().expect("replies") as f64 / 1e6;
        assert_eq!(printed(&format!("{name} RTT")), Some(format!("{ms:.3}ms")));
    }
    let rate = summary["loss"]["rate"].as_f64().expect("settled probes");
    assert_eq!(printed("Loss Rate"), Some(format!("{:.3}%", rate * 100.0)));
    for field in ["duplicate", "foreign", "truncated", "corrupt", "timed_out"] {
        assert_ne!(summary[field], 0, "{field}: {summary}");
    }
    same_in_csv(&rows, &fs::read_to_string(&csv).expect("rows"));
}

#[test]
fn verdicts_and_losses_agree_over_several_sockets() {
    let code = r#"
        let server = udp::bind("127.0.0.1:0");
        set_policy(server, loss(0.3));
        let addr = server.addr;
        let echo = start_thread(|| { for pkt in server { pkt.reply(pkt.text); } });
        let clients = [];
        for i in 0..3 {
            clients.push(start_thread(|| {
                let sock = udp::bind("127.0.0.1:0");
                for seq in 1..=20 { sock.ping(addr, `ping ${seq} x`, 60.ms); }
            }));
        }
        for client in clients { client.join(); }
        server.close();
    "#;
    let run = pingscript(&["--seed", "5", "--json", "-", "-e", code]).run();
    let rows = rows(&run.stdout);
    let summary = reconcile(&rows);
    let (chosen, lost) = (summary["policies"][0]["chosen"].as_u64(), summary["loss"]["lost"].as_u64());
    assert_eq!((summary["sent"].as_u64(), summary["policies"][0]["packets"].as_u64()), (Some(60), Some(60)));
    assert_eq!((chosen, summary["unexplained"].as_u64()), (lost, Some(0)), "{summary}");
    let dropped = of_type(&rows, "verdict").filter(|row| row["verdict"] == "drop").count() as u64;
    assert_eq!(Some(dropped), chosen);
    assert!(summary["policies"][0]["configured"].as_f64() == Some(0.3), "{summary}");
    // Each pinger has an account of its own.
    let blocks: Vec<u64> = run
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("Lost ")?.split_once(" of 20 pings over UDP to ")?.0.parse().ok())
        .collect();
    assert_eq!((blocks.len(), blocks.iter().sum()), (3, dropped), "{}", run.stderr);
    assert!(run.stderr.contains("  0 unexplained\n") && run.stderr.contains(", configured 30.0%\n"), "{}", run.stderr);
}

#[test]
fn errors_have_their_names_in_rows() {
    let closed = ClosedPort::new();
    let addr = closed.addr().to_string();
    let run = pingscript(&["--json", "-", PING, "--server", &addr, "--count", "1"]).run().expect_code(1);
    let rows = rows(&run.stdout);
    let summary = reconcile(&rows);
    let probe = of_type(&rows, "probe").next().expect("a probe");
    assert_eq!(probe["icmp"]["name"], "Port Unreachable");
    assert_eq!((&probe["icmp"]["type"], &probe["icmp"]["code"]), (&Value::from(3), &Value::from(3)));
    assert_eq!(probe["icmp"]["offender"], "127.0.0.1");
    assert_eq!(probe["state"], "errored");
    assert_eq!((&summary["rtt"]["min_ns"], &summary["unexplained"]), (&Value::Null, &Value::Null));
}

/// Connections in every way they begin and end.
const CONNECTIONS: &str = r#"
    let listener = tcp::listen("127.0.0.1:0");
    tcp::try_connect(tcp::closed_port());
    let client = tcp::connect(listener.addr);
    let conn = listener.accept();
    client.send("hello");
    conn.recv();
    conn.send("hi");
    client.recv();
    client.close();
    conn.recv();
    conn.recv();
    conn.close();
    let rude = tcp::connect(listener.addr);
    let left = listener.accept();
    rude.reset();
    left.recv();
    left.close();
"#;

#[test]
fn connections_are_rows_at_both_ends() {
    let dir = TempDir::new();
    let csv = dir.path().join("rows.csv").display().to_string();
    let run = pingscript(&["--json", "-", "--csv", &csv, "-e", CONNECTIONS]).run().expect_code(0);
    let rows = rows(&run.stdout);
    let connections: Vec<&Value> = of_type(&rows, "connection").collect();
    let word = |row: &Value, field: &str| row[field].as_str().unwrap_or("-").to_string();
    let said: Vec<String> =
        connections.iter().map(|row| format!("{} {}", word(row, "event"), word(row, "outcome"))).collect();
    let expected = [
        "connect refused",
        "connect connected",
        "accept -",
        "close -",
        "end closed",
        "close -",
        "connect connected",
        "accept -",
        "reset -",
        "end reset",
        "close -",
    ];
    assert_eq!(said, expected);
    let bytes = |at: usize| (connections[at]["sent_bytes"].as_u64(), connections[at]["received_bytes"].as_u64());
    assert_eq!(
        [bytes(1), bytes(3), bytes(4), bytes(5)],
        [(None, None), (Some(5), Some(2)), (Some(2), Some(5)), (Some(2), Some(5))]
    );
    // Both ends of one connection name each other.
    let ends = |at: usize| (word(connections[at], "from"), word(connections[at], "to"));
    assert_eq!(ends(1), ends(3));
    assert_eq!((ends(1).1, ends(1).0), ends(2));
    assert!(
        connections.iter().all(|row| row["event"] == "accept" || row["took_ns"].as_i64().is_some_and(|ns| ns >= 0))
    );
    same_in_csv(&rows, &fs::read_to_string(&csv).expect("rows"));
}

#[test]
fn connections_are_lines_of_the_trace() {
    let run = pingscript(&["--trace", "-e", CONNECTIONS]).run().expect_code(0);
    let line = |what: &str, parts: &[&str]| {
        let found = run.stderr.lines().filter(|line| line.contains(&format!("  {what:<7}  ")));
        let fits = |line: &&str| parts.iter().all(|part| line.contains(part));
        assert!(found.clone().any(|line| fits(&line)), "{what} {parts:?}:\n{}", run.stderr);
    };
    line("connect", &["refused, in "]);
    line("connect", &["connected, in "]);
    line("accept", &["accepted"]);
    line("close", &["7 bytes", "5 sent and 2 received, after "]);
    line("end", &["closed, 2 sent and 5 received, after "]);
    line("reset", &["0 bytes", "0 sent and 0 received"]);
    line("end", &["reset, 0 sent"]);
}

#[test]
fn jq_reads_every_row() {
    if !require_program_or_skip("jq", "rows as jq reads them") {
        return;
    }
    let run = pingscript(&["--seed", "1", "--json", "-", PING, "--count", "5", "--timeout", "50ms"]).run();
    let path = TempDir::new();
    let file = path.write("rows.json", &run.stdout);
    let out = Command::new("jq").args(["-c", ".type"]).arg(file).stdin(Stdio::null()).output().expect("jq runs");
    assert!(out.status.success(), "{out:?}");
    assert_eq!(String::from_utf8_lossy(&out.stdout).lines().count(), run.stdout.lines().count());
}

#[test]
fn the_rows_the_docs_name_are_those_of_the_schema() {
    let docs = fs::read_to_string(repo_root().join("docs/rows.md")).expect("docs/rows.md");
    assert!(docs.contains("schema/events-1.json"));
    for kind in schema()["$defs"].as_object().expect("kinds").keys() {
        assert!(docs.contains(&format!("`{kind}`")), "{kind} is not in docs/rows.md");
    }
}

/// Checks that `text` has the same rows in CSV.
fn same_in_csv(rows: &[Value], text: &str) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names: Vec<String> = reader.headers().expect("names").iter().map(str::to_string).collect();
    let records: Vec<csv::StringRecord> = reader.records().map(|record| record.expect("a row")).collect();
    assert_eq!(records.len(), rows.len());
    for (row, record) in rows.iter().zip(&records) {
        for (name, cell) in names.iter().zip(record) {
            // `icmp_type` is the field `type` of `icmp`, where there is such an object.
            let nested = name.split_once('_').and_then(|(outer, inner)| row.get(outer)?.as_object()?.get(inner));
            let expected = match row.get(name).or(nested) {
                None | Some(Value::Null) => String::new(),
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            };
            // A number with a fraction may differ in its last digit where it was read back.
            let [one, other] = [cell, &expected].map(|text| text.parse::<f64>().ok().filter(|_| text.contains('.')));
            let is_same = one.zip(other).is_some_and(|(one, other)| (one - other).abs() <= f64::EPSILON * one.abs());
            assert!(is_same || *cell == expected, "{name} of {row}: {cell}");
        }
    }
}

#[test]
fn rows_name_the_real_address_of_a_socket_that_is_bound_to_any() {
    let code = "let server = udp::bind(\"127.0.0.1:0\"); start_thread(|| udp::serve(server, udp::echo()));
                let client = udp::bind(\"*:0\");
                for n in 1..=2 { expect(client.ping(server.addr, `ping ${n}`, 5.s).kind, \"reply\"); }
                exit(0);";
    let run = pingscript(&["--json", "-", "-e", code]).run();
    let probes: Vec<&str> = run.stdout.lines().filter(|line| line.contains("\"type\":\"probe\"")).collect();
    assert_eq!(probes.len(), 2, "{}", run.stdout);
    for row in probes {
        assert!(row.contains("\"from\":\"127.0.0.1:"), "{row}");
    }
}

#[test]
fn a_run_that_connects_to_nothing_ends_as_one_without_a_reply() {
    let refused = "let port = tcp::closed_port(); expect(tcp::try_connect(port).kind, \"refused\");";
    let run = pingscript(&["--json", "-", "-e", refused]).run().expect_code(1);
    let rows = rows(&run.stdout);
    let row = of_type(&rows, "connection").next().expect("a row");
    assert_eq!((&row["event"], &row["outcome"]), (&Value::from("connect"), &Value::from("refused")));
    let connected = format!("{refused} let there = tcp::listen(\"127.0.0.1:0\"); tcp::connect(there.addr);");
    pingscript(&["-e", &connected]).run().expect_code(0);
    // An error that the script catches is its own affair.
    pingscript(&["-e", "try { tcp::connect(tcp::closed_port()); } catch { print(\"closed\"); }"]).run().expect_code(0);
    // What the script says is its exit code, whatever came of the attempts.
    pingscript(&["-e", &format!("{refused} exit(0);")]).run().expect_code(0);
}

#[test]
fn rows_of_a_trace_have_the_ttl_and_the_time_of_each_answer() {
    for (proto, state) in [("udp", "errored"), ("icmp", "replied")] {
        let args = ["--json", "-", "traceroute", "127.0.0.1", "--proto", proto, "--queries", "2", "--hops", "3"];
        let rows = rows(&pingscript(&args).run().expect_code(0).stdout);
        let probes: Vec<&Value> = of_type(&rows, "probe").collect();
        let ttls: Vec<u64> = probes.iter().map(|row| row["ttl"].as_u64().expect("a TTL")).collect();
        let count = |ttl| ttls.iter().filter(|&&one| one == ttl).count();
        assert_eq!((count(1), count(2), count(3), ttls.len()), (2, 2, 2, 6), "{ttls:?}");
        for row in probes {
            assert_eq!(row["state"], state, "{row}");
            assert!(row["rtt_ns"].as_i64().is_some_and(|ns| ns > 0), "{row}");
        }
    }
}

#[test]
fn the_row_of_a_ping_has_the_slots_that_were_missed_before_it() {
    let code = "let sock = udp::bind(\"127.0.0.1:0\");
                for ping in pinger(sock, udp::closed_port(), #{ count: 4, interval: 1.ms, timeout: 60.s }) {
                    if ping.seq == 2 { sleep(50.ms); }
                }
                exit(0);";
    let rows = rows(&pingscript(&["--json", "-", "-e", code]).run().expect_code(0).stdout);
    let missed = |row: &Value| row.get("missed_slots").and_then(Value::as_u64).unwrap_or(0);
    let probes: Vec<u64> = of_type(&rows, "probe").map(missed).collect();
    // The first that is sent after the second has ended.
    assert!(probes[2..].iter().any(|&missed| missed >= 10), "{probes:?}");
    let summary = of_type(&rows, "summary").next().expect("a summary");
    assert_eq!(summary["missed_slots"].as_u64(), Some(probes.iter().sum()));
}

/// Samples of the script's own values are rows, on virtual time exactly at their beats, until the script ends.
#[test]
fn samples_are_rows_at_each_beat() {
    let code = "let net = lab::create(); let a = net.host(\"a\"); let n = counter();
        let task = run_in(a, || sample(50.ms, || { n.add(1); #{ n: n.value, wait: 5.ms, share: 0.5, up: true, none: () } }));
        sleep(120.ms); task.stop(); sleep(200.ms); sample(100.ms, || #{ last: 1 }); sleep(250.ms);";
    let run = pingscript(&["--simulate", "--json", "-", "-e", code]).run().expect_code(0);
    let rows = rows(&run.stdout);
    let samples: Vec<&Value> = of_type(&rows, "sample").collect();
    let began = samples[0]["time_ns"].as_i64().expect("a time");
    let at = |sample: &&Value| (sample["time_ns"].as_i64().expect("a time") - began) / 1_000_000;
    assert_eq!(samples.iter().map(at).collect::<Vec<_>>(), [0, 50, 100, 320, 420, 520]);
    let values = serde_json::json!({"n": 3, "wait_ns": 5_000_000, "share": 0.5, "up": 1, "none": null});
    assert_eq!((&samples[2]["values"], &samples[2]["host"]), (&values, &Value::from("a")));
    assert_eq!((&samples[3]["values"], samples[3].get("host")), (&serde_json::json!({"last": 1}), None));
    let run = pingscript(&["--simulate", "--csv", "-", "-e", "sample(50.ms, || #{ n: 1 }); sleep(70.ms)"]).run();
    assert_eq!(run.expect_code(0).stdout.matches("\"{\"\"n\"\":1}\"").count(), 2);
}

#[test]
fn a_sample_of_anything_but_numbers_is_an_error_on_its_thread() {
    for (code, why) in [
        ("sample(50.ms, || 5); sleep(100.ms)", "the closure returned a whole number"),
        ("sample(50.ms, || #{ a: \"x\" }); sleep(100.ms)", "the value of `a` is text"),
        ("sample(0.1.ms, || #{ a: 1 })", "shorter than 1ms"),
    ] {
        let run = pingscript(&["--simulate", "-e", code]).run().expect_code(3);
        assert!(run.stderr.contains(why), "{code}\n{}", run.stderr);
    }
}
