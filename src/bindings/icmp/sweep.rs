//! Sweeps in scripts: how the pings to each of many targets ended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::NativeCallContext;

use crate::bindings::error::ScriptResult;
use crate::bindings::udp::ping::Ping;
use crate::bindings::udp::schedule::Schedule;
use crate::net::probe::outcome::{End, Outcome};
use crate::net::probe::sweep::{Sweep as NetSweep, SweepEnd as Found};
use crate::net::probe::targets::Targets;

/// A sweep in scripts. Clones are the same.
#[derive(Clone, Debug)]
pub struct Table(Arc<Mutex<NetSweep>>);

impl Table {
    fn lock(&self) -> MutexGuard<'_, NetSweep> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn found(outcome: &Outcome) -> Option<Found> {
    match &outcome.end {
        End::Reply { rtt, .. } => Some(Found::Alive(u32::try_from(rtt.as_nanos()).unwrap_or(u32::MAX))),
        End::Icmp { error, .. } => Some(Found::Error(error.kind)),
        End::TimedOut { .. } => Some(Found::Silent),
        End::Sent { .. } | End::Stray { .. } | End::Interrupted { .. } => None,
        _ => Some(Found::Unsent),
    }
}

/// Enters how a ping ended.
fn enter(sweep: &mut NetSweep, outcome: &Outcome) {
    if let Some(end) = found(outcome) {
        sweep.add(outcome.to, end);
    }
}

functions! {
    pub fn api;
    object Table as Sweep, "How the pings to each of many targets ended.";

    /// A table of `targets`, of which nothing is known yet. It takes a few bytes for each.
    ///
    /// ```rhai
    /// let all = icmp::targets("127.0.0.1-3");
    /// let table = sweep(all);
    /// for ping in pinger(icmp::open(all[0]), all, #{ interval: 1.ms }) { table.add(ping); }
    /// expect(table.alive, 3);
    /// print(table);
    /// ```
    fn sweep(targets: Targets) -> Table = Table(Arc::new(Mutex::new(NetSweep::new(targets))));

    /// Adds how a ping to one of the targets ended. Several threads may add to one table.
    ///
    /// ```rhai
    /// let all = icmp::targets("127.0.0.1-3");
    /// let table = sweep(all);
    /// for ping in pinger(icmp::open(all[0]), all, #{ interval: 1.ms }) { table.add(ping); }
    /// expect(table.alive, 3);
    /// ```
    fn add(sweep: &mut Table, ping: Ping) = {
        enter(&mut sweep.lock(), &ping.ended().outcome);
    };

    /// Pings on a schedule to its end and adds how each ping ended: as `for ping in pings { table.add(ping); }`, with less
    /// work for each. Several threads may add to one table.
    ///
    /// Errors: those of a loop over the pings: `closed`, `busy`.
    ///
    /// ```rhai
    /// let all = icmp::targets("127.0.0.1-3");
    /// let table = sweep(all);
    /// table.add(pinger(icmp::open(all[0]), all, #{ interval: 1.ms }));
    /// expect(table.alive, 3);
    /// ```
    fn add(ctx: NativeCallContext, sweep: &mut Table, pings: Schedule) -> ScriptResult<()> =
        pings.each(&ctx, |outcome| enter(&mut sweep.lock(), outcome));

    /// How many targets replied.
    ///
    /// ```rhai
    /// expect(sweep(icmp::targets("127.0.0.1-3")).alive, 0);
    /// ```
    get alive(sweep: &mut Table) -> i64 = sweep.lock().alive() as i64;

    /// The table: neighbours that ended alike in one row, with the least, mean and largest round-trip time of all their
    /// replies; rows above 40 are only counted.
    ///
    /// ```rhai
    /// let table = `${sweep(icmp::targets("127.0.0.1-3"))}`;
    /// expect(table.contains("127.0.0.1-127.0.0.3      3  not pinged to the end"), true);
    /// ```
    fn to_string | to_debug(sweep: &mut Table) -> String = sweep.lock().to_string();
}
