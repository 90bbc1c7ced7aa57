//! The engine of the playground prints what `pingscript --simulate` prints, to the byte, rows with frames included. These run where
//! `bash web/build` has made web/dist and there is a node that can suspend WebAssembly; `bash .ci/run --web` sees to both.

mod common;

use std::path::PathBuf;
use std::process::{Command, Output};

use common::{binary, pingscript, repo_root};

/// The engine's command line; `None`: it was not built.
fn engine() -> Option<PathBuf> {
    let script = repo_root().join("web/dist/run.mjs");
    let suspends = "process.exit(typeof WebAssembly.Suspending === 'function' ? 0 : 1)";
    let has_node = || Command::new("node").args(["-e", suspends]).output().is_ok_and(|output| output.status.success());
    let built = script.exists() && has_node();
    assert!(built || std::env::var_os("PINGSCRIPT_REQUIRE_PLAYGROUND").is_none(), "bash web/build, and node 25");
    built.then_some(script)
}

fn node(script: &PathBuf, args: &[&str]) -> Output {
    Command::new("node").arg(script).args(args).current_dir(repo_root()).output().expect("node runs")
}

#[test]
fn each_lab_and_pinger_that_ships_is_the_same_in_the_engine() {
    if engine().is_none() {
        return;
    }
    let seeds = std::env::var("PINGSCRIPT_PLAYGROUND_SEEDS").unwrap_or("7..7".to_string());
    let binary = binary();
    let run = node(&repo_root().join("web/test/same.mjs"), &[binary.to_str().expect("a path in UTF-8"), &seeds]);
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}\n{}", String::from_utf8_lossy(&run.stderr));
    assert!(said.lines().count() > 20 && said.ends_with("all the same\n"), "{said}");
}

#[test]
fn errors_options_and_checks_are_said_alike() {
    let Some(engine) = engine() else { return };
    for args in [
        &["-e", "6 * 7"][..],
        &["-e", "let x = 1; x.nothing()"],
        &["-e", "fn f(n) { f(n + 1) } f(0)"],
        &["-e", "throw \"it\""],
        &["-e", "exit(9)"],
        &["udp_ping", "--help"],
        &["udp_ping", "--cuont", "3"],
        &["no_such_script"],
        &["udp_ping", "--count", "3", "--policy", "every:n=2"],
        &["--change", "0s a-b loss=1", "labs/tcp_loss", "--count", "40"],
        &["udp_ping", "--count", "10", "--json", "x"],
        &["scripts/tcp_ping.rhai"],
        &["-e", "let t = start_thread(|| { sleep(1.s); 5 }); print(t.join()); sleep(100.s);"],
        &["-e", "udp::bind(\"127.0.0.1:0\").recv()"],
    ] {
        let flags = &["--simulate", "--seed", "3"];
        let native = pingscript(&[flags, args].concat()).run();
        let here = node(&engine, &[flags, args].concat());
        let timeless =
            |text: &str| text.lines().filter(|line| !line.starts_with("simulated: ")).collect::<Vec<_>>().join("\n");
        let (out, err) = (String::from_utf8_lossy(&here.stdout), String::from_utf8_lossy(&here.stderr));
        assert_eq!(
            (&*out, timeless(&err), here.status.code()),
            (&*native.stdout, timeless(&native.stderr), native.code),
            "{args:?}"
        );
    }
    let checked = node(&engine, &["--check", "--json", "scripts/udp_ping.rhai", "tests/hostile/no_such.rhai"]);
    let native = pingscript(&["--check", "--json", "scripts/udp_ping.rhai", "tests/hostile/no_such.rhai"]).run();
    assert_eq!(
        (String::from_utf8_lossy(&checked.stdout).into_owned(), checked.status.code()),
        (native.stdout, native.code)
    );
}
