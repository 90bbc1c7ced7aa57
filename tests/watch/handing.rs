//! What is handed over at an edit, beyond what the servers that come with pingscript need.

#[path = "failing.rs"]
mod failing;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

use super::{expect_note, save, watch};
use crate::common::{TempDir, sys};

struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        Self(BufReader::new(stream))
    }

    fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).expect("sent");
    }

    /// The next line; empty once the stream has ended.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line or the end");
        line
    }
}

const LISTEN: &str =
    "let listener = tcp::listen(\"127.0.0.1:0\", #{ framing: \"line\" });\nprint(`bound to ${listener.port}`);\n";

/// A server that answers in an event loop.
fn events(answer: &str) -> String {
    format!(
        "{LISTEN}handle_events(poll(listener), |event| switch event.kind {{\n    \
         \"connected\" => (),\n    \"message\" => {{ let msg = event.message; {answer} }},\n    _ => event.conn.close(),\n}});\n"
    )
}

#[test]
fn what_an_event_loop_has_received_and_not_given_out_is_the_new_codes() {
    let dir = TempDir::new();
    let gate = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    gate.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    let to = gate.local_addr().expect("an address");
    // The first message of a client keeps the loop busy, while others wait in it.
    let first = format!(
        "let gate = udp::open(\"{to}\"); gate.send_to(msg.text, \"{to}\"); gate.recv(60.s); msg.reply(\"first \" + msg.text);"
    );
    let file = dir.write("server.rhai", &events(&first));
    let running = watch(&file);
    let port = running.bound_port();
    let (mut one, mut two) = (Client::connect(port), Client::connect(port));
    one.send("a\nb\nc\nhal");
    let (_, busy) = gate.recv_from(&mut [0; 10]).expect("busy with a");
    two.send("d\n");
    save(&file, &events("msg.reply(\"second \" + msg.text);"));
    expect_note(&running, "reloaded", 1);
    let mut three = Client::connect(port);
    three.send("e\n");
    assert_eq!(three.line(), "second e\n");
    // The handler that ran comes to its end.
    gate.send_to(b"go", busy).expect("sent");
    for expected in ["first a\n", "second b\n", "second c\n"] {
        assert_eq!(one.line(), expected);
    }
    one.send("f\n");
    assert_eq!((one.line(), two.line()), ("second half\n".to_string(), "second d\n".to_string()));
    drop((one, two, three));
    running.signal(sys::SIGINT);
    running.finish().expect_code(130);
}

#[test]
fn the_policy_of_the_new_code_decides_about_clients_that_were_connected() {
    let dir = TempDir::new();
    let script = |policy: &str| {
        events("msg.reply(msg.text);")
            .replace("handle_events", &format!("set_policy(listener, {policy});\nhandle_events"))
    };
    let file = dir.write("server.rhai", &script("|msg| delay(100.ms)"));
    let running = watch(&file);
    let mut client = Client::connect(running.bound_port());
    client.send("late\n");
    assert_eq!(client.line(), "late\n");
    // One that is on its way is not lost.
    client.send("later\n");
    save(&file, &script("|msg| replace(\"replaced\")"));
    expect_note(&running, "reloaded", 1);
    client.send("x\n");
    let mut lines = [client.line(), client.line()];
    lines.sort();
    assert_eq!(lines, ["later\n", "replaced\n"]);
    running.signal(sys::SIGINT);
    let run = running.finish().expect_code(130);
    assert!(run.stderr.contains("acted on 3 of 3 packets"), "the account knows both policies:\n{}", run.stderr);
}

