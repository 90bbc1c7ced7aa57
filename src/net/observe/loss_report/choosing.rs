//! Which cause explains which loss. Pure.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::Loss;
use super::causes::{Cause, Causes, Fate};
use super::ends::EndsKey;
use crate::net::policy::RejectReply;
use crate::net::probe::ledger::Fault;
use crate::net::time::{Duration, Instant};

/// The causes that explain no loss yet, in their order.
type Unused<'a> = HashMap<EndsKey, BTreeMap<(Instant, u64), &'a Cause>>;

/// What happened to a packet, on its way there or back.
type OnWay<'a> = (EndsKey, &'a Cause);

/// How many of the causes that fit are looked at for one loss, each way: of many pings that say the same, its own are the first.
const LOOKED_AT: usize = 256;

impl Causes {
    /// The cause of each loss, of the message or of the reply that says the same. One verdict explains one loss, the
    /// earliest sent first.
    pub(super) fn of(&self, losses: &VecDeque<Loss>) -> Vec<Option<Cause>> {
        let mut order: Vec<usize> = (0..losses.len()).collect();
        // An error can have come of few verdicts, a time-out of any.
        order.sort_by_key(|&index| (losses[index].error.is_none(), losses[index].sent));
        let mut left = self.left(losses);
        let mut found: Vec<Option<OnWay<'_>>> = vec![None; losses.len()];
        // What happened to a ping that says the same while this one was waited for is its own, before it is that of one given up.
        for waited_for in [true, false] {
            for &index in &order {
                let loss = &losses[index];
                let until = if waited_for || loss.error.is_some() { loss.until } else { Instant::from_nanos(i64::MAX) };
                let chosen = match (found[index], &loss.error) {
                    (Some((_, known)), _) if known.is_final() => None,
                    (Some(known), _) => end_of(known, &own(&left, loss, until)),
                    (None, Some(error)) => sender(&left, loss, error.by),
                    (None, None) => {
                        let accepts = self.accepted.contains(&loss.key.without_content());
                        why(&own(&left, loss, until), loss, accepts)
                    }
                };
                let Some((way, cause)) = chosen else { continue };
                left.entry(way).or_default().remove(&(cause.at, cause.id));
                found[index] = chosen;
            }
        }
        let pairs = found.into_iter().zip(losses);
        let explained = |(found, loss): (Option<OnWay<'_>>, _)| {
            found.map(|(way, cause)| cause.on(way, loss)).or_else(|| self.of_stream(loss).cloned())
        };
        pairs.map(explained).collect()
    }

    /// The rejection of a segment that ended a ping by an error: one ends all that are pending over the connection, and a reset
    /// those that are sent later.
    fn of_stream(&self, loss: &Loss) -> Option<&Cause> {
        let error = loss.error.as_ref()?;
        let is_over = error.by == Some(RejectReply::Reset);
        let latest = |key: EndsKey| {
            let queue = self.by_key.get(&key.without_content())?;
            let mut before = queue.range(..queue.partition_point(|cause| cause.at <= loss.until)).rev();
            before.find(|cause| cause.fate.sends(error.by)).filter(|cause| is_over || cause.at >= loss.sent)
        };
        [loss.key, loss.key.back()].into_iter().filter_map(latest).max_by_key(|cause| (cause.at, cause.id))
    }

    /// All that may explain some of the losses.
    fn left(&self, losses: &VecDeque<Loss>) -> Unused<'_> {
        let mut left = Unused::new();
        let causes = |key: EndsKey| self.by_key.get(&key).into_iter().flatten();
        let ways = losses.iter().flat_map(|loss| [loss.key, loss.key.back()]);
        for key in
            ways.flat_map(|key| causes(key).filter_map(move |cause| Some(key.reply(cause.reply()?))).chain([key]))
        {
            left.entry(key).or_insert_with(|| causes(key).map(|cause| ((cause.at, cause.id), cause)).collect());
        }
        left
    }
}

