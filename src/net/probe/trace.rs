//! The path to a host, hop by hop: what replied to probes that were sent with a small TTL, and what the missing replies mean.
//!
//! Pure. A router that limits how many errors it sends and one that loses packets both leave probes without a reply; they differ in
//! what comes back from behind them: a packet that is lost at one hop does not get to the next, an error that is not sent
//! hinders nothing. Where the hops from one on all leave probes without a reply, all of them may limit their errors; so packets are
//! said to be lost only if the destination shows it by replies that systems do not limit: to an echo request, or to a SYN.

mod findings;

use std::collections::BTreeMap;
use std::fmt;

pub use findings::TraceFinding;
use findings::{APART, APART_AT_END, Rise, apart, find_rises, least, limit, share};

use super::stats::interval;
use crate::net::policy::neighbours::Neighbours;
use crate::net::time::Duration;
use crate::net::wire::Family;
use crate::net::wire::icmp::{Kind, MplsLabel};
use crate::net::wire::zoned::ZonedIp;

/// What is known of a path.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    hops: BTreeMap<u8, Hop>,
}

/// What came back for one probe.
#[derive(Clone, Debug)]
pub struct HopReply {
    /// Who replied; `None`: no one did.
    pub by: Option<ZonedIp>,
    /// After which time.
    pub rtt: Option<Duration>,
    /// The ICMP error that it was; `None`: a reply of the destination.
    pub kind: Option<Kind>,
    /// The labels that the packet had there.
    pub mpls: Vec<MplsLabel>,
    /// The MTU that the error gives.
    pub mtu: Option<Mtu>,
}

/// The MTU that an ICMP error gives for the next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mtu {
    /// One that can be.
    NextHop(u32),
    /// One that cannot: less than every link carries, or no less than the packet that was too large.
    Nonsense(u32),
}

impl Mtu {
    /// What an error of this family says about a packet of so many octets; `None`: nothing.
    pub fn of(family: Family, claimed: u32, packet: usize) -> Option<Self> {
        // RFC 791 and RFC 8200: every link carries these.
        let least = if family == Family::V4 { 68 } else { 1280 };
        match claimed {
            0 => None,
            _ if claimed < least || claimed as usize >= packet => Some(Self::Nonsense(claimed)),
            _ => Some(Self::NextHop(claimed)),
        }
    }
}

/// The probes of one TTL.
#[derive(Clone, Debug, Default)]
pub struct Hop {
    sent: u64,
    replies: u64,
    /// How many replies were ICMP errors.
    errors: u64,
    /// The first replies, as many as a line shows; `None` for one that did not come. Those that only report an MTU are shown if
    /// there are no others.
    shown: Vec<Option<(ZonedIp, Duration, Option<Kind>)>>,
    mpls: Vec<MplsLabel>,
    mtu: Option<u32>,
    nonsense: Option<u32>,
    /// Why this host could not send a probe.
    refused: Option<String>,
    /// Whether the path ends here: the destination replied, or somebody will not pass packets on.
    ends: bool,
}

/// Replies of a hop that are kept to be shown.
const SHOWN: usize = 16;

impl Trace {
    /// Enters what became of a probe that was sent with `ttl`.
    pub fn add(&mut self, ttl: u8, reply: HopReply) {
        let hop = self.hops.entry(ttl).or_default();
        let is_transit = reply.kind.is_some_and(|kind| kind.is_time_exceeded() || kind.is_too_big());
        hop.sent += 1;
        hop.replies += u64::from(reply.by.is_some());
        hop.errors += u64::from(reply.by.is_some() && reply.kind.is_some());
        hop.ends |= reply.by.is_some() && !is_transit;
        match reply.mtu {
            Some(Mtu::NextHop(mtu)) => hop.mtu = hop.mtu.or(Some(mtu)),
            Some(Mtu::Nonsense(mtu)) => hop.nonsense = hop.nonsense.or(Some(mtu)),
            None => {}
        }
        if hop.mpls.is_empty() {
            hop.mpls = reply.mpls;
        }
        if hop.shown.len() < SHOWN {
            hop.shown.push(reply.by.map(|by| (by, reply.rtt.unwrap_or_default(), reply.kind)));
        }
    }

    /// Enters that this host did not send a probe with `ttl`, and why. It counts as sent nowhere.
    pub fn refuse(&mut self, ttl: u8, why: String) {
        self.hops.entry(ttl).or_default().refused = Some(why);
    }

    /// Why this host has sent nothing with some TTL; `None` if it has with each.
    pub fn refused(&self) -> Option<&str> {
        self.hops.values().filter(|hop| hop.sent == 0).find_map(|hop| hop.refused.as_deref())
    }

    /// The TTL at which the path ends; `None` if no probe got that far.
    pub fn end(&self) -> Option<u8> {
        self.hops.iter().find(|(_, hop)| hop.ends).map(|(ttl, _)| *ttl)
    }

    /// The least MTU that a router reported, and the hop at which it did.
    pub fn mtu(&self) -> Option<(u8, u32)> {
        let claimed = self.hops.iter().filter_map(|(ttl, hop)| Some((*ttl, hop.mtu?)));
        claimed.min_by_key(|&(_, mtu)| mtu)
    }

    /// The hops up to the end of the path.
    pub fn hops(&self) -> impl Iterator<Item = (u8, &Hop)> {
        let end = self.end().unwrap_or(u8::MAX);
        self.hops.range(..=end).map(|(ttl, hop)| (*ttl, hop))
    }

    /// The line of one hop; `None` if no probe was sent with this TTL.
    pub fn line(&self, ttl: u8) -> Option<String> {
        self.hops.get(&ttl).map(|hop| format!("{ttl:2}  {hop}"))
    }

