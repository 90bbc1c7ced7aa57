//! Directions of links in scripts: policies, settings and counters of one way over a link.

use std::sync::atomic::{AtomicBool, Ordering};

use rhai::{Dynamic, Map, NativeCallContext};

use super::link::{LabLink, RATE, rate};
use crate::bindings::context;
use crate::bindings::convert::shown;
use crate::bindings::error::{OrRaise, ScriptResult, raise};
use crate::bindings::policy::{PolicyValue, attached_policy};
use crate::bindings::print::note;
use crate::net::error::Error;
use crate::net::lab::relay::{Direction, FrameCounts, LinkOptions};
use crate::net::time::Duration;

/// What a run has noted of its links: jitter above a delay, a queue without a rate.
#[derive(Debug, Default)]
struct Noted([AtomicBool; 2]);

/// Notes, once a run each, that a link's jitter is more than its delay, and that it has a queue in which nothing ever waits.
pub(super) fn note_odd(options: &LinkOptions) {
    let LinkOptions { delay, jitter, .. } = options;
    let notes = [
        (jitter > delay).then(|| {
            let (delay, jitter) = (delay.short(), jitter.short());
            format!(
                "a link's jitter of {jitter} is more than its delay of {delay}: a frame whose delay would be negative is held for none, as tc does it"
            )
        }),
        (options.rate.is_none() && options.queue.is_some()).then(|| {
            "a link without a rate has no queue: `queue` does nothing before its rate is set, as in rate: \"10M\"".to_string()
        }),
    ];
    let noted = context::current().run.part::<Noted>();
    for (text, noted) in notes.iter().zip(&noted.0) {
        if let Some(text) = text.as_ref().filter(|_| !noted.swap(true, Ordering::Relaxed)) {
            note(text);
        }
    }
}

/// One direction of a link, or both. Clones are the same one.
#[derive(Clone, Debug)]
pub struct LinkDirection {
    link: LabLink,
    direction: Direction,
}

impl LinkDirection {
    pub(super) fn new(link: &LabLink, direction: Direction) -> Self {
        Self { link: link.clone(), direction }
    }

    /// Has `made` decide there from now on.
    pub(super) fn place(&self, ctx: &NativeCallContext, made: &PolicyValue) -> ScriptResult<()> {
        let _inside = self.link.lab().enter();
        let (policy, name) = attached_policy(ctx, made, &self.link.net().site(self.direction))?;
        self.link.net().set_policy(self.direction, policy, name);
        Ok(())
    }

    /// Which of the link's ends frames come from; of both the first.
    fn from(&self) -> usize {
        match self.direction {
            Direction::Both => 0,
            Direction::From(from) => from,
        }
    }

    pub(super) fn options(&self) -> LinkOptions {
        self.link.net().options(self.from())
    }

    pub(super) fn change(&self, ctx: &NativeCallContext, change: impl Fn(&mut LinkOptions)) -> ScriptResult<()> {
        let sides = match self.direction {
            Direction::Both => 0..2,
            Direction::From(from) => from..from + 1,
        };
        for from in sides {
            let mut options = self.link.net().options(from);
            change(&mut options);
            self.link.net().set_options(Direction::From(from), options).or_raise(ctx)?;
            note_odd(&options);
        }
        Ok(())
    }

    pub(super) fn set_rate(&self, ctx: &NativeCallContext, value: &Dynamic) -> ScriptResult<()> {
        let wanted = rate(value);
        if wanted.is_none() && !value.is_unit() {
            return raise(ctx, Error::invalid("link", format!("a rate is {RATE}, not {}", shown(value))));
        }
        self.change(ctx, |options| options.rate = wanted)
    }

    pub(super) fn counts(&self) -> FrameCounts {
        match self.direction {
            Direction::From(from) => self.link.net().counts(from),
            Direction::Both => self.link.net().counts(0) + self.link.net().counts(1),
        }
    }
}

