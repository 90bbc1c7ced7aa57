//! Links of a lab in scripts: how they carry what they are given, and what they count.

use rhai::{Dynamic, Map, NativeCallContext};

use super::ScriptLab;
use super::host::HostObject;
use super::planned;
use super::way::{LinkDirection, account, map_of, note_odd};
use crate::bindings::convert::Options;
use crate::bindings::error::{OrRaise, ScriptResult, raise};
use crate::bindings::policy::PolicyValue;
use crate::limits::restriction::check_file;
use crate::net::error::Error;
use crate::net::lab::CableOptions;
use crate::net::lab::relay::{self, Direction, LinkOptions};
use crate::net::time::Duration;

/// A link in scripts. Clones are the same one.
#[derive(Clone, Debug)]
pub struct LabLink {
    net: relay::Link,
    mtu: u32,
    /// What it joins.
    ends: Box<[HostObject; 2]>,
}

/// Options as other tools name what a link does, and how they are written here.
const MEANT: [(&str, &str); 8] = [
    ("loss", "policy: loss(0.1)"),
    ("drop", "policy: loss(0.1)"),
    ("corrupt", "policy: every(10, corrupt())"),
    ("duplicate", "policy: every(10, duplicate(2))"),
    ("latency", "delay: 20.ms"),
    ("bandwidth", "rate: \"10M\""),
    ("bw", "rate: \"10M\""),
    ("limit", "queue: 100"),
];

impl LabLink {
    /// Makes a link between two hosts.
    pub(super) fn make(
        ctx: &NativeCallContext,
        lab: &ScriptLab,
        a: &HostObject,
        b: &HostObject,
        options: &Map,
    ) -> ScriptResult<Self> {
        if let Some((key, ours)) = MEANT.iter().find(|(key, _)| options.contains_key(*key)) {
            let error = Error::invalid("link", format!("unknown option `{key}`"));
            return raise(ctx, error.with_hint(format!("write: #{{ {ours} }}")));
        }
        let policy = |key| options.get(key).map(|value| PolicyValue::of(ctx, value.clone())).transpose();
        let (forth, back) = (policy("policy")?, policy("policy_back")?);
        let (cable, read) = Options::all(ctx, "link", options, |options| {
            for key in ["policy", "policy_back"] {
                options.read(key, "a policy", |_| Some(()))?;
            }
            // How large it can be says the core, in one message for too little and too much.
            let mtu = options.count("mtu", 0)?.map(|mtu| u32::try_from(mtu).unwrap_or(u32::MAX));
            let cable = mtu.map_or_else(CableOptions::default, |mtu| CableOptions { mtu });
            let read = LinkOptions {
                delay: options.duration("delay")?.unwrap_or(Duration::ZERO),
                jitter: options.duration("jitter")?.unwrap_or(Duration::ZERO),
                fifo: options.flag("fifo")?,
                rate: options.read("rate", RATE, rate)?,
                queue: options.count("queue", 1)?.map(|frames| frames as usize),
            };
            Ok((cable, read))
        })?;
        let name = format!("{}-{}", a.name(), b.name());
        let net = lab.relay().link(&name, lab.net(), [a.net(), b.net()], &cable, read).or_raise(ctx)?;
        note_odd(&read);
        lab.has_link(&net, cable.mtu);
        let link = Self { net, mtu: cable.mtu, ends: Box::new([a.clone(), b.clone()]) };
        match (forth, back) {
            (Some(both), None) => link.both().place(ctx, &both)?,
            (forth, back) => {
                for (from, policy) in [forth, back].into_iter().enumerate() {
                    if let Some(policy) = policy {
                        LinkDirection::new(&link, Direction::From(from)).place(ctx, &policy)?;
                    }
                }
            }
        }
        planned::plan(&link).or_raise(ctx)?;
        Ok(link)
    }

    /// The link of the core.
    pub(super) fn net(&self) -> &relay::Link {
        &self.net
    }

    /// The lab it is of.
    pub(super) fn lab(&self) -> &ScriptLab {
        self.ends[0].lab()
    }

    /// The names of the hosts at the end `from` and at the other.
    pub(super) fn names(&self, from: usize) -> (&str, &str) {
        (self.ends[from].name(), self.ends[1 - from].name())
    }

    /// Both directions as one.
    fn both(&self) -> LinkDirection {
        LinkDirection::new(self, Direction::Both)
    }
}

/// What a rate may be.
pub(super) const RATE: &str = "bits a second, such as 10_000_000 or \"10M\"";

/// Bits a second: a number, or text with k, M or G after it.
pub(super) fn rate(value: &Dynamic) -> Option<u64> {
    let positive = |bits: f64| (1.0..1e15).contains(&bits).then_some(bits as u64);
    if let Ok(number) = value.as_int().map(|n| n as f64).or_else(|_| value.as_float()) {
        return positive(number);
    }
    let text = value.clone().into_string().ok()?;
    let text = text.trim_end_matches("bit/s").trim_end_matches("bit").trim_end_matches("bps");
    let (number, factor) = match text.char_indices().last()? {
        (at, 'k' | 'K') => (&text[..at], 1e3),
        (at, 'M') => (&text[..at], 1e6),
        (at, 'G') => (&text[..at], 1e9),
        _ => (text, 1.0),
    };
    positive(number.trim().parse::<f64>().ok()? * factor)
}

