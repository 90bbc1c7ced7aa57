//! How many ICMP errors a host sends: the limits of Linux 6.18, with its settings. Pure.
//!
//! Linux takes 0 to 2 from the credit of all together for each error, at random; here it is always 1.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::net::time::{Duration, Instant};
use crate::net::wire::Family;
use crate::net::wire::icmp::Kind;

/// Errors that a peer gets at once after a minute of silence (XRLIM_BURST_FACTOR).
const BURST: i64 = 6;

/// The same of errors about missing routes, and how far apart those are (net.ipv4.route.error_burst and error_cost).
const ROUTE_BURST: i64 = 5;
const ROUTE_COST: Duration = Duration::from_secs(1);

/// After so long without errors a peer has all of its credit.
const SILENCE: Duration = Duration::from_secs(60);

/// How many peers are remembered.
const PEERS: usize = 65_536;

/// What limits the errors that a host sends.
#[derive(Debug)]
pub struct ErrorLimits {
    /// The types of ICMP that are limited (net.ipv4.icmp_ratemask).
    pub mask: u32,
    /// The types of ICMPv6 that are (net.ipv6.icmp.ratemask).
    pub mask_v6: Vec<std::ops::RangeInclusive<u8>>,
    /// How far apart errors to one peer are, over IPv4 and IPv6 (net.ipv4.icmp_ratelimit, net.ipv6.icmp.ratelimit).
    pub apart: [Duration; 2],
    /// How many a second go to all peers together (net.ipv4.icmp_msgs_per_sec).
    pub per_second: u32,
    /// And how many at once (net.ipv4.icmp_msgs_burst).
    pub burst: u32,
    /// How many errors over IPv4 and IPv6 the limit of a peer, and that of all, held back.
    pub held: [[u64; 2]; 2],
    all: Option<(f64, Instant)>,
    peers: HashMap<IpAddr, PeerCredit>,
}

/// What a peer may still get.
#[derive(Clone, Copy, Debug)]
struct PeerCredit {
    credit: Duration,
    since: Instant,
}

impl Default for ErrorLimits {
    fn default() -> Self {
        Self {
            mask: 0b1_1000_0001_1000,
            mask_v6: vec![0..=1, 3..=127],
            apart: [Duration::from_secs(1), Duration::from_millis(100)],
            per_second: 1_000,
            burst: 50,
            held: [[0; 2]; 2],
            all: None,
            peers: HashMap::new(),
        }
    }
}

impl ErrorLimits {
    /// None but that of errors about missing routes, which no setting lifts.
    pub fn lifted() -> Self {
        Self { mask: 0, mask_v6: Vec::new(), ..Self::default() }
    }

    /// Whether an error of `kind` may be sent to `to`. Over loopback the limit of a peer does not hold.
    pub fn allow(&mut self, kind: Kind, to: IpAddr, over_loopback: bool, now: Instant) -> bool {
        let family = usize::from(kind.family == Family::V6);
        let is_limited = match kind.family {
            // Path MTU discovery needs its errors.
            Family::V4 => kind.type_ < 32 && self.mask & 1 << kind.type_ != 0 && (kind.type_, kind.code) != (3, 4),
            Family::V6 => self.mask_v6.iter().any(|types| types.contains(&kind.type_)),
        };
        if !is_limited {
            return true;
        }
        let all = self.credit_of_all(now);
        if all < 1.0 {
            self.held[family][1] += 1;
            return false;
        }
        if !over_loopback && !self.spend(to, self.apart[family], BURST, now) {
            self.held[family][0] += 1;
            return false;
        }
        self.all = Some((all - 1.0, now));
        true
    }

    /// Whether a router may report to `to` that no route leads on, or that one forbids it (IPv4 alone has this limit).
    pub fn allow_route_error(&mut self, to: IpAddr, now: Instant) -> bool {
        to.is_ipv6() || self.spend(to, ROUTE_COST, ROUTE_BURST, now)
    }

