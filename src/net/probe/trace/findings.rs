//! What the missing replies of hops mean, and how far shares are apart for that.

use std::fmt;

/// What the missing replies of a hop mean.
#[derive(Clone, Debug, PartialEq)]
pub enum TraceFinding {
    /// No reply came from the hop, and those behind it reply.
    Silent {
        /// The hop.
        ttl: u8,
        /// How many probes it left without a reply.
        of: u64,
    },
    /// The hop leaves probes without a reply, and those behind it fewer: it limits the errors that it sends.
    Limits {
        /// The hop.
        ttl: u8,
        /// Probes without a reply, and all.
        lost: (u64, u64),
        /// The same for hops behind it, one or several together.
        behind: (u64, u64),
    },
    /// From this hop on probes are lost, there or behind it: the destination's replies show that.
    Loses {
        /// The hop.
        ttl: u8,
        /// The share lost from here on, both ways: all that is lost, also before it.
        share: f64,
        /// The share that the hops before it leave without a reply.
        before: f64,
    },
    /// From this hop on probes are lost, or those hops limit or withhold their replies.
    Unclear {
        /// The hop.
        ttl: u8,
        /// The share left without a reply from here on.
        share: f64,
        /// The share left so before it.
        before: f64,
        /// Whether the destination sends replies that systems do not limit.
        replies: bool,
    },
}

/// A hop from which on a greater share is without a reply.
pub(super) struct Rise {
    pub(super) ttl: u8,
    /// That share, the least of those that the hops from it on show.
    pub(super) share: f64,
    /// Probes without a reply, and all, of the hops before it that are compared with it.
    pub(super) before: (u64, u64),
}

/// How many standard deviations the share lost on both sides of a cut must be apart to count as different.
pub(super) const APART: f64 = 3.5;

/// The same for a cut behind another: that packets are lost is known there, and the question is only where.
const APART_FURTHER: f64 = 3.25;

/// The same for a hop and those behind it together.
const APART_FROM_BEHIND: f64 = 3.25;

/// The same for a hop and the best of those behind it, which chance favours.
const APART_FROM_BEST: f64 = 4.5;

/// The same for the best of the hops behind a cut: what is lost there is lost for it, too.
const APART_AT_BEST: f64 = 1.0;

/// The same for the destination alone, whose replies are to show what all hops behind a cut together do.
pub(super) const APART_AT_END: f64 = 2.0;

/// The share of those behind a hop that it leaves far more probes without a reply than; `None`: it may be that it sends all its errors.
pub(super) fn limit(own: (u64, u64), behind: &[(u64, u64)], least: (u64, u64)) -> Option<(u64, u64)> {
    // A packet that comes back from behind has passed here. Who replies to nothing says nothing of that.
    let telling: Vec<_> = behind.iter().copied().filter(|(lost, of)| lost < of).collect();
    let nearest = (1..=telling.len()).map(|count| sum(&telling[..count]));
    let of_several = nearest.max_by(|a, b| apart(own, *a).total_cmp(&apart(own, *b)));
    let clear = |several: &(u64, u64)| apart(own, *several) > APART_FROM_BEHIND;
    of_several.filter(clear).or((apart(own, least) > APART_FROM_BEST).then_some(least))
}

/// Finds where on the way the share lost rises, by cutting it where both sides differ most, and each side again. Both sides of a
/// cut are `needed` standard deviations apart.
pub(super) fn find_rises(way: &[(u8, (u64, u64))], needed: f64, found: &mut Vec<Rise>) {
    let lost: Vec<_> = way.iter().map(|(_, lost)| *lost).collect();
    let cuts = (1..way.len()).filter_map(|at| {
        let (before, behind) = (sum(&lost[..at]), sum(&lost[at..]));
        let best = least(&lost[at..]).filter(|best| apart(*best, before) > APART_AT_BEST)?;
        let rise = Rise { ttl: way[at].0, share: share(behind).min(share(best)), before };
        // The difference that one probe more or less would make is none (Yates).
        let chance = 0.5 * (1.0 / behind.1 as f64 + 1.0 / before.1 as f64) / (share(behind) - share(before));
        Some((at, apart(behind, before) * (1.0 - chance), rise))
    });
    let Some((at, deviations, rise)) = cuts.max_by(|a, b| a.1.total_cmp(&b.1)) else { return };
    if deviations > needed {
        found.push(rise);
        find_rises(&way[..at], needed, found);
        find_rises(&way[at..], APART_FURTHER, found);
    }
}

/// The probes of several hops.
fn sum(part: &[(u64, u64)]) -> (u64, u64) {
    part.iter().fold((0, 0), |sum, lost| (sum.0 + lost.0, sum.1 + lost.1))
}

/// The hop that lost the least share.
pub(super) fn least(part: &[(u64, u64)]) -> Option<(u64, u64)> {
    part.iter().copied().min_by(|a, b| share(*a).total_cmp(&share(*b)))
}

/// The share lost of some probes.
pub(super) fn share((lost, of): (u64, u64)) -> f64 {
    if of == 0 { 0.0 } else { lost as f64 / of as f64 }
}

/// By how many standard deviations the first share is greater than the second.
pub(super) fn apart(more: (u64, u64), less: (u64, u64)) -> f64 {
    // A share of none or of all has no spread by itself: one probe more of either kind gives it some.
    let smooth = |(lost, of): (u64, u64)| (lost as f64 + 0.5) / (of as f64 + 1.0);
    let spread = |of: (u64, u64)| smooth(of) * (1.0 - smooth(of)) / (of.1 as f64 + 1.0);
    (share(more) - share(less)) / (spread(more) + spread(less)).sqrt()
}

/// How much less it is before a hop, if it is anything there.
fn less(before: f64) -> String {
    if before < 0.005 { String::new() } else { format!(", before it {:.0}%", before * 100.0) }
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

impl fmt::Display for TraceFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent { ttl, of } => write!(f, "hop {ttl} replies to none of {of} probes and passes packets on"),
            Self::Limits { ttl, lost, behind } => write!(
                f,
                "hop {ttl} limits its errors: {} of {} probes without a reply there, {} of {} behind it",
                lost.0, lost.1, behind.0, behind.1
            ),
            Self::Loses { ttl, share, before } => {
                write!(f, "packets are lost from hop {ttl} on: about {:.0}% there and back", share * 100.0)?;
                f.write_str(&less(*before))
            }
            Self::Unclear { ttl, share, before, replies } => {
                write!(f, "from hop {ttl} on about {:.0}% of probes get no reply{}: ", share * 100.0, less(*before))?;
                f.write_str("lost packets, or hops that limit or withhold their replies; ")?;
                f.write_str(match replies {
                    true => "these probes cannot know which",
                    false => "a destination that replies to ICMP or TCP probes would show which",
                })
            }
        }
    }
}
