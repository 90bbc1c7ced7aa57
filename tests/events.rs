//! What the host records of every script's run: the trace, rows of JSON and CSV, the explanation of losses, the progress
//! of quiet runs. Rows, summary, what is printed and what a server saw must agree.

mod common;

use std::collections::HashMap;
use std::fs;
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use common::mask::{mask_addrs, mask_times};
use common::udp::{ClosedPort, LOOPBACK, UdpPeer};
use common::{TempDir, golden, pingscript, repo_root, require_program_or_skip, sys};
use serde_json::Value;

const PING: &str = "scripts/udp_ping.rhai";

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
    assert_eq!((summary["sent"].as_u64(), summary["policies"][0]["judged"].as_u64()), (Some(60), Some(60)));
    assert_eq!((chosen, summary["unexplained"].as_u64()), (lost, Some(0)), "{summary}");
    let dropped = of_type(&rows, "verdict").filter(|row| row["verdict"] == "drop").count() as u64;
    assert_eq!(Some(dropped), chosen);
    assert!(summary["policies"][0]["nominal"].as_f64() == Some(0.3), "{summary}");
    let line = format!("Lost {dropped} of 60 pings: {:.1}% (95%: ", dropped as f64 / 60.0 * 100.0);
    assert!(run.stderr.contains(&line), "{}", run.stderr);
    assert!(run.stderr.contains("  0 unexplained\n") && run.stderr.contains(", nominal 30.0%\n"), "{}", run.stderr);
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
    assert_eq!((&probe["state"], &probe["rtt_ns"]), (&Value::from("errored"), &Value::Null));
    assert_eq!((&summary["rtt"]["min_ns"], &summary["unexplained"]), (&Value::Null, &Value::Null));
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
fn what_is_printed_goes_to_standard_error_where_rows_own_standard_output() {
    let run = pingscript(&["--csv", "-", "-e", "print(\"hello\"); 6 * 7"]).run().expect_code(0);
    assert_eq!(run.stderr, "hello\n42\n");
    let kinds: Vec<&str> = run.stdout.lines().filter_map(|line| line.split(',').next()).collect();
    assert_eq!(kinds, ["type", "run", "summary"]);
}

#[test]
fn files_that_cannot_hold_rows_are_refused_before_the_script_runs() {
    for flags in [["--json", "/no/such/folder/rows", "--trace", "--trace"], ["--json", "-", "--csv", "-"]] {
        let flags = if flags[2] == flags[3] { &flags[..3] } else { &flags[..] };
        let run = pingscript(&[flags, &["-e", "print(1)"]].concat()).run().expect_code(2);
        assert!(run.stderr.contains(flags[1]) && run.stderr.contains("for rows"), "{}", run.stderr);
        assert_eq!(run.stdout, "");
    }
}

#[test]
fn a_full_disk_is_told_once_and_the_pinging_goes_on() {
    for flag in ["--json", "--csv"] {
        let server = UdpPeer::answering(5);
        let addr = server.addr().to_string();
        let run = pingscript(&[flag, "/dev/full", PING, "--server", &addr, "--count", "5"]).run().expect_code(0);
        assert_eq!(run.stderr.matches("/dev/full could not be written").count(), 1, "{}", run.stderr);
        assert!(run.stdout.contains("Packets Received: 5\n"), "{}", run.stdout);
    }
}

#[test]
fn an_interrupted_run_has_its_pending_probe_and_its_summary() {
    let server = UdpPeer::answering(2);
    let (addr, dir) = (server.addr().to_string(), TempDir::new());
    let file = dir.path().join("rows").display().to_string();
    let running = pingscript(&["--json", &file, PING, "--server", &addr, "--count", "9", "--timeout", "60s"]).start();
    running.wait_for(": ping 3 ");
    running.signal(sys::SIGINT);
    running.finish().expect_code(130);
    let rows = rows(&fs::read_to_string(&file).expect("rows"));
    let summary = reconcile(&rows);
    assert_eq!((&summary["sent"], &summary["pending"]), (&Value::from(3), &Value::from(1)));
    let states: Vec<&Value> = of_type(&rows, "probe").map(|row| &row["state"]).collect();
    assert_eq!(states, ["replied", "replied", "pending"]);
}