/// What happened to the ping itself until then: at each place the first, or as many as there are copies of it, on the way there and
/// back, in order.
fn own<'a>(left: &Unused<'a>, loss: &Loss, until: Instant) -> Vec<OnWay<'a>> {
    let mut own: Vec<OnWay<'_>> = Vec::new();
    let mut ways = VecDeque::from([(loss.key, loss.sent), (loss.key.back(), loss.sent)]);
    let mut copies = 1;
    while let Some((way, from)) = ways.pop_front() {
        for cause in between(left, way, [from, until]).take(LOOKED_AT) {
            let at_place = own.iter().filter(|(other, seen)| *other == way && seen.site == cause.site).count();
            if at_place < copies {
                own.push((way, cause));
                copies += cause.fate.added_copies();
                // What the script replied with may have met its end as well.
                ways.extend(cause.reply().filter(|_| way == loss.key).map(|reply| (way.reply(reply), cause.at)));
            }
        }
    }
    own.sort_by_key(|(_, cause)| (cause.at, cause.id));
    own
}

/// The causes of a message from one time to another.
fn between<'a>(left: &Unused<'a>, way: EndsKey, [from, until]: [Instant; 2]) -> impl Iterator<Item = &'a Cause> {
    let within = left.get(&way).filter(|_| from <= until);
    within.into_iter().flat_map(move |causes| causes.range((from, 0)..=(until, u64::MAX))).map(|(_, cause)| *cause)
}

/// The first verdict that sent the error which settled a ping.
fn sender<'a>(left: &Unused<'a>, loss: &Loss, by: Option<RejectReply>) -> Option<OnWay<'a>> {
    let first = |way: EndsKey| {
        let mut causes = between(left, way, [loss.sent, loss.until]);
        causes.find(|cause| cause.fate.sends(by)).map(|cause| (way, cause))
    };
    [loss.key, loss.key.back()].into_iter().filter_map(first).min_by_key(|(_, cause)| (cause.at, cause.id))
}

/// Where what was delayed or damaged met its end all the same.
fn end_of<'a>((way, known): OnWay<'a>, own: &[OnWay<'a>]) -> Option<OnWay<'a>> {
    let others = own.iter().copied().filter(|(other, cause)| (*other, &cause.site) != (way, &known.site));
    end(&others.collect::<Vec<_>>())
}

/// The end of a packet: the first, or of several copies the last, if none of them is left.
fn end<'a>(own: &[OnWay<'a>]) -> Option<OnWay<'a>> {
    let ends: Vec<OnWay<'a>> = own.iter().copied().filter(|(_, cause)| cause.is_final()).collect();
    match 1 + own.iter().map(|(_, cause)| cause.fate.added_copies()).sum::<usize>() {
        1 => ends.first().copied(),
        copies => ends.get(copies - 1..)?.last().copied(),
    }
}

/// Why no reply came in time: what was the end of the packet, or damaged it, or delayed it for too long. `accepts`: replies that do
/// not say what they reply to are accepted.
fn why<'a>(own: &[OnWay<'a>], loss: &Loss, accepts: bool) -> Option<OnWay<'a>> {
    let first = |fits: &dyn Fn(&Cause) -> bool| own.iter().copied().find(|(_, cause)| fits(cause));
    let damage = |cause: &Cause| match cause.fate {
        Fate::Delayed(_) | Fate::Duplicated(_) => false,
        _ => !(cause.is_final() || accepts && cause.reply().is_some()),
    };
    end(own).or_else(|| first(&damage)).or_else(|| delay(own, loss))
}

/// The longest delay, if without those of the packet its reply would have come in time: the reply came too late by no more than
/// they took, or it did not come, and one of them was over after that.
fn delay<'a>(own: &[OnWay<'a>], loss: &Loss) -> Option<OnWay<'a>> {
    let in_time = own.iter().filter(|(_, cause)| cause.at <= loss.until);
    let delays: Vec<(Duration, OnWay<'_>)> = in_time.filter_map(|one| Some((one.1.delayed()?, *one))).collect();
    let all = delays.iter().fold(Duration::ZERO, |all, (by, _)| all + *by);
    let outlasts = |(by, (_, cause)): &(Duration, OnWay<'_>)| cause.at + *by >= loss.until;
    let is_within = loss.late_at.map(|at| at - loss.until <= all);
    let is_known = loss.instead == Some(Fault::Late) && is_within.is_some();
    let is_why = is_within == Some(true) || (!is_known && delays.iter().any(outlasts));
    delays.into_iter().max_by_key(|(by, _)| *by).filter(|_| is_why).map(|(_, one)| one)
}
