//! Segments that an ICMP error came about: what TCP sends again is rejected again, and that says nothing of the ping
//! which waits by then.

use std::collections::VecDeque;

use crate::net::probe::ledger::{Blame, ProbeId};

/// As many segments are remembered.
const ENOUGH: usize = 64;

/// The segments last rejected, by sequence number, with the ping that each was attributed to.
#[derive(Debug, Default)]
pub(super) struct Rejected(VecDeque<(u32, Option<ProbeId>)>);

impl Rejected {
    /// Whom an error about `segment` concerns: `guess` the first time. Later it is the same ping as then, unless what
    /// waits now was `held_back`: TCP sends that only once the older segment is through, so it shares its fate.
    pub(super) fn blame(&mut self, segment: u32, guess: Blame, held_back: bool) -> Blame {
        let known = self.0.iter().find(|(seen, _)| *seen == segment);
        match known {
            Some((_, id)) if !held_back => id.map_or(Blame::Unknown, Blame::Named),
            Some(_) => guess,
            None => {
                let id = match guess {
                    Blame::Named(id) | Blame::Assumed(id) => Some(id),
                    Blame::Unknown => None,
                };
                if self.0.len() == ENOUGH {
                    self.0.pop_front();
                }
                self.0.push_back((segment, id));
                guess
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(number: u64) -> ProbeId {
        ProbeId::from_number(number)
    }

    #[test]
    fn the_second_error_about_a_segment_spares_the_ping_that_waits_by_then() {
        let mut rejected = Rejected::default();
        let (first, second) = (Blame::Named(probe(1)), Blame::Named(probe(2)));
        assert_eq!(rejected.blame(700, first, false), first);
        assert_eq!(rejected.blame(700, second, false), first);
        assert_eq!(rejected.blame(713, second, false), second);
        assert_eq!(rejected.blame(700, Blame::Unknown, false), first);
    }

    #[test]
    fn a_ping_held_back_behind_the_segment_shares_its_fate() {
        let mut rejected = Rejected::default();
        let (first, second) = (Blame::Named(probe(1)), Blame::Assumed(probe(2)));
        rejected.blame(700, first, false);
        assert_eq!(rejected.blame(700, second, true), second);
        assert_eq!(rejected.blame(700, second, false), first);
    }

    #[test]
    fn an_error_that_came_while_nothing_waited_settles_nothing_later() {
        let mut rejected = Rejected::default();
        assert_eq!(rejected.blame(700, Blame::Unknown, false), Blame::Unknown);
        assert_eq!(rejected.blame(700, Blame::Named(probe(1)), false), Blame::Unknown);
    }

    #[test]
    fn only_the_last_segments_are_remembered() {
        let mut rejected = Rejected::default();
        for segment in 0..1000 {
            rejected.blame(segment, Blame::Named(probe(1)), false);
        }
        assert_eq!(rejected.0.len(), ENOUGH);
        assert_eq!(rejected.0.front(), Some(&(1000 - ENOUGH as u32, Some(probe(1)))));
    }
}
