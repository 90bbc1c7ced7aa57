//! Pings over a connection, in scripts.

use rhai::{Array, Dynamic, Map, NativeCallContext};

use super::message::ReceivedMessage;
use crate::bindings::context;
use crate::bindings::context::WaitingFor;
use crate::bindings::convert::{Options, bytes};
use crate::bindings::error::{OrRaise, ScriptResult, raise};
use crate::bindings::udp::ping::Ping;
use crate::bindings::udp::schedule::{Closures, Schedule, plan, probe};
use crate::net::error::Error;
use crate::net::probe::outcome::Probe;
use crate::net::probe::targets::Targets;
use crate::net::socket::pinger::Pinger as NetPinger;
use crate::net::socket::tcp::Connection;
use crate::net::socket::tcp::Framing;
use crate::net::time::Duration;

fn ping(ctx: &NativeCallContext, conn: &Connection, message: Dynamic, options: &Map) -> ScriptResult<Ping> {
    let (probe, size) = Options::all(ctx, "ping", options, |options| {
        Ok((probe(options, conn.peer())?, options.count("size", 0)?.unwrap_or(0)))
    })?;
    let mut message = bytes(ctx, message)?;
    let size = message.len().max(usize::try_from(size).unwrap_or(usize::MAX));
    conn.check_message(size).or_raise(ctx)?;
    message.resize(size, b' ');
    let probe = Probe { message: &message, ..probe };
    let outcome = conn.ping(&probe, &context::wait(WaitingFor::Reply).stop).or_raise(ctx)?;
    Ok(Ping::new(conn.tally().clone(), outcome))
}

