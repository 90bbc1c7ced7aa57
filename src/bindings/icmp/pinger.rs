//! Echo requests on a schedule, to one target or to many.

use rhai::{Array, Dynamic, Map, NativeCallContext};

use super::probe::subject;
use super::socket::SIZE;
use crate::bindings::convert::{Options, host};
use crate::bindings::error::{OrRaise, ScriptResult, raise};
use crate::bindings::udp::schedule::{Closures, Schedule, plan, targets};
use crate::net::error::Error;
use crate::net::probe::targets::Targets;
use crate::net::socket::icmp::IcmpSocket;
use crate::net::socket::pinger::{PingMessage, Pinger as NetPinger};

functions! {
    pub fn api;

    /// Sends echo requests on a schedule: `for ping in pinger(sock, to, #{ … })` gives each ping's outcome as it is settled.
    /// `to` is a host, what `icmp::targets` gave, or an array of hosts and of maps `#{ to: host, ttl: 3 }`; several are pinged
    /// in turn. Ping k is sent at the start plus k intervals, whether or not replies came.
    ///
    /// Options as of `pinger` over UDP: `count`: pings to each target (1 if they are a list, else without end), `interval`
    /// (1.s; zero: as fast as `window` allows), `timeout` (1.s), `icmp_wait` (as `timeout`), `window`, `max_gap`, `size` (56),
    /// `awake`, `sends`, `strays`. `ping` of iputils stays awake for 10 ms: a processor that has just woken is slower, and round-trip times
    /// of pings far apart are then longer.
    ///
    /// `probe`: each asks about this interface, as the method `probe` does, with its option `neighbour`; at most 128 of those are
    /// in flight.
    ///
    /// Errors: `invalid` (also an unknown option), `resolve`, `too-large`; in the loop: `closed`, `busy`.
    ///
    /// ```rhai
    /// let sock = icmp::open("127.0.0.1");
    /// let replies = 0;
    /// let all = icmp::targets("127.0.0.1-9");
    /// for ping in pinger(sock, all, #{ interval: 1.ms }) { if ping.kind == "reply" { replies += 1; } }
    /// expect(replies, 9);
    ///
    /// let about = [];
    /// let plan = #{ count: 2, interval: 1.ms, timeout: 50.ms, icmp_wait: 0.s, sends: true, probe: "lo" };
    /// for ping in pinger(sock, "127.0.0.1", plan) { if ping.kind == "sent" { about.push(ping.seq); } }
    /// expect(about, [10, 11]);
    /// ```
    fn pinger(ctx: NativeCallContext, socket: IcmpSocket, to: Dynamic, options: Map) -> ScriptResult<Schedule> = {
        let targets = targets(&ctx, &to, host)?;
        let mut options = Options::new("pinger", &options);
        let mut plan = plan(&mut options, targets, SIZE).or_raise(&ctx)?;
        let (interface, neighbour) = (options.value("probe"), options.flag("neighbour").or_raise(&ctx)?);
        options.finish().or_raise(&ctx)?;
        if let Some(interface) = interface {
            plan.message = PingMessage::Question(subject(&ctx, interface, neighbour)?);
        }
        let tally = socket.tally().clone();
        Ok(Schedule::new(NetPinger::over_icmp(socket, plan).or_raise(&ctx)?, Closures::none(), tally))
    };

    /// How many targets there are.
    ///
    /// ```rhai
    /// expect(icmp::targets("10.0.0.1-10.0.1.0").len, 256);
    /// ```
    get len(targets: &mut Targets) -> i64 = targets.len() as i64;

    /// The targets in so many parts of about the same size, an array: one for each thread of a sweep.
    ///
    /// Errors: `invalid`: the number is not 1 to 1024.
    ///
    /// ```rhai
    /// let parts = icmp::targets("10.0.0.0/24").parts(2);
    /// expect(parts[1][0].ip, "10.0.0.128");
    /// ```
    fn parts(ctx: NativeCallContext, targets: &mut Targets, count: i64) -> ScriptResult<Array> =
        match u64::try_from(count) {
            Ok(count @ 1..=1024) => Ok((0..count).map(|index| Dynamic::from(targets.slice(index, count))).collect()),
            _ => raise(&ctx, Error::invalid("parts", format!("{count} parts cannot be made: it takes 1 to 1024"))),
        };

    /// The target at an index from 0, an address with port 0.
    ///
    /// Errors: `invalid`: there is none.
    ///
    /// ```rhai
    /// expect(icmp::targets("10.0.0.0/24")[0].ip, "10.0.0.1");
    /// ```
    index get(ctx: NativeCallContext, targets: &mut Targets, index: i64) -> ScriptResult<std::net::SocketAddr> =
        match u64::try_from(index) {
            Ok(index) if index < targets.len() => {
                let target = targets.get(index);
                target.unresolved.map_or(Ok(target.to), |error| raise(&ctx, (*error).clone()))
            }
            _ => raise(
                &ctx,
                Error::invalid("targets", format!("there is no target {index}: there are {}", targets.len())),
            ),
        };

    /// The number of targets, in words.
    ///
    /// ```rhai
    /// expect(`${icmp::targets("10.0.0.1-9")}`, "9 targets");
    /// ```
    fn to_string | to_debug(targets: &mut Targets) -> String =
        format!("{} target{}", targets.len(), if targets.len() == 1 { "" } else { "s" });
}
