//! The headers between the fixed IP header and the transport: IPv6 extension headers, and IPsec
//! authentication in both versions.
//!
//! The walk stops at a header it does not know, at one that is cut before its length, and behind the
//! fragment header of a later fragment.

use super::super::{Family, u8_at, u16_at, u32_at};
use super::{Fragment, Protocol};

/// A place in the chain of headers, and what the headers before it said.
#[derive(Clone, Copy)]
pub(super) struct Chain {
    /// What starts at `at`.
    pub(super) protocol: Protocol,
    /// Octets from the start of the packet; may be past the octets present.
    pub(super) at: usize,
    pub(super) fragment: Option<Fragment>,
    pub(super) identification: Option<u32>,
}

/// Whether `protocol` is a header that another follows, so that a chain cannot end with it.
pub(super) fn is_extension(protocol: Protocol, family: Family) -> bool {
    matches!((protocol.0, family), (0 | 43 | 44 | 60 | 135 | 139 | 140, Family::V6) | (51, _))
}

impl Chain {
    /// The end of the chain. Each step needs an octet at `at` and moves at least eight octets on, so the walk ends
    /// with the bytes.
    pub(super) fn walk(mut self, family: Family, bytes: &[u8]) -> Self {
        while let Some(next) = self.step(family, bytes) {
            self = next;
        }
        self
    }

    /// The place one header further; `None` if this is where the walk stops.
    fn step(self, family: Family, bytes: &[u8]) -> Option<Self> {
        if self.fragment.is_some_and(|fragment| fragment.offset > 0) {
            return None;
        }
        let next = Protocol(u8_at(bytes, self.at)?);
        match (self.protocol.0, family) {
            // Hop-by-hop options stand first (RFC 8200, section 4.1).
            (0, Family::V6) if self.at != 40 => None,
            // Hop-by-hop, routing, destination options, mobility, HIP and shim6 share one layout
            // (RFC 6564): length in 8-octet units beyond the first.
            (0 | 43 | 60 | 135 | 139 | 140, Family::V6) => {
                let len = (usize::from(u8_at(bytes, self.at + 1)?) + 1) * 8;
                Some(Self { protocol: next, at: self.at + len, ..self })
            }
            // Fragment (RFC 8200, section 4.5): offset in the upper 13 bits, "more" in the lowest.
            (44, Family::V6) => {
                let place = u16_at(bytes, self.at + 2)?;
                let fragment = Fragment { offset: place & 0xfff8, more: place & 1 == 1 };
                // One that is the whole datagram (RFC 6946) is no fragment, but keeps its number.
                let whole = fragment.offset == 0 && !fragment.more;
                Some(Self {
                    protocol: next,
                    at: self.at + 8,
                    fragment: (!whole).then_some(fragment),
                    identification: u32_at(bytes, self.at + 4),
                })
            }
            // Authentication (RFC 4302): length in 4-octet units beyond the second, of which there are three at the least.
            (51, _) => {
                let len = (usize::from(u8_at(bytes, self.at + 1)?) + 2) * 4;
                (len >= 12).then_some(Self { protocol: next, at: self.at + len, ..self })
            }
            _ => None,
        }
    }
}
