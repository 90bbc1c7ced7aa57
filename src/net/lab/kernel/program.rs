//! A program that runs in a host: what it is given, what it prints, and how it ends.
//!
//! A thread for each reads what it prints: shown line by line under the host's name, and kept from its start on.

use std::io::{self, IsTerminal, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::exec::ExecProgram as Process;
use crate::net::error::{Error, Result};
use crate::net::host::environment::environment;
use crate::net::host::kernel::wait_for;
use crate::net::host::notify::Notify;
use crate::net::host::stop::{Stage, Stop};
use crate::net::host::{Host, Waited, threads};
use crate::net::lab::LabHost;
use crate::net::lab::program::{Exit, ProgramLimit, ProgramLimits, ProgramOutput, ProgramPlan};
use crate::net::sys::{self, PollFd};
use crate::net::time::{Duration, Instant};

/// How much of what a program prints to a stream is kept, in bytes.
pub const KEPT: usize = 1 << 20;

/// A longer line is shown in pieces of this many bytes.
const LINE: usize = 1 << 16;

/// How often what is left in the pipes of a program that has ended is read: as often as a large one (fcntl(2), F_SETPIPE_SZ)
/// has to be to be empty.
const LAST_READS: usize = (1 << 20) / PIECE;

/// How much of what a program prints is read at once, in bytes.
const PIECE: usize = 1 << 14;

/// How long a program that is asked to end may take for it.
pub const GRACE: Duration = Duration::from_millis(500);

/// A program that was started. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Program(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    host: LabHost,
    process: Process,
    name: String,
    out: Mutex<ProgramOutput>,
    err: Mutex<ProgramOutput>,
    /// Notified of each piece of output, and of the end.
    news: Arc<Notify>,
    ended: AtomicBool,
    /// `None` while it runs, and if how it ended is not known.
    exit: Mutex<Option<Exit>>,
    limits: ProgramLimits,
    /// The limit that it was ended for.
    limit: Mutex<Option<ProgramLimit>>,
}

impl Program {
    /// Starts a program in `host`.
    ///
    /// # Errors
    /// `file`: there is no such program, or it may not be run; `exhausted`; `closed`: the lab has ended.
    pub fn start(host: &LabHost, mut plan: ProgramPlan) -> Result<Self> {
        let name = plan.command.argv[0].clone();
        let failed = |err: io::Error| Error::system("exec", &err).with_peer(&name);
        if plan.command.terminal {
            environment().flush();
            // Where there is none, it gets whatever stands in its place.
            plan.command.terminal = io::stdin().is_terminal();
            let (input, out, err) = (io::stdin(), io::stdout(), io::stderr());
            return Self::watch(host, &plan, [input.as_fd(), out.as_fd(), err.as_fd()], [None, None]);
        }
        let (input, writer) = io::pipe().map_err(failed)?;
        let (out, out_writer) = io::pipe().map_err(failed)?;
        let (err, err_writer) = io::pipe().map_err(failed)?;
        let theirs = [input.as_fd(), out_writer.as_fd(), err_writer.as_fd()];
        let this = Self::watch(host, &plan, theirs, [Some(out), Some(err)])?;
        if let Some(input) = plan.input {
            feed(writer, input);
        }
        Ok(this)
    }

