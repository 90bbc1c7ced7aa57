//! Policies: what becomes of a packet.
//!
//! A policy takes a packet and gives a [`Verdict`]. Draws made while it decides are keyed by the seed, the policy,
//! the flow (numbered by first appearance) and the packet's number within the flow, so that neither thread
//! scheduling nor other flows change them.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::random::Stream;

/// What is to be done with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Let it through.
    Pass,
    /// Lose it.
    Drop,
}

impl Action {
    /// The action as scripts see it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Drop => "drop",
        }
    }

    /// All actions, as the calls that make them.
    pub const CALLS: &'static str = "pass() or drop()";
}

/// A decision about one packet, and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What is to be done.
    pub action: Action,
    /// The policy's line that decided: `scripts/udp_server.rhai:9`, or a native policy's name: `loss(0.2)`.
    pub origin: String,
}

/// What a policy knows of a packet's place in its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The flow's number, by first appearance, from 0.
    pub flow: u64,
    /// The packet's number within the flow, from 1.
    pub number: u64,
    /// The draws that belong to this packet.
    pub draws: Stream,
}

/// Numbers flows and packets for one policy.
#[derive(Debug)]
pub struct Flows {
    stream: Stream,
    counts: HashMap<(SocketAddr, SocketAddr), (u64, u64)>,
}

impl Flows {
    /// No flow seen yet; the draws come from `stream`.
    pub fn new(stream: Stream) -> Self {
        Self { stream, counts: HashMap::new() }
    }

    /// The place of the next packet from `from` to `to`.
    pub fn next(&mut self, from: SocketAddr, to: SocketAddr) -> Place {
        let flows = self.counts.len() as u64;
        let (flow, count) = self.counts.entry((from, to)).or_insert((flows, 0));
        *count += 1;
        Place { flow: *flow, number: *count, draws: self.stream.beneath(*flow).beneath(*count) }
    }
}

/// The policies that need no script.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Native {
    /// Drops each packet with this probability, independently.
    Loss(f64),
}

impl Native {
    /// Decides about the packet at `place`; the draws it made go to `draws`.
    pub fn judge(&self, place: &Place, draws: &mut Vec<f64>) -> Verdict {
        let action = match *self {
            Self::Loss(p) => {
                let draw = place.draws.draw(1);
                draws.push(draw);
                if draw < p { Action::Drop } else { Action::Pass }
            }
        };
        Verdict { action, origin: self.to_string() }
    }
}

impl std::fmt::Display for Native {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Loss(p) => write!(f, "loss({p})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    #[test]
    fn draws_depend_on_the_flow_and_not_on_other_flows() {
        let verdicts = |order: &[u16]| {
            let mut flows = Flows::new(Stream::of_seed(3));
            let mut seen: HashMap<u16, Vec<Action>> = HashMap::new();
            for &port in order {
                let place = flows.next(addr(port), addr(1));
                seen.entry(port).or_default().push(Native::Loss(0.5).judge(&place, &mut Vec::new()).action);
            }
            seen
        };
        let apart: Vec<u16> = [[5u16; 50], [6; 50]].concat();
        let mixed: Vec<u16> = (0..100).map(|i| 5 + i % 2).collect();
        assert_eq!(verdicts(&apart), verdicts(&mixed));
    }

    #[test]
    fn loss_is_what_was_asked_for() {
        let mut flows = Flows::new(Stream::of_seed(11));
        let n = 100_000;
        let dropped = (0..n)
            .filter(|_| {
                let place = flows.next(addr(5), addr(1));
                Native::Loss(0.2).judge(&place, &mut Vec::new()).action == Action::Drop
            })
            .count();
        // 6 standard deviations of a binomial count.
        let bound = 6.0 * (f64::from(n) * 0.2 * 0.8).sqrt();
        assert!((dropped as f64 - f64::from(n) * 0.2).abs() < bound, "{dropped}");
    }
}
