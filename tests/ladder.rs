//! Rows of frames, and `pingscript ladder`: what it draws agrees with the rows, with tshark, and with what was drawn before.

mod common;

#[path = "ladder/frames.rs"]
mod frames;
#[path = "ladder/input.rs"]
mod input;
#[path = "ladder/peers.rs"]
mod peers;
#[path = "ladder/round_trips.rs"]
mod round_trips;

use std::fs;
use std::path::{Path, PathBuf};

use common::golden::assert_text;
use common::{Run, TempDir, pingscript, repo_root};
use serde_json::Value;

/// A link on which each ping meets something else.
const LAB: &str = r#"
let net = lab::create();
let a = net.host("a");
let b = net.host("b");
let link = net.link(a, b, #{ delay: 1.ms });
set_policy(link.from(a), |pkt| if pkt.protocol != "udp" { pass() } else { switch pkt.number {
    2 => drop(), 3 => delay(5.ms), 4 => duplicate(2), 5 => replace("ping 5, other"), 6 => corrupt(), 7 => reject("icmp-admin-prohibited"),
    _ => pass(),
} });
set_policy(b.ingress, |pkt| if pkt.protocol == "udp" && pkt.number == 8 { drop() } else { pass() });
let server = run_in(b, || udp::bind("*:7"));
let task = start_thread(|| udp::serve(server, udp::echo()));
run_in(a, || { let s = udp::open("b:7"); for n in 1..=9 { s.ping("b:7", `ping ${n}`, 100.ms); } });
link.down();
run_in(a, || udp::open("b:7").send_to("last", "b:7"));
sleep(5.ms);
task.stop();
"#;

/// Runs `code` with rows of frames; the file, and the rows.
fn frames_of(dir: &TempDir, flags: &[&str], code: &str) -> (PathBuf, Vec<Value>) {
    let file = dir.path().join("run.jsonl");
    let name = file.to_str().expect("a path");
    let flags = [flags, &["--seed", "1", "--json", name, "--frames", "-e", code]].concat();
    pingscript(&flags).run().expect_code(0);
    let text = fs::read_to_string(&file).expect("rows");
    let rows = text.lines().map(|line| serde_json::from_str(line).expect("a row"));
    (file, rows.filter(|row: &Value| row["type"] == "frame").collect())
}

/// Draws; what was printed.
fn ladder(file: &Path, args: &[&str]) -> Run {
    pingscript(&[&["ladder", file.to_str().expect("a path")], args].concat()).run()
}

/// Compares with `tests/golden/ladder/NAME`.
fn assert_golden(name: &str, actual: &str) {
    let path = repo_root().join("tests/golden/ladder").join(name);
    if std::env::var_os("PINGSCRIPT_WRITE_GOLDEN").is_some() {
        fs::write(&path, actual).expect("written");
    }
    assert_text(name, &fs::read_to_string(&path).expect("a golden file"), actual);
}

/// How many arrows a picture in a file has.
fn arrows_in(picture: &str) -> usize {
    ["<g class=\"arrow ", "->>h", "-xh"].iter().map(|arrow| picture.matches(arrow).count()).sum()
}

/// The ladder of the README, and that of the docs: the commands that draw them.
#[test]
fn the_pictures_of_the_docs_are_what_their_commands_draw() {
    let dir = TempDir::new();
    let file = dir.path().join("run.jsonl");
    let name = file.to_str().expect("a path");
    pingscript(&["--simulate", "--seed", "3", "--json", name, "--frames", "scripts/labs/tcp_loss.rhai"])
        .run()
        .expect_code(0);
    let selected = ["--protocol", "tcp", "--to", "2.33s"];
    let text = ladder(&file, &selected).expect_code(0).stdout;
    let readme = fs::read_to_string(repo_root().join("README.md")).expect("the README");
    let commands = "pingscript --simulate --seed 3 --json run.jsonl --frames labs/tcp_loss\npingscript ladder run.jsonl --protocol tcp --to 2.33s\n";
    assert!(readme.contains(commands), "{commands}");
    let drawn: Vec<&str> = text.lines().skip(2).collect();
    assert!(readme.contains(&drawn.join("\n")), "README.md has another ladder than\n{text}");
    let svg = dir.path().join("ladder.svg");
    ladder(&file, &[&selected[..], &["-o", svg.to_str().expect("a path")]].concat()).expect_code(0);
    let path = repo_root().join("docs/ladder.svg");
    let drawn = fs::read_to_string(svg).expect("a picture");
    if std::env::var_os("PINGSCRIPT_WRITE_GOLDEN").is_some() {
        fs::write(&path, &drawn).expect("written");
    }
    assert_text("docs/ladder.svg", &fs::read_to_string(path).expect("a picture"), &drawn);
}

#[test]
fn each_form_is_drawn_as_before() {
    let dir = TempDir::new();
    let (file, frames) = frames_of(&dir, &["--simulate"], LAB);
    let drawn = ladder(&file, &[]).expect_code(0);
    assert_eq!(drawn.stderr, "");
    assert_golden("small.txt", &drawn.stdout);
    for name in ["small.svg", "small.mmd"] {
        let path = dir.path().join(name);
        let run = ladder(&file, &["-o", path.to_str().expect("a path")]).expect_code(0);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
        let text = fs::read_to_string(&path).expect("a picture");
        assert_golden(name, &text);
        assert_eq!(arrows_in(&text), frames.len(), "{name}: an arrow for each row");
    }
    // Again: a picture of ours is written anew, anything else is not.
    let svg = dir.path().join("small.svg");
    ladder(&file, &["-o", svg.to_str().expect("a path")]).expect_code(0);
    let other = dir.write("other.svg", "precious");
    let refused = ladder(&file, &["-o", other.to_str().expect("a path")]).expect_code(2);
    assert!(refused.stderr.contains("hint: only pictures are written anew"), "{}", refused.stderr);
    assert_eq!(fs::read_to_string(other).expect("a file"), "precious");
}

#[test]
fn colours_and_widths_are_those_of_the_terminal() {
    let dir = TempDir::new();
    let (file, _) = frames_of(&dir, &["--simulate"], LAB);
    let name = file.to_str().expect("a path");
    let plain = ladder(&file, &[]).expect_code(0).stdout;
    assert!(!plain.contains('\x1b') && plain.lines().all(|line| line.chars().count() <= 80), "{plain}");
    let coloured = pingscript(&["--color", "always", "ladder", name]).run().expect_code(0).stdout;
    assert!(coloured.contains("\x1b[31m×"), "{coloured}");
}

#[test]
fn a_selection_is_by_host_time_protocol_port_and_number() {
    let dir = TempDir::new();
    let code = r#"
        let net = lab::create();
        let a = net.host("a"); let b = net.host("b"); let r = net.router("r"); let c = net.host("c");
        net.link(a, r, #{ delay: 1.ms }); net.link(r, b, #{ delay: 1.ms }); net.link(r, c, #{ delay: 1.ms });
        let server = run_in(b, || udp::bind("*:7"));
        let task = start_thread(|| udp::serve(server, udp::echo()));
        run_in(a, || { let s = udp::open(b.addr + ":7"); for n in 1..=3 { s.ping(b.addr + ":7", `ping ${n}`, 1.s); } });
        run_in(a, || { let s = icmp::open("0.0.0.0"); for n in 1..=2 { s.ping(c.addr, 1.s); } });
        task.stop();
    "#;
    let code = code.replace("b.addr + \":7\"", "`${b.addr}:7`");
    let (file, frames) = frames_of(&dir, &["--simulate"], &code);
    let count = |args: &[&str]| {
        let mmd = dir.path().join("x.mmd");
        let run = ladder(&file, &[args, &["-o", mmd.to_str().expect("a path")]].concat()).expect_code(0);
        (arrows_in(&fs::read_to_string(mmd).expect("a picture")), run.stderr)
    };
    let of = |is: &dyn Fn(&Value) -> bool| frames.iter().filter(|row| is(row)).count();
    assert_eq!(of(&|row| row["protocol"] == "udp"), 12, "three pings over two links");
    assert_eq!(count(&["--protocol", "udp"]).0, 12);
    assert_eq!(count(&["--protocol", "UDP", "--host", "b"]).0, 6);
    let b = of(&|row| row["protocol"] == "icmp");
    assert_eq!((count(&["--protocol", "icmp"]).0, b), (8, 8));
    assert_eq!(count(&["--protocol", "icmp", "--seq", "2"]).0, 4);
    assert_eq!(count(&["--protocol", "icmp", "--seq", "1..2", "--host", "r", "--host", "c"]).0, 4);
    assert_eq!(count(&["--port", "7"]).0, 12);
    assert_eq!(count(&["--port", "7", "--seq", "3"]).0, 4);
    assert_eq!(count(&["--port", "7", "--from", "0ms", "--to", "1h"]).0, 12);
    assert_eq!(count(&["--to", "0s", "--protocol", "udp"]).0, 1, "the first to leave");
    for (args, said) in [
        (&["--protocol", "foo"][..], "it is one of tcp, udp, icmp"),
        (&["--seq", "9..3"], "write 3..9"),
        (&["--from", "5s", "--to", "1s"], "--to is before --from"),
    ] {
        let refused = ladder(&file, args).expect_code(2);
        assert!(refused.stdout.is_empty() && refused.stderr.contains(said), "{}", refused.stderr);
    }
    for args in
        [&["--seq", "999"][..], &["--protocol", "89"], &["--protocol", "0x88cc"], &["--port", "7", "--from", "1h"]]
    {
        let nothing = ladder(&file, args).expect_code(2).stderr;
        assert!(nothing.contains(&format!("none of {} frames is selected", frames.len())), "{nothing}");
    }
    let unknown = ladder(&file, &["--host", "d"]).expect_code(2);
    assert!(
        unknown.stderr.contains("there is no host \"d\"") && unknown.stderr.contains("it has a, r, b, c"),
        "{}",
        unknown.stderr
    );
}