    /// Whether some hop left a probe without a reply.
    pub fn has_gaps(&self) -> bool {
        self.hops().any(|(_, hop)| hop.replies < hop.sent)
    }

    /// What became of the probes to the end of the path: all that is lost on it, as a sentence.
    pub fn at_end(&self) -> String {
        let end = self.end().and_then(|ttl| Some((ttl, self.hops.get(&ttl)?.lost())));
        let known = end.and_then(|(ttl, lost)| Some((ttl, lost, interval(lost.0, lost.1, &Neighbours::default())?)));
        let Some((ttl, (lost, of), (low, high))) = known else {
            return "the end of the path was not found".to_string();
        };
        let (low, high) = (low * 100.0, high * 100.0);
        match lost {
            0 => format!(
                "no loss found: a reply to each of {of} probes to the end of the path, hop {ttl} (95%: a loss below {high:.1}%)"
            ),
            _ => format!(
                "no reply to {lost} of {of} probes to the end of the path, hop {ttl}: {:.1}% (95%: {low:.1}% to {high:.1}%)",
                share((lost, of)) * 100.0
            ),
        }
    }

    /// What the missing replies mean, hop by hop. With few probes each, little can be said; nothing is said of what chance may
    /// have done.
    pub fn findings(&self) -> Vec<TraceFinding> {
        let hops: Vec<(u8, (u64, u64))> =
            self.hops().filter(|(_, hop)| hop.sent > 0).map(|(ttl, hop)| (ttl, hop.lost())).collect();
        let mut found = Vec::new();
        // Where nothing is lost yet: this host. Behind it, the hops that report the way to them.
        let mut way = vec![(0, (0, hops.first().map_or(0, |(_, lost)| lost.1)))];
        for (index, &(ttl, own)) in hops.iter().enumerate() {
            let behind: Vec<_> = hops[index + 1..].iter().map(|(_, lost)| *lost).collect();
            match least(&behind) {
                Some(least) => match limit(own, &behind, least) {
                    Some(behind) if own.0 < own.1 => found.push(TraceFinding::Limits { ttl, lost: own, behind }),
                    Some(behind) if apart(own, behind) > APART => found.push(TraceFinding::Silent { ttl, of: own.1 }),
                    _ => way.push((ttl, own)),
                },
                None => way.push((ttl, own)),
            }
        }
        found.extend(self.losses(&way));
        found.sort_by_key(TraceFinding::ttl);
        found
    }

    /// What is lost, or may be, from where on.
    fn losses(&self, way: &[(u8, (u64, u64))]) -> Vec<TraceFinding> {
        let mut rises = Vec::new();
        find_rises(way, APART, &mut rises);
        rises.sort_by_key(|rise| rise.ttl);
        let end = self.end().and_then(|end| self.hops.get(&end)).filter(|end| end.replies > 0 && end.errors == 0);
        // What the destination shows to be lost is lost behind the last hop that loses less than it does. Before that hop, all
        // that is missing may be errors that were not sent.
        let shown = |rise: &Rise| end.is_some_and(|end| apart(end.lost(), rise.before) > APART_AT_END);
        let last = rises.iter().rposition(shown);
        let finding = |(index, Rise { ttl, share, before })| match (last == Some(index), self::share(before)) {
            (true, before) => TraceFinding::Loses { ttl, share, before },
            (false, before) => TraceFinding::Unclear { ttl, share, before, replies: end.is_some() },
        };
        rises.into_iter().enumerate().map(finding).collect()
    }
}

impl Hop {
    /// How many probes were sent.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// How many replies came.
    pub fn replies(&self) -> u64 {
        self.replies
    }

    /// How many of the replies were ICMP errors.
    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// The MTU of the next hop, where one was reported that can be.
    pub fn mtu(&self) -> Option<u32> {
        self.mtu
    }

    /// Who sent the first replies, and their round-trip times.
    pub fn first(&self) -> impl Iterator<Item = (ZonedIp, Duration)> {
        self.shown.iter().flatten().map(|&(by, rtt, _)| (by, rtt))
    }

    /// Probes without a reply, and all.
    fn lost(&self) -> (u64, u64) {
        (self.sent - self.replies, self.sent)
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = None;
        let has_mtu = |shown: &&Option<(_, _, Option<Kind>)>| {
            shown.is_some_and(|(_, _, kind)| kind.is_some_and(Kind::is_too_big))
        };
        let others = self.shown.iter().filter(|shown| !has_mtu(shown)).collect::<Vec<_>>();
        let shown = if others.iter().any(|shown| shown.is_some()) { others } else { self.shown.iter().collect() };
        for (index, shown) in shown.into_iter().enumerate() {
            let gap = if index == 0 { "" } else { "  " };
            match shown {
                None => write!(f, "{gap}*")?,
                Some((by, rtt, kind)) => {
                    if last != Some(*by) {
                        write!(f, "{gap}{by}  {rtt}")?;
                    } else {
                        write!(f, "{gap}{rtt}")?;
                    }
                    last = Some(*by);
                    if let Some(kind) = kind.filter(|kind| !kind.is_hop_limit_exceeded()) {
                        write!(f, " ({kind})")?;
                    }
                }
            }
        }
        for label in &self.mpls {
            write!(f, "  [MPLS {label}]")?;
        }
        if let Some(mtu) = self.nonsense {
            write!(f, "  [says MTU {mtu}, which cannot be]")?;
        }
        if let Some(why) = &self.refused {
            write!(f, "{}not sent: {why}", if self.sent > 0 { "  " } else { "" })?;
        }
        self.mtu.map_or(Ok(()), |mtu| write!(f, "  [MTU {mtu}]"))
    }
}

#[cfg(test)]
mod tests;
