//! In place of the threads of the system where there are none, in a browser: tasks, one of which runs until it waits. Each has a stack
//! of its own in linear memory. A wait stops in the one function that is imported; the program outside asks [`next`] which task is to
//! go on, and has the wait of that one return. What belongs to the running task is swapped at each wait.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::environment::{environment, process};
use super::room::Exempt;
use super::task_table::{Body, TaskStack, TaskTable, UNWOUND};
pub use super::task_table::{Keep, STACK, TaskNumber as ThreadId};
use crate::net::error::{errno, of_number};
use crate::net::sys;
use crate::net::time::{Duration, Instant};

/// What must be left of it for one operation of a script: nothing guards its end.
const LEAST: usize = 192 << 10;

/// How many tasks there may be at one time.
const MOST: usize = 1_024;

/// How many waits may end at once, one after the other, before the program outside is let in.
const STEPS: u32 = 64;

/// What a wait is for, as the program outside sees it.
#[derive(Clone, Copy, Debug)]
enum WaitFor {
    /// For [`next`] to name the task.
    Turn = 0,
    /// For the moment at which the time of a simulated run may go on, to this many nanoseconds.
    Time = 1,
    /// For something to read.
    Input = 2,
    /// For milliseconds of the real world; none: what else is to be done outside is done.
    Sleep = 3,
}

fn tasks() -> MutexGuard<'static, TaskTable> {
    process().tasks.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has `keep` called at each wait, for what there is of each task.
pub fn keep(keep: Keep) {
    tasks().keep = Some(keep);
}

/// Makes a task, which runs once [`next`] has named it.
///
/// # Errors
/// EAGAIN: there are too many.
fn make(body: Body) -> io::Result<()> {
    let mut tasks = tasks();
    if tasks.stacks.len() >= MOST {
        return Err(of_number(errno::EAGAIN));
    }
    tasks.last += 1;
    let (number, stack) = (tasks.last, tasks.spare.pop().unwrap_or_else(new_stack));
    tasks.bodies.insert(number, body);
    tasks.stacks.insert(number, stack);
    tasks.ready.push_back(number);
    Ok(())
}

/// A stack is no memory of the script's, and is not given back.
fn new_stack() -> TaskStack {
    let mut exempt = Exempt::default();
    exempt.set(STACK + UNWOUND);
    std::mem::forget(exempt);
    TaskStack::new()
}

/// The task that is to go on, or to begin; `None`: all wait for the program outside, or have ended.
pub fn next() -> Option<ThreadId> {
    tasks().ready.pop_front()
}

/// Where the stack of a task begins, at its highest address; and where the room below it begins and ends.
pub fn stack_of(task: ThreadId) -> (usize, usize, usize) {
    tasks().stacks.get(&task).map_or((0, 0, 0), |stack| (stack.floor() + STACK, stack.unwound(), stack.floor()))
}

/// Runs a task from its beginning to its end.
pub fn run(task: ThreadId) {
    begin(task);
    let body = tasks().bodies.remove(&task);
    if let Some(body) = body {
        body();
    }
    let mut tasks = tasks();
    (tasks.running, tasks.floor) = (0, 0);
    // What runs still stands on it, and does no more than return.
    if let Some(stack) = tasks.stacks.remove(&task) {
        tasks.spare.push(stack);
    }
}

fn begin(task: ThreadId) {
    let mut tasks = tasks();
    tasks.floor = tasks.stacks.get(&task).map_or(0, TaskStack::floor);
    tasks.running = task;
}

/// Stops the task that runs until the program outside has it go on.
fn wait(what: WaitFor, time: f64) {
    let (task, keep) = {
        let mut tasks = tasks();
        let task = std::mem::take(&mut tasks.running);
        (tasks.floor, tasks.steps) = (0, 0);
        (task, tasks.keep)
    };
    let put_back = keep.map(|keep| keep());
    sys::wait(what as u32, time);
    put_back.into_iter().for_each(|put_back| put_back());
    begin(task);
}

/// Which task runs.
pub fn current() -> ThreadId {
    tasks().running
}

