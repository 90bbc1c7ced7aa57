//! The path to a host, hop by hop: what answered probes that were sent with a small TTL, and what the missing answers mean.
//!
//! Pure. A router that limits how many errors it sends and one that loses packets both leave probes unanswered; they differ in
//! what comes back from behind them: a packet that is lost at one hop does not get to the next, an error that is not sent
//! hinders nothing. Where the hops from one on all leave probes unanswered, all of them may limit their errors; so packets are
//! said to be lost only if the destination shows it by replies that systems do not limit: to an echo request, or to a SYN.

use std::collections::BTreeMap;
use std::fmt;

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
    /// Who answered; `None`: no one did.
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
    pub fn of(family: Family, told: u32, packet: usize) -> Option<Self> {
        // RFC 791 and RFC 8200: every link carries these.
        let least = if family == Family::V4 { 68 } else { 1280 };
        match told {
            0 => None,
            _ if told < least || told as usize >= packet => Some(Self::Nonsense(told)),
            _ => Some(Self::NextHop(told)),
        }
    }
}

/// The probes of one TTL.
#[derive(Clone, Debug, Default)]
pub struct Hop {
    sent: u64,
    answered: u64,
    /// How many answers were ICMP errors.
    errors: u64,
    /// The first answers, as many as a line shows; `None` for one that did not come. Those that only report an MTU are shown if
    /// there are no others.
    shown: Vec<Option<(ZonedIp, Duration, Option<Kind>)>>,
    mpls: Vec<MplsLabel>,
    mtu: Option<u32>,
    nonsense: Option<u32>,
    /// Why this host could not send a probe.
    refused: Option<String>,
    /// Whether the path ends here: the destination answered, or somebody will not pass packets on.
    ends: bool,
}

/// What the missing answers of a hop mean.
#[derive(Clone, Debug, PartialEq)]
pub enum TraceFinding {
    /// No answer came from the hop, and those behind it answer.
    Silent {
        /// The hop.
        ttl: u8,
        /// How many probes it left unanswered.
        of: u64,
    },
    /// The hop leaves probes unanswered, and those behind it fewer: it limits the errors that it sends.
    Limits {
        /// The hop.
        ttl: u8,
        /// Unanswered probes, and all.
        lost: (u64, u64),
        /// The same for hops behind it, one or several together.
        behind: (u64, u64),
    },
    /// From this hop on probes are lost, there or behind it: the destination's replies show that.
    Loses {
        /// The hop.
        ttl: u8,
        /// The share lost from here on, both ways, that is not lost before it.
        share: f64,
    },
    /// From this hop on probes are lost, or those hops limit or withhold their replies.
    Unclear {
        /// The hop.
        ttl: u8,
        /// The share left unanswered from here on that is not left so before it.
        share: f64,
        /// Whether the destination answers with replies that systems do not limit.
        replies: bool,
    },
}

/// A hop from which on a greater share is unanswered.
struct Rise {
    ttl: u8,
    share: f64,
    /// Unanswered probes, and all, of the hops before it that are compared with it.
    before: (u64, u64),
}

/// Answers of a hop that are kept to be shown.
const SHOWN: usize = 16;

/// How many standard deviations the share lost on both sides of a cut must be apart to count as different.
const APART: f64 = 3.5;

/// The same for a hop and those behind it together.
const APART_FROM_BEHIND: f64 = 3.25;

/// The same for a hop and the best of those behind it, which chance favours.
const APART_FROM_BEST: f64 = 4.5;

/// The same for the best of the hops behind a cut: what is lost there is lost for it, too.
const APART_AT_BEST: f64 = 1.0;

/// The same for the destination alone, whose replies are to show what all hops behind a cut together do.
const APART_AT_END: f64 = 2.0;