#[test]
fn rows_are_there_before_a_wait_and_after_a_second_signal() {
    let server = UdpPeer::answering(9);
    let (addr, dir) = (server.addr().to_string(), TempDir::new());
    let file = dir.path().join("rows").display().to_string();
    // Waits, so that rows are written, and then never again.
    let code = format!(
        "let sock = udp::bind(\"127.0.0.1:0\"); sock.ping(\"{addr}\", \"ping 1 x\", 9.s); sleep(1.ms); print(\"one\"); \
         sock.ping(\"{addr}\", \"ping 2 x\", 9.s); try {{ sleep(1.h); }} catch {{}} loop {{}}"
    );
    let running = pingscript(&["--json", &file, "-e", &code]).start();
    running.wait_for("one");
    wait_for_rows(&file, 3);
    running.signal(sys::SIGINT);
    running.wait_for("stopping");
    running.signal(sys::SIGINT);
    running.finish();
    let rows = rows(&fs::read_to_string(&file).expect("rows"));
    assert_eq!(of_type(&rows, "probe").count(), 2);
}

#[test]
fn a_kill_at_any_moment_leaves_whole_lines() {
    let dir = TempDir::new();
    let code = r#"
        let server = udp::bind("127.0.0.1:0");
        set_policy(server, loss(0.1));
        let addr = server.addr;
        start_thread(|| { for pkt in server { pkt.reply(pkt.text); } });
        let sock = udp::bind("127.0.0.1:0");
        print("on");
        for ping in pinger(sock, addr, #{ interval: 0.ms, window: 64, timeout: 20.ms }) { }
    "#;
    let mut moment = 0x2545_f491_u32;
    let mut most = 0;
    for turn in 0..15 {
        let (json, csv) = (dir.path().join(format!("{turn}.json")), dir.path().join(format!("{turn}.csv")));
        let names = [json.display().to_string(), csv.display().to_string()];
        let running = pingscript(&["--json", &names[0], "--csv", &names[1], "-e", code]).start();
        running.wait_for("on");
        moment = moment.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        thread::sleep(Duration::from_micros(u64::from(moment >> 15)));
        running.signal(sys::SIGKILL);
        assert_eq!(running.finish().signal, Some(sys::SIGKILL));
        let text = fs::read_to_string(&json).expect("rows");
        assert!(text.is_empty() || text.ends_with('\n'), "{}", &text[text.len().saturating_sub(300)..]);
        most = most.max(rows(&text).len());
        let text = fs::read_to_string(&csv).expect("rows");
        assert!(text.is_empty() || text.ends_with("\r\n"), "{}", &text[text.len().saturating_sub(300)..]);
        csv::Reader::from_reader(text.as_bytes()).records().for_each(|row| drop(row.expect("a whole row")));
    }
    assert!(most > 100, "rows were being written: {most}");
}

#[test]
fn the_trace_tells_what_happened_among_what_is_printed() {
    let code = r#"let server = udp::bind("127.0.0.1:0");
        set_policy(server, |pkt| if pkt.number == 2 { drop() } else { pass() });
        let addr = server.addr;
        start_thread(|| { for pkt in server { pkt.reply(pkt.text.to_upper()); } });
        let sock = udp::bind("127.0.0.1:0");
        for seq in 1..=2 { print(`ping ${seq}`); sock.ping(addr, `ping ${seq} 1725934363.5`, 150.ms); }
        print("done");
        server.close();"#;
    let dir = TempDir::new();
    let file = dir.path().join("both");
    let both = fs::File::create(&file).expect("a file");
    let status = Command::new(common::binary())
        .args(["--trace", "-e", code])
        .stdin(Stdio::null())
        .stdout(both.try_clone().expect("a descriptor"))
        .stderr(both)
        .status()
        .expect("it runs");
    assert!(status.success());
    let text = fs::read_to_string(&file).expect("a trace");
    let lines: Vec<String> = mask_times(&mask_addrs(&text)).lines().map(mask_trace).collect();
    let traced: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let expected = "\
ping 1
<ms>  send  <addr> > <addr>  19 bytes  \"ping 1 <time>\"
<ms>  recv  <addr> > <addr>  19 bytes  \"ping 1 <time>\"
<ms>  verdict  <addr> > <addr>  19 bytes  pass(): -e:2
<ms>  send  <addr> > <addr>  19 bytes  \"PING 1 <time>\"
<ms>  recv  <addr> > <addr>  19 bytes  \"PING 1 <time>\"
<ms>  outcome  <addr> > <addr>  19 bytes  ping 1 replied, rtt <ms>
ping 2
<ms>  send  <addr> > <addr>  19 bytes  \"ping 2 <time>\"
<ms>  recv  <addr> > <addr>  19 bytes  \"ping 2 <time>\"
<ms>  verdict  <addr> > <addr>  19 bytes  drop(): -e:2
<ms>  outcome  <addr> > <addr>  19 bytes  ping 2 timed out
done
Lost 1 of 2 pings: 50.0% (95%: 9.5% to 90.5%)
  seq 2: dropped by -e:2
  0 unexplained
a closure at <addr> chose 1 of 2 packets: 50.0% (95%: 9.5% to 90.5%)
rtt clock: <clock>
";
    golden::assert_text("trace", expected, &traced);
}

#[test]
fn what_the_kernel_drops_is_an_event_and_counted() {
    let code = r#"
        let sock = udp::bind("127.0.0.1:0", #{ rcvbuf: 2304 });
        let sender = udp::bind("127.0.0.1:0");
        for i in 0..500 { sender.send_to("flood", sock.addr); }
        let got = 0;
        loop { let pkt = sock.recv(100.ms); if pkt.kind != "packet" { break; } got += 1; if got == 1 { pkt.reply("x"); } }
        sender.send_to("flood", sock.addr);
        sock.recv(1.s);
        print(got);
    "#;
    let dir = TempDir::new();
    let file = dir.path().join("rows").display().to_string();
    let run = pingscript(&["--trace", "--json", &file, "-e", code]).run().expect_code(0);
    let got: u64 = run.stdout.lines().next().and_then(|line| line.parse().ok()).expect("a number");
    let told = run.stderr.lines().filter(|line| line.contains("lost by the kernel")).map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| word.starts_with("packet")).expect("a count of packets");
        words[at - 1].parse::<u64>().expect("a number")
    });
    assert_eq!(told.sum::<u64>(), 500 - got, "{}", run.stderr);
    let rows = rows(&fs::read_to_string(&file).expect("rows"));
    assert_eq!(reconcile(&rows)["kernel_drops"][0]["count"], 500 - got);
}

