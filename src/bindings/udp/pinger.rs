//! Sending pings from scripts: one that is waited for, or many on a schedule.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use rhai::plugin::*;
use rhai::{Array, Dynamic, FnPtr, Map, NativeCallContext, Position};

use super::packet::Packet;
use super::ping::Ping;
use crate::bindings::callback::Callback;
use crate::bindings::context::{self, ScriptResult};
use crate::bindings::convert::{Options, address, bytes, shown};
use crate::bindings::error::{OrRaise, raise, thrown};
use crate::net::error::Error;
use crate::net::pinger::{Pinger as NetPinger, Plan};
use crate::net::prober::{Outcome, Probe, Tally};
use crate::net::stop::Stop;
use crate::net::targets::{Target, Targets};
use crate::net::time::Duration;
use crate::net::udp::{Datagram, Incoming, UdpSocket, check_size};

/// Pings on a schedule, in scripts.
#[derive(Clone)]
pub struct Schedule(Arc<std::sync::Mutex<NetPinger>>, Tally);

impl Schedule {
    /// What `pinger` does over the socket of `tally`.
    pub fn new(pinger: NetPinger, tally: Tally) -> Self {
        Self(Arc::new(std::sync::Mutex::new(pinger)), tally)
    }

    /// What is known of the probes of its socket.
    pub(in crate::bindings) fn tally(&self) -> &Tally {
        &self.1
    }

    /// Gives each ping to `take` as it ends, until all have.
    ///
    /// # Errors
    /// Those of the pinger.
    pub(in crate::bindings) fn each(&self, mut take: impl FnMut(&Outcome)) -> Result<(), Error> {
        let stop = context::current().stop;
        while let Some(outcome) = self.next(&stop)? {
            take(&outcome);
        }
        Ok(())
    }

    fn next(&self, stop: &Stop) -> Result<Option<Outcome>, Error> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next(stop)
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
            match self.next(&stop) {
                Ok(None) => None,
                Ok(Some(outcome)) => Some(Ok(Dynamic::from(Ping::new(self.1.clone(), outcome)))),
                Err(err) => {
                    ended = true;
                    Some(Err(thrown(err, Position::NONE)))
                }
            }
        }))
    }
}

fn ping(
    ctx: &NativeCallContext,
    socket: UdpSocket,
    to: &Dynamic,
    message: Dynamic,
    options: &Map,
    matcher: Option<FnPtr>,
) -> ScriptResult<Ping> {
    let to = address(ctx, to)?;
    let mut options = Options::new("ping", options);
    let mut read = || Ok((timeouts(&mut options)?, options.count("size", 0)?.unwrap_or(0)));
    let ((timeout, icmp_wait), size) = read().or_raise(ctx)?;
    options.finish().or_raise(ctx)?;
    let message = padded(bytes(ctx, message)?, size).or_raise(ctx)?;
    let probe = Probe { to, message: &message, timeout, icmp_wait, ttl: None };
    let stop = context::current().stop;
    let Some(matcher) = matcher else {
        let outcome = socket.ping(&probe, &stop, None).or_raise(ctx)?;
        return Ok(Ping::new(socket.tally().clone(), outcome));
    };
    let mut callback = Callback::new(ctx, matcher);
    let mut failure = None;
    let mut matches = |datagram: &Datagram| {
        let packet = Packet::new(socket.clone(), Incoming::Packet(datagram.clone()));
        match callback.call([Dynamic::from(packet)]) {
            Ok(value) => value.as_bool().map_err(|_| {
                failure = Some(thrown(
                    Error::invalid("ping", format!("the closure returned {}, not true or false", shown(&value))),
                    ctx.call_position(),
                ));
            }),
            Err(error) => {
                failure = Some(error);
                Err(())
            }
        }
    };
    let outcome = socket.ping(&probe, &stop, Some(&mut matches));
    match failure {
        Some(error) => Err(error),
        None => outcome.or_raise(ctx).map(|outcome| Ping::new(socket.tally().clone(), outcome)),
    }
}

/// The options `timeout` and `icmp_wait`.
pub(in crate::bindings) fn timeouts(options: &mut Options<'_>) -> Result<(Duration, Duration), Error> {
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
    let count = options.count("count", 0)?.or(is_list.then_some(1));
    let interval = options.duration("interval")?.unwrap_or(Duration::from_secs(1));
    let (timeout, icmp_wait) = timeouts(options)?;
    let all = if interval == Duration::ZERO { 1 } else { 65_536 };
    let window = options.count("window", 1)?.unwrap_or(all) as usize;
    let size = options.count("size", 0)?.map_or(size, |size| size as usize);
    let max_gap = options.duration("max_gap")?;
    Ok(Plan { targets, count, interval, timeout, icmp_wait, window, max_gap, size })
}

/// The message, padded with blanks to `size` bytes.
///
/// # Errors
/// `too-large`: no datagram holds so many.
fn padded(mut message: Vec<u8>, size: u64) -> Result<Vec<u8>, Error> {
    let size = message.len().max(usize::try_from(size).unwrap_or(usize::MAX));
    check_size(size)?;
    message.resize(size, b' ');
    Ok(message)
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
    let one = |item: Dynamic| {
        let Some(map) = item.clone().try_cast::<Map>() else {
            return Ok(Target { to: read(ctx, &item)?, ttl: None });
        };
        let mut options = Options::new("pinger", &map);
        let (to, ttl) = (options.value("to").cloned(), options.byte("ttl").or_raise(ctx)?);
        options.finish().or_raise(ctx)?;
        match to {
            Some(to) => Ok(Target { to: read(ctx, &to)?, ttl }),
            None => raise(ctx, Error::invalid("pinger", format!("{} has no `to`", shown(&item)))),
        }
    };
    Ok((Targets::list(list.into_iter().map(one).collect::<ScriptResult<Vec<Target>>>()?), true))
}

