//! UDP sockets in scripts: `udp::bind`, and what arrives.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rhai::plugin::*;
use rhai::{Dynamic, FnPtr, ImmutableString, Map, NativeCallContext, Position};

use super::callback::Callback;
use super::context::{self, ScriptResult};
use super::convert::{Options, address, bytes, shown, text};
use super::error::{OrRaise, raise, thrown};
use super::policy::api::Verdict;
use super::time::api::Deadline;
use crate::net::addr::{self, Version};
use crate::net::error::{Error, ErrorKind};
use crate::net::judge::Judged;
use crate::net::pinger::{Pinger as NetPinger, Plan};
use crate::net::policy::{Action, Place};
use crate::net::prober::{End, Outcome, Probe};
use crate::net::time::Duration;
use crate::net::udp::{Datagram, IcmpError, Incoming, Options as SocketOptions, UdpSocket, check_size};

/// A UDP socket in scripts.
pub type Socket = UdpSocket;

/// What a receive brought.
#[derive(Clone, Debug)]
pub struct Packet(Arc<Received>);

#[derive(Debug)]
struct Received {
    socket: UdpSocket,
    incoming: Incoming,
    /// Its place in its flow, while a policy decides about it.
    deciding: Option<Place>,
    /// Whether the script has answered it.
    replied: AtomicBool,
}

impl Received {
    fn place(&self) -> Option<Place> {
        let judged = match &self.incoming {
            Incoming::Packet(datagram) => datagram.judged.as_ref().map(|judged| judged.place),
            _ => None,
        };
        self.deciding.or(judged)
    }
}

impl Packet {
    /// What `socket` received.
    pub fn new(socket: UdpSocket, incoming: Incoming) -> Self {
        Self(Arc::new(Received { socket, incoming, deciding: None, replied: AtomicBool::new(false) }))
    }

    /// A datagram that a policy decides about.
    pub fn under_judgement(socket: UdpSocket, datagram: Datagram, place: Place) -> Self {
        let (incoming, replied) = (Incoming::Packet(datagram), AtomicBool::new(false));
        Self(Arc::new(Received { socket, incoming, deciding: Some(place), replied }))
    }

    fn datagram(&self) -> Option<&Datagram> {
        match &self.0.incoming {
            Incoming::Packet(datagram) => Some(datagram),
            _ => None,
        }
    }

    /// Whether nothing is left to be sent where its handler returned `value`: nothing, or what its own `reply` returned,
    /// which a block's last statement gives even with a semicolon.
    fn is_done_with(&self, value: &Dynamic) -> bool {
        value.is_unit() || (value.is::<Verdict>() && self.0.replied.load(Ordering::Relaxed))
    }
}

/// A probe that ended, in scripts.
#[derive(Clone, Debug)]
pub struct Ping(Arc<Ended>);

/// What is known of a probe that ended.
#[derive(Debug)]
pub struct Ended {
    /// The socket it was sent from.
    pub socket: UdpSocket,
    /// How it ended.
    pub outcome: Outcome,
}

impl Ping {
    fn new(socket: UdpSocket, outcome: Outcome) -> Self {
        Self(Arc::new(Ended { socket, outcome }))
    }

    /// What is known of it.
    pub fn ended(&self) -> &Ended {
        &self.0
    }

    fn reply(&self) -> Option<&Datagram> {
        match &self.0.outcome.end {
            End::Reply { datagram, .. } => Some(datagram),
            _ => None,
        }
    }
}

/// Pings on a schedule, in scripts.
#[derive(Clone)]
pub struct Schedule(Arc<std::sync::Mutex<NetPinger>>, UdpSocket);

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pinger({})", self.1.local())
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
            let next = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next(&stop);
            match next {
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

/// A loop over a socket runs for each datagram it receives, until the script is stopped or the socket closed.
impl IntoIterator for UdpSocket {
    type Item = ScriptResult<Dynamic>;
    type IntoIter = Box<dyn Iterator<Item = Self::Item>>;

    fn into_iter(self) -> Self::IntoIter {
        let stop = context::begin_to_wait().stop;
        let mut ended = false;
        Box::new(std::iter::from_fn(move || {
            if ended || stop.is_stopped() {
                return None;
            }
            match self.receive(None, &stop, false) {
                Ok(incoming @ Incoming::Packet(_)) => Some(Ok(Dynamic::from(Packet::new(self.clone(), incoming)))),
                Ok(_) => None,
                // Whoever closed the socket wants the loop to end.
                Err(err) if err.kind == ErrorKind::Closed => None,
                Err(err) => {
                    ended = true;
                    Some(Err(thrown(err, Position::NONE)))
                }
            }
        }))
    }
}

fn or_unit<T: Clone + Send + Sync + 'static>(value: Option<T>) -> Dynamic {
    value.map_or(Dynamic::UNIT, Dynamic::from)
}

fn bind(ctx: &NativeCallContext, local: SocketAddr, options: SocketOptions) -> ScriptResult<UdpSocket> {
    let context = context::current();
    let socket = UdpSocket::bind(context.host.clone(), context.run.session.clone(), local, options).or_raise(ctx)?;
    context.script.bound.keep(socket.local());
    Ok(socket)
}

