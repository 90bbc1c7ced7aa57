//! Threads of a script, and what an entry of the prompt has started.

use super::*;

#[test]
fn a_thread_that_does_not_wait_is_ended_after_the_last_lines() {
    for signal in SIGNALS {
        let code = "print(\"ready\"); start_thread(|| { try { loop {} } catch { print(\"caught\"); } }); sleep(1.h); print(\"the end\");";
        let (run, _) = stop(ready(code), signal);
        assert!(run.stdout.ends_with("the end\n"), "{}", run.stdout);
    }
}

#[test]
fn stopping_one_task_leaves_the_others_running() {
    let code = "
        let beats = []; let tasks = [];
        for i in 0..4 { let beat = counter(); beats.push(beat);
            tasks.push(start_thread(|| { for tick in ticks(100.us) { beat.add(1); } })); }
        for i in 0..3 {
            tasks[i].stop(); tasks[i].join();
            expect(tasks[i].is_done, true);
            for other in i + 1..4 {
                let seen = beats[other].value;
                while beats[other].value < seen + 5 { sleep(100.us); }
                expect(tasks[other].is_done, false);
            }
        }
        tasks[3].stop(); tasks[3].join(); print(\"done\");";
    let run = pingscript(&["-e", code]).patience(Duration::from_secs(60)).run().expect_code(0);
    assert_eq!(run.stdout, "done\n");
}

/// The processor time that the process `pid` has used, in ticks of 10 ms.
fn ticks_used(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields = stat.rsplit_once(')').expect("a name").1.split_whitespace();
    fields.skip(11).take(2).map(|field| field.parse::<u64>().expect("a number")).sum()
}

#[test]
fn a_thread_whose_starter_has_ended_is_stopped_too() {
    for signal in SIGNALS {
        let code = "start_thread(|| { start_thread(|| { print(\"ready\"); sleep(1.h); print(\"over\"); }); }).join(); sleep(1.h);";
        let running = ready(code);
        thread::sleep(Duration::from_millis(20));
        let (run, _) = stop(running, signal);
        // It is not terminated after the grace: its wait ends, and it goes on to its last line.
        assert!(run.stdout.contains("over\n"), "{}", run.stdout);
    }
}

#[test]
fn at_the_prompt_a_stopped_thread_leaves_its_siblings_asleep_and_a_signal_ends_the_wait_for_them() {
    for signal in SIGNALS {
        let mut running = Cmd::start(pingscript::<&str>(&[]).patience(PATIENCE));
        running.type_text(
            "let a = start_thread(|| sleep(1.h)); let b = start_thread(|| { sleep(1.h); print(\"b\"); });\n",
        );
        running.type_text("sleep(50.ms); a.stop(); a.join(); print(\"ready\"); sleep(1.ms);\n");
        running.wait_for("ready\n");
        let before = ticks_used(running.pid());
        thread::sleep(Duration::from_millis(500));
        let used = ticks_used(running.pid()) - before;
        assert!(used < 25, "{used} ticks of 50 used while all threads sleep");
        running.close_stdin();
        // The end of its input has been seen.
        thread::sleep(Duration::from_millis(200));
        let (run, _) = stop(running, signal);
        assert!(run.stdout.ends_with("b\n"), "{}", run.stdout);
    }
}

#[test]
fn what_an_entry_started_outlives_an_interrupt_of_the_entry() {
    let mut running = Cmd::start(pingscript::<&str>(&[]).patience(PATIENCE));
    running.type_text("let a = start_thread(|| sleep(1.h)); print(\"ready\"); sleep(1.h);\n");
    running.wait_for("ready\n");
    running.signal(sys::SIGINT);
    running.type_text("print(`done: ${a.is_done}`); a.stop(); a.join();\n");
    running.close_stdin();
    assert!(running.finish().expect_code(0).stdout.contains("done: false\n"));
}
