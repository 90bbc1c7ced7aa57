//! The time between an interrupt and the termination: one thread watches over it for all that was interrupted.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Reason, Stop};

/// How long what was interrupted may go on, to print its summary, before it is terminated.
pub const GRACE: Duration = Duration::from_millis(500);

/// What is to be terminated, and when.
type Due = (Instant, Stop, Reason);

/// To the thread; `None` while there is none.
static THREAD: Mutex<Option<Sender<Due>>> = Mutex::new(None);

/// Starts the thread, so that none is needed where all are used up.
///
/// # Errors
/// The system starts no more threads.
pub fn ready() -> io::Result<()> {
    sender(&mut thread()).map(|_| ())
}

/// Terminates `stop` when the grace after its interrupt is over.
pub fn terminate_later(stop: &Stop, reason: Reason) {
    let due = (Instant::now() + GRACE, stop.clone(), reason);
    let sent = sender(&mut thread()).is_ok_and(|sender| sender.send(due.clone()).is_ok());
    if !sent {
        // Without another thread this one waits.
        end(due);
    }
}

fn thread() -> MutexGuard<'static, Option<Sender<Due>>> {
    THREAD.lock().unwrap_or_else(PoisonError::into_inner)
}

fn sender(thread: &mut Option<Sender<Due>>) -> io::Result<&Sender<Due>> {
    if thread.is_none() {
        let (sender, receiver) = channel();
        // The grace is the same for all, so what was interrupted first is terminated first.
        let run = move |due: Receiver<Due>| due.into_iter().for_each(end);
        std::thread::Builder::new().name("grace".to_string()).spawn(move || run(receiver))?;
        *thread = Some(sender);
    }
    thread.as_ref().ok_or_else(|| io::ErrorKind::WouldBlock.into())
}

fn end((at, stop, reason): Due) {
    std::thread::sleep(at.saturating_duration_since(Instant::now()));
    stop.terminate(reason);
}