/// Gives `serve_one` each datagram that `socket` receives, until the script is stopped or the socket closed.
fn serve(
    ctx: &NativeCallContext,
    socket: &UdpSocket,
    mut serve_one: impl FnMut(Datagram) -> ScriptResult<()>,
) -> ScriptResult<()> {
    let stop = context::begin_to_wait().stop;
    loop {
        match socket.receive(None, &stop, false) {
            Ok(Incoming::Packet(datagram)) => serve_one(datagram)?,
            Ok(_) => return Ok(()),
            Err(err) if err.kind == ErrorKind::Closed => return Ok(()),
            Err(err) => return Err(thrown(err, ctx.call_position())),
        }
    }
}

/// Answers a request with a string or a blob.
fn answer(
    ctx: &NativeCallContext,
    socket: &UdpSocket,
    request: &Datagram,
    data: Dynamic,
) -> ScriptResult<Option<Arc<Judged>>> {
    if let Some(text) = data.read_lock::<ImmutableString>() {
        return socket.answer(request, text.as_bytes()).or_raise(ctx);
    }
    socket.answer(request, &bytes(ctx, data)?).or_raise(ctx)
}

fn timeouts(options: &mut Options<'_>) -> Result<(Duration, Duration), Error> {
    let timeout = options.duration("timeout")?.unwrap_or(Duration::from_secs(1));
    Ok((timeout, options.duration("icmp_wait")?.unwrap_or(timeout)))
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
    let probe = Probe { to, message: &message, timeout, icmp_wait };
    let stop = context::current().stop;
    let Some(matcher) = matcher else {
        let outcome = socket.ping(&probe, &stop, None).or_raise(ctx)?;
        return Ok(Ping::new(socket, outcome));
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
        None => outcome.or_raise(ctx).map(|outcome| Ping::new(socket.clone(), outcome)),
    }
}

/// Sockets, packets and pings of UDP.
#[export_module]
#[allow(clippy::unwrap_used)] // the code that the macro writes
pub mod api {
    /// A UDP socket. Copies are the same socket.
    pub type UdpSocket = super::Socket;
    /// What a receive brought: a datagram, an ICMP error, a time-out or an interrupt.
    pub type Packet = super::Packet;
    /// A probe that ended: with a reply, an ICMP error, a time-out, an error of this host or an interrupt.
    pub type Ping = super::Ping;
    /// Pings on a schedule.
    pub type Pinger = super::Schedule;
    /// An address and a port.
    pub type Addr = std::net::SocketAddr;
    /// An ICMP error that answers a datagram.
    pub type Icmp = crate::net::udp::IcmpError;

    /// Sends a datagram: a string or a blob (sendto(2)).
    ///
    /// Errors: `too-large`: more than 65,507 bytes; `unreachable`: no route; `permission`: a firewall of this host;
    /// `closed`; `invalid`, `resolve`: the address.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.send_to("hello", sock.addr);
    /// expect(sock.recv(1.s).text, "hello");
    /// ```
    #[rhai_fn(global, pure, return_raw)]
    pub fn send_to(ctx: NativeCallContext, socket: &mut UdpSocket, data: Dynamic, to: Dynamic) -> ScriptResult<()> {
        let (data, to) = (bytes(&ctx, data)?, address(&ctx, &to)?);
        socket.send_to(&data, to).or_raise(&ctx)
    }

    /// Sends a datagram to the peer that the socket is connected to.
    ///
    /// Errors: as `send_to`; `invalid`: it is not connected.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.connect(sock.addr);
    /// sock.send("hello");
    /// expect(sock.recv(1.s).text, "hello");
    /// ```
    #[rhai_fn(global, pure, return_raw)]
    pub fn send(ctx: NativeCallContext, socket: &mut UdpSocket, data: Dynamic) -> ScriptResult<()> {
        let data = bytes(&ctx, data)?;
        match socket.peer() {
            Some(peer) => socket.send_to(&data, peer).or_raise(&ctx),
            None => {
                let error = Error::invalid("send", "the socket is not connected");
                raise(&ctx, error.with_hint("connect it first, or use send_to(data, address)"))
            }
        }
    }

    /// Sends to `peer` from now on, and receives from it alone (connect(2)).
    ///
    /// Errors: `unreachable`: no route; `closed`; `invalid`, `resolve`: the address.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.connect("127.0.0.1:9");
    /// expect(sock.peer.port, 9);
    /// ```
    #[rhai_fn(global, pure, return_raw)]
    pub fn connect(ctx: NativeCallContext, socket: &mut UdpSocket, peer: Dynamic) -> ScriptResult<()> {
        let peer = address(&ctx, &peer)?;
        socket.connect(peer).or_raise(&ctx)
    }

    /// Waits for a datagram, or for an ICMP error that answers one sent before, until the script is stopped.
    ///
    /// Errors: `closed`, also when another thread closes the socket meanwhile.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.send_to("hello", sock.addr);
    /// expect(sock.recv().text, "hello");
    /// ```
    #[rhai_fn(global, pure, return_raw)]
    pub fn recv(ctx: NativeCallContext, socket: &mut UdpSocket) -> ScriptResult<Packet> {
        let incoming = socket.receive(None, &context::begin_to_wait().stop, true).or_raise(&ctx)?;
        Ok(super::Packet::new(socket.clone(), incoming))
    }

