//! How labs end: nothing is left of them, whichever process dies.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use pingscript::net::error::ErrorKind;
use pingscript::net::host::{Host, ThisMachine};
use pingscript::net::lab::kernel::exec::ExecProgram;
use pingscript::net::lab::{HostOptions, Lab, Options};
use socket2::{Domain, Type};

use crate::common::{Cmd, TempDir, require_root_or_skip, sys};
use crate::fixture::{command, has, host, lab, wait};

#[test]
fn nothing_is_left_of_a_lab_that_has_ended() {
    let Some(lab) = lab(&Options::default()) else { return };
    let a = host(&lab, "a");
    let (mark, program) = start_family(&lab);
    assert_eq!(wait_for_family(&mark).len(), 3);
    lab.end();
    assert!(family(&mark).is_empty(), "gone when `end` returns");
    let err = wait(&program).expect_err("ended");
    assert_eq!((err.kind, err.message.as_str()), (ErrorKind::Closed, "the lab has ended"));
    assert_eq!(lab.host("b", &HostOptions::default()).expect_err("ended").kind, ErrorKind::Closed);
    let err = a.kernel_socket(Domain::IPV4, Type::DGRAM, None).expect_err("ended");
    assert_eq!(pingscript::net::error::Error::system("bind", &err).message, "the lab has ended");
}

#[test]
fn nothing_is_left_when_the_last_handle_is_dropped() {
    let Some(lab) = lab(&Options::default()) else { return };
    let (mark, program) = start_family(&lab);
    wait_for_family(&mark);
    drop((lab, program));
    assert!(family(&mark).is_empty());
}

#[test]
fn the_death_of_the_helper_is_reported_and_the_main_process_goes_on() {
    // Program, supervisor, keeper, helper: each is the next one's child.
    for generation in [2, 3] {
        let Some(lab) = lab(&Options::default()) else { return };
        let a = host(&lab, "a");
        let (mark, program) = start_family(&lab);
        let oldest = wait_for_family(&mark)[0];
        let parents = parents();
        let victim = (0..generation).fold(oldest, |pid, _| parents[&pid]);
        let name = fs::read_to_string(format!("/proc/{victim}/comm")).expect("it runs");
        assert_eq!(name, "pingscript-lab\n");
        // The keys of a terminal do not reach it.
        assert_ne!(group(victim), group(std::process::id()));
        sys::send_signal(victim, sys::SIGKILL);
        let err = wait(&program).expect_err("gone");
        assert_eq!((err.kind, err.message.as_str()), (ErrorKind::Closed, "the lab's helper process ended"));
        let err = lab.host("b", &HostOptions::default()).expect_err("gone");
        assert_eq!((err.kind, err.message.as_str()), (ErrorKind::Closed, "the lab's helper process ended"));
        let err = a.kernel_socket(Domain::IPV4, Type::DGRAM, None).expect_err("gone");
        assert_eq!(pingscript::net::error::Error::system("bind", &err).message, "the lab's helper process ended");
        wait_until_gone(&mark);
    }
    assert!(lab(&Options::default()).is_some(), "another lab can be made");
}

#[test]
fn nothing_is_left_when_the_main_process_is_killed() {
    if lab(&Options::default()).is_none() {
        return;
    }
    for signal in [sys::SIGKILL, sys::SIGTERM, sys::SIGINT, sys::SIGHUP] {
        let dir = TempDir::new();
        let tests = std::env::current_exe().expect("this test's own file");
        let words = ["--exact", "ends::a_main_process_that_waits_to_be_killed", "--nocapture"];
        let running = Cmd::new(&tests, &words).env(WAIT, "1").dir(dir.path()).start();
        let out = running.wait_until("a mark", |text| text.contains("mark "));
        let mark = out.lines().find_map(|line| line.split_once("mark ")).expect("a mark").1.to_string();
        assert_eq!(wait_for_family(&mark).len(), 3);
        running.signal(signal);
        assert_eq!(running.finish().signal, Some(signal));
        wait_until_gone(&mark);
    }
}

/// Not a test by itself: the main process of the one above.
#[test]
fn a_main_process_that_waits_to_be_killed() {
    if std::env::var_os(WAIT).is_none() {
        return;
    }
    let lab = lab(&Options::default()).expect("a lab");
    let (mark, _program) = start_family(&lab);
    println!("mark {mark}");
    std::thread::sleep(Duration::from_secs(60));
}

