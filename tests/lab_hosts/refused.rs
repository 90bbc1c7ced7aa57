//! Systems that allow no lab: one clear error, with what was checked and the remedy.

use std::path::Path;

use pingscript::net::lab::{Lab, Options};

use crate::common::{Cmd, Run, TempDir, require_root_or_skip};
use crate::fixture::{COPY, has, helper, lab};

#[test]
fn limits_of_namespaces_are_named() {
    if !has("unshare", "a limit of namespaces") || lab(&Options::default()).is_none() {
        return;
    }
    // The limits are those of a user namespace of the test's own. Without capabilities the lab needs a further one.
    for (limit, without) in
        [("user.max_user_namespaces", "setpriv --bounding-set=-all --inh-caps=-all"), ("user.max_net_namespaces", "")]
    {
        let file = limit.replace('.', "/");
        let run = refused("unshare", &["-Ur", "sh", "-c", &format!("echo 0 >/proc/sys/{file}; exec {without} \"$@\"")]);
        let reported = format!("{}{}", run.stdout, run.stderr);
        assert!(reported.contains(&format!("({limit} = 0)")) && reported.contains("kind: permission"), "{reported}");
        assert!(reported.contains(&format!("hint: run `sudo sysctl -w {limit}=")), "{reported}");
    }
}

#[test]
fn a_filter_of_system_calls_is_named() {
    if !has("python3", "a filter of system calls") {
        return;
    }
    let run = refused("python3", &["-c", &filter(NO_UNSHARE)]);
    let reported = format!("{}{}", run.stdout, run.stderr);
    assert!(
        reported.contains("(Seccomp: 2 in /proc/self/status)") && reported.contains("kind: permission"),
        "{reported}"
    );
    assert!(reported.contains("--security-opt seccomp=unconfined"), "{reported}");
}

#[test]
fn a_chroot_is_named() {
    if !require_root_or_skip("labs in a chroot") || !has("unshare", "labs in a chroot") {
        return;
    }
    let dir = TempDir::new();
    let root = dir.path().display();
    let nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups";
    let run =
        refused("unshare", &["-m", "sh", "-c", &format!("mount --rbind / {root}; exec chroot {root} {nobody} \"$@\"")]);
    let reported = format!("{}{}", run.stdout, run.stderr);
    assert!(reported.contains("(unshare(2))") && reported.contains("kind: permission"), "{reported}");
    // A root that is a mount, as here, is not distinguished from any other.
    assert!(reported.contains("outside of the") && reported.contains("chroot"), "{reported}");
}

#[test]
fn a_helper_that_cannot_be_started_is_reported() {
    let dir = TempDir::new();
    let tests = std::env::current_exe().expect("this test's own file");
    for (path, part) in [("/no/such", "no such file"), ("/bin/true", "the lab's helper process ended")] {
        let run = Cmd::new(&tests, &WORDS).env(REFUSED, "1").env(COPY, path).dir(dir.path()).run();
        assert!(run.stdout.contains(part), "{path}: {}", run.stdout);
    }
}

/// Not a test by itself: the one that is refused.
#[test]
fn one_that_is_refused() {
    if std::env::var_os(REFUSED).is_none() {
        return;
    }
    helper();
    let err = Lab::create(&Options::default()).expect_err("it is refused");
    println!("{err}\nkind: {}\nhint: {}", err.kind.word(), err.hint);
}

/// Runs [`one_that_is_refused`] by way of a program that takes it as its last arguments.
fn refused(program: &str, words: &[&str]) -> Run {
    let dir = TempDir::new();
    let tests = std::env::current_exe().expect("this test's own file");
    // The other user may have no way into the repository.
    let [tests, helper] = [tests, std::env::var_os(COPY).map_or(crate::common::binary().to_owned(), Into::into)];
    let copied = std::process::Command::new("cp").args([&tests, &helper]).arg(dir.path()).status();
    assert!(copied.is_ok_and(|status| status.success()), "cannot copy the binaries");
    let [tests, helper] = [tests, helper].map(|path| dir.path().join(path.file_name().expect("a file")));
    let last = ["sh", tests.to_str().expect("UTF-8")];
    let last = if program == "python3" { &last[1..] } else { &last[..] };
    let words = [words, last, &WORDS].concat();
    Cmd::new(Path::new(program), &words)
        .env(REFUSED, "1")
        .env(COPY, helper.to_str().expect("UTF-8"))
        .dir(dir.path())
        .run()
}

const WORDS: [&str; 3] = ["--exact", "refused::one_that_is_refused", "--nocapture"];

/// Has [`one_that_is_refused`] to be so.
const REFUSED: &str = "PINGSCRIPT_TEST_LAB_REFUSED";

/// A program of Python that runs its arguments under a filter of system calls: lines of BPF (seccomp(2)), in which `call`
/// gives the number of a call.
pub(crate) fn filter(lines: &str) -> String {
    format!(
        "
import ctypes, os, struct, sys
def call(x86_64, aarch64): return {{'x86_64': x86_64, 'aarch64': aarch64}}[os.uname().machine]
code = [{lines}, (0x06, 0, 0, 0x7fff0000)]
program = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *line) for line in code))
class Filter(ctypes.Structure):
    _fields_ = [('len', ctypes.c_ushort), ('filter', ctypes.c_void_p)]
prctl = ctypes.CDLL(None, use_errno=True).prctl
assert prctl(38, 1, 0, 0, 0) == 0
assert prctl(22, 2, ctypes.byref(Filter(len(code), ctypes.addressof(program))), 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"
    )
}

/// Answers unshare(2) with EPERM, as containers have it.
const NO_UNSHARE: &str = "(0x20, 0, 0, 0), (0x15, 0, 1, call(272, 97)), (0x06, 0, 0, 0x00050001)";
