//! Programs in hosts: what they see, how they end, and that real tools work.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use pingscript::net::error::ErrorKind;
use pingscript::net::lab::kernel::exec::{ExecProgram, Exit, ProgramCommand};
use pingscript::net::lab::{LabHost, Options};

use crate::fixture::{command, has, host, join, lab, run, run_command, wait};

#[test]
fn a_program_sees_the_host_it_runs_in() {
    let Some(lab) = lab(&Options::default()) else { return };
    let (a, b) = (host(&lab, "a"), host(&lab, "b"));
    let _wire = join(&a, &b);
    let ran = run(&a, &["sh", "-c", "uname -n; cat /etc/hosts; ls /sys/class/net; cat /proc/self/stat; id -u"]);
    assert_eq!(ran.exit, Exit::Code(0), "{ran:?}");
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "a");
    for name in ["10.0.0.1\ta", "fd00::2\tb", "eth0", "lo"] {
        assert!(lines.contains(&name), "no {name} in {}", ran.out);
    }
    // `cat` read its own number in the lab's /proc.
    let number = lines.iter().find_map(|line| line.split_once(" (cat)")).map(|(number, _)| number.parse::<u32>());
    assert!(matches!(number, Some(Ok(2..50))), "{}", ran.out);
}

#[test]
fn environment_dir_and_input_are_as_asked_for() {
    let Some(lab) = lab(&Options::default()) else { return };
    let a = host(&lab, "a");
    let env = vec![("FROM_TEST".to_string(), Some("yes".to_string())), ("HOME".to_string(), None)];
    let words = command(&["sh", "-c", "pwd; echo $FROM_TEST ${HOME-none}; exit 7"]);
    let ran = run_command(&a, &ProgramCommand { env, dir: Some("/usr".to_string()), ..words });
    assert_eq!((ran.out.as_str(), ran.exit), ("/usr\nyes none\n", Exit::Code(7)));
    assert_eq!(run(&a, &["sh", "-c", "kill -9 $$"]).exit, Exit::Signal(9));
    assert_eq!(run(&a, &["sh", "-c", "read x; echo \"$?\"; echo to stderr >&2"]).err, "to stderr\n");
}

#[test]
fn what_cannot_be_started_says_why() {
    let Some(lab) = lab(&Options::default()) else { return };
    let a = host(&lab, "a");
    for (words, dir, part) in [
        (&["no-such-program"][..], None, "there is no such program"),
        (&["/etc/passwd"], None, "not a program"),
        (&["/no/such"], None, "there is no such program"),
        (&["true"], Some("/no/such/directory"), "working directory"),
        (&[], None, "no program is named"),
        (&[""], None, "no program is named"),
        (&["echo", "a\0b"], None, "zero byte"),
    ] {
        let command = ProgramCommand { dir: dir.map(str::to_string), ..command(words) };
        let err = start(&a, &command).expect_err("it cannot be started");
        assert!(err.message.contains(part), "{words:?}: {err}");
    }
    let long = "x".repeat(400_000);
    assert_eq!(start(&a, &command(&["echo", &long])).expect_err("too long").kind, ErrorKind::TooLarge);
    assert_eq!(run(&a, &["true"]).exit, Exit::Code(0), "the lab goes on");
}

#[test]
fn programs_run_beside_each_other_and_are_killed() {
    let Some(lab) = lab(&Options::default()) else { return };
    let a = host(&lab, "a");
    let start_sleep = || start(&a, &command(&["sh", "-c", "sleep 1000 & wait"])).expect("a program");
    let (first, second) = (start_sleep(), start_sleep());
    assert_eq!(first.try_wait().expect("it runs"), None);
    assert_eq!(run(&a, &["echo", "beside"]).out, "beside\n");
    first.kill().expect("killed");
    assert_eq!(wait(&first).expect("it ends"), Exit::Signal(9));
    assert_eq!(second.try_wait().expect("it runs"), None);
    second.signal(15).expect("signalled");
    assert_eq!(wait(&second).expect("it ends"), Exit::Signal(15));
    second.kill().expect("nobody to kill");
}

#[test]
fn ping_finds_hosts_by_name() {
    if !has("ping", "ping in a lab") {
        return;
    }
    let Some(lab) = lab(&Options::default()) else { return };
    let (a, b) = (host(&lab, "a"), host(&lab, "b"));
    let _wire = join(&a, &b);
    // Without an option, programs of glibc take the same address as scripts, where the system has a file to say so.
    let by_itself = if Path::new("/etc/gai.conf").exists() { "10.0.0.2" } else { "b" };
    for (options, addr) in [(&["-4"][..], "10.0.0.2"), (&["-6"], "fd00::2"), (&[], by_itself)] {
        let words = [&["ping", "-c", "2", "-i", "0.01", "-W", "5"], options, &["b"]].concat();
        let ran = run(&a, &words);
        assert!(ran.out.contains(addr), "{ran:?}");
        assert!(ran.out.contains("2 packets transmitted, 2 received, 0% packet loss"), "{ran:?}");
    }
}

#[test]
fn tcpdump_sees_the_packets() {
    if !has("tcpdump", "tcpdump in a lab") || !has("ping", "tcpdump in a lab") {
        return;
    }
    let Some(lab) = lab(&Options::default()) else { return };
    let (a, b) = (host(&lab, "a"), host(&lab, "b"));
    let _wire = join(&a, &b);
    // As root, tcpdump becomes the user it is built for, who may not exist in a container.
    let words = "tcpdump -i eth0 -n -c 4 icmp 2>&1 & sleep 0.5; ping -4 -c 2 -i 0.2 -W 5 b >&2; wait";
    let began = Instant::now();
    let ran = run(&a, &["sh", "-c", words]);
    assert!(
        ran.out.contains("4 packets captured") && ran.out.contains("10.0.0.1 > 10.0.0.2: ICMP echo request"),
        "{ran:?}"
    );
    assert!(began.elapsed() < Duration::from_secs(15), "it ended by itself");
}

#[test]
fn a_firewall_is_its_hosts_own() {
    if !has("nft", "nft in a lab") || !has("ping", "nft in a lab") {
        return;
    }
    let Some(lab) = lab(&Options::default()) else { return };
    let (a, b) = (host(&lab, "a"), host(&lab, "b"));
    let _wire = join(&a, &b);
    let rules = "table inet t { chain c { type filter hook input priority 0; ip protocol icmp reject with icmp admin-prohibited; }; }";
    let ran = run(&b, &["nft", rules]);
    assert_eq!(ran.exit, Exit::Code(0), "{ran:?}");
    let ran = run(&a, &["ping", "-4", "-c", "1", "-W", "5", "b"]);
    assert!(ran.out.contains("From b (10.0.0.2) icmp_seq=1 Packet filtered"), "{ran:?}");
}

/// Starts a program without input, whose output no one sees.
fn start(host: &LabHost, command: &ProgramCommand) -> pingscript::net::error::Result<ExecProgram> {
    let nothing = File::options().read(true).write(true).open("/dev/null").expect("a null device");
    host.start(command, [nothing.as_fd(); 3])
}
