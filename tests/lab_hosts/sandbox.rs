//! Programs of strangers: what they see, what they may use, and that nothing of them is left.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use pingscript::net::error::ErrorKind;
use pingscript::net::host::Waited;
use pingscript::net::host::stop::{Stage, Stop};
use pingscript::net::lab::kernel::exec::Exit;
use pingscript::net::lab::kernel::program::Program;
use pingscript::net::lab::program::{ProgramCommand, ProgramLimit, ProgramLimits, ProgramPlan, Sandbox};
use pingscript::net::lab::{LabHost, Options};
use pingscript::net::sys;

use crate::common::TempDir;
use crate::fixture::{command, host, lab};

/// What hostile programs may use here.
fn limits() -> ProgramLimits {
    ProgramLimits {
        time: Some(20_000_000_000),
        cpu: Some(3_000),
        memory: Some(100 << 20),
        processes: Some(8),
        output: Some(100_000),
        disk: Some(1 << 20),
    }
}

fn sandboxed(words: &[&str]) -> ProgramCommand {
    ProgramCommand { limits: limits(), sandbox: Some(Sandbox::default()), ..command(words) }
}

fn start(host: &LabHost, command: ProgramCommand) -> Program {
    let plan = ProgramPlan { command, input: None, shown: false };
    Program::start(host, plan).unwrap_or_else(|err| panic!("{err}; {}", err.hint))
}

/// What it printed, and how it ended.
fn end_of(program: &Program) -> (String, Option<Exit>, Option<ProgramLimit>) {
    let stop = Stop::root().expect("a stop");
    let until = sys::monotonic_nanos() + 60_000_000_000;
    let until = pingscript::net::time::Instant::from_nanos(until);
    assert_eq!(program.wait(Some(until), &stop, Stage::Interrupted), Waited::Ready, "it runs on");
    let (out, err) = program.printed();
    let text = String::from_utf8_lossy(&[out.bytes, err.bytes].concat()).into_owned();
    (text, program.exit(), program.limit())
}

fn run(host: &LabHost, words: &[&str]) -> (String, Option<Exit>, Option<ProgramLimit>) {
    end_of(&start(host, sandboxed(words)))
}

#[test]
fn hostile_programs_end_at_their_limits() {
    let Some(lab) = lab(&Options::default()) else { return };
    let a = host(&lab, "a");
    let python = |code: &'static str| ["python3", "-c", code];
    for (words, limit) in [
        (python("import os\nwhile True:\n try: os.fork()\n except OSError: pass"), ProgramLimit::Processes),
        (python("x = []\nwhile True: x.append(bytearray(5_000_000))"), ProgramLimit::Memory),
        (
            python(
                "import mmap\nx = []\nwhile True:\n x.append(mmap.mmap(-1, 5_000_000))\n x[-1].write(b'x' * 5_000_000)",
            ),
            ProgramLimit::Memory,
        ),
        (python("while True: print('x' * 1000)"), ProgramLimit::Output),
        (python("while True: pass"), ProgramLimit::Cpu),
        (
            python("import os\nfor n in range(9): open(f'/home/student/{n}', 'wb').write(bytes(300_000))"),
            ProgramLimit::Disk,
        ),
        (python("open('/dev/shm/x', 'wb').write(bytes(3_000_000))"), ProgramLimit::Disk),
    ] {
        let (text, _, reached) = run(&a, &words);
        assert_eq!(reached, Some(limit), "{words:?}: {text}");
    }
    let short = ProgramLimits { time: Some(200_000_000), ..limits() };
    let stubborn = python("import signal, time\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\ntime.sleep(60)");
    let program = start(&a, ProgramCommand { limits: short, ..sandboxed(&stubborn) });
    assert_eq!(end_of(&program).2, Some(ProgramLimit::Time));
    // One that asks for all at once is refused it.
    let (text, exit, _) = run(&a, &python("bytearray(10_000_000_000)"));
    assert!(text.contains("MemoryError") && exit == Some(Exit::Code(1)), "{text}");
    assert_eq!(run(&a, &["true"]), (String::new(), Some(Exit::Code(0)), None));
}

#[test]
fn limits_hold_without_a_sandbox_too() {
    let Some(lab) = lab(&Options::default()) else { return };
    let a = host(&lab, "a");
    for (code, limit) in [
        (
            "import os\nfor n in range(20):\n if os.fork() == 0: break\nimport time; time.sleep(30)",
            ProgramLimit::Processes,
        ),
        ("x = []\nwhile True: x.append(bytearray(5_000_000))", ProgramLimit::Memory),
        ("while True: pass", ProgramLimit::Cpu),
    ] {
        let program = start(&a, ProgramCommand { sandbox: None, ..sandboxed(&["python3", "-c", code]) });
        assert_eq!(end_of(&program).2, Some(limit), "{code}");
    }
}

