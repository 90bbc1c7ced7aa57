//! Channels: queues of values between threads.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::{Dynamic, NativeCallContext};

use super::callback::own;
use super::context;
use super::context::WaitingFor;
use super::error::{ScriptResult, raise};
use super::loops;
use crate::net::error::{Error, ErrorKind};
use crate::net::host::notify::Notify;
use crate::net::host::stop::Stage;
use crate::net::socket::tcp::Connection;

/// A queue of values between threads. Clones are the same queue.
#[derive(Clone)]
pub struct Queue(Arc<QueueInner>);

struct QueueInner {
    capacity: usize,
    state: Mutex<(VecDeque<Dynamic>, bool)>,
    changed: Arc<Notify>,
    received: AtomicU64,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Queue({})", lock(&self.0.state).0.len())
    }
}

impl Queue {
    fn new(capacity: usize) -> Self {
        Self(Arc::new(QueueInner {
            capacity,
            state: Mutex::default(),
            changed: Arc::default(),
            received: AtomicU64::new(0),
        }))
    }

    /// Waits until `attempt` succeeds; `None` if the stop happened first. `wait`: what for.
    fn until<T>(
        &self,
        wait: WaitingFor<'_>,
        mut attempt: impl FnMut(&mut VecDeque<Dynamic>, bool) -> Option<T>,
    ) -> Option<T> {
        let mut try_now = || {
            let (queue, closed) = &mut *lock(&self.0.state);
            attempt(queue, *closed)
        };
        let mut value = try_now();
        if value.is_none() {
            let context = context::wait(wait);
            let ready = &mut || {
                value = try_now();
                value.is_some()
            };
            context.host.park(&self.0.changed, None, Some((&context.stop, Stage::Interrupted)), ready);
        }
        if value.is_some() {
            self.0.changed.notify();
        }
        value
    }

    /// The next value; `None` when it is closed and empty, or the stop happened.
    fn receive(&self) -> Option<Dynamic> {
        let next = self.until(WaitingFor::NewWork, |queue, closed| match queue.pop_front() {
            Some(value) => Some(Some(value)),
            None => closed.then_some(None),
        });
        self.0.received.fetch_add(1, Ordering::Relaxed);
        let next = next.flatten();
        if next.as_ref().and_then(|value| value.read_lock::<Connection>()).is_some_and(|conn| conn.was_accepted()) {
            // No one else would serve it.
            context::peek(|context| context.serving.begin());
        }
        next
    }
}

impl IntoIterator for Queue {
    type Item = Dynamic;
    type IntoIter = std::iter::FromFn<Box<dyn FnMut() -> Option<Dynamic>>>;

    fn into_iter(self) -> Self::IntoIter {
        // As every loop over a native, it ends when the script is stopped, whatever is left in the queue.
        let stop = context::wait(WaitingFor::NewWork).stop;
        std::iter::from_fn(Box::new(move || if stop.is_stopped() { None } else { self.receive() }))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

functions! {
    pub fn api;
    object Queue as Channel, "A queue of values between threads.";

    /// A queue between threads that holds up to 1,024 values.
    ///
    /// ```rhai
    /// let queue = channel();
    /// queue.send("hello");
    /// expect(queue.recv(), "hello");
    /// ```
    fn channel() -> Queue = Queue::new(1024);

    /// A queue between threads that holds up to `capacity` values, at least 1.
    ///
    /// ```rhai
    /// let queue = channel(1);
    /// queue.send(7);
    /// expect(queue.len, 1);
    /// ```
    fn channel(capacity: i64) -> Queue = Queue::new(capacity.max(1) as usize);

    /// Puts a value into the queue; waits while it is full. False if the script was stopped first.
    ///
    /// Errors: `closed`.
    ///
    /// ```rhai
    /// let queue = channel();
    /// expect(queue.send(#{ seq: 1 }), true);
    /// expect(queue.recv().seq, 1);
    /// ```
    fn send(ctx: NativeCallContext, channel: &mut Queue, value: Dynamic) -> ScriptResult<bool> = {
        let capacity = channel.0.capacity;
        // A value that the sender goes on using must not be shared with the receiver.
        let mut value = Some(own(value, 0));
        let sent = channel.until(WaitingFor::Pause, |queue, closed| {
            if closed {
                return Some(false);
            }
            (queue.len() < capacity).then(|| {
                queue.extend(value.take());
                true
            })
        });
        match sent {
            Some(false) => raise(&ctx, Error::new(ErrorKind::Closed, "send", "the channel was closed")),
            sent => Ok(sent.is_some()),
        }
    };

    /// The next value; waits while there is none. `()` if the channel is closed and empty, or the script was stopped.
    ///
    /// ```rhai
    /// let queue = channel();
    /// queue.send(1);
    /// queue.close();
    /// expect(queue.recv(), 1);
    /// expect(queue.recv(), ());
    /// ```
    fn recv(channel: &mut Queue) -> Dynamic = channel.receive().unwrap_or_else(|| {
        if context::peek(|context| context.stop.is_stopped()) == Some(true) {
            loops::ends();
        }
        Dynamic::UNIT
    });

    /// Closes the channel: nothing more can be sent, loops over it end when it is empty.
    ///
    /// ```rhai
    /// let queue = channel();
    /// start_thread(|| { for i in 0..3 { queue.send(i); } queue.close(); });
    /// let sum = 0;
    /// for i in queue { sum += i; }
    /// expect(sum, 3);
    /// ```
    fn close(channel: &mut Queue) = {
        lock(&channel.0.state).1 = true;
        channel.0.changed.notify();
    };

    /// How many values wait in the channel.
    ///
    /// ```rhai
    /// expect(channel().len, 0);
    /// ```
    get len(channel: &mut Queue) -> i64 = lock(&channel.0.state).0.len() as i64;
}
