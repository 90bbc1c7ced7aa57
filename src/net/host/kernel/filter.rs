//! Filters in the kernel for raw sockets, so that this process is not woken by what is for others.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use socket2::SockFilter;

use crate::net::sys;
use crate::net::wire::Family;

/// Instructions of the classic packet filter (linux/filter.h).
mod code {
    pub(super) const LOAD_X_HEADER_LENGTH: u16 = 0xb1; // BPF_LDX | BPF_B | BPF_MSH
    pub(super) const LOAD_BYTE_AT_X: u16 = 0x50; // BPF_LD | BPF_B | BPF_IND
    pub(super) const LOAD_BYTE: u16 = 0x30; // BPF_LD | BPF_B | BPF_ABS
    pub(super) const LOAD_HALF_AT_X: u16 = 0x48; // BPF_LD | BPF_H | BPF_IND
    pub(super) const LOAD_HALF: u16 = 0x28; // BPF_LD | BPF_H | BPF_ABS
    pub(super) const LOAD_WORD_AT_X: u16 = 0x40; // BPF_LD | BPF_W | BPF_IND
    pub(super) const LOAD_WORD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
    pub(super) const AND: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K
    pub(super) const SHIFT_LEFT: u16 = 0x64; // BPF_ALU | BPF_LSH | BPF_K
    pub(super) const ADD_X: u16 = 0x0c; // BPF_ALU | BPF_ADD | BPF_X
    pub(super) const A_TO_X: u16 = 0x07; // BPF_MISC | BPF_TAX
    pub(super) const IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    pub(super) const RETURN: u16 = 0x06; // BPF_RET | BPF_K
}

/// Has a raw socket receive only these types of ICMP, and those from 32 on, which the filter has no bits for (ICMP_FILTER:
/// bits of what is blocked).
pub(super) fn pass_types(fd: &OwnedFd, types: &[u8]) -> io::Result<()> {
    const SOL_RAW: i32 = 255;
    const ICMP_FILTER: i32 = 1;
    let passed = types.iter().filter(|kind| **kind < 32).fold(0u32, |bits, kind| bits | 1 << kind);
    sys::set_option(fd, SOL_RAW, ICMP_FILTER, !passed as i32)
}

/// Has a raw socket receive only these types of ICMPv6 (ICMP6_FILTER: bits of what is blocked, in words of 32 bits in the order
/// of the machine).
pub(super) fn pass_types_v6(fd: &OwnedFd, types: &[u8]) -> io::Result<()> {
    const ICMP6_FILTER: i32 = 1;
    let mut blocked = [u32::MAX; 8];
    for kind in types.iter().copied().map(usize::from) {
        blocked[kind / 32] &= !(1 << (kind % 32));
    }
    let bytes = blocked.map(u32::to_ne_bytes).concat();
    sys::set_option_bytes(fd, libc::IPPROTO_ICMPV6, ICMP6_FILTER, &bytes)
}

/// The protocol number of TCP.
const TCP: u32 = 6;

/// Lets through the echo replies to the identifier `id`, and all that is no echo reply.
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

/// Lets ICMP through that quotes a segment of TCP from the port of `local` to that of `peer`, and the kinds of advice that
/// quote none or elsewhere.
pub(super) fn about_stream(local: SocketAddr, peer: SocketAddr) -> Vec<SockFilter> {
    use code::*;
    let ports = u32::from(local.port()) << 16 | u32::from(peer.port());
    let op = |code, k| SockFilter::new(code, 0, 0, k);
    let mut program = if local.is_ipv4() {
        vec![
            // X: the length of the IP header. The quoted packet begins 8 bytes behind that.
            op(LOAD_X_HEADER_LENGTH, 0),
            // Extended echo replies and mobile redirects: on to the end that lets pass.
            op(LOAD_BYTE_AT_X, 0),
            SockFilter::new(IF_EQUAL, 10, 0, 43),
            SockFilter::new(IF_EQUAL, 9, 0, 32),
            op(LOAD_BYTE_AT_X, 8 + 9),
            // Not TCP: past the test of the ports.
            SockFilter::new(IF_EQUAL, 0, 8, TCP),
            // X: further by the length of the quoted IP header.
            op(LOAD_BYTE_AT_X, 8),
            op(AND, 0xf),
            op(SHIFT_LEFT, 2),
            op(ADD_X, 0),
            op(A_TO_X, 0),
            op(LOAD_WORD_AT_X, 8),
        ]
    } else {
        vec![
            // Redirects and extended echo replies: on to the end that lets pass.
            op(LOAD_BYTE, 0),
            SockFilter::new(IF_EQUAL, 5, 0, 137),
            SockFilter::new(IF_EQUAL, 4, 0, 161),
            op(LOAD_BYTE, 8 + 6),
            SockFilter::new(IF_EQUAL, 0, 3, TCP),
            op(LOAD_WORD, 8 + 40),
        ]
    };
    program.extend([SockFilter::new(IF_EQUAL, 0, 1, ports), op(RETURN, u32::MAX), op(RETURN, 0)]);
    program
}