/// Pings from a socket, one or on a schedule.
#[export_module]
#[allow(clippy::unwrap_used)] // the code that the macro writes
pub mod api {
    /// Pings on a schedule.
    pub type Pinger = super::Schedule;

    /// Sends `message` to `to` and waits for the answer, which repeats the message in any case of its letters; a message
    /// `ping N …` is told from others by its number. If none comes in `timeout`, an ICMP error is waited for once more as
    /// long. The result's `kind` is `"reply"`, `"icmp"`, `"timeout"`, `"error"` (this host could not send it) or
    /// `"interrupted"`.
    ///
    /// Late, duplicate, reordered, foreign, truncated and corrupt answers are counted apart: see `counts`.
    ///
    /// Errors: `too-large`, `closed`, `invalid`, `resolve`.
    ///
    /// ```rhai
    /// let server = start("udp_server.rhai", ["--listen", "127.0.0.1:0", "--quiet"]);
    /// let ping = udp::open(server.addr).ping(server.addr, "ping 1", 100.ms);
    /// expect(ping.kind == "reply" || ping.kind == "timeout", true);
    /// ```
    #[rhai_fn(global, pure, name = "ping", return_raw)]
    pub fn ping_for(
        ctx: NativeCallContext,
        socket: &mut UdpSocket,
        to: Dynamic,
        message: Dynamic,
        timeout: Duration,
    ) -> ScriptResult<Ping> {
        let options = Map::from([("timeout".into(), Dynamic::from(timeout))]);
        super::ping(&ctx, socket.clone(), &to, message, &options, None)
    }

    /// As `ping` with a timeout, with options: `timeout` (1.s), `icmp_wait`: how long after it an ICMP error is waited for
    /// (as long as `timeout`), `size`: pad the message with spaces to this many bytes (0).
    ///
    /// Errors: `too-large`, `closed`, `invalid` (also an unknown option), `resolve`.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// let ping = sock.ping(udp::closed_port(), "ping 1", #{ timeout: 100.ms, size: 64 });
    /// expect(ping.kind, "icmp");
    /// ```
    #[rhai_fn(global, pure, name = "ping", return_raw)]
    pub fn ping_with(
        ctx: NativeCallContext,
        socket: &mut UdpSocket,
        to: Dynamic,
        message: Dynamic,
        options: Map,
    ) -> ScriptResult<Ping> {
        super::ping(&ctx, socket.clone(), &to, message, &options, None)
    }

    /// As `ping` with options, for a protocol of the script's own: `matches` is called with each datagram from the peer and
    /// says whether it is the answer.
    ///
    /// Errors: as `ping`; what the closure throws; `invalid`: it returns neither true nor false.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// let ping = ping(sock, sock.addr, "who?", #{ timeout: 100.ms }, |reply| reply.text.starts_with("who"));
    /// expect(ping.kind, "reply");
    /// ```
    #[rhai_fn(global, name = "ping", return_raw)]
    pub fn ping_matching(
        ctx: NativeCallContext,
        socket: UdpSocket,
        to: Dynamic,
        message: Dynamic,
        options: Map,
        matches: FnPtr,
    ) -> ScriptResult<Ping> {
        super::ping(&ctx, socket, &to, message, &options, Some(matches))
    }

    /// Pings `to` on a schedule: `for ping in pinger(sock, to, #{ … })` gives each ping's outcome as it is settled. Ping k is
    /// sent at the start plus k intervals, whether or not answers came; slots that were missed are counted, not caught up.
    /// `to` is an address, or an array of addresses and of maps `#{ to: address, ttl: 3 }`, which are pinged in turn.
    ///
    /// Options: `count`: pings to each address (1 if it is a list, else without end), `interval` (1.s; zero: as fast as
    /// `window` allows), `timeout` (1.s), `icmp_wait` (as `timeout`), `window`: how many may be in flight at a time (1 if the interval is zero, else 65,536), `max_gap`: with a
    /// full window, the next is sent so long after the last all the same (it waits), `size` (0).
    ///
    /// Errors: `invalid` (also an unknown option), `resolve`; in the loop: `closed`, `too-large`.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// let seen = 0;
    /// for ping in pinger(sock, udp::closed_port(), #{ count: 3, interval: 1.ms, timeout: 100.ms }) { seen += 1; }
    /// expect(seen, 3);
    /// ```
    #[rhai_fn(global, return_raw)]
    pub fn pinger(ctx: NativeCallContext, socket: UdpSocket, to: Dynamic, options: Map) -> ScriptResult<Pinger> {
        let targets = targets(&ctx, &to, address)?;
        let mut options = Options::new("pinger", &options);
        let plan = plan(&mut options, targets, 0).or_raise(&ctx)?;
        options.finish().or_raise(&ctx)?;
        let pinger = NetPinger::new(socket.clone(), plan).or_raise(&ctx)?;
        Ok(Schedule::new(pinger, socket.tally().clone()))
    }
}