#[test]
fn where_nothing_takes_the_place_of_a_handler_its_clients_stay_with_it() {
    let dir = TempDir::new();
    let file = dir.write("server.rhai", &events("msg.reply(\"first \" + msg.text);"));
    let running = watch(&file);
    let port = running.bound_port();
    let mut client = Client::connect(port);
    client.send("a\n");
    assert_eq!(client.line(), "first a\n");
    let threads = "fn serve(conn) { for msg in conn { msg.reply(\"second \" + msg.text); } }\nfor conn in listener { start_thread(|| serve(conn)); }\n";
    save(&file, &format!("{LISTEN}{threads}"));
    expect_note(&running, "reloaded", 1);
    let mut other = Client::connect(port);
    other.send("b\n");
    assert_eq!(other.line(), "second b\n");
    client.send("c\n");
    assert_eq!(client.line(), "first c\n");
    expect_note(
        &running,
        "nothing takes the place of the closure given in line 3; the clients it serves stay with it",
        1,
    );
    drop((client, other));
    running.signal(sys::SIGINT);
    running.finish().expect_code(130);
}

/// A server with a thread for each client: the odd ones have a function as their handler, the even ones a closure.
fn handlers(before: &str, word: &str, name: &str, text: &str) -> String {
    format!(
        "{before}const MARK = \"{word} \";\n{LISTEN}fn {name}(msg) {{ global::MARK + msg.text }}\n\
         fn serve(conn, n) {{\n    if n % 2 == 1 {{ return tcp::serve(conn, Fn(\"{name}\")); }}\n    \
         tcp::serve(conn, |msg| global::MARK + n + msg.{text});\n}}\n\
         let n = 0;\nfor conn in listener {{ n += 1; let m = n; start_thread(|| serve(conn, m)); }}\n"
    )
}

#[test]
fn handlers_are_found_by_their_name_or_their_place() {
    let dir = TempDir::new();
    let file = dir.write("server.rhai", &handlers("", "first", "answer", "text"));
    let running = watch(&file);
    let port = running.bound_port();
    let ask = |client: &mut Client, text: &str| {
        client.send(&format!("{text}\n"));
        client.line()
    };
    let (mut odd, mut even) = (Client::connect(port), Client::connect(port));
    assert_eq!((ask(&mut odd, "a"), ask(&mut even, "a")), ("first a\n".to_string(), "first 2a\n".to_string()));
    // Another text of the closure, at another place, and another constant.
    save(&file, &handlers("// Lines above.\n\n", "second", "answer", "text + \"!\""));
    expect_note(&running, "reloaded", 1);
    assert_eq!(ask(&mut Client::connect(port), "b"), "second b\n");
    assert_eq!((ask(&mut odd, "c"), ask(&mut even, "c")), ("second c\n".to_string(), "second 2c!\n".to_string()));
    // A function of another name in the same place; and an error.
    save(&file, &handlers("", "third", "other", "text"));
    expect_note(&running, "reloaded", 2);
    assert_eq!(ask(&mut Client::connect(port), "d"), "third d\n");
    assert_eq!((ask(&mut odd, "e"), ask(&mut even, "e")), ("third e\n".to_string(), "third 2e\n".to_string()));
    save(&file, &handlers("", "fourth", "answer", "txet"));
    expect_note(&running, "reloaded", 3);
    assert_eq!(ask(&mut Client::connect(port), "f"), "fourth f\n");
    assert_eq!((ask(&mut odd, "g"), ask(&mut even, "g")), ("fourth g\n".to_string(), String::new()));
    // The error is shown in the text that it is in.
    expect_note(&running, "global::MARK + n + msg.txet", 1);
    assert!(!running.stderr().contains("stay"), "{}", running.stderr());
    drop((odd, even));
    running.signal(sys::SIGINT);
    running.finish().expect_code(130);
}

