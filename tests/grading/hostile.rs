//! Hostile submissions, judged by root and by an ordinary user: each has no points, with the reason, and does nothing to others.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::common::{
    Cmd, TempDir, nobodys_pingscript, pingscript, repo_root, require_lab_or_skip, require_program_or_skip, sys,
};
use super::records;

/// What the judge of the UDP pinger begins with, with limits that are reached soon.
const JUDGE: &str =
    "let limits = #{ time: 5.s, cpu: 3.s, memory: 200_000_000, processes: 16, output: 100_000, disk: 4_000_000 };
let client = submission().program(\"udp_pinger\", #{ limits: limits });
group(\"pings\", || {
    let net = lab::create();
    let a = net.host(\"a\");
    let b = net.host(\"b\");
    let link = net.link(a, b);
    b.start(\"udp_server_plain.rhai\", [\"--listen\", \"*:12000\", \"--quiet\"]);
    let run = client.exec(a, [b.addr, 12000, 3]);
    if submission().name.contains(\"read\") { print(run.stdout); }
    let sent = link.fates().filter(|f| f.from_host == \"a\" && f.protocol == \"udp\").len;
    require(\"it sends to the server\", sent, at_least(1), `limit: ${run.limit}`);
    check(\"it ends well\", 1, run.code, 0);
    check(\"replies have a line each\", 2, parse(run.stdout, \"seq={seq:int} rtt=\").len, 3);
});
";

/// What no submission is to read.
const SECRET: &str = "only the teacher knows";

/// What is to be said of some of them.
const REASONS: [(&str, &str); 6] = [
    ("endless_output", "limit: output"),
    ("fork_bomb", "limit: processes"),
    ("full_disk", "limit: disk"),
    ("ignores_sigterm", "limit: time"),
    ("memory", "limit: memory"),
    ("link_out", "it sends to the server"),
];

/// All files beneath a directory, with what is in them.
fn contents(dir: &Path) -> String {
    let listed =
        Command::new("sh").args(["-c", "find . -type l -o -type f -exec sha256sum {} +"]).current_dir(dir).output();
    String::from_utf8(listed.expect("a listing").stdout).expect("text")
}

/// Judges them by a command; the port is one that the processes of these submissions are known by.
fn check_hostile(port: &str, command: impl Fn(&TempDir, &[&str]) -> Cmd) {
    let dir = TempDir::new();
    dir.write("judge.rhai", &format!("// {SECRET}\n{}", JUDGE.replace("12000", port)));
    let class = dir.path().join("class");
    fs::create_dir(&class).expect("a directory");
    let copy = |from: &str| {
        let from = repo_root().join("tests").join(from);
        let copied = Command::new("cp").arg("-R").arg(&from).arg(&class).status();
        assert!(copied.is_ok_and(|status| status.success()), "{}", from.display());
    };
    copy("assignments/udp_pinger/right_py");
    for entry in fs::read_dir(repo_root().join("tests/grading/hostile")).expect("submissions").flatten() {
        copy(&format!("grading/hostile/{}", entry.file_name().to_string_lossy()));
    }
    fs::create_dir(class.join("link_out")).expect("a directory");
    symlink("../right_py/udp_pinger.py", class.join("link_out/udp_pinger.py")).expect("a link");
    dir.write("class/right_py/notes.txt", SECRET);
    let before = [contents(&class), fs::read_to_string("/etc/passwd").expect("users")];
    let out = TempDir::new();
    let _ = fs::set_permissions(out.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777));
    let at = |name: &str| dir.path().join(name).display().to_string();
    let file = out.path().join("all.json").display().to_string();
    let args = ["grade", &at("judge.rhai"), &at("class"), "-j", "4", "--json", &file];
    let place = TempDir::new();
    let run = command(&place, &args)
        .env("TMPDIR", &out.path().display().to_string())
        .patience(Duration::from_secs(200))
        .run()
        .expect_code(5);
    let records = records(Path::new(&file));
    let text = fs::read_to_string(&file).expect("results");
    assert!(!text.contains(SECRET), "{text}");
    assert!(records.len() >= 12, "{}", run.stdout);
    for record in &records {
        let name = record["name"].as_str().expect("a name");
        assert_eq!(record["points"].as_f64(), Some(if name == "right_py" { 3.0 } else { 0.0 }), "{record:#}");
        let failed = |check: &&Value| check["passed"] == false;
        assert!(
            name == "right_py" || record["checks"].as_array().is_some_and(|all| all.iter().any(|check| failed(&check)))
        );
    }
    for (name, reason) in REASONS {
        let record = records.iter().find(|record| record["name"] == name).expect(name);
        assert!(record["checks"].to_string().contains(reason), "{record:#}");
    }
    assert_eq!(before, [contents(&class), fs::read_to_string("/etc/passwd").expect("users")]);
    let left: Vec<_> =
        fs::read_dir(out.path()).expect("a directory").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["all.json"], "nothing else is left");
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let mine = format!("\0{port}\0");
    let left: Vec<_> =
        lines.map(|line| String::from_utf8_lossy(&line).into_owned()).filter(|line| line.contains(&mine)).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn hostile_submissions_have_no_points_and_leave_nothing() {
    if require_lab_or_skip("hostile submissions") && require_program_or_skip("python3", "hostile submissions") {
        check_hostile("12101", |_, args| pingscript(args));
    }
}

#[test]
fn hostile_submissions_can_do_no_more_where_an_ordinary_user_judges() {
    if require_lab_or_skip("hostile submissions") && sys::is_root() {
        check_hostile("12102", |place, args| nobodys_pingscript(place, args));
    }
}
