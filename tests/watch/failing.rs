//! New code that fails: what becomes of sockets and clients.

use super::*;

#[test]
fn where_the_new_code_fails_at_its_start_the_code_before_goes_on_with_its_socket() {
    let dir = TempDir::new();
    let script = |before: &str, answer: &str| {
        format!(
            "let sock = udp::bind(\"127.0.0.1:0\");\nprint(`bound to ${{sock.port}}`);\n{before}\nudp::serve(sock, |pkt| \"{answer}\");\n"
        )
    };
    let file = dir.write("server.rhai", &script("", "first"));
    let running = watch(&file);
    let port = running.bound_port();
    let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    client.connect(("127.0.0.1", port)).expect("a peer");
    client.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    let ask = || {
        client.send(b"x").expect("sent");
        let mut buffer = [0; 100];
        let len = client.recv(&mut buffer).expect("an answer");
        String::from_utf8_lossy(&buffer[..len]).into_owned()
    };
    assert_eq!(ask(), "first");
    // No check can see it.
    save(&file, &script("let n = [1, 2][sock.port];", "second"));
    expect_note(&running, "the script that ran before goes on, with its sockets", 1);
    assert!(running.stderr().contains("server.rhai:3:"), "{}", running.stderr());
    assert_eq!(ask(), "first");
    save(&file, &script("", "third"));
    expect_note(&running, "reloaded", 2);
    assert_eq!(ask(), "third");
    running.signal(sys::SIGINT);
    running.finish().expect_code(130);
}

#[test]
fn where_the_new_code_fails_after_it_has_taken_clients_in_they_stay_connected() {
    let dir = TempDir::new();
    let script = |before: &str, word: &str| {
        events(&format!("msg.reply(\"{word} \" + msg.text);")).replace(
            "handle_events(poll(listener)",
            &format!("let sockets = poll(listener);\n{before}\nhandle_events(sockets"),
        )
    };
    let file = dir.write("server.rhai", &script("", "first"));
    let running = watch(&file);
    let mut client = Client::connect(running.bound_port());
    client.send("a\n");
    assert_eq!(client.line(), "first a\n");
    save(&file, &script("let n = [1, 2][listener.port];", "second"));
    expect_note(&running, "the script that ran before goes on, with its sockets", 1);
    client.send("b\n");
    assert_eq!(client.line(), "first b\n");
    running.signal(sys::SIGINT);
    running.finish().expect_code(130);
}
