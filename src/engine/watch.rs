//! `--watch`: a script that is edited while it runs.
//!
//! When a file of it is saved, the new text is compiled and checked. If it is sound, the running script is ended, and the new
//! one takes its sockets over: those that it asks for in the same words (host, protocol, address, options) are the same
//! sockets, with what waits in them. Threads that serve a connection go on with the old code until the connection ends. If
//! the new text is not sound, the error is shown and the old script runs on.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::SystemTime;

use anyhow::Result;
use rhai::AST;

use super::check::check;
use super::programs::ScriptHost;
use super::run::{self, Job, exit};
use super::signals;
use super::sources::header;
use crate::bindings::context::{Context, Programs, Script, Server};
use crate::bindings::exit as exit_binding;
use crate::bindings::task::{STACK, finish};
use crate::net::error::{Error, ErrorKind};
use crate::net::host::Waited;
use crate::net::stop::{Reason, Stop, terminate_later};
use crate::net::time::Duration;
use crate::net::{output, prober, stack, sys};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How long a script that is to end may take before its successor starts.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

/// Files and what tells that they have changed.
type Seen = BTreeMap<String, Option<(SystemTime, u64)>>;

/// Runs `job`, and what its file becomes, until a signal comes; the exit code.
///
/// # Errors
/// The system has no descriptor or thread left.
pub fn run(job: &Job) -> Result<i32> {
    let host = Arc::new(ScriptHost::new());
    let base = run::context(&host, job)?;
    if !run::record(job, &base) {
        return Ok(exit::USAGE);
    }
    signals::stop_script(&base.stop);
    prober::warm_up(base.host.as_ref());
    let mut current: Option<Running> = None;
    let mut seen = look(std::slice::from_ref(&job.name));
    match sound(job) {
        Some((host, program)) => current = Some(Running::start(host, &program, job, &base, Vec::new())?),
        None => output::note(&format!("{}: it is run when it is saved without this error", job.name)),
    }
    loop {
        if let Some(running) =
            current.as_ref().filter(|running| running.is_done() && !running.told.swap(true, Ordering::Relaxed))
        {
            output::note(&format!("{}: it has ended; it is run again when it is saved", running.script.name));
        }
        let until = base.host.now() + LOOK;
        if base.host.wait(&mut [], Some(until), &base.stop)? == Waited::Stopped {
            break;
        }
        let files = current.as_ref().map_or(vec![job.name.clone()], |running| running.host.sources.names());
        let now = look(&files);
        let changed = |(file, state): (&String, &Option<_>)| {
            seen.get(file).is_some_and(|before| before != state) && state.is_some()
        };
        if !now.iter().any(changed) {
            seen.extend(now.into_iter().filter(|(file, _)| !seen.contains_key(file)).collect::<Vec<_>>());
            continue;
        }
        seen = now;
        let Ok((_, text)) = host.sources.open(&job.name) else { continue };
        let job = Job { text, ..job.clone() };
        let Some((host, program)) = sound(&job) else {
            output::note(&format!("{}: the script that ran goes on", job.name));
            continue;
        };
        let kept = current.take().map_or(Vec::new(), Running::hand_over);
        current = Some(Running::start(host, &program, &job, &base, kept)?);
        output::note(&format!("{}: taken over", job.name));
    }
    if let Some(running) = current {
        running.end();
    }
    let reason = signals::finish().unwrap_or(Reason::Ended);
    base.run.session.end(base.host.unix_nanos());
    base.run.session.account.policies().iter().for_each(|policy| output::note(&policy.to_string()));
    output::flush();
    Ok(signals::exit_code(reason))
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

/// The program of `job`, if nothing is wrong with it as far as that can be seen; what is wrong was told.
fn sound(job: &Job) -> Option<(Arc<ScriptHost>, AST)> {
    let found = check(&ScriptHost::for_checking(), &job.name, &job.text);
    if !found.is_empty() {
        found.iter().for_each(|message| output::note(message.trim_end()));
        return None;
    }
    // A host of its own: modules and policies are read anew.
    let host = Arc::new(ScriptHost::new());
    match host.compile(&job.name, &job.text) {
        Ok(program) => Some((host, program)),
        Err(error) => {
            output::note(host.describe_parse(&job.name, &error).trim_end());
            None
        }
    }
}

/// When the files were last written, and how long they are.
fn look(files: &[String]) -> Seen {
    let state = |file: &String| {
        let data = fs::metadata(file).ok()?;
        Some((data.modified().ok()?, data.len()))
    };
    files.iter().map(|file| (file.clone(), state(file))).collect()
}

/// A script that runs, as one of several that follow each other.
struct Running {
    host: Arc<ScriptHost>,
    script: Arc<Script>,
    context: Context,
    thread: JoinHandle<()>,
    told: AtomicBool,
    /// Whether another has taken its place.
    replaced: Arc<AtomicBool>,
}

impl Running {
    /// Starts a script, which finds `kept` sockets open.
    fn start(
        host: Arc<ScriptHost>,
        program: &AST,
        job: &Job,
        base: &Context,
        kept: Vec<(String, Server)>,
    ) -> Result<Self> {
        let script = Arc::new(Script {
            name: job.name.clone(),
            about: header(&job.text),
            args: job.args.clone(),
            main: true,
            has_options: false.into(),
            bound: Default::default(),
        });
        let programs: Arc<dyn Programs> = host.clone();
        let run = Arc::new(base.run.again(programs, kept));
        // The threads are beside the script, so that it can be ended without them.
        let lasting = base.stop.child()?;
        let context = Context {
            stop: lasting.child()?,
            lasting,
            run,
            script: script.clone(),
            serving: Arc::default(),
            ..base.clone()
        };
        let (inside, runner, program) = (context.clone(), host.clone(), program.clone());
        let replaced = Arc::new(AtomicBool::new(false));
        let is_replaced = replaced.clone();
        let body = move || {
            sys::sharpen_timers();
            stack::watch(STACK);
            let result = runner.run(&program, &inside);
            inside.script.bound.ready();
            if let Err(error) = &result
                && exit_binding::code(error).is_none()
                && !is_replaced.load(Ordering::Relaxed)
                && !inside.stop.is_stopped()
            {
                output::note(runner.describe(&inside.script.name, error, Some(&program)).trim_end());
            }
            finish(&Context { stop: inside.lasting.clone(), ..inside.clone() });
            output::flush();
        };
        let thread = std::thread::Builder::new().name("script".to_string()).stack_size(STACK).spawn(body)?;
        // What it did not ask for is closed once it waits for packets.
        let (script_again, run) = (script.clone(), context.run.clone());
        std::thread::Builder::new().name("kept".to_string()).spawn(move || {
            script_again.bound.wait(std::time::Duration::from_secs(10));
            let rest = std::mem::take(&mut *run.kept.lock().unwrap_or_else(PoisonError::into_inner));
            rest.iter().for_each(|(_, server)| server.close());
        })?;
        Ok(Self { host, script, context, thread, told: AtomicBool::new(false), replaced })
    }

    fn is_done(&self) -> bool {
        self.thread.is_finished()
    }

    /// Ends the script, but not the threads that serve a connection; its open sockets.
    fn hand_over(self) -> Vec<(String, Server)> {
        self.replaced.store(true, Ordering::Relaxed);
        let open = self.script.bound.servers();
        let kept = open.into_iter().filter_map(|(asked, server)| match server {
            Server::Udp(socket) => Some((asked, Server::Udp(socket))),
            Server::Tcp(listener) => listener.hand_over().map(|listener| (asked, Server::Tcp(listener))),
        });
        let kept: Vec<(String, Server)> = kept.collect();
        let serves = self.context.serving.load(Ordering::Relaxed);
        if !serves {
            stop(&self.context.stop);
        }
        let tasks = self.context.run.tasks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        tasks.iter().for_each(|task| task.end_unless_serving());
        // A moment for its last lines; one that serves a connection goes on beside its successor.
        let begun = std::time::Instant::now();
        let waits = || !self.is_done() && begun.elapsed() < PATIENCE;
        while waits() && !serves && !tasks.iter().any(|task| task.serves() && !task.is_done()) {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        kept
    }

    /// Waits for its end, which a signal has brought about.
    fn end(self) {
        let _ = self.thread.join();
    }
}

fn stop(stop: &Stop) {
    stop.interrupt(Reason::Ended);
    terminate_later(stop, Reason::Ended);
}
