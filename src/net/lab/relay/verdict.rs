//! What a verdict means for a frame: what it becomes, what is said of it, and what is entered in the account.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use super::counters::Count;
use super::edit::{EditError, rejected, replaced};
use super::link::Placed;
use super::machine::Time;
use super::pieces::Pieces;
use crate::net::observe::event::{Event, Flow};
use crate::net::observe::loss_report::{Ends, Incident, STREAM};
use crate::net::policy::decided::Decided;
use crate::net::policy::input::{Carried, Site};
use crate::net::policy::{Action, Place};
use crate::net::socket::session::Session;
use crate::net::time::{Duration, Instant};
use crate::net::wire::content::Content;
use crate::net::wire::frame::{Frame, Ip};
use crate::net::wire::icmp::{Echo, Kind, Message};
use crate::net::wire::ip::{Packet, Protocol};

/// What becomes of a frame.
#[derive(Debug)]
pub(super) enum FrameFate {
    /// It goes on as it is.
    Pass,
    /// It goes on that much later.
    Late(Duration),
    /// It goes on with this bit flipped.
    Damaged(usize),
    /// Another goes on in its place.
    Other(Vec<u8>),
    /// It goes on, and so many copies of it as well.
    Copied(u32),
    /// It is lost.
    Lost,
    /// It is lost, and this is sent back.
    SentBack(Vec<u8>),
}

/// Decides what becomes of a frame by a verdict about it. `offender` reports a rejection if unspecified else is to; the new frame
/// may have up to `largest` bytes. What cannot be done is said once, and the frame passes.
pub(super) fn fate(
    carried: &Carried<'_>,
    decided: &Decided,
    placed: &Placed,
    offender: Option<IpAddr>,
    largest: usize,
    count: &dyn Fn(Count, u64),
) -> FrameFate {
    let (bytes, frame) = (carried.bytes, carried.frame);
    let not = |why: &str| {
        count(Count::Failed, 1);
        placed.policy.counters().not_carried_out(&decided.verdict.action, frame.is_of_kernel());
        placed.note(&decided.verdict.action.to_string(), why);
        FrameFate::Pass
    };
    match &decided.verdict.action {
        Action::Pass => FrameFate::Pass,
        Action::Drop => {
            count(Count::Dropped, 1);
            FrameFate::Lost
        }
        Action::Delay(by) => {
            count(Count::Delayed, 1);
            FrameFate::Late(*by)
        }
        Action::Duplicate(times) => {
            count(Count::Duplicated, u64::from(*times) - 1);
            FrameFate::Copied(*times - 1)
        }
        Action::Corrupt => match bit(frame, &decided.place) {
            Some(bit) => {
                count(Count::Corrupted, 1);
                FrameFate::Damaged(bit)
            }
            None => not("it is empty"),
        },
        Action::Replace(data) => match replaced(bytes, frame, data) {
            Some(new) if new.len() <= largest => {
                count(Count::Replaced, 1);
                FrameFate::Other(new)
            }
            Some(_) => not("the packet would be too large for the link"),
            None => not("only the payload of a whole packet of UDP, TCP or ICMP can be replaced"),
        },
        Action::Reject(rejection) => {
            let of_family = |ip: &IpAddr| frame.ip.is_some_and(|packet| packet.source.is_ipv4() == ip.is_ipv4());
            let chosen = rejection.details().from.filter(of_family).or(offender.filter(of_family));
            let unspecified = frame.ip.map_or(IpAddr::from([0, 0, 0, 0]), |ip| ip.destination);
            let fate = match rejected(bytes, frame, rejection, chosen.unwrap_or(unspecified)) {
                EditError::Not(why) => return not(why),
                EditError::With(reply) => FrameFate::SentBack(reply),
                EditError::Silently => {
                    count(Count::Unanswered, 1);
                    FrameFate::Lost
                }
            };
            count(Count::Rejected, 1);
            fate
        }
    }
}

/// The bit of the frame that is to be flipped: of the payload or, where that is empty, of what stands before it.
fn bit(frame: &Frame, place: &Place) -> Option<usize> {
    let whole = frame.ip.map_or(frame.start..frame.len, |ip| ip.segment());
    let range = Some(frame.payload()).filter(|range| !range.is_empty()).unwrap_or(whole);
    let bits = (range.len() * 8) as f64;
    let bit = (place.draws.beneath(u64::MAX).draw(1) * bits) as usize;
    (!range.is_empty()).then_some(range.start * 8 + bit)
}

/// What happened to a frame.
#[derive(Clone, Debug)]
pub(super) enum What<'a> {
    /// A verdict.
    Decided(Cow<'a, Decided>),
    /// It was lost for a reason that is no policy's.
    Lost(&'static str),
}

impl What<'_> {
    /// Enters it in the account, as what happened to the probe between `ends` with this content.
    pub(super) fn enter(&self, session: &Session, at: Instant, ends: Ends, content: Content, site: &Site) {
        let incident = match self {
            Self::Decided(decided) => Incident::Decided(decided),
            Self::Lost(why) => Incident::Lost(why),
        };
        session.loss_report.note(at, ends, content, site, incident);
    }

    /// How much it explains of a loss: nothing, by a delay the more the longer it is, by damage, all.
    pub(super) fn weight(&self) -> (u8, Duration) {
        match self {
            Self::Lost(_) => (3, Duration::ZERO),
            Self::Decided(decided) => match decided.verdict.action {
                Action::Pass | Action::Duplicate(_) => (0, Duration::ZERO),
                Action::Delay(by) => (1, by),
                Action::Corrupt | Action::Replace(_) => (2, Duration::ZERO),
                Action::Drop | Action::Reject(_) => (3, Duration::ZERO),
            },
        }
    }

    /// To be kept.
    pub(super) fn into_owned(self) -> What<'static> {
        match self {
            Self::Decided(decided) => What::Decided(Cow::Owned(decided.into_owned())),
            Self::Lost(why) => What::Lost(why),
        }
    }

    fn event<'a>(&'a self, flow: Flow<'a>, data: &'a [u8], site: &'a Site) -> Event<'a> {
        match self {
            Self::Decided(decided) => Event::Decided { flow, data, decided, site },
            Self::Lost(why) => Event::Lost { flow, data, why, site },
        }
    }
}

