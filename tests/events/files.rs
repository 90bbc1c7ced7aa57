//! Where rows are written: when they are there, and what is left by a full disk, a signal and a kill.

use std::path::Path;

use super::*;

#[test]
fn what_is_printed_goes_to_standard_error_where_rows_own_standard_output() {
    let run = pingscript(&["--csv", "-", "-e", "print(\"hello\"); 6 * 7"]).run().expect_code(0);
    assert_eq!(run.stderr, "hello\n42\n");
    let kinds: Vec<&str> = run.stdout.lines().filter_map(|line| line.split(',').next()).collect();
    assert_eq!(kinds, ["type", "run", "summary"]);
}

#[test]
fn files_that_cannot_hold_rows_are_refused_before_the_script_runs() {
    let flags = ["--json", "/no/such/directory/rows", "--trace", "-e", "print(1)"];
    let run = pingscript(&flags).run().expect_code(2);
    assert!(run.stderr.contains(flags[1]) && run.stderr.contains("for rows"), "{}", run.stderr);
    assert_eq!(run.stdout, "");
}

#[test]
fn one_place_for_both_kinds_of_rows_is_refused() {
    let dir = TempDir::new();
    for (json, csv, place) in [("rows", "rows", "rows"), ("rows", "./rows", "rows"), ("-", "-", "standard output")] {
        let run = pingscript(&["--json", json, "--csv", csv, "-e", "print(1)"]).dir(dir.path()).run().expect_code(2);
        let error = format!("error: --json and --csv both write to {place}, which can hold rows of one kind only\n");
        assert_eq!(run.stderr, error + "  hint: name two files\n");
        assert_eq!(run.stdout, "");
        assert!(!dir.path().join("rows").exists());
    }
}

#[test]
fn a_full_disk_is_reported_once_and_the_pinging_goes_on() {
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
        most = most.max(rows(&whole(&json, "\n")).len());
        let text = whole(&csv, "\r\n");
        csv::Reader::from_reader(text.as_bytes()).records().for_each(|row| drop(row.expect("a whole row")));
    }
    assert!(most > 100, "rows were being written: {most}");
}

/// The whole lines of a file. Linux copies a write page by page, and a kill takes effect in between: a line that lies across two
/// pages, and nothing else, may be cut there.
fn whole(name: &Path, line_end: &str) -> String {
    const PAGE: usize = 4096;
    let text = fs::read_to_string(name).expect("rows");
    if !text.is_empty() && !text.ends_with(line_end) {
        assert_eq!(text.len() % PAGE, 0, "{}", &text[text.len().saturating_sub(300)..]);
    }
    text[..text.rfind(line_end).map_or(0, |end| end + line_end.len())].to_string()
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

#[test]
fn a_file_that_holds_something_else_is_left_alone() {
    let dir = TempDir::new();
    let file = dir.path().join("file").display().to_string();
    for (before, flag) in [("notes\n", "--json"), ("notes\n", "--csv"), ("type,time_ns,x\n", "--json")] {
        fs::write(&file, before).expect("written");
        let run = pingscript(&[flag, &file, "-e", "print(1)"]).run().expect_code(2);
        assert!(run.stderr.contains("the file exists and holds something else"), "{}", run.stderr);
        assert_eq!((run.stdout.as_str(), fs::read_to_string(&file).expect("read").as_str()), ("", before));
    }
}

#[test]
fn rows_of_an_earlier_run_are_replaced() {
    let dir = TempDir::new();
    for flag in ["--json", "--csv"] {
        let file = dir.path().join(flag).display().to_string();
        for code in ["1", "2"] {
            pingscript(&[flag, &file, "-e", code]).run().expect_code(0);
        }
        assert_eq!(fs::read_to_string(&file).expect("rows").matches("summary").count(), 1, "{flag}");
    }
}

#[test]
fn a_second_run_into_the_same_file_is_refused_while_the_first_runs() {
    let dir = TempDir::new();
    let file = dir.path().join("rows").display().to_string();
    let running = pingscript(&["--json", &file, "-e", "print(\"on\"); sleep(1.h)"]).start();
    running.wait_for("on");
    let run = pingscript(&["--json", &file, "-e", "1"]).run().expect_code(2);
    assert!(run.stderr.contains("another run writes this file now"), "{}", run.stderr);
    running.signal(sys::SIGINT);
    running.finish().expect_code(130);
    let rows = rows(&fs::read_to_string(&file).expect("rows"));
    assert_eq!((of_type(&rows, "run").count(), of_type(&rows, "summary").count()), (1, 1));
    pingscript(&["--json", &file, "-e", "1"]).run().expect_code(0);
}

#[test]
fn the_row_about_the_run_is_written_before_the_first_wait() {
    let dir = TempDir::new();
    let file = dir.path().join("rows").display().to_string();
    for rows in ["-", &file] {
        let running = pingscript(&["--json", rows, "-e", "udp::bind(\"127.0.0.1:0\").recv(1.h)"]).start();
        if rows == "-" {
            running.wait_for(r#""type":"run""#);
        } else {
            let about = || fs::read_to_string(rows).is_ok_and(|rows| rows.contains(r#""type":"run""#));
            let deadline = Instant::now() + Duration::from_secs(20);
            while !about() {
                assert!(Instant::now() < deadline, "no row in {rows}");
                thread::sleep(Duration::from_millis(5));
            }
        }
        running.signal(sys::SIGTERM);
        running.finish();
    }
}

#[test]
fn a_run_ends_when_the_reader_of_its_rows_has_gone() {
    // Nothing happens that would make a row.
    let code = "let server = udp::bind(\"127.0.0.1:0\"); print(\"on\"); for pkt in server { }";
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_pingscript"))
        .args(["--json", "-", "-e", code])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("started");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ended");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("the reader of the rows has gone: the run ends\n"), "{text}");
}

#[test]
fn a_file_that_may_not_grow_is_as_a_full_disk() {
    let server = UdpPeer::answering(30);
    let (addr, dir) = (server.addr().to_string(), TempDir::new());
    let file = dir.path().join("rows").display().to_string();
    let limited = format!(
        "ulimit -f 1; exec {} --json {file} {PING} --server {addr} --count 30 --interval 1ms",
        env!("CARGO_BIN_EXE_pingscript")
    );
    let run = std::process::Command::new("bash").args(["-c", &limited]).output().expect("bash");
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert_eq!((run.status.code(), err.matches("could not be written").count()), (Some(0), 1), "{err}");
    assert!(out.contains("Packets Received: 30\n"), "{out}");
    rows(&fs::read_to_string(&file).expect("whole rows"));
}
