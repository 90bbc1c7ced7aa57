//! Programs of the system in hosts: what they are given, what they print and how they end.

use crate::common::{
    TempDir, binary, peer, pingscript, require_lab_or_skip, require_program_or_skip, require_root_or_skip,
};
use crate::{by_each_user, run_text};

#[test]
fn what_programs_print_is_labelled_line_by_line_and_kept() {
    if !require_lab_or_skip("programs in hosts") {
        return;
    }
    let script = "let net = lab::create(); let a = net.host(\"a\"); let far = net.host(\"far\");
        let out = far.exec([\"sh\", \"-c\", \"echo one; echo two >&2; printf three; exit 4\"]);
        expect([out.code, out.signal, out.stdout, out.stderr], [4, (), \"one\\nthree\", \"two\\n\"]);
        let out = a.exec([\"sh\", \"-c\", \"echo hidden; kill -15 $$\"], #{ quiet: true });
        expect([out.code, out.signal, out.stdout], [(), 15, \"hidden\\n\"]);
        let out = a.exec([\"cat\"], #{ stdin: \"line\\n\" });
        let out = a.exec([\"sh\", \"-c\", \"echo $X-$Y; pwd\"], #{ env: #{ X: 5, Y: 2.ms }, dir: \"/\", quiet: true });
        expect(out.stdout, \"5-2ms\\n/\\n\");
        expect(a.exec([\"sleep\", 600], #{ timeout: 30.ms }).timed_out, true);
        expect(a.exec([\"head\", \"-c\", 1_048_580, \"/dev/zero\"], #{ quiet: true }).excess, 4);";
    by_each_user(&["-e", script], |user, cmd| {
        let run = cmd.run().expect_code(0);
        assert_eq!(run.stdout, "far| one\nfar| three\na  | line\n", "{user}");
        assert_eq!(run.stderr, "far| two\n", "{user}");
    });
}

#[test]
fn what_a_program_leaves_running_is_not_waited_for_however_much_it_prints() {
    if !require_lab_or_skip("what programs leave running") {
        return;
    }
    run_text(
        "let a = lab::create().host(\"a\");
         let out = a.exec([\"sh\", \"-c\", \"setsid yes & echo first; exit 3\"], #{ quiet: true });
         expect(out.code, 3);
         expect(out.stdout, containing(\"first\\n\"));",
        0,
    );
}

/// The thread that reads what a program prints is held up, by a reader of our own output that is slow, until the program has
/// ended: then all that it printed is still to be read.
#[test]
fn all_that_a_program_printed_before_its_end_is_kept() {
    if !require_lab_or_skip("what a program printed before its end") {
        return;
    }
    let dir = TempDir::new();
    let script = "let out = lab::create().host(\"a\").exec([\"sh\", \"-c\", `
        seq 50000 >&2 &
        sleep 0.3
        head -c 60000 /dev/zero; touch done`]);
        print(`kept: ${out.stdout.len}`);";
    let mut child = std::process::Command::new(crate::common::binary())
        .args(["-e", script])
        .current_dir(dir.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    while !dir.path().join("done").exists() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    // Neither this time nor that of the program makes it fail; if they were too short, it would only show less.
    std::thread::sleep(std::time::Duration::from_millis(200));
    let mut stderr = child.stderr.take().expect("a pipe");
    let reader = std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    let output = child.wait_with_output().expect("it ends");
    reader.join().expect("it reads").expect("read");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("kept: 60000\n"), "{}", text.replace('\0', ""));
}

#[test]
fn lines_of_many_programs_stay_whole() {
    if !require_lab_or_skip("lines of many programs") {
        return;
    }
    // Each line is written in two pieces.
    let run = run_text(
        "let net = lab::create();
         let loud = \"for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do printf aaaaaaaa; printf 'bbbbbbbb\\\\n'; done\";
         let all = [];
         for i in 1..=8 { all.push(net.host(`h${i}`).start_program([\"sh\", \"-c\", loud])); }
         for one in all { expect(one.wait().code, 0); }
         ()",
        0,
    );
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 160, "{}", run.stdout);
    for host in 1..=8 {
        let line = format!("h{host}| aaaaaaaabbbbbbbb");
        assert_eq!(lines.iter().filter(|other| **other == line).count(), 20, "{}", run.stdout);
    }
}

#[test]
fn programs_beside_the_script_are_waited_for_and_stopped() {
    if !require_lab_or_skip("programs beside a script") {
        return;
    }
    let run = run_text(
        "let a = lab::create().host(\"a\");
         let p = a.start_program([\"sh\", \"-c\", \"echo ready; trap 'echo bye; exit 3' INT; while :; do sleep 0.01; done\"]);
         expect(p.wait_for(\"ready\", 20.s), true);
         expect(p.wait_for(\"never\", 10.ms), false);
         expect(p.is_running, true);
         let out = p.interrupt();
         expect([out.code, out.stdout], [3, \"ready\\nbye\\n\"]);
         // It does not listen, and has started another: both are gone after the grace.
         let deaf = a.start_program([\"sh\", \"-c\", \"trap '' TERM; echo deaf; sleep 600 & wait; wait\"], #{ quiet: true });
         expect(deaf.wait_for(\"deaf\", 20.s), true);
         expect(deaf.stop().signal, 9);
         ()",
        0,
    );
    assert_eq!(run.stdout, "a| ready\na| bye\n");
}

#[test]
fn what_is_no_program_is_an_error_that_says_so() {
    if !require_lab_or_skip("programs that are none") {
        return;
    }
    for (argv, part) in [
        ("[\"no-such-program\"]", "there is no such program"),
        ("[\"/\"]", "it is not a program"),
        ("[]", "there is no program to run"),
        ("[\"true\"], #{ timeot: 1.s }", "did you mean `timeout`?"),
        ("[\"true\"], #{ env: 5 }", "option `env` takes a map of texts"),
        ("[\"true\"], #{ dir: \"/no/such\" }", "no such working directory"),
    ] {
        let run = run_text(&format!("lab::create().host(\"a\").exec({argv})"), 3);
        assert!(run.stderr.contains(part), "{argv}: {}", run.stderr);
    }
}

#[test]
fn an_exec_leaves_nothing_running_and_hosts_do_not_see_each_others_programs() {
    if !require_lab_or_skip("programs that leave others running") {
        return;
    }
    // A child in the background, a session of its own, and a daemon that has forked twice.
    let family = "sleep 1001 & setsid sleep 1002 & (setsid sh -c 'sleep 1003 & sleep 1004' &); echo started";
    let text = format!(
        "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\");
         fn sleepers(host) {{ host.exec([\"sh\", \"-c\", \"cat /proc/[0-9]*/comm | grep -c sleep\"], #{{ quiet: true }}).stdout.parse_int() }}
         a.exec([\"sh\", \"-c\", {family:?}]);
         expect(sleepers(a), 0, \"it ended\");
         expect(a.exec([\"sh\", \"-c\", {family:?} + \"; sleep 1005\"], #{{ timeout: 300.ms }}).timed_out, true);
         expect(sleepers(a), 0, \"its time was over\");
         let server = a.start_program([\"sh\", \"-c\", {family:?}]);
         expect(server.wait().code, 0);
         while sleepers(a) < 4 {{ sleep(1.ms); }}
         expect(sleepers(b), 0, \"another host does not see them\");
         expect(b.exec([\"sh\", \"-c\", \"kill -9 -1\"], #{{ quiet: true }}).signal, 9);
         expect(sleepers(a), 4, \"nor does it reach them\");
         expect(b.exec([\"true\"]).code, 0, \"which goes on itself\");
         server.stop();
         while sleepers(a) > 0 {{ sleep(1.ms); }}
         let server = a.start_program([\"sleep\", 1006]);
         expect(a.exec([\"sh\", \"-c\", \"kill $(grep -l sleep /proc/[0-9]*/comm | cut -d / -f 3)\"], #{{ quiet: true }}).code, 0);
         expect(server.wait().signal, 15, \"programs of one host reach each other\");"
    );
    by_each_user(&["-e", &text], |user, cmd| {
        let run = cmd.run();
        assert_eq!(run.code, Some(0), "{user}\n{}", run.stderr);
    });
}

#[test]
fn what_programs_go_without_is_said_once_and_what_they_leave_ends_all_the_same() {
    if !require_lab_or_skip("labs without mounts") || !require_program_or_skip("python3", "labs without mounts") {
        return;
    }
    let script = "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\"); net.link(a, b);
        print(b.exec([\"cat\", \"/etc/hosts\"], #{ quiet: true }).stdout.contains(`${b.addr}\tb`));
        let other = a.start_program([\"sleep\", 600]);
        let left = a.exec([\"sh\", \"-c\", \"setsid sleep 600 >/dev/null 2>&1 & echo $!\"], #{ quiet: true }).stdout;
        expect(a.exec([\"sh\", \"-c\", `kill -0 ${left}`], #{ quiet: true }).code, 1, \"it ended with what left it\");
        expect(other.is_running, true, \"and nothing else\");
        expect(lab::create().host(\"c\").exec([\"true\"]).code, 0);";
    for (restriction, lacks, knows_names) in [
        (
            "no-mounts",
            "do not know hosts by name, may take the IPv6 address of a host first, see this machine's processes",
            "false",
        ),
        ("masked", "see this machine's processes in /proc (mount(2): operation not permitted)", "true"),
    ] {
        if restriction == "masked" && !require_root_or_skip("labs where /proc is masked") {
            continue;
        }
        let run =
            peer("sandbox.py", &[restriction, &binary().display().to_string(), "-e", script]).run().expect_code(0);
        assert_eq!(run.stdout, format!("{knows_names}\n"), "{restriction}");
        assert!(run.stderr.starts_with(&format!("note: programs in hosts {lacks}")), "{}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 2, "{}", run.stderr);
    }
}

#[test]
fn each_line_of_a_script_on_a_host_begins_with_its_name_in_the_kernel_and_simulated() {
    if !require_lab_or_skip("scripts on hosts") {
        return;
    }
    let dir = TempDir::new();
    let child = "const OPT = options([ option(\"n\", 1, \"how many\") ]); let n = 0; print(`child ${OPT.n}`); debug(n);
        help(\"drop\"); start_thread(|| { n += 1; }).join();
        let s = udp::bind(\"127.0.0.1:0\"); set_policy(s, |p| { p.nothing; pass() }); s.send_to(\"x\", s.addr); s.recv(5.s);
        expect(1, 2); throw \"failed\";";
    dir.write("child.rhai", child);
    let text = "let net = lab::create(); let a = net.host(\"a\");
        for args in [[\"--n\", 2], [\"--help\"], [\"--bad\"], [\"--n\", \"x\"], [1, 2]] {
            try { a.start(\"child.rhai\", args).join(); } catch (e) { }
        }";
    let main = dir.write("main.rhai", text);
    let main = main.to_str().expect("a path");
    for args in [&[main][..], &["--simulate", main]] {
        let run = pingscript(args).run();
        let of_main =
            |line: &&str| !line.starts_with("a| ") && !line.contains(" acted on ") && !line.starts_with("simulated: ");
        for printed in [&run.stdout, &run.stderr] {
            assert_eq!(printed.lines().filter(of_main).collect::<Vec<_>>(), Vec::<&str>::new(), "{args:?}\n{printed}");
        }
        assert!(run.stdout.contains("a| child 2\n") && run.stdout.contains("a| Usage: "), "{}", run.stdout);
        assert!(run.stderr.contains("a| note: `n` was changed"), "{}", run.stderr);
    }
}
