//! All of these tests again, as an ordinary user; but for those that need root.

use std::process::Command;
use std::time::Duration;

use crate::common::{Cmd, TempDir, binary, require_root_or_skip};
use crate::fixture::COPY;

#[test]
fn everything_passes_for_an_ordinary_user() {
    if !require_root_or_skip("labs of an ordinary user, from a test that root runs") {
        return;
    }
    // The other user may have no way into the repository.
    let dir = TempDir::new();
    let tests = std::env::current_exe().expect("this test's own file");
    let copied = Command::new("cp").args([binary(), &tests, dir.path()]).status();
    assert!(copied.is_ok_and(|status| status.success()), "cannot copy the binaries");
    let [binary, tests] = [binary(), &tests].map(|path| dir.path().join(path.file_name().expect("a file")));
    let all = Cmd::new(&tests, &["--skip", "ordinary::", "--skip", "chroot", "--test-threads=2"]);
    let helper = binary.to_str().expect("a path in UTF-8");
    let run = all.env(COPY, helper).dir(dir.path()).by_nobody().patience(Duration::from_secs(120)).run();
    // What was left out is reported as it is elsewhere.
    run.stderr.lines().filter(|line| line.starts_with("SKIPPED")).for_each(|line| eprintln!("{line}"));
    assert!(run.stdout.contains("test result: ok"), "{}\n{}", run.stdout, run.stderr);
}