/// Makes known what happened to a frame: as an event and, if a probe can be lost by it, as a cause.
pub(super) fn announce(
    (session, pieces): (&Session, &mut Pieces),
    time: Time,
    carried: &Carried<'_>,
    what: What<'_>,
    site: &Site,
) {
    let (from, to) = carried.ends();
    let flow = Flow { time: time.wall, from, to, host: None, protocol: "" };
    session.events.emit(|| what.event(flow, carried.payload(), site));
    if carried.frame.ip.is_some_and(|ip| ip.fragment.is_some()) {
        pieces.note(session, carried, time.now, what.into_owned(), site);
    } else if let Some((ends, content)) = probe(carried).or_else(|| rejected_segment(carried, &what)) {
        what.enter(session, time.now, ends, content, site);
    } else if let (What::Lost(why), Some(ip)) = (&what, carried.frame.ip.filter(|ip| ip.protocol == Protocol::TCP))
        && !carried.payload().is_empty()
    {
        session.loss_report.lost_segment(time.now, Ends::seen_by(carried.way.from_id, ip.from(), ip.to()), site, why);
    }
}

/// Which probe a frame carries, or the reply to which, or an error about which: by its ends and what it says.
fn probe(carried: &Carried<'_>) -> Option<(Ends, Content)> {
    let ip = carried.frame.ip?;
    if let Some(kind) = ip.icmp.filter(|kind| kind.is_error()) {
        let message = Message::parse(kind.family, carried.bytes.get(ip.segment())?).ok()?;
        return probe_quoted(carried, &message.quoted()?);
    }
    Some((ends(carried, &ip)?, Content::of(carried.payload())))
}

/// The ends of the probe or reply that a packet carries, or the first fragment of one.
pub(super) fn ends(carried: &Carried<'_>, ip: &Ip) -> Option<Ends> {
    match ip.protocol {
        Protocol::UDP => Some(Ends::seen_by(carried.way.from_id, ip.from(), ip.to())),
        Protocol::ICMP | Protocol::ICMPV6 => {
            Some(ends_of_echo(carried, ip.icmp?, ip.echo?, [ip.source, ip.destination]))
        }
        // Messages on streams have their place here.
        _ => None,
    }
}

/// The connection whose segment is rejected, which ends it or its pings. What else happens to segments, TCP makes up for.
fn rejected_segment(carried: &Carried<'_>, what: &What<'_>) -> Option<(Ends, Content)> {
    let ip = carried.frame.ip.filter(|ip| ip.protocol == Protocol::TCP)?;
    let rejects = matches!(what, What::Decided(decided) if matches!(decided.verdict.action, Action::Reject(_)));
    rejects.then(|| (Ends::seen_by(carried.way.from_id, ip.from(), ip.to()), STREAM))
}

/// Which probe an error is about that quotes this; one that is quoted in part cannot be distinguished from others.
fn probe_quoted(carried: &Carried<'_>, quoted: &Packet<'_>) -> Option<(Ends, Content)> {
    if quoted.is_truncated() || quoted.fragment.is_some() {
        return None;
    }
    let ends = match quoted.transport.icmp() {
        Some(icmp) => ends_of_echo(carried, icmp.kind?, icmp.echo?, [quoted.source, quoted.destination]),
        None => {
            quoted.transport.udp()?;
            Ends::seen_by(carried.way.from_id, quoted.source_socket()?, quoted.destination_socket()?)
        }
    };
    Some((ends, Content::of(quoted.payload)))
}

/// The ends of an echo: the identifier is the pinger's port; the other end has none.
fn ends_of_echo(carried: &Carried<'_>, kind: Kind, echo: Echo, addrs: [IpAddr; 2]) -> Ends {
    let is_request = kind == Kind::echo_request(kind.family);
    let ports = if is_request { [echo.id, 0] } else { [0, echo.id] };
    let [from, to] = [0, 1].map(|end: usize| SocketAddr::new(addrs[end], ports[end]));
    Ends::seen_by(carried.way.from_id, from, to)
}

/// A verdict in words, for the comment in a capture: `dropped by loss(0.2), draw 0.113`.
pub(super) fn words(decided: &Decided) -> String {
    let origin = &decided.verdict.origin;
    let mut text = match &decided.verdict.action {
        Action::Pass => format!("passed by {origin}"),
        Action::Drop => format!("dropped by {origin}"),
        Action::Delay(by) => format!("delayed {} by {origin}", by.short()),
        Action::Duplicate(times) => format!("sent {times} times by {origin}"),
        Action::Replace(_) => format!("replaced by {origin}"),
        Action::Corrupt => format!("corrupted by {origin}"),
        action @ Action::Reject(_) => format!("{action} by {origin}"),
    };
    for (index, draw) in decided.draws.iter().enumerate() {
        text.push_str(&format!("{} {draw:.3}", if index == 0 { ", draw" } else { "," }));
    }
    text
}
