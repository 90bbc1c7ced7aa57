//! The supervisor of a program: the process between the keeper and the program that all the program starts stays beneath,
//! whatever sessions and daemons it makes of itself. At the end it ends the whole tree.
//!
//! It is a copy of the keeper, made between fork(2) and execve(2) of the program, with one thread and without descriptors.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use crate::net::sys::{self, ChildChange, News, Side};

/// What a supervisor is asked for: a signal for the program, or the end of the whole tree.
const END: i32 = 0;

/// How often the tree is looked through for what is still to be ended, a millisecond apart.
const LOOKS: u32 = 2_000;

/// Asks for `signal` to be sent to the program.
pub(super) fn signal(supervisor: i32, signal: i32) -> io::Result<()> {
    sys::ask_supervisor(supervisor, signal)
}

/// Asks for the end of the program and of all that it has started.
pub(super) fn end(supervisor: i32) -> io::Result<()> {
    sys::ask_supervisor(supervisor, END)
}

/// Splits this process: returns in the one that is to become the program, and not in its supervisor. The status of the program
/// goes to `status` when it has ended; `keeps`: what it has started goes on then.
///
/// # Errors
/// The system starts no more processes.
pub(super) fn watch(status: &File, keeps: bool, terminal: bool) -> io::Result<()> {
    sys::hold_signals();
    // Before there is a program, whose daemons would else have no parent here. Its copy inherits none of this.
    let _ = sys::adopt_orphans();
    match sys::fork() {
        Ok(Side::Child) => {
            sys::release_signals();
            Ok(())
        }
        Ok(Side::Parent(program)) => {
            let _ = sys::close_all_but(Some(status.as_fd()));
            sys::set_process_name(c"pingscript-exec");
            supervise(program, status, keeps, terminal);
            sys::exit_now(0)
        }
        Err(err) => {
            sys::release_signals();
            Err(err)
        }
    }
}

fn supervise(program: i32, mut status: &File, keeps: bool, terminal: bool) {
    let mut has_ended = false;
    loop {
        let news = sys::next_news(None);
        match news {
            Some(News::Asked(END)) => {
                if let Some(code) = end_all(program) {
                    has_ended = true;
                    report(&mut status, code);
                }
            }
            Some(News::Asked(signal) | News::Other(signal)) if !has_ended => drop(sys::send_signal(program, signal)),
            _ => {}
        }
        while let Some((pid, change)) = sys::news_of_children() {
            match change {
                ChildChange::Ended(code) if pid == program => {
                    has_ended = true;
                    if !keeps {
                        end_all(program);
                    }
                    report(&mut status, code);
                }
                // Nothing could resume it: the keys go to it.
                ChildChange::Stopped if pid == program && terminal => drop(sys::send_signal(-pid, libc::SIGCONT)),
                _ => {}
            }
        }
        if sys::has_no_child() {
            return;
        }
    }
}

/// Reports to the main process, which may have gone, how the program has ended.
fn report(status: &mut &File, code: i32) {
    let _ = status.write_all(&code.to_ne_bytes());
}

/// Ends everything beneath this process; the status of the program itself, if it had not ended before.
fn end_all(program: i32) -> Option<i32> {
    let mut status = None;
    let _ = sys::send_signal(-program, libc::SIGKILL);
    for _ in 0..LOOKS {
        for pid in beneath() {
            let _ = sys::send_signal(pid, libc::SIGKILL);
        }
        while let Some((pid, change)) = sys::news_of_children() {
            if let ChildChange::Ended(code) = change
                && pid == program
            {
                status = Some(code);
            }
        }
        if sys::has_no_child() {
            break;
        }
        let _ = sys::next_news(Some(1));
    }
    status
}

/// The processes beneath this one, by the numbers that signals take.
fn beneath() -> Vec<i32> {
    let Ok(all) = std::fs::read_dir("/proc") else { return Vec::new() };
    let all = all.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let mut rest: Vec<ProcessStatus> = all.filter_map(|pid| ProcessStatus::read(&pid.to_string())).collect();
    let Some(own) = ProcessStatus::read("self") else { return Vec::new() };
    let (mut found, mut at) = (vec![own], 0);
    while let Some(above) = found.get(at).map(|process| process.numbers[0]) {
        let (beneath, others) = rest.into_iter().partition(|process| process.parent == above);
        rest = others;
        found.extend::<Vec<_>>(beneath);
        at += 1;
    }
    let level = found[0].numbers.len() - 1;
    found[1..].iter().filter_map(|process| process.numbers.get(level).copied()).collect()
}

/// A process, as /proc shows it.
#[derive(Debug)]
struct ProcessStatus {
    parent: i32,
    /// Its numbers, from the namespace whose processes /proc shows, which may be one further out than that of this process,
    /// to its own.
    numbers: Vec<i32>,
}

impl ProcessStatus {
    fn read(pid: &str) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
    }

    fn parse(status: &str) -> Option<Self> {
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        let numbers = field("NSpid:")?.split_whitespace().map(|number| number.parse().ok());
        let numbers: Vec<i32> = numbers.collect::<Option<_>>()?;
        Some(Self { parent: field("PPid:")?.trim().parse().ok()?, numbers }).filter(|this| !this.numbers.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_a_number_in_each_namespace() {
        let status = "Name:\tPPid: 1\nTgid:\t70\nPid:\t70\nPPid:\t60\nNSpid:\t70\t5\t2\nThreads:\t1\n";
        let process = ProcessStatus::parse(status).expect("a process");
        assert_eq!((process.parent, &process.numbers[..]), (60, &[70, 5, 2][..]));
        for end in 0..status.len() {
            let _ = ProcessStatus::parse(&status[..end]);
        }
        assert!(ProcessStatus::parse("PPid:\t1\nNSpid:\n").is_none());
        let own = ProcessStatus::read("self").expect("this one");
        assert_eq!(own.numbers.last(), Some(&(std::process::id() as i32)));
    }

    #[test]
    fn what_is_beneath_this_process_is_found() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("a child");
        assert!(beneath().contains(&(child.id() as i32)));
        child.kill().and_then(|()| child.wait()).expect("its end");
    }
}
