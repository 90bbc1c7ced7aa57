//! How threads end.

use super::*;

#[test]
fn exit_in_a_thread_ends_that_thread() {
    prints(
        "let task = start_thread(|| { exit(7); print(\"not reached\"); });
         task.join(); print(\"the script goes on\");",
        "the script goes on\n",
    );
}

#[test]
fn exit_of_the_script_waits_for_its_threads() {
    let run = run("start_thread(|| { sleep(30.ms); print(\"thread\"); }); print(\"script\"); exit(5);", 5);
    assert_eq!(run.stdout, "script\nthread\n");
}

#[test]
fn the_end_waits_for_threads_and_for_those_they_start() {
    prints(
        "start_thread(|| {
             sleep(10.ms);
             start_thread(|| { sleep(10.ms); start_thread(|| { sleep(10.ms); print(\"third\"); }); print(\"second\"); });
             print(\"first\");
         });
         print(\"script\");",
        "script\nfirst\nsecond\nthird\n",
    );
}

#[test]
fn started_scripts_end_with_the_script() {
    let dir = TempDir::new();
    let server =
        dir.write("endless.rhai", "for pkt in udp::bind(\"127.0.0.1:0\") { print(pkt); } print(\"server ends\");");
    let script =
        format!("let server = start(\"{}\"); print(server.addr.ip); print(\"script ends\");", server.display());
    let run = run(&script, 0);
    assert_eq!(run.stdout, "127.0.0.1\nscript ends\nserver ends\n");
}

#[test]
fn threads_that_wait_for_each_other_end_with_a_signal_or_a_stop() {
    prints(
        "let a = channel(); let b = channel();
         let one = start_thread(|| { let got = a.recv(); b.send(1); got });
         let two = start_thread(|| { let got = b.recv(); a.send(1); got });
         let three = start_thread(|| { while !two.is_done { sleep(1.ms); } 3 });
         sleep(10.ms);
         one.stop(); print(one.join()); print(two.join()); print(three.join()); print(\"done\");",
        "\n1\n3\ndone\n",
    );
}

#[test]
fn a_thread_stopped_in_any_wait_ends_and_the_others_go_on() {
    prints(
        "let waits = [
             || sleep(1.h), || channel().recv(), || udp::bind(\"127.0.0.1:0\").recv(),
             || { for tick in ticks(1.ms) {} }, || start_thread(|| sleep(1.h)).join(),
             || udp::bind(\"127.0.0.1:0\").ping(\"127.0.0.1:9\", \"ping 1\", 1.s),
         ];
         let other = start_thread(|| { sleep(300.ms); \"undisturbed\" });
         for round in 0..3 {
             let tasks = waits.map(|wait| start_thread(wait));
             sleep(round * 5.ms);
             for task in tasks { task.stop(); }
             for task in tasks { task.join(); }
         }
         print(other.join()); exit(0);",
        "undisturbed\n",
    );
}

#[test]
fn many_threads_stopped_by_many_threads() {
    prints(
        "for round in 0..10 {
             let tasks = []; for i in 0..30 { tasks.push(start_thread(|| sleep(1.h))); }
             let stoppers = []; for task in tasks { stoppers.push(start_thread(|| task.stop())); }
             for task in tasks { task.join(); }
             for task in stoppers { task.join(); }
         }
         print(\"done\");",
        "done\n",
    );
}

#[test]
fn a_loop_that_waits_for_nothing_is_stopped_too() {
    prints("let task = start_thread(|| loop { }); task.stop(); task.join(); print(\"done\");", "done\n");
}

#[test]
fn the_threads_of_a_script_that_fails_end_with_it() {
    let serving = "let s = udp::bind(\"127.0.0.1:0\"); start_thread(|| udp::serve(s, udp::echo()));";
    for (thread, end, code) in [
        (serving, "throw \"x\";", 3),
        (serving, "expect(1, 2);", 5),
        (serving, "exit(7);", 7),
        ("start_thread(|| { loop { } });", "throw \"x\";", 3),
        ("start_thread(|| { loop { } });", "exit(7);", 7),
        ("let l = tcp::listen(\"127.0.0.1:0\"); start_thread(|| { for conn in l { } });", "throw \"x\";", 3),
    ] {
        run(&format!("{thread} {end}"), code);
    }
}

#[test]
fn a_started_script_that_fails_ends_with_its_threads() {
    let dir = TempDir::new();
    dir.write("inner.rhai", "start_thread(|| sleep(1.h)); throw \"inner\";");
    let script =
        dir.write("main.rhai", "try { start(\"inner.rhai\", []).join(); } catch (e) { print(`caught ${e}`); }");
    let run = pingscript(&[script.to_str().expect("a path in UTF-8")]).run().expect_code(0);
    assert_eq!(run.stdout, "caught inner\n", "{}", run.stderr);
}