#[test]
fn a_program_sees_the_system_and_a_copy_of_its_directory() {
    let Some(lab) = lab(&Options::default()) else { return };
    let a = host(&lab, "a");
    let dir = TempDir::new();
    let secret = dir.path().join("judge.rhai");
    fs::write(&secret, "the points").expect("a file");
    let submission = dir.path().join("a b\nc");
    fs::create_dir(&submission).expect("a directory");
    fs::write(submission.join("own"), "own text").expect("a file");
    symlink(&secret, submission.join("out")).expect("a link");
    symlink("/etc/shadow", submission.join("shadow")).expect("a link");
    let code = format!(
        "cat own; ls -A ~ /tmp; cat out; cat {secret}; cat shadow; ls /root /var /run /opt; echo x > own; echo x > /etc/x; \
         echo x > /usr/x; echo x > /x; mount -t tmpfs t /tmp; unshare -r true; cat /proc/1/environ; echo done",
        secret = secret.display()
    );
    let words = ["sh", "-c", &code];
    let command = ProgramCommand { dir: Some(submission.display().to_string()), ..sandboxed(&words) };
    let (text, exit, _) = end_of(&start(&a, command));
    assert!(text.starts_with("own text/home/student:\n\n/tmp:\n"), "{text}");
    for refused in [
        "out: No such file",
        "judge.rhai: No such file",
        "shadow: Permission denied",
        "'/root': No such file",
        "'/var': No such file",
        "/etc/x: Read-only",
        "/usr/x: Read-only",
        "/x: Read-only",
        "unshare failed: Operation not permitted",
        "/proc/1/environ: Permission denied",
    ] {
        assert!(text.contains(refused), "no {refused:?} in {text}");
    }
    assert_eq!(exit, Some(Exit::Code(0)), "{text}");
    assert_eq!(fs::read_to_string(submission.join("own")).expect("the file"), "own text");
}

#[test]
fn a_program_has_no_rights_and_no_sockets_beyond_its_host() {
    let Some(lab) = lab(&Options::default()) else { return };
    let a = host(&lab, "a");
    let code = "import socket
for family, kind in ((2, 1), (2, 2), (10, 2), (1, 1), (2, 3), (40, 1), (38, 5)):
    try: socket.socket(family, kind, 1 if kind == 3 else 0); print(family, kind, 'open')
    except OSError as err: print(family, kind, err.errno)
print(*[line for line in open('/proc/self/status') if line[:6] in ('CapEff', 'CapBnd', 'CapAmb', 'NoNewP', 'Seccom')])
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for call in (101, 165, 248, 250, 272, 298, 321, 425, 0x40000000 | 101):
    print(call, libc.syscall(call, 0, 0, 0, 0, 0), ctypes.get_errno())";
    let (text, ..) = run(&a, &["python3", "-c", code]);
    for line in
        ["2 1 open", "2 2 open", "10 2 open", "1 1 open", "2 3 1", "40 1 1", "38 5 1", "NoNewPrivs:\t1", "Seccomp:\t2"]
    {
        assert!(text.contains(line), "no {line:?} in {text}");
    }
    assert_eq!(text.matches("0000000000000000").count(), 3, "{text}");
    if cfg!(target_arch = "x86_64") {
        assert_eq!(text.matches(" -1 1\n").count(), 9, "{text}");
    }
    let raw = ProgramCommand {
        sandbox: Some(Sandbox { raw: true, ..Sandbox::default() }),
        ..sandboxed(&["python3", "-c", code])
    };
    let (text, ..) = end_of(&start(&a, raw));
    assert!(text.contains("2 3 open") && text.contains("CapEff:\t0000000000002000"), "{text}");
}

#[test]
fn programs_cannot_reach_those_of_others_and_leave_nothing() {
    let Some(lab) = lab(&Options::default()) else { return };
    let (a, b) = (host(&lab, "a"), host(&lab, "b"));
    let server = start(&b, sandboxed(&["sleep", "60"]));
    let reference = start(&a, command(&["sleep", "60"]));
    let word = format!("left-{}", std::process::id());
    let daemon = format!(
        "import os, time\nif os.fork() == 0:\n os.setsid()\n if os.fork() == 0:\n  print('{word}', flush=True); time.sleep(60)\n os._exit(0)\ntime.sleep(0.3)"
    );
    let (text, exit, _) = run(&a, &["python3", "-c", &daemon]);
    assert_eq!((text.trim(), exit), (word.as_str(), Some(Exit::Code(0))));
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let left = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let left: Vec<_> =
        left.map(|line| String::from_utf8_lossy(&line).into_owned()).filter(|line| line.contains(&word)).collect();
    assert!(left.is_empty(), "{left:?}");
    run(&a, &["sh", "-c", "kill -9 -1; for n in $(seq 2 60); do kill -9 $n; done 2>&1"]);
    std::thread::sleep(Duration::from_millis(50));
    assert!(!server.has_ended() && !reference.has_ended());
}

#[test]
fn a_directory_that_is_too_large_is_refused_with_its_limit() {
    let Some(lab) = lab(&Options::default()) else { return };
    let dir = TempDir::new();
    fs::write(dir.path().join("large"), vec![0; 2 << 20]).expect("a file");
    let command = ProgramCommand { dir: Some(dir.path().display().to_string()), ..sandboxed(&["true"]) };
    let plan = ProgramPlan { command, input: None, shown: false };
    let error = Program::start(&host(&lab, "a"), plan).expect_err("it does not fit");
    assert!(error.kind == ErrorKind::File && error.message.contains("larger than its limit"), "{error}");
}
