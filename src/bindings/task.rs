//! Threads of a script, and scripts that it starts. What they share: [`super::counter`], [`super::channel`].

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::{Array, Dynamic, EvalAltResult, FnPtr, NativeCallContext};

pub use self::end::end_threads;
pub(super) use self::end::{finish, report_aside, wait_for_stopped};
use self::end::{is_end, no_task};
pub(super) use self::start::{Prepared, no_thread, prepare, refuse, start_beside, start_script};
use super::callback::{guarded, programs};
use super::context::{Context, Programs, Run, ScriptStart, Serving, WaitingFor};
use super::error::{OrRaise, ScriptResult, raise};
use super::{context, exit, loops};
use crate::net::error::{Error, ErrorKind};
use crate::net::host::Host;
use crate::net::host::notify::Notify;
use crate::net::host::stop::{Reason, Stage, Stop, terminate_later};
use crate::net::time::Duration;
use crate::terminal::output;
use std::net::SocketAddr;

mod end;
mod start;

/// The call that stands in a chain of calls where a thread's error is thrown again: it has been printed before. No script
/// can have a function of this name.
pub const JOIN: &str = "join()";

/// The same of `host.run(…)`.
pub const RUN: &str = "run()";

/// How long `join` waits for a task after the stop.
const LINGER: Duration = Duration::from_millis(300);

/// A thread of a script, or a script started by another. Clones are the same one.
#[derive(Clone)]
pub struct Task(Arc<Inner>);

struct Inner {
    name: String,
    stop: Stop,
    /// Whether it serves a connection.
    serving: Arc<Serving>,
    /// The script that started it.
    owner: Arc<ScriptStart>,
    /// The started script; `None` for a thread of the script itself.
    script: Option<Arc<ScriptStart>>,
    /// Whether the script waits for it at its end; the others end with the script.
    is_awaited: bool,
    done: Arc<Notify>,
    ended: AtomicBool,
    result: Mutex<Option<ScriptResult<Dynamic>>>,
}

impl Inner {
    fn new(name: String, context: &Context, owner: Arc<ScriptStart>, script: Option<Arc<ScriptStart>>) -> Self {
        Self {
            name,
            owner,
            is_awaited: script.is_none(),
            stop: context.stop.clone(),
            serving: context.serving.clone(),
            script,
            done: Arc::default(),
            ended: AtomicBool::new(false),
            result: Mutex::default(),
        }
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Task({})", self.0.name)
    }
}

impl Task {
    /// Starts a thread that runs `body` in `context`.
    fn start(
        name: String,
        context: Context,
        owner: Arc<ScriptStart>,
        script: Option<Arc<ScriptStart>>,
        body: impl FnOnce() -> ScriptResult<Dynamic> + Send + 'static,
    ) -> Result<Self, Error> {
        Self::new(name, &context, owner, script).launched(context, body)
    }

    /// The same, once a thread runs `body` in `context`.
    fn launched(
        self,
        context: Context,
        body: impl FnOnce() -> ScriptResult<Dynamic> + Send + 'static,
    ) -> Result<Self, Error> {
        let (inside, programs, run) = (self.clone(), programs(), context.run.clone());
        let (host, name) = (context.host.clone(), self.0.name.clone());
        let thread = host.start_thread(&name, true, Box::new(move || inside.run(&context, programs.as_ref(), body)));
        // Not kept: the thread gives its stack back when it ends, without anybody joining it.
        thread.map_err(|err| no_thread(&err))?;
        self.enlist(&run);
        Ok(self)
    }

    /// Something to be run in `context`.
    pub(super) fn new(
        name: String,
        context: &Context,
        owner: Arc<ScriptStart>,
        script: Option<Arc<ScriptStart>>,
    ) -> Self {
        Self(Arc::new(Inner::new(name, context, owner, script)))
    }

    /// One that ended before it began.
    pub(super) fn unserved(self) -> Self {
        *lock(&self.0.result) = Some(Ok(Dynamic::UNIT));
        self.0.ended.store(true, Ordering::Release);
        self
    }

    /// Has its script wait for it at its end.
    pub(super) fn enlist(&self, run: &Run) {
        let tasks = run.part::<Tasks>();
        let mut tasks = lock(&tasks.0);
        // Those that have ended are taken out when the list would grow, so that a start costs the same however many run.
        if tasks.len() == tasks.capacity() {
            tasks.retain(|task| !task.is_done());
        }
        tasks.push(self.clone());
    }

    /// Runs `body` as this task, on this thread.
    pub(super) fn run(&self, context: &Context, programs: &dyn Programs, body: impl FnOnce() -> ScriptResult<Dynamic>) {
        let entered = context::enter(context.clone());
        let result = loops::end(guarded(body), &context.stop);
        if let Err(error) = &result
            && !is_end(error)
        {
            // Reported now: its threads may run on, and `join` may never be called.
            context.run.failed.fetch_add(1, Ordering::Relaxed);
            programs.report(&self.0.name, error);
        }
        if let Some(script) = &self.0.script {
            script.bound.ready();
            if result.is_err() {
                end_threads(context);
            }
            finish(context);
        }
        drop(entered);
        // Its last lines; no one else may have anything to wait for.
        output::flush();
        *lock(&self.0.result) = Some(result);
        self.0.ended.store(true, Ordering::Release);
        self.0.done.notify();
    }