/// Lets the program outside in.
pub fn yield_now() {
    if current() != 0 {
        wait(WaitFor::Sleep, 0.0);
    }
}

/// Lets the program outside in now and then.
pub(super) fn yield_regularly() {
    let is_due = {
        let mut tasks = tasks();
        tasks.steps += 1;
        tasks.steps > STEPS
    };
    if is_due {
        yield_now();
    }
}

/// Waits so long.
pub fn sleep(time: std::time::Duration) {
    wait(WaitFor::Sleep, time.as_secs_f64() * 1e3);
}

/// Waits until there is something to read.
pub(super) fn wait_for_input() {
    wait(WaitFor::Input, 0.0);
}

/// Has the time of simulated runs go on only when the program outside says so, or on its own.
pub fn pace(is_paced: bool) {
    tasks().is_paced = is_paced;
}

/// Whether [`wait_until`] is to be called before time goes on.
pub(super) fn is_time_asked_for() -> bool {
    let mut tasks = tasks();
    tasks.steps += 1;
    tasks.is_paced || tasks.steps > STEPS
}

/// Waits until the time of a simulated run may go on to `time`, and lets the program outside in.
pub(super) fn wait_until(time: Instant) {
    if !tasks().is_paced {
        return yield_now();
    }
    environment().flush();
    wait(WaitFor::Time, time.as_nanos() as f64);
}

/// Whether little is left of the stack.
pub fn is_stack_low() -> bool {
    let here = 0u8;
    (&raw const here).addr() < tasks().floor + LEAST
}

/// A value that tasks wait for to change.
#[derive(Debug, Default)]
pub(super) struct Monitor<T> {
    value: Mutex<T>,
    waiting: Mutex<Vec<ThreadId>>,
}

impl<T> Monitor<T> {
    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has all look again that wait.
    pub(super) fn notify_all(&self) {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        tasks().ready.extend(waiting);
    }

    /// Gives the lock back until the next change, or until `left` has passed; nothing is promised of its length.
    pub(super) fn wait<'a>(&'a self, guard: MutexGuard<'a, T>, left: Option<Duration>) -> MutexGuard<'a, T> {
        drop(guard);
        match left {
            Some(_) => yield_now(),
            None => {
                self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(current());
                wait(WaitFor::Turn, 0.0);
            }
        }
        self.lock()
    }
}

/// A task whose value can be waited for.
#[derive(Debug)]
pub struct JoinHandle<T>(Arc<Monitor<Option<T>>>);

impl<T> JoinHandle<T> {
    /// Waits for its value.
    ///
    /// # Errors
    /// None: what panics ends everything.
    pub fn join(self) -> std::thread::Result<T> {
        let mut value = self.0.lock();
        loop {
            match value.take() {
                Some(value) => return Ok(value),
                None => value = self.0.wait(value, None),
            }
        }
    }
}

/// There are no threads of the process's own.
///
/// # Errors
/// EAGAIN, always.
pub fn spawn<T>(_: &str, _: impl FnOnce() -> T + Send + 'static) -> io::Result<std::thread::JoinHandle<T>> {
    Err(of_number(errno::EAGAIN))
}

/// Starts a task that may run script code.
///
/// # Errors
/// EAGAIN: there are too many.
pub fn spawn_script<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    let ended: Arc<Monitor<Option<T>>> = Arc::new(Monitor { value: Mutex::new(None), waiting: Mutex::default() });
    let inside = ended.clone();
    start(name, true, move || {
        let value = body();
        *inside.lock() = Some(value);
        inside.notify_all();
    })?;
    Ok(JoinHandle(ended))
}

/// Starts a task.
///
/// # Errors
/// EAGAIN: there are too many.
pub fn start(_: &str, runs_script: bool, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    make(Box::new(move || {
        if runs_script {
            environment().thread_begins(STACK);
        }
        body();
    }))
}

/// What can be done where there are too many.
pub fn remedy() -> &'static str {
    "as many threads run as there may be without those of a system; end some"
}
