//! What goes wrong with connections and threads by the doing of the author of the script: each is an error that can be caught
//! and says what to do, or an outcome.

mod common;

use std::thread;

use common::{Run, pingscript, require_root_or_skip, sys};

/// Runs `code`, with what it catches shown by `shown(|| …)`.
fn run(code: &str) -> Run {
    let shown = "fn shown(action) { try { action.call(); print(\"nothing\"); } catch (e) { print(`${e.kind}: ${e.message}; ${e.hint}`); } }\n";
    pingscript(&["-e", &format!("{shown}{code}")]).run().expect_code(0)
}

#[test]
fn a_port_in_use_is_reported_with_the_program_that_has_it() {
    let server = pingscript(&["scripts/tcp_single.rhai", "--listen", "127.0.0.1:0"]).start();
    let (port, pid) = (server.bound_port(), server.pid());
    let said = run(&format!("shown(|| tcp::listen(\"127.0.0.1:{port}\"));")).stdout;
    assert!(said.starts_with("in-use: "), "{said}");
    assert!(said.contains(&format!("`pingscript (process {pid})` has port {port}; stop it")), "{said}");
}

#[test]
fn a_host_to_which_there_is_no_way_is_unreachable() {
    if !require_root_or_skip("a host without routes") {
        return;
    }
    let said = thread::spawn(|| {
        sys::enter_new_network();
        run("shown(|| tcp::connect(\"192.0.2.1:11001\")); let tried = tcp::try_connect(\"192.0.2.1:11001\"); \
             print([tried.kind, tried.rtt, tried.clock]); exit(0);")
        .stdout
    });
    let said = said.join().expect("no panic");
    assert!(said.starts_with("unreachable: ") && said.contains("look at `ip route`"), "{said}");
    assert!(said.ends_with("\n[\"unreachable\", (), ()]\n"), "{said}");
}

#[test]
fn every_address_of_a_name_is_in_the_error() {
    // Where localhost has one address only there is one to be named.
    let said = run("shown(|| tcp::connect(`localhost:${tcp::closed_port().port}`));").stdout;
    assert!(said.starts_with("refused: connection refused"), "{said}");
    assert!(said.contains("start the server first"), "{said}");
}

