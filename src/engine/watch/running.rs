//! A script that runs as one of several that follow each other, and what it hands over to the next.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use rhai::{AST, ASTNode, Expr, FnPtr, Position, Stmt};

use crate::bindings::context::{
    Context, Handlers, HandoverRequest, Newest, Programs, Reload, ScriptStart, ServerKind, Serving, end,
};
use crate::bindings::exit as exit_binding;
use crate::bindings::finish;
use crate::bindings::task::{Task, Tasks};
use crate::engine::programs::ScriptHost;
use crate::engine::rewrite;
use crate::engine::run::{Job, script};
use crate::net::host::stop::Stop;
use crate::net::host::threads;
use crate::terminal::output;

/// How long a script that is to end may take before its successor starts.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a script has to ask for the sockets it wants, until the others are closed.
const SETTLING: Duration = Duration::from_secs(10);

/// Sockets that are handed over, with what they were asked for as.
pub(super) type Sockets = Vec<(HandoverRequest, ServerKind)>;

/// A script as it was compiled.
#[derive(Clone, Debug)]
pub(super) struct ScriptVersion {
    pub(super) host: Arc<ScriptHost>,
    pub(super) program: AST,
    pub(super) job: Job,
}

/// The closures that `program` gives to serve loops, with the places of the calls, in their order.
fn handlers(program: &AST) -> Handlers {
    let found = RefCell::new(Vec::new());
    rewrite::has(program, &|node| {
        if let ASTNode::Expr(Expr::FnCall(call, pos)) | ASTNode::Stmt(Stmt::FnCall(call, pos)) = node
            && ["serve", "handle_events"].contains(&call.name.as_str())
            && let Some(closure) = call.args.last().and_then(closure)
        {
            found.borrow_mut().push((*pos, closure));
        }
        false
    });
    let mut found = found.into_inner();
    found.sort_by_key(|(pos, _): &(Position, FnPtr)| (pos.line(), pos.position()));
    Arc::new(found)
}

/// The closure that an expression is, whatever it captures.
fn closure(expr: &Expr) -> Option<FnPtr> {
    let mut found = None;
    expr.walk(&mut Vec::new(), &mut |path| {
        if let Some(ASTNode::Expr(Expr::DynamicConstant(value, _))) = path.last() {
            found = value.read_lock::<FnPtr>().map(|closure| closure.clone());
        }
        found.is_none()
    });
    found
}

/// A version that runs.
#[derive(Debug)]
pub(super) struct RunningScript {
    pub(super) version: ScriptVersion,
    script: Arc<ScriptStart>,
    context: Context,
    thread: JoinHandle<()>,
    state: Arc<State>,
    begun: Instant,
}

#[derive(Debug, Default)]
struct State {
    /// Whether the script itself has ended; threads of it may run.
    over: AtomicBool,
    /// What it leaves because it failed before it had settled.
    left: Mutex<Sockets>,
}

impl RunningScript {
    /// Starts a version, the one of this `number` since the beginning, which finds `kept` sockets open.
    pub(super) fn start(
        version: ScriptVersion,
        base: &Context,
        kept: Sockets,
        (newest, number): (&Newest, u64),
    ) -> Result<Self> {
        let ScriptVersion { host, program, job } = &version;
        let script = script(job);
        let programs: Arc<dyn Programs> = host.clone();
        let reload = Reload::new(newest, number, handlers(program), job.text.clone());
        let run = Arc::new(base.run.again(programs, kept, reload));
        // The threads are beside the script, so that it can be ended without them.
        let lasting = base.stop.child()?;
        let context = Context {
            stop: lasting.child()?,
            lasting,
            run,
            script: script.clone(),
            serving: Arc::new(Serving::of_main()),
            group: Arc::default(),
            ..base.clone()
        };
        let state = Arc::new(State::default());
        let (inside, runner, program, shared) = (context.clone(), host.clone(), program.clone(), state.clone());
        let body = move || {
            run_through(&runner, &program, &inside, &shared);
        };
        let thread = threads::spawn_script("script", body)?;
        Ok(Self { version, script, context, thread, state, begun: Instant::now() })
    }

    /// Whether it has ended, with all its threads.
    pub(super) fn is_done(&self) -> bool {
        self.thread.is_finished()
    }

    /// That it has not read its arguments, once it has ended.
    pub(super) fn unread_arguments(&self) -> Option<String> {
        self.script.unread_arguments()
    }

