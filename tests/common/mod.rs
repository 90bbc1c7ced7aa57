//! What the end-to-end tests share: running the built binary, on pipes or on a terminal, peers
//! for it to talk to, and the comparison with golden transcripts.
//!
//! A test file takes it in with `mod common;`. Helpers never retry: what does not come in time
//! is a failed test whose message shows everything that was seen until then.

// Each test file uses its own part of these helpers.
#![allow(dead_code, unused_imports)]

pub(crate) mod client;
pub(crate) mod collect;
pub(crate) mod deviations;
pub(crate) mod echo;
pub(crate) mod golden;
pub(crate) mod icmp;
pub(crate) mod mask;
pub(crate) mod process;
pub(crate) mod session;
pub(crate) mod sys;
pub(crate) mod tcp;
pub(crate) mod udp;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) use process::{Cmd, Run, Running, nobodys_pingscript, peer, pingscript};

/// The package's root: where `scripts/` and `tests/` are, and where commands are run.
pub(crate) fn repo_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The binary that cargo built for this test.
pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_pingscript"))
}

/// A fresh directory, removed with all it holds when dropped.
#[derive(Debug)]
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    /// An empty directory under the system's temporary one, open to every user: some tests run
    /// the binary as another.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("pingscript-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path)
            .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(0o755)))
            .unwrap_or_else(|e| panic!("cannot create {}: {e}", path.display()));
        Self(path)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Write `text` to the file `name` in it; its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
        path
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The line of `scripts/udp_server.rhai` that a student edits: its drop policy.
pub(crate) const POLICY: &str = "|pkt| if random() < 0.2 { drop() } else { pass() }";

/// A copy of the server script in `dir` in which `policy` stands in place of [`POLICY`], as an
/// editor would leave it; its path.
pub(crate) fn server_script(dir: &TempDir, policy: &str) -> String {
    let original = repo_root().join("scripts/udp_server.rhai");
    let text = fs::read_to_string(&original).unwrap_or_else(|e| panic!("cannot read {}: {e}", original.display()));
    assert_eq!(
        text.matches(POLICY).count(),
        1,
        "{} must hold this policy exactly once: {POLICY}\n{text}",
        original.display()
    );
    let copy = dir.write("udp_server.rhai", &text.replace(POLICY, policy));
    copy.to_str().expect("a temporary path in UTF-8").to_owned()
}

/// The policy that drops the pings whose numbers are given, whatever sends them.
pub(crate) fn dropping(numbers: &[u32]) -> String {
    let any: Vec<String> = numbers.iter().map(|n| format!("pkt.text.starts_with(\"ping {n} \")")).collect();
    format!("|pkt| if {} {{ drop() }} else {{ pass() }}", any.join(" || "))
}

/// Whether a test that needs root can run. If not: says so and returns `false`, or fails where a
/// missing privilege is no excuse (`CI=true`, or `PINGSCRIPT_REQUIRE_PRIVILEGED=1`).
pub(crate) fn require_root_or_skip(what: &str) -> bool {
    sys::is_root() || skip(what, "root; run the tests with sudo")
}

/// As [`require_root_or_skip`]; then this thread, and what it starts from now on, has a network of its own, and what forged
/// ICMP errors change in the kernel ends with that: a path's MTU, say, which would hold for ten minutes.
pub(crate) fn require_own_network_or_skip(what: &str) -> bool {
    let can_run = require_root_or_skip(what);
    if can_run {
        sys::enter_new_network();
    }
    can_run
}

/// Whether a test that needs the program `name` can run; else as [`require_root_or_skip`].
pub(crate) fn require_program_or_skip(name: &str, what: &str) -> bool {
    let found = Command::new(name)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    found || skip(what, &format!("the program {name}; install it"))
}

/// Whether a test that needs a lab can run: this system lets this user make one. Else as [`require_root_or_skip`].
pub(crate) fn require_lab_or_skip(what: &str) -> bool {
    let run = pingscript(&["--lab", "kernel", "-e", "lab::create(); ()"]).run();
    run.code == Some(0) || skip(what, &format!("a lab, and there can be none here:\n{}", run.stderr.trim_end()))
}

/// Say loudly that `what` is not tested for want of `need`; always `false`.
pub(crate) fn skip(what: &str, need: &str) -> bool {
    let set = |name: &str, value: &str| std::env::var(name).is_ok_and(|v| v == value);
    assert!(!set("CI", "true") && !set("PINGSCRIPT_REQUIRE_PRIVILEGED", "1"), "not tested: {what}: needs {need}");
    // To the descriptor, past the test harness, which shows prints of failed tests only.
    sys::write_stderr(&format!("\nSKIPPED: {what}: needs {need}\n"));
    false
}