    /// Waits for a datagram, or for an ICMP error that answers one sent before, for at most `timeout`. The result's `kind`
    /// says what came: `"packet"`, `"icmp"`, `"timeout"` or `"interrupted"`.
    ///
    /// Errors: `closed`, also when another thread closes the socket meanwhile.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// expect(sock.recv(1.ms).kind, "timeout");
    /// ```
    #[rhai_fn(global, pure, name = "recv", return_raw)]
    pub fn recv_for(ctx: NativeCallContext, socket: &mut UdpSocket, timeout: Duration) -> ScriptResult<Packet> {
        let context = context::current();
        recv_until(ctx, socket, context.host.now() + timeout)
    }

    /// Waits for a datagram, or for an ICMP error that answers one sent before, until a deadline that does not move, however
    /// many packets come in between.
    ///
    /// Errors: `closed`, also when another thread closes the socket meanwhile.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// let end = deadline(5.ms);
    /// while sock.recv(end).kind != "timeout" {}
    /// ```
    #[rhai_fn(global, pure, name = "recv", return_raw)]
    pub fn recv_until(ctx: NativeCallContext, socket: &mut UdpSocket, deadline: Deadline) -> ScriptResult<Packet> {
        let incoming = socket.receive(Some(deadline), &context::begin_to_wait().stop, true).or_raise(&ctx)?;
        Ok(super::Packet::new(socket.clone(), incoming))
    }

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
    ///
    /// Options: `count` (without end), `interval` (1.s; zero: as fast as `window` allows), `timeout` (1.s), `icmp_wait` (as
    /// `timeout`), `window`: how many may be in flight at a time (1 if the interval is zero, else 65,536), `size` (0).
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
        let to = address(&ctx, &to)?;
        let mut options = Options::new("pinger", &options);
        let mut read = || {
            let count = options.count("count", 0)?;
            let interval = options.duration("interval")?.unwrap_or(Duration::from_secs(1));
            let (timeout, icmp_wait) = timeouts(&mut options)?;
            let all = if interval == Duration::ZERO { 1 } else { 65_536 };
            let window = options.count("window", 1)?.unwrap_or(all) as usize;
            let size = options.count("size", 0)?.unwrap_or(0) as usize;
            Ok(Plan { to, count, interval, timeout, icmp_wait, window, size })
        };
        let plan = read().or_raise(&ctx)?;
        options.finish().or_raise(&ctx)?;
        let pinger = NetPinger::new(socket.clone(), plan).or_raise(&ctx)?;
        Ok(Schedule(Arc::new(std::sync::Mutex::new(pinger)), socket))
    }

    /// Closes the socket. Using it afterwards is the error `closed`.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.close();
    /// try { sock.recv(1.ms); } catch (e) { expect(e.kind, "closed"); }
    /// ```
    #[rhai_fn(global, pure)]
    pub fn close(socket: &mut UdpSocket) {
        socket.close();
    }

    /// The local address (getsockname(2)).
    ///
    /// ```rhai
    /// expect(udp::bind("127.0.0.1:0").addr.ip, "127.0.0.1");
    /// ```
    #[rhai_fn(global, get = "addr", pure)]
    pub fn addr(socket: &mut UdpSocket) -> Addr {
        socket.local()
    }

    /// The local port.
    ///
    /// ```rhai
    /// expect(udp::bind("127.0.0.1:0").port > 0, true);
    /// ```
    #[rhai_fn(global, get = "port", pure)]
    pub fn port(socket: &mut UdpSocket) -> i64 {
        i64::from(socket.local().port())
    }

    /// The peer the socket is connected to; `()` if it is not.
    ///
    /// ```rhai
    /// expect(udp::bind("127.0.0.1:0").peer, ());
    /// ```
    #[rhai_fn(global, get = "peer", pure)]
    pub fn peer(socket: &mut UdpSocket) -> Dynamic {
        or_unit(socket.peer())
    }

    /// Whether the socket was closed.
    ///
    /// ```rhai
    /// expect(udp::bind("127.0.0.1:0").is_closed, false);
    /// ```
    #[rhai_fn(global, get = "is_closed", pure)]
    pub fn is_closed(socket: &mut UdpSocket) -> bool {
        socket.is_closed()
    }

    /// The clock by which the socket's round-trip times are measured, chosen by the first reply: `"kernel receive - kernel
    /// send"`, `"kernel receive - user send"` (as `ping` measures) or `"user receive - user send"`. `()` before a reply.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.ping(sock.addr, "ping 1", 100.ms);
    /// print(sock.clock);
    /// ```
    #[rhai_fn(global, get = "clock", pure)]
    pub fn clock(socket: &mut UdpSocket) -> Dynamic {
        socket.clock().map_or(Dynamic::UNIT, |clock| clock.name().into())
    }

    /// The account of the socket's probes and of the packets that came back, as a map: `sent`, `replied`, `errored`,
    /// `timed_out`, `pending` count probes; `late`, `duplicate`, `reordered`, `foreign`, `truncated`, `corrupt`,
    /// `advisory` (ICMP that settles nothing) and `stray_errors` count packets; `missed_slots` those of a schedule.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(sock.counts.errored, 1);
    /// ```
    #[rhai_fn(global, get = "counts", pure)]
    pub fn counts(socket: &mut UdpSocket) -> Map {
        let counts = socket.counts();
        [
            ("sent", counts.sent),
            ("replied", counts.replied),
            ("errored", counts.errored),
            ("timed_out", counts.timed_out),
            ("pending", counts.pending()),
            ("late", counts.late),
            ("duplicate", counts.duplicate),
            ("reordered", counts.reordered),
            ("foreign", counts.foreign),
            ("truncated", counts.truncated),
            ("corrupt", counts.corrupt),
            ("advisory", counts.advisory),
            ("stray_errors", counts.stray_errors),
            ("missed_slots", counts.missed_slots),
        ]
        .into_iter()
        .map(|(name, count)| (name.into(), (count as i64).into()))
        .collect()
    }

    /// How many ICMP errors came for what was sent while nobody asked: for answers to clients that are gone, say.
    ///
    /// ```rhai
    /// expect(udp::bind("127.0.0.1:0").icmp_errors, 0);
    /// ```
    #[rhai_fn(global, get = "icmp_errors", pure)]
    pub fn icmp_errors(socket: &mut UdpSocket) -> i64 {
        socket.unheeded_errors() as i64
    }

    /// The size of the receive buffer in bytes, as the kernel counts it: twice what was asked for (SO_RCVBUF).
    ///
    /// Errors: `closed`.
    ///
    /// ```rhai
    /// expect(udp::bind("127.0.0.1:0", #{ rcvbuf: 65_536 }).rcvbuf, 131_072);
    /// ```
    #[rhai_fn(global, get = "rcvbuf", pure, return_raw)]
    pub fn rcvbuf(ctx: NativeCallContext, socket: &mut UdpSocket) -> ScriptResult<i64> {
        socket.buffers().or_raise(&ctx).map(|(receive, _)| receive as i64)
    }

    /// The size of the send buffer in bytes, as the kernel counts it: twice what was asked for (SO_SNDBUF).
    ///
    /// Errors: `closed`.
    ///
    /// ```rhai
    /// expect(udp::bind("127.0.0.1:0", #{ sndbuf: 65_536 }).sndbuf, 131_072);
    /// ```
    #[rhai_fn(global, get = "sndbuf", pure, return_raw)]
    pub fn sndbuf(ctx: NativeCallContext, socket: &mut UdpSocket) -> ScriptResult<i64> {
        socket.buffers().or_raise(&ctx).map(|(_, send)| send as i64)
    }

    /// The socket in words.
    ///
    /// ```rhai
    /// print(udp::bind("127.0.0.1:0"));
    /// ```
    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn socket_text(socket: &mut UdpSocket) -> String {
        let state = if socket.is_closed() { "closed " } else { "" };
        format!("{state}UDP socket {}", socket.local())
    }

    /// What came: `"packet"`, `"icmp"`, `"timeout"` or `"interrupted"`.
    ///
    /// ```rhai
    /// expect(udp::bind("127.0.0.1:0").recv(1.ms).kind, "timeout");
    /// ```
    #[rhai_fn(global, get = "kind", pure)]
    pub fn packet_kind(packet: &mut Packet) -> String {
        match &packet.0.incoming {
            Incoming::Packet(_) => "packet",
            Incoming::Icmp(_) => "icmp",
            Incoming::TimedOut => "timeout",
            Incoming::Interrupted => "interrupted",
        }
        .to_string()
    }

    /// Who sent the datagram; `()` if none came.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.send_to("hello", sock.addr);
    /// expect(sock.recv(1.s).from, sock.addr);
    /// ```
    #[rhai_fn(global, get = "from", pure)]
    pub fn packet_from(packet: &mut Packet) -> Dynamic {
        or_unit(packet.datagram().map(|datagram| datagram.from))
    }

    /// The payload as text; what is not UTF-8 shows as `�`. `()` if no datagram came.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.send_to("hello", sock.addr);
    /// expect(sock.recv(1.s).text, "hello");
    /// ```
    #[rhai_fn(global, get = "text", pure)]
    pub fn packet_text(packet: &mut Packet) -> Dynamic {
        packet.datagram().map_or(Dynamic::UNIT, |datagram| text(&datagram.data).into())
    }

    /// The payload as a blob; `()` if no datagram came.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.send_to("A", sock.addr);
    /// expect(sock.recv(1.s).data[0], 65);
    /// ```
    #[rhai_fn(global, get = "data", pure)]
    pub fn packet_data(packet: &mut Packet) -> Dynamic {
        packet.datagram().map_or(Dynamic::UNIT, |datagram| Dynamic::from_blob(datagram.data.to_vec()))
    }

    /// The size of the payload in bytes; 0 if no datagram came.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.send_to("hello", sock.addr);
    /// expect(sock.recv(1.s).len, 5);
    /// ```
    #[rhai_fn(global, get = "len", pure)]
    pub fn packet_len(packet: &mut Packet) -> i64 {
        packet.datagram().map_or(0, |datagram| datagram.data.len() as i64)
    }

    /// The packet's number within its flow, that is from this sender to this socket, from 1, as the socket's policy counts
    /// it; `()` without a policy.
    ///
    /// ```rhai
    /// let policy = |pkt| if pkt.number <= 2 { drop() } else { pass() };
    /// set_policy(udp::bind("127.0.0.1:0"), policy);
    /// ```
    #[rhai_fn(global, get = "number", pure)]
    pub fn packet_number(packet: &mut Packet) -> Dynamic {
        packet.0.place().map_or(Dynamic::UNIT, |place| (place.number as i64).into())
    }

    /// The number of the packet's flow, by first appearance, from 0; `()` without a policy.
    ///
    /// ```rhai
    /// let policy = |pkt| if pkt.flow == 0 { pass() } else { drop() };
    /// set_policy(udp::bind("127.0.0.1:0"), policy);
    /// ```
    #[rhai_fn(global, get = "flow", pure)]
    pub fn packet_flow(packet: &mut Packet) -> Dynamic {
        packet.0.place().map_or(Dynamic::UNIT, |place| (place.flow as i64).into())
    }

    /// The ICMP error that came; `()` if none did.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.send_to("hello", udp::closed_port());
    /// expect(sock.recv(1.s).icmp.name, "Port Unreachable");
    /// ```
    #[rhai_fn(global, get = "icmp", pure)]
    pub fn packet_icmp(packet: &mut Packet) -> Dynamic {
        match &packet.0.incoming {
            Incoming::Icmp(error) => Dynamic::from(error.clone()),
            _ => Dynamic::UNIT,
        }
    }

    /// Answers a datagram: sends `data`, a string or a blob, back to where it came from, unless the socket's policy drops
    /// the request. The verdict.
    ///
    /// Errors: `invalid`: there is no datagram to answer; those of `send_to`.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.send_to("hello", sock.addr);
    /// expect(sock.recv(1.s).reply("HELLO").kind, "pass");
    /// ```
    #[rhai_fn(global, pure, return_raw)]
    pub fn reply(ctx: NativeCallContext, packet: &mut Packet, data: Dynamic) -> ScriptResult<Verdict> {
        let Some(datagram) = packet.datagram() else {
            let kind = packet_kind(packet);
            return raise(
                &ctx,
                Error::invalid("reply", format!("there is no datagram to answer, but kind \"{kind}\"")),
            );
        };
        thread_local! {
            static PASSED: Verdict = Verdict { action: Action::Pass, origin: "no policy".into() };
        }
        packet.0.replied.store(true, Ordering::Relaxed);
        Ok(match super::answer(&ctx, &packet.0.socket, datagram, data)? {
            Some(judged) => judged.verdict.clone(),
            None => PASSED.with(Clone::clone),
        })
    }

    /// The packet in words.
    ///
    /// ```rhai
    /// print(udp::bind("127.0.0.1:0").recv(1.ms));
    /// ```
    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn packet_words(packet: &mut Packet) -> String {
        match &packet.0.incoming {
            Incoming::Packet(datagram) => format!("{} bytes from {}", datagram.data.len(), datagram.from),
            Incoming::Icmp(error) => error.kind.to_string(),
            Incoming::TimedOut => "timeout".to_string(),
            Incoming::Interrupted => "interrupted".to_string(),
        }
    }

    /// How the ping ended: `"reply"`, `"icmp"` (an ICMP error), `"timeout"`, `"error"` (this host could not send it) or
    /// `"interrupted"` (the script was stopped; the probe is pending, not lost).
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(ping.kind, "icmp");
    /// ```
    #[rhai_fn(global, get = "kind", pure)]
    pub fn ping_kind(ping: &mut Ping) -> String {
        match &ping.0.outcome.end {
            End::Reply { .. } => "reply",
            End::Icmp { .. } => "icmp",
            End::TimedOut => "timeout",
            End::Unsent(_) => "error",
            End::Interrupted { .. } => "interrupted",
        }
        .to_string()
    }

    /// The sequence number: that of a message `ping N …`, or else the running number of the socket's probes, from 1.
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 7", 100.ms);
    /// expect(ping.seq, 7);
    /// ```
    #[rhai_fn(global, get = "seq", pure)]
    pub fn ping_seq(ping: &mut Ping) -> i64 {
        ping.0.outcome.number as i64
    }

    /// Where the ping went.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// expect(sock.ping(sock.addr, "ping 1", 100.ms).to, sock.addr);
    /// ```
    #[rhai_fn(global, get = "to", pure)]
    pub fn ping_to(ping: &mut Ping) -> Addr {
        ping.0.outcome.to
    }

    /// Who replied; `()` if nobody did.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// expect(sock.ping(sock.addr, "ping 1", 100.ms).from, sock.addr);
    /// ```
    #[rhai_fn(global, get = "from", pure)]
    pub fn ping_from(ping: &mut Ping) -> Dynamic {
        or_unit(ping.reply().map(|datagram| datagram.from))
    }

    /// The reply as text, without padding at its end; `()` if there is none.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// expect(sock.ping(sock.addr, "ping 1", #{ size: 64 }).text, "ping 1");
    /// ```
    #[rhai_fn(global, get = "text", pure)]
    pub fn ping_text(ping: &mut Ping) -> Dynamic {
        ping.reply().map_or(Dynamic::UNIT, |datagram| text(&datagram.data).trim_end_matches(' ').into())
    }

    /// The reply as a blob, padding included; `()` if there is none.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// expect(sock.ping(sock.addr, "ping 1", #{ size: 64 }).data.len, 64);
    /// ```
    #[rhai_fn(global, get = "data", pure)]
    pub fn ping_data(ping: &mut Ping) -> Dynamic {
        ping.reply().map_or(Dynamic::UNIT, |datagram| Dynamic::from_blob(datagram.data.to_vec()))
    }

    /// The round-trip time, a Duration measured by the session's clock (see `clock` of a socket); `()` if there is no reply.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// expect(sock.ping(sock.addr, "ping 1", 1.s).rtt < 1.s, true);
    /// ```
    #[rhai_fn(global, get = "rtt", pure)]
    pub fn ping_rtt(ping: &mut Ping) -> Dynamic {
        match &ping.0.outcome.end {
            End::Reply { rtt, .. } => Dynamic::from(*rtt),
            _ => Dynamic::UNIT,
        }
    }

    /// The clock the round-trip time was measured by, in words; `()` if there is no reply. Where it is not the session's,
    /// the time is kept out of percentiles.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// print(sock.ping(sock.addr, "ping 1", 1.s).clock);
    /// ```
    #[rhai_fn(global, get = "clock", pure)]
    pub fn ping_clock(ping: &mut Ping) -> Dynamic {
        match &ping.0.outcome.end {
            End::Reply { clock, .. } => clock.name().into(),
            _ => Dynamic::UNIT,
        }
    }

    /// The ICMP error that ended the ping; `()` if none did. As text it is the error's name.
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(`${ping.icmp}`, "Port Unreachable");
    /// ```
    #[rhai_fn(global, get = "icmp", pure)]
    pub fn ping_icmp(ping: &mut Ping) -> Dynamic {
        match &ping.0.outcome.end {
            End::Icmp { error, .. } => Dynamic::from(error.clone()),
            _ => Dynamic::UNIT,
        }
    }

    /// Whether the ICMP error did not say which of several pings in flight it is about.
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(ping.assumed, false);
    /// ```
    #[rhai_fn(global, get = "assumed", pure)]
    pub fn ping_assumed(ping: &mut Ping) -> bool {
        matches!(&ping.0.outcome.end, End::Icmp { assumed: true, .. })
    }

    /// Why this host could not send the ping, an error with `kind` and `message`; `()` if it could.
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(ping.error, ());
    /// ```
    #[rhai_fn(global, get = "error", pure)]
    pub fn ping_error(ping: &mut Ping) -> Dynamic {
        match &ping.0.outcome.end {
            End::Unsent(error) => Dynamic::from(error.clone()),
            _ => Dynamic::UNIT,
        }
    }

    /// The ping in words.
    ///
    /// ```rhai
    /// print(udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms));
    /// ```
    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn ping_words(ping: &mut Ping) -> String {
        let Outcome { number, to, end } = &ping.0.outcome;
        match end {
            End::Reply { rtt, datagram, .. } => format!("seq {number}: reply from {} rtt={rtt}", datagram.from),
            End::Icmp { error, .. } => format!("seq {number}: {} for {to}", error.kind),
            End::TimedOut => format!("seq {number}: no reply from {to}"),
            End::Unsent(error) => format!("seq {number}: {error}"),
            End::Interrupted { .. } => format!("seq {number}: interrupted"),
        }
    }

    /// The error's name, such as `"Port Unreachable"`; one without a name is called by its numbers.
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(ping.icmp.name, "Port Unreachable");
    /// ```
    #[rhai_fn(global, get = "name", pure)]
    pub fn icmp_name(icmp: &mut Icmp) -> String {
        icmp.kind.to_string()
    }

    /// The ICMP type, 0 to 255 (RFC 792, RFC 4443).
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(ping.icmp.type, 3);
    /// ```
    #[rhai_fn(global, get = "type", pure)]
    pub fn icmp_type(icmp: &mut Icmp) -> i64 {
        i64::from(icmp.kind.type_)
    }

    /// The ICMP code, 0 to 255 (RFC 792, RFC 4443).
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(ping.icmp.code, 3);
    /// ```
    #[rhai_fn(global, get = "code", pure)]
    pub fn icmp_code(icmp: &mut Icmp) -> i64 {
        i64::from(icmp.kind.code)
    }

    /// Who reports the error, an IP address as text: the destination, or a router on the way; `()` if not known.
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(ping.icmp.offender, "127.0.0.1");
    /// ```
    #[rhai_fn(global, get = "offender", pure)]
    pub fn icmp_offender(icmp: &mut Icmp) -> Dynamic {
        icmp.offender.map_or(Dynamic::UNIT, |ip| ip.to_string().into())
    }

    /// The next-hop MTU in bytes of a "fragmentation needed" or "packet too big", the pointer of a parameter problem; else 0.
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(ping.icmp.info, 0);
    /// ```
    #[rhai_fn(global, get = "info", pure)]
    pub fn icmp_info(icmp: &mut Icmp) -> i64 {
        i64::from(icmp.info)
    }

    /// What the error quotes of the datagram's payload, a blob; routers may quote none of it.
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(ping.icmp.quote.len, 6);
    /// ```
    #[rhai_fn(global, get = "quote", pure)]
    pub fn icmp_quote(icmp: &mut Icmp) -> Dynamic {
        Dynamic::from_blob(icmp.quote.clone())
    }

    /// The error's name.
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(`${ping.icmp} for the packet 1`, "Port Unreachable for the packet 1");
    /// ```
    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn icmp_text(icmp: &mut Icmp) -> String {
        icmp.kind.to_string()
    }

    /// The IP address as text.
    ///
    /// ```rhai
    /// expect(resolve("127.0.0.1:7").ip, "127.0.0.1");
    /// ```
    #[rhai_fn(global, get = "ip", pure)]
    pub fn addr_ip(addr: &mut Addr) -> String {
        addr.ip().to_string()
    }

    /// The port, 0 to 65535.
    ///
    /// ```rhai
    /// expect(resolve("127.0.0.1:7").port, 7);
    /// ```
    #[rhai_fn(global, get = "port", pure)]
    pub fn addr_port(addr: &mut Addr) -> i64 {
        i64::from(addr.port())
    }

    /// Whether two addresses are the same, port included.
    ///
    /// ```rhai
    /// expect(resolve("127.0.0.1:7") == resolve("localhost:7"), true);
    /// ```
    #[rhai_fn(global, name = "==")]
    pub fn addr_equal(a: Addr, b: Addr) -> bool {
        a == b
    }

    /// Whether two addresses differ.
    ///
    /// ```rhai
    /// expect(resolve("127.0.0.1:7") != resolve("127.0.0.1:8"), true);
    /// ```
    #[rhai_fn(global, name = "!=")]
    pub fn addr_differ(a: Addr, b: Addr) -> bool {
        a != b
    }

    /// The address as `IP:PORT`, an IPv6 address in brackets.
    ///
    /// ```rhai
    /// expect(`${resolve("[::1]:7")}`, "[::1]:7");
    /// ```
    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn addr_text(addr: &mut Addr) -> String {
        addr.to_string()
    }

    /// The address of `HOST:PORT`: of a name's addresses the first IPv4 one, else the first IPv6 one (getaddrinfo(3)).
    ///
    /// Errors: `invalid`: not of this form, a port above 65535; `resolve`: the name has no address.
    ///
    /// ```rhai
    /// expect(resolve("localhost:11000").ip, "127.0.0.1");
    /// ```
    #[rhai_fn(global, return_raw)]
    pub fn resolve(ctx: NativeCallContext, name: &str) -> ScriptResult<Addr> {
        addr::resolve(name, None).or_raise(&ctx)
    }

    /// The address of `HOST:PORT` of one version of the Internet Protocol: `"IPv4"` or `"IPv6"`.
    ///
    /// Errors: `invalid`, `resolve`: the name has no such address.
    ///
    /// ```rhai
    /// expect(resolve("[::1]:7", "IPv6").ip, "::1");
    /// ```
    #[rhai_fn(global, name = "resolve", return_raw)]
    pub fn resolve_version(ctx: NativeCallContext, name: &str, version: &str) -> ScriptResult<Addr> {
        let version = match version {
            "IPv4" => Version::V4,
            "IPv6" => Version::V6,
            other => {
                return raise(&ctx, Error::invalid("resolve", format!("\"{other}\" is neither \"IPv4\" nor \"IPv6\"")));
            }
        };
        addr::resolve(name, Some(version)).or_raise(&ctx)
    }
}

