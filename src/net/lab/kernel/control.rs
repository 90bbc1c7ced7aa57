//! The main process's end of the helper: it starts it, asks, and notices when it is gone.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::helper::{self, LARGEST};
use super::refusal;
use crate::net::error::{Error, ErrorKind, Result};
use crate::net::host::environment::{environment, process};
use crate::net::host::stop::Stop;
use crate::net::host::{Host, ThisMachine};
use crate::net::lab::protocol::{Failure, HelperReply, Missing, Request};
use crate::net::sys::{self, PollFd};
use crate::net::time::Duration;

/// The connection to the helper of a lab.
#[derive(Debug)]
pub(in crate::net::lab) struct Control {
    line: Mutex<Line>,
    has_v6: bool,
    /// What programs in hosts go without.
    pub(in crate::net::lab) missing: Vec<Missing>,
}

#[derive(Debug)]
struct Line {
    /// `None` when the lab has ended or the helper is gone.
    socket: Option<OwnedFd>,
    helper: Child,
    /// Whether it was ended on purpose.
    ended: bool,
    /// Once it has happened, no reply is waited for long.
    stop: Option<Stop>,
}

/// Has labs start the binary at `path` as their helper, in place of the one that runs: for programs that use this library.
pub fn use_helper(path: PathBuf) {
    let _ = process().lab_helper.set(path);
}

/// How long the helper may take for a reply.
const PATIENCE: Duration = Duration::from_secs(20);

/// The same once the lab's stop has happened: a script's last lines are to run within the grace that it has then, and what
/// they ask for is done in milliseconds.
const LAST_PATIENCE: Duration = Duration::from_millis(200);

/// How long it may take to end.
const END: Duration = Duration::from_secs(2);

impl Control {
    /// Starts a helper and waits until it is ready. Once `stop` has happened, one that does not answer is given up soon.
    pub(in crate::net::lab) fn start(stop: Option<Stop>) -> Result<Self> {
        let failed = |err: &io::Error| Error::system("lab", err);
        let path = process().lab_helper.get().cloned().unwrap_or_else(|| PathBuf::from("/proc/self/exe"));
        let (ours, theirs) = sys::message_pair().map_err(|err| failed(&err))?;
        let mut command = Command::new(&path);
        command.arg0("pingscript").arg(helper::WORD).stdin(theirs).stdout(Stdio::null());
        let helper = command.spawn().map_err(|err| {
            // The root directory may be an empty one, without /proc and /dev/null.
            if err.kind() == io::ErrorKind::NotFound
                && let Some(refusal) = refusal::not_mounted()
            {
                return refusal.error();
            }
            let hint =
                "a lab is kept by a second process of this binary: can it be read, and may this user start more?";
            failed(&err).with_peer(path.display()).with_hint(hint)
        })?;
        // The command holds the helper's end, whose last copy closes when it dies.
        drop(command);
        let mut line = Line { socket: Some(ours), helper, ended: false, stop };
        match line.receive() {
            Ok((HelperReply::Ready(has_v6, missing), _)) => Ok(Self { line: Mutex::new(line), has_v6, missing }),
            Ok((HelperReply::Failed(failure), _)) => {
                line.end();
                Err(refusal::refused(&failure.step, failure.errno, &failure.text))
            }
            Ok(_) => Err(line.give_up()),
            Err(err) => Err(err),
        }
    }

