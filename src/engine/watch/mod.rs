//! `--watch`: a script that is edited while it runs.
//!
//! When a file of it is saved, the new text is compiled and checked. If the new text is not sound, the error is shown and the old
//! script runs on. If it is sound, the running script is ended, and the new one runs. Sockets that it asks for by the same host,
//! protocol and address are the same sockets. Threads of the old one that serve clients go on until these have left: loops that call
//! a handler call the newest ([`crate::bindings::context::Reload`]), loops of the script itself go on as they began.

use std::sync::Arc;

use anyhow::Result;

use self::files::Files;
use self::running::{Elder, RunningScript, ScriptVersion, Sockets};
use super::check::check;
use super::programs::ScriptHost;
use super::recording;
use super::run::{self, Job, exit};
use super::signals;
use super::sources::Sources;
use crate::bindings::context::{Context, Newest};
use crate::net::error::{Error, ErrorKind};
use crate::net::host::Waited;
use crate::net::host::stop::Reason;
use crate::net::socket::prober;
use crate::net::time::Duration;
use crate::terminal::output;

mod files;
mod running;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Runs `job`, and what its file becomes, until a signal comes; the exit code.
///
/// # Errors
/// The system has no descriptor or thread left.
pub fn run(job: &Job) -> Result<i32> {
    let host = Arc::new(ScriptHost::new());
    if let Some(error) = host.compile(&job.name, &job.text).ok().and_then(|ast| run::unknown_option(&ast, &job.args)) {
        return Ok(run::refuse(&error));
    }
    let base = run::context(&host, job)?;
    if !recording::record(job, &base, None) {
        return Ok(exit::USAGE);
    }
    run::heed_signals(&base)?;
    prober::warm_up(base.host.as_ref());
    let mut watch = WatchLoop::new(job.clone(), base);
    // Before it is read once more: what is written from here on shows.
    watch.files.follow(&job.name, || true);
    watch.change(std::slice::from_ref(&job.name))?;
    loop {
        watch.look_after()?;
        let until = watch.base.host.now() + LOOK;
        if watch.base.host.wait(&mut [], Some(until), &watch.base.stop)? == Waited::Stopped {
            break;
        }
        let news = watch.files.look();
        for name in &news.gone {
            output::note(&format!("{name}: it is gone; {}", watch.what_goes_on("until it is there again")));
        }
        if !news.written.is_empty() {
            watch.change(&news.written)?;
        }
    }
    let base = watch.end();
    let reason = signals::finish().unwrap_or(Reason::Ended);
    base.run.session.end(base.host.unix_nanos());
    base.run.session.loss_report.policies().iter().for_each(|policy| output::note(&policy.to_string()));
    output::flush();
    Ok(exit::of_signal(reason))
}

/// Why `name`, a script that came with pingscript or standard input, cannot be watched.
pub fn not_a_file(name: &str) -> Error {
    let error = Error::new(ErrorKind::Invalid, "watch", "only a file can be edited while it runs");
    if name == "-" {
        return error.with_peer("standard input").with_hint("save the script, and name its file");
    }
    let plain = name.trim_start_matches("scripts/").trim_end_matches(".rhai");
    error.with_peer(plain).with_hint(format!("`pingscript new {plain}` writes a copy that can be edited"))
}

/// A script that is watched.
struct WatchLoop {
    job: Job,
    base: Context,
    files: Files,
    current: Option<RunningScript>,
    /// The version before, for one that fails at its start.
    before: Option<ScriptVersion>,
    /// Whether it was reported that the current one has ended.
    reported: bool,
    /// Those before that still serve clients.
    elders: Vec<Elder>,
    /// The newest version, and how many were started.
    newest: Newest,
    started: u64,
}

impl WatchLoop {
    fn new(job: Job, base: Context) -> Self {
        let (files, newest) = (Files::default(), Newest::default());
        Self { job, base, files, current: None, before: None, reported: false, elders: Vec::new(), newest, started: 0 }
    }

