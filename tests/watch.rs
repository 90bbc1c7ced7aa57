//! `--watch`: scripts that are edited while they serve.

#[path = "watch/clients.rs"]
mod clients;
mod common;
#[path = "watch/files.rs"]
mod files;
#[path = "watch/handing.rs"]
mod handing;
#[path = "watch/many.rs"]
mod many;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;

use common::process::Running;
use common::{TempDir, pingscript, sys};

/// Saves `text` as an editor does: a new file in the place of the old.
fn save(file: &Path, text: &str) {
    let new = file.with_extension("new");
    fs::write(&new, text).and_then(|()| fs::rename(&new, file)).expect("saved");
}

fn watch(file: &Path) -> Running {
    pingscript(&["--watch", file.to_str().expect("UTF-8")]).patience(Duration::from_secs(60)).start()
}

/// Waits until standard error holds `what` for the `n`th time.
fn expect_note(running: &Running, what: &str, n: usize) {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while running.stderr().matches(what).count() < n {
        assert!(std::time::Instant::now() < deadline, "no {what:?} in\n{}", running.stderr());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn udp_server(answer: &str) -> String {
    format!(
        "let server = udp::bind(\"127.0.0.1:0\");\nprint(`bound to ${{server.port}}`);\n\
         set_policy(server, |pkt| if pkt.text == \"lost\" {{ drop() }} else {{ pass() }});\n\
         udp::serve(server, |pkt| {answer});\nprint(\"last line\");\n"
    )
}

#[test]
fn a_udp_server_takes_edits_over_with_its_socket() {
    let dir = TempDir::new();
    let file = dir.write("server.rhai", &udp_server("\"first \" + pkt.text"));
    let running = watch(&file);
    let port = running.bound_port();
    let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    client.connect(("127.0.0.1", port)).expect("a peer");
    client.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    let ask = |text: &str| {
        client.send(text.as_bytes()).expect("sent");
        let mut buffer = [0; 100];
        let len = client.recv(&mut buffer).expect("an answer");
        String::from_utf8_lossy(&buffer[..len]).into_owned()
    };
    assert_eq!(ask("a"), "first a");

    save(&file, &udp_server("\"second \" + pkt.text"));
    // What comes while the scripts change waits in the socket.
    assert!(["first b", "second b"].contains(&ask("b").as_str()));
    expect_note(&running, "reloaded", 1);
    assert_eq!(ask("c"), "second c");
    running.wait_for("last line\n");
    // Its lines are out once it waits, which may be after its first answer.
    running.wait_until("the second start", |text| text.matches(&format!("bound to {port}\n")).count() == 2);

    // A broken edit is shown, and the server goes on.
    save(&file, &udp_server("\"third \" + pkt.text)"));
    expect_note(&running, "the script that ran goes on", 1);
    assert!(running.stderr().contains("server.rhai:4:"), "{}", running.stderr());
    assert_eq!(ask("d"), "second d");
    save(&file, &udp_server("\"fourth \" + pkt.txet.nothing_of_this_name()"));
    expect_note(&running, "the script that ran goes on", 2);
    assert_eq!(ask("e"), "second e");
    save(&file, &udp_server("\"fifth \" + pkt.text"));
    expect_note(&running, "reloaded", 2);
    assert_eq!(ask("f"), "fifth f");
    running.signal(sys::SIGINT);
    let run = running.finish().expect_code(130);
    assert!(run.stdout.ends_with("Received interrupt stopping pings\nlast line\n"), "{}", run.stdout);
}

fn tcp_server(answer: &str) -> String {
    format!(
        "let listener = tcp::listen(\"127.0.0.1:0\", #{{ framing: \"line\" }});\nprint(`bound to ${{listener.port}}`);\n\
         fn serve(conn) {{ for msg in conn {{ msg.reply({answer}); }} }}\n\
         for conn in listener {{ start_thread(|| serve(conn)); }}\n"
    )
}

#[test]
fn a_connected_client_stays_connected_through_edits() {
    let dir = TempDir::new();
    let file = dir.write("server.rhai", &tcp_server("\"first \" + msg.text"));
    let running = watch(&file);
    let port = running.bound_port();
    let connect = || BufReader::new(TcpStream::connect(("127.0.0.1", port)).expect("connected"));
    let ask = |client: &mut BufReader<TcpStream>, text: &str| {
        client.get_mut().write_all(format!("{text}\n").as_bytes()).expect("sent");
        let mut line = String::new();
        client.read_line(&mut line).expect("an answer");
        line
    };
    let mut old = connect();
    assert_eq!(ask(&mut old, "a"), "first a\n");
    save(&file, &tcp_server("\"second \" + msg.text"));
    // The loop is written in the script: the connection goes on as it was served, a new one meets the new code.
    expect_note(&running, "reloaded; 1 client stays with the old code", 1);
    let mut new = connect();
    assert_eq!(ask(&mut new, "b"), "second b\n");
    assert_eq!(ask(&mut old, "c"), "first c\n");
    save(&file, &tcp_server("\"third \" +"));
    expect_note(&running, "the script that ran goes on", 1);
    assert_eq!(ask(&mut old, "d"), "first d\n");
    assert_eq!(ask(&mut new, "e"), "second e\n");
    save(&file, &tcp_server("\"third \" + msg.text"));
    expect_note(&running, "reloaded; 2 clients stay with the old code", 1);
    assert_eq!(ask(&mut connect(), "f"), "third f\n");
    assert_eq!(ask(&mut old, "g"), "first g\n");
    drop((old, new));
    running.signal(sys::SIGTERM);
    running.finish().expect_code(143);
}

#[test]
fn a_script_that_has_ended_is_run_again_when_it_is_saved() {
    let dir = TempDir::new();
    let file = dir.write("script.rhai", "print(`one ${1 +}`);\n");
    let running = watch(&file);
    expect_note(&running, "it is run when it is saved without this error", 1);
    save(&file, "import \"part\" as part;\nprint(`one ${part::number()}`);\n");
    expect_note(&running, "it is run when it is saved without this error", 1);
    dir.write("part.rhai", "fn number() { 1 }\n");
    save(&file, "import \"part\" as part;\nprint(`two ${part::number()}`);\n");
    running.wait_for("two 1\n");
    expect_note(&running, "it has ended", 1);
    save(&dir.path().join("part.rhai"), "fn number() { 20 }\n");
    running.wait_for("two 20\n");
    running.signal(sys::SIGINT);
    running.finish().expect_code(130);
}

#[test]
fn only_a_file_is_watched() {
    let dir = TempDir::new();
    let run = pingscript(&["--watch", "-"]).run().expect_code(2);
    assert!(run.stderr.contains("only a file can be edited while it runs"), "{}", run.stderr);
    let run = pingscript(&["--watch", "labs/router"]).dir(dir.path()).run().expect_code(2);
    assert!(run.stderr.contains("`pingscript new labs/router` writes a copy"), "{}", run.stderr);
    let run = pingscript(&["--watch", "nowhere.rhai"]).dir(dir.path()).run().expect_code(2);
    assert!(run.stderr.contains("there is no such script"), "{}", run.stderr);
}
