//! Nothing is left of a lab, however the process that made it ends.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use crate::common::sys;
use crate::common::{pingscript, require_lab_or_skip};
use crate::{by_each_user, run_text};

/// A lab with a server, a program and what that has started; then it waits. The mark identifies its processes.
fn script(mark: u32) -> String {
    format!(
        "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\"); net.link(a, b);
         b.start(\"udp_server_plain.rhai\", [\"--listen\", \"*:11000\", \"--quiet\"]);
         a.start_program([\"sh\", \"-c\", \"setsid sleep 1{mark} & sleep 2{mark} & echo started; sleep 3{mark}\"]).wait_for(\"started\", 20.s);
         print(\"ready\");
         sleep(1.h);
         print(\"last line\");"
    )
}

#[test]
fn nothing_is_left_after_any_signal() {
    if !require_lab_or_skip("the ends of labs") {
        return;
    }
    for (signal, code) in [(libc::SIGINT, Some(130)), (libc::SIGTERM, Some(143)), (libc::SIGKILL, None)] {
        let mark = std::process::id() + u32::try_from(signal).expect("a number") * 10_000_000;
        by_each_user(&["-e", &script(mark)], |user, cmd| {
            let lab = cmd.start();
            lab.wait_for("ready");
            let family = grown_family(lab.pid(), mark);
            lab.signal(signal);
            let run = lab.finish();
            assert_eq!((run.code, run.signal), (code, code.is_none().then_some(signal)), "{user}\n{}", run.stderr);
            assert_eq!(run.stdout.contains("last line"), code.is_some(), "{user}\n{}", run.stdout);
            wait_until_gone(&family, user);
        });
    }
}

#[test]
fn nothing_is_left_after_an_error_and_after_the_normal_end() {
    if !require_lab_or_skip("the ends of labs") {
        return;
    }
    for (end, code) in [("throw \"no\"", 3), ("exit(9)", 9), ("()", 0)] {
        let mark = std::process::id() + 900_000_000;
        let text = script(mark).replace("sleep(1.h);", &format!("{end};"));
        by_each_user(&["-e", &text], |user, cmd| {
            cmd.run().expect_code(code);
            let left = |_: &u32, words: &str| words.contains(&mark.to_string());
            wait_until(user, || processes().into_iter().filter(|(pid, words)| left(pid, words)).collect());
        });
    }
}

#[test]
fn a_script_that_ends_with_an_error_ends_run_with_its_own_words() {
    if !require_lab_or_skip("a script in a lab's host") {
        return;
    }
    let text = "let a = lab::create().host(\"a\"); a.run(\"udp_ping.rhai\", [\"--cuont\", 3]);";
    let run = run_text(text, 3);
    assert!(run.stderr.contains("hint: did you mean --count?"), "{}", run.stderr);
    let last = "error: run: the script ended with the error above\n";
    assert!(run.stderr.contains(last) && run.stderr.contains("try { host.run(…) } catch { … }"), "{}", run.stderr);
}

#[test]
fn the_death_of_the_helper_is_a_clear_error() {
    if !require_lab_or_skip("the death of a lab's helper") {
        return;
    }
    let text = "let net = lab::create(); let a = net.host(\"a\");
        let sleeper = a.start_program([\"sleep\", 600]);
        print(\"ready\");
        try { sleeper.wait(); } catch (e) { print(`${e.kind}: ${e.message}`); }
        try { a.exec([\"true\"]); } catch (e) { print(`${e.kind}: ${e.message}`); }
        print(lab::create().host(\"b\").exec([\"echo\", \"another\"]).code);";
    by_each_user(&["-e", text], |user, cmd| {
        let lab = cmd.start();
        lab.wait_for("ready");
        let helper = children(lab.pid()).into_iter().next().expect("a helper");
        sys::send_signal(helper, libc::SIGKILL);
        let run = lab.finish().expect_code(0);
        assert_eq!(run.stdout.matches("closed: ").count(), 2, "{user}\n{}", run.stdout);
        assert!(run.stdout.contains("helper process ended") && run.stdout.ends_with("0\n"), "{user}\n{}", run.stdout);
    });
}

#[test]
fn a_helper_that_does_not_answer_does_not_keep_the_last_lines_from_running() {
    if !require_lab_or_skip("the end of a lab whose helper was stopped") {
        return;
    }
    let text =
        "let net = lab::create(); let a = net.host(\"a\"); let sock = udp::bind(\"127.0.0.1:0\"); print(sock.port);
        sock.recv(); print(\"goes on\");
        try { loop { a.exec([\"true\"]); } } catch (e) { print(`${e.kind}: last line`); }";
    by_each_user(&["-e", text], |user, cmd| {
        let lab = cmd.start();
        let port = lab.bound_port();
        let mut family = descendants(lab.pid());
        family.retain(|_, words| words.contains("--lab-helper"));
        assert_eq!(family.len(), 2, "{user}: {family:?}");
        family.keys().for_each(|&pid| sys::send_signal(pid, libc::SIGSTOP));
        std::net::UdpSocket::bind("127.0.0.1:0")
            .and_then(|from| from.send_to(b"go", ("127.0.0.1", port)))
            .expect("sent");
        lab.wait_for("goes on");
        lab.signal(libc::SIGINT);
        let run = lab.finish();
        assert_eq!(run.code, Some(130), "{user}\n{}", run.stderr);
        assert!(run.stdout.contains("closed: last line"), "{user}\n{}", run.stdout);
        wait_until_gone(&family, user);
    });
}

#[test]
fn ctrl_c_at_the_prompt_ends_a_wait_for_a_helper_that_does_not_answer() {
    if !require_lab_or_skip("the prompt and a lab whose helper was stopped") {
        return;
    }
    // Less than the helper may take for an answer.
    let cmd = pingscript::<&str>(&[]).env("NO_COLOR", "1").patience(Duration::from_secs(15)).error_on_terminal();
    let mut prompt = cmd.start_on_terminal();
    prompt.wait_for("Ctrl-D leaves.");
    prompt.type_text("let net = lab::create(); let a = net.host(\"a\"); print(\"re\" + \"ady\");\r");
    prompt.wait_for("\nready\n");
    let mut family = descendants(prompt.pid());
    family.retain(|_, words| words.contains("--lab-helper"));
    assert_eq!(family.len(), 2, "{family:?}");
    family.keys().for_each(|&pid| sys::send_signal(pid, libc::SIGSTOP));
    prompt.type_text("print(\"as\" + \"ks\"); sleep(1.ms); a.exec([\"true\"]);\r");
    prompt.wait_for("\nasks\n");
    prompt.press_ctrl_c();
    prompt.wait_for("the lab's helper process does not answer");
    prompt.type_text("40 + 2\r");
    // Ctrl-D is one only where a line is read: before, the terminal makes a null character of it.
    prompt.wait_until("the next line", |text| text.split_once("\n42\n").is_some_and(|(_, rest)| rest.contains("> ")));
    prompt.type_text("\x04");
    prompt.finish().expect_code(0);
    wait_until_gone(&family, "at the prompt");
}

/// All processes: their command lines by their ids.
fn processes() -> BTreeMap<u32, String> {
    let ids = fs::read_dir("/proc").expect("/proc").filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let words = |pid: u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok().filter(|line| !line.is_empty())?;
        Some((pid, String::from_utf8_lossy(&line).replace('\0', " ")))
    };
    ids.filter_map(words).collect()
}

fn children(of: u32) -> Vec<u32> {
    let parent = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    processes().into_keys().filter(|&pid| parent(pid) == Some(of)).collect()
}

/// What a process has started, and what that has; and what carries the same mark but has left the family.
fn descendants(of: u32) -> BTreeMap<u32, String> {
    let all = processes();
    let mut family = BTreeMap::new();
    let mut next = children(of);
    while let Some(pid) = next.pop() {
        next.extend(children(pid));
        if let Some(words) = all.get(&pid) {
            family.insert(pid, words.clone());
        }
    }
    family
}

/// The descendants, once the three that the mark identifies are among them: a shell starts them in its own time.
fn grown_family(of: u32, mark: u32) -> BTreeMap<u32, String> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let family = descendants(of);
        let is_sleeper = |words: &&String| words.starts_with("sleep ") && words.contains(&mark.to_string());
        if family.values().filter(is_sleeper).count() == 3 {
            return family;
        }
        assert!(Instant::now() < deadline, "{family:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn wait_until_gone(family: &BTreeMap<u32, String>, user: &str) {
    // The same id may be another process's by then.
    wait_until(user, || {
        let now = processes();
        family
            .iter()
            .filter(|(pid, words)| now.get(pid) == Some(words))
            .map(|(pid, words)| (*pid, words.clone()))
            .collect()
    });
}

/// The kernel ends them in its own time.
fn wait_until(user: &str, left: impl Fn() -> BTreeMap<u32, String>) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let left = left();
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "left behind by {user}: {left:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn threads_that_wait_on_sockets_of_a_lab_go_on_when_it_ends() {
    if !require_lab_or_skip("the end of a lab") {
        return;
    }
    let run = run_text(
        "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\"); net.link(a, b);
         let listener = run_in(b, || tcp::listen(\"*:11000\"));
         let client = run_in(a, || tcp::connect(\"b:11000\")); let server = listener.accept();
         let sock = run_in(a, || udp::bind(\"*:0\")); let other = run_in(b, || udp::bind(\"*:0\"));
         let icmp = run_in(b, || icmp::listen());
         let waiting = [
             start_thread(|| { for message in client { } 1 }), start_thread(|| { for message in server { } 2 }),
             start_thread(|| { for packet in sock { } 3 }), start_thread(|| { for conn in listener { } 4 }),
             start_thread(|| { try { other.recv(); } catch (e) { return e.kind; } }),
             start_thread(|| { for message in icmp { } 6 }),
             start_thread(|| { try { icmp.recv(1.h); } catch (e) { return e.kind; } }),
         ];
         sleep(100.ms);
         net.end();
         expect(waiting.map(|task| task.join()), [1, 2, 3, 4, \"closed\", 6, \"closed\"]);",
        0,
    );
    assert!(!run.stdout.contains("Received SIG"), "{}", run.stdout);
}