    /// Whether it has ended.
    pub fn is_done(&self) -> bool {
        self.0.ended.load(Ordering::Acquire)
    }

    /// What it is at.
    pub fn serving(&self) -> &Serving {
        &self.0.serving
    }

    /// What ends it.
    pub fn stop(&self) -> &Stop {
        &self.0.stop
    }

    /// The started script; `None` for a thread.
    pub fn script(&self) -> Option<&Arc<ScriptStart>> {
        self.0.script.as_ref()
    }

    /// Whether it is a started script, which ends with the script that started it.
    pub fn is_script(&self) -> bool {
        self.0.script.is_some()
    }

    /// Waits until a started script has set up what it needs: it waits for packets, or has ended; for at most `limit`.
    pub(super) fn set_up(&self, limit: Duration) {
        if let Some(script) = &self.0.script {
            script.bound.wait(&*context::current().host, limit);
        }
    }

    /// Waits a moment more for a task that is being stopped together with the one that waits for it, so that what it has
    /// to say of its end is in the account; whether it has ended.
    fn linger(&self, host: &dyn Host) -> bool {
        host.park(&self.0.done, Some(host.now() + LINGER), None, &mut || self.is_done());
        self.is_done()
    }

    /// Waits until it has ended or `stop` has reached `stage`; whether it has ended.
    pub fn wait(&self, host: &dyn Host, stop: &Stop, stage: Stage) -> bool {
        host.park(&self.0.done, None, Some((stop, stage)), &mut || self.is_done());
        self.is_done()
    }
}

/// Waits until a task has ended: what its closure or script returned, or the code that the script gave `exit`; `()` if this
/// script was stopped first. `by`: [`JOIN`] or [`RUN`].
///
/// # Errors
/// What the task threw; `closed`: it was joined before.
pub(super) fn outcome(ctx: &NativeCallContext, task: &Task, by: &str) -> ScriptResult<Dynamic> {
    let Context { host, stop, .. } = context::wait(WaitingFor::Pause);
    if !task.wait(&*host, &stop, Stage::Interrupted) && !task.linger(&*host) {
        return Ok(Dynamic::UNIT);
    }
    match lock(&task.0.result).take() {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) if is_end(&error) => {
            // `exit` in a thread ends the thread, and its code says nothing.
            let code = exit::code(&error).filter(|_| task.is_script());
            Ok(code.map_or(Dynamic::UNIT, |code| i64::from(code).into()))
        }
        Some(Err(error)) => {
            // The thread that joins it gets the error, and decides.
            context::current().run.failed.fetch_sub(1, Ordering::Relaxed);
            let source = ctx.call_source().unwrap_or_default().to_string();
            Err(EvalAltResult::ErrorInFunctionCall(by.into(), source, error, ctx.call_position()).into())
        }
        None => raise(ctx, Error::new(ErrorKind::Closed, "join", "the task was joined before")),
    }
}

/// The tasks of a run that were started and have not been waited for.
#[derive(Debug, Default)]
pub struct Tasks(Mutex<Vec<Task>>);