/// Where the root is no mount, the lab cannot keep its own mounts apart: then it has none.
#[test]
fn no_mount_is_left_of_a_lab_in_a_chroot() {
    if !require_root_or_skip("a lab in a chroot")
        || !has("unshare", "a lab in a chroot")
        || lab(&Options::default()).is_none()
    {
        return;
    }
    let dir = TempDir::new();
    let binary = crate::common::binary().to_str().expect("UTF-8");
    let root = dir.path().to_str().expect("UTF-8");
    let run =
        Cmd::new(Path::new("unshare"), &["-m", "--propagation", "private", "sh", "-ec", CHROOT, "sh", root, binary])
            .dir(dir.path())
            .run()
            .expect_code(0);
    assert!(run.stdout.contains("host a (10.0.0.1"), "{}\n{}", run.stdout, run.stderr);
    let (before, after) = run.stdout.split_once("host a").expect("a host");
    let mounts = |text: &str| text.lines().filter(|line| line.contains(root)).count();
    assert_eq!(mounts(before), mounts(after), "{}", run.stdout);
    assert!(mounts(before) > 0, "{}", run.stdout);
}

/// Makes a root with what the binary (`$2`) needs in the directory `$1`, all mounts shared as they are on most systems, and shows
/// the mounts before and after a lab in there.
const CHROOT: &str = "
mount --make-rshared /
cd \"$1\"
mkdir -p proc tmp etc dev sys bin
touch etc/hosts etc/gai.conf dev/null
cp \"$2\" bin/pingscript
for lib in $(ldd \"$2\" | grep -o '/[^ ]*'); do mkdir -p \".$(dirname $lib)\"; cp -L $lib \".$lib\"; done
mount --bind /dev/null dev/null
mount --rbind /proc proc
cat /proc/self/mounts
chroot . /bin/pingscript -e 'print(lab::create().host(\"a\"))'
cat /proc/self/mounts
";

#[test]
fn many_labs_live_side_by_side() {
    let labs: Vec<Lab> = (0..5).map_while(|_| lab(&Options::default())).collect();
    let hosts: Vec<_> = labs.iter().map(|lab| host(lab, "a")).collect();
    for host in &hosts {
        let socket = host.kernel_socket(Domain::IPV4, Type::DGRAM, None).expect("a socket");
        let addr = std::net::SocketAddr::new(host.addr(), 7);
        socket.bind(&addr.into()).expect("each has this address and port for itself");
    }
}

/// Has [`a_main_process_that_waits_to_be_killed`] to do so.
const WAIT: &str = "PINGSCRIPT_TEST_LAB_WAITS";

/// Starts a shell with a child and a grandchild that is in a session of its own; the number of seconds that the two sleep is
/// shared by no others.
fn start_family(lab: &Lab) -> (String, ExecProgram) {
    let host = lab.host("family", &HostOptions::default()).expect("a host");
    let name = format!("{}", ThisMachine.unix_nanos());
    let mark = format!("1000.{name}");
    let script = format!("sleep {mark} & setsid -f sleep {mark} </dev/null; wait # {mark}");
    let nothing = File::options().read(true).write(true).open("/dev/null").expect("a null device");
    let program = host.start(&command(&["sh", "-c", &script]), [nothing.as_fd(); 3]).expect("a program");
    (mark, program)
}

/// The processes that have `mark` among their arguments, the oldest first. Those that look for it do not.
fn family(mark: &str) -> Vec<u32> {
    let mut found: Vec<u32> = processes()
        .filter(|pid| {
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&words).contains(mark)
        })
        .collect();
    found.sort_unstable();
    found
}

/// Waits until the whole family runs.
fn wait_for_family(mark: &str) -> Vec<u32> {
    wait_for(|| family(mark), |found| found.len() == 3)
}

fn wait_until_gone(mark: &str) {
    wait_for(|| family(mark), Vec::is_empty);
}

fn wait_for(look: impl Fn() -> Vec<u32>, enough: impl Fn(&Vec<u32>) -> bool) -> Vec<u32> {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let found = look();
        if enough(&found) {
            return found;
        }
        assert!(Instant::now() < until, "{found:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The parent of each process.
fn parents() -> HashMap<u32, u32> {
    processes().filter_map(|pid| Some((pid, field(pid, 1)?))).collect()
}

/// The group of a process that runs.
fn group(pid: u32) -> u32 {
    field(pid, 2).expect("it runs")
}

/// A number from /proc/PID/stat, counted from the process's state.
fn field(pid: u32, number: usize) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(number)?.parse().ok()
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir(Path::new("/proc")).expect("a list of processes");
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}
