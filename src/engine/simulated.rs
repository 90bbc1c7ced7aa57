//! The end of simulated runs.

use crate::bindings::context::Context;
use crate::net::sys;
use crate::net::time::Duration;
use crate::terminal::output;

/// The thread of a script has no more part in a simulated run.
pub(super) fn leave(context: &Context) {
    if let Some(host) = context.run.host.simulated() {
        host.world().leave();
    }
}

/// Prints what a simulated run took that began at this time.
pub(super) fn conclude_simulation(context: &Context, begun: i64) {
    if let Some(host) = context.run.host.simulated() {
        output::note(&simulated_line(host.world().elapsed(), sys::monotonic_nanos() - begun));
    }
}

/// What a simulated run took: of the network's time, and of the clock's in nanoseconds.
pub(super) fn simulated_line(network: Duration, real: i64) -> String {
    format!("simulated: {:.2} s of network in {:.0} ms", network.as_secs_f64(), real as f64 / 1e6)
}
