//! Threads of a script: what they copy and what they share, how they end, and that nothing of them stays.

mod common;

#[path = "threads/ends.rs"]
mod ends;

use common::{Run, TempDir, pingscript};
use std::fs;
use std::time::Duration;

/// What `code` prints; it must end with exit code `code`.
fn run(script: &str, code: i32) -> Run {
    pingscript(&["-e", script]).patience(Duration::from_secs(60)).run().expect_code(code)
}

#[track_caller]
fn prints(script: &str, expected: &str) {
    let run = run(script, 0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), (expected, ""), "{script}");
}

// What is copied and what is shared.

#[test]
fn each_turn_of_a_loop_gives_its_thread_its_own_value() {
    prints(
        "let seen = channel(); let tasks = [];
         for i in 0..4 { tasks.push(start_thread(|| { sleep(5.ms); seen.send(i); i })); }
         print(tasks.map(|task| task.join()));
         seen.close(); let all = []; for i in seen { all.push(i); } all.sort(); print(all);",
        "[0, 1, 2, 3]\n[0, 1, 2, 3]\n",
    );
}

#[test]
fn whoever_shares_a_plain_variable_is_reported_what_to_use() {
    for (code, name) in [
        ("let n = 0; for i in 0..4 { start_thread(|| { n += 1; }).join(); } print(n);", Some("`n`")),
        ("let list = []; start_thread(|| list.push(1)).join(); print(0);", Some("`list`")),
        ("let n = counter(); start_thread(|| { n.add(1); }).join(); print(0);", None),
        ("let n = 0; print(start_thread(|| { n += 1; n }).join() - 1);", None),
    ] {
        let run = pingscript(&["-e", code]).run().expect_code(0);
        assert_eq!(run.stdout, "0\n", "{code}");
        let reported = run.stderr.matches("note: ").count();
        assert_eq!(reported, usize::from(name.is_some()), "{code}\n{}", run.stderr);
        let words = name.map_or(Vec::new(), |name| vec![name, "counter(), channel() and shared_map()"]);
        assert!(words.iter().all(|word| run.stderr.contains(word)), "{code}\n{}", run.stderr);
    }
}

