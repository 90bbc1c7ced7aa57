//! Labs as users meet them: the scripts that ship, `pingscript lab`, programs in hosts, what they print, and what is left
//! when they end. Each as root and as an ordinary user, where that can make a difference.
//!
//! The hosts themselves are tested in `lab_hosts`, what links do to frames in `lab_links`.

mod common;

#[path = "labs/bad_input.rs"]
mod bad_input;
#[path = "labs/causes.rs"]
mod causes;
#[path = "labs/command.rs"]
mod command;
#[path = "labs/ends.rs"]
mod ends;
#[path = "labs/judges.rs"]
mod judges;
#[path = "labs/links.rs"]
mod links;
#[path = "labs/places.rs"]
mod places;
#[path = "labs/programs.rs"]
mod programs;
#[path = "labs/shipped.rs"]
mod shipped;
#[path = "labs/topologies.rs"]
mod topologies;

use common::{Cmd, Run, TempDir, nobodys_pingscript, pingscript};

/// `pingscript` with `args`, run by each user that a lab is tested as: the one who runs the tests and, if that is root, another.
fn by_each_user(args: &[&str], check: impl Fn(&str, Cmd)) {
    check("this user", pingscript(args));
    if common::sys::is_root() {
        let dir = TempDir::new();
        check("nobody", nobodys_pingscript(&dir, args));
    }
}

/// Runs a script that is given as text; it ends with `code`.
fn run_text(text: &str, code: i32) -> Run {
    pingscript(&["--seed", "1", "-e", text]).patience(std::time::Duration::from_secs(60)).run().expect_code(code)
}

/// Two hosts and a link, for scripts.
const PAIR: &str =
    "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\"); let link = net.link(a, b);\n";