impl Trace {
    /// Enters what became of a probe that was sent with `ttl`.
    pub fn add(&mut self, ttl: u8, answer: HopReply) {
        let hop = self.hops.entry(ttl).or_default();
        let is_transit = answer.kind.is_some_and(|kind| {
            use Family::{V4, V6};
            matches!((kind.family, kind.type_), (V4, 11) | (V6, 3)) || is_too_big(kind)
        });
        hop.sent += 1;
        hop.answered += u64::from(answer.by.is_some());
        hop.errors += u64::from(answer.by.is_some() && answer.kind.is_some());
        hop.ends |= answer.by.is_some() && !is_transit;
        match answer.mtu {
            Some(Mtu::NextHop(mtu)) => hop.mtu = hop.mtu.or(Some(mtu)),
            Some(Mtu::Nonsense(mtu)) => hop.nonsense = hop.nonsense.or(Some(mtu)),
            None => {}
        }
        if hop.mpls.is_empty() {
            hop.mpls = answer.mpls;
        }
        if hop.shown.len() < SHOWN {
            hop.shown.push(answer.by.map(|by| (by, answer.rtt.unwrap_or_default(), answer.kind)));
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
        let told = self.hops.iter().filter_map(|(ttl, hop)| Some((*ttl, hop.mtu?)));
        told.min_by_key(|&(_, mtu)| mtu)
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

    /// Whether some hop left a probe unanswered.
    pub fn has_gaps(&self) -> bool {
        self.hops().any(|(_, hop)| hop.answered < hop.sent)
    }

    /// What the missing answers mean, hop by hop. With few probes each, little can be said; nothing is said of what chance may
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
        find_rises(way, &mut rises);
        rises.sort_by_key(|rise| rise.ttl);
        let end = self.end().and_then(|end| self.hops.get(&end)).filter(|end| end.answered > 0 && end.errors == 0);
        // What the destination shows to be lost is lost behind the last hop that loses less than it does. Before that hop, all
        // that is missing may be errors that were not sent.
        let shown = |rise: &Rise| end.is_some_and(|end| apart(end.lost(), rise.before) > APART_AT_END);
        let last = rises.iter().rposition(shown);
        let finding = |(index, Rise { ttl, share, .. })| match last == Some(index) {
            true => TraceFinding::Loses { ttl, share },
            false => TraceFinding::Unclear { ttl, share, replies: end.is_some() },
        };
        rises.into_iter().enumerate().map(finding).collect()
    }
}

/// Whether the error says that a packet is too large for the next link.
fn is_too_big(kind: Kind) -> bool {
    matches!((kind.family, kind.type_, kind.code), (Family::V4, 3, 4) | (Family::V6, 2, _))
}

/// The share of those behind a hop that it leaves far more unanswered than; `None`: it may be that it sends all its errors.
fn limit(own: (u64, u64), behind: &[(u64, u64)], least: (u64, u64)) -> Option<(u64, u64)> {
    // A packet that comes back from behind has passed here. Who answers nothing says nothing of that.
    let telling: Vec<_> = behind.iter().copied().filter(|(lost, of)| lost < of).collect();
    let nearest = (1..=telling.len()).map(|count| sum(&telling[..count]));
    let of_several = nearest.max_by(|a, b| apart(own, *a).total_cmp(&apart(own, *b)));
    let clear = |several: &(u64, u64)| apart(own, *several) > APART_FROM_BEHIND;
    of_several.filter(clear).or((apart(own, least) > APART_FROM_BEST).then_some(least))
}

/// Finds where on the way the share lost rises, by cutting it where both sides differ most, and each side again.
fn find_rises(way: &[(u8, (u64, u64))], found: &mut Vec<Rise>) {
    let lost: Vec<_> = way.iter().map(|(_, lost)| *lost).collect();
    let cuts = (1..way.len()).filter_map(|at| {
        let (before, behind) = (sum(&lost[..at]), sum(&lost[at..]));
        let best = least(&lost[at..]).filter(|best| apart(*best, before) > APART_AT_BEST)?;
        let least = share(behind).min(share(best));
        let rise = Rise { ttl: way[at].0, share: 1.0 - (1.0 - least) / (1.0 - share(before)), before };
        // The difference that one probe more or less would make is none (Yates).
        let chance = 0.5 * (1.0 / behind.1 as f64 + 1.0 / before.1 as f64) / (share(behind) - share(before));
        Some((at, apart(behind, before) * (1.0 - chance), rise))
    });
    let Some((at, deviations, rise)) = cuts.max_by(|a, b| a.1.total_cmp(&b.1)) else { return };
    if deviations > APART {
        found.push(rise);
        find_rises(&way[..at], found);
        find_rises(&way[at..], found);
    }
}

/// The probes of several hops.
fn sum(part: &[(u64, u64)]) -> (u64, u64) {
    part.iter().fold((0, 0), |sum, lost| (sum.0 + lost.0, sum.1 + lost.1))
}

/// The hop that lost the least share.
fn least(part: &[(u64, u64)]) -> Option<(u64, u64)> {
    part.iter().copied().min_by(|a, b| share(*a).total_cmp(&share(*b)))
}

/// The share lost of some probes.
fn share((lost, of): (u64, u64)) -> f64 {
    if of == 0 { 0.0 } else { lost as f64 / of as f64 }
}

/// By how many standard deviations the first share is greater than the second.
fn apart(more: (u64, u64), less: (u64, u64)) -> f64 {
    // A share of none or of all has no spread by itself: one probe more of either kind gives it some.
    let smooth = |(lost, of): (u64, u64)| (lost as f64 + 0.5) / (of as f64 + 1.0);
    let spread = |of: (u64, u64)| smooth(of) * (1.0 - smooth(of)) / (of.1 as f64 + 1.0);
    (share(more) - share(less)) / (spread(more) + spread(less)).sqrt()
}

impl TraceFinding {
    /// The hop it is about.
    pub fn ttl(&self) -> u8 {
        match self {
            Self::Silent { ttl, .. }
            | Self::Limits { ttl, .. }
            | Self::Loses { ttl, .. }
            | Self::Unclear { ttl, .. } => *ttl,
        }
    }
}

impl Hop {
    /// Unanswered probes, and all.
    fn lost(&self) -> (u64, u64) {
        (self.sent - self.answered, self.sent)
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = None;
        let tells_mtu = |shown: &&Option<_>| matches!(shown, Some((_, _, Some(kind))) if is_too_big(*kind));
        let others = self.shown.iter().filter(|shown| !tells_mtu(shown)).collect::<Vec<_>>();
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
                    if let Some(kind) = kind.filter(|kind| !kind.name().contains("xceeded in Transit")) {
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

impl fmt::Display for TraceFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent { ttl, of } => write!(f, "hop {ttl} replies to none of {of} probes and passes packets on"),
            Self::Limits { ttl, lost, behind } => write!(
                f,
                "hop {ttl} limits its errors: {} of {} probes without a reply there, {} of {} behind it",
                lost.0, lost.1, behind.0, behind.1
            ),
            Self::Loses { ttl, share } => {
                write!(f, "packets are lost from hop {ttl} on: about {:.0}% there and back", share * 100.0)
            }
            Self::Unclear { ttl, share, replies } => {
                write!(f, "from hop {ttl} on about {:.0}% of probes get no reply: ", share * 100.0)?;
                f.write_str("lost packets, or hops that limit or withhold their replies; ")?;
                f.write_str(match replies {
                    true => "these probes cannot know which",
                    false => "a destination that replies to ICMP or TCP probes would show which",
                })
            }
        }
    }
}

#[cfg(test)]
mod tests;