    /// Follows what the running script has read, and notices its end.
    fn look_after(&mut self) -> Result<()> {
        let Some(running) = &self.current else { return Ok(()) };
        // Before it is reported that the script has ended: those who wait for that may save a file at once.
        let ended = running.is_done();
        running.look_after();
        self.files.follow_all(&running.version.host.sources);
        if !ended || self.reported {
            return Ok(());
        }
        let name = &self.job.name;
        if let Some(note) = running.unread_arguments() {
            output::note(&note);
        }
        let left = running.take_left();
        if let Some(before) = self.before.take().filter(|_| !left.is_empty()) {
            output::note(&format!("{name}: the script that ran before goes on, with its sockets"));
            return self.start(before, left);
        }
        output::note(&format!("{name}: it has ended; it is run again when it is saved"));
        self.reported = true;
        Ok(())
    }

    /// Runs what the script has become now that `written` were written, if nothing is wrong with it.
    fn change(&mut self, written: &[String]) -> Result<()> {
        match self.sound(written) {
            Some(version) => {
                self.files.keep(&self.job.name);
                let first = self.current.is_none();
                let (mut kept, mut before) = (Sockets::new(), None);
                if let Some(running) = self.current.take() {
                    before = Some(running.version.clone());
                    let (sockets, elder) = running.hand_over();
                    kept = sockets;
                    self.elders.retain(|elder| !elder.is_done());
                    self.elders.push(elder);
                }
                self.start(version, kept)?;
                self.before = before;
                if !first {
                    output::note(&format!("{}: reloaded{}", self.job.name, self.left_behind()));
                }
            }
            None => output::note(&format!(
                "{}: {}",
                self.job.name,
                self.what_goes_on("when it is saved without this error")
            )),
        }
        Ok(())
    }

    /// How many clients the code before goes on with.
    fn left_behind(&self) -> String {
        match self.elders.iter().map(Elder::clients).sum::<usize>() {
            0 => String::new(),
            clients => format!(
                "; {} with the old code: a loop of the script serves {}\n  \
                 hint: tcp::serve and handle_events call the newest handler",
                if clients == 1 { "1 client stays".to_string() } else { format!("{clients} clients stay") },
                if clients == 1 { "it" } else { "them" },
            ),
        }
    }

    fn start(&mut self, version: ScriptVersion, kept: Sockets) -> Result<()> {
        self.started += 1;
        self.current = Some(RunningScript::start(version, &self.base, kept, (&self.newest, self.started))?);
        self.reported = false;
        Ok(())
    }

    /// What happens as long as there is nothing sound to run, and `until` then.
    fn what_goes_on(&self, until: &str) -> String {
        match &self.current {
            Some(running) if !running.is_done() => "the script that ran goes on".to_string(),
            _ => format!("it is run {until}"),
        }
    }

    /// The files to be checked: the script, and those of it that are not as they were when it began to run.
    fn to_check(&self, written: &[String]) -> Vec<String> {
        let mut names = vec![self.job.name.clone()];
        let sources = self.current.as_ref().map(|running| running.version.host.sources.clone());
        let changed = |sources: Arc<Sources>| sources.names().into_iter().filter(move |name| !sources.is_current(name));
        for name in written.iter().cloned().chain(sources.into_iter().flat_map(changed)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The script as it is now, if nothing is wrong with it as far as that can be seen; what is wrong was reported.
    fn sound(&mut self, written: &[String]) -> Option<ScriptVersion> {
        let host = ScriptHost::for_checking();
        let mut right = true;
        let mut text = String::new();
        for name in self.to_check(written) {
            let name = &name;
            let found = match host.sources.open(name) {
                Ok((_, text)) if text.trim().is_empty() => vec![format!("{name}: it is empty")],
                Ok((_, read)) => {
                    let found = check(&host, name, &read);
                    if *name == self.job.name {
                        text = read;
                    }
                    found
                }
                Err(error) => vec![format!("error: {error}")],
            };
            found.iter().for_each(|message| output::note(message.trim_end()));
            right &= found.is_empty();
        }
        // What it looks for and is not there may be written next.
        self.files.follow_all(&host.sources);
        let job = Job { text, ..self.job.clone() };
        // A host of its own: modules and policies are read anew.
        let host = right.then(|| Arc::new(ScriptHost::new()))?;
        match host.compile(&job.name, &job.text) {
            Ok(program) => Some(ScriptVersion { host, program, job }),
            Err(error) => {
                output::note(host.describe_parse(&job.name, &error).text.trim_end());
                None
            }
        }
    }

    /// Waits for the end, which a signal has brought about.
    fn end(self) -> Context {
        if let Some(running) = self.current {
            running.end();
        }
        self.elders.into_iter().for_each(Elder::end);
        self.base
    }
}
