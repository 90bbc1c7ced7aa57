//! The time between an interrupt and the termination: one thread watches over it for all that was interrupted.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::sync::mpsc::{Sender, channel};
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Reason, Stop};
use crate::net::host::environment::{GraceEnd, process};
use crate::net::host::threads;

/// How long what was interrupted may go on, to print its summary, before it is terminated.
pub const GRACE: Duration = Duration::from_millis(500);

/// How much longer it may go on where other programs keep it from running.
const STARVED: Duration = Duration::from_secs(3);

/// A length of time in which this process can run: what its threads wait for a processor does not count.
#[derive(Clone, Debug)]
pub struct Grace {
    began: Instant,
    queued: HashMap<OsString, u64>,
}

impl Grace {
    /// It begins now.
    pub fn begin() -> Self {
        Self { began: Instant::now(), queued: queued().collect() }
    }

    /// Waits until `time` of it is over.
    pub fn wait(&self, time: Duration) {
        loop {
            let left = (time + self.starved().min(STARVED)).saturating_sub(self.began.elapsed());
            if left.is_zero() {
                return;
            }
            threads::sleep(left);
        }
    }

    /// How long the thread that waited most for a processor has done so since the beginning.
    fn starved(&self) -> Duration {
        let before = |task| self.queued.get(&task).copied().unwrap_or(0);
        Duration::from_nanos(queued().map(|(task, ns)| ns.saturating_sub(before(task))).max().unwrap_or(0))
    }
}

/// How many nanoseconds each thread has waited for a processor (proc(5), `schedstat`); nothing where the kernel does not count it.
fn queued() -> impl Iterator<Item = (OsString, u64)> {
    std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten().filter_map(|task| {
        let counts = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        Some((task.file_name(), counts.split(' ').nth(1)?.parse().ok()?))
    })
}

/// Starts the thread, so that none is needed where all are used up.
///
/// # Errors
/// The system starts no more threads.
pub fn ready() -> io::Result<()> {
    sender(&mut thread()).map(|_| ())
}

/// Terminates `stop` when the grace after its interrupt is over.
pub fn terminate_later(stop: &Stop, reason: Reason) {
    let (grace, stop) = (Grace::begin(), stop.clone());
    let end = move || {
        grace.wait(GRACE);
        stop.terminate(reason);
    };
    #[cfg(target_family = "wasm")]
    if threads::start("grace", false, end.clone()).is_ok() {
        return;
    }
    let left = match sender(&mut thread()) {
        Ok(sender) => sender.send(Box::new(end)).err().map(|unsent| unsent.0),
        Err(_) => Some(Box::new(end) as GraceEnd),
    };
    // Without another thread this one waits.
    left.into_iter().for_each(|end| end());
}

fn thread() -> MutexGuard<'static, Option<Sender<GraceEnd>>> {
    process().grace.lock().unwrap_or_else(PoisonError::into_inner)
}

fn sender(thread: &mut Option<Sender<GraceEnd>>) -> io::Result<&Sender<GraceEnd>> {
    if thread.is_none() {
        let (sender, receiver) = channel::<GraceEnd>();
        // The grace is the same for all, so what was interrupted first is terminated first.
        threads::spawn("grace", move || receiver.into_iter().for_each(|end| end()))?;
        *thread = Some(sender);
    }
    thread.as_ref().ok_or_else(|| io::ErrorKind::WouldBlock.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_waits_for_a_processor_is_added_up_to_a_bound() {
        let grace = Grace::begin();
        grace.wait(Duration::from_millis(20));
        assert!(grace.began.elapsed() >= Duration::from_millis(20));
        // As if a thread had waited for an hour before: it counts for nothing.
        let queued = queued().map(|(task, ns)| (task, ns + 3_600_000_000_000)).collect();
        assert_eq!(Grace { began: Instant::now(), queued }.starved(), Duration::ZERO);
        // And as if one had since then: the bound ends it.
        let long_ago = Instant::now().checked_sub(STARVED).expect("the machine runs that long");
        Grace { began: long_ago, queued: HashMap::new() }.wait(Duration::ZERO);
    }
}
