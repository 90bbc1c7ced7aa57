//! What a receive brought, in scripts: a datagram, an ICMP error, a time-out or an interrupt; and the reply to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rhai::{Dynamic, ImmutableString, NativeCallContext};

use super::or_unit;
use super::ping::seconds;
use crate::bindings::context;
use crate::bindings::convert::{bytes, text};
use crate::bindings::error::{OrRaise, ScriptResult, raise};
use crate::bindings::loops;
use crate::net::error::Error;
use crate::net::policy::datagram::Datagram;
use crate::net::policy::decisions::PacketId;
use crate::net::policy::{Action, Place, PolicyOrigin, Verdict};
use crate::net::socket::Replied;
use crate::net::socket::udp::{UdpIncoming, UdpSocket};

/// What a receive brought.
#[derive(Clone, Debug)]
pub struct ReceivedPacket(Arc<Receipt>);

#[derive(Debug)]
struct Receipt {
    socket: UdpSocket,
    incoming: UdpIncoming,
    /// What the socket knows it by, if it may be asked what is sent to its sender.
    id: Option<PacketId>,
    /// Its place in its flow, while a policy decides about it.
    deciding: Option<Place>,
    /// Whether the script has replied.
    replied: AtomicBool,
}

impl Receipt {
    fn place(&self) -> Option<Place> {
        let decided = match &self.incoming {
            UdpIncoming::Packet(datagram) => datagram.decided.as_ref().map(|decided| decided.place),
            _ => None,
        };
        self.deciding.or(decided)
    }
}

impl ReceivedPacket {
    /// What `socket` received.
    pub fn new(socket: UdpSocket, incoming: UdpIncoming) -> Self {
        let id = match &incoming {
            UdpIncoming::Packet(datagram) => socket.handed_out(datagram),
            _ => None,
        };
        Self(Arc::new(Receipt { socket, incoming, id, deciding: None, replied: AtomicBool::new(false) }))
    }

    /// A datagram that a closure is asked about: whether it is a reply to a ping.
    pub fn being_matched(socket: UdpSocket, datagram: Datagram) -> Self {
        let (incoming, replied) = (UdpIncoming::Packet(datagram), AtomicBool::new(false));
        Self(Arc::new(Receipt { socket, incoming, id: None, deciding: None, replied }))
    }

    /// Whether nothing is left to be sent where its handler returned `value`: nothing, or what its own `reply` returned,
    /// which a block's last statement gives even with a semicolon.
    pub(super) fn is_done_with(&self, value: &Dynamic) -> bool {
        value.is_unit() || (value.is::<Verdict>() && self.0.replied.load(Ordering::Relaxed))
    }

    /// A datagram that a policy decides about.
    pub fn being_decided(socket: UdpSocket, datagram: Datagram, place: Place) -> Self {
        let (incoming, replied) = (UdpIncoming::Packet(datagram), AtomicBool::new(false));
        Self(Arc::new(Receipt { socket, incoming, id: None, deciding: Some(place), replied }))
    }

    /// The datagram of which a script reads something. What did not arrive because the script was stopped ends the loop there.
    fn content(&self) -> Option<&Datagram> {
        if matches!(self.0.incoming, UdpIncoming::Interrupted) {
            loops::ends();
        }
        self.datagram()
    }

    pub(super) fn datagram(&self) -> Option<&Datagram> {
        match &self.0.incoming {
            UdpIncoming::Packet(datagram) => Some(datagram),
            _ => None,
        }
    }
}

/// What a reply meets where there is no policy.
pub(in crate::bindings) static UNDECIDED: Verdict =
    Verdict { action: Action::Pass, origin: PolicyOrigin::Known("no policy"), unsent: None };

/// Does something with a string or a blob.
fn with_bytes<T>(
    ctx: &NativeCallContext,
    data: Dynamic,
    send: impl FnOnce(&[u8]) -> Result<T, Error>,
) -> ScriptResult<T> {
    if let Some(text) = data.read_lock::<ImmutableString>() {
        return send(text.as_bytes()).or_raise(ctx);
    }
    send(&bytes(ctx, data)?).or_raise(ctx)
}

/// Replies to a request with a string or a blob.
pub(super) fn reply(
    ctx: &NativeCallContext,
    socket: &UdpSocket,
    request: &Datagram,
    data: Dynamic,
) -> ScriptResult<Replied> {
    with_bytes(ctx, data, |data| socket.reply(request, data))
}