#[test]
fn the_wrong_framing_is_reported_and_what_to_try() {
    let said = run(r#"
        let listener = tcp::listen("127.0.0.1:0", #{ framing: "length" });
        let client = tcp::connect(listener.addr);
        client.send("ping 1 1725933169.813111");
        let conn = listener.accept();
        let came = conn.recv();
        print(`${came.kind} ${conn.ended}: ${came.error.message}; ${came.error.hint}`);
        shown(|| { let conn = tcp::connect(listener.addr, #{ framing: "line" }); conn.send("two\nlines"); });
        shown(|| tcp::connect(listener.addr, #{ framing: "lines" }));
    "#)
    .stdout;
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("misframed misframed: a message of 1885957735 bytes was announced"), "{said}");
    assert!(lines[0].ends_with("try the framing raw or line"), "{said}");
    assert!(lines[1].starts_with("invalid: a line cannot hold the end of a line; "), "{said}");
    assert!(lines[2].starts_with("invalid: ") && lines[2].contains("\"length\""), "{said}");
}

#[test]
fn a_closure_answers_messages_with_text_or_bytes_or_not_at_all() {
    let said = run(r#"
        let listener = tcp::listen("127.0.0.1:0");
        let handlers = [|msg| msg.text.to_upper(), |msg| blob(2, 65), |msg| msg.reply("itself"), |msg| { msg.reply("twice"); () }];
        for handler in handlers {
            let client = tcp::connect(listener.addr);
            let conn = listener.accept();
            let task = start_thread(|| { tcp::serve(conn, handler); conn.ended });
            for i in 0..2 { client.send("ping 1"); print(client.recv().text); }
            client.shutdown();
            print(`${client.recv(1.ms).kind} ${task.join()}`);
        }
        let client = tcp::connect(listener.addr);
        let conn = listener.accept();
        let seen = channel(2);
        let task = start_thread(|| tcp::serve(conn, |msg| { seen.send(msg.text); () }));
        for word in ["one", "two"] { client.send(word); print(seen.recv()); }
        print(client.recv(1.ms).kind);
        conn.close();
        shown(|| task.join());
        shown(|| tcp::serve(conn, |msg| msg.text));
    "#);
    let expected = "PING 1\nPING 1\ntimeout closed\nAA\nAA\ntimeout closed\nitself\nitself\ntimeout closed\n\
                    twice\ntwice\ntimeout closed\none\ntwo\ntimeout\nnothing\nnothing\n";
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), (expected, ""));
}

#[test]
fn a_closure_that_fails_ends_its_thread_and_says_why() {
    let said = run(r#"
        let listener = tcp::listen("127.0.0.1:0");
        for handler in [|msg| 7, |msg| msg.nonsense] {
            let client = tcp::connect(listener.addr);
            let task = start_thread(|| tcp::serve(listener.accept(), handler));
            client.send("ping 1");
            print(client.recv().kind);
            try { task.join(); } catch { print("failed"); }
        }
    "#);
    assert_eq!(said.stdout, "closed\nfailed\nclosed\nfailed\n");
    for shown in [
        "error: serve: the closure returned 7, which cannot be sent",
        "hint: it returns a string, a blob or bytes(); to send nothing, end it with ()",
        "error: a Message has no property `nonsense`\n  --> -e:4:",
    ] {
        assert!(said.stderr.contains(shown), "{shown}:\n{}", said.stderr);
    }
}

#[test]
fn a_connection_that_was_closed_takes_nothing() {
    let said = run(r#"
        let listener = tcp::listen("127.0.0.1:0");
        let here = tcp::connect(listener.addr);
        here.close();
        shown(|| here.send("x"));
        shown(|| here.recv());
        shown(|| here.shutdown());
        shown(|| here.nodelay);
        let there = tcp::connect(listener.addr);
        listener.accept();
        let conn = listener.accept();
        conn.reset();
        expect(there.recv().kind, "reset");
        shown(|| there.send("x"));
        listener.close();
        shown(|| listener.accept());
    "#)
    .stdout;
    let kinds: Vec<&str> = said.lines().map(|line| line.split(':').next().unwrap_or_default()).collect();
    assert_eq!(kinds, ["closed", "closed", "closed", "closed", "reset", "closed"], "{said}");
    assert!(said.starts_with("closed: the connection was closed here; connect again"), "{said}");
}

#[test]
fn a_task_is_joined_once() {
    let said = run("let task = start_thread(|| 1); expect(task.join(), 1); shown(|| task.join());").stdout;
    assert!(said.starts_with("closed: the task was joined before"), "{said}");
}

#[test]
fn a_thread_that_never_ends_can_be_stopped_and_joined() {
    for body in ["loop {}", "try { loop {} } catch { loop {} }", "tcp::listen(\"127.0.0.1:0\").accept(); loop {}"] {
        let code = format!("let task = start_thread(|| {{ {body} }}); task.stop(); task.join(); print(task.is_done);");
        assert_eq!(run(&code).stdout, "true\n", "{body}");
    }
}

#[test]
fn a_connection_to_itself_is_none() {
    // The port was free a moment ago, and nothing listens there.
    let said = run("let port = tcp::closed_port(); shown(|| tcp::try_connect(port, #{ bind: `${port}` }));").stdout;
    assert!(said.starts_with("invalid: the connection would be to itself: nothing listens there; choose "), "{said}");
    if !require_root_or_skip("a range of two ports") {
        return;
    }
    let code = "let found = []; for i in 0..40 { found.push(tcp::try_connect(\"127.0.0.1:45000\").kind); } \
                print(found.filter(|kind| kind != \"refused\")); exit(0);";
    let said = thread::spawn(move || {
        sys::enter_new_network();
        std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", "45000 45001").expect("a range of two ports");
        run(code).stdout
    });
    assert_eq!(said.join().expect("no panic"), "[]\n");
}

#[test]
fn a_server_that_closes_early_is_named_as_the_reason_for_fewer_pings() {
    for (end, word) in [("close", "closed"), ("reset", "reset")] {
        let code = format!(
            "let listener = tcp::listen(\"127.0.0.1:0\"); print(`Server bound to port ${{listener.port}}`); \
             for conn in listener {{ let msg = conn.recv(); msg.reply(msg.text); conn.recv(); conn.{end}(); }}"
        );
        let server = pingscript(&["-e", &code]).start();
        let addr = format!("127.0.0.1:{}", server.bound_port());
        let args = ["scripts/tcp_ping.rhai", "--server", &addr, "--count", "5", "--quiet", "--timeout", "60s"];
        let run = pingscript(&args).run();
        assert!(
            run.stdout.contains(&format!("The peer has {word} the connection: 2 of 5 pings sent\n")),
            "{}",
            run.stdout
        );
    }
}
