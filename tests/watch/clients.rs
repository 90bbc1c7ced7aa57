//! The servers that come with pingscript, edited on a terminal while a client is connected.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;

use super::save;
use crate::common::process::Running;
use crate::common::{TempDir, pingscript, repo_root};

/// A server of `scripts/`, to be edited.
struct Edited<'a> {
    dir: &'a TempDir,
    name: &'static str,
    /// What makes its answer.
    answer: &'static str,
}

impl Edited<'_> {
    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join(self.name)
    }

    /// Saves it with `answer` in place of its own.
    fn save(&self, answer: &str) {
        let text = fs::read_to_string(repo_root().join("scripts").join(self.name)).expect("the script");
        assert_eq!(text.matches(self.answer).count(), 1, "{}", self.name);
        save(&self.path(), &text.replace(self.answer, answer));
    }

    /// Starts it on a terminal, and gives its port.
    fn watch(&self) -> (Running, u16) {
        self.save(self.answer);
        let args = ["--watch", utf8(&self.path()), "--listen", "127.0.0.1:0"].map(str::to_string);
        let cmd = pingscript(&args).patience(Duration::from_secs(60)).env("NO_COLOR", "1").error_on_terminal();
        let running = cmd.start_on_terminal();
        let port = running.bound_port();
        (running, port)
    }
}

fn utf8(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Waits until the screen holds `what` for the `n`th time.
fn shows(running: &Running, what: &str, n: usize) {
    running.wait_until(&format!("{what:?} ({n})"), |text| text.matches(what).count() >= n);
}

struct Client(TcpStream);

impl Client {
    fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        Self(stream)
    }

    fn ask(&mut self, text: &str) -> String {
        self.0.write_all(text.as_bytes()).expect("sent");
        let mut buffer = [0; 100];
        let len = self.0.read(&mut buffer).expect("an answer");
        String::from_utf8_lossy(&buffer[..len]).into_owned()
    }
}

/// Edits a server of TCP while a client is connected, which goes on with the new code.
fn edit_with_a_client(name: &'static str) {
    let dir = TempDir::new();
    let edited = Edited { dir: &dir, name, answer: "to_upper(msg.text)" };
    let (running, port) = edited.watch();
    let mut old = Client::connect(port);
    assert_eq!(old.ask("ping 1"), "PING 1");

    edited.save("\"second \" + msg.text");
    shows(&running, "reloaded", 1);
    let mut new = Client::connect(port);
    assert_eq!(new.ask("ping 2"), "second ping 2", "{name}: a new client meets the new code");
    assert_eq!(old.ask("ping 3"), "second ping 3", "{name}: the old client");

    edited.save("\"third \" + msg.text)");
    shows(&running, "the script that ran goes on", 1);
    let screen = running.stdout();
    assert!(screen.contains("^\n") && screen.contains("\"third \" + msg.text)"), "{name}:\n{screen}");
    assert_eq!(old.ask("ping 4"), "second ping 4", "{name}: after a broken edit");
    assert_eq!(new.ask("ping 5"), "second ping 5", "{name}: after a broken edit");

    edited.save("\"fourth \" + msg.text");
    shows(&running, "reloaded", 2);
    assert_eq!(Client::connect(port).ask("ping 6"), "fourth ping 6");
    assert_eq!(old.ask("ping 7"), "fourth ping 7", "{name}: after a third edit");
    assert_eq!(new.ask("ping 8"), "fourth ping 8", "{name}: after a third edit");
    drop((old, new));
    leave(running, port, 3);
}

/// Presses Ctrl-C; the server has reported its port `times` times, and nothing went wrong.
fn leave(mut running: Running, port: u16, times: usize) {
    running.press_ctrl_c();
    let screen = running.finish().expect_code(130).stdout;
    assert_eq!(screen.matches(&format!("port {port}\n")).count(), times, "{screen}");
    for wrong in ["stays with the old code", "panicked", "a bug in", "has ended", "in the thread", "lost"] {
        assert!(!screen.contains(wrong), "{wrong}:\n{screen}");
    }
}

#[test]
fn clients_of_an_event_loop_go_on_with_the_new_code() {
    edit_with_a_client("tcp_events.rhai");
}

#[test]
fn clients_with_a_thread_each_go_on_with_the_new_code() {
    edit_with_a_client("tcp_multi.rhai");
}

#[test]
fn clients_of_a_pool_go_on_with_the_new_code() {
    edit_with_a_client("tcp_pool.rhai");
}

#[test]
fn the_client_of_a_single_server_goes_on_with_the_new_code() {
    edit_with_a_client("tcp_single.rhai");
}

#[test]
fn servers_of_udp_answer_by_the_new_code_on_the_same_socket() {
    for (name, answer) in [
        ("udp_server.rhai", "pkt.text.to_upper()"),
        ("udp_multi.rhai", "pkt.text.to_upper()"),
        ("udp_server_plain.rhai", "pkt.text.to_upper()"),
    ] {
        let dir = TempDir::new();
        let edited = Edited { dir: &dir, name, answer };
        let (running, port) = edited.watch();
        let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        client.connect(("127.0.0.1", port)).expect("a peer");
        client.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
        // Some servers drop on purpose.
        let ask = |text: &str| {
            (0..100).find_map(|_| {
                client.send(text.as_bytes()).expect("sent");
                let mut buffer = [0; 100];
                let len = client.recv(&mut buffer).ok()?;
                Some(String::from_utf8_lossy(&buffer[..len]).into_owned())
            })
        };
        assert_eq!(ask("ping 1").as_deref(), Some("PING 1"), "{name}");
        edited.save("\"second \" + pkt.text");
        shows(&running, "reloaded", 1);
        assert_eq!(ask("ping 2").as_deref(), Some("second ping 2"), "{name}");
        edited.save("\"third \" + pkt.text)");
        shows(&running, "the script that ran goes on", 1);
        assert_eq!(ask("ping 3").as_deref(), Some("second ping 3"), "{name}");
        leave(running, port, 2);
    }
}