    /// Starts the program on `stdio`, and the thread that reads what it prints until it has ended.
    fn watch(
        host: &LabHost,
        plan: &ProgramPlan,
        stdio: [BorrowedFd<'_>; 3],
        streams: [Option<PipeReader>; 2],
    ) -> Result<Self> {
        // The reading does not end before the program has ended.
        let never = Stop::root().map_err(|err| Error::system("exec", &err))?;
        let inner = Arc::new(Inner {
            host: host.clone(),
            process: host.start(&plan.command, stdio)?,
            name: plan.command.argv[0].clone(),
            out: Mutex::default(),
            err: Mutex::default(),
            news: Arc::default(),
            ended: AtomicBool::new(false),
            exit: Mutex::default(),
            limits: plan.command.limits.clone(),
            limit: Mutex::default(),
        });
        let (this, shown) = (Self(inner.clone()), plan.shown);
        let read = move || {
            inner.read(streams, shown, &never);
            inner.ended.store(true, Ordering::Release);
            inner.news.notify();
        };
        match threads::spawn("program", read) {
            Ok(_) => Ok(this),
            Err(err) => {
                let _ = this.0.process.kill();
                Err(Error::system("exec", &err))
            }
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Where it runs.
    pub fn host(&self) -> &LabHost {
        &self.0.host
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.0.ended.load(Ordering::Acquire)
    }

    /// How it ended; `None` while it runs, and if the lab ended before it.
    pub fn exit(&self) -> Option<Exit> {
        *lock(&self.0.exit)
    }

    /// The limit that it was ended for; `None`: none, or it runs.
    pub fn limit(&self) -> Option<ProgramLimit> {
        *lock(&self.0.limit)
    }

    /// What it has printed so far to standard output, and to standard error.
    pub fn printed(&self) -> (ProgramOutput, ProgramOutput) {
        (lock(&self.0.out).clone(), lock(&self.0.err).clone())
    }

    /// Waits until it has ended, until `until`, or until `stop` has reached `stage`.
    pub fn wait(&self, until: Option<Instant>, stop: &Stop, stage: Stage) -> Waited {
        self.wait_until(|| false, until, Some((stop, stage)))
    }

    /// Waits until it has printed `text`, to either stream; or has ended.
    pub fn wait_for(&self, text: &str, until: Instant, stop: &Stop) -> Waited {
        let seen = || self.has_printed(text);
        self.wait_until(seen, Some(until), Some((stop, Stage::Interrupted)))
    }

    /// Whether it has printed `text`, to either stream.
    pub fn has_printed(&self, text: &str) -> bool {
        let holds = |kept: &ProgramOutput| {
            !text.is_empty() && kept.bytes.windows(text.len()).any(|part| part == text.as_bytes())
        };
        holds(&lock(&self.0.out)) || holds(&lock(&self.0.err))
    }

    fn wait_until(&self, seen: impl Fn() -> bool, until: Option<Instant>, stop: Option<(&Stop, Stage)>) -> Waited {
        self.0.host.park(&self.0.news, until, stop, &mut || self.has_ended() || seen())
    }

    /// The signal that ends it as its user would. Ctrl-C, for what it has to say of its end is part of its output; but a shell on
    /// a terminal would only begin a new line: it ends as its terminal goes, and leaves that as it was.
    pub fn usual_end(&self) -> i32 {
        if self.0.process.has_terminal() { libc::SIGHUP } else { libc::SIGINT }
    }

    /// Whether the lab ended before the program, so that nothing is known of its end.
    pub fn lab_ended(&self) -> bool {
        self.has_ended() && self.exit().is_none()
    }

    /// Asks it to end with `signal`, and ends it if it takes longer than the grace. What it has left running ends too.
    ///
    /// # Errors
    /// `closed`: the lab has ended, and the program with it.
    pub fn end(&self, signal: i32) -> Result<()> {
        if self.has_ended() {
            // With a lab that has ended, nothing of it is left.
            let _ = self.0.process.kill();
            return Ok(());
        }
        self.0.process.signal(signal)?;
        let wait = || self.wait_until(|| false, Some(self.0.host.now() + GRACE), None);
        if wait() == Waited::Ready {
            return if self.lab_ended() { Ok(()) } else { self.0.process.kill() };
        }
        self.0.process.kill()?;
        wait();
        Ok(())
    }
}

impl Inner {
    /// Reads both streams until the program has ended, and what is left in them then.
    fn read(&self, streams: [Option<PipeReader>; 2], shown: bool, never: &Stop) {
        let [out, err] = streams;
        let mut streams = [
            Stream { pipe: out, kept: &self.out, line: Vec::new(), is_error: false },
            Stream { pipe: err, kept: &self.err, line: Vec::new(), is_error: true },
        ];
        let (mut over, mut reads) = (false, 0);
        let mut until = self.limits.time.map(|time| self.host.now() + Duration::from_nanos(time));
        while let Some((waited, [out, err, end])) = self.wait(&streams, over, until, never) {
            for (stream, _) in streams.iter_mut().zip([out, err]).filter(|(_, ready)| *ready) {
                stream.read(&self.host, shown);
            }
            self.news.notify();
            if end {
                // With the helper gone, nothing is known of its end.
                *lock(&self.exit) = self.process.try_wait().ok().flatten();
                let limit = self.process.limit();
                let mut known = lock(&self.limit);
                *known = known.or(limit);
                (over, until) = (true, None);
            } else if waited == Waited::TimedOut {
                self.end_for(ProgramLimit::Time);
                until = None;
            } else if self.limits.output.is_some_and(|most| self.printed() > most) {
                self.end_for(ProgramLimit::Output);
            }
            // What it has left running may go on printing without end.
            reads += usize::from(over);
            if reads > LAST_READS {
                break;
            }
        }
        streams.iter_mut().for_each(|stream| stream.finish(&self.host, shown));
    }

    /// How many bytes it has printed.
    fn printed(&self) -> u64 {
        [&self.out, &self.err].map(lock).iter().map(|kept| kept.bytes.len() as u64 + kept.excess).sum()
    }

    /// Ends it because it has reached this limit.
    fn end_for(&self, limit: ProgramLimit) {
        lock(&self.limit).get_or_insert(limit);
        // With the lab that has ended, it has.
        let _ = self.process.kill();
    }

    /// Waits for something to be read, for the program's end, or until `until`: which of the three first it is. If it is `over`, only
    /// what is there is read: whatever the program has left running may hold its output open, and that is not waited for.
    fn wait(
        &self,
        streams: &[Stream<'_>; 2],
        over: bool,
        until: Option<Instant>,
        never: &Stop,
    ) -> Option<(Waited, [bool; 3])> {
        let pipes = streams.each_ref().map(|stream| stream.pipe.as_ref().map(AsFd::as_fd));
        let of = [pipes[0], pipes[1], (!over).then(|| self.process.ended())];
        let fds = [never.wake_fd()].into_iter().chain(of.iter().flatten().copied());
        let mut fds: Vec<PollFd<'_>> = fds.map(PollFd::readable).collect();
        // A wait until now would not even look.
        let waited = match over {
            true => sys::ppoll(&mut fds, Some(Duration::ZERO)).is_ok_and(|ready| ready > 0).then_some(Waited::Ready),
            false => wait_for(&mut fds, until, never).ok().filter(|waited| *waited != Waited::Stopped),
        };
        let mut ready = fds[1..].iter().map(PollFd::is_ready);
        waited.map(|waited| (waited, of.map(|fd| fd.is_some() && ready.next() == Some(true))))
    }
}

/// A stream that is read.
struct Stream<'a> {
    pipe: Option<PipeReader>,
    kept: &'a Mutex<ProgramOutput>,
    /// What has been read of a line that has not ended.
    line: Vec<u8>,
    is_error: bool,
}

impl Stream<'_> {
    /// Reads what is there; at the end the pipe is closed.
    fn read(&mut self, host: &dyn Host, shown: bool) {
        let mut buffer = [0; PIECE];
        let read = self.pipe.as_mut().map_or(Ok(0), |pipe| pipe.read(&mut buffer));
        let data = match read {
            Ok(0) => {
                self.pipe = None;
                return;
            }
            Ok(n) => &buffer[..n],
            Err(err) if err.kind() == io::ErrorKind::Interrupted => return,
            Err(_) => {
                self.pipe = None;
                return;
            }
        };
        let mut kept = lock(self.kept);
        let room = data.len().min(KEPT - kept.bytes.len());
        kept.bytes.extend_from_slice(&data[..room]);
        kept.excess += (data.len() - room) as u64;
        drop(kept);
        if !shown {
            return;
        }
        self.line.extend_from_slice(data);
        // Whole lines, all at once.
        let whole = match self.line.iter().rposition(|&byte| byte == b'\n') {
            Some(last) => last + 1,
            None if self.line.len() > LINE => self.line.len(),
            None => return,
        };
        let rest = self.line.split_off(whole);
        self.show(host);
        self.line = rest;
    }

    /// Shows what is left of a line without an end.
    fn finish(&mut self, host: &dyn Host, shown: bool) {
        if shown && !self.line.is_empty() {
            self.show(host);
        }
    }

    fn show(&self, host: &dyn Host) {
        let text = String::from_utf8_lossy(&self.line);
        let (text, name) = (text.strip_suffix('\n').unwrap_or(&text), host.name().unwrap_or_default());
        environment().program_line(host.id(), name, text, self.is_error);
    }
}

/// Gives a program what it is to read; it may end before it has read all of it.
fn feed(mut writer: PipeWriter, input: Vec<u8>) {
    // On a thread of its own: the program may print more than a pipe holds before it reads. Without one, it reads nothing.
    let _ = threads::spawn("input", move || {
        let _ = writer.write_all(&input);
    });
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
