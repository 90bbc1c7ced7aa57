//! Routes of a host that lead nowhere, whoever made them, and the rules that answer for them without limit: see
//! [`nft`]. They follow what the kernel tells of its routes. Where that does not say enough to know what it would answer
//! itself, and where it has no such rules, the answers and their limit are left to it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd};

use crate::net::lab::netlink::nft::{self, Nowhere};
use crate::net::lab::netlink::socket::{Netlink, attributes};
use crate::net::lab::netlink::{
    NLM_F_REPLACE, RT_TABLE_MAIN, RTA_DST, RTM_DELROUTE, RTM_NEWROUTE, RTN_BLACKHOLE, RTN_PROHIBIT, RTN_UNREACHABLE,
};

/// Keeps a host's rules in step with its routes.
#[derive(Debug)]
pub(super) struct Watch {
    news: Netlink,
    known: Known,
    in_place: Option<Vec<Nowhere>>,
    /// What puts them in place; kept, since closing it takes the kernel long.
    socket: Option<Netlink>,
}

impl Watch {
    /// For the host that this process is in, before it has any routes.
    pub(super) fn open() -> io::Result<Self> {
        let news = Netlink::open_for_news(&[RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV4_NETCONF])?;
        // Hosts may inherit it.
        let forwards = std::fs::read_to_string("/proc/sys/net/ipv4/ip_forward").is_ok_and(|text| text.trim() == "1");
        Ok(Self { news, known: Known { forwards, ..Known::default() }, in_place: None, socket: None })
    }

    /// Hears what has changed; whether the rules are to be put in place anew, by [`Watch::settle`].
    pub(super) fn hear(&mut self) -> bool {
        let Self { news, known, in_place, .. } = self;
        if news.news(|kind, flags, payload| known.hear(kind, flags, payload)).is_err() {
            known.given_up = true;
        }
        known.rules() != *in_place
    }

    /// Leaves the answers to the kernel, for good.
    pub(super) fn give_up(&mut self) {
        self.known.given_up = true;
    }

    /// Puts the rules in place, in the host that this process is in.
    pub(super) fn settle(&mut self) {
        let rules = self.known.rules();
        let mut put = || -> Option<()> {
            let socket = match &mut self.socket {
                Some(socket) => socket,
                none => none.insert(Netlink::open_for_rules().ok()?),
            };
            let batch = rules.as_deref().map_or_else(nft::no_answers, nft::answers);
            // Rules that are out of step would lie.
            socket.commit(&batch).or_else(|refused| socket.commit(&nft::no_answers()).and(Err(refused))).ok()
        };
        match put() {
            Some(()) => self.in_place = rules,
            None => (self.known.given_up, self.in_place) = (true, None),
        }
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.news.as_fd()
    }
}

/// What is known of a host.
#[derive(Debug, Default)]
struct Known {
    /// Whether it carries packets on; else it answers for none.
    forwards: bool,
    /// Its interfaces that do not.
    silent: BTreeSet<i32>,
    /// The kind of each route that leads nowhere (RTN_…), by the order in which they count: those to the smallest network
    /// first, then by their metric.
    routes: BTreeMap<(Reverse<u8>, Ipv4Addr, u32), u8>,
    /// Whether the answers are left to the kernel.
    given_up: bool,
}

impl Known {
    /// Takes note of a message of the kernel.
    fn hear(&mut self, kind: u16, flags: u16, payload: &[u8]) {
        let heard = match kind {
            RTM_NEWROUTE | RTM_DELROUTE => {
                self.hear_of_route(kind == RTM_NEWROUTE, flags & NLM_F_REPLACE != 0, payload)
            }
            RTM_NEWNETCONF | RTM_DELNETCONF => self.hear_of_setting(kind == RTM_NEWNETCONF, payload),
            // From then on, more than the destination decides on the route.
            _ => None,
        };
        self.given_up |= heard.is_none();
    }

