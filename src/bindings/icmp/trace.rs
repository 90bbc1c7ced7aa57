//! Paths in scripts: hop by hop, what replied to pings that were sent with a small TTL.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::{Array, Dynamic, Map};

use crate::bindings::tcp::attempt::Tried;
use crate::bindings::udp::ping::Ping;
use crate::net::probe::outcome::{End, Outcome};
use crate::net::probe::trace::{Hop, HopReply, Mtu, Trace as NetTrace};
use crate::net::socket::tcp::Connecting;
use crate::net::wire::icmp::{Extensions, IcmpError};

/// A path in scripts. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Path(Arc<Mutex<NetTrace>>);

impl Path {
    fn lock(&self) -> MutexGuard<'_, NetTrace> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An ICMP error as the reply of a hop.
fn error_reply(error: &IcmpError, packet: usize) -> HopReply {
    let kind = error.kind;
    let mpls = Extensions::parse(&error.extensions).map(|found| found.mpls()).unwrap_or_default();
    let mtu = kind.is_too_big().then(|| Mtu::of(kind.family, error.info, packet)).flatten();
    HopReply { by: error.offender.or(Some(error.to.into())), rtt: None, kind: Some(kind), mpls, mtu }
}

fn of_ping(outcome: &Outcome) -> Option<HopReply> {
    let nothing = HopReply { by: None, rtt: None, kind: None, mpls: Vec::new(), mtu: None };
    match &outcome.end {
        End::Reply { datagram, rtt, .. } => {
            Some(HopReply { by: Some(datagram.from.into()), rtt: Some(*rtt), ..nothing })
        }
        End::Icmp { error, rtt, .. } => Some(HopReply { rtt: Some(*rtt), ..error_reply(error, outcome.packet) }),
        End::Sent { .. } | End::Stray { .. } | End::Interrupted { .. } => None,
        _ => Some(nothing),
    }
}

fn hop_map(ttl: u8, hop: &Hop) -> Map {
    let count = |n: u64| Dynamic::from(n as i64);
    let from: BTreeSet<String> = hop.first().map(|(by, _)| by.to_string()).collect();
    let from: Array = from.into_iter().map(Dynamic::from).collect();
    let rtts: Array = hop.first().map(|(_, rtt)| Dynamic::from(rtt)).collect();
    Map::from([
        ("ttl".into(), i64::from(ttl).into()),
        ("sent".into(), count(hop.sent())),
        ("replies".into(), count(hop.replies())),
        ("errors".into(), count(hop.errors())),
        ("from".into(), from.into()),
        ("rtts".into(), rtts.into()),
        ("mtu".into(), hop.mtu().map_or(Dynamic::UNIT, |mtu| i64::from(mtu).into())),
    ])
}

functions! {
    pub fn api;
    object Path as Trace, "A path: what each hop replied.";

    /// A path of which nothing is known yet. Pings that were sent with a TTL of their own are added to it.
    ///
    /// ```rhai
    /// let path = trace();
    /// let sock = icmp::open("127.0.0.1");
    /// path.add(sock.ping("127.0.0.1", #{ ttl: 1 }));
    /// expect(path.end, 1);
    /// print(path.line(1));
    /// ```
    fn trace() -> Path = Path::default();

    /// Adds how a ping with a TTL of its own ended; others, and those that were interrupted, are left out.
    ///
    /// ```rhai
    /// let path = trace();
    /// path.add(icmp::open("127.0.0.1").ping("127.0.0.1", #{ ttl: 1 }));
    /// expect(path.end, 1);
    /// ```
    fn add(trace: &mut Path, ping: Ping) = {
        let outcome = &ping.ended().outcome;
        if let (Some(ttl), End::Unsent(error)) = (outcome.ttl, &outcome.end) {
            trace.lock().refuse(ttl, error.message.clone());
        } else if let (Some(ttl), Some(reply)) = (outcome.ttl, of_ping(outcome)) {
            trace.lock().add(ttl, reply);
        }
    };

    /// Adds how an attempt to connect with this TTL ended: a connection, a refusal and a reset are the
    /// destination's replies.
    ///
    /// ```rhai
    /// let path = trace();
    /// path.add(1, tcp::try_connect(tcp::closed_port(), #{ ttl: 1 }));
    /// expect(path.end, 1);
    /// ```
    fn add(trace: &mut Path, ttl: i64, attempt: Tried) = {
        let attempt = attempt.ended();
        let nothing = HopReply { by: None, rtt: attempt.rtt, kind: None, mpls: Vec::new(), mtu: None };
        let reply = match &attempt.end {
            Connecting::Connected(_) | Connecting::Refused | Connecting::Reset => {
                HopReply { by: Some(attempt.to.into()), ..nothing }
            }
            Connecting::Icmp(error) => HopReply { rtt: nothing.rtt, ..error_reply(error, usize::MAX) },
            Connecting::Interrupted => return,
            Connecting::Unreachable(error) => {
                trace.lock().refuse(u8::try_from(ttl).unwrap_or(u8::MAX), error.message.clone());
                return;
            }
            Connecting::TimedOut => nothing,
        };
        trace.lock().add(u8::try_from(ttl).unwrap_or(u8::MAX), reply);
    };

    /// The TTL at which the path ends: the destination replied, or somebody will not pass packets on; `()` if no ping got
    /// that far.
    ///
    /// ```rhai
    /// expect(trace().end, ());
    /// ```
    get end(trace: &mut Path) -> Dynamic = trace.lock().end().map_or(Dynamic::UNIT, |ttl| i64::from(ttl).into());

    /// The least MTU in bytes that a router reported for its next hop; `()` if none did.
    ///
    /// ```rhai
    /// expect(trace().mtu, ());
    /// ```
    get mtu(trace: &mut Path) -> Dynamic = trace.lock().mtu().map_or(Dynamic::UNIT, |(_, mtu)| i64::from(mtu).into());

    /// Why this host has sent nothing with some TTL, such as `network is unreachable`; `()` if it has with each.
    ///
    /// ```rhai
    /// let path = trace();
    /// path.add(icmp::open("127.0.0.1").ping("127.0.0.1", #{ ttl: 1 }));
    /// expect(path.refused, ());
    /// ```
    get refused(trace: &mut Path) -> Dynamic =
        trace.lock().refused().map_or(Dynamic::UNIT, |why| why.to_string().into());

    /// Whether a hop of the path left a ping without a reply.
    ///
    /// ```rhai
    /// expect(trace().has_gaps, false);
    /// ```
    get has_gaps(trace: &mut Path) -> bool = trace.lock().has_gaps();

    /// The hops up to the end of the path, an array of maps: `ttl`; how many pings were `sent`, how many `replies` came, and how
    /// many of those were ICMP `errors`; of the first 16 replies, who they came `from`, each once, and their `rtts`; `mtu`, in
    /// bytes, which is `()` if none was reported.
    ///
    /// ```rhai
    /// let path = trace();
    /// path.add(icmp::open("127.0.0.1").ping("127.0.0.1", #{ ttl: 1 }));
    /// let hop = path.hops[0];
    /// expect([hop.ttl, hop.sent, hop.replies, hop.errors], [1, 1, 1, 0]);
    /// expect(hop.from, ["127.0.0.1"]);
    /// expect(hop.rtts.len() == 1 && hop.mtu == (), true);
    /// ```
    get hops(trace: &mut Path) -> Array =
        trace.lock().hops().map(|(ttl, hop)| Dynamic::from_map(hop_map(ttl, hop))).collect();

    /// One hop as a line, as `traceroute` prints it: who replied, after which times, `*` for a ping without a reply; MPLS
    /// labels and MTU where it reported them. `""` if nothing was sent with this TTL.
    ///
    /// ```rhai
    /// expect(trace().line(1), "");
    /// ```
    fn line(trace: &mut Path, ttl: i64) -> String =
        u8::try_from(ttl).ok().and_then(|ttl| trace.lock().line(ttl)).unwrap_or_default();

    /// What the missing replies mean, an array of sentences: a hop that limits how many errors it sends is distinguished from one that
    /// loses packets by what comes back from behind it. Packets are said to be lost only where the destination's replies (to ICMP
    /// echo, or TCP) show that; else a sentence says that it cannot be known. A share is all that gets no reply from a hop on, and
    /// `before it 28%` is how much of that does not get beyond the hops before it. It takes some 30 pings for each hop to say much.
    ///
    /// ```rhai
    /// expect(trace().findings(), []);
    /// ```
    fn findings(trace: &mut Path) -> Array =
        trace.lock().findings().iter().map(|finding| finding.to_string().into()).collect();

    /// How much is lost on the whole path, a sentence: how many pings to its end got no reply, with the 95% interval of that share;
    /// or that no loss was found, and which would not have been seen. That the end was not found if no ping got there.
    ///
    /// ```rhai
    /// let path = trace();
    /// expect(path.at_end(), "the end of the path was not found");
    /// for n in 0..5 { path.add(icmp::open("127.0.0.1").ping("127.0.0.1", #{ ttl: 1 })); }
    /// expect(path.at_end(), "no loss found: a reply to each of 5 probes to the end of the path, hop 1 (95%: a loss below 43.4%)");
    /// ```
    fn at_end(trace: &mut Path) -> String = trace.lock().at_end();

    /// The path, a line for each hop.
    ///
    /// ```rhai
    /// let path = trace();
    /// path.add(icmp::open("127.0.0.1").ping("127.0.0.1", #{ ttl: 1 }));
    /// expect(`${path}`.contains(path.line(1)) && path.line(1).contains("127.0.0.1"), true);
    /// ```
    fn to_string | to_debug(trace: &mut Path) -> String = {
        let trace = trace.lock();
        trace.hops().filter_map(|(ttl, _)| trace.line(ttl)).collect::<Vec<_>>().join("\n")
    };
}
