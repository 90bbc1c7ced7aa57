//! The supervisor of a program: the process between the keeper and the program that all the program starts stays beneath,
//! whatever sessions and daemons it makes of itself. At the end it ends the whole tree.
//!
//! It is a copy of the keeper, made between fork(2) and execve(2) of the program, with one thread and without descriptors.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use super::processes::{ProcessUsage, beneath};
use super::sandbox::{KeptFiles, WRITABLE};
use crate::net::lab::protocol::{ProgramLimit, ProgramLimits};
use crate::net::sys::{self, ChildChange, News, Side};

/// What a supervisor is asked for: a signal for the program, or the end of the whole tree.
const END: i32 = 0;

/// How often the tree is looked through for what is still to be ended, a millisecond apart.
const LOOKS: u32 = 2_000;

/// How often what a program uses is looked at, in milliseconds, where it has limits.
const LOOK: i64 = 10;

/// What a supervisor is to do.
#[derive(Debug)]
pub(super) struct Supervision {
    /// Where the status of the program goes when it has ended.
    pub(super) status: File,
    /// Whether what it has started goes on then.
    pub(super) keeps: bool,
    pub(super) terminal: bool,
    pub(super) limits: ProgramLimits,
    /// Whether it has a disk of its own.
    pub(super) has_disk: bool,
    /// What is to be done with what it leaves in its working directory.
    pub(super) kept: Option<KeptFiles>,
}

/// Asks for `signal` to be sent to the program.
pub(super) fn signal(supervisor: i32, signal: i32) -> io::Result<()> {
    sys::ask_supervisor(supervisor, signal)
}

/// Asks for the end of the program and of all that it has started.
pub(super) fn end(supervisor: i32) -> io::Result<()> {
    sys::ask_supervisor(supervisor, END)
}

/// The bytes of a status: that of wait(2), and the number of the limit that was reached, from 1.
pub(super) fn status_bytes(status: i32, limit: Option<ProgramLimit>) -> [u8; 8] {
    let number = limit.map_or(0, |limit| limit as i32 + 1);
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&status.to_ne_bytes());
    bytes[4..].copy_from_slice(&number.to_ne_bytes());
    bytes
}

/// Splits this process: returns in the one that is to become the program, and not in its supervisor.
///
/// # Errors
/// The system starts no more processes.
pub(super) fn watch(supervision: &Supervision) -> io::Result<()> {
    sys::hold_signals();
    // Before there is a program, whose daemons would else have no parent here. Its copy inherits none of this.
    let _ = sys::adopt_orphans();
    match sys::fork() {
        Ok(Side::Child) => {
            sys::release_signals();
            Ok(())
        }
        Ok(Side::Parent(program)) => {
            let directory = supervision.kept.as_ref().map(|kept| kept.directory.as_fd());
            let kept: Vec<_> = [supervision.status.as_fd()].into_iter().chain(directory).collect();
            let _ = sys::close_all_but(&kept);
            sys::set_process_name(c"pingscript-exec");
            Supervisor { program, supervision, has_ended: false }.run();
            sys::exit_now(0)
        }
        Err(err) => {
            sys::release_signals();
            Err(err)
        }
    }
}

struct Supervisor<'a> {
    program: i32,
    supervision: &'a Supervision,
    has_ended: bool,
}

impl Supervisor<'_> {
    fn run(&mut self) {
        let limits = &self.supervision.limits;
        let is_watched = limits.cpu.is_some() || limits.memory.is_some() || limits.processes.is_some();
        loop {
            match sys::next_news(is_watched.then_some(LOOK)) {
                Some(News::Asked(END)) => self.end(None),
                Some(News::Asked(signal) | News::Other(signal)) if !self.has_ended => {
                    let _ = sys::send_signal(self.program, signal);
                }
                _ => {}
            }
            while let Some((pid, change)) = sys::news_of_children() {
                match change {
                    ChildChange::Ended(code) if pid == self.program => {
                        if !self.supervision.keeps {
                            end_all(self.program);
                        }
                        self.report(code, None);
                    }
                    // Nothing could resume it: the keys go to it.
                    ChildChange::Stopped if pid == self.program && self.supervision.terminal => {
                        let _ = sys::send_signal(-pid, libc::SIGCONT);
                    }
                    _ => {}
                }
            }
            if sys::has_no_child() {
                return;
            }
            if is_watched && let Some(limit) = ProcessUsage::now().over(limits) {
                self.end(Some(limit));
            }
        }
    }

    /// Ends the whole tree, because of a limit or because it was asked for.
    fn end(&mut self, limit: Option<ProgramLimit>) {
        if let Some(code) = end_all(self.program) {
            self.report(code, limit);
        }
    }

    /// Reports to the main process, which may have gone, how the program has ended.
    fn report(&mut self, code: i32, limit: Option<ProgramLimit>) {
        self.has_ended = true;
        let by_signal = match libc::WIFSIGNALED(code).then(|| libc::WTERMSIG(code)) {
            Some(libc::SIGXCPU) => Some(ProgramLimit::Cpu),
            Some(libc::SIGXFSZ) => Some(ProgramLimit::Disk),
            _ => None,
        };
        let is_full = self.supervision.has_disk && sys::is_full(WRITABLE);
        let kept = self.supervision.kept.as_ref().map_or(Ok(()), KeptFiles::keep);
        let limit = limit.or(by_signal).or((is_full || kept.is_err()).then_some(ProgramLimit::Disk));
        let _ = (&self.supervision.status).write_all(&status_bytes(code, limit));
    }
}

/// Ends everything beneath this process; the status of the program itself, if it had not ended before.
fn end_all(program: i32) -> Option<i32> {
    let mut status = None;
    let _ = sys::send_signal(-program, libc::SIGKILL);
    for _ in 0..LOOKS {
        if std::process::id() == 1 {
            // All of the namespace at once.
            let _ = sys::send_signal(-1, libc::SIGKILL);
        }
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