impl Tasks {
    /// Those of `run`.
    pub fn of(run: &Run) -> Vec<Task> {
        lock(&run.part::<Self>().0).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

functions! {
    pub fn api;
    object Task, "A thread of a script, or a script started by another.";

    /// Starts a thread that runs the closure. What the closure captured is copied at the start; sockets, counters, channels
    /// and other handles stay the same ones. The script waits for its threads at its end.
    ///
    /// An error in a thread is printed at once, with its line; `join` throws it again. The connections that its closure
    /// captured are then closed.
    ///
    /// Where the system starts no more threads, a client whose connection the closure captured is disconnected and counted
    /// (`listener.refused`), so that a server goes on; the task has then ended.
    ///
    /// Errors: `exhausted`: the system starts no more threads, and the closure serves no client.
    ///
    /// ```rhai
    /// let hits = counter();
    /// let tasks = [];
    /// for i in 0..4 { tasks.push(start_thread(|| hits.add(i))); }
    /// for task in tasks { task.join(); }
    /// expect(hits.value, 6);
    /// ```
    fn start_thread(ctx: NativeCallContext, closure: FnPtr) -> ScriptResult<Task> = {
        let Prepared { name, context, clients, body } = prepare(&ctx, closure);
        let owner = context.script.clone();
        let refused = Task::new(name.clone(), &context, owner.clone(), None);
        match Task::start(name, context, owner, None, body) {
            Err(error) if refuse(&clients, &error) => Ok(refused.unserved()),
            started => started.or_raise(&ctx),
        }
    };

    /// Starts another script beside this one, with the arguments it would get on the command line. It ends when this one
    /// does. The name is looked up in this script's directory, then among the scripts that came with pingscript.
    ///
    /// Errors: `file`: there is no such script; what its compilation reports; `exhausted`.
    ///
    /// ```rhai
    /// let server = start("udp_server.rhai", ["--listen", "127.0.0.1:0", "--quiet"]);
    /// print(`the server is at ${server.addr}`);
    /// expect(`${server.addr}`.starts_with("127.0.0.1:"), true);
    /// ```
    fn start as start(ctx: NativeCallContext, script: &str, args: Array) -> ScriptResult<Task> = {
        let now = context::current();
        start_script(&ctx, script, &args, now.host, &now.lasting)
    };

    /// Starts another script beside this one, without arguments.
    ///
    /// Errors: as `start` with arguments.
    ///
    /// ```rhai
    /// try { start("no_such_script.rhai"); } catch (e) { expect(e.kind, "file"); }
    /// ```
    fn start(ctx: NativeCallContext, script: &str) -> ScriptResult<Task> = start(ctx, script, Array::new());

    /// The address of the first socket that the started script bound; waits until there is one.
    ///
    /// Errors: `closed`: the script ended without binding a socket; `invalid`: the task is no script.
    ///
    /// ```rhai
    /// let server = start("udp_server.rhai", ["--listen", "127.0.0.1:0", "--quiet"]);
    /// expect(server.addr.ip, "127.0.0.1");
    /// ```
    get addr(ctx: NativeCallContext, task: &mut Task) -> ScriptResult<SocketAddr> = {
        let Some(script) = &task.0.script else {
            return raise(&ctx, Error::invalid("addr", "a thread has no address; only a started script has"));
        };
        // Not ended by an interrupt: binding takes a moment, and what follows needs the address.
        match script.bound.wait(&*context::current().host, Duration::from_secs(10)) {
            Some(addr) => Ok(addr),
            None => {
                let error = Error::new(ErrorKind::Closed, "addr", "it ended, or waits, without having bound a socket");
                raise(&ctx, error.with_peer(&script.name))
            }
        }
    };

    /// Waits until the task has ended; what its closure returned, or its script, or else the code that the script gave
    /// `exit`; `()` if this script was stopped first.
    ///
    /// Errors: what the task threw; `closed`: it was joined before.
    ///
    /// ```rhai
    /// let task = start_thread(|| 6 * 7);
    /// expect(task.join(), 42);
    /// ```
    fn join(ctx: NativeCallContext, task: Task) -> ScriptResult<Dynamic> = outcome(&ctx, &task, JOIN);

    /// Waits until all of these tasks have ended; what each has returned, in their order. After an interrupt it waits a moment for
    /// each, where a loop over them would end.
    ///
    /// Errors: as of one.
    ///
    /// ```rhai
    /// let tasks = [];
    /// for n in 1..=3 { tasks.push(start_thread(|| n * 10)); }
    /// expect(join(tasks), [10, 20, 30]);
    /// ```
    fn join as join_all(ctx: NativeCallContext, tasks: Array) -> ScriptResult<Array> = {
        let task = |one: Dynamic| one.try_cast::<Task>().ok_or_else(no_task);
        let tasks = tasks.into_iter().map(task).collect::<Result<Vec<Task>, Error>>().or_raise(&ctx)?;
        tasks.iter().map(|task| outcome(&ctx, task, JOIN)).collect()
    };

    /// Ends the task's waits; what still runs half a second later is terminated at its next operation.
    ///
    /// ```rhai
    /// let task = start_thread(|| sleep(1.h));
    /// task.stop();
    /// task.join();
    /// expect(task.is_done, true);
    /// ```
    fn stop(task: Task) = {
        task.0.stop.interrupt(Reason::Ended);
        terminate_later(&task.0.stop, Reason::Ended);
    };

    /// The threads and started scripts that run, the oldest first.
    ///
    /// ```rhai
    /// let task = start_thread(|| sleep(1.h));
    /// expect(tasks().len, 1);
    /// tasks()[0].stop();
    /// ```
    fn tasks() -> Array = {
        let tasks = Tasks::of(&context::current().run);
        tasks.into_iter().filter(|task| !task.is_done()).map(Dynamic::from).collect()
    };

    /// Whether the task has ended.
    ///
    /// ```rhai
    /// let task = start_thread(|| 1);
    /// task.join();
    /// expect(task.is_done, true);
    /// ```
    get is_done(task: &mut Task) -> bool = task.is_done();

    /// The task in words.
    ///
    /// ```rhai
    /// expect(`${start_thread(|| 1)}`.starts_with("thread started at "), true);
    /// ```
    fn to_string | to_debug(task: &mut Task) -> String = {
        let state = if task.is_done() { "ended" } else { "running" };
        match task.script().and_then(|script| script.bound.now()) {
            Some(addr) if !task.is_done() => format!("{} at {addr} ({state})", task.0.name),
            _ => format!("{} ({state})", task.0.name),
        }
    };
}
