//! Policies: what becomes of a packet.
//!
//! A policy takes a packet and gives a [`Verdict`]. Draws made while it decides are keyed by the seed, the policy,
//! the flow (numbered by first appearance) and the packet's number within the flow, so that neither thread
//! scheduling nor other flows change them. What a policy remembers, it remembers for each flow.
//!
//! A native policy chooses packets and gives those it chose one verdict: `chance(0.1, corrupt())`, `every(3, drop())`.

use std::fmt;
use std::sync::Arc;

pub use self::flows::{FlowKey, Flows};
pub use self::rejection::{Details, RejectReply, Rejection};
use crate::net::error::{Error, Result};
use crate::net::random::Draws;
use crate::net::random::RandomStream;
use crate::net::time::Duration;

mod flows;
mod rejection;

/// What is to be done with a packet. In a server, the packet is the request and its reply meets the fate.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Let it through.
    Pass,
    /// Lose it.
    Drop,
    /// Let it through that much later, without holding up others.
    Delay(Duration),
    /// Let it through so many times in all.
    Duplicate(u32),
    /// Let these bytes through in its place, with right checksums.
    Replace(Arc<[u8]>),
    /// Let it through with one bit of its payload flipped, checksums left as they are.
    Corrupt,
    /// Lose it and send an ICMP error to its sender.
    Reject(Arc<Rejection>),
}

impl Action {
    /// The action as scripts see it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Drop => "drop",
            Self::Delay(_) => "delay",
            Self::Duplicate(_) => "duplicate",
            Self::Replace(_) => "replace",
            Self::Corrupt => "corrupt",
            Self::Reject(_) => "reject",
        }
    }

    /// All actions, as the calls that make them.
    pub const CALLS: &'static str =
        "pass(), drop(), delay(20.ms), duplicate(2), replace(\"text\"), corrupt() or reject(\"port-unreachable\")";
}

impl fmt::Display for Action {
    /// As the call that makes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass | Self::Drop | Self::Corrupt => write!(f, "{}()", self.word()),
            Self::Delay(by) => write!(f, "delay({})", by.short()),
            Self::Duplicate(times) => write!(f, "duplicate({times})"),
            Self::Replace(bytes) if bytes.len() == 1 => write!(f, "replace(1 byte)"),
            Self::Replace(bytes) => write!(f, "replace({} bytes)", bytes.len()),
            Self::Reject(rejection) => write!(f, "{rejection}"),
        }
    }
}

/// A decision about one packet, and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What is to be done.
    pub action: Action,
    /// The policy's line that decided: `scripts/udp_server.rhai:9`, or a native policy as written: `loss(0.2)`.
    pub origin: PolicyOrigin,
    /// Why a reply that was not to be dropped could not be sent all the same; of what a policy decides: nothing.
    pub unsent: Option<Arc<Error>>,
}

impl Verdict {
    /// The decision that `origin` made.
    pub fn new(action: Action, origin: impl Into<PolicyOrigin>) -> Self {
        Self { action, origin: origin.into(), unsent: None }
    }

    /// What became of a reply, in a word.
    pub fn word(&self) -> &'static str {
        if self.unsent.is_some() { "unsent" } else { self.action.word() }
    }

    /// Whether the packet is lost, or the reply to it.
    pub fn is_lost(&self) -> bool {
        self.action == Action::Drop || self.unsent.is_some()
    }
}

/// The place of a decision, in words.
#[derive(Clone, Debug)]
pub enum PolicyOrigin {
    /// One that is always the same, and costs nothing to pass on.
    Known(&'static str),
    /// One made up while the program runs.
    Made(Arc<str>),
}

impl std::ops::Deref for PolicyOrigin {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Known(text) => text,
            Self::Made(text) => text,
        }
    }
}

impl PartialEq for PolicyOrigin {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Display for PolicyOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl From<&'static str> for PolicyOrigin {
    fn from(text: &'static str) -> Self {
        Self::Known(text)
    }
}

impl From<Arc<str>> for PolicyOrigin {
    fn from(text: Arc<str>) -> Self {
        Self::Made(text)
    }
}