    fn credit_of_all(&self, now: Instant) -> f64 {
        let burst = f64::from(self.burst);
        self.all.map_or(burst, |(credit, since)| {
            let passed = (now - since).as_nanos() as f64 / 1e9;
            (credit + passed.min(1.0) * f64::from(self.per_second)).min(burst)
        })
    }

    /// Takes the cost of an error from the credit of a peer, if it has that much.
    fn spend(&mut self, to: IpAddr, cost: Duration, burst: i64, now: Instant) -> bool {
        if self.peers.len() >= PEERS && !self.peers.contains_key(&to) {
            self.peers.retain(|_, peer| now - peer.since < SILENCE);
            if self.peers.len() >= PEERS {
                self.peers.clear();
            }
        }
        let peer = self.peers.entry(to).or_insert(PeerCredit { credit: SILENCE, since: now });
        let most = cost * burst;
        peer.credit = (peer.credit + (now - peer.since)).min(most);
        peer.since = now;
        let may = peer.credit >= cost;
        if may {
            peer.credit -= cost;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: [Kind; 2] = [Kind::v4(3, 3), Kind::v6(1, 4)];
    const TO: [&str; 2] = ["10.0.0.1", "fd00::1"];

    fn at(ms: i64) -> Instant {
        Instant::from_nanos(1_000_000_000) + Duration::from_millis(ms)
    }

    /// How many of 60 errors, so many milliseconds apart, are sent.
    fn sent(limits: &mut ErrorLimits, family: usize, apart: i64, over_loopback: bool) -> usize {
        let to = TO[family].parse().expect("an address");
        (0..60).filter(|n| limits.allow(PORT[family], to, over_loopback, at(n * apart))).count()
    }

    #[test]
    fn a_peer_gets_a_burst_of_six_and_then_one_a_second_or_ten_over_ipv6() {
        // As measured with Linux 6.18: 8 and 35 of 60 errors that are 50 ms apart.
        let (mut limits, mut v6) = (ErrorLimits::default(), ErrorLimits::default());
        assert_eq!((sent(&mut limits, 0, 50, false), sent(&mut v6, 1, 50, false)), (8, 35));
        assert_eq!([limits.held, v6.held], [[[52, 0], [0, 0]], [[0, 0], [25, 0]]]);
        let other = "10.0.0.2".parse().expect("an address");
        assert!(limits.allow(PORT[0], other, false, at(3_000)), "each peer has its own");
        for kind in [Kind::v4(3, 4), Kind::v4(5, 1), Kind::v6(2, 0)] {
            let to = TO[usize::from(kind.family == Family::V6)].parse().expect("an address");
            assert!((0..60).all(|_| limits.allow(kind, to, false, at(3_000))), "{kind}");
        }
    }

    #[test]
    fn all_peers_together_have_a_limit_which_holds_over_loopback_too() {
        let mut limits = ErrorLimits::default();
        assert_eq!(sent(&mut limits, 0, 50, true), 60);
        let mut limits = ErrorLimits::default();
        assert_eq!(sent(&mut limits, 0, 0, true), 50);
        assert_eq!(limits.held[0], [0, 10]);
        let to = TO[0].parse().expect("an address");
        assert_eq!((0..60).filter(|_| limits.allow(PORT[0], to, true, at(20))).count(), 20);
    }

    #[test]
    fn no_setting_lifts_the_limit_of_route_errors() {
        let mut limits = ErrorLimits::lifted();
        assert_eq!((sent(&mut limits, 0, 0, false), sent(&mut limits, 1, 0, false)), (60, 60));
        let [v4, v6] = TO.map(|to| to.parse().expect("an address"));
        let of = |limits: &mut ErrorLimits, to, ms| (0..60).filter(|_| limits.allow_route_error(to, at(ms))).count();
        assert_eq!([of(&mut limits, v4, 0), of(&mut limits, v4, 1_000), of(&mut limits, v6, 0)], [5, 1, 60]);
    }
}