functions! {
    pub fn api;

    /// Sends `message` and waits for the reply, which repeats it in any case of its letters; a message `ping N …` is distinguished
    /// from others by its number. If none comes in `timeout`, an ICMP error is waited for once more as long. The result's
    /// `kind` is `"reply"`; `"icmp"`: an ICMP error came, which the connection survives (`"unreachable"`: only its errno is
    /// known); `"closed"` or `"reset"`: the connection has ended; `"timeout"`, `"error"` or `"interrupted"`.
    ///
    /// Without framing, a reply that holds several settles each of those still waited for; the others are late.
    ///
    /// Errors: `closed`: it was closed here; `busy`: another thread pings over it.
    ///
    /// ```rhai
    /// let server = start("tcp_single.rhai", ["--listen", "127.0.0.1:0", "--quiet"]);
    /// let conn = tcp::connect(server.addr);
    /// expect(conn.ping("ping 1", 5.s).text, "PING 1");
    /// conn.close();
    /// ```
    fn ping(
        ctx: NativeCallContext, conn: &mut Connection, message: Dynamic, timeout: Duration,
    ) -> ScriptResult<Ping> = {
        let options = Map::from([("timeout".into(), Dynamic::from(timeout))]);
        ping(&ctx, conn, message, &options)
    };

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
    fn ping(ctx: NativeCallContext, conn: &mut Connection, message: Dynamic, options: Map) -> ScriptResult<Ping> =
        ping(&ctx, conn, message, &options);

    /// Whether the type and code of ICMP errors are known, from a raw socket: that takes CAP_NET_RAW. Without it, an error
    /// during a connection is known by its errno alone, which several kinds share.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// expect(tcp::connect(listener.addr).receives_icmp, icmp::open("127.0.0.1").mode == "raw");
    /// ```
    get receives_icmp(conn: &mut Connection) -> bool = conn.receives_icmp();

    /// ICMP messages that came since the last call, are about the connection, and settle no ping: redirects, source quenches,
    /// extended echo replies. An array of what `icmp` of a ping is; empty where `receives_icmp` is false.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// expect(tcp::connect(listener.addr).notices().len, 0);
    /// ```
    fn notices(conn: &mut Connection) -> Array = conn.notices().into_iter().map(Dynamic::from).collect();

    /// The clock by which the connection's round-trip times are measured, chosen by the first reply; `()` before one.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// expect(tcp::connect(listener.addr).clock, ());
    /// ```
    get clock(conn: &mut Connection) -> Dynamic =
        conn.tally().clock().map_or(Dynamic::UNIT, |clock| clock.name().into());

    /// The account of the pings over the connection, and of what came back, as a map; see `counts` of a UDP socket.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let conn = tcp::connect(listener.addr);
    /// conn.ping("ping 1", #{ timeout: 1.ms, icmp_wait: 0.s });
    /// expect(conn.counts.timed_out, 1);
    /// ```
    get counts(conn: &mut Connection) -> Map = crate::bindings::udp::counts_map(conn.tally().counts());

    /// Pings over a connection on a schedule: `for ping in pinger(conn, #{ … })` gives each ping's outcome as it is settled.
    /// Ping k is sent at the start plus k intervals, whether or not replies came; the loop ends with the connection.
    ///
    /// Options as of `pinger` over UDP: `count` (else without end), `interval` (1.s; zero: as fast as `window` allows),
    /// `timeout` (1.s), `icmp_wait` (as `timeout`), `window`: how many may be in flight, `size`, `awake`, `sends`, `strays`,
    /// `message`, `seq_of`.
    ///
    /// A stream without framing does not separate messages: pings over it do not overlap unless `window` says so, slots that
    /// pass while one is in flight are missed, and there is no `seq_of`.
    ///
    /// Errors: `invalid` (also an unknown option), `too-large`; in the loop: `closed`, `busy`, what the closures throw.
    ///
    /// ```rhai
    /// let server = start("tcp_single.rhai", ["--listen", "127.0.0.1:0", "--quiet"]);
    /// let conn = tcp::connect(server.addr);
    /// let replies = 0;
    /// for ping in pinger(conn, #{ count: 5, interval: 1.ms, timeout: 5.s }) { if ping.kind == "reply" { replies += 1; } }
    /// expect(replies, 5);
    /// conn.close();
    ///
    /// let listener = tcp::listen("127.0.0.1:0", #{ framing: "line" });
    /// let acks = start_thread(|| { for conn in listener { tcp::serve(conn, |msg| `ack ${msg.text.split(" ")[1]}`); } });
    /// let conn = tcp::connect(listener.addr, #{ framing: "line" });
    /// let own = #{ count: 2, interval: 1.ms, timeout: 5.s, message: |seq| `hello ${seq}`,
    ///     seq_of: |reply| parse_int(reply.text.split(" ")[1]) };
    /// for ping in pinger(conn, own) { expect(ping.text, `ack ${ping.seq}`); }
    /// conn.close();
    /// acks.stop();
    /// ```
    fn pinger(ctx: NativeCallContext, conn: Connection, options: Map) -> ScriptResult<Schedule> = {
        let mut options = Options::new("pinger", &options);
        let windowed = options.value("window").is_some();
        let mut plan = plan(&mut options, (Targets::one(conn.peer()), false), 0).or_raise(&ctx)?;
        let receiver = conn.clone();
        let message = move |datagram| Dynamic::from(ReceivedMessage::being_matched(receiver.clone(), datagram));
        let closures = Closures::read(&ctx, &mut options, &mut plan, message)?;
        options.finish().or_raise(&ctx)?;
        if conn.framing() == Framing::Raw {
            if closures.match_replies() {
                let error = Error::invalid("pinger", "a stream without framing does not separate replies for `seq_of`");
                return raise(
                    &ctx,
                    error.with_hint("connect with framing: tcp::connect(addr, #{ framing: \"line\" })"),
                );
            }
            if !windowed {
                plan.window = 1;
            }
        }
        let tally = conn.tally().clone();
        Ok(Schedule::new(NetPinger::over_tcp(conn, plan).or_raise(&ctx)?, closures, tally))
    };
}
