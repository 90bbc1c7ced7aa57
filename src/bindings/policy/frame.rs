//! A frame on a link or at a host's ingress, as a policy's closure gets it.
//!
//! What a server's packet has, it has too, under the same names, so that one policy serves at all places.

pub mod segment;

use std::sync::Arc;

use rhai::Dynamic;

use crate::bindings::convert::text;
use crate::net::policy::Place;
use crate::net::policy::input::{Carried, FrameDirection};
use crate::net::wire::connections::Segment;
use crate::net::wire::frame::{Frame as Summary, Ip};
use crate::net::wire::icmp::{IcmpError, Message};

/// A frame that a policy decides about.
#[derive(Clone, Debug)]
pub struct PolicyFrame(Arc<DecidedFrame>);

#[derive(Debug)]
struct DecidedFrame {
    bytes: Box<[u8]>,
    frame: Summary,
    way: Arc<FrameDirection>,
    segment: Option<Segment>,
    place: Place,
}

impl PolicyFrame {
    /// The frame that a policy decides about, at this place in its flow.
    pub fn being_decided(carried: &Carried<'_>, place: Place) -> Self {
        let (bytes, frame, way) = (carried.bytes.into(), *carried.frame, carried.way.clone());
        Self(Arc::new(DecidedFrame { bytes, frame, way, segment: carried.segment, place }))
    }

    fn carried(&self) -> Carried<'_> {
        Carried { bytes: &self.0.bytes, frame: &self.0.frame, way: &self.0.way, segment: self.0.segment }
    }

    /// Something of the IP packet; `()` if there is none.
    fn of_ip<T: Into<Dynamic>>(&self, get: impl FnOnce(&Ip) -> Option<T>) -> Dynamic {
        self.0.frame.ip.as_ref().and_then(get).map_or(Dynamic::UNIT, Into::into)
    }

    fn icmp(&self) -> Option<IcmpError> {
        let DecidedFrame { bytes, frame, .. } = &*self.0;
        let ip = frame.ip.as_ref()?;
        let kind = ip.icmp?;
        let message = Message::parse(kind.family, bytes.get(ip.segment())?).ok()?;
        let quote = message.quoted().map_or(&[][..], |quoted| quoted.payload).to_vec();
        let info = message.next_hop_mtu().or(message.pointer()).unwrap_or(0);
        Some(IcmpError {
            kind,
            offender: Some(ip.source.into()),
            to: ip.to(),
            info,
            quote,
            segment: None,
            number: None,
            extensions: Vec::new(),
        })
    }
}

