//! The ends of tasks: what they report, and what is waited for.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use rhai::{Dynamic, EvalAltResult};

use super::{Task, Tasks, lock};
use crate::bindings::callback::programs;
use crate::bindings::context::Context;
use crate::bindings::{context, exit};
use crate::net::error::{Error, ErrorKind};
use crate::net::host::stop::{Reason, Stage, terminate_later};

/// Reports an error, which is counted, on a thread of its own: what the words for it take, no packet is to wait for. What it
/// is in ends only after that.
pub(in crate::bindings) fn report_aside(what: &str, error: Box<EvalAltResult>) {
    let (context, error) = (context::current(), Arc::new(Mutex::new(Some(error))));
    let owner = context.script.clone();
    let kept = error.clone();
    let thrown = move || lock(&kept).take().map_or(Ok(Dynamic::UNIT), Err);
    // Where no thread is left, the packet waits.
    if Task::start(what.to_string(), context.clone(), owner, None, thrown).is_err()
        && let Some(error) = lock(&error).take()
    {
        context.run.failed.fetch_add(1, Ordering::Relaxed);
        let _ = programs().report(what, &error);
    }
}

/// Ends the threads of a script that has failed or called `exit`: their waits at once, what still runs half a second later.
pub fn end_threads(context: &Context) {
    if context.stop.interrupt(Reason::Ended) {
        terminate_later(&context.stop, Reason::Ended);
    }
}

/// Ends the tasks that a script started, when the script itself is at its end: waits for its threads, then stops the
/// scripts it started, and what else runs beside it.
pub(in crate::bindings) fn finish(context: &Context) {
    let own = || -> Vec<Task> {
        let all = Tasks::of(&context.run);
        all.into_iter().filter(|task| Arc::ptr_eq(&task.0.owner, &context.script)).collect()
    };
    // A thread may start others while it is waited for.
    let is_running = |task: &Task| task.0.is_awaited && !task.is_done();
    while context.stop.stage() < Stage::Terminated && own().iter().any(is_running) {
        for task in own().iter().filter(|task| is_running(task)) {
            task.wait(&*context.host, &context.stop, Stage::Terminated);
        }
    }
    let rest: Vec<Task> = own().into_iter().filter(|task| !task.is_done()).collect();
    for task in &rest {
        task.0.stop.interrupt(Reason::Ended);
        terminate_later(&task.0.stop, Reason::Ended);
    }
    for task in &rest {
        task.wait(&*context.host, &task.0.stop, Stage::Terminated);
    }
}

/// Waits for the tasks that are stopped already, so that they end before what they wait on does.
pub(in crate::bindings) fn wait_for_stopped(context: &Context) {
    let is_stopped = |task: &Task| !task.is_done() && task.0.stop.reason().is_some();
    // Not if this thread is to end itself, too.
    if context.stop.reason().is_none() {
        for task in Tasks::of(&context.run).into_iter().filter(is_stopped) {
            task.wait(&*context.host, &task.0.stop, Stage::Terminated);
        }
    }
}

/// That `join` was given something else than tasks.
pub(super) fn no_task() -> Error {
    Error::invalid("join", "an array of tasks is wanted")
        .with_hint("tasks are what start_thread(…) and start(…) return")
}

/// Whether a thread ended with `exit`, or because it was stopped: not for an error.
pub(super) fn is_end(error: &EvalAltResult) -> bool {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) | EvalAltResult::ErrorInModule(_, inner, _) => is_end(inner),
        EvalAltResult::ErrorTerminated(why, _) => why.is_unit(),
        EvalAltResult::ErrorRuntime(value, _) => {
            value.read_lock::<Error>().is_some_and(|error| error.kind == ErrorKind::Interrupted)
        }
        _ => exit::code(error).is_some(),
    }
}