/// The functions of the namespace `udp`.
#[export_module]
#[allow(clippy::unwrap_used)] // the code that the macro writes
pub mod namespace {
    /// How a server answers without a closure.
    pub type Answer = crate::net::batch::Answer;

    use super::api::Addr;
    use crate::net::udp::UdpSocket;

    /// Makes a socket bound to `HOST:PORT`, port 0 for any free one (socket(2), bind(2)). ICMP errors for what it sends reach
    /// it without privileges (IP_RECVERR).
    ///
    /// Errors: `in-use`, `not-local`, `permission` (a port below 1024), `exhausted`, `invalid`, `resolve`.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// print(`bound to port ${sock.port}`);
    /// ```
    #[rhai_fn(name = "bind", return_raw)]
    pub fn bind_to(ctx: NativeCallContext, local: &str) -> ScriptResult<UdpSocket> {
        bind_with(ctx, local, Map::new())
    }

    /// Makes a bound socket, with options: `rcvbuf`, `sndbuf`: buffer sizes in bytes, which the kernel doubles; `reuse`: other
    /// sockets may bind the same address (SO_REUSEADDR, SO_REUSEPORT).
    ///
    /// Errors: as `bind`; `invalid`: an unknown option.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0", #{ rcvbuf: 4096, reuse: true });
    /// ```
    #[rhai_fn(name = "bind", return_raw)]
    pub fn bind_with(ctx: NativeCallContext, local: &str, options: Map) -> ScriptResult<UdpSocket> {
        let mut options = Options::new("bind", &options);
        let mut read = || {
            Ok(SocketOptions {
                receive_buffer: options.count("rcvbuf", 1)?.map(|bytes| bytes as usize),
                send_buffer: options.count("sndbuf", 1)?.map(|bytes| bytes as usize),
                reuse: options.flag("reuse")?,
            })
        };
        let read = read().or_raise(&ctx)?;
        options.finish().or_raise(&ctx)?;
        let local = addr::local(local, Version::V4).or_raise(&ctx)?;
        super::bind(&ctx, local, read)
    }