#[test]
fn clients_that_wait_for_a_thread_of_the_pool_are_served() {
    let dir = TempDir::new();
    let script = |answer: &str| {
        format!(
            "{LISTEN}fn serve(conn) {{ for msg in conn {{ msg.reply({answer} + msg.text); }} conn.close(); }}\n\
             let workers = pool(1);\nfor conn in listener {{ start_in(workers, || serve(conn)); print(`took ${{listener.accepted}}`); }}\n"
        )
    };
    let file = dir.write("server.rhai", &script("\"first \""));
    let running = watch(&file);
    let port = running.bound_port();
    let (mut one, mut two) = (Client::connect(port), Client::connect(port));
    one.send("a\n");
    assert_eq!(one.line(), "first a\n");
    two.send("b\n");
    running.wait_for("took 2\n");
    save(&file, &script("\"second \""));
    expect_note(&running, "reloaded", 1);
    // Another pool serves those that come now.
    let mut three = Client::connect(port);
    three.send("c\n");
    assert_eq!(three.line(), "second c\n");
    drop(one);
    assert_eq!(two.line(), "first b\n", "its turn has come");
    drop((two, three));
    running.signal(sys::SIGINT);
    running.finish().expect_code(130);
}

#[test]
fn threads_that_wait_for_work_end_with_the_code_they_are_of() {
    let dir = TempDir::new();
    // Threads that take clients from a queue, one that beats, one that waits for nothing.
    let script = |answer: &str| {
        format!(
            "{LISTEN}let queue = channel();\n\
             fn serve(conn) {{ for msg in conn {{ msg.reply({answer} + msg.text); }} conn.close(); }}\n\
             for i in 0..3 {{ start_thread(|| for conn in queue {{ serve(conn); }}); }}\n\
             start_thread(|| for tick in ticks(10.ms) {{ }});\nstart_thread(|| sleep(1.h));\n\
             for conn in listener {{ queue.send(conn); }}\n"
        )
    };
    let file = dir.write("server.rhai", &script("\"first \""));
    let running = watch(&file);
    let port = running.bound_port();
    let threads = || std::fs::read_dir(format!("/proc/{}/task", running.pid())).expect("its threads").count();
    let settle = |most: usize, what: &str| {
        let deadline = std::time::Instant::now() + Duration::from_secs(60);
        while threads() > most {
            assert!(std::time::Instant::now() < deadline, "{what}: {} threads, not {most}", threads());
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let mut client = Client::connect(port);
    client.send("a\n");
    assert_eq!(client.line(), "first a\n");
    let before = threads();
    save(&file, &script("\"second \""));
    expect_note(&running, "reloaded", 1);
    client.send("b\n");
    assert_eq!(client.line(), "first b\n");
    // The script before has one thread that serves, and its own.
    settle(before + 2, "while the old client is served");
    drop(client);
    settle(before, "after the old client has left");
    running.signal(sys::SIGINT);
    running.finish().expect_code(130);
}

#[test]
fn a_socket_is_the_same_by_its_address_whatever_its_options() {
    let dir = TempDir::new();
    let script = |options: &str| {
        format!(
            "let sock = udp::bind(\"127.0.0.1:0\", #{{ {options} }});\nprint(`bound to ${{sock.port}}`);\n\
             print(`buffers ${{sock.rcvbuf}} ${{sock.sndbuf}}`);\nudp::serve(sock, |pkt| pkt.text);\n"
        )
    };
    let file = dir.write("server.rhai", &script(""));
    let running = watch(&file);
    let port = running.bound_port();
    let default = running.wait_lines(2).lines().nth(1).expect("a line").to_string();
    save(&file, &script("rcvbuf: 8192, sndbuf: 16384, ttl: 3, reuse: true"));
    expect_note(&running, "reloaded", 1);
    running.wait_for("buffers 16384 32768\n");
    save(&file, &script(""));
    expect_note(&running, "reloaded", 2);
    let text = running.wait_until("both lines again", |text| text.matches("buffers ").count() == 3);
    assert_eq!(text.matches(&format!("bound to {port}\n")).count(), 3, "{text}");
    assert_eq!(text.matches(&format!("{default}\n")).count(), 2, "{text}");
    running.signal(sys::SIGINT);
    running.finish().expect_code(130);
}

#[test]
fn a_port_is_taken_over_from_a_socket_at_any_address() {
    let dir = TempDir::new();
    let script = |at: &str| {
        format!(
            "let sock = udp::bind(\"{at}\");\nprint(`bound to ${{sock.addr}}`);\nudp::serve(sock, |pkt| \"{at}\");\n"
        )
    };
    let port = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
    let file = dir.write("server.rhai", &script(&format!("0.0.0.0:{port}")));
    let running = watch(&file);
    running.wait_for(&format!("bound to 0.0.0.0:{port}\n"));
    save(&file, &script(&format!("127.0.0.1:{port}")));
    running.wait_for(&format!("bound to 127.0.0.1:{port}\n"));
    save(&file, &script("127.0.0.1:0"));
    expect_note(&running, "reloaded", 2);
    // What was not asked for is closed.
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while UdpSocket::bind(("127.0.0.1", port)).is_err() {
        assert!(std::time::Instant::now() < deadline, "the port is still taken");
        std::thread::sleep(Duration::from_millis(5));
    }
    running.signal(sys::SIGINT);
    running.finish().expect_code(130);
}

#[test]
fn an_event_loop_that_has_received_by_itself_goes_on_with_its_clients() {
    let dir = TempDir::new();
    // The second line is received on the spot.
    let answer = |word: &str| {
        format!(
            "print(`after ${{msg.text}}`); let more = event.conn.recv(); msg.reply(\"{word} \" + msg.text + more.text);"
        )
    };
    for (looped, word) in [(false, "second"), (true, "first")] {
        let script = |word: &str| {
            let script = events(&answer(word));
            if !looped {
                return script;
            }
            script
                .replace("handle_events(poll(listener), |event| switch", "for event in poll(listener) { switch")
                .replace("\n});\n", "\n}}\n")
        };
        let file = dir.write(&format!("server{looped}.rhai"), &script("first"));
        let running = watch(&file);
        let port = running.bound_port();
        let mut client = Client::connect(port);
        client.send("a\n");
        running.wait_for("after a\n");
        client.send("b\n");
        assert_eq!(client.line(), "first ab\n");
        save(&file, &script("second"));
        expect_note(&running, if looped { "reloaded; 1 client stays with the old code" } else { "reloaded" }, 1);
        let mut other = Client::connect(port);
        other.send("x\n");
        running.wait_for("after x\n");
        other.send("y\n");
        assert_eq!(other.line(), "second xy\n");
        client.send("c\n");
        running.wait_for("after c\n");
        client.send("d\n");
        assert_eq!(client.line(), format!("{word} cd\n"));
        running.signal(sys::SIGINT);
        running.finish().expect_code(130);
    }
}

#[test]
fn a_thread_that_asks_others_for_its_client_goes_on_with_it() {
    let dir = TempDir::new();
    let upstream = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    upstream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    let to = upstream.local_addr().expect("an address");
    let script = |word: &str| {
        format!(
            "{LISTEN}fn serve(conn) {{ let sock = udp::open(\"{to}\"); for msg in conn {{ sock.send_to(msg.text, \"{to}\"); msg.reply(\"{word} \" + sock.recv(60.s).text); }} }}\n\
             for conn in listener {{ start_thread(|| serve(conn)); }}\n"
        )
    };
    let file = dir.write("server.rhai", &script("first"));
    let running = watch(&file);
    let port = running.bound_port();
    let answer = || {
        let mut buffer = [0; 100];
        let (len, from) = upstream.recv_from(&mut buffer).expect("asked");
        move |upstream: &UdpSocket| upstream.send_to(&buffer[..len], from).expect("answered")
    };
    let mut old = Client::connect(port);
    old.send("a\n");
    let late = answer();
    // It waits for others while the script is reloaded, and asks once more after that.
    save(&file, &script("second"));
    expect_note(&running, "reloaded", 1);
    let mut new = Client::connect(port);
    new.send("b\n");
    answer()(&upstream);
    assert_eq!(new.line(), "second b\n");
    late(&upstream);
    assert_eq!(old.line(), "first a\n");
    old.send("c\n");
    answer()(&upstream);
    assert_eq!(old.line(), "first c\n");
    drop((old, new));
    running.signal(sys::SIGINT);
    running.finish().expect_code(130);
}
