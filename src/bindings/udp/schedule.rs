//! A schedule of pings in scripts: its options, its loop, and the closures that it calls.

use std::cell::Cell;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Array, Dynamic, EvalAltResult, FnPtr, Map, NativeCallContext, Position};

use super::ping::Ping;
use crate::bindings::callback::Callback;
use crate::bindings::context;
use crate::bindings::convert::{Options, bytes, shown};
use crate::bindings::error::{OrRaise, ScriptResult, raise, thrown};
use crate::net::error::{Error, ErrorKind};
use crate::net::host::stop::Stop;
use crate::net::policy::datagram::Datagram;
use crate::net::probe::outcome::{Match, Outcome, Probe, Slot};
use crate::net::probe::targets::{Target, Targets};
use crate::net::socket::pinger::{PingMessage, Pinger as NetPinger, Plan, Script};
use crate::net::socket::prober::Tally;
use crate::net::time::Duration;

/// Pings on a schedule, in scripts.
#[derive(Clone)]
pub struct Schedule(Arc<Mutex<Running>>, Tally);

/// A pinger and the closures that it calls.
struct Running {
    pinger: NetPinger,
    closures: Closures,
}

impl Schedule {
    /// What `pinger` does over the socket of `tally`.
    pub(in crate::bindings) fn new(pinger: NetPinger, closures: Closures, tally: Tally) -> Self {
        Self(Arc::new(Mutex::new(Running { pinger, closures })), tally)
    }

    /// What is known of the probes of its socket.
    pub(in crate::bindings) fn tally(&self) -> &Tally {
        &self.1
    }

    /// Gives each ping to `take` as it ends, until all have.
    ///
    /// # Errors
    /// Those of the pinger, and what its closures throw.
    pub(in crate::bindings) fn each(
        &self,
        ctx: &NativeCallContext,
        mut take: impl FnMut(&Outcome),
    ) -> ScriptResult<()> {
        let stop = context::current().stop;
        while let Some(outcome) = self.next(&stop, ctx.call_position())? {
            take(&outcome);
        }
        Ok(())
    }

    fn next(&self, stop: &Stop, at: Position) -> ScriptResult<Option<Outcome>> {
        let Running { pinger, closures } = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failure = Cell::new(None);
        let (message, seq_of, packet) = (&mut closures.message, &mut closures.seq_of, &closures.packet);
        let mut make =
            message.as_mut().map(|message| |seq| made(message, seq).map_err(|error| failure.set(Some(error))));
        let mut matches = seq_of.as_mut().map(|seq_of| {
            |datagram: &Datagram| {
                matched(seq_of, packet(datagram.clone()), at).map_err(|error| failure.set(Some(error)))
            }
        });
        let mut script = Script::default();
        if let Some(make) = &mut make {
            script.message = Some(make);
        }
        if let Some(matches) = &mut matches {
            script.matcher = Some(matches);
        }
        let outcome = pinger.next(stop, &mut script);
        match failure.take() {
            Some(error) => Err(error),
            None => outcome.map_err(|error| thrown(error, at)),
        }
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pinger({:?})", self.1.counts())
    }
}

impl IntoIterator for Schedule {
    type Item = ScriptResult<Dynamic>;
    type IntoIter = Box<dyn Iterator<Item = Self::Item>>;

    fn into_iter(self) -> Self::IntoIter {
        let stop = context::current().stop;
        let mut ended = false;
        Box::new(std::iter::from_fn(move || {
            // A loop with an empty body asks on after an error.
            if ended {
                return None;
            }
            match self.next(&stop, Position::NONE) {
                Ok(None) => None,
                Ok(Some(outcome)) => Some(Ok(Dynamic::from(Ping::new(self.1.clone(), outcome)))),
                Err(error) => {
                    ended = true;
                    Some(Err(error))
                }
            }
        }))
    }
}

/// The closures of a schedule: they make its messages and match its replies.
pub(in crate::bindings) struct Closures {
    message: Option<Callback>,
    seq_of: Option<Callback>,
    /// A datagram as the second closure gets it.
    packet: Box<dyn Fn(Datagram) -> Dynamic + Send>,
}

impl Closures {
    /// None.
    pub(in crate::bindings) fn none() -> Self {
        Self { message: None, seq_of: None, packet: Box::new(|_| Dynamic::UNIT) }
    }

    /// Those among `options`, with `plan`'s message set to what they say; `packet` makes of a datagram what a script sees. Pings to
    /// one target that all say the same do not overlap, unless `window` is given: their replies cannot be distinguished.
    ///
    /// # Errors
    /// `invalid`: a value of the wrong kind.
    pub(in crate::bindings) fn read(
        ctx: &NativeCallContext,
        options: &mut Options<'_>,
        plan: &mut Plan,
        packet: impl Fn(Datagram) -> Dynamic + Send + 'static,
    ) -> ScriptResult<Self> {
        let mut closures = Self { packet: Box::new(packet), ..Self::none() };
        if let Some(given) = options.value("message") {
            if let Some(closure) = given.clone().try_cast::<FnPtr>() {
                closures.message = Some(Callback::new(ctx, closure));
                plan.message = PingMessage::Made;
            } else {
                plan.message = PingMessage::Same(bytes(ctx, given.clone())?.into());
            }
        }
        let closure = |value: &Dynamic| value.clone().try_cast::<FnPtr>();
        let seq_of = options.read("seq_of", "a closure: |reply| …", closure).or_raise(ctx)?;
        closures.seq_of = seq_of.map(|closure| Callback::new(ctx, closure).noting("matcher"));
        let alike = matches!(plan.message, PingMessage::Same(_)) && plan.targets.len() == 1;
        if alike && !closures.match_replies() && options.value("window").is_none() {
            plan.window = 1;
        }
        Ok(closures)
    }

