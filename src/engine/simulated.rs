//! The end of simulated runs, and what one of many reports of itself.

use serde::{Deserialize, Serialize};

use crate::bindings::context::{Context, Run};
use crate::bindings::measured::{Expectations, Measured};
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

/// Prints what a simulated run took that began at this time, and reports it if it is one of many; whether it could not go on.
pub(super) fn conclude_simulation(context: &Context, begun: i64, is_one_of_many: bool) -> bool {
    let Some(host) = context.run.host.simulated() else { return false };
    let elapsed = host.world().elapsed();
    output::note(&simulated_line(elapsed, sys::monotonic_nanos() - begun));
    if is_one_of_many {
        report(&context.run, elapsed);
    }
    host.world().has_given_up()
}

/// What a simulated run took: of the network's time, and of the clock's in nanoseconds.
pub(super) fn simulated_line(network: Duration, real: i64) -> String {
    format!("simulated: {:.2} s of network in {:.0} ms", network.as_secs_f64(), real as f64 / 1e6)
}

/// What a run reports of itself at its end.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct RunReport {
    /// The network's time.
    pub(super) network_ns: i64,
    /// What its expectations were given.
    pub(super) expectations: Vec<Measured>,
}

/// Sends to the process that started this one what `run` has measured.
fn report(run: &Run, network: Duration) {
    let report = RunReport { network_ns: network.as_nanos(), expectations: run.part::<Expectations>().take() };
    if let Ok(text) = serde_json::to_vec(&report) {
        // The process that asked may have gone.
        let _ = sys::report(&text);
    }
}
