//! What the account says at the end: what was lost and why, and what each policy did.

use std::fmt;
use std::net::SocketAddr;

use serde::{Serialize, Serializer};

use crate::net::policy::attached::ACTIONS;
use crate::net::policy::neighbours::Neighbours;
use crate::net::probe::ledger::Counts;
use crate::net::probe::stats::interval;
use crate::net::time::Duration;

/// What a policy did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PolicyReport {
    /// What it is called.
    pub name: String,
    /// The socket, link or ingress whose packets it decides about, by its name in rows.
    pub at: String,
    /// The host of the socket; `None` for this machine, and for links and ingresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The same as `at`, with its preposition: `at 127.0.0.1:7`, `on a-b`.
    #[serde(skip)]
    pub phrase: String,
    /// How many packets it decided about.
    pub packets: u64,
    /// How many it did not simply let pass.
    pub chosen: u64,
    /// The same by what it did with them, in the order of `ACTIONS`.
    #[serde(serialize_with = "by_action")]
    pub acted: [u64; ACTIONS.len()],
    /// On how many it failed; those passed.
    pub failed: u64,
    /// How many frames that kernels sent by themselves it decided about, beside those, and how many it did not let pass.
    #[serde(skip)]
    pub of_kernels: [u64; 2],
    /// Packets of one flow that follow each other; a packet counts as lost if it was chosen.
    #[serde(skip)]
    pub neighbours: Neighbours,
    /// The share it is made to choose, 0 to 1, where that is known.
    pub configured: Option<f64>,
}

/// What the kernel dropped at a socket that replies, its receive buffer being full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drops {
    /// The socket.
    pub at: SocketAddr,
    /// Its host; `None` for this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// How many datagrams.
    pub count: u64,
}

/// Why a ping was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LossCause {
    /// Its number.
    pub number: u64,
    /// The pinger's end.
    pub from: SocketAddr,
    /// Where it went.
    pub to: SocketAddr,
    /// Why; `None`: nothing explains it.
    pub cause: Option<String>,
    /// What the verdict rests on, or what was wrong with the reply: `draw 0.165`.
    pub detail: Option<String>,
}

/// What was lost, and why. `Display` is for people, several lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Which pinger it is, where there are several: ` over UDP from a to 10.0.0.2:7`.
    pub(super) title: String,
    /// How many pingers it is about.
    pub(super) pingers: usize,
    pub(super) probes: Counts,
    /// Each cause with the losses it explains, in the order in which they first show.
    pub(super) causes: Vec<(String, Vec<String>)>,
    /// Losses on the way to sockets of this process or by an error: all, and those of which it is no longer
    /// remembered what happened to them.
    pub(super) known: u64,
    pub(super) forgotten: u64,
    /// Numbers of those that nothing explains.
    pub(super) unexplained: Vec<u64>,
}

impl Explanation {
    /// Each cause and how many losses it explains.
    pub fn causes(&self) -> impl Iterator<Item = (&str, u64)> {
        self.causes.iter().map(|(cause, losses)| (cause.as_str(), losses.len() as u64))
    }

    /// How many losses on the way to sockets of this process nothing explains.
    pub fn unexplained(&self) -> u64 {
        self.unexplained.len() as u64
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lost, of) = (self.probes.lost(), self.probes.settled());
        write!(f, "Lost {lost} of {of} pings{}: ", self.title)?;
        share(f, lost, of, &self.probes.neighbours)?;
        let pending = self.probes.pending();
        if pending > 0 {
            let most = (lost + pending) as f64 / self.probes.sent as f64;
            write!(f, "\n  {pending} still pending, not counted: {:.1}% if all of them are lost", most * 100.0)?;
        }
        for (cause, numbers) in &self.causes {
            // Pingers that are reported together number their pings each for itself.
            match self.pingers {
                1 => write!(f, "\n  seq {}: {cause}", list(numbers))?,
                _ => write!(f, "\n  {}: {cause}", numbers.len())?,
            }
        }
        if self.forgotten > 0 {
            let (ones, are) = if self.forgotten == 1 { ("one", "is") } else { ("ones", "are") };
            write!(f, "\n  {} earlier {ones} {are} no longer remembered", self.forgotten)?;
        }
        let elsewhere = lost.saturating_sub(self.known);
        if elsewhere > 0 {
            write!(f, "\n  {elsewhere} on the way to servers outside of this process")?;
        }
        write!(f, "\n  {} unexplained", self.unexplained.len())?;
        if !self.unexplained.is_empty() && self.pingers == 1 {
            write!(f, ": seq {}", list(&self.unexplained))?;
        }
        Ok(())
    }
}

impl fmt::Display for PolicyReport {
    /// On how much it acted and how, the 95% interval of that share, and the share it is made for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, phrase, host, packets, chosen, acted, failed, of_kernels, configured, neighbours, .. } = self;
        let place = host.as_ref().map_or(String::new(), |host| format!(" in {host}"));
        write!(f, "{name} {phrase}{place} acted on {chosen} of {packets} packets")?;
        let kinds = ACTIONS.iter().zip(acted).filter(|(_, count)| **count > 0);
        let kinds: Vec<String> = kinds.map(|(action, count)| format!("{count} {action}")).collect();
        if !kinds.is_empty() {
            write!(f, " ({})", kinds.join(", "))?;
        }
        f.write_str(": ")?;
        share(f, *chosen, *packets, neighbours)?;
        if let Some(configured) = configured {
            write!(f, ", configured {:.1}%", configured * 100.0)?;
        }
        if *failed > 0 {
            write!(f, "; it failed on {failed}, which passed")?;
        }
        let [packets, chosen] = of_kernels;
        if *chosen > 0 {
            write!(f, "; and on {chosen} of {packets} frames that kernels sent by themselves")?;
        }
        Ok(())
    }
}

/// What a policy did, as a map that names each kind of action that it took.
fn by_action<S: Serializer>(acted: &[u64; ACTIONS.len()], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(ACTIONS.iter().zip(acted).filter(|(_, count)| **count > 0))
}

/// A share in percent and its 95% interval.
fn share(f: &mut fmt::Formatter<'_>, part: u64, of: u64, neighbours: &Neighbours) -> fmt::Result {
    match interval(part, of, neighbours) {
        None => f.write_str("NA"),
        Some((low, high)) => {
            let rate = part as f64 / of as f64;
            write!(f, "{:.1}% (95%: {:.1}% to {:.1}%)", rate * 100.0, low * 100.0, high * 100.0)
        }
    }
}

/// A ping with what was random about its loss: what was drawn, and how long it was delayed.
pub(super) fn name(number: u64, draws: &[f64], delayed: Option<Duration>) -> String {
    let drawn: Vec<String> = draws.iter().map(|draw| format!("{draw:.3}")).collect();
    let drawn = match drawn.len() {
        0 => None,
        1 => Some(format!("draw {}", drawn[0])),
        _ => Some(format!("draws {}", drawn.join(", "))),
    };
    let known: Vec<String> = drawn.into_iter().chain(delayed.map(|by| by.short().to_string())).collect();
    if known.is_empty() { number.to_string() } else { format!("{number} ({})", known.join(", ")) }
}

fn list(numbers: &[impl ToString]) -> String {
    let (named, more) = numbers.split_at(numbers.len().min(NAMED));
    let named = named.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if more.is_empty() { named } else { format!("{named} and {} more", more.len()) }
}

/// How many losses the explanation names one by one.
const NAMED: usize = 12;