    /// Whether replies are matched by a closure.
    pub(in crate::bindings) fn match_replies(&self) -> bool {
        self.seq_of.is_some()
    }
}

/// The message with this number.
fn made(message: &mut Callback, seq: u64) -> Result<Vec<u8>, Box<EvalAltResult>> {
    let value = message.call([Dynamic::from(seq as i64)])?;
    let (_, position) = message.place();
    match crate::bindings::convert::data(&value) {
        Some(bytes) => Ok(bytes),
        None => {
            let error = Error::invalid("pinger", format!("the closure `message` returned {}", shown(&value)));
            Err(thrown(error.with_hint("it returns a string or a blob: |seq| `hello ${seq}`"), position))
        }
    }
}

/// Which message `packet` replies to.
fn matched(seq_of: &mut Callback, packet: Dynamic, at: Position) -> Result<Match, Box<EvalAltResult>> {
    let value = seq_of.call([packet])?;
    match value.as_int().ok().and_then(|seq| u64::try_from(seq).ok()) {
        Some(seq) => Ok(Match::Number(seq)),
        None if value.as_bool() == Ok(true) => Ok(Match::Awaited),
        None if value.is_bool() => Ok(Match::Nothing),
        None if value.is_unit() || value.is_int() => Ok(Match::Nothing),
        None => {
            let error = Error::invalid("pinger", format!("the closure `seq_of` returned {}", shown(&value)));
            Err(thrown(error.with_hint("it returns the number of the message that is replied to, or ()"), at))
        }
    }
}

/// A probe to `to` without a message yet, with the options `timeout` and `icmp_wait`.
pub(in crate::bindings) fn probe<'a>(options: &mut Options<'_>, to: SocketAddr) -> Result<Probe<'a>, Error> {
    let (timeout, icmp_wait) = timeouts(options)?;
    Ok(Probe { to, unresolved: None, message: &[], timeout, icmp_wait, ttl: None, slot: Slot::default() })
}

/// The options `timeout` and `icmp_wait`.
fn timeouts(options: &mut Options<'_>) -> Result<(Duration, Duration), Error> {
    let timeout = options.duration("timeout")?.unwrap_or(Duration::from_secs(1));
    Ok((timeout, options.duration("icmp_wait")?.unwrap_or(timeout)))
}

/// The options of a schedule to `targets`, of messages of `size` bytes if nothing is said.
///
/// # Errors
/// `invalid`: a value of the wrong kind.
pub(in crate::bindings) fn plan(
    options: &mut Options<'_>,
    (targets, is_list): (Targets, bool),
    size: usize,
) -> Result<Plan, Error> {
    let number = |value: &Dynamic| value.as_int().ok().filter(|&n| n >= 0).map(|n| Some(n as u64));
    let read = |value: &Dynamic| if value.is_unit() { Some(None) } else { number(value) };
    let count = options.read("count", "a whole number from 0 up, or () for no end", read)?;
    let count = count.unwrap_or(is_list.then_some(1));
    let interval = options.duration("interval")?.unwrap_or(Duration::from_secs(1));
    let (timeout, icmp_wait) = timeouts(options)?;
    let all = if interval == Duration::ZERO { 1 } else { 65_536 };
    let window = options.count("window", 1)?.unwrap_or(all) as usize;
    let size = options.count("size", 0)?.map_or(size, |size| size as usize);
    let max_gap = options.duration("max_gap")?;
    let report = options.switch("report")?.unwrap_or(true);
    let (sends, awake) = (options.flag("sends")?, options.duration("awake")?.unwrap_or(Duration::ZERO));
    let (message, strays) = (PingMessage::Ping, options.flag("strays")?);
    Ok(Plan {
        targets,
        count,
        interval,
        timeout,
        icmp_wait,
        window,
        max_gap,
        size,
        message,
        sends,
        strays,
        report,
        awake,
    })
}

/// Where pings go, and whether that is a list: one address, `Targets`, or an array of addresses and of maps `#{ to: address, ttl: 3 }`;
/// addresses are read by `read`.
pub(in crate::bindings) fn targets(
    ctx: &NativeCallContext,
    to: &Dynamic,
    read: fn(&NativeCallContext, &Dynamic) -> ScriptResult<SocketAddr>,
) -> ScriptResult<(Targets, bool)> {
    if let Some(targets) = to.clone().try_cast::<Targets>() {
        return Ok((targets, true));
    }
    let Some(list) = to.clone().try_cast::<Array>() else {
        return Ok((Targets::one(read(ctx, to)?), false));
    };
    // A name without an address is that target's outcome, and no end of the others.
    let target = |to: &Dynamic| match read(ctx, to) {
        Ok(to) => Ok(Target::at(to)),
        Err(error) => unresolved(&error).map(Target::unresolved).ok_or(error),
    };
    let one = |item: Dynamic| {
        let Some(map) = item.clone().try_cast::<Map>() else { return target(&item) };
        let read = |options: &mut Options<'_>| Ok((options.value("to").cloned(), options.byte("ttl")?));
        let (to, ttl) = Options::all(ctx, "pinger", &map, read)?;
        match to {
            Some(to) => Ok(Target { ttl, ..target(&to)? }),
            None => raise(ctx, Error::invalid("pinger", format!("{} has no `to`", shown(&item)))),
        }
    };
    Ok((Targets::list(list.into_iter().map(one).collect::<ScriptResult<Vec<Target>>>()?), true))
}

/// What `error` says, if it is that a name has no address.
fn unresolved(error: &EvalAltResult) -> Option<Error> {
    let EvalAltResult::ErrorRuntime(value, _) = error else { return None };
    value.clone().try_cast::<Error>().filter(|error| error.kind == ErrorKind::Resolve)
}
