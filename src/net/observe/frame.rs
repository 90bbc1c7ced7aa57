//! What is recorded of a frame on a link, or of a datagram or message at a socket: a row that says from where to where, when, what
//! it carried and what became of it.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::net::policy::Action;
use crate::net::policy::decided::Decided;
use crate::net::policy::input::{Carried, Site};
use crate::net::wire::icmp::Kind;

/// How many octets of what a frame carries are shown.
pub const SHOWN: usize = 32;

/// A frame, or what a socket has sent or received.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameRow {
    /// When it came onto the link, or was sent or received, in nanoseconds since 1970.
    pub time_ns: i64,
    /// Its place among all frames of the lab, in the order in which they came onto links, from 1; `None` for sockets.
    #[serde(default)]
    pub number: Option<u64>,
    /// When it came into the host at the other end; `None` if it did not, or that is not known.
    #[serde(default)]
    pub arrival_ns: Option<i64>,
    /// When it was lost.
    #[serde(default)]
    pub lost_ns: Option<i64>,
    /// The link; `None` for sockets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The host at the end of the link that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_host: Option<String>,
    /// The host at the end that it went to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_host: Option<String>,
    /// What it carries: `udp`, `tcp`, `icmp`, `arp` and so on, as frames of policies have it.
    pub protocol: Cow<'static, str>,
    /// Who sent the packet; port 0 where its protocol has none, 0.0.0.0:0 if it is not IP.
    pub from: SocketAddr,
    /// Whom it is for.
    pub to: SocketAddr,
    /// Octets of payload.
    pub bytes: usize,
    /// Octets of the whole frame; `None` for sockets.
    #[serde(default)]
    pub size: Option<usize>,
    /// What there is to say of a TCP segment.
    #[serde(default)]
    pub tcp: Option<TcpCell>,
    /// What there is to say of an ICMP message.
    #[serde(default)]
    pub icmp: Option<IcmpFrameCell>,
    /// The first octets of the payload; what is not printable ASCII is escaped.
    #[serde(default)]
    pub text: String,
    /// What became of it, in one word; see [`fates`].
    pub fate: Cow<'static, str>,
    /// The policy's line that decided, or a native policy as written, or why a socket did not send it.
    #[serde(default)]
    pub cause: Option<String>,
    /// The verdict as a call, where it takes a value: `delay(20ms)`.
    #[serde(default)]
    pub detail: Option<String>,
    /// The draws that it rests on.
    #[serde(default)]
    pub draws: Vec<f64>,
    /// The link or the ingress where the policy is, or where it was lost.
    #[serde(default)]
    pub at: Option<String>,
    /// How long it waited for its turn in the queue of the link, or by a verdict.
    #[serde(default)]
    pub waited_ns: i64,
    /// Whether a router has sent it on: its time to live is none that hosts begin with. Of packets that have just been decoded.
    #[serde(skip)]
    pub is_forwarded: bool,
}

/// What there is to say of a TCP segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpCell {
    /// The flags that are set: `SYN ACK`.
    pub flags: String,
    /// The sequence number, counted from that of the SYN.
    pub seq: u32,
    /// The acknowledgement number, counted from that of the peer's SYN.
    pub ack: Option<u32>,
    /// The window, scaled where the handshake was seen.
    pub window: u32,
    /// Whether it was sent before.
    pub retransmission: bool,
}

/// What there is to say of an ICMP message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IcmpFrameCell {
    /// The type field.
    #[serde(rename = "type")]
    pub type_: u8,
    /// The code field.
    pub code: u8,
    /// The name of both.
    pub name: String,
    /// The identifier of an echo.
    pub id: Option<u16>,
    /// The sequence number of an echo.
    pub seq: Option<u16>,
}

/// The words for what becomes of frames.
pub mod fates {
    /// It came to the other end as it was sent.
    pub const CARRIED: &str = "carried";
    /// A policy had it go later.
    pub const DELAYED: &str = "delayed";
    /// A copy that a policy added.
    pub const DUPLICATED: &str = "duplicated";
    /// A policy has flipped a bit of it.
    pub const CORRUPTED: &str = "corrupted";
    /// A policy has put other data in its place.
    pub const REPLACED: &str = "replaced";
    /// A policy dropped it.
    pub const DROPPED: &str = "dropped";
    /// A policy dropped it, and has an error sent back.
    pub const REJECTED: &str = "rejected";
    /// The run ended before it arrived.
    pub const IN_FLIGHT: &str = "in flight";
    /// A socket has sent it; what became of it is not known here.
    pub const SENT: &str = "sent";
    /// A socket has received it.
    pub const RECEIVED: &str = "received";
    /// The system refused to send it.
    pub const REFUSED: &str = "refused";
    /// In a capture: it was seen; what became of it is not known.
    pub const SEEN: &str = "seen";

    /// Those of what is not lost, or of which that is not known.
    pub const NOT_LOST: [&str; 9] =
        [CARRIED, DELAYED, DUPLICATED, CORRUPTED, REPLACED, IN_FLIGHT, SENT, RECEIVED, SEEN];
}