/// Reads the options of a recording: whether a file that exists is overwritten.
pub(super) fn overwrites(ctx: &NativeCallContext, options: &Map) -> ScriptResult<bool> {
    Options::all(ctx, "capture", options, |options| options.flag("overwrite"))
}

functions! {
    pub fn api;
    object LabLink as Link, "A link between two hosts.";

    /// The link's name: those of its hosts.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// expect(net.link(net.host("a"), net.host("b")).name, "a-b");
    /// ```
    get name(link: &mut LabLink) -> String = link.net.name().to_string();

    /// The direction of the link that begins at this host, for `set_policy` and for its counters.
    ///
    /// Errors: `invalid`: the host is at neither end.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let link = net.link(a, net.host("b"));
    /// expect(link.from(a).dropped, 0);
    /// ```
    fn from(ctx: NativeCallContext, link: &mut LabLink, host: HostObject) -> ScriptResult<LinkDirection> =
        match link.ends.iter().position(|end| end.is(&host)) {
            Some(from) => Ok(LinkDirection::new(link, Direction::From(from))),
            None => {
                let (a, b) = link.names(0);
                let message = format!("{} is at no end of the link {}", host.name(), link.net.name());
                raise(&ctx, Error::invalid("from", message).with_hint(format!("it joins {a} and {b}")))
            }
        };

    /// Takes the link down: what it is given is lost, and counted, and so is what is on its way.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let link = net.link(net.host("a"), net.host("b"));
    /// link.down();
    /// expect(link.is_up, false);
    /// ```
    fn down(link: &mut LabLink) = {
        link.net.set_up(false);
    };

    /// Brings the link up again.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let link = net.link(net.host("a"), net.host("b"));
    /// link.down();
    /// link.up();
    /// expect(link.is_up, true);
    /// ```
    fn up(link: &mut LabLink) = {
        link.net.set_up(true);
    };

    /// Whether the link is up.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// expect(net.link(net.host("a"), net.host("b")).is_up, true);
    /// ```
    get is_up(link: &mut LabLink) -> bool = link.net.is_up();

    /// How long the link holds each frame, each way. It can be set while traffic flows.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let link = net.link(net.host("a"), net.host("b"), #{ delay: 5.ms, jitter: 1.ms, rate: "10M" });
    /// expect(link.delay, 5.ms);
    /// ```
    get delay(link: &mut LabLink) -> Duration = link.both().options().delay;

    /// Sets how long the link holds each frame from now on, each way.
    ///
    /// Errors: `invalid`: it is negative.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let link = net.link(net.host("a"), net.host("b"), #{ delay: 5.ms, jitter: 1.ms, rate: "10M" });
    /// link.delay = 20.ms;
    /// expect(link.delay, 20.ms);
    /// ```
    set delay(ctx: NativeCallContext, link: &mut LabLink, delay: Duration) -> ScriptResult<()> =
        link.both().change(&ctx, |options| options.delay = delay);

    /// By how much the link's delay varies, give or take.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let link = net.link(net.host("a"), net.host("b"), #{ delay: 5.ms, jitter: 1.ms, rate: "10M" });
    /// expect(link.jitter, 1.ms);
    /// ```
    get jitter(link: &mut LabLink) -> Duration = link.both().options().jitter;

    /// Sets by how much the link's delay varies from now on, give or take. More than the delay is noted once: a frame whose
    /// delay would be negative is held for none, so that the mean is more than the delay.
    ///
    /// Errors: `invalid`: it is negative.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let link = net.link(net.host("a"), net.host("b"), #{ delay: 5.ms, jitter: 1.ms, rate: "10M" });
    /// link.jitter = 2.ms;
    /// expect(link.jitter, 2.ms);
    /// ```
    set jitter(ctx: NativeCallContext, link: &mut LabLink, jitter: Duration) -> ScriptResult<()> =
        link.both().change(&ctx, |options| options.jitter = jitter);

    /// The rate of the link in bits a second, each way; `()` if it has none and carries as fast as it goes.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let link = net.link(net.host("a"), net.host("b"), #{ delay: 5.ms, jitter: 1.ms, rate: "10M" });
    /// expect(link.rate, 10_000_000);
    /// ```
    get rate(link: &mut LabLink) -> Dynamic =
        link.both().options().rate.map_or(Dynamic::UNIT, |rate| (rate as i64).into());

    /// Sets the rate of the link from now on: bits a second, a number or text such as `"10M"`; `()` for none.
    ///
    /// Errors: `invalid`: it is something else.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let link = net.link(net.host("a"), net.host("b"), #{ delay: 5.ms, jitter: 1.ms, rate: "10M" });
    /// link.rate = "1.5M";
    /// expect(link.rate, 1_500_000);
    /// ```
    set rate(ctx: NativeCallContext, link: &mut LabLink, rate: Dynamic) -> ScriptResult<()> =
        link.both().set_rate(&ctx, &rate);

    /// The largest IP packet that the link carries, in bytes: 1500 unless it was made with another.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// expect(net.link(net.host("a"), net.host("b"), #{ mtu: 1400 }).mtu, 1400);
    /// ```
    get mtu(link: &mut LabLink) -> i64 = link.mtu.into();

    /// Records all that the link carries to a file: pcapng, with a comment for each packet that a policy touched, or pcap if
    /// its name ends so. Links and hosts given the same file share it: pcapng names the link of each packet. A link given
    /// several files is recorded in each.
    ///
    /// Errors: `file`: it cannot be written, it exists, or another run writes it.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let link = net.link(net.host("a"), net.host("b"));
    /// link.capture("/dev/null");
    /// let kind = "";
    /// try { link.capture("/dev/null/no.pcapng"); } catch (e) { kind = e.kind; }
    /// expect(kind, "file");
    /// ```
    fn capture(ctx: NativeCallContext, link: &mut LabLink, file: &str) -> ScriptResult<()> =
        check_file("capture", file.as_ref()).and_then(|()| link.net.capture(file, false)).or_raise(&ctx);

    /// Records all that the link carries to a file. Option: `overwrite` (`false`): whether a file that exists is overwritten.
    ///
    /// Errors: `file`: it cannot be written, it exists, or another run writes it; `invalid`: an unknown option.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let link = net.link(net.host("a"), net.host("b"));
    /// link.capture("/dev/null", #{ overwrite: true });
    /// let kind = "";
    /// try { link.capture("/dev/null/no.pcapng", #{ overwrite: true }); } catch (e) { kind = e.kind; }
    /// expect(kind, "file");
    /// ```
    fn capture(ctx: NativeCallContext, link: &mut LabLink, file: &str, options: Map) -> ScriptResult<()> = {
        let overwrite = overwrites(&ctx, &options)?;
        check_file("capture", file.as_ref()).and_then(|()| link.net.capture(file, overwrite)).or_raise(&ctx)
    };

    /// Frames that came onto the link, from both ends.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let link = net.link(net.host("a"), net.host("b"), #{ delay: 5.ms, jitter: 1.ms, rate: "10M" });
    /// expect(link.frames, link.passed);
    /// ```
    get frames(link: &mut LabLink) -> i64 = link.both().counts().frames as i64;

    /// Frames that the link has let go on.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// let link = net.link(a, b);
    /// set_policy(link, |pkt| if pkt.protocol == "udp" { reject("icmp-admin-prohibited") } else { pass() });
    /// run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(link.passed, link.frames - 1);
    /// ```
    get passed(link: &mut LabLink) -> i64 = link.both().counts().passed as i64;

    /// Frames that a policy dropped.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let link = net.link(net.host("a"), net.host("b"), #{ delay: 5.ms, jitter: 1.ms, rate: "10M" });
    /// expect(link.dropped, 0);
    /// ```
    get dropped(link: &mut LabLink) -> i64 = link.both().counts().dropped as i64;

    /// Frames that a policy rejected.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let link = net.link(net.host("a"), net.host("b"), #{ delay: 5.ms, jitter: 1.ms, rate: "10M" });
    /// expect(link.rejected, 0);
    /// ```
    get rejected(link: &mut LabLink) -> i64 = link.both().counts().rejected as i64;

    /// All counts of the link, as a map. Each of its `frames` (in all `bytes`) is in one of `passed`, `dropped` and `rejected` by
    /// a policy (of these `unanswered`: no error may be about it), `queue_full`, `no_room`, `down` and `unusable`. Of those that passed
    /// some were `delayed`, `corrupted` or `replaced`, some have added `duplicated` ones; on some the policy `failed`, some
    /// are `malformed`, and some the host's kernel had no room for: `undelivered`. `overrun` counts those that came faster
    /// than they were carried.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let link = net.link(net.host("a"), net.host("b"), #{ delay: 5.ms, jitter: 1.ms, rate: "10M" });
    /// expect(link.counts.queue_full, 0);
    /// ```
    get counts(link: &mut LabLink) -> Map = map_of(link.both().counts());

    /// The link and what it has carried, in words.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let link = net.link(net.host("a"), net.host("b"));
    /// expect(`${link}`.starts_with("link a-b: from a to b "), true);
    /// ```
    fn to_string | to_debug(link: &mut LabLink) -> String = {
        let lines = [0, 1].map(|from| {
            let (here, there) = link.names(from);
            format!("from {here} to {there} {}", account(link.net.counts(from)))
        });
        format!("link {}: {}", link.net.name(), lines.join("; "))
    };
}
