//! UDP in scripts: the namespace `udp`, which makes sockets and serves them; beside it a file for each thing they work with.

use std::net::SocketAddr;

use rhai::{Dynamic, FnPtr, Map, NativeCallContext};

use super::callback::Callback;
use super::context;
use super::context::{HandoverRequest, ServerKind, SocketKind, WaitingFor};
use super::convert::{Options, address};
use super::error::{OrRaise, ScriptResult, raise};
use crate::net::error::{Error, ErrorKind};
use crate::net::host::addr::{Version, local as local_address};
use crate::net::observe::record::summary::CountCells;
use crate::net::probe::ledger::Counts;
use crate::net::socket::batch::NativeReply;
use crate::net::socket::udp::{Options as SocketOptions, UdpSocket};

pub mod icmp;
pub mod packet;
pub mod ping;
pub mod pinger;
pub mod schedule;
pub mod script_loop;
mod serving;
pub mod socket;

functions! {
    pub fn namespace;
    object NativeReply, "How a server replies without a closure.";

    /// Makes a socket bound to `HOST:PORT`, port 0 for any free one (socket(2), bind(2)); `*:PORT`: at every IPv4 address of the
    /// host, `[::]:PORT`: at every IPv6 address, and at those alone. ICMP errors for what it sends reach it without privileges
    /// (IP_RECVERR).
    ///
    /// Errors: `in-use`, `not-local`, `permission` (a port below 1024), `exhausted`, `invalid`, `resolve`.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// print(`bound to port ${sock.port}`);
    /// expect(sock.port > 0, true);
    /// expect([udp::bind("*:0").addr.ip, udp::bind("[::]:0").addr.ip], ["0.0.0.0", "::"]);
    /// ```
    fn bind(ctx: NativeCallContext, local: &str) -> ScriptResult<UdpSocket> = bind_with(ctx, local, Map::new());

    /// Makes a bound socket, with options: `rcvbuf`, `sndbuf`: buffer sizes in bytes, which the kernel doubles; `reuse`: other
    /// sockets may bind the same address (SO_REUSEADDR, SO_REUSEPORT); `ttl`: hops that what it sends may take, 1 to 255; a
    /// router where they end sends "Time to Live exceeded in Transit"; `tos`: the type of service or traffic class of what it
    /// sends, all eight bits, or `dscp`: its upper six; `broadcast`: it may send to all hosts of a network; `dont_fragment`: no
    /// hop may cut what it sends, whatever the path's MTU is said to be (IP_PMTUDISC_PROBE); `recverr: false`: no IP_RECVERR, as
    /// in most programs: an ICMP error is the error of the next `recv` or `send` (`refused`, `unreachable` …) if the socket is
    /// connected and the kernel takes it for a hard one, and is lost otherwise. Such a socket sends no pings.
    ///
    /// Errors: as `bind`; `invalid`: an unknown option.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0", #{ rcvbuf: 4096, reuse: true, ttl: 5 });
    /// let plain = udp::bind("127.0.0.1:0", #{ recverr: false });
    /// plain.connect(udp::closed_port());
    /// plain.send("hello");
    /// try { plain.recv(1.s); } catch (err) { expect(err.kind, "refused"); }
    /// ```
    fn bind as bind_with(ctx: NativeCallContext, local: &str, options: Map) -> ScriptResult<UdpSocket> = {
        let read = Options::all(&ctx, "bind", &options, read)?;
        let now = context::current();
        let local = local_address(&*now.host, &now.stop, local, Version::V4).or_raise(&ctx)?;
        bind(&ctx, local, read)
    };

    /// Makes a socket to talk with `peer`: of its version of IP, bound to any free port. It still receives from everybody: it is not
    /// connected.
    ///
    /// Errors: `exhausted`, `invalid`, `resolve`.
    ///
    /// ```rhai
    /// let sock = udp::open("[::1]:7");
    /// expect(sock.addr.ip, "::");
    /// ```
    fn open(ctx: NativeCallContext, peer: Dynamic) -> ScriptResult<UdpSocket> = open_at(ctx, peer, "");

    /// Makes a socket to talk with `peer`, bound to `local`: `HOST:PORT`, `*:PORT` for any address, or `""` for any free port.
    ///
    /// Errors: as `bind`.
    ///
    /// ```rhai
    /// let sock = udp::open("127.0.0.1:7", "*:0");
    /// expect(sock.addr.ip, "0.0.0.0");
    /// ```
    fn open as open_at(ctx: NativeCallContext, peer: Dynamic, local: &str) -> ScriptResult<UdpSocket> =
        open_with(ctx, peer, local, Map::new());

    /// As `open`, with the options of `bind`.
    ///
    /// Errors: as `bind`; `invalid`: an unknown option.
    ///
    /// ```rhai
    /// let sock = udp::open("127.0.0.1:7", #{ ttl: 5 });
    /// expect(sock.addr.ip, "0.0.0.0");
    /// ```
    fn open as open_anywhere(ctx: NativeCallContext, peer: Dynamic, options: Map) -> ScriptResult<UdpSocket> =
        open_with(ctx, peer, "", options);

    /// As `open` with a local address, with the options of `bind`.
    ///
    /// Errors: as `bind`; `invalid`: an unknown option.
    ///
    /// ```rhai
    /// let sock = udp::open("127.0.0.1:7", "", #{ rcvbuf: 4096, dont_fragment: true });
    /// expect(sock.rcvbuf, 8192);
    /// ```
    fn open as open_with(
        ctx: NativeCallContext, peer: Dynamic, local: &str, options: Map,
    ) -> ScriptResult<UdpSocket> = {
        let read = Options::all(&ctx, "open", &options, read)?;
        let version = if address(&ctx, &peer)?.is_ipv4() { Version::V4 } else { Version::V6 };
        let now = context::current();
        let local = local_address(&*now.host, &now.stop, local, version).or_raise(&ctx)?;
        // A thread that serves a connection asks others over it: like the connection it is the thread's, whichever version takes the place
        // of the script.
        if now.serving.serves() {
            return UdpSocket::bind(now.host, now.run.session.clone(), local, read).or_raise(&ctx);
        }
        bind(&ctx, local, read)
    };

    /// Replies to each datagram that the socket receives, until the script is stopped or the socket closed: calls `handler` with
    /// the packet and sends what it returns, a string, a blob or `bytes()`, back, as far as the socket's policy lets it; `()`
    /// sends nothing, nor does the verdict of a `reply` that the handler has called itself. The fastest way to serve; several
    /// threads may serve one socket, and share its packets.
    ///
    /// What the handler captured is copied when the loop begins; what it changes, it finds at the next packet.
    ///
    /// Errors: what the handler throws; `invalid`: it returns something else; those of `send_to`.
    ///
    /// ```rhai
    /// let server = udp::bind("127.0.0.1:0");
    /// let task = start_thread(|| udp::serve(server, |pkt| pkt.text.to_upper()));
    /// let ping = udp::open(server.addr).ping(server.addr, "ping 1", 1.s);
    /// expect(ping.text, "PING 1");
    /// task.stop();
    /// ```
    fn serve(ctx: NativeCallContext, socket: UdpSocket, handler: FnPtr) -> ScriptResult<()> =
        Callback::local(&ctx, handler).noting("handler").repeatedly(|callback| serving::serve(&ctx, &socket, callback));

    /// Serves without a closure, which costs the least: `udp::upper()` replies to each datagram that the socket receives with
    /// its text in capitals, `udp::echo()` with the datagram itself. The socket's policy decides as always.
    ///
    /// Errors: those of `send_to`.
    ///
    /// ```rhai
    /// let server = udp::bind("127.0.0.1:0");
    /// let task = start_thread(|| udp::serve(server, udp::upper()));
    /// let client = udp::open(server.addr);
    /// client.send_to("ping 1", server.addr);
    /// expect(client.recv(1.s).text, "PING 1");
    /// task.stop();
    /// ```
    fn serve(ctx: NativeCallContext, socket: UdpSocket, reply: NativeReply) -> ScriptResult<()> = {
        let stop = context::wait(WaitingFor::NewWork).stop;
        match socket.serve(reply, &stop) {
            Err(err) if err.kind != ErrorKind::Closed => raise(&ctx, err),
            _ => Ok(()),
        }
    };

    /// For `udp::serve`: the reply is the request's text in capitals; of what is no text, the ASCII letters.
    ///
    /// ```rhai
    /// let server = udp::bind("127.0.0.1:0");
    /// let task = start_thread(|| udp::serve(server, udp::upper()));
    /// expect(udp::open(server.addr).ping(server.addr, "ping 1", 1.s).text, "PING 1");
    /// task.stop();
    /// ```
    fn upper() -> NativeReply = crate::net::socket::batch::NativeReply::Upper;

    /// For `udp::serve`: the reply is the request.
    ///
    /// ```rhai
    /// let server = udp::bind("127.0.0.1:0");
    /// let task = start_thread(|| udp::serve(server, udp::echo()));
    /// expect(udp::open(server.addr).ping(server.addr, "ping 1", 1.s).text, "ping 1");
    /// task.stop();
    /// ```
    fn echo() -> NativeReply = crate::net::socket::batch::NativeReply::Echo;

    /// An address of this host that replies with "Port Unreachable": its port was free a moment ago.
    ///
    /// Errors: `exhausted`.
    ///
    /// ```rhai
    /// let nowhere = udp::closed_port();
    /// expect(udp::open(nowhere).ping(nowhere, "ping 1", 1.s).kind, "icmp");
    /// ```
    fn closed_port(ctx: NativeCallContext) -> ScriptResult<SocketAddr> = {
        let now = context::current();
        let local = local_address(&*now.host, &now.stop, "127.0.0.1:0", Version::V4).or_raise(&ctx)?;
        let context = context::current();
        let account = context.run.session.clone();
        let socket = UdpSocket::bind(context.host, account, local, SocketOptions::default()).or_raise(&ctx)?;
        Ok(socket.local())
    };
}

