//! How a simulated run is asked for: by the script itself, at the prompt, and where it is refused.

use super::simulated;
use crate::common::{TempDir, pingscript};

#[test]
fn a_script_that_asks_for_it_runs_as_with_the_flag() {
    let dir = TempDir::new();
    let code = "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\");
        net.link(a, b, #{ delay: 20.ms, jitter: 5.ms });
        let server = run_in(b, || udp::bind(\"*:7\")); let task = start_thread(|| udp::serve(server, udp::echo()));
        run_in(a, || { let s = udp::open(\"b:7\"); for n in 0..20 { print(s.ping(\"b:7\", `ping ${n}`, 1.s).rtt); } });
        print(unix_time()); task.stop();";
    let asked = |args: &[&str], code: &str, rows: &str| {
        let rows = dir.path().join(rows);
        let words = [args, &["--seed", "7", "--trace", "--json", rows.to_str().expect("a path"), "-e", code]].concat();
        let run = pingscript(&words).run().expect_code(0);
        let (errors, last) = run.stderr.trim_end().rsplit_once('\n').expect("lines");
        assert!(last.starts_with("simulated: 0.8"), "{last}");
        let rows = std::fs::read_to_string(rows).expect("rows");
        (run.stdout, errors.to_string(), rows)
    };
    // The same line numbers, which the trace names.
    let by_script = asked(&[], &format!("print(\"begun\"); simulate(); simulate(); {code}"), "one");
    let by_flag = asked(&["--simulate"], &format!("print(\"begun\"); {code}"), "two");
    assert_eq!(by_script, by_flag);
    assert!(by_script.0.starts_with("begun\n"), "{}", by_script.0);
}

#[test]
fn asked_for_too_late_or_where_it_cannot_be_it_is_an_error_that_says_what_to_do() {
    for before in
        ["sleep(1.ms);", "udp::bind(\"127.0.0.1:0\");", "unix_time();", "start_thread(|| 1).join();", "deadline(1.s);"]
    {
        let run = pingscript(&["-e", &format!("{before} simulate();")]).run().expect_code(3);
        assert!(run.stderr.contains("on real time already"), "{before} {}", run.stderr);
        assert!(run.stderr.contains("hint: call simulate() before all of these"), "{before} {}", run.stderr);
    }
    for before in ["let x = random();", "print(1);", "let c = counter();", "let s = stats();", "let q = channel();"] {
        pingscript(&["-e", &format!("{before} simulate(); ()")]).run().expect_code(0);
    }
    let run = pingscript(&["--lab", "kernel", "-e", "simulate();"]).run().expect_code(3);
    assert!(run.stderr.contains("the run stays on real time with --lab kernel"), "{}", run.stderr);
    let dir = TempDir::new();
    let file = dir.write("watched.rhai", "simulate();");
    let file = file.to_str().expect("a path");
    let run = pingscript(&["--simulate", "--watch", file]).run().expect_code(2);
    assert!(run.stderr.contains("hint: leave out --watch"), "{}", run.stderr);
    let run = pingscript(&["--simulate", "--lab", "kernel", file]).run().expect_code(2);
    assert!(run.stderr.contains("cannot be used with"), "{}", run.stderr);
}

#[test]
fn at_the_prompt_time_stands_still_while_one_types() {
    let lines = "let begun = unix_time();\nlet s = udp::bind(\"127.0.0.1:7\");\nlet task = start_thread(|| udp::serve(s, udp::echo()));
        udp::open(\"127.0.0.1:7\").ping(\"127.0.0.1:7\", \"ping 1\", 1.s).rtt\nsleep(1.h);\n(unix_time() - begun).round()\ntask.stop();\n";
    let last = |text: &str| text.trim_end().lines().last().unwrap_or_default().to_string();
    let flag = pingscript(&["--simulate"]).stdin(lines).run().expect_code(0);
    assert!(flag.stdout.contains("20us") && flag.stdout.contains("3600"), "{flag:?}");
    assert!(last(&flag.stderr).starts_with("simulated: 3600.00 s"), "{flag:?}");
    let typed = pingscript::<&str>(&[]).stdin(&format!("simulate();\n{lines}")).run().expect_code(0);
    assert_eq!(typed.stdout, flag.stdout);
    let dir = TempDir::new();
    let file = dir.write("first.rhai", "sleep(1.h); let x = 5;");
    let loaded = pingscript(&["--simulate", "-i", file.to_str().expect("a path")]).stdin("x\ns.x\n").run();
    assert!(loaded.stdout.contains('5') && last(&loaded.stderr).starts_with("simulated: 3600.00 s"), "{loaded:?}");
    // What never comes ends the entry, not the prompt.
    let stuck = pingscript(&["--simulate"]).stdin("udp::bind(\"127.0.0.1:7\").recv()\n1 + 1\n").run().expect_code(3);
    assert!(stuck.stderr.contains("all threads wait") && stuck.stdout.contains('2'), "{stuck:?}");
    let (run, _) = simulated(&["-e", "sleep(1.h); 6 * 7"], 0);
    assert_eq!(run.stdout, "42\n");
}
