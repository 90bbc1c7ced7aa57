//! How far a long quiet run is: one line on standard error, where that is a terminal.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::net::host::threads;
use crate::net::observe::loss_report::LossReport;
use crate::net::probe::ledger::Counts;
use crate::net::socket::session::Session;
use crate::terminal::output;

/// For how long nothing must have been shown, in nanoseconds.
const QUIET: i64 = 1_000_000_000;

/// How often the line is made anew.
const BEAT: Duration = Duration::from_millis(250);

/// Shows the progress until it is dropped.
#[derive(Debug)]
pub struct Progress {
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Watches the probes of `session`; `None` if standard error is no terminal.
    pub fn watch(session: Arc<Session>) -> Option<Self> {
        if !output::error_is_terminal() {
            return None;
        }
        let done = Arc::new(AtomicBool::new(false));
        let ended = done.clone();
        let thread = threads::spawn("progress", move || run(&session.loss_report, &ended));
        Some(Self { done, thread: thread.ok() })
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
        output::show_progress(None);
    }
}

fn run(account: &LossReport, done: &AtomicBool) {
    let mut last = Counts::default();
    let mut idle = 0;
    // The start of a run is no quiet time.
    let mut age = 0;
    loop {
        thread::park_timeout(BEAT);
        if done.load(Ordering::Relaxed) {
            return;
        }
        let counts = account.probes();
        idle = if counts == last { idle + 1 } else { 0 };
        (last, age) = (counts, age + BEAT.as_nanos() as i64);
        let running = counts.pending() > 0 || (counts.sent > 0 && idle <= 4);
        let quiet = output::quiet_for().min(age) >= QUIET;
        output::show_progress((running && quiet).then(|| statistics(account)).as_deref());
    }
}

/// The statistics so far in one line: what was sent and received, what is pending, what of the rest is lost, and the last round-trip time.
pub fn statistics(account: &LossReport) -> String {
    let counts = account.probes();
    let lost = counts.loss().map_or("NA".to_string(), |loss| format!("{:.1}%", loss * 100.0));
    let rtt = account.last_rtt().map_or("NA".to_string(), |rtt| rtt.to_string());
    let pending = Some(counts.pending()).filter(|&pending| pending > 0);
    let pending = pending.map_or(String::new(), |pending| format!(", pending {pending}"));
    format!("sent {}, received {}{pending}, lost {lost}, last rtt {rtt}", counts.sent, counts.replied)
}
