//! What the kernel of a lab's host counts of packets that it lost or did not send, as causes of losses.

/// A count of a kernel's that can be why pings were lost.
#[derive(Debug)]
pub struct KernelCause {
    /// Its name in /proc/net/snmp, netstat or snmp6, the section before it; or one that only simulated hosts have.
    pub name: &'static str,
    /// Whether it counts packets of IPv6.
    v6: bool,
    /// What is lost.
    pub(super) words: &'static str,
    /// Whether it happens at hosts on the way, too; else only at both ends.
    pub(super) on_the_way: bool,
}

const fn cause(name: &'static str, v6: bool, words: &'static str, on_the_way: bool) -> KernelCause {
    KernelCause { name, v6, words, on_the_way }
}

const LIMIT: &str = "an ICMP error was held back by the rate limit of";
pub(super) const CHECKSUM: &str = "a wrong checksum was found by";
pub(super) const BUFFER: &str = "lost in a full receive buffer of";
pub(super) const FRAGMENTS: &str = "fragments could not be put together by";
pub(super) const ROUTE: &str = "no route was found by";
pub(super) const HOPS: &str = "the time to live of a packet ended, or its header was wrong, at";
pub(super) const NO_REPLY: &str = "an echo request was received and not replied to, as where no route leads back, by";
const DISCARDED: &str = "discarded by";
const NO_ROOM: &str = "no room was left for packets on their way at";

/// Echo requests without a reply, of ICMP and of ICMPv6: of two counts the difference.
pub const UNANSWERED: [&str; 2] = ["IcmpInEchos - IcmpOutEchoReps", "Icmp6InEchos - Icmp6OutEchoReplies"];

/// All that are looked at. A new network namespace counts from 0.
pub const KERNEL_CAUSES: &[KernelCause] = &[
    cause("IcmpOutRateLimitHost", false, LIMIT, true),
    cause("IcmpOutRateLimitGlobal", false, LIMIT, true),
    cause("UdpRcvbufErrors", false, BUFFER, false),
    cause("UdpInCsumErrors", false, CHECKSUM, false),
    cause("IcmpInCsumErrors", false, CHECKSUM, false),
    cause("IpExtInCsumErrors", false, CHECKSUM, true),
    cause("IpReasmFails", false, FRAGMENTS, false),
    cause("IpOutNoRoutes", false, ROUTE, true),
    cause("IpExtInNoRoutes", false, ROUTE, true),
    cause("IpInHdrErrors", false, HOPS, true),
    cause(UNANSWERED[0], false, NO_REPLY, false),
    cause("IpInDiscards", false, DISCARDED, true),
    cause("IpOutDiscards", false, DISCARDED, true),
    cause("Icmp6OutRateLimitHost", true, LIMIT, true),
    cause("Udp6RcvbufErrors", true, BUFFER, false),
    cause("Udp6InCsumErrors", true, CHECKSUM, false),
    cause("Icmp6InCsumErrors", true, CHECKSUM, false),
    cause("Ip6ReasmFails", true, FRAGMENTS, false),
    cause("Ip6OutNoRoutes", true, ROUTE, true),
    cause("Ip6InNoRoutes", true, ROUTE, true),
    cause("Ip6InHdrErrors", true, HOPS, true),
    cause(UNANSWERED[1], true, NO_REPLY, false),
    cause("Ip6InDiscards", true, DISCARDED, true),
    cause("Ip6OutDiscards", true, DISCARDED, true),
    // Of simulated hosts.
    cause("NoRoom", false, NO_ROOM, true),
    cause("NoRoom6", true, NO_ROOM, true),
];

impl KernelCause {
    /// Whether it counts what the sender itself is given as an error: a ping that it refuses to send ends with an error.
    pub(super) fn is_told(&self) -> bool {
        self.name.ends_with("OutDiscards") || self.name.ends_with("OutNoRoutes")
    }

    /// Whether it is about packets of this version of IP and pings over this protocol.
    pub(super) fn is_of(&self, v6: bool, protocol: &str) -> bool {
        let of_protocol = match self.name {
            name if name.starts_with("Udp") => protocol == "UDP",
            name if name.ends_with("InCsumErrors") && name.starts_with("Icmp") => protocol == "ICMP",
            name if UNANSWERED.contains(&name) => protocol == "ICMP",
            _ => true,
        };
        self.v6 == v6 && of_protocol
    }
}

/// The place in [`KERNEL_CAUSES`] of the count of this name.
pub fn kernel_cause(name: &str) -> Option<usize> {
    KERNEL_CAUSES.iter().position(|cause| cause.name == name)
}

/// Those counts of `text`, a file of a kernel's counts, that can be why pings were lost, as their places in
/// [`KERNEL_CAUSES`]. A file has pairs of lines, names and numbers after a section's name, or a name and a
/// number on each line.
pub fn kernel_counts(text: &str) -> Vec<(usize, u64)> {
    let mut found = Vec::new();
    // Echo requests received and replies sent, of both versions.
    let mut echoes = UNANSWERED.map(|name| (name, name.split(" - "), [None; 2]));
    let mut enter = |name: &str, number: &str| {
        let number = number.parse::<u64>().ok();
        found.extend(kernel_cause(name).zip(number));
        for (_, names, counts) in &mut echoes {
            names.clone().zip(counts).filter(|(of, _)| *of == name).for_each(|(_, count)| *count = number);
        }
    };
    let mut names: Option<(&str, &str)> = None;
    for line in text.lines() {
        match (line.split_once(": "), names) {
            (Some((section, numbers)), Some((known, list))) if known == section => {
                let pairs = list.split_whitespace().zip(numbers.split_whitespace());
                pairs.for_each(|(name, number)| enter(&format!("{section}{name}"), number));
                names = None;
            }
            (Some(begun), _) => names = Some(begun),
            (None, _) => {
                if let Some((name, number)) = line.split_once(char::is_whitespace) {
                    enter(name, number.trim());
                }
            }
        }
    }
    for (name, _, counts) in echoes {
        if let [Some(received), Some(sent)] = counts {
            found.extend(kernel_cause(name).map(|place| (place, received.saturating_sub(sent))));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Vec<(&'static str, u64)> {
        kernel_counts(text).into_iter().map(|(place, count)| (KERNEL_CAUSES[place].name, count)).collect()
    }

    #[test]
    fn counts_of_both_kinds_of_files_are_read() {
        let snmp = "Ip: Forwarding DefaultTTL OutNoRoutes ReasmFails\nIp: 1 64 0 2\n\
                    Icmp: InEchos OutEchoReps OutRateLimitGlobal OutRateLimitHost\nIcmp: 7 5 0 24\nUdp: InDatagrams RcvbufErrors\nUdp: 5 3\n";
        assert_eq!(
            named(snmp),
            [
                ("IpOutNoRoutes", 0),
                ("IpReasmFails", 2),
                ("IcmpOutRateLimitGlobal", 0),
                ("IcmpOutRateLimitHost", 24),
                ("UdpRcvbufErrors", 3),
                (UNANSWERED[0], 2),
            ]
        );
        let snmp6 = "Ip6InReceives                   \t9\nIp6OutNoRoutes                  \t4\nUdp6RcvbufErrors\t0\n";
        assert_eq!(named(snmp6), [("Ip6OutNoRoutes", 4), ("Udp6RcvbufErrors", 0)]);
        for broken in ["", "Ip:", "Ip: a\nIp:", "Ip: OutNoRoutes\nIp: x\n", "Ip6OutNoRoutes", "Ip6OutNoRoutes -1"] {
            assert_eq!(named(broken), [], "{broken}");
        }
    }
}
