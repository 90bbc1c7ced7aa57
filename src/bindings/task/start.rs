//! Starting: what a thread of a script, and a script beside it, are made of.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rhai::{Array, Dynamic, FnPtr, NativeCallContext};

use super::{Inner, Task, is_end};
use crate::bindings::body::returns;
use crate::bindings::callback::{Callback, programs};
use crate::bindings::context;
use crate::bindings::context::{Context, Run, ScriptStart, Serving};
use crate::bindings::convert::typed;
use crate::bindings::error::{OrRaise, ScriptResult, thrown};
use crate::bindings::print::note;
use crate::net::error::Error;
use crate::net::host::stop::Stop;
use crate::net::host::{Host, threads};
use crate::net::random::Sequence;
use crate::net::socket::tcp::Connection;
use crate::terminal::host_prefix;

/// What is said where the system starts no thread.
pub(in crate::bindings) fn no_thread(err: &std::io::Error) -> Error {
    Error::system("start_thread", err).with_hint(threads::remedy())
}

/// Disconnects the clients that a thread was to serve which could not be started, and counts them; whether there are any.
pub(in crate::bindings) fn refuse(clients: &[Connection], error: &Error) -> bool {
    for client in clients {
        client.session().refused.no_thread(client.local(), error);
        client.refuse();
    }
    !clients.is_empty()
}

/// What a thread of the script is made of.
pub(in crate::bindings) struct Prepared<F> {
    pub(in crate::bindings) name: String,
    pub(in crate::bindings) context: Context,
    /// The connections of clients among what the closure captured.
    pub(in crate::bindings) clients: Vec<Connection>,
    /// Calls the closure.
    pub(in crate::bindings) body: F,
}

/// Prepares a thread that is to run the closure, with what it captured copied. Should the closure fail, the connections that it
/// was given are closed: nothing else serves them.
pub(in crate::bindings) fn prepare(
    ctx: &NativeCallContext,
    closure: FnPtr,
) -> Prepared<impl FnOnce() -> ScriptResult<Dynamic> + Send + 'static> {
    // In a box: it would stand on the thread's stack.
    let callback = Box::new(Callback::new(ctx, closure).forwarded());
    // Before its thread begins: no one else would serve it.
    let mut clients = callback.captured::<Connection>();
    clients.retain(Connection::was_accepted);
    let context = context_of_thread(Serving::new(!clients.is_empty()));
    let name = named(ctx, "thread started", &context);
    let (run, place) = (context.run.clone(), name.clone());
    Prepared { name, context, clients, body: move || call(callback, &run, &place) }
}

/// Calls the closure of a thread.
fn call(mut callback: Box<Callback>, run: &Run, place: &str) -> ScriptResult<Dynamic> {
    let before = callback.looks();
    let result = callback.call([]);
    // One that gives back what it has made of a copy is joined for it.
    if let Ok(value) = &result {
        let given = |name: &String| callback.definition().is_some_and(|function| returns(function, name));
        let mut changed = callback.changed(&before);
        changed.retain(|name| value.is_unit() || !given(name));
        tell_of_copies(run, place, &changed);
    }
    if result.as_ref().is_err_and(|error| !is_end(error)) {
        callback.captured::<Connection>().iter().for_each(Connection::close);
    }
    result
}

/// The context of a thread that this one starts.
fn context_of_thread(serving: Serving) -> Context {
    let now = context::current();
    let (stop, random) = (now.lasting.task(), Arc::new(Sequence::new(now.random.split())));
    Context { stop: stop.clone(), lasting: stop, random, serving: Arc::new(serving), ..now }
}

/// What a thread is called: what it is, and the line that starts it.
fn named(ctx: &NativeCallContext, what: &str, context: &Context) -> String {
    match ctx.call_position().line() {
        Some(line) => format!("{what} at {}:{line}", ctx.call_source().unwrap_or(&context.script.name)),
        None => what.split(' ').next().unwrap_or(what).to_string(),
    }
}

/// Starts a thread that runs `body` beside the script and ends with it.
pub(in crate::bindings) fn start_beside(
    ctx: &NativeCallContext,
    what: &str,
    body: impl FnOnce() -> ScriptResult<Dynamic> + Send + 'static,
) -> Result<Task, Error> {
    let context = context_of_thread(Serving::default());
    let (name, owner) = (named(ctx, what, &context), context.script.clone());
    let task = Task(Arc::new(Inner { is_awaited: false, ..Inner::new(name, &context, owner, None) }));
    task.launched(context, body)
}

/// Reports, once in a run, that a thread has changed variables that are its own: the author may have meant to share them.
fn tell_of_copies(run: &Run, place: &str, names: &[String]) {
    let Some(name) = names.first() else { return };
    if !run.noted_copies.swap(true, Ordering::Relaxed) {
        note(&format!(
            "note: `{name}` was changed in the {place}, and there alone: what a closure captured is copied when its thread \
             starts\n  hint: threads share counter(), channel() and shared_map(); or have the closure return the value, and join it"
        ));
    }
}

/// Starts the script called `name` on `host`, beneath `above`.
pub(in crate::bindings) fn start_script(
    ctx: &NativeCallContext,
    name: &str,
    args: &Array,
    host: Arc<dyn Host>,
    above: &Stop,
) -> ScriptResult<Task> {
    let now = context::current();
    let programs = programs();
    let from = ctx.call_source().unwrap_or(&now.script.name).to_string();
    let (name, program) = programs.load(name, &from)?;
    let script = Arc::new(ScriptStart {
        about: String::new(),
        args: args.iter().map(typed).collect(),
        main: false,
        given: Default::default(),
        explained: Default::default(),
        bound: Default::default(),
        name: name.clone(),
    });
    let stop = above.child().map_err(|err| thrown(Error::system("start", &err), ctx.call_position()))?;
    let random = Arc::new(Sequence::new(now.random.split()));
    let serving = Arc::default();
    let context =
        Context { host, stop: stop.clone(), lasting: stop, random, serving, script: script.clone(), ..now.clone() };
    let inside = context.clone();
    let name = format!("script {name}");
    let run = move || {
        let value = programs.run(&program, &inside)?;
        if let Some(note) = inside.script.unread_arguments() {
            host_prefix::note(inside.host.as_ref(), &note);
        }
        Ok(value)
    };
    Task::start(name, context, now.script, Some(script), run).or_raise(ctx)
}