    /// Makes a socket to talk with `peer`: of its version of IP, bound to any free port. It still hears everybody: it is not
    /// connected.
    ///
    /// Errors: `exhausted`, `invalid`, `resolve`.
    ///
    /// ```rhai
    /// let sock = udp::open("[::1]:7");
    /// expect(sock.addr.ip, "::");
    /// ```
    #[rhai_fn(name = "open", return_raw)]
    pub fn open(ctx: NativeCallContext, peer: Dynamic) -> ScriptResult<UdpSocket> {
        open_at(ctx, peer, "")
    }

    /// Makes a socket to talk with `peer`, bound to `local`: `HOST:PORT`, `*:PORT` for any address, or `""` for any free port.
    ///
    /// Errors: as `bind`.
    ///
    /// ```rhai
    /// let sock = udp::open("127.0.0.1:7", "*:0");
    /// expect(sock.addr.ip, "0.0.0.0");
    /// ```
    #[rhai_fn(name = "open", return_raw)]
    pub fn open_at(ctx: NativeCallContext, peer: Dynamic, local: &str) -> ScriptResult<UdpSocket> {
        let version = if address(&ctx, &peer)?.is_ipv4() { Version::V4 } else { Version::V6 };
        let local = addr::local(local, version).or_raise(&ctx)?;
        super::bind(&ctx, local, SocketOptions::default())
    }