/// The counts as a map.
pub(super) fn map_of(counts: FrameCounts) -> Map {
    counts.named().map(|(name, count)| (name.into(), (count as i64).into())).collect()
}

/// What was carried, and what was not, in words.
pub(super) fn account(counts: FrameCounts) -> String {
    let mut text = format!("{} of {} passed", counts.passed, counts.frames);
    for (count, what) in [
        (counts.dropped, "dropped by policy"),
        (counts.rejected, "rejected by policy"),
        (counts.queue_full, "lost in the full queue"),
        (counts.no_room, "lost for want of room"),
        (counts.down, "lost while it was down"),
        (counts.unusable, "unusable"),
        (counts.undelivered, "not taken by the host"),
        (counts.overrun, "lost before it, coming too fast"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    text
}

functions! {
    pub fn api;
    object LinkDirection as Way, "One direction of a link.";

    /// Has `policy` decide about each packet on the link from now on, in both directions: a closure that takes the packet and
    /// returns a verdict, or a policy such as `loss(0.1)`. A closure runs beside the script, with what it captured copied, and
    /// keeps its own state.
    ///
    /// A closure that throws, or returns no verdict, is reported once with its line, counted, and the packet passes.
    ///
    /// Errors: `invalid`: it is no policy.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// let link = net.link(a, b);
    /// set_policy(link, loss(0.1));
    /// set_policy(link, |pkt| if pkt.number == 1 { reject("icmp-admin-prohibited") } else { pass() });
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    fn set_policy(ctx: NativeCallContext, link: LabLink, policy: Dynamic) -> ScriptResult<()> =
        LinkDirection::new(&link, Direction::Both).place(&ctx, &PolicyValue::of(&ctx, policy)?);

    /// Has a closure or a policy decide about each packet that goes one way over a link from now on.
    ///
    /// Errors: `invalid`: it is no policy.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// let link = net.link(a, b);
    /// set_policy(link.from(a), |pkt| if pkt.protocol == "udp" { reject("icmp-admin-prohibited") } else { pass() });
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    fn set_policy(ctx: NativeCallContext, place: LinkDirection, policy: Dynamic) -> ScriptResult<()> =
        place.place(&ctx, &PolicyValue::of(&ctx, policy)?);

    /// How long the link holds each frame in this direction. It can be set while traffic flows.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let link = net.link(a, net.host("b"), #{ delay: 5.ms, jitter: 1.ms, rate: "10M" });
    /// let way = link.from(a);
    /// expect(way.delay, 5.ms);
    /// ```
    get delay(way: &mut LinkDirection) -> Duration = way.options().delay;

    /// Sets how long the link holds each frame from now on in this direction.
    ///
    /// Errors: `invalid`: it is negative.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let link = net.link(a, net.host("b"), #{ delay: 5.ms, jitter: 1.ms, rate: "10M" });
    /// let way = link.from(a);
    /// way.delay = 20.ms;
    /// expect(way.delay, 20.ms);
    /// ```
    set delay(ctx: NativeCallContext, way: &mut LinkDirection, delay: Duration) -> ScriptResult<()> =
        way.change(&ctx, |options| options.delay = delay);

    /// By how much the link's delay varies, give or take.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let link = net.link(a, net.host("b"), #{ delay: 5.ms, jitter: 1.ms, rate: "10M" });
    /// let way = link.from(a);
    /// expect(way.jitter, 1.ms);
    /// ```
    get jitter(way: &mut LinkDirection) -> Duration = way.options().jitter;

    /// Sets by how much the link's delay varies from now on, give or take.
    ///
    /// Errors: `invalid`: it is negative.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let link = net.link(a, net.host("b"), #{ delay: 5.ms, jitter: 1.ms, rate: "10M" });
    /// let way = link.from(a);
    /// way.jitter = 2.ms;
    /// expect(way.jitter, 2.ms);
    /// ```
    set jitter(ctx: NativeCallContext, way: &mut LinkDirection, jitter: Duration) -> ScriptResult<()> =
        way.change(&ctx, |options| options.jitter = jitter);

    /// The rate of the link in bits a second in this direction; `()` if it has none and carries as fast as it goes.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let link = net.link(a, net.host("b"), #{ delay: 5.ms, jitter: 1.ms, rate: "10M" });
    /// let way = link.from(a);
    /// expect(way.rate, 10_000_000);
    /// ```
    get rate(way: &mut LinkDirection) -> Dynamic = way.options().rate.map_or(Dynamic::UNIT, |rate| (rate as i64).into());

    /// Sets the rate of the link from now on: bits a second, a number or text such as `"10M"`; `()` for none.
    ///
    /// Errors: `invalid`: it is something else.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let link = net.link(a, net.host("b"), #{ delay: 5.ms, jitter: 1.ms, rate: "10M" });
    /// let way = link.from(a);
    /// way.rate = "1.5M";
    /// expect(way.rate, 1_500_000);
    /// ```
    set rate(ctx: NativeCallContext, way: &mut LinkDirection, rate: Dynamic) -> ScriptResult<()> = way.set_rate(&ctx, &rate);

    /// Frames that came onto the link in this direction.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let link = net.link(a, net.host("b"), #{ delay: 5.ms, jitter: 1.ms, rate: "10M" });
    /// let way = link.from(a);
    /// expect(way.frames, way.passed);
    /// ```
    get frames(way: &mut LinkDirection) -> i64 = way.counts().frames as i64;

    /// Frames that the link has let go on.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// let link = net.link(a, b);
    /// let way = link.from(a);
    /// set_policy(way, |pkt| if pkt.protocol == "udp" { reject("icmp-admin-prohibited") } else { pass() });
    /// run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(way.passed, way.frames - 1);
    /// ```
    get passed(way: &mut LinkDirection) -> i64 = way.counts().passed as i64;

    /// Frames that a policy dropped.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let link = net.link(a, net.host("b"), #{ delay: 5.ms, jitter: 1.ms, rate: "10M" });
    /// let way = link.from(a);
    /// expect(way.dropped, 0);
    /// ```
    get dropped(way: &mut LinkDirection) -> i64 = way.counts().dropped as i64;

    /// Frames that a policy rejected.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let link = net.link(a, net.host("b"), #{ delay: 5.ms, jitter: 1.ms, rate: "10M" });
    /// let way = link.from(a);
    /// expect(way.rejected, 0);
    /// ```
    get rejected(way: &mut LinkDirection) -> i64 = way.counts().rejected as i64;

    /// All counts of the link, as a map. Each of its `frames` (in all `bytes`) is in one of `passed`, `dropped` and `rejected` by
    /// a policy (of these `unanswered`: no error may be about it), `queue_full`, `no_room`, `down` and `unusable`. Of those that passed
    /// some were `delayed`, `corrupted` or `replaced`, some have added `duplicated` ones; on some the policy `failed`, some
    /// are `malformed`, and some the host's kernel had no room for: `undelivered`. `overrun` counts those that came faster
    /// than they were carried.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let link = net.link(a, net.host("b"), #{ delay: 5.ms, jitter: 1.ms, rate: "10M" });
    /// let way = link.from(a);
    /// expect(way.counts.queue_full, 0);
    /// ```
    get counts(way: &mut LinkDirection) -> Map = map_of(way.counts());

    /// The direction in words.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let link = net.link(a, net.host("b"));
    /// expect(`${link.from(a)}`, "link a-b from a to b: 0 of 0 passed");
    /// ```
    fn to_string | to_debug(way: &mut LinkDirection) -> String = {
        let (from, to) = way.link.names(way.from());
        format!("link {} from {from} to {to}: {}", way.link.net().name(), account(way.counts()))
    };
}
