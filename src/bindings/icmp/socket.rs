//! An ICMP echo socket in scripts: one ping, and its properties. Schedules are in [`super::pinger`].

use rhai::{Array, Dynamic, Map, NativeCallContext};

use crate::bindings::context;
use crate::bindings::context::WaitingFor;
use crate::bindings::convert::{Options, host};
use crate::bindings::error::{OrRaise, ScriptResult};
use crate::bindings::udp::counts_map;
use crate::bindings::udp::ping::Ping;
use crate::bindings::udp::schedule::probe;
use crate::net::socket::icmp::{IcmpSocket, Mode};
use crate::net::time::Duration;

/// Bytes of payload if nothing is said, as `ping` sends.
pub(super) const SIZE: usize = 56;

fn ping(ctx: &NativeCallContext, socket: &IcmpSocket, target: &Dynamic, options: &Map) -> ScriptResult<Ping> {
    let to = host(ctx, target)?;
    let (probe, size) = Options::all(ctx, "ping", options, |options| {
        let mut probe = probe(options, to)?;
        probe.slot.unreported = options.switch("report")? == Some(false);
        probe.ttl = options.byte("ttl")?;
        Ok((probe, options.count("size", 0)?.map_or(SIZE, |size| size as usize)))
    })?;
    let outcome = socket.ping(&probe, size, &context::wait(WaitingFor::Reply).stop).or_raise(ctx)?;
    Ok(Ping::new(socket.tally().clone(), outcome))
}

functions! {
    pub fn api;
    object IcmpSocket, "A socket for echo requests. Copies are the same socket.";

    /// Sends an echo request with 56 bytes of payload to `target`, a host without a port, and waits for the reply, as
    /// `ping` of a UDP socket does for a reply. A reply counts if its source, identifier, sequence number and payload are
    /// those of the request.
    ///
    /// Errors: `invalid` (also a target of another version of IP), `resolve`, `closed`, `busy`.
    ///
    /// ```rhai
    /// let ping = icmp::open("127.0.0.1").ping("127.0.0.1", 1.s);
    /// print(`${ping.bytes} bytes from ${ping.from.ip}: ttl=${ping.ttl} rtt=${ping.rtt}`);
    /// expect([ping.kind, ping.from.ip], ["reply", "127.0.0.1"]);
    /// ```
    fn ping(
        ctx: NativeCallContext, socket: &mut IcmpSocket, target: Dynamic, timeout: Duration,
    ) -> ScriptResult<Ping> = {
        let options = Map::from([("timeout".into(), Dynamic::from(timeout))]);
        ping(&ctx, socket, &target, &options)
    };

    /// As `ping` with a timeout, with options: `timeout` (1.s), `icmp_wait`: how long after it an ICMP error is waited for (as
    /// long as `timeout`), `size`: bytes of payload (56), `ttl` (the socket's), `report: false`: its
    /// loss is not reported at the end of the run, as that of pings with a `ttl` never is.
    ///
    /// Errors: `too-large`: more than 65,507 bytes; `invalid` (also an unknown option), `resolve`, `closed`, `busy`.
    ///
    /// ```rhai
    /// let ping = icmp::open("127.0.0.1").ping("127.0.0.1", #{ timeout: 1.s, size: 8 });
    /// expect(ping.bytes, 36);
    /// ```
    fn ping(ctx: NativeCallContext, socket: &mut IcmpSocket, target: Dynamic, options: Map) -> ScriptResult<Ping> =
        ping(&ctx, socket, &target, &options);

    /// ICMP messages that came since the last call, are about what was sent, and settle nothing: redirects, source quenches,
    /// extended echo replies. An array of what `icmp` of a ping is.
    ///
    /// ```rhai
    /// expect(icmp::open("127.0.0.1").notices().len, 0);
    /// ```
    fn notices(socket: &mut IcmpSocket) -> Array = socket.notices().into_iter().map(Dynamic::from).collect();

    /// Closes the socket. Using it afterwards is the error `closed`.
    ///
    /// ```rhai
    /// let sock = icmp::open("127.0.0.1");
    /// sock.close();
    /// try { sock.ping("127.0.0.1", 1.s); } catch (e) { expect(e.kind, "closed"); }
    /// ```
    fn close(socket: &mut IcmpSocket) = {
        socket.close();
    };

    /// Whether the socket was closed.
    ///
    /// ```rhai
    /// expect(icmp::open("127.0.0.1").is_closed, false);
    /// ```
    get is_closed(socket: &mut IcmpSocket) -> bool = socket.is_closed();

    /// Which kind of socket it is: `"ping"` or `"raw"`. A raw one also gets errors that the kernel does not report otherwise, such as
    /// source quench, fragment reassembly time exceeded and those of Photuris.
    ///
    /// ```rhai
    /// expect(icmp::open("127.0.0.1").mode in ["ping", "raw"], true);
    /// ```
    get mode(socket: &mut IcmpSocket) -> String = {
        match socket.mode() {
            Mode::Ping => "ping",
            Mode::Raw => "raw",
        }
        .to_string()
    };

    /// The identifier of its requests, 1 to 65535.
    ///
    /// ```rhai
    /// expect(icmp::open("127.0.0.1").id > 0, true);
    /// ```
    get id(socket: &mut IcmpSocket) -> i64 = i64::from(socket.id());

    /// The clock by which the socket's round-trip times are measured, as for a UDP socket; `()` before a reply.
    ///
    /// ```rhai
    /// let sock = icmp::open("127.0.0.1", #{ clock: "kernel receive - user send" });
    /// sock.ping("127.0.0.1", 1.s);
    /// expect(sock.clock, "kernel receive - user send");
    /// ```
    get clock(socket: &mut IcmpSocket) -> Dynamic = socket.tally().clock().map_or(Dynamic::UNIT, |clock| clock.name().into());

    /// The account of the socket's pings and of the packets that came back, as a map; the fields are those of a UDP socket.
    ///
    /// ```rhai
    /// let sock = icmp::open("127.0.0.1");
    /// sock.ping("127.0.0.1", 1.s);
    /// expect(sock.counts.replied, 1);
    /// ```
    get counts(socket: &mut IcmpSocket) -> Map = counts_map(socket.tally().counts());

    /// The socket in words.
    ///
    /// ```rhai
    /// let sock = icmp::open("127.0.0.1");
    /// expect(`${sock}`.ends_with(`id ${sock.id}`), true);
    /// ```
    fn to_string | to_debug(socket: &mut IcmpSocket) -> String = {
        let state = if socket.is_closed() { "closed " } else { "" };
        let kind = match socket.mode() {
            Mode::Ping => "ping",
            Mode::Raw => "raw",
        };
        format!("{state}{} {kind} socket, id {}", socket.family().icmp_name(), socket.id())
    };
}
