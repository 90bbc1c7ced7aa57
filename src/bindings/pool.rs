//! Pools of threads: so many at most, and what is more waits for its turn.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::{Dynamic, FnPtr, NativeCallContext};

use super::callback::programs;
use super::context;
use super::context::{Context, WaitingFor};
use super::error::{OrRaise, ScriptResult, raise};
use super::task::Task;
use super::task::{Prepared, no_thread, prepare, refuse};
use crate::net::error::Error;
use crate::net::host::notify::Notify;
use crate::net::host::stop::Stage;

/// How many closures wait for a thread at most; a caller with another one waits too.
const WAITING: usize = 1024;

/// A pool. Clones are the same one.
#[derive(Clone)]
pub struct Workers(Arc<Inner>);

struct Inner {
    most: usize,
    state: Mutex<State>,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<PoolJob>,
    running: usize,
}

/// A closure that waits for a thread.
struct PoolJob {
    task: Task,
    context: Context,
    body: Box<dyn FnOnce() -> ScriptResult<Dynamic> + Send>,
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Workers({})", self.0.most)
    }
}

impl Workers {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room for one more to wait. False if the script was stopped first.
    fn wait_for_room(&self) -> bool {
        let has_room = || self.lock().waiting.len() < WAITING;
        if has_room() {
            return true;
        }
        let context = context::wait(WaitingFor::Pause);
        let stop = Some((&context.stop, Stage::Interrupted));
        context.host.park(&self.0.changed, None, stop, &mut { has_room });
        has_room()
    }

    /// Has `job` run by the next thread that is free.
    fn give(&self, job: PoolJob) -> Result<(), Error> {
        let mut state = self.lock();
        state.waiting.push_back(job);
        if state.running == self.0.most {
            return Ok(());
        }
        state.running += 1;
        let (pool, programs) = (self.clone(), programs());
        let body = Box::new(move || {
            while let Some(PoolJob { task, context, body }) = pool.next() {
                task.run(&context, programs.as_ref(), body);
            }
        });
        match context::current().host.start_thread("pool", true, body) {
            Ok(_) => Ok(()),
            // The others do it.
            Err(_) if state.running > 1 => {
                state.running -= 1;
                Ok(())
            }
            Err(err) => {
                state.running -= 1;
                state.waiting.pop_back();
                Err(no_thread(&err))
            }
        }
    }

    /// What the thread that asks is to run next. If there is nothing, it is to end.
    fn next(&self) -> Option<PoolJob> {
        let mut state = self.lock();
        let job = state.waiting.pop_front();
        if job.is_none() {
            state.running -= 1;
        }
        drop(state);
        self.0.changed.notify();
        job
    }
}

functions! {
    pub fn api;
    object Workers as Pool, "A pool of threads. Copies are the same one.";

    /// A pool of `threads` threads at most: `start_in` has them run closures.
    ///
    /// Errors: `invalid`: fewer than 1.
    ///
    /// ```rhai
    /// let workers = pool(2);
    /// let hits = counter();
    /// let tasks = [];
    /// for i in 0..10 { tasks.push(start_in(workers, || hits.add(1))); }
    /// for task in tasks { task.join(); }
    /// expect(hits.value, 10);
    /// ```
    fn pool(ctx: NativeCallContext, threads: i64) -> ScriptResult<Workers> = match usize::try_from(threads) {
        Ok(most @ 1..) => Ok(Workers(Arc::new(Inner { most, state: Mutex::default(), changed: Arc::default() }))),
        _ => raise(&ctx, Error::invalid("pool", format!("a pool has 1 thread or more, not {threads}"))),
    };

    /// Has a thread of the pool run the closure, when one is free; what it captured is copied now. Waits while 1,024 others
    /// wait for a thread. The result is as that of `start_thread`; `()` if the script was stopped while it waited.
    ///
    /// Errors: `exhausted`: the system starts no thread at all, and the closure serves no client; see `start_thread`.
    ///
    /// ```rhai
    /// let workers = pool(1);
    /// let task = start_in(workers, || 6 * 7);
    /// expect(task.join(), 42);
    /// ```
    fn start_in(ctx: NativeCallContext, pool: Workers, closure: FnPtr) -> ScriptResult<Dynamic> = {
        if !pool.wait_for_room() {
            return Ok(Dynamic::UNIT);
        }
        let Prepared { name, context, clients, body } = prepare(&ctx, closure);
        let task = Task::new(name, &context, context.script.clone(), None);
        let run = context.run.clone();
        match pool.give(PoolJob { task: task.clone(), context, body: Box::new(body) }) {
            Err(error) if refuse(&clients, &error) => return Ok(Dynamic::from(task.unserved())),
            given => given.or_raise(&ctx)?,
        }
        task.enlist(&run);
        Ok(Dynamic::from(task))
    };

    /// How many closures wait for a thread.
    ///
    /// ```rhai
    /// expect(pool(2).waiting, 0);
    /// ```
    get waiting(pool: &mut Workers) -> i64 = pool.lock().waiting.len() as i64;

    /// The pool in words.
    ///
    /// ```rhai
    /// expect(`${pool(2)}`, "pool of 2 threads, 0 at work, 0 closures waiting");
    /// ```
    fn to_string | to_debug(pool: &mut Workers) -> String = {
        let state = pool.lock();
        format!("pool of {} threads, {} at work, {} closures waiting", pool.0.most, state.running, state.waiting.len())
    };
}
