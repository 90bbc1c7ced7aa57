//! The paths that a traceroute found.

use std::collections::BTreeMap;

use super::series::State;
use super::spread::Spread;
use crate::net::observe::record::reading::RowCells;

/// So many paths, and so many routers at one distance, are kept.
const MOST: usize = 16;

/// The paths, each by its target.
#[derive(Clone, Debug, Default)]
pub(super) struct Hops(pub(super) Vec<(String, BTreeMap<u8, PathHop>)>);

/// What is known of one distance from here.
#[derive(Clone, Debug, Default)]
pub(super) struct PathHop {
    pub(super) sent: u64,
    pub(super) lost: u64,
    /// Who replied or reported an error, with how it said so.
    pub(super) who: Vec<String>,
    pub(super) rtts: Spread,
}

impl Hops {
    pub(super) fn add(&mut self, to: &str, ttl: u8, state: State, cells: &RowCells<'_>) {
        // Probes of UDP go to a port each.
        let to = to.rsplit_once(':').map_or(to, |(addr, _)| addr.trim_matches(['[', ']']));
        let place = self.0.iter().position(|(known, _)| known == to);
        if place.is_none() && self.0.len() == MOST {
            return;
        }
        let place = place.unwrap_or_else(|| {
            self.0.push((to.to_string(), BTreeMap::new()));
            self.0.len() - 1
        });
        let hop = self.0[place].1.entry(ttl).or_default();
        hop.sent += 1;
        // Here an ICMP error is what is hoped for.
        hop.lost += u64::from(state == State::TimedOut || (state == State::Errored && cells.rtt_ns.is_none()));
        if let Some(rtt) = cells.rtt_ns {
            hop.rtts.add(rtt);
        }
        let who = match (state, &cells.icmp) {
            (State::Replied, _) => Some(format!("{to}: reply")),
            (_, Some(icmp)) => icmp.offender.as_ref().map(|offender| format!("{offender}: {}", icmp.name)),
            _ => cells.error.clone(),
        };
        if let Some(who) = who.filter(|who| !hop.who.contains(who) && hop.who.len() < MOST) {
            hop.who.push(who);
        }
    }
}