/// What a policy knows of a packet's place in its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The flow's number, by first appearance, from 0; that of what a kernel sends by itself is counted apart, from -1 down.
    pub flow: i64,
    /// The packet's number within the flow, from 1.
    pub number: u64,
    /// The draws that belong to this packet.
    pub draws: RandomStream,
}

/// A policy that needs no script.
#[derive(Clone, Debug, PartialEq)]
pub struct Native {
    choice: Choice,
    action: Action,
    /// As written, for logs.
    text: Arc<str>,
}

#[derive(Clone, Debug, PartialEq)]
enum Choice {
    /// Each packet.
    Always,
    /// Each packet with this probability, independently.
    Chance(f64),
    /// The n-th, 2n-th, … of a flow.
    Every(u64),
    /// The first n of a flow.
    First(u64),
    /// Those at a `0`; the pattern repeats.
    Pattern(Arc<[bool]>),
    /// Gilbert and Elliott's model: two states, each losing with its own probability.
    Gilbert(Gilbert),
    /// Each, and the delay is uniformly random, the action's plus or minus this much.
    Jitter(Duration),
}

/// The model of bursts: before each packet, the good state turns bad with probability `p`, the bad one good
/// with probability `r`; then the packet is chosen with the probability of the state (Gilbert 1960, Elliott 1963). A flow
/// begins in the good state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gilbert {
    /// From good to bad.
    pub p: f64,
    /// From bad to good; the mean burst is 1/r packets.
    pub r: f64,
    /// Chosen in the good state with this probability.
    pub good: f64,
    /// Chosen in the bad state with this probability.
    pub bad: f64,
}

impl Native {
    /// Each packet meets `action`.
    pub fn always(action: Action) -> Self {
        let text = format!("always({action})");
        Self::new(Choice::Always, action, text)
    }

    /// Each packet meets `action` with probability `p`, independently.
    ///
    /// # Errors
    /// `invalid`: `p` is outside of 0 to 1.
    pub fn chance(p: f64, action: Action) -> Result<Self> {
        probability("p", p)?;
        let text = if action == Action::Drop { format!("loss({p})") } else { format!("chance({p}, {action})") };
        Ok(Self::new(Choice::Chance(p), action, text))
    }

    /// Each n-th packet of a flow meets `action`.
    ///
    /// # Errors
    /// `invalid`: `n` is below 1.
    pub fn every(n: i64, action: Action) -> Result<Self> {
        let text = called("every", n, &action);
        match u64::try_from(n) {
            Ok(n) if n > 0 => Ok(Self::new(Choice::Every(n), action, text)),
            _ => Err(Error::invalid("every", format!("every({n}) chooses no packet")).with_hint("give 1 or more")),
        }
    }

    /// The first n packets of a flow meet `action`.
    ///
    /// # Errors
    /// `invalid`: `n` is negative.
    pub fn first(n: i64, action: Action) -> Result<Self> {
        let text = called("first", n, &action);
        let n = u64::try_from(n).map_err(|_| Error::invalid("first", format!("{n} packets cannot be")))?;
        Ok(Self::new(Choice::First(n), action, text))
    }

    /// Where the pattern has a `0`, the packet meets `action`; where it has a `1`, it passes. The pattern repeats.
    ///
    /// # Errors
    /// `invalid`: the pattern is empty, or has other signs than `0` and `1`.
    pub fn pattern(pattern: &str, action: Action) -> Result<Self> {
        let chosen: Option<Arc<[bool]>> = pattern
            .chars()
            .map(|sign| match sign {
                '0' => Some(true),
                '1' => Some(false),
                _ => None,
            })
            .collect();
        let text = called("pattern", format!("\"{pattern}\""), &action);
        match chosen {
            Some(chosen) if !chosen.is_empty() => Ok(Self::new(Choice::Pattern(chosen), action, text)),
            _ => Err(Error::invalid("pattern", format!("\"{pattern}\" is no pattern"))
                .with_hint("write 1 for a packet that passes and 0 for one that does not, such as \"1101\"")),
        }
    }