#[test]
fn a_quiet_run_shows_its_progress_on_a_terminal_and_erases_it() {
    let server = UdpPeer::answering(1);
    let code = format!(
        "let sock = udp::bind(\"127.0.0.1:0\"); for seq in 1..=2 {{ sock.ping(\"{}\", `ping ${{seq}} x`, 2.s); }} print(\"done\");",
        server.addr()
    );
    let screen = pingscript(&["-e", &code]).error_on_terminal().start_on_terminal();
    screen.wait_for("\rsent 2, received 1, lost 0.0%, last rtt ");
    let run = screen.finish().expect_code(0);
    let last = run.stdout.rfind("\rsent ").expect("shown above");
    let after = &run.stdout[last..];
    let erased = after.find("\x1b[K\r\x1b[K").expect("erased");
    assert!(after[erased..].contains("done\n"), "{:?}", run.stdout);
    // Not where standard error is no terminal, whatever standard output is.
    let run = pingscript(&["-e", &code]).start_on_terminal().finish();
    assert!(!run.stdout.contains("sent 2") && !run.stderr.contains("sent 2"), "{run:?}");
}

#[test]
fn the_prompt_is_recorded_too() {
    let server = UdpPeer::answering(1);
    let line = format!("udp::bind(\"127.0.0.1:0\").ping(\"{}\", \"ping 1 x\", 1.s).kind\n", server.addr());
    let run = pingscript(&["--json", "-"]).stdin(&line).run().expect_code(0);
    assert_eq!(reconcile(&rows(&run.stdout))["replied"], 1);
    assert_eq!(run.stderr, "\"reply\"\n");
}

#[test]
fn the_rows_readme_names_are_those_of_the_schema() {
    let readme = fs::read_to_string(repo_root().join("README.md")).expect("README.md");
    assert!(readme.contains("schema/events-1.json"));
    for kind in schema()["$defs"].as_object().expect("kinds").keys() {
        assert!(readme.contains(&format!("`{kind}`")), "{kind} is not in README.md");
    }
}

/// The rows of `text`, each valid by the schema.
fn rows(text: &str) -> Vec<Value> {
    let schema = schema();
    let parse = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("no JSON: {e}: {line}"));
        if let Err(why) = valid(&schema, &schema, &row) {
            panic!("not by the schema: {why}: {line}");
        }
        row
    };
    text.lines().map(parse).collect()
}

fn schema() -> Value {
    let text = fs::read_to_string(repo_root().join("schema/events-1.json")).expect("the schema");
    serde_json::from_str(&text).expect("the schema is JSON")
}

fn of_type<'a>(rows: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    rows.iter().filter(move |row| row["type"] == kind)
}