functions! {
    pub fn api;
    object PolicyFrame as Frame, "A packet on a link or at a host's ingress, with the Ethernet frame that carries it.";

    /// What it is, in the word that a receive has for it: `"packet"`.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// set_policy(net.link(a, b), |pkt| if pkt.kind == "packet" && pkt.protocol == "udp" { reject("icmp-admin-prohibited") } else { pass() });
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    get kind(_frame: &mut PolicyFrame) -> String = "packet".to_string();

    /// Who sent it: address and port; the port is 0 where the protocol has none. `()` if it is not IP.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// set_policy(net.link(a, b), |pkt| if pkt.from.ip == "10.0.0.1" && pkt.from.port > 0 { reject("icmp-admin-prohibited") } else { pass() });
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    get from(frame: &mut PolicyFrame) -> Dynamic = frame.of_ip(|ip| Some(Dynamic::from(ip.from())));

    /// Whom it is for: address and port; the port is 0 where the protocol has none. `()` if it is not IP.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// set_policy(net.link(a, b), |pkt| if `${pkt.to}` == "10.0.0.2:7" { reject("icmp-admin-prohibited") } else { pass() });
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    get to(frame: &mut PolicyFrame) -> Dynamic = frame.of_ip(|ip| Some(Dynamic::from(ip.to())));

    /// What it carries: `"udp"`, `"tcp"`, `"icmp"`, `"icmp6"`, `"arp"`, the number of another protocol of IP as text, such
    /// as `"132"`, the type of another frame, such as `"0x88cc"`, or `"malformed"`.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// set_policy(net.link(a, b), |pkt| if pkt.protocol == "udp" { reject("icmp-admin-prohibited") } else { pass() });
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    get protocol(frame: &mut PolicyFrame) -> String = frame.0.frame.protocol();

    /// The flags of a TCP segment, such as `"SYN"` or `"PSH ACK"`; `()` for what is not TCP.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// set_policy(net.link(a, net.host("b")), |pkt| if pkt.flags == "SYN" { reject("icmp-admin-prohibited") } else { pass() });
    /// let kind = "";
    /// try { run_in(a, || tcp::connect("b:7")); } catch (e) { kind = e.kind; }
    /// expect(kind, "unreachable");
    /// ```
    get flags(frame: &mut PolicyFrame) -> Dynamic = frame.of_ip(|ip| ip.flags.map(|flags| flags.to_string()));

    /// The ICMP message: an object with `name`, `type` and `code`, as errors have; `()` for what is not ICMP.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// set_policy(net.link(a, b), |pkt| if pkt.protocol == "icmp" && pkt.icmp.type == 8 { reject("icmp-admin-prohibited") } else { pass() });
    /// let ping = run_in(a, || icmp::open("0.0.0.0").ping(b.addr, 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    get icmp(frame: &mut PolicyFrame) -> Dynamic = frame.icmp().map_or(Dynamic::UNIT, Dynamic::from);

    /// The identifier of an echo request or reply, by which a ping knows its own; `()` for anything else.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// set_policy(net.link(a, b), |pkt| if pkt.id != () { reject("icmp-admin-prohibited") } else { pass() });
    /// let ping = run_in(a, || icmp::open("0.0.0.0").ping(b.addr, 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    get id(frame: &mut PolicyFrame) -> Dynamic = frame.of_ip(|ip| ip.echo.map(|echo| i64::from(echo.id)));

    /// The time to live, or hop limit; `()` if it is not IP.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// set_policy(net.link(a, b), |pkt| if pkt.protocol == "udp" && pkt.ttl == 64 { reject("icmp-admin-prohibited") } else { pass() });
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    get ttl(frame: &mut PolicyFrame) -> Dynamic = frame.of_ip(|ip| Some(i64::from(ip.ttl)));

    /// The payload of UDP, TCP or ICMP as text; what is not UTF-8 shows as `�`.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// set_policy(net.link(a, b), |pkt| if pkt.text == "ping 1" { reject("icmp-admin-prohibited") } else { pass() });
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    get text(frame: &mut PolicyFrame) -> Dynamic = text(frame.carried().payload()).into();

    /// The payload of UDP, TCP or ICMP as a blob.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// set_policy(net.link(a, b), |pkt| if pkt.len == 6 && pkt.data[5] == 0x31 { reject("icmp-admin-prohibited") } else { pass() });
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    get data(frame: &mut PolicyFrame) -> Dynamic = Dynamic::from_blob(frame.carried().payload().to_vec());

    /// The size of the payload in bytes.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// set_policy(net.link(a, b), |pkt| if pkt.len == 6 { reject("icmp-admin-prohibited") } else { pass() });
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    get len(frame: &mut PolicyFrame) -> i64 = frame.0.frame.payload().len() as i64;

    /// The size of the whole frame in bytes, all headers included.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// set_policy(net.link(a, b), |pkt| if pkt.protocol == "udp" && pkt.size == 14 + 20 + 8 + 6 { reject("icmp-admin-prohibited") } else { pass() });
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    get size(frame: &mut PolicyFrame) -> i64 = frame.0.frame.len as i64;

    /// Its number within its flow, that is of this protocol, from this address and port to that one, from 1, as the policy
    /// counts it.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// set_policy(net.link(a, b), |pkt| if pkt.protocol == "udp" && pkt.number == 1 { reject("icmp-admin-prohibited") } else { pass() });
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    get number(frame: &mut PolicyFrame) -> i64 = frame.0.place.number as i64;

    /// The number of its flow, by first appearance, from 0. What a kernel sends by itself, when it likes (ARP, neighbour discovery,
    /// MLD, IGMP), is counted apart, from -1 down.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// set_policy(net.link(a, b), |pkt| if pkt.protocol == "udp" && pkt.flow == 0 { reject("icmp-admin-prohibited") } else { pass() });
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    get flow(frame: &mut PolicyFrame) -> i64 = frame.0.place.flow;

    /// The name of the host at the link's end from which it comes.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// set_policy(net.link(a, b), |pkt| if pkt.protocol == "udp" && pkt.host == "a" { reject("icmp-admin-prohibited") } else { pass() });
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    get host(frame: &mut PolicyFrame) -> String = frame.0.way.from.to_string();

    /// The link's ends in the direction in which it goes, such as `"a > b"`.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// set_policy(net.link(a, b), |pkt| if pkt.protocol == "udp" && pkt.direction == "a > b" { reject("icmp-admin-prohibited") } else { pass() });
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    get direction(frame: &mut PolicyFrame) -> String = {
        let FrameDirection { from, to, .. } = &*frame.0.way;
        format!("{from} > {to}")
    };

    /// The name of the link that it comes over, such as `"a-b"`.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// set_policy(net.link(a, b), |pkt| if pkt.protocol == "udp" && pkt.link == "a-b" { reject("icmp-admin-prohibited") } else { pass() });
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    get link(frame: &mut PolicyFrame) -> String = frame.0.way.link.to_string();

    /// Whether it claims to be IP and makes no sense as such: cut short, or with a wrong header.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// set_policy(net.link(a, b), |pkt| if pkt.malformed { drop() } else { reject("icmp-admin-prohibited") });
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    get malformed(frame: &mut PolicyFrame) -> bool = frame.0.frame.malformed;

    /// The packet in words, such as `udp 10.0.0.1:40000 > 10.0.0.2:11000`.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// set_policy(net.link(a, b), |pkt| if `${pkt}`.starts_with("udp 10.0.0.1:") && `${pkt}`.ends_with(" > 10.0.0.2:7") { reject("icmp-admin-prohibited") } else { pass() });
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    fn to_string | to_debug(frame: &mut PolicyFrame) -> String = frame.0.frame.to_string();
}
