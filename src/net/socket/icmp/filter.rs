//! A filter in the kernel for a raw socket: of echo replies only those to one identifier, and everything else.

use socket2::SockFilter;

use crate::net::wire::Family;

/// Instructions of the classic packet filter (linux/filter.h).
mod code {
    pub(super) const LOAD_X_HEADER_LENGTH: u16 = 0xb1; // BPF_LDX | BPF_B | BPF_MSH
    pub(super) const LOAD_BYTE_AT_X: u16 = 0x50; // BPF_LD | BPF_B | BPF_IND
    pub(super) const LOAD_HALF_AT_X: u16 = 0x48; // BPF_LD | BPF_H | BPF_IND
    pub(super) const LOAD_BYTE: u16 = 0x30; // BPF_LD | BPF_B | BPF_ABS
    pub(super) const LOAD_HALF: u16 = 0x28; // BPF_LD | BPF_H | BPF_ABS
    pub(super) const IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    pub(super) const RETURN: u16 = 0x06; // BPF_RET | BPF_K
}

/// Lets through what is no echo reply, and the replies to the identifier `id`.
pub(super) fn of_replies(family: Family, id: u16) -> Vec<SockFilter> {
    use code::*;
    let op = |code, k| SockFilter::new(code, 0, 0, k);
    // X: the length of the IP header, which messages of IPv6 come without.
    let (start, byte, half, reply) = match family {
        Family::V4 => (vec![op(LOAD_X_HEADER_LENGTH, 0)], LOAD_BYTE_AT_X, LOAD_HALF_AT_X, 0),
        Family::V6 => (Vec::new(), LOAD_BYTE, LOAD_HALF, 129),
    };
    let rest = [
        op(byte, 0),
        SockFilter::new(IF_EQUAL, 0, 3, reply),
        op(half, 4),
        SockFilter::new(IF_EQUAL, 1, 0, id.into()),
        op(RETURN, 0),
        op(RETURN, u32::MAX),
    ];
    start.into_iter().chain(rest).collect()
}