    /// Bursts.
    ///
    /// # Errors
    /// `invalid`: a probability is outside of 0 to 1.
    pub fn gilbert(model: Gilbert, action: Action) -> Result<Self> {
        let Gilbert { p, r, good, bad } = model;
        for (name, value) in [("p", p), ("r", r), ("good", good), ("bad", bad)] {
            probability(name, value)?;
        }
        let text = if (good, bad) == (0.0, 1.0) {
            called("gilbert", format!("{p}, {r}"), &action)
        } else {
            format!("gilbert(#{{ p: {p}, r: {r}, good: {good}, bad: {bad} }})")
        };
        Ok(Self::new(Choice::Gilbert(model), action, text))
    }

    /// Each packet is delayed by `delay`, plus or minus up to `spread`, uniformly random.
    ///
    /// # Errors
    /// `invalid`: a duration is negative.
    pub fn jitter(delay: Duration, spread: Duration) -> Result<Self> {
        if delay.is_negative() || spread.is_negative() {
            return Err(Error::invalid("jitter", "a delay cannot be negative"));
        }
        let text = format!("jitter({}, {})", delay.short(), spread.short());
        Ok(Self::new(Choice::Jitter(spread), Action::Delay(delay), text))
    }

    fn new(choice: Choice, action: Action, text: String) -> Self {
        Self { choice, action, text: text.into() }
    }

    /// What it does with the packets it chooses.
    pub const fn action(&self) -> &Action {
        &self.action
    }

    /// The share of packets it is made to choose, where that is one number: 0 to 1.
    pub fn configured(&self) -> Option<f64> {
        match &self.choice {
            Choice::Always | Choice::Jitter(_) => Some(1.0),
            Choice::Chance(p) => Some(*p),
            Choice::Every(n) => Some(1.0 / *n as f64),
            Choice::First(_) => None,
            Choice::Pattern(chosen) => {
                Some(chosen.iter().filter(|&&chosen| chosen).count() as f64 / chosen.len() as f64)
            }
            Choice::Gilbert(Gilbert { p, r, good, bad }) => {
                let in_bad = if p + r > 0.0 { p / (p + r) } else { 0.0 };
                Some(good * (1.0 - in_bad) + bad * in_bad)
            }
        }
    }

    /// Decides about the packet at `place`; the draws it made go to `draws`. `in_bad` is what the flow remembers.
    pub fn decide(&self, place: &Place, in_bad: &mut bool, draws: &mut Draws) -> Verdict {
        let mut draw = || {
            draws.push(place.draws.draw(draws.len() as u64 + 1));
            draws[draws.len() - 1]
        };
        let mut action = &self.action;
        let delayed;
        let chosen = match &self.choice {
            Choice::Always => true,
            Choice::Chance(p) => draw() < *p,
            Choice::Every(n) => place.number.is_multiple_of(*n),
            Choice::First(n) => place.number <= *n,
            Choice::Pattern(chosen) => chosen[((place.number - 1) % chosen.len() as u64) as usize],
            Choice::Gilbert(Gilbert { p, r, good, bad }) => {
                let turn = draw();
                *in_bad = if *in_bad { turn >= *r } else { turn < *p };
                draw() < if *in_bad { *bad } else { *good }
            }
            Choice::Jitter(spread) => {
                if let Action::Delay(delay) = self.action {
                    delayed = Action::Delay((delay + *spread * (2.0 * draw() - 1.0)).max(Duration::ZERO));
                    action = &delayed;
                }
                true
            }
        };
        Verdict::new(if chosen { action.clone() } else { Action::Pass }, self.text.clone())
    }
}

impl fmt::Display for Native {
    /// As the call that makes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn called(name: &str, argument: impl fmt::Display, action: &Action) -> String {
    if *action == Action::Drop { format!("{name}({argument})") } else { format!("{name}({argument}, {action})") }
}

fn probability(name: &'static str, p: f64) -> Result<()> {
    if (0.0..=1.0).contains(&p) {
        return Ok(());
    }
    Err(Error::invalid("policy", format!("{name} is a probability, from 0 to 1, not {p}"))
        .with_hint("write 0.2 for 20%"))
}

#[cfg(test)]
mod tests;
