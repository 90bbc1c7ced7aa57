//! A socket in scripts: what it sends and receives, and its properties. Pings are in [`super::pinger`].

use rhai::{Array, Dynamic, Map, NativeCallContext, Position};

use super::packet::ReceivedPacket;
use super::{counts_map, or_unit};
use crate::bindings::context;
use crate::bindings::context::WaitingFor;
use crate::bindings::convert::{address, bytes, in_order};
use crate::bindings::error::{OrRaise, ScriptResult, raise, thrown};
use crate::net::error::{Error, ErrorKind};
use crate::net::policy::decisions::PacketId;
use crate::net::socket::udp::{UdpIncoming, UdpSocket};
use crate::net::time::Duration;
use crate::net::time::Instant;
use std::net::SocketAddr;

/// A loop over a socket runs for each datagram it receives, until the script is stopped or the socket closed.
impl IntoIterator for UdpSocket {
    type Item = ScriptResult<Dynamic>;
    type IntoIter = Box<dyn Iterator<Item = Self::Item>>;

    fn into_iter(self) -> Self::IntoIter {
        let context = context::wait(WaitingFor::NewWork);
        let mut ended = false;
        Box::new(std::iter::from_fn(move || {
            context.wait(WaitingFor::NewWork);
            if ended || context.stop.is_stopped() {
                return None;
            }
            match self.receive(None, &context.stop, false) {
                Ok(incoming @ UdpIncoming::Packet(_)) => {
                    Some(Ok(Dynamic::from(ReceivedPacket::new(self.clone(), incoming))))
                }
                Ok(_) => None,
                // Closing it ends the loop.
                Err(err) if err.kind == ErrorKind::Closed => None,
                Err(err) => {
                    ended = true;
                    Some(Err(thrown(err, Position::NONE)))
                }
            }
        }))
    }
}