    /// Answers each datagram that the socket receives, until the script is stopped or the socket closed: calls `handler` with
    /// the packet and sends what it returns, a string or a blob, back, as far as the socket's policy lets it; `()` sends
    /// nothing, nor does the verdict of a `reply` that the handler has called itself. The fastest way to serve; several
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
    #[rhai_fn(return_raw)]
    pub fn serve(ctx: NativeCallContext, socket: UdpSocket, handler: FnPtr) -> ScriptResult<()> {
        let mut callback = Callback::new(&ctx, handler);
        super::serve(&ctx, &socket, |datagram| {
            let packet = super::Packet::new(socket.clone(), Incoming::Packet(datagram));
            let answer = callback.call([Dynamic::from(packet.clone())])?;
            match packet.datagram() {
                Some(datagram) if !packet.is_done_with(&answer) => {
                    super::answer(&ctx, &socket, datagram, answer).map(|_| ())
                }
                _ => Ok(()),
            }
        })
    }

    /// Answers each datagram that the socket receives with its text in capitals, or with itself: `udp::upper()` and
    /// `udp::echo()` need no closure, and so cost the least. The socket's policy decides as always.
    ///
    /// Errors: those of `send_to`.
    ///
    /// ```rhai
    /// let server = udp::bind("127.0.0.1:0");
    /// set_policy(server, |pkt| if random() < 0.2 { drop() } else { pass() });
    /// let task = start_thread(|| udp::serve(server, udp::upper()));
    /// task.stop();
    /// ```
    #[rhai_fn(name = "serve", return_raw)]
    pub fn serve_native(ctx: NativeCallContext, socket: UdpSocket, answer: Answer) -> ScriptResult<()> {
        let stop = context::begin_to_wait().stop;
        match socket.serve(answer, &stop) {
            Err(err) if err.kind != ErrorKind::Closed => raise(&ctx, err),
            _ => Ok(()),
        }
    }