    /// Does not wait for ever until it has asked for the sockets it wants.
    pub(super) fn look_after(&self) {
        if self.begun.elapsed() > SETTLING && self.script.bound.settle() {
            self.context.run.settled();
        }
    }

    /// What it leaves because it failed before it had settled.
    pub(super) fn take_left(&self) -> Sockets {
        std::mem::take(&mut *self.state.left.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends the script, but not the threads that serve clients; its open sockets, and what goes on of it.
    pub(super) fn hand_over(self) -> (Sockets, Elder) {
        let tasks = || Tasks::of(&self.context.run);
        let scripts: Vec<Arc<ScriptStart>> =
            tasks().iter().filter_map(|task| task.script().cloned()).chain([self.script.clone()]).collect();
        // A lab ends with the script that made it, and so do the sockets in it.
        let open = || scripts.iter().flat_map(|script| script.bound.servers()).filter(|(asked, _)| asked.is_here());
        // Before it may end: it would close them.
        let mut kept: Sockets = self.take_left().into_iter().chain(open()).collect();
        if let Some(reload) = &self.context.run.reload {
            reload.replace();
        }
        add(&mut kept, open());
        let begun = Instant::now();
        loop {
            // It may start others meanwhile.
            let tasks = tasks();
            let threads = tasks.iter().map(|task| (task.serving(), task.stop(), task.is_done()));
            let main = (&*self.context.serving, &self.context.stop, self.state.over.load(Ordering::Acquire));
            let is_over = |(serving, stop, is_done): (&Serving, &Stop, bool)| {
                if let Some(poll) = serving.poll() {
                    kept.iter().for_each(|(_, server)| server.leave(&poll));
                }
                let serves = serving.serves();
                if !serves {
                    end(stop);
                }
                serves || is_done
            };
            // Each of them, whatever the others are at.
            if threads.chain([main]).map(is_over).fold(true, |all, one| all & one) || begun.elapsed() > PATIENCE {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        // Where it has not come to them yet.
        add(&mut kept, self.context.run.handover.take_back());
        let Self { context, thread, .. } = self;
        (kept, Elder { context, thread })
    }

    /// Waits for its end, which a signal has brought about.
    pub(super) fn end(self) {
        let _ = self.thread.join();
    }
}

/// Adds those of `more` that are not among the sockets.
fn add(sockets: &mut Sockets, more: impl IntoIterator<Item = (HandoverRequest, ServerKind)>) {
    for (asked, server) in more {
        if !sockets.iter().any(|(_, known)| known.is(&server)) {
            sockets.push((asked, server));
        }
    }
}

/// What goes on of a version that another has taken the place of: it serves clients.
#[derive(Debug)]
pub(super) struct Elder {
    context: Context,
    thread: JoinHandle<()>,
}

impl Elder {
    pub(super) fn is_done(&self) -> bool {
        self.thread.is_finished()
    }

    /// How many clients it serves by its own code.
    pub(super) fn clients(&self) -> usize {
        let tasks = Tasks::of(&self.context.run);
        let threads = tasks.iter().filter(|task| !task.is_done()).map(Task::serving);
        threads.chain([&*self.context.serving]).map(Serving::clients).sum()
    }

    /// Waits for its end, which a signal has brought about.
    pub(super) fn end(self) {
        let _ = self.thread.join();
    }
}

/// Runs a script from its start to its end, on this thread.
fn run_through(host: &ScriptHost, program: &AST, context: &Context, state: &State) {
    let result = host.run(program, context);
    let mut failed = false;
    if let Err(error) = &result
        && exit_binding::code(error).is_none()
        && !context.run.is_replaced()
        && !context.stop.is_stopped()
    {
        failed = true;
        output::note(host.describe(&context.script.name, error, Some(program)).text.trim_end());
        if !context.script.bound.is_settled() {
            *state.left.lock().unwrap_or_else(PoisonError::into_inner) = context.run.handover.take_back();
        }
    }
    context.script.bound.ready();
    // What one that was replaced has not asked for is the next one's; no loop of a version before calls handlers of one that has failed.
    if context.script.bound.settle() && !context.run.is_replaced() {
        if failed { context.run.handover.settle() } else { context.run.settled() }
    }
    state.over.store(true, Ordering::Release);
    finish(&Context { stop: context.lasting.clone(), ..context.clone() });
    output::flush();
}
