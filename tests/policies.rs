//! Policies at work in servers: each verdict, native policies and files, same seed and same run, and what becomes of policies
//! that are wrong.

mod common;

#[path = "policies/failing.rs"]
mod failing;
#[path = "policies/seeds.rs"]
mod seeds;
#[path = "policies/state.rs"]
mod state;
#[path = "policies/verdicts.rs"]
mod verdicts;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, Instant};

use common::client::{ask, loopback, receive, socket};
use common::golden::assert_text;
use common::mask::mask_addrs;
use common::{Running, TempDir, pingscript};

/// The script that ships as `script`, in `dir`, on a free port.
fn start(dir: &TempDir, script: &str, more: &[&str]) -> Running {
    pingscript(&[&[script, "--listen", "127.0.0.1:0"], more].concat()).dir(dir.path()).start()
}

/// Sends the words of `asked` from one flow and checks what comes back, whatever the order of threads.
fn answered(what: &str, port: u16, asked: &str, answers: &str) {
    let (client, to) = (socket(), loopback(port));
    let expected: Vec<&str> = answers.split(' ').collect();
    for word in asked.split(' ') {
        client.send_to(word.as_bytes(), to).expect("cannot send");
    }
    let mut got: Vec<String> =
        expected.iter().map(|_| String::from_utf8_lossy(&receive(&client)).into_owned()).collect();
    // The answer to the last request may overtake those before it where several threads serve.
    let sorted = |mut words: Vec<String>| {
        words.sort();
        words
    };
    got = sorted(got);
    assert_eq!(got, sorted(expected.iter().map(ToString::to_string).collect()), "{what}");
    client.set_nonblocking(true).expect("it can");
    let more = client.recv(&mut [0; 9]);
    assert!(more.is_err(), "{what}: one answer too many");
}
