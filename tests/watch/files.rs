//! The files of a script: saved in every way that editors know, deleted, and there again.

use std::fs;
use std::io::Write;
use std::net::UdpSocket;
use std::time::Duration;

use super::{expect_note, save, watch};
use crate::common::process::Running;
use crate::common::{TempDir, sys};

/// A server whose answer begins with `word`.
fn server(word: &str) -> String {
    format!(
        "let sock = udp::bind(\"127.0.0.1:0\");\nprint(`bound to ${{sock.port}}`);\nudp::serve(sock, |pkt| \"{word} \" + pkt.text);\n"
    )
}

struct Client(UdpSocket);

impl Client {
    fn of(running: &Running) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(("127.0.0.1", running.bound_port())).expect("a peer");
        socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        Self(socket)
    }

    fn ask(&self, text: &str) -> String {
        self.0.send(text.as_bytes()).expect("sent");
        let mut buffer = [0; 100];
        let len = self.0.recv(&mut buffer).expect("an answer");
        String::from_utf8_lossy(&buffer[..len]).into_owned()
    }
}

fn leave(running: Running) {
    running.signal(sys::SIGINT);
    running.finish().expect_code(130);
}

#[test]
fn every_way_of_saving_is_noticed() {
    let dir = TempDir::new();
    let file = dir.write("server.rhai", &server("1"));
    let running = watch(&file);
    let client = Client::of(&running);
    assert_eq!(client.ask("a"), "1 a");
    // In place, in parts, as some editors write: never is half a file or an empty one run.
    let text = server("2");
    let mut open = fs::File::create(&file).expect("opened");
    for part in text.as_bytes().chunks(text.len() / 2 + 1) {
        open.write_all(part).expect("written");
    }
    drop(open);
    expect_note(&running, "reloaded", 1);
    assert_eq!(client.ask("b"), "2 b");
    // Renamed over it, of the same length and time as before.
    let written = fs::metadata(&file).and_then(|data| data.modified()).expect("its time");
    let new = dir.write("server.rhai~", &server("3"));
    fs::File::options().write(true).open(&new).and_then(|new| new.set_modified(written)).expect("set back");
    fs::rename(&new, &file).expect("renamed");
    expect_note(&running, "reloaded", 2);
    assert_eq!(client.ask("c"), "3 c");
    // The old one moved away first, as a backup.
    fs::rename(&file, dir.path().join("backup")).and_then(|()| fs::write(&file, server("4"))).expect("saved");
    expect_note(&running, "reloaded", 3);
    assert_eq!(client.ask("d"), "4 d");
    // Through a link.
    let other = dir.write("other.rhai", &server("5"));
    fs::remove_file(&file).and_then(|()| std::os::unix::fs::symlink(&other, &file)).expect("linked");
    expect_note(&running, "reloaded", 4);
    assert_eq!(client.ask("e"), "5 e");
    save(&other, &server("6"));
    expect_note(&running, "reloaded", 5);
    assert_eq!(client.ask("f"), "6 f");
    leave(running);
}

#[test]
fn a_file_that_is_gone_or_empty_is_reported_of_and_followed() {
    let dir = TempDir::new();
    let file = dir.write("server.rhai", &server("1"));
    let running = watch(&file);
    let client = Client::of(&running);
    fs::remove_file(&file).expect("removed");
    expect_note(&running, "server.rhai: it is gone; the script that ran goes on", 1);
    assert_eq!(client.ask("a"), "1 a");
    save(&file, "\n");
    expect_note(&running, "server.rhai: it is empty", 1);
    expect_note(&running, "server.rhai: the script that ran goes on", 1);
    assert_eq!(client.ask("b"), "1 b");
    save(&file, &server("2"));
    expect_note(&running, "reloaded", 1);
    assert_eq!(client.ask("c"), "2 c");
    fs::write(&file, b"let text = \"\xff\";").expect("written");
    expect_note(&running, "it is not text (UTF-8)", 1);
    assert_eq!(client.ask("d"), "2 d");
    leave(running);
}

#[test]
fn modules_and_policies_are_followed_too() {
    let dir = TempDir::new();
    let main = "import \"words\" as words;\nlet sock = udp::bind(\"127.0.0.1:0\");\nprint(`bound to ${sock.port}`);\n\
                set_policy(sock, policy(\"fate.rhai\"));\nlet word = words::word();\nudp::serve(sock, |pkt| word + pkt.text);\n";
    let words = dir.write("words.rhai", "fn word() { \"one \" }\n");
    let fate = dir.write("fate.rhai", "|pkt| pass()\n");
    let file = dir.write("server.rhai", main);
    let running = watch(&file);
    let client = Client::of(&running);
    assert_eq!(client.ask("a"), "one a");
    save(&words, "fn word() { \"two \" }\n");
    expect_note(&running, "reloaded", 1);
    assert_eq!(client.ask("b"), "two b");
    save(&fate, "|pkt| replace(\"replaced\")\n");
    expect_note(&running, "reloaded", 2);
    assert_eq!(client.ask("c"), "replaced");
    // Broken ones are shown where they are broken, and nothing changes.
    for (n, (file, broken, place)) in
        [(&fate, "|pkt| pass(\n", "fate.rhai:1:"), (&words, "fn word( { \"three \" }\n", "words.rhai:1:")]
            .into_iter()
            .enumerate()
    {
        save(file, broken);
        expect_note(&running, "the script that ran goes on", n + 1);
        assert!(running.stderr().contains(place), "{}", running.stderr());
        assert_eq!(client.ask("d"), "replaced");
    }
    save(&words, "fn word() { \"four \" }\n");
    // The policy is still broken: the new code would fail at once.
    expect_note(&running, "the script that ran goes on", 3);
    assert_eq!(client.ask("d"), "replaced");
    save(&fate, "|pkt| pass()\n");
    expect_note(&running, "reloaded", 3);
    assert_eq!(client.ask("e"), "four e");
    leave(running);
}

#[test]
fn a_module_that_is_written_last_is_waited_for() {
    let dir = TempDir::new();
    let file = dir.write("server.rhai", &server("1"));
    let running = watch(&file);
    let client = Client::of(&running);
    save(&file, &format!("import \"words\" as words;\n{}", server("2").replace("\"2 \"", "words::word()")));
    expect_note(&running, "the script that ran goes on", 1);
    assert_eq!(client.ask("a"), "1 a");
    dir.write("words.rhai", "fn word() { \"2 \" }\n");
    expect_note(&running, "reloaded", 1);
    leave(running);
}
