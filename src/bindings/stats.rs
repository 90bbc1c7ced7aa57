//! Statistics of a script's pings.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::{Dynamic, NativeCallContext};

use super::error::{ScriptResult, raise};
use super::udp::ping::Ping;
use super::udp::schedule::Schedule;
use crate::net::error::Error;
use crate::net::policy::neighbours::Recent;
use crate::net::probe::ledger::{Counts, ProbeId};
use crate::net::probe::outcome::{End, Outcome};
use crate::net::probe::stats::{Ipdv, Rtts, Summary, interval};
use crate::net::socket::prober::Tally;
use crate::net::time::Duration;

/// What was added so far. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Collected(Arc<Mutex<Inner>>);

#[derive(Clone, Debug, Default)]
struct Inner {
    counts: Counts,
    rtts: Rtts,
    ipdv: Ipdv,
    recent: Recent,
    /// The sockets of the pings added, and from which to which: late, duplicate and other packets about these join the summary.
    sockets: Vec<(Tally, RangeInclusive<ProbeId>)>,
}

impl Collected {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Has the packets join the summary that the socket of `tally` counts apart and that are about these pings, as far as they
    /// have not yet. `on`: whatever was pinged since those known is among them.
    fn know(&mut self, tally: &Tally, ids: &RangeInclusive<ProbeId>, on: bool) {
        let touches = |of: &RangeInclusive<ProbeId>| on || (of.start() <= ids.end() && ids.start() <= of.end());
        match self.sockets.iter_mut().rev().find(|(known, of)| known.is(tally) && touches(of)) {
            Some((_, of)) => *of = *of.start().min(ids.start())..=*of.end().max(ids.end()),
            None => self.sockets.push((tally.clone(), ids.clone())),
        }
    }

    fn add(&mut self, tally: &Tally, outcome: &Outcome) {
        match &outcome.end {
            End::Sent { .. } | End::Stray { .. } | End::Interrupted { sent: false } => return,
            End::Interrupted { sent: true } => {}
            End::Reply { rtt, lesser: false, .. } => {
                self.counts.replied += 1;
                self.rtts.record(*rtt);
                self.ipdv.record(outcome.number, *rtt);
            }
            End::Reply { rtt, .. } => {
                self.counts.replied += 1;
                self.rtts.record_flagged(*rtt);
            }
            End::Icmp { .. } | End::Unsent(_) | End::Broken(_) => self.counts.errored += 1,
            End::TimedOut { .. } => self.counts.timed_out += 1,
        }
        if !matches!(outcome.end, End::Interrupted { .. }) {
            let lost = !matches!(outcome.end, End::Reply { .. });
            self.counts.neighbours = self.counts.neighbours + self.recent.settle(outcome.number, lost);
        }
        self.counts.sent += 1;
        self.know(tally, &(outcome.id..=outcome.id), true);
    }

    fn merge(&mut self, other: Self) {
        self.counts += other.counts;
        self.rtts.merge(&other.rtts);
        self.ipdv.merge(&other.ipdv);
        other.sockets.iter().for_each(|(tally, ids)| self.know(tally, ids, false));
    }

    /// The probes added, with the packets about them that their sockets counted apart.
    fn all(&self) -> Counts {
        let mut counts = self.counts;
        for other in self.sockets.iter().map(|(tally, ids)| tally.apart(ids.clone())) {
            counts.late += other.late;
            counts.duplicate += other.duplicate;
            counts.reordered += other.reordered;
            counts.reorder_extent = counts.reorder_extent.max(other.reorder_extent);
            counts.foreign += other.foreign;
            counts.truncated += other.truncated;
            counts.corrupt += other.corrupt;
            counts.unmatched += other.unmatched;
            counts.advisory += other.advisory;
            counts.stray_errors += other.stray_errors;
            counts.missed_slots += other.missed_slots;
        }
        counts
    }
}

fn or_unit(value: Option<Duration>) -> Dynamic {
    value.map_or(Dynamic::UNIT, Dynamic::from)
}

