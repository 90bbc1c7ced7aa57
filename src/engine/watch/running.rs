//! A script that runs as one of several that follow each other, and what it hands over to the next.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use rhai::AST;

use crate::bindings::context::{Asked, Context, Programs, Script, Server, Serving};
use crate::bindings::exit as exit_binding;
use crate::bindings::task::{STACK, Task, finish};
use crate::engine::programs::ScriptHost;
use crate::engine::run::{Job, script};
use crate::limits::stack;
use crate::net::sys;
use crate::net::tcp::{Listener, Poll};
use crate::terminal::output;

/// How long a script that is to end may take before its successor starts.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a script has to ask for the sockets it wants, until the others are closed.
const SETTLING: Duration = Duration::from_secs(10);

/// Sockets that are handed over, with what they were asked for as.
pub(super) type Sockets = Vec<(Asked, Server)>;

/// A script as it was compiled.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) host: Arc<ScriptHost>,
    pub(super) program: AST,
    pub(super) job: Job,
}

/// A version that runs.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) version: Version,
    script: Arc<Script>,
    context: Context,
    thread: JoinHandle<()>,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether another has taken its place.
    replaced: AtomicBool,
    /// Whether the script itself has ended; threads of it may run.
    over: AtomicBool,
    /// What it leaves because it failed before it had settled.
    left: Mutex<Sockets>,
}

impl Running {
    /// Starts a version, which finds `kept` sockets open.
    pub(super) fn start(version: Version, base: &Context, kept: Sockets) -> Result<Self> {
        let Version { host, program, job } = &version;
        let script = script(job);
        let programs: Arc<dyn Programs> = host.clone();
        let run = Arc::new(base.run.again(programs, kept));
        // The threads are beside the script, so that it can be ended without them.
        let lasting = base.stop.child()?;
        let context = Context {
            stop: lasting.child()?,
            lasting,
            run,
            script: script.clone(),
            serving: Arc::new(Serving::of_main()),
            ..base.clone()
        };
        let state = Arc::new(State::default());
        let (inside, runner, program, shared) = (context.clone(), host.clone(), program.clone(), state.clone());
        let body = move || {
            sys::set_timer_slack();
            stack::watch(STACK);
            run_through(&runner, &program, &inside, &shared);
        };
        let thread = std::thread::Builder::new().name("script".to_string()).stack_size(STACK).spawn(body)?;
        let (starting, run) = (script.clone(), context.run.clone());
        std::thread::Builder::new().name("kept".to_string()).spawn(move || {
            starting.bound.wait_settled(SETTLING);
            run.kept.settle();
        })?;
        Ok(Self { version, script, context, thread, state })
    }

    /// Whether it has ended, with all its threads.
    pub(super) fn is_done(&self) -> bool {
        self.thread.is_finished()
    }

    /// What it leaves because it failed before it had settled.
    pub(super) fn take_left(&self) -> Sockets {
        std::mem::take(&mut *self.state.left.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends the script, but not the threads that serve a connection; its open sockets, and its thread.
    pub(super) fn hand_over(self) -> (Sockets, JoinHandle<()>) {
        self.state.replaced.store(true, Ordering::Relaxed);
        let tasks = || self.context.run.tasks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let scripts: Vec<Arc<Script>> =
            tasks().iter().filter_map(|task| task.script().cloned()).chain([self.script.clone()]).collect();
        let polls: Vec<Poll> = scripts.iter().flat_map(|script| script.bound.polls()).collect();
        let (mut kept, mut moved): (Sockets, Vec<(Listener, Listener)>) = (self.take_left(), Vec::new());
        for (asked, server) in scripts.iter().flat_map(|script| script.bound.servers()) {
            // A lab ends with the script that made it, and so do the sockets in it.
            match server {
                _ if !asked.is_here() => {}
                Server::Udp(_) => kept.push((asked, server)),
                Server::Tcp(before) => {
                    if let Some(after) = before.hand_over() {
                        kept.push((asked, Server::Tcp(after.clone())));
                        moved.push((before, after));
                    }
                }
            }
        }
        // After the listeners: whoever takes a connection from one from now on sees both.
        self.context.serving.retire(&self.context.stop);
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            // It may start others meanwhile.
            let tasks = tasks();
            tasks.iter().for_each(Task::retire);
            let over = self.state.over.load(Ordering::Acquire) || self.context.serving.serves();
            if over && tasks.iter().all(|task| task.is_done() || task.serves()) {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        for poll in &polls {
            moved.iter().for_each(|(before, after)| poll.hand_over(before, after));
        }
        (kept, self.thread)
    }

    /// Waits for its end, which a signal has brought about.
    pub(super) fn end(self) {
        let _ = self.thread.join();
    }
}

/// Runs a script from its start to its end, on this thread.
fn run_through(host: &ScriptHost, program: &AST, context: &Context, state: &State) {
    let result = host.run(program, context);
    if let Err(error) = &result
        && exit_binding::code(error).is_none()
        && !state.replaced.load(Ordering::Relaxed)
        && !context.stop.is_stopped()
    {
        output::note(host.describe(&context.script.name, error, Some(program)).trim_end());
        if !context.script.bound.is_settled() {
            *state.left.lock().unwrap_or_else(PoisonError::into_inner) = context.run.kept.take_back();
        }
    }
    context.script.bound.ready();
    context.script.bound.settle();
    state.over.store(true, Ordering::Release);
    finish(&Context { stop: context.lasting.clone(), ..context.clone() });
    output::flush();
}
