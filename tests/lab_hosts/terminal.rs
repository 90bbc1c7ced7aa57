//! A shell of a host on the user's terminal.

use std::os::fd::AsFd;

use pingscript::net::lab::Options;
use pingscript::net::lab::kernel::exec::{Exit, ProgramCommand};

use crate::common::{Cmd, TempDir};
use crate::fixture::{command, has, host, lab, wait};

#[test]
fn a_shell_has_the_terminal_and_gives_it_back() {
    if lab(&Options::default()).is_none() || !has("bash", "a shell in a lab") {
        return;
    }
    let dir = TempDir::new();
    let tests = std::env::current_exe().expect("this test's own file");
    let words = ["--exact", "terminal::a_main_process_on_a_terminal", "--nocapture"];
    let mut running = Cmd::new(&tests, &words).env(SHELL, "1").dir(dir.path()).error_on_terminal().start_on_terminal();
    running.wait_for("ready$ ");
    // The answer differs from what was typed and echoed.
    running.type_text("echo $(hostname)-$((1 + 1))\n");
    running.wait_for("a-2\nready$ ");
    running.type_text("sh -c 'echo go; exec sleep 1000'\n");
    running.wait_for("\ngo\n");
    running.press_ctrl_c();
    running.wait_for("^C\nready$ ");
    running.type_text("echo \"status $?\"\n");
    running.wait_for("status 130\nready$ ");
    // Job control works.
    running.type_text("sleep 1000 & jobs; kill %1; wait; echo over\n");
    running.wait_for("\nover\nready$ ");
    running.type_text("trap 'echo int' INT; exit 3\n");
    running.wait_for("the shell ended: Code(3)");
    // Ctrl-Z would leave a program by itself stopped with no one to let it go on.
    running.wait_for("started");
    running.type_text("\x1a");
    running.wait_for("^Z");
    running.type_text("a line\n");
    running.wait_for("got a line");
    running.type_text("a line for the main process\n");
    running.wait_for("read: a line for the main process");
    running.finish().expect_code(0);
}

/// Not a test by itself: the main process of the one above.
#[test]
fn a_main_process_on_a_terminal() {
    if std::env::var_os(SHELL).is_none() {
        return;
    }
    let lab = lab(&Options::default()).expect("a lab");
    let (input, output, error) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let a = host(&lab, "a");
    let start = |words: &[&str]| {
        let variable = |name: &str, value: &str| (name.to_string(), Some(value.to_string()));
        let env = vec![variable("PS1", "ready$ "), variable("TERM", "dumb")];
        let command = ProgramCommand { terminal: true, env, ..command(words) };
        a.start(&command, [input.as_fd(), output.as_fd(), error.as_fd()]).expect("a shell")
    };
    let shell = start(&["bash", "--norc", "--noprofile", "-i"]);
    let exit = wait(&shell).expect("it ends");
    println!("the shell ended: {exit:?}");
    assert_eq!(exit, Exit::Code(3));
    let program = start(&["sh", "-c", "echo started; read x; echo got $x"]);
    let exit = wait(&program).expect("it ends");
    assert_eq!(exit, Exit::Code(0));
    let mut line = String::new();
    input.read_line(&mut line).expect("the terminal is this process's again");
    println!("read: {line}");
}

/// Has [`a_main_process_on_a_terminal`] to start its shell.
const SHELL: &str = "PINGSCRIPT_TEST_LAB_SHELL";
