//! The end of simulated runs, and what one of many reports of itself.

use serde::{Deserialize, Serialize};

use crate::bindings::context::{Context, Run};
use crate::bindings::lab::planned::PlannedChanges;
use crate::bindings::measured::{Expectations, Measured};
use crate::net::observe::check::CheckRow;
use crate::net::sys;
use crate::net::time::Duration;
use crate::terminal::output;

/// The thread of a script has no more part in a simulated run.
pub(super) fn leave(context: &Context) {
    if let Some(host) = context.run.host.simulated() {
        host.world().leave();
    }
}

/// Keeps this thread and those that it starts to one processor: one of them runs at a time, and to wake another there takes half
/// as long. Not for one of many runs, which share the processors.
pub(super) fn keep_threads_together() {
    sys::keep_to_this_processor();
}

/// Prints what a simulated run took that began at this time, and reports what it has measured if it is one of many; whether it could
/// not go on.
pub(super) fn conclude_simulation(context: &Context, begun: i64, is_one_of_many: bool, late_ns: i64) -> bool {
    let simulated = context.run.host.simulated();
    let elapsed = simulated.as_ref().map_or(Duration::ZERO, |host| host.world().elapsed());
    for link in context.run.part::<PlannedChanges>().without_link() {
        output::note(&format!("--change {link}: this run had no such link; one is named by its ends, as in a-b"));
    }
    if simulated.is_some() {
        output::note(&simulated_line(elapsed, sys::monotonic_nanos() - begun));
    }
    if is_one_of_many {
        report(&context.run, elapsed, late_ns);
    }
    simulated.is_some_and(|host| host.world().has_given_up())
}

/// What a simulated run took: of the network's time, and of the clock's in nanoseconds.
pub(super) fn simulated_line(network: Duration, real: i64) -> String {
    format!("simulated: {:.2} s of network in {:.0} ms", network.as_secs_f64(), real as f64 / 1e6)
}

/// What a run reports of itself at its end.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct RunReport {
    /// The network's time.
    pub(super) network_ns: i64,
    /// What its expectations were given.
    pub(super) expectations: Vec<Measured>,
    /// These, and its checks, as rows.
    pub(super) checks: Vec<CheckRow>,
    /// How much later than it should the machine let it go on, in nanoseconds.
    #[serde(default)]
    pub(super) late_ns: i64,
}

/// Sends to the process that started this one what `run` has measured.
fn report(run: &Run, network: Duration, late_ns: i64) {
    let (expectations, checks) = run.part::<Expectations>().take();
    let report = RunReport { network_ns: network.as_nanos(), expectations, checks, late_ns };
    if let Ok(text) = serde_json::to_vec(&report) {
        // The process that asked may have gone.
        let _ = sys::report(&text);
    }
}