functions! {
    pub fn api;
    object Collected as Stats, "Counts and round-trip times of pings.";

    /// Statistics of nothing yet. Memory is fixed, however many pings are added.
    ///
    /// ```rhai
    /// let rtts = stats();
    /// expect(rtts.sent, 0);
    /// ```
    fn stats() -> Collected = Collected::default();

    /// Adds how a ping ended. One that was interrupted in flight counts as sent and pending.
    ///
    /// ```rhai
    /// let rtts = stats();
    /// rtts.add(icmp::open("127.0.0.1").ping("127.0.0.1", 1.s));
    /// expect(rtts.received, 1);
    /// ```
    fn add(stats: &mut Collected, ping: Ping) = {
        let ended = ping.ended();
        stats.lock().add(&ended.tally, &ended.outcome);
    };

    /// Pings on a schedule to its end and adds how each ping ended: as `for ping in pings { rtts.add(ping); }`, with less work
    /// for each.
    ///
    /// Errors: those of a loop over the pings: `closed`, `busy`, `too-large`.
    ///
    /// ```rhai
    /// let rtts = stats();
    /// rtts.add(pinger(icmp::open("127.0.0.1"), "127.0.0.1", #{ count: 3, interval: 1.ms }));
    /// expect(rtts.received, 3);
    /// ```
    fn add(ctx: NativeCallContext, stats: &mut Collected, pings: Schedule) -> ScriptResult<()> = {
        pings.each(&ctx, |outcome| stats.lock().add(pings.tally(), outcome))
    };

    /// Adds all that was added to `other`, such as the statistics of another thread: one that pings from a socket of its own.
    ///
    /// ```rhai
    /// let rtts = stats();
    /// let of_a_thread = start_thread(|| { let rtts = stats(); rtts.add(2.ms); rtts }).join();
    /// rtts.merge(of_a_thread);
    /// expect(rtts.received, 1);
    /// ```
    fn merge(stats: &mut Collected, other: Collected) = {
        let copy = other.lock().clone();
        stats.lock().merge(copy);
    };

    /// Adds a round-trip time that the script measured itself: one sent, one received.
    ///
    /// Errors: `invalid`: a duration below 0.
    ///
    /// ```rhai
    /// let rtts = stats();
    /// rtts.add(2.ms);
    /// rtts.add(4.ms);
    /// expect(rtts.avg, 3.ms);
    /// try { rtts.add(1.ms - 2.ms); } catch (e) { expect(e.kind, "invalid"); }
    /// expect(rtts.received, 2);
    /// ```
    fn add(ctx: NativeCallContext, stats: &mut Collected, rtt: Duration) -> ScriptResult<()> = {
        if rtt < Duration::ZERO {
            let error = Error::invalid("add", format!("a round-trip time is not below 0, and this is {rtt}"));
            return raise(&ctx, error.with_hint("subtract the earlier moment from the later one"));
        }
        let inner = &mut *stats.lock();
        inner.counts.sent += 1;
        inner.counts.replied += 1;
        inner.rtts.record(rtt);
        inner.ipdv.record(inner.counts.sent, rtt);
        Ok(())
    };

    /// The summary as text, as the report prints it: packets sent and received, the least, largest and mean round-trip
    /// time, the loss; after it whatever else was counted: pending, late, duplicate, reordered, foreign, truncated,
    /// corrupt, unmatched packets that are about the pings added.
    ///
    /// ```rhai
    /// expect(stats().summary().contains("Packets Sent: 0\n"), true);
    /// ```
    fn summary(stats: &mut Collected) -> String = {
        let inner = stats.lock();
        Summary { counts: inner.all(), rtts: &inner.rtts }.to_string()
    };

    /// Pings sent.
    ///
    /// ```rhai
    /// expect(stats().sent, 0);
    /// ```
    get sent(stats: &mut Collected) -> i64 = stats.lock().counts.sent as i64;

    /// Pings replied to in time.
    ///
    /// ```rhai
    /// expect(stats().received, 0);
    /// ```
    get received(stats: &mut Collected) -> i64 = stats.lock().counts.replied as i64;

    /// Pings lost: timed out, or ended by an error.
    ///
    /// ```rhai
    /// expect(stats().lost, 0);
    /// ```
    get lost(stats: &mut Collected) -> i64 = stats.lock().counts.lost() as i64;

    /// The share of pings lost, 0 to 1, of those that came to an end; `()` if none did.
    ///
    /// ```rhai
    /// expect(stats().loss, ());
    /// ```
    get loss(stats: &mut Collected) -> Dynamic = stats.lock().counts.loss().map_or(Dynamic::UNIT, Dynamic::from);

    /// The 95% interval of the loss, which takes bursts into account, an array of its two ends, 0 to 1; `()` if no ping came to an end.
    ///
    /// ```rhai
    /// let rtts = stats();
    /// rtts.add(1.ms);
    /// expect(rtts.loss_interval[0], 0.0);
    /// ```
    get loss_interval(stats: &mut Collected) -> Dynamic = {
        let counts = stats.lock().counts;
        interval(counts.lost(), counts.settled(), &counts.neighbours)
            .map_or(Dynamic::UNIT, |(low, high)| vec![Dynamic::from(low), Dynamic::from(high)].into())
    };

    /// How often pings were lost in a row: one that is lost alone is a run of losses, too (a loss period of RFC 3357).
    ///
    /// ```rhai
    /// expect(stats().loss_runs, 0);
    /// ```
    get loss_runs(stats: &mut Collected) -> i64 = {
        let counts = stats.lock().counts;
        counts.lost().saturating_sub(counts.neighbours.both_lost) as i64
    };

    /// The most pings in a row, in the order of sending, that were all lost.
    ///
    /// ```rhai
    /// let rtts = stats();
    /// let sock = udp::bind("127.0.0.1:0");
    /// for n in 1..=3 { rtts.add(sock.ping(udp::closed_port(), `ping ${n}`, 100.ms)); }
    /// expect([rtts.longest_loss, rtts.loss_runs], [3, 1]);
    /// ```
    get longest_loss(stats: &mut Collected) -> i64 = stats.lock().counts.neighbours.longest_run as i64;

    /// How far a reply was reordered at most: how many replies came before it, counted from the first to a ping that was sent
    /// later (the extent of RFC 4737, section 4.2.1); 0 if none was.
    ///
    /// ```rhai
    /// expect(stats().reorder_extent, 0);
    /// ```
    get reorder_extent(stats: &mut Collected) -> i64 = stats.lock().all().reorder_extent as i64;

    /// The least round-trip time; `()` without replies.
    ///
    /// ```rhai
    /// expect(stats().min, ());
    /// ```
    get min(stats: &mut Collected) -> Dynamic = or_unit(stats.lock().rtts.min());

    /// The largest round-trip time; `()` without replies.
    ///
    /// ```rhai
    /// expect(stats().max, ());
    /// ```
    get max(stats: &mut Collected) -> Dynamic = or_unit(stats.lock().rtts.max());

    /// The mean round-trip time; `()` without replies.
    ///
    /// ```rhai
    /// expect(stats().avg, ());
    /// ```
    get avg(stats: &mut Collected) -> Dynamic = or_unit(stats.lock().rtts.mean());

    /// The standard deviation of the round-trip times, which `ping` calls mdev; `()` without replies.
    ///
    /// ```rhai
    /// expect(stats().mdev, ());
    /// ```
    get mdev(stats: &mut Collected) -> Dynamic = or_unit(stats.lock().rtts.stddev());

    /// The interarrival jitter of RFC 3550, section 6.4.1: over the replies in the order in which they were added, which is
    /// that of their arrival; `()` without two.
    ///
    /// ```rhai
    /// expect(stats().jitter, ());
    /// ```
    get jitter(stats: &mut Collected) -> Dynamic = or_unit(stats.lock().rtts.jitter());

    /// The delay variation between pings that were sent one after the other and both replied to: the mean of how far their
    /// round-trip times are apart (RFC 3393, for round trips); `()` without such a pair.
    ///
    /// ```rhai
    /// let rtts = stats();
    /// for ms in [10, 14, 8] { rtts.add(ms.ms); }
    /// expect(rtts.ipdv, 5.ms);
    /// ```
    get ipdv(stats: &mut Collected) -> Dynamic = or_unit(stats.lock().ipdv.mean());

    /// How the round-trip times are spread, as text of a few lines for `print`: from the least to the longest in twelve
    /// ranges, each as many times longer than the one before; empty without replies.
    ///
    /// ```rhai
    /// let rtts = stats();
    /// for ms in [10, 11, 10, 40] { rtts.add(ms.ms); }
    /// print(rtts.histogram());
    /// expect(rtts.histogram().split("\n").len, 12);
    /// ```
    fn histogram(stats: &mut Collected) -> String = stats.lock().rtts.histogram();

    /// The round-trip time that `percent` of all did not exceed, to three digits (nearest rank); `()` without replies.
    /// Times by a fallback clock, not the session's, are left out.
    ///
    /// Errors: `invalid`: `percent` is outside of 0 to 100.
    ///
    /// ```rhai
    /// let rtts = stats();
    /// for ms in 1..=100 { rtts.add(ms.ms); }
    /// expect(rtts.percentile(50.0).ms.round(), 50.0);
    /// ```
    fn percentile as percentile(ctx: NativeCallContext, stats: &mut Collected, percent: f64) -> ScriptResult<Dynamic> = {
        if !(0.0..=100.0).contains(&percent) {
            return raise(&ctx, Error::invalid("percentile", format!("a percentage is from 0 to 100, not {percent}")));
        }
        Ok(or_unit(stats.lock().rtts.percentile(percent)))
    };

    /// The round-trip time that `percent` of all did not exceed; `()` without replies.
    ///
    /// Errors: `invalid`: `percent` is outside of 0 to 100.
    ///
    /// ```rhai
    /// expect(stats().percentile(99), ());
    /// ```
    fn percentile(ctx: NativeCallContext, stats: &mut Collected, percent: i64) -> ScriptResult<Dynamic> =
        percentile(ctx, stats, percent as f64);

    /// The packet delay variation (RFC 5481, section 4.2): by how much the round-trip time that `percent` of all did not exceed
    /// is longer than the least; `()` without replies.
    ///
    /// Errors: `invalid`: `percent` is outside of 0 to 100.
    ///
    /// ```rhai
    /// let rtts = stats();
    /// for ms in 1..=100 { rtts.add(ms.ms); }
    /// expect(rtts.pdv(99.0).ms.round(), 98.0);
    /// ```
    fn pdv as pdv(ctx: NativeCallContext, stats: &mut Collected, percent: f64) -> ScriptResult<Dynamic> = {
        if !(0.0..=100.0).contains(&percent) {
            return raise(&ctx, Error::invalid("pdv", format!("a percentage is from 0 to 100, not {percent}")));
        }
        Ok(or_unit(stats.lock().rtts.pdv(percent)))
    };

    /// The packet delay variation of a whole percentage; `()` without replies.
    ///
    /// Errors: `invalid`: `percent` is outside of 0 to 100.
    ///
    /// ```rhai
    /// expect(stats().pdv(99), ());
    /// ```
    fn pdv(ctx: NativeCallContext, stats: &mut Collected, percent: i64) -> ScriptResult<Dynamic> = pdv(ctx, stats, percent as f64);

    /// The statistics in one line.
    ///
    /// ```rhai
    /// expect(`${stats()}`, "0 sent, 0 received, 0 lost");
    /// ```
    fn to_string | to_debug(stats: &mut Collected) -> String = {
        let inner = stats.lock();
        let counts = inner.counts;
        let times = match (inner.rtts.min(), inner.rtts.mean(), inner.rtts.max()) {
            (Some(min), Some(mean), Some(max)) => format!(", rtt {min} / {mean} / {max} (min / avg / max)"),
            _ => String::new(),
        };
        format!("{} sent, {} received, {} lost{times}", counts.sent, counts.replied, counts.lost())
    };
}
