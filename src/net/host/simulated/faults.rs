//! What ICMP errors mean to sockets: which error number Linux makes of each, and whether it ends what it is about. Pure.

use crate::net::error::errno::*;
use crate::net::wire::Family;
use crate::net::wire::icmp::Kind;

/// What an ICMP error means to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SocketFault {
    /// The error number.
    pub(super) errno: i32,
    /// Whether a socket that has not asked for errors gets it all the same, if it is connected; a connection of TCP that is
    /// being made fails by it.
    pub(super) is_hard: bool,
}

/// What a message of `kind` means to a socket of datagrams; `None`: it is not reported.
pub(super) fn of_datagrams(kind: Kind, is_ping: bool) -> Option<SocketFault> {
    let fault = |errno, is_hard| Some(SocketFault { errno, is_hard });
    match (kind.family, kind.type_, kind.code) {
        (Family::V4, 3, 4) => fault(EMSGSIZE, true),
        (Family::V4, 3, code) => unreachable_v4(code),
        (Family::V4, 4 | 5, _) => is_ping.then_some(SocketFault { errno: EREMOTEIO, is_hard: false }),
        // The time of fragments, which is not reported.
        (Family::V4, 11, 1) => None,
        (Family::V4, 11, _) => fault(EHOSTUNREACH, false),
        (Family::V4, 12, _) => fault(EPROTO, true),
        (Family::V4, ..) => None,
        (Family::V6, 1, code) => unreachable_v6(code),
        (Family::V6, 2, _) => fault(EMSGSIZE, true),
        (Family::V6, 3, _) => fault(EHOSTUNREACH, false),
        (Family::V6, 4, _) => fault(EPROTO, true),
        // Those below 128 are errors, also those that are not known (RFC 4443, section 2.1).
        (Family::V6, 0..128, _) => fault(EPROTO, false),
        (Family::V6, ..) => None,
    }
}

/// Destination unreachable (RFC 792, RFC 1122, RFC 1812): `icmp_err_convert` of Linux.
fn unreachable_v4(code: u8) -> Option<SocketFault> {
    let (errno, is_hard) = match code {
        0 | 11 => (ENETUNREACH, false),
        1 | 12 => (EHOSTUNREACH, false),
        2 => (ENOPROTOOPT, true),
        3 => (ECONNREFUSED, true),
        5 => (EOPNOTSUPP, false),
        6 | 9 => (ENETUNREACH, true),
        7 => (EHOSTDOWN, true),
        8 => (ENONET, true),
        10 | 13..=15 => (EHOSTUNREACH, true),
        _ => return None,
    };
    Some(SocketFault { errno, is_hard })
}

/// Destination unreachable of ICMPv6 (RFC 4443): `tab_unreach` of Linux.
fn unreachable_v6(code: u8) -> Option<SocketFault> {
    let (errno, is_hard) = match code {
        0 => (ENETUNREACH, false),
        1 | 5 | 6 => (EACCES, true),
        2 | 3 => (EHOSTUNREACH, false),
        4 => (ECONNREFUSED, true),
        _ => (EPROTO, true),
    };
    Some(SocketFault { errno, is_hard })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_mean_what_they_mean_on_linux() {
        let errno = |kind| of_datagrams(kind, false).map(|fault| (fault.errno, fault.is_hard));
        for (kind, expected) in [
            (Kind::v4(3, 0), Some((ENETUNREACH, false))),
            (Kind::v4(3, 3), Some((ECONNREFUSED, true))),
            (Kind::v4(3, 4), Some((EMSGSIZE, true))),
            (Kind::v4(3, 13), Some((EHOSTUNREACH, true))),
            (Kind::v4(3, 16), None),
            (Kind::v4(11, 0), Some((EHOSTUNREACH, false))),
            (Kind::v4(11, 1), None),
            (Kind::v4(4, 0), None),
            (Kind::v4(0, 0), None),
            (Kind::v6(1, 0), Some((ENETUNREACH, false))),
            (Kind::v6(1, 1), Some((EACCES, true))),
            (Kind::v6(1, 4), Some((ECONNREFUSED, true))),
            (Kind::v6(2, 0), Some((EMSGSIZE, true))),
            (Kind::v6(99, 0), Some((EPROTO, false))),
            (Kind::v6(129, 0), None),
        ] {
            assert_eq!(errno(kind), expected, "{kind}");
        }
        assert_eq!(of_datagrams(Kind::v4(4, 0), true).map(|fault| fault.errno), Some(EREMOTEIO));
    }
}
