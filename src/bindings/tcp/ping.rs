//! Pings over a connection, in scripts.

use rhai::plugin::*;
use rhai::{Array, Dynamic, Map, NativeCallContext};

use super::connection::api::Connection;
use crate::bindings::context::{self, ScriptResult};
use crate::bindings::convert::{Options, bytes};
use crate::bindings::error::{OrRaise, raise};
use crate::bindings::udp::ping::Ping;
use crate::bindings::udp::pinger::{Schedule, plan};
use crate::net::error::Error;
use crate::net::pinger::Pinger as NetPinger;
use crate::net::prober::Probe;
use crate::net::targets::Targets;
use crate::net::time::Duration;

fn ping(ctx: &NativeCallContext, conn: &Connection, message: Dynamic, options: &Map) -> ScriptResult<Ping> {
    let mut options = Options::new("ping", options);
    let mut read = || {
        let timeout = options.duration("timeout")?.unwrap_or(Duration::from_secs(1));
        Ok((timeout, options.duration("icmp_wait")?.unwrap_or(timeout), options.count("size", 0)?.unwrap_or(0)))
    };
    let (timeout, icmp_wait, size) = read().or_raise(ctx)?;
    options.finish().or_raise(ctx)?;
    let mut message = bytes(ctx, message)?;
    let size = message.len().max(usize::try_from(size).unwrap_or(usize::MAX));
    if size == 0 || size > conn.limit() {
        let limit = conn.limit();
        let error = Error::invalid("ping", format!("a ping over a connection has 1 to {limit} bytes, not {size}"));
        return raise(ctx, error.with_hint("the option `limit` of tcp::connect and tcp::listen allows more"));
    }
    message.resize(size, b' ');
    let probe = Probe { to: conn.peer(), message: &message, timeout, icmp_wait, ttl: None };
    let outcome = conn.ping(&probe, &context::current().stop).or_raise(ctx)?;
    Ok(Ping::new(conn.tally().clone(), outcome))
}

/// Pings over a connection.
#[export_module]
#[allow(clippy::unwrap_used)] // the code that the macro writes
pub mod api {
    /// Sends `message` and waits for the answer, which repeats it in any case of its letters; a message `ping N …` is told
    /// from others by its number. If none comes in `timeout`, an ICMP error is waited for once more as long. The result's
    /// `kind` is `"reply"`; `"icmp"`: an ICMP error came, which the connection survives (`"unreachable"`: only its errno is
    /// known); `"closed"` or `"reset"`: the connection has ended; `"timeout"`, `"error"` or `"interrupted"`.
    ///
    /// Without framing, an answer that holds several settles each of those still waited for; the others are late.
    ///
    /// Errors: `closed`: it was closed here; `busy`: another thread pings over it.
    ///
    /// ```rhai
    /// let server = start("tcp_single.rhai", ["--listen", "127.0.0.1:0", "--quiet"]);
    /// let conn = tcp::connect(server.addr);
    /// expect(conn.ping("ping 1", 5.s).text, "PING 1");
    /// conn.close();
    /// ```
    #[rhai_fn(name = "ping", pure, return_raw)]
    pub fn ping_over_for(
        ctx: NativeCallContext,
        conn: &mut Connection,
        message: Dynamic,
        timeout: Duration,
    ) -> ScriptResult<Ping> {
        let options = Map::from([("timeout".into(), Dynamic::from(timeout))]);
        super::ping(&ctx, conn, message, &options)
    }

    /// As `ping` with a timeout, with options: `timeout` (1.s), `icmp_wait`: how long after it an ICMP error is waited for
    /// (as long as `timeout`), `size`: pad the message with spaces to this many bytes (0).
    ///
    /// Errors: `closed`, `busy`; `invalid` (also an unknown option).
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let conn = tcp::connect(listener.addr);
    /// expect(conn.ping("ping 1", #{ timeout: 1.ms, icmp_wait: 0.s }).kind, "timeout");
    /// ```
    #[rhai_fn(name = "ping", pure, return_raw)]
    pub fn ping_over_with(
        ctx: NativeCallContext,
        conn: &mut Connection,
        message: Dynamic,
        options: Map,
    ) -> ScriptResult<Ping> {
        super::ping(&ctx, conn, message, &options)
    }

    /// Whether the type and code of ICMP errors are heard, at a raw socket: that takes CAP_NET_RAW. Without it, an error
    /// during a connection is known by its errno alone, which several kinds share.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// print(tcp::connect(listener.addr).hears_icmp);
    /// ```
    #[rhai_fn(get = "hears_icmp", pure)]
    pub fn connection_hears_icmp(conn: &mut Connection) -> bool {
        conn.hears_icmp()
    }

    /// ICMP messages that came since the last call, are about the connection, and settle no ping: redirects, source quenches,
    /// extended echo replies. An array of what `icmp` of a ping is; empty where `hears_icmp` is false.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// expect(tcp::connect(listener.addr).notices().len, 0);
    /// ```
    #[rhai_fn(name = "notices", pure)]
    pub fn connection_notices(conn: &mut Connection) -> Array {
        conn.notices().into_iter().map(Dynamic::from).collect()
    }

    /// The clock by which the connection's round-trip times are measured, chosen by the first reply; `()` before one.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// expect(tcp::connect(listener.addr).clock, ());
    /// ```
    #[rhai_fn(get = "clock", pure)]
    pub fn connection_clock(conn: &mut Connection) -> Dynamic {
        conn.tally().clock().map_or(Dynamic::UNIT, |clock| clock.name().into())
    }

    /// The account of the pings over the connection, and of what came back, as a map; see `counts` of a UDP socket.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let conn = tcp::connect(listener.addr);
    /// conn.ping("ping 1", #{ timeout: 1.ms, icmp_wait: 0.s });
    /// expect(conn.counts.timed_out, 1);
    /// ```
    #[rhai_fn(get = "counts", pure)]
    pub fn connection_counts(conn: &mut Connection) -> Map {
        crate::bindings::udp::counts_map(conn.tally().counts())
    }

    /// Pings over a connection on a schedule: `for ping in pinger(conn, #{ … })` gives each ping's outcome as it is settled.
    /// Ping k is sent at the start plus k intervals, whether or not answers came; the loop ends with the connection.
    ///
    /// Options as of `pinger` over UDP: `count` (else without end), `interval` (1.s; zero: as fast as `window` allows),
    /// `timeout` (1.s), `icmp_wait` (as `timeout`), `window`: how many may be in flight, `size`.
    ///
    /// Errors: `invalid` (also an unknown option), `too-large`; in the loop: `closed`, `busy`.
    ///
    /// ```rhai
    /// let server = start("tcp_single.rhai", ["--listen", "127.0.0.1:0", "--quiet"]);
    /// let conn = tcp::connect(server.addr);
    /// let replies = 0;
    /// for ping in pinger(conn, #{ count: 5, interval: 1.ms, timeout: 5.s }) { if ping.kind == "reply" { replies += 1; } }
    /// expect(replies, 5);
    /// conn.close();
    /// ```
    #[rhai_fn(name = "pinger", return_raw)]
    pub fn tcp_pinger(ctx: NativeCallContext, conn: Connection, options: Map) -> ScriptResult<Schedule> {
        let mut options = Options::new("pinger", &options);
        let plan = plan(&mut options, (Targets::one(conn.peer()), false), 0).or_raise(&ctx)?;
        options.finish().or_raise(&ctx)?;
        let tally = conn.tally().clone();
        Ok(Schedule::new(NetPinger::over_tcp(conn, plan).or_raise(&ctx)?, tally))
    }
}