functions! {
    pub fn api;
    object UdpSocket, "A UDP socket. Copies are the same socket.";

    /// Sends a datagram: a string or a blob (sendto(2)). Where the socket has a policy, what goes to a peer that has sent it
    /// something meets the policy's verdict about that.
    ///
    /// Errors: `too-large`: more than 65,507 bytes, or 65,527 over IPv6; `unreachable`: no route; `permission`: a firewall of this host;
    /// `closed`; `invalid`, `resolve`: the address.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.send_to("hello", sock.addr);
    /// expect(sock.recv(1.s).text, "hello");
    /// ```
    fn send_to as send_to(
        ctx: NativeCallContext, socket: &mut UdpSocket, data: Dynamic, to: Dynamic,
    ) -> ScriptResult<()> = {
        in_order(&ctx, &data, &to, |data, to| format!("the data comes first: sock.send_to({data}, {to})"))?;
        let to = to.flatten();
        // An address that a script has from a packet says which one.
        let asked = Some(PacketId::of(to.tag() as _));
        let (data, to) = (bytes(&ctx, data)?, address(&ctx, &to)?);
        socket.send_as_decided(&data, to, asked).or_raise(&ctx)
    };

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
    fn send(ctx: NativeCallContext, socket: &mut UdpSocket, data: Dynamic) -> ScriptResult<()> = {
        let data = bytes(&ctx, data)?;
        match socket.peer() {
            Some(peer) => socket.send_as_decided(&data, peer, None).or_raise(&ctx),
            None => {
                let error = Error::invalid("send", "the socket is not connected");
                raise(&ctx, error.with_hint("connect it first, or use send_to(data, address)"))
            }
        }
    };

    /// Sends to `peer` from now on, and receives from it alone (connect(2)).
    ///
    /// Errors: `unreachable`: no route; `closed`; `invalid`, `resolve`: the address.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.connect("127.0.0.1:9");
    /// expect(sock.peer.port, 9);
    /// ```
    fn connect(ctx: NativeCallContext, socket: &mut UdpSocket, peer: Dynamic) -> ScriptResult<()> = {
        let peer = address(&ctx, &peer)?;
        socket.connect(peer).or_raise(&ctx)
    };

    /// Waits for a datagram, or for an ICMP error about one sent before, until the script is stopped.
    ///
    /// Errors: `closed`, also when another thread closes the socket meanwhile.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.send_to("hello", sock.addr);
    /// expect(sock.recv().text, "hello");
    /// ```
    fn recv(ctx: NativeCallContext, socket: &mut UdpSocket) -> ScriptResult<ReceivedPacket> = {
        let incoming = socket.receive(None, &context::wait(WaitingFor::NewWork).stop, true).or_raise(&ctx)?;
        Ok(ReceivedPacket::new(socket.clone(), incoming))
    };

    /// Waits for a datagram, or for an ICMP error about one sent before, for at most `timeout`. The result's `kind`
    /// says what came: `"packet"`, `"icmp"`, `"timeout"` or `"interrupted"`.
    ///
    /// Errors: `closed`, also when another thread closes the socket meanwhile.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// expect(sock.recv(1.ms).kind, "timeout");
    /// ```
    fn recv(ctx: NativeCallContext, socket: &mut UdpSocket, timeout: Duration) -> ScriptResult<ReceivedPacket> = {
        let context = context::current();
        recv_until(ctx, socket, context.host.now() + timeout)
    };

    /// Waits for a datagram, or for an ICMP error about one sent before, until a deadline that does not move, however
    /// many packets come in between.
    ///
    /// Errors: `closed`, also when another thread closes the socket meanwhile.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// let end = deadline(5.ms);
    /// while sock.recv(end).kind != "timeout" {}
    /// expect(end.passed, true);
    /// ```
    fn recv as recv_until(
        ctx: NativeCallContext, socket: &mut UdpSocket, deadline: Instant,
    ) -> ScriptResult<ReceivedPacket> = {
        let incoming = socket.receive(Some(deadline), &context::wait(WaitingFor::Datagrams).stop, true).or_raise(&ctx)?;
        Ok(ReceivedPacket::new(socket.clone(), incoming))
    };

    /// Closes the socket. Using it afterwards is the error `closed`.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.close();
    /// try { sock.recv(1.ms); } catch (e) { expect(e.kind, "closed"); }
    /// ```
    fn close(socket: &mut UdpSocket) = {
        socket.close();
    };

    /// The local address (getsockname(2)).
    ///
    /// ```rhai
    /// expect(udp::bind("127.0.0.1:0").addr.ip, "127.0.0.1");
    /// ```
    get addr(socket: &mut UdpSocket) -> SocketAddr = socket.local();

    /// The local port.
    ///
    /// ```rhai
    /// expect(udp::bind("127.0.0.1:0").port > 0, true);
    /// ```
    get port(socket: &mut UdpSocket) -> i64 = i64::from(socket.local().port());

    /// The peer the socket is connected to; `()` if it is not.
    ///
    /// ```rhai
    /// expect(udp::bind("127.0.0.1:0").peer, ());
    /// ```
    get peer(socket: &mut UdpSocket) -> Dynamic = or_unit(socket.peer());

    /// Whether the socket was closed.
    ///
    /// ```rhai
    /// expect(udp::bind("127.0.0.1:0").is_closed, false);
    /// ```
    get is_closed(socket: &mut UdpSocket) -> bool = socket.is_closed();

    /// The clock by which the socket's round-trip times are measured, chosen by the first reply: `"kernel receive - kernel
    /// send"`, `"kernel receive - user send"` (as `ping` measures) or `"user receive - user send"`. `()` before a reply.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(sock.clock, ());    // an ICMP error is no reply
    /// ```
    get clock(socket: &mut UdpSocket) -> Dynamic = socket.tally().clock().map_or(Dynamic::UNIT, |clock| clock.name().into());

    /// The account of the socket's probes and of the packets that came back, as a map: `sent`, `replied`, `errored`,
    /// `timed_out`, `pending` count probes; `late`, `duplicate`, `reordered`, `foreign`, `truncated`, `corrupt`, `unmatched`,
    /// `advisory` (ICMP that settles nothing) and `stray_errors` count packets; `missed_slots` those of a schedule.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(sock.counts.errored, 1);
    /// ```
    get counts(socket: &mut UdpSocket) -> Map = counts_map(socket.tally().counts());

    /// ICMP messages that came since the last call, are about what was pinged, and settle nothing: redirects, source quenches.
    /// An array of what `icmp` of a ping is.
    ///
    /// ```rhai
    /// expect(udp::bind("127.0.0.1:0").notices().len, 0);
    /// ```
    fn notices(socket: &mut UdpSocket) -> Array = socket.notices().into_iter().map(Dynamic::from).collect();

    /// How many ICMP errors came for what was sent while no one asked, for replies to clients that are gone, say; and how many
    /// replies could not be sent.
    ///
    /// ```rhai
    /// expect(udp::bind("127.0.0.1:0").icmp_errors, 0);
    /// ```
    get icmp_errors(socket: &mut UdpSocket) -> i64 = socket.unheeded_errors() as i64;

    /// The size of the receive buffer in bytes, as the kernel counts it: twice what was asked for (SO_RCVBUF).
    ///
    /// Errors: `closed`.
    ///
    /// ```rhai
    /// expect(udp::bind("127.0.0.1:0", #{ rcvbuf: 65_536 }).rcvbuf, 131_072);
    /// ```
    get rcvbuf(ctx: NativeCallContext, socket: &mut UdpSocket) -> ScriptResult<i64> =
        socket.buffers().or_raise(&ctx).map(|(receive, _)| receive as i64);

    /// The size of the send buffer in bytes, as the kernel counts it: twice what was asked for (SO_SNDBUF).
    ///
    /// Errors: `closed`.
    ///
    /// ```rhai
    /// expect(udp::bind("127.0.0.1:0", #{ sndbuf: 65_536 }).sndbuf, 131_072);
    /// ```
    get sndbuf(ctx: NativeCallContext, socket: &mut UdpSocket) -> ScriptResult<i64> =
        socket.buffers().or_raise(&ctx).map(|(_, send)| send as i64);

    /// The socket in words.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// expect(`${sock}`, `UDP socket ${sock.addr}`);
    /// ```
    fn to_string | to_debug(socket: &mut UdpSocket) -> String = {
        let state = if socket.is_closed() { "closed " } else { "" };
        format!("{state}UDP socket {}", socket.local())
    };
}