    /// Asks for something, with descriptors, and waits for the reply and those that come with it.
    ///
    /// # Errors
    /// `closed`: the helper is gone, or the lab has ended; else what the helper says.
    pub(in crate::net::lab) fn ask(
        &self,
        op: &'static str,
        request: &Request,
        fds: &[BorrowedFd<'_>],
    ) -> Result<(HelperReply, Vec<OwnedFd>)> {
        let text = serde_json::to_vec(request).map_err(|err| Error::invalid(op, err.to_string()))?;
        environment().flush();
        let mut line = self.line();
        match line.send(&text, fds).and_then(|()| line.receive())? {
            (HelperReply::Failed(failure), _) => Err(error_of(op, &failure)),
            reply => Ok(reply),
        }
    }

    /// Whether the kernel has IPv6.
    pub(in crate::net::lab) fn has_v6(&self) -> bool {
        self.has_v6
    }

    /// Ends the helper and with it everything it has started.
    pub(in crate::net::lab) fn end(&self) {
        self.line().end();
    }

    /// Why something that the helper kept has ended without a word.
    pub(in crate::net::lab) fn why_gone(&self) -> Error {
        gone(self.line().ended)
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn send(&mut self, text: &[u8], fds: &[BorrowedFd<'_>]) -> Result<()> {
        let Some(socket) = &self.socket else { return Err(gone(self.ended)) };
        match sys::send_message(socket.as_fd(), text, fds) {
            Ok(()) => Ok(()),
            Err(err) if err.raw_os_error() == Some(libc::EMSGSIZE) || text.len() > LARGEST => {
                let error = Error::new(ErrorKind::TooLarge, "lab", "more than 200 kB were asked of its helper at once");
                Err(error.with_hint("give a program shorter arguments"))
            }
            Err(_) => Err(self.give_up()),
        }
    }

    fn receive(&mut self) -> Result<(HelperReply, Vec<OwnedFd>)> {
        let Some(socket) = &self.socket else { return Err(gone(self.ended)) };
        let mut buffer = [0; 4096];
        let mut until = ThisMachine.now() + PATIENCE;
        // That of the lab, and that of what asks: an entry of a prompt.
        let mut stops: Vec<Stop> = self.stop.iter().cloned().chain(Stop::of_thread()).collect();
        loop {
            match sys::receive_message(socket.as_fd(), &mut buffer) {
                Ok((len, fds)) if len > 0 => {
                    return match serde_json::from_slice(&buffer[..len]) {
                        Ok(reply) => Ok((reply, fds)),
                        Err(_) => Err(self.give_up()),
                    };
                }
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => {
                    let now = ThisMachine.now();
                    let count = stops.len();
                    stops.retain(|stop| !stop.is_stopped());
                    if stops.len() < count {
                        until = until.min(now + LAST_PATIENCE);
                    }
                    let left = until - now;
                    if left > Duration::ZERO {
                        let mut fds = vec![PollFd::readable(socket.as_fd())];
                        fds.extend(stops.iter().map(|stop| PollFd::readable(stop.wake_fd())));
                        let _ = sys::ppoll(&mut fds, Some(left));
                        continue;
                    }
                    // One that does not answer does not end by itself either.
                    let ended = self.ended;
                    self.end_within(Duration::ZERO);
                    self.ended = ended;
                    let error = Error::new(ErrorKind::Closed, "lab", "the lab's helper process does not answer");
                    return Err(error.with_hint("it was stopped, or the machine is very busy; the lab has ended"));
                }
                Err(err) if err.raw_os_error() == Some(libc::EMFILE) => {
                    return Err(Error::system("lab", &err));
                }
                _ => return Err(self.give_up()),
            }
        }
    }

    /// The helper is gone or talks nonsense: this is the end of the lab.
    fn give_up(&mut self) -> Error {
        let ended = self.ended;
        self.end();
        self.ended = ended;
        gone(ended)
    }

    fn end(&mut self) {
        self.end_within(END);
    }

    fn end_within(&mut self, patience: Duration) {
        self.ended = true;
        // Its end of the socket closes, and it ends. One that was stopped does not.
        if self.socket.take().is_some() {
            let until = ThisMachine.now() + patience;
            while matches!(self.helper.try_wait(), Ok(None)) {
                if ThisMachine.now() > until {
                    let _ = self.helper.kill();
                    let _ = self.helper.wait();
                }
                let _ = sys::ppoll(&mut [], Some(Duration::from_micros(200)));
            }
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.end();
    }
}

fn gone(ended: bool) -> Error {
    if ended {
        let error = Error::new(ErrorKind::Closed, "lab", "the lab has ended");
        return error.with_hint("its hosts are gone with it: make a new lab");
    }
    let error = Error::new(ErrorKind::Closed, "lab", "the lab's helper process ended");
    error.with_hint("something has killed it, and all hosts are gone with it: make a new lab")
}

fn error_of(op: &'static str, failure: &Failure) -> Error {
    if let Some(refused) = refusal::refused_later(op, failure) {
        return refused;
    }
    let error = match failure.errno {
        Some(errno) => Error::system(op, &io::Error::from_raw_os_error(errno)),
        None => Error::new(ErrorKind::System, op, ""),
    };
    let words = match (failure.text.as_str(), error.message.as_str()) {
        ("", words) | (words, "") => words.to_string(),
        (text, words) => format!("{words} ({text})"),
    };
    Error { message: if failure.step == op { words } else { format!("{}: {words}", failure.step) }, ..error }
}