#[test]
fn captured_values_are_copied_at_the_start() {
    prints(
        "let n = 1; let list = [1]; let map = #{ a: 1 }; let text = \"one\"; let start = channel();
         let task = start_thread(|| { start.recv(); n += 10; list.push(2); map.a += 10; text += \"!\"; [n, list, map.a, text] });
         n = 100; list.push(100); map.a = 100; text = \"other\";
         start.send(true);
         print(task.join()); print([n, list, map.a, text]);",
        "[11, [1, 2], 11, \"one!\"]\n[100, [1, 100], 100, \"other\"]\n",
    );
}

#[test]
fn constants_are_seen_in_threads_and_their_functions() {
    prints(
        "const LIMIT = #{ n: 7 };
         fn limit() { global::LIMIT.n }
         let tasks = []; for i in 0..8 { tasks.push(start_thread(|| limit() + i)); }
         print(tasks.map(|task| task.join()));",
        "[7, 8, 9, 10, 11, 12, 13, 14]\n",
    );
}

#[test]
fn handles_are_shared() {
    prints(
        "let hits = counter(); let all = stats(); let queue = channel(); let sock = udp::bind(\"127.0.0.1:0\");
         start_thread(|| { hits.add(5); all.add(2.ms); queue.send(\"x\"); sock.close(); }).join();
         print([hits.value, all.received, queue.len, sock.is_closed]);",
        "[5, 1, 1, true]\n",
    );
}

#[test]
fn a_value_sent_through_a_channel_is_the_receivers_own() {
    prints(
        "let queue = channel(); let list = [1]; let keep = || list.len;
         queue.send(list); list.push(2);
         let got = queue.recv(); got.push(3);
         print([got, list, keep.call()]);",
        "[[1, 3], [1, 2], 2]\n",
    );
}

// Exactness.

#[test]
fn sixty_four_threads_on_one_counter_lose_nothing() {
    prints(
        "let hits = counter(); let tasks = [];
         for t in 0..64 { tasks.push(start_thread(|| { for i in 0..2_000 { hits.add(1); } })); }
         for task in tasks { task.join(); }
         print(hits.value);",
        "128000\n",
    );
}

#[test]
fn a_channel_loses_and_doubles_nothing() {
    prints(
        "let queue = channel(3); let sum = counter(); let count = counter(); let done = counter();
         for t in 0..8 { start_thread(|| {
             for i in 1..=500 { queue.send(i); }
             if done.add(1) == 8 { queue.close(); }
         }); }
         let takers = [];
         for t in 0..8 { takers.push(start_thread(|| { for i in queue { sum.add(i); count.add(1); } })); }
         for taker in takers { taker.join(); }
         print([sum.value, count.value, queue.len]);",
        "[1002000, 4000, 0]\n",
    );
}

#[test]
fn a_full_channel_holds_its_sender_back() {
    prints(
        "let queue = channel(2); let sent = counter();
         let task = start_thread(|| { for i in 0..5 { queue.send(i); sent.add(1); } queue.close(); });
         while sent.value < 2 { sleep(1.ms); }
         sleep(20.ms); print([sent.value, queue.len]);
         print(queue.recv());
         while sent.value < 3 { sleep(1.ms); }
         sleep(20.ms); print([sent.value, queue.len]);
         let rest = []; for i in queue { rest.push(i); } print(rest); task.join();",
        "[2, 2]\n0\n[3, 2]\n[1, 2, 3, 4]\n",
    );
}

#[test]
fn a_closed_channel_gives_what_it_holds_and_takes_no_more() {
    prints(
        "let queue = channel(); queue.send(1); queue.send(2); queue.close(); queue.close();
         try { queue.send(3); } catch (e) { print(e.kind); }
         print([queue.recv(), queue.recv(), queue.recv(), queue.recv()]);
         let full = channel(1); full.send(1);
         let task = start_thread(|| { try { full.send(2); } catch (e) { return e.kind; } });
         let waiting = start_thread(|| channel().len);
         sleep(10.ms); full.close(); print(task.join()); waiting.join();
         let empty = channel(); let taker = start_thread(|| empty.recv()); sleep(10.ms); empty.close(); print(taker.join());",
        "closed\n[1, 2, (), ()]\nclosed\n\n",
    );
}

// How threads end.

#[test]
fn join_gives_the_value_once() {
    prints(
        "let task = start_thread(|| #{ a: [1, 2] }); print(task.join().a);
         try { task.join(); } catch (e) { print(e.kind); }",
        "[1, 2]\nclosed\n",
    );
}

#[test]
fn an_error_in_a_thread_is_reported_at_once_and_thrown_again_by_join() {
    let caught = run(
        "let task = start_thread(|| {\n throw #{ why: \"because\" };\n});
         while !task.is_done { sleep(1.ms); }
         try { task.join(); } catch (e) { print(e.why); }",
        0,
    );
    assert_eq!(caught.stdout, "because\n");
    assert!(
        caught.stderr.contains("in the thread started at -e:1") && caught.stderr.contains("-e:2"),
        "{}",
        caught.stderr
    );

    let thrown = run("let task = start_thread(|| 1 / 0); sleep(5.ms); task.join(); print(\"not reached\");", 3);
    assert_eq!(thrown.stdout, "");

    let ignored = run("start_thread(|| 1 / 0); print(\"the end\");", 3);
    assert_eq!(ignored.stdout, "the end\n");
    assert!(ignored.stderr.contains("in the thread started at -e:1"), "{}", ignored.stderr);
}

// What is left.

/// Threads and descriptors of the process `pid`.
fn held(pid: u32) -> (usize, usize) {
    let count = |what: &str| fs::read_dir(format!("/proc/{pid}/{what}")).expect("the process runs").count();
    (count("task"), count("fd"))
}

#[test]
fn two_hundred_threads_leave_nothing_behind() {
    let mut running = pingscript(&[
        "-e",
        "fn burst() {
             for round in 0..4 {
                 let tasks = [];
                 for i in 0..50 { tasks.push(start_thread(|| {
                     let sock = udp::bind(\"127.0.0.1:0\");
                     sock.ping(udp::closed_port(), \"ping 1\", 1.s);
                     if i % 2 == 0 { sleep(1.h); }
                 })); }
                 for task in tasks { task.stop(); }
                 for task in tasks { task.join(); }
             }
         }
         // What is opened once, for all threads or for a terminal, is there after the first.
         burst();
         options([ask(\"a\", 1, \"first\")]);
         options([ask(\"a\", 1, \"before\")]);
         burst();
         options([ask(\"a\", 1, \"after\")]);
         print(\"the end\"); exit(0);",
    ])
    .patience(Duration::from_secs(60))
    .start_on_terminal();
    running.wait_for("first\n");
    running.type_text("1\n");
    running.wait_for("before\n");
    let before = held(running.pid());
    running.type_text("1\n");
    running.wait_for("after\n");
    // A stopped thread is given half a second before it is terminated, and what watches over that is a thread too.
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    let mut after = held(running.pid());
    while after.0 > before.0 && std::time::Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
        after = held(running.pid());
    }
    assert!(after.0 <= before.0 && after.1 <= before.1, "threads and descriptors: {before:?}, then {after:?}");
    running.type_text("1\n");
    assert!(running.finish().expect_code(0).stdout.ends_with("the end\n"));
}

#[test]
fn a_script_started_beside_another_is_reached_at_its_address_and_gives_its_value() {
    let dir = TempDir::new();
    dir.write(
        "value.rhai",
        "//! Gives a value.\nconst OPT = options([ option(\"n\", 1, \"n\") ]);\nif OPT.n > 5 { exit(7); }\nOPT.n * 2",
    );
    let script = dir.write(
        "main.rhai",
        "let any = start(\"udp_server.rhai\", [\"--listen\", \"*:0\", \"--quiet\"]);
         expect(any.addr.ip, \"127.0.0.1\");
         expect(start(\"value.rhai\", [\"--n\", 4]).join(), 8);
         expect(start(\"value.rhai\", [\"--n\", 6]).join(), 7);",
    );
    pingscript(&[script.to_str().expect("a path in UTF-8")]).run().expect_code(0);
}

#[test]
fn hundreds_of_threads_wait_at_a_socket_each() {
    // Each has a buffer of its own; all of them together are far below the limit of memory.
    prints(
        "let addrs = channel(); let tasks = [];
         for i in 0..400 { tasks.push(start_thread(|| { let s = udp::bind(\"127.0.0.1:0\"); addrs.send(s.addr); s.recv().text })); }
         let sock = udp::bind(\"127.0.0.1:0\"); let all = [];
         for i in 0..400 { all.push(addrs.recv()); }
         // Operations between which the memory in use is looked at.
         let n = 0; for i in 0..300_000 { n += i; }
         for addr in all { sock.send_to(\"x\", addr); }
         for task in tasks { expect(task.join(), \"x\"); }
         print(\"done\");",
        "done\n",
    );
}

#[test]
fn a_failed_expectation_gives_exit_code_5_wherever_it_is_and_whatever_exit_says() {
    let dir = TempDir::new();
    dir.write("inner.rhai", "expect(1, 2);");
    let echo = "let s = udp::bind(\"127.0.0.1:0\"); let c = udp::bind(\"127.0.0.1:0\");";
    for code in [
        "start_thread(|| expect(1, 2)).join(); exit(0);".to_string(),
        "start_thread(|| expect(1, 2)).join(); exit(7);".to_string(),
        "start_thread(|| expect(1, 2)).join();".to_string(),
        "start(\"inner.rhai\", []).join(); exit(0);".to_string(),
        format!(
            "{echo} let t = start_thread(|| udp::serve(s, |pkt| {{ expect(1, 2); pkt.data }})); c.send_to(\"x\", s.addr); t.join(); exit(0);"
        ),
    ] {
        let script = dir.write("main.rhai", &code);
        let run = pingscript(&[script.to_str().expect("a path in UTF-8")]).run();
        assert_eq!(run.code, Some(5), "{code}\n{}", run.stderr);
    }
}
