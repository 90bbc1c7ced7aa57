//! How long it takes until the prompt answers: from the start of the process to the value of a first entry.
//!
//! `cargo bench --bench prompt` prints medians in ms, of the prompt, of a script of one line, and of `true`, which does
//! nothing: what starting a process takes here. Starts of all three alternate.
#![allow(missing_docs)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

const ROUNDS: usize = 50;

/// Milliseconds from the start of `command` to its first line; to its end if it prints none.
fn first_line(command: &mut Command, entry: &str) -> f64 {
    let start = Instant::now();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut keys = child.stdin.take().expect("a pipe");
    let _ = keys.write_all(entry.as_bytes());
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line or the end");
    let took = start.elapsed().as_secs_f64() * 1e3;
    drop(keys);
    child.wait().expect("it ends");
    took
}

fn main() {
    let binary = env!("CARGO_BIN_EXE_pingscript");
    let mut taken: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        taken[0].push(first_line(&mut Command::new(binary), "6 * 7\n"));
        taken[1].push(first_line(Command::new(binary).args(["-e", "6 * 7"]), ""));
        taken[2].push(first_line(&mut Command::new("true"), ""));
    }
    println!("from the start to the first answer, ms: median and highest of {ROUNDS}");
    for (what, taken) in ["the prompt", "a script", "true"].into_iter().zip(&mut taken) {
        taken.sort_by(f64::total_cmp);
        println!("{what:12} {:6.2} {:6.2}", taken[ROUNDS / 2], taken[ROUNDS - 1]);
    }
}