impl FrameRow {
    /// Of a frame that is at `time` on a link or seen in a capture.
    pub fn new(time: i64, carried: &Carried<'_>) -> Self {
        let Carried { frame, way, segment, .. } = *carried;
        let (from, to) = carried.ends();
        let name = |name: &str| Some(name.to_string()).filter(|name| !name.is_empty());
        let tcp = segment.zip(frame.ip.and_then(|ip| ip.flags)).map(|(segment, flags)| TcpCell {
            flags: flags.to_string(),
            seq: segment.seq,
            ack: segment.ack,
            window: segment.window,
            retransmission: segment.retransmission,
        });
        let icmp = frame.ip.and_then(|ip| Some((ip.icmp?, ip.echo)));
        Self {
            link: name(&way.link),
            from_host: name(&way.from),
            to_host: name(&way.to),
            size: Some(frame.len),
            bytes: segment.map_or(carried.payload().len(), |segment| segment.len as usize),
            tcp,
            icmp: icmp.map(|(kind, echo)| IcmpFrameCell::new(kind, echo.map(|echo| (echo.id, echo.seq)))),
            // Small ones are those of traceroutes.
            is_forwarded: frame.ip.is_some_and(|ip| ip.ttl > 32 && !matches!(ip.ttl, 64 | 128 | 255)),
            ..Self::bare(time, frame.protocol().into(), (from, to), carried.payload(), fates::CARRIED)
        }
    }

    /// Of what carries `data`, with nothing else known.
    pub fn bare(
        time_ns: i64,
        protocol: Cow<'static, str>,
        (from, to): (SocketAddr, SocketAddr),
        data: &[u8],
        fate: &'static str,
    ) -> Self {
        Self {
            time_ns,
            number: None,
            arrival_ns: None,
            lost_ns: None,
            link: None,
            from_host: None,
            to_host: None,
            protocol,
            from,
            to,
            bytes: data.len(),
            size: None,
            tcp: None,
            icmp: None,
            text: shown(data),
            fate: fate.into(),
            cause: None,
            detail: None,
            draws: Vec::new(),
            at: None,
            waited_ns: 0,
            is_forwarded: false,
        }
    }

    /// Enters what a policy decided about it; `site` where that is a link or an ingress.
    pub fn decided(&mut self, decided: &Decided, site: Option<&Site>) {
        let action = &decided.verdict.action;
        let fate = match action {
            Action::Pass | Action::Duplicate(_) => None,
            Action::Drop => Some(fates::DROPPED),
            Action::Delay(_) => Some(fates::DELAYED),
            Action::Replace(_) => Some(fates::REPLACED),
            Action::Corrupt => Some(fates::CORRUPTED),
            Action::Reject(_) => Some(fates::REJECTED),
        };
        if let Some(fate) = fate {
            self.fate = fate.into();
        }
        self.caused(decided, site);
    }

    /// Enters whose doing it is.
    pub fn caused(&mut self, decided: &Decided, site: Option<&Site>) {
        let action = &decided.verdict.action;
        let plain = matches!(action, Action::Pass | Action::Drop | Action::Corrupt);
        self.cause = Some(decided.verdict.origin.to_string());
        self.detail = (!plain).then(|| action.to_string());
        self.draws = decided.draws.to_vec();
        self.at = site.map(Site::to_string);
    }

    /// Enters that it was lost at `time` for a reason that is no policy's.
    pub fn lost(&mut self, why: &'static str, site: &Site) {
        self.fate = why.into();
        (self.cause, self.detail, self.draws) = (None, None, Vec::new());
        self.at = Some(site.to_string());
    }

    /// Enters what it carries from now on.
    pub fn carries(&mut self, payload: &[u8]) {
        (self.bytes, self.text) = (payload.len(), shown(payload));
    }

    /// Whether it was lost on its way, or not sent at all.
    pub fn is_lost(&self) -> bool {
        self.lost_ns.is_some() || self.arrival_ns.is_none() && !fates::NOT_LOST.contains(&self.fate.as_ref())
    }
}

impl IcmpFrameCell {
    pub(super) fn new(kind: Kind, echo: Option<(u16, u16)>) -> Self {
        let (id, seq) = echo.unzip();
        Self { type_: kind.type_, code: kind.code, name: kind.name().into_owned(), id, seq }
    }
}

/// The start of a payload; what is not printable ASCII is escaped.
fn shown(data: &[u8]) -> String {
    data[..data.len().min(SHOWN)].escape_ascii().to_string()
}

/// What it says, in a few words: `SYN seq 0 win 64240`, `Echo Request id 5 seq 1`, `UDP 24 bytes "ping 1"`.
impl fmt::Display for FrameRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.tcp, &self.icmp) {
            (Some(tcp), _) => write!(f, "{tcp}")?,
            (_, Some(icmp)) => return write!(f, "{icmp}"),
            _ => write!(f, "{}", self.protocol.to_uppercase())?,
        }
        match (self.bytes, self.tcp.is_some()) {
            (0, true) => Ok(()),
            (bytes, true) => write!(f, " len {bytes} \"{}\"", self.text),
            (bytes, false) if self.text.is_empty() || self.protocol == "arp" => write!(f, " {bytes} bytes"),
            (bytes, false) => write!(f, " {bytes} bytes \"{}\"", self.text),
        }
    }
}

impl fmt::Display for TcpCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} seq {}", self.flags, self.seq)?;
        self.ack.map_or(Ok(()), |ack| write!(f, " ack {ack}"))
    }
}

impl fmt::Display for IcmpFrameCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.id.map_or(Ok(()), |id| write!(f, " id {id}"))?;
        self.seq.map_or(Ok(()), |seq| write!(f, " seq {seq}"))
    }
}
