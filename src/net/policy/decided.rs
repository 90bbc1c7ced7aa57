//! What a policy decided about a packet.

use super::{Place, Verdict};
use crate::net::random::Draws;

/// The origin of the verdict of a policy that failed.
pub(in crate::net) const FAILED: &str = "a policy that failed";

/// What a policy decided about a packet.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// The verdict.
    pub verdict: Verdict,
    /// The packet's place in its flow.
    pub place: Place,
    /// The draws the verdict rests on.
    pub draws: Draws,
}

impl Decided {
    /// Whether the policy failed on the packet, which therefore passes.
    #[cfg(feature = "sim")]
    pub(in crate::net) fn is_failure(&self) -> bool {
        &*self.verdict.origin == FAILED
    }

    /// `reply` with one random bit flipped.
    pub(in crate::net) fn damaged(&self, reply: &[u8]) -> Vec<u8> {
        let mut damaged = reply.to_vec();
        let bit = (self.place.draws.beneath(u64::MAX).draw(1) * damaged.len() as f64 * 8.0) as usize;
        if let Some(byte) = damaged.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
        damaged
    }
}