/// Checks that rows and their summary agree; the summary.
fn reconcile(rows: &[Value]) -> &Value {
    assert_eq!((&rows[0]["type"], of_type(rows, "run").count()), (&Value::from("run"), 1));
    let summary = rows.last().expect("a summary");
    assert_eq!((&summary["type"], of_type(rows, "summary").count()), (&Value::from("summary"), 1));
    let get = |field: &str| summary[field].as_u64().expect("a count");
    let mut states: HashMap<&str, u64> = HashMap::new();
    let mut rtts: Vec<i64> = Vec::new();
    for probe in of_type(rows, "probe") {
        *states.entry(probe["state"].as_str().expect("a state")).or_default() += 1;
        assert_eq!(probe["rtt_ns"].is_i64() || probe["rtt_ns"].is_u64(), probe["state"] == "replied", "{probe}");
        rtts.extend(probe["rtt_ns"].as_i64());
    }
    for state in ["replied", "errored", "timed_out", "pending"] {
        assert_eq!(states.get(state).copied().unwrap_or(0), get(state), "{state}");
    }
    assert_eq!(states.values().sum::<u64>(), get("sent"));
    let (lost, of) = (get("errored") + get("timed_out"), get("sent") - get("pending"));
    assert_eq!((&summary["loss"]["lost"], &summary["loss"]["of"]), (&Value::from(lost), &Value::from(of)));
    let extremes = (rtts.iter().min().copied(), rtts.iter().max().copied());
    assert_eq!((summary["rtt"]["min_ns"].as_i64(), summary["rtt"]["max_ns"].as_i64()), extremes);
    let judged: u64 =
        summary["policies"].as_array().expect("policies").iter().filter_map(|p| p["judged"].as_u64()).sum();
    assert_eq!(of_type(rows, "verdict").count() as u64, judged);
    summary
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
            assert_eq!(*cell, expected, "{name} of {row}");
        }
    }
}

/// Waits until the file `name` has `n` whole lines.
fn wait_for_rows(name: &str, n: usize) {
    for _ in 0..2000 {
        if fs::read_to_string(name).is_ok_and(|text| text.matches('\n').count() >= n) {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("{name} does not get {n} rows: {:?}", fs::read_to_string(name));
}

/// A line with its times in milliseconds masked, its columns two spaces apart, and without the name of the clock.
fn mask_trace(line: &str) -> String {
    let mut words: Vec<String> =
        line.split("  ").map(str::trim).filter(|word| !word.is_empty()).map(Into::into).collect();
    if line.starts_with("  seq") || line.starts_with("  0 unexplained") {
        return line.to_string();
    }
    if let Some(first) = words.first_mut()
        && first.strip_suffix("ms").is_some_and(|number| number.parse::<f64>().is_ok())
    {
        *first = "<ms>".to_string();
    }
    if let Some(last) = words.last_mut() {
        if let Some((before, _)) = last.split_once(", rtt ") {
            *last = format!("{before}, rtt <ms>");
        }
        if last.starts_with("rtt clock: ") {
            *last = "rtt clock: <clock>".to_string();
        }
    }
    words.join("  ")
}

/// Checks `value` against `schema`, a part of `root`, by the keywords that our schema uses; any other is an error.
fn valid(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let fields = schema.as_object().ok_or("a schema is an object")?;
    for (keyword, rule) in fields {
        let list = || rule.as_array().ok_or_else(|| format!("{keyword} takes a list"));
        let ok = match keyword.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let pointer = rule.as_str().and_then(|rule| rule.strip_prefix('#')).ok_or("a reference within")?;
                valid(root, root.pointer(pointer).ok_or("a definition")?, value)?;
                true
            }
            "oneOf" | "anyOf" => {
                let results: Vec<_> = list()?.iter().map(|one| valid(root, one, value)).collect();
                let fitting = results.iter().filter(|result| result.is_ok()).count();
                if fitting == 0 || (keyword == "oneOf" && fitting > 1) {
                    return Err(format!("{fitting} of {keyword} fit: {results:?}"));
                }
                true
            }
            "type" => match rule {
                Value::Array(types) => types.iter().any(|one| is_type(one, value)),
                one => is_type(one, value),
            },
            "const" => value == rule,
            "enum" => list()?.contains(value),
            "minimum" => value.as_f64().zip(rule.as_f64()).is_none_or(|(value, least)| value >= least),
            "maximum" => value.as_f64().zip(rule.as_f64()).is_none_or(|(value, most)| value <= most),
            "required" => list()?.iter().filter_map(Value::as_str).all(|name| value.get(name).is_some()),
            "properties" => {
                for (name, one) in rule.as_object().ok_or("properties")? {
                    if let Some(field) = value.get(name) {
                        valid(root, one, field).map_err(|why| format!("{name}: {why}"))?;
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = fields.get("properties").and_then(Value::as_object).ok_or("properties")?;
                value.as_object().is_none_or(|value| value.keys().all(|name| known.contains_key(name)))
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    valid(root, rule, item)?;
                }
                true
            }
            other => return Err(format!("the keyword {other} is not known here")),
        };
        if !ok {
            return Err(format!("{value} is not by {keyword} {rule}"));
        }
    }
    Ok(())
}

fn is_type(name: &Value, value: &Value) -> bool {
    match name.as_str() {
        Some("null") => value.is_null(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    }
}