    /// `None`: it cannot be known what the kernel answers.
    fn hear_of_route(&mut self, is_new: bool, replaces: bool, payload: &[u8]) -> Option<()> {
        // `struct rtmsg`.
        let &[_, len, _, tos, table, _, _, kind, ..] = payload.get(..12)? else { return None };
        let leads_nowhere = (RTN_BLACKHOLE..=RTN_THROW).contains(&kind);
        if table != RT_TABLE_MAIN || tos != 0 {
            return (!leads_nowhere).then_some(());
        }
        let of = |wanted| attributes(&payload[12..]).find(|(kind, _)| *kind == wanted).map(|(_, data)| data);
        let to = of(RTA_DST).map_or(Some([0; 4]), |data| data.try_into().ok())?;
        let metric = of(RTA_PRIORITY).map_or(Some(0), number)?;
        let key = (Reverse(len), Ipv4Addr::from(to), metric);
        if is_new && leads_nowhere {
            self.routes.insert(key, kind);
        } else if leads_nowhere || (is_new && replaces) {
            self.routes.remove(&key);
        }
        Some(())
    }

    fn hear_of_setting(&mut self, is_new: bool, payload: &[u8]) -> Option<()> {
        // `struct netconfmsg`.
        let attributes = || attributes(payload.get(4..).unwrap_or_default());
        let of = |wanted| attributes().find(|(kind, _)| *kind == wanted).and_then(|(_, data)| number(data));
        let interface = of(NETCONFA_IFINDEX)? as i32;
        let forwards = match of(NETCONFA_FORWARDING) {
            Some(value) if is_new => value != 0,
            None if is_new => return Some(()),
            // It has gone.
            _ => true,
        };
        match interface {
            EVERY_INTERFACE => self.forwards = forwards,
            NEW_INTERFACES => {}
            _ if forwards => {
                self.silent.remove(&interface);
            }
            _ => {
                self.silent.insert(interface);
            }
        }
        Some(())
    }

    /// The routes to answer for; `None`: the kernel itself answers or keeps silent.
    fn rules(&self) -> Option<Vec<Nowhere>> {
        if self.given_up || !self.forwards || !self.silent.is_empty() {
            return None;
        }
        let rule = |(&(Reverse(len), network, _), &kind): (&_, &_)| Nowhere { network, len, code: code(kind) };
        Some(self.routes.iter().map(rule).collect())
    }
}

/// The code with which the kernel answers for a route of this kind (ICMP type 3).
fn code(kind: u8) -> Option<u8> {
    match kind {
        RTN_UNREACHABLE => Some(1),
        RTN_PROHIBIT => Some(13),
        // The search ends there as if it had found nothing.
        RTN_THROW => Some(0),
        _ => None,
    }
}

fn number(data: &[u8]) -> Option<u32> {
    data.try_into().ok().map(u32::from_ne_bytes)
}

const RTNLGRP_IPV4_ROUTE: i32 = 7;
const RTNLGRP_IPV4_RULE: i32 = 8;
const RTNLGRP_IPV4_NETCONF: i32 = 24;
const RTM_NEWNETCONF: u16 = 80;
const RTM_DELNETCONF: u16 = 81;
const RTA_PRIORITY: u16 = 6;
const RTN_THROW: u8 = 9;
const NETCONFA_IFINDEX: u16 = 1;
const NETCONFA_FORWARDING: u16 = 2;
const EVERY_INTERFACE: i32 = -1;
const NEW_INTERFACES: i32 = -2;

#[cfg(test)]
mod tests {
    use super::*;

    /// A message about a route of the main table: kind, destination, and metric.
    fn route(kind: u8, to: [u8; 4], len: u8, metric: u32) -> Vec<u8> {
        let mut message = vec![2, len, 0, 0, RT_TABLE_MAIN, 4, 0, kind, 0, 0, 0, 0];
        message.extend([8, 0, 1, 0]);
        message.extend(to);
        message.extend([8, 0, 6, 0]);
        message.extend(metric.to_ne_bytes());
        message
    }

