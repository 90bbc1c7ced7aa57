//! Whether a packet, as it is on a link, contradicts itself: lengths that do not fit, headers that are cut off, a wrong sum.
//!
//! What an ICMP error quotes is cut short by design and is no matter for this.

use super::super::Family;
use super::chain::is_extension;
use super::{Packet, Protocol, TransportHeader};

/// Octets of an IPv4 header and of a TCP header without options.
const FIXED: usize = 20;

/// Octets of the header of UDP and of ICMP.
const SHORT: usize = 8;

/// The longest datagram that fragments can make.
const LONGEST: usize = 65_535;

impl Packet<'_> {
    /// Whether the headers contradict each other or what is there. `bytes`: what the packet was read from.
    pub fn is_malformed(&self, bytes: &[u8]) -> bool {
        self.is_truncated()
            || self.header_len > self.total_len
            || self.header_checksum_ok == Some(false)
            || self.family == Family::V4 && !has_whole_options(options(bytes, usize::from(bytes[0] & 0x0f) * 4))
            || self.fragment.is_none_or(|fragment| fragment.offset == 0) && is_extension(self.protocol, self.family)
            || match self.fragment {
                Some(fragment) => {
                    // Of IPv4 all that follows the first header is cut, headers of extensions too.
                    let head =
                        if self.family == Family::V4 { usize::from(bytes[0] & 0x0f) * 4 } else { self.header_len };
                    let len = self.total_len - head;
                    usize::from(fragment.offset) + len > LONGEST || fragment.more && !len.is_multiple_of(8)
                }
                None => self.is_transport_malformed(),
            }
    }

    /// The same of the transport header of a packet that is whole.
    fn is_transport_malformed(&self) -> bool {
        let len = self.total_len.saturating_sub(self.header_len);
        match self.transport {
            TransportHeader::Udp(header) => {
                header.length.is_none_or(|claimed| usize::from(claimed) < SHORT || usize::from(claimed) > len)
            }
            TransportHeader::Tcp(header) => match header.header_len {
                Some(claimed) if len >= FIXED && claimed >= FIXED && claimed <= len => {
                    !has_whole_options(options(self.segment, claimed))
                }
                _ => true,
            },
            TransportHeader::Icmp(_) => len < SHORT,
            TransportHeader::Other => matches!(self.protocol, Protocol::UDP | Protocol::TCP | Protocol::ICMP),
        }
    }
}

/// The options in a header of `len` octets of IPv4 or TCP.
fn options(header: &[u8], len: usize) -> &[u8] {
    header.get(FIXED..len).unwrap_or_default()
}

/// Whether each option has its length and ends within its header (RFC 791, section 3.1; RFC 9293, section 3.2).
fn has_whole_options(mut options: &[u8]) -> bool {
    const END: u8 = 0;
    const NOTHING: u8 = 1;
    while let Some(&kind) = options.first() {
        let len = match kind {
            END => return true,
            NOTHING => 1,
            _ => match options.get(1) {
                Some(&len) if len >= 2 => usize::from(len),
                _ => return false,
            },
        };
        let Some(rest) = options.get(len..) else { return false };
        options = rest;
    }
    true
}