    /// For `udp::serve`: the answer is the request's text in capitals; of what is no text, the ASCII letters.
    ///
    /// ```rhai
    /// let server = udp::bind("127.0.0.1:0");
    /// let task = start_thread(|| udp::serve(server, udp::upper()));
    /// expect(udp::open(server.addr).ping(server.addr, "ping 1", 1.s).text, "PING 1");
    /// task.stop();
    /// ```
    pub fn upper() -> Answer {
        crate::net::batch::Answer::Upper
    }

    /// For `udp::serve`: the answer is the request.
    ///
    /// ```rhai
    /// let server = udp::bind("127.0.0.1:0");
    /// let task = start_thread(|| udp::serve(server, udp::echo()));
    /// expect(udp::open(server.addr).ping(server.addr, "ping 1", 1.s).text, "ping 1");
    /// task.stop();
    /// ```
    pub fn echo() -> Answer {
        crate::net::batch::Answer::Echo
    }

    /// An address of this host that answers with "Port Unreachable": its port was free a moment ago.
    ///
    /// Errors: `exhausted`.
    ///
    /// ```rhai
    /// print(udp::closed_port());
    /// ```
    #[rhai_fn(return_raw)]
    pub fn closed_port(ctx: NativeCallContext) -> ScriptResult<Addr> {
        let local = addr::local("127.0.0.1:0", Version::V4).or_raise(&ctx)?;
        let context = context::current();
        let account = context.run.session.clone();
        let socket = UdpSocket::bind(context.host, account, local, SocketOptions::default()).or_raise(&ctx)?;
        Ok(socket.local())
    }
}

/// An ICMP error's name is how scripts print it.
impl fmt::Display for IcmpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}