    fn setting(interface: i32, forwards: u32) -> Vec<u8> {
        let mut message = vec![2, 0, 0, 0, 8, 0, 1, 0];
        message.extend(interface.to_ne_bytes());
        message.extend([8, 0, 2, 0]);
        message.extend(forwards.to_ne_bytes());
        message
    }

    fn router() -> Known {
        Known { forwards: true, ..Known::default() }
    }

    /// The networks and codes of the rules, in order.
    fn rules(known: &Known) -> Option<Vec<(String, Option<u8>)>> {
        let rules = known.rules()?;
        Some(rules.iter().map(|rule| (format!("{}/{}", rule.network, rule.len), rule.code)).collect())
    }

    #[test]
    fn the_smallest_network_and_the_lowest_metric_count() {
        let mut known = router();
        known.hear(RTM_NEWROUTE, 0, &route(RTN_UNREACHABLE, [10, 0, 0, 0], 8, 0));
        known.hear(RTM_NEWROUTE, 0, &route(RTN_THROW, [10, 1, 0, 0], 16, 7));
        known.hear(RTM_NEWROUTE, 0, &route(RTN_PROHIBIT, [10, 1, 0, 0], 16, 5));
        known.hear(RTM_NEWROUTE, 0, &route(RTN_BLACKHOLE, [10, 1, 2, 3], 32, 0));
        known.hear(RTM_NEWROUTE, 0, &route(1, [10, 2, 0, 0], 16, 0));
        let rule = |to: &str, code| (to.to_string(), code);
        let wide = rule("10.0.0.0/8", Some(1));
        let (prohibited, thrown) = (rule("10.1.0.0/16", Some(13)), rule("10.1.0.0/16", Some(0)));
        let expected = vec![rule("10.1.2.3/32", None), prohibited, thrown.clone(), wide.clone()];
        assert_eq!(rules(&known), Some(expected));
        known.hear(RTM_DELROUTE, 0, &route(RTN_PROHIBIT, [10, 1, 0, 0], 16, 5));
        known.hear(RTM_NEWROUTE, NLM_F_REPLACE, &route(1, [10, 1, 2, 3], 32, 0));
        assert_eq!(rules(&known), Some(vec![thrown, wide]));
    }

    #[test]
    fn who_does_not_forward_does_not_answer() {
        let mut known = Known::default();
        assert_eq!(rules(&known), None);
        for (interface, forwards, answers) in
            [(-1, 1, true), (2, 0, false), (2, 1, true), (-2, 0, true), (-1, 0, false), (-1, 1, true)]
        {
            known.hear(RTM_NEWNETCONF, 0, &setting(interface, forwards));
            assert_eq!(rules(&known).is_some(), answers, "{interface} {forwards}");
        }
        known.hear(RTM_NEWNETCONF, 0, &setting(3, 0));
        known.hear(RTM_DELNETCONF, 0, &setting(3, 0)[..12]);
        assert!(rules(&known).is_some(), "it has gone");
    }

    #[test]
    fn what_cannot_be_told_is_left_to_the_kernel() {
        let other_table = |kind| {
            let mut message = route(kind, [10, 0, 0, 0], 8, 0);
            message[4] = 100;
            message
        };
        for (kind, message, answers) in [
            (RTM_NEWROUTE, other_table(1), true),
            (RTM_NEWROUTE, other_table(RTN_PROHIBIT), false),
            (32, Vec::new(), false),
        ] {
            let mut known = router();
            known.hear(kind, 0, &message);
            assert_eq!(rules(&known).is_some(), answers, "{kind} {message:?}");
        }
        for message in [route(RTN_PROHIBIT, [10, 0, 0, 0], 8, 0), setting(-1, 1)] {
            for len in 0..message.len() {
                for kind in [RTM_NEWROUTE, RTM_DELROUTE, RTM_NEWNETCONF, RTM_DELNETCONF] {
                    router().hear(kind, NLM_F_REPLACE, &message[..len]);
                }
            }
        }
    }
}
