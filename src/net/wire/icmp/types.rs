//! The types of ICMP message whose fields the code has to know, by the names that `kinds.txt` has for them.

/// Types by name, and a list of all of them for the test.
macro_rules! types {
    ($($family:ident $what:literal { $($name:ident = $number:literal,)* })*) => {$(
        #[doc = $what]
        #[allow(missing_docs)]
        pub mod $family {
            $(pub const $name: u8 = $number;)*

            #[cfg(test)]
            pub(super) const ALL: &[(&str, u8)] = &[$((stringify!($name), $number)),*];
        }
    )*};
}

types! {
    v4 "Types of ICMP." {
        ECHO_REPLY = 0,
        DESTINATION_UNREACHABLE = 3,
        SOURCE_QUENCH = 4,
        REDIRECT = 5,
        ECHO_REQUEST = 8,
        ROUTER_ADVERTISEMENT = 9,
        TIME_EXCEEDED = 11,
        PARAMETER_PROBLEM = 12,
        DATAGRAM_CONVERSION_ERROR = 31,
        MOBILE_HOST_REDIRECT = 32,
        PHOTURIS = 40,
        EXTENDED_ECHO_REQUEST = 42,
        EXTENDED_ECHO_REPLY = 43,
    }
    v6 "Types of ICMPv6." {
        DESTINATION_UNREACHABLE = 1,
        PACKET_TOO_BIG = 2,
        TIME_EXCEEDED = 3,
        PARAMETER_PROBLEM = 4,
        ECHO_REQUEST = 128,
        ECHO_REPLY = 129,
        MULTICAST_LISTENER_QUERY = 130,
        ROUTER_SOLICITATION = 133,
        REDIRECT_MESSAGE = 137,
        VERSION_2_MULTICAST_LISTENER_REPORT = 143,
        EXTENDED_ECHO_REQUEST = 160,
        EXTENDED_ECHO_REPLY = 161,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kind;

    #[test]
    fn the_names_are_those_of_the_table() {
        let kinds = |all: &[(&'static str, u8)], kind: fn(u8, u8) -> Kind| {
            all.iter().map(|&(name, type_)| (name, kind(type_, 0))).collect::<Vec<_>>()
        };
        for (name, kind) in [kinds(super::v4::ALL, Kind::v4), kinds(super::v6::ALL, Kind::v6)].concat() {
            let keyword = kind.type_keyword().unwrap_or_default();
            assert_eq!(keyword.replace('-', "_").to_ascii_uppercase(), name, "{kind:?}");
        }
    }
}