/// The options of a socket.
fn read(options: &mut Options<'_>) -> Result<SocketOptions, Error> {
    Ok(SocketOptions {
        receive_buffer: options.count("rcvbuf", 1)?.map(|bytes| bytes as usize),
        send_buffer: options.count("sndbuf", 1)?.map(|bytes| bytes as usize),
        reuse: options.flag("reuse")?,
        ttl: options.byte("ttl")?,
        tos: options.tos()?,
        broadcast: options.flag("broadcast")?,
        dont_fragment: options.flag("dont_fragment")?,
        plain_errors: !options.switch("recverr")?.unwrap_or(true),
    })
}

fn bind(ctx: &NativeCallContext, local: SocketAddr, options: SocketOptions) -> ScriptResult<UdpSocket> {
    let context = context::current();
    let asked = HandoverRequest { host: context.host.id(), local, made: SocketKind::Udp(options) };
    let socket = match context.run.handover.take(&asked) {
        Ok(ServerKind::Udp(socket)) => socket,
        Ok(ServerKind::Tcp(_)) => unreachable!("a socket of the protocol that was asked for"),
        Err(local) => {
            UdpSocket::bind(context.host.clone(), context.run.session.clone(), local, options).or_raise(ctx)?
        }
    };
    context.opened(ctx, asked, socket.local(), &ServerKind::Udp(socket.clone()));
    Ok(socket)
}

/// An account of probes as a map.
pub(in crate::bindings) fn counts_map(counts: Counts) -> Map {
    let cells = serde_json::to_value(CountCells::from(counts)).unwrap_or_default();
    let cells = cells.as_object().into_iter().flatten();
    cells.map(|(name, count)| (name.as_str().into(), count.as_i64().unwrap_or_default().into())).collect()
}

pub(in crate::bindings) fn or_unit<T: Clone + Send + Sync + 'static>(value: Option<T>) -> Dynamic {
    value.map_or(Dynamic::UNIT, Dynamic::from)
}