functions! {
    pub fn api;
    object ReceivedPacket as Packet, "What a receive brought: a datagram, an ICMP error, a time-out or an interrupt.";

    /// What came: `"packet"`, `"icmp"`, `"timeout"` or `"interrupted"`.
    ///
    /// ```rhai
    /// expect(udp::bind("127.0.0.1:0").recv(1.ms).kind, "timeout");
    /// ```
    get kind as packet_kind(packet: &mut ReceivedPacket) -> String = {
        match &packet.0.incoming {
            UdpIncoming::Packet(_) => "packet",
            UdpIncoming::Icmp(_) => "icmp",
            UdpIncoming::TimedOut => "timeout",
            UdpIncoming::Interrupted => "interrupted",
        }
        .to_string()
    };

    /// Who sent the datagram; `()` if none came.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.send_to("hello", sock.addr);
    /// expect(sock.recv(1.s).from, sock.addr);
    /// ```
    get from(packet: &mut ReceivedPacket) -> Dynamic = {
        let mut from: Dynamic = or_unit(packet.content().map(|datagram| datagram.from));
        if let Some(id) = packet.0.id {
            // What is sent there replies to this packet.
            from.set_tag(id.number().into());
        }
        from
    };

    /// The payload as text; what is not UTF-8 shows as `�`. `()` if no datagram came.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.send_to("hello", sock.addr);
    /// expect(sock.recv(1.s).text, "hello");
    /// ```
    get text(packet: &mut ReceivedPacket) -> Dynamic =
        packet.content().map_or(Dynamic::UNIT, |datagram| text(&datagram.data).into());

    /// The payload as a blob; `()` if no datagram came.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.send_to("A", sock.addr);
    /// expect(sock.recv(1.s).data[0], 65);
    /// ```
    get data(packet: &mut ReceivedPacket) -> Dynamic =
        packet.content().map_or(Dynamic::UNIT, |datagram| Dynamic::from_blob(datagram.data.to_vec()));

    /// When the datagram arrived: seconds since 1970 (UTC), as `unix_time` gives them, by the kernel's stamp; `()` if none came.
    /// The kernel stamps from when this is first asked of a packet of the socket, or from its first ping; of a packet that came
    /// before, it is the moment of asking.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.send_to("hello", sock.addr);
    /// let asked = sock.recv(1.s).received_at;
    /// sock.send_to("hello", sock.addr);
    /// let pkt = sock.recv(1.s);
    /// let now = unix_time();
    /// expect(asked <= pkt.received_at && pkt.received_at <= now + 0.001, true);
    /// ```
    get received_at(packet: &mut ReceivedPacket) -> Dynamic = {
        let Some(datagram) = packet.datagram() else { return Dynamic::UNIT };
        packet.0.socket.stamp_arrivals();
        seconds(datagram.stamp.or_else(|| Some(context::current().host.unix_nanos())))
    };

    /// The size of the payload in bytes; 0 if no datagram came.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.send_to("hello", sock.addr);
    /// expect(sock.recv(1.s).len, 5);
    /// ```
    get len(packet: &mut ReceivedPacket) -> i64 = packet.content().map_or(0, |datagram| datagram.data.len() as i64);

    /// The packet's number within its flow, that is from this sender to this socket, from 1, as the socket's policy counts
    /// it; `()` without a policy.
    ///
    /// ```rhai
    /// let server = udp::bind("127.0.0.1:0");
    /// set_policy(server, |pkt| if pkt.number == 1 { drop() } else { pass() });
    /// udp::bind("127.0.0.1:0").send_to("ping 1", server.addr);
    /// expect(server.recv(1.s).number, 1);
    /// ```
    get number(packet: &mut ReceivedPacket) -> Dynamic =
        packet.0.place().map_or(Dynamic::UNIT, |place| (place.number as i64).into());

    /// The number of the packet's flow, by first appearance, from 0; `()` without a policy.
    ///
    /// ```rhai
    /// let server = udp::bind("127.0.0.1:0");
    /// set_policy(server, |pkt| if pkt.flow == 0 { drop() } else { pass() });
    /// udp::bind("127.0.0.1:0").send_to("ping 1", server.addr);
    /// expect(server.recv(1.s).flow, 0);
    /// ```
    get flow(packet: &mut ReceivedPacket) -> Dynamic = packet.0.place().map_or(Dynamic::UNIT, |place| place.flow.into());

    /// The ICMP error that came; `()` if none did.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.send_to("hello", udp::closed_port());
    /// expect(sock.recv(1.s).icmp.name, "Port Unreachable");
    /// ```
    get icmp(packet: &mut ReceivedPacket) -> Dynamic = match &packet.0.incoming {
        UdpIncoming::Icmp(error) => Dynamic::from(error.clone()),
        _ => Dynamic::UNIT,
    };

    /// Replies to a datagram: sends `data`, a string or a blob, back to where it came from, unless the socket's policy drops
    /// the request. The verdict. A reply that this host cannot send, such as one without a route back, or larger than a
    /// datagram, is counted (see `icmp_errors`) and no error, so that no client ends a server; the verdict has the kind
    /// `"unsent"` then, and says why (`error`).
    ///
    /// Errors: `invalid`: there is no datagram to reply to; `closed`.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.send_to("hello", sock.addr);
    /// expect(sock.recv(1.s).reply("HELLO").kind, "pass");
    /// ```
    fn reply(ctx: NativeCallContext, packet: &mut ReceivedPacket, data: Dynamic) -> ScriptResult<Verdict> = {
        let Some(datagram) = packet.datagram() else {
            let kind = packet_kind(packet);
            return raise(
                &ctx,
                Error::invalid("reply", format!("there is no datagram to reply to, but kind \"{kind}\"")),
            );
        };
        packet.0.replied.store(true, Ordering::Relaxed);
        Ok(reply(&ctx, &packet.0.socket, datagram, data)?.verdict(&UNDECIDED))
    };

    /// The packet in words.
    ///
    /// ```rhai
    /// let nothing = udp::bind("127.0.0.1:0").recv(1.ms);
    /// expect(nothing.kind, "timeout");
    /// print(nothing);
    /// ```
    fn to_string | to_debug(packet: &mut ReceivedPacket) -> String = match &packet.0.incoming {
        UdpIncoming::Packet(datagram) => format!("{} bytes from {}", datagram.data.len(), datagram.from),
        UdpIncoming::Icmp(error) => error.kind.to_string(),
        UdpIncoming::TimedOut => "timeout".to_string(),
        UdpIncoming::Interrupted => {
            loops::ends();
            "interrupted".to_string()
        }
    };
}
