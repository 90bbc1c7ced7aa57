//! Flows: which packets belong together, and which number each has among them.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::Place;
use crate::net::policy::neighbours::Neighbours;
use crate::net::random::RandomStream;

/// How many flows a policy distinguishes. A sender with ever new ports must not take all memory.
const MOST_FLOWS: usize = 65_536;

/// What packets of one flow have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowKey {
    /// The protocol of IP; 0 for what a server receives, and for what is not IP.
    pub protocol: u8,
    /// The sender. An echo of ICMP has its identifier in place of the port of the host that asks.
    pub from: SocketAddr,
    /// The receiver.
    pub to: SocketAddr,
    /// Whether a kernel sends it by itself: when it does is no one's choice, and must not change the numbers of other flows.
    pub of_kernel: bool,
}

impl FlowKey {
    /// The flow of datagrams from `from` that a server's socket `to` receives.
    pub const fn received(from: SocketAddr, to: SocketAddr) -> Self {
        Self { protocol: 0, from, to, of_kernel: false }
    }
}

/// Numbers flows and packets for one policy, and keeps what it remembers of each flow.
#[derive(Debug)]
pub struct Flows {
    stream: RandomStream,
    /// Where each flow stands in `flows`.
    known: HashMap<FlowKey, usize>,
    flows: Vec<FlowState>,
    /// How many of them kernels send by themselves.
    of_kernel: i64,
    /// The flow of the last packet, which is often that of the next.
    last: Option<(FlowKey, usize)>,
}

#[derive(Debug)]
struct FlowState {
    index: i64,
    packets: u64,
    draws: RandomStream,
    /// One for each native policy in turn.
    in_bad: Vec<bool>,
    /// Whether the last packet was chosen.
    chosen: Option<bool>,
}

impl Flows {
    /// No flow seen yet; the draws come from `stream`.
    pub fn new(stream: RandomStream) -> Self {
        Self { stream, known: HashMap::new(), flows: Vec::new(), of_kernel: 0, last: None }
    }

    /// The place of the next packet of the flow `key`, and what `parts` native policies remember of the flow.
    pub fn next(&mut self, key: FlowKey, parts: usize) -> (Place, &mut [bool]) {
        let at = match self.last {
            Some((last, at)) if last == key => at,
            _ => match self.known.get(&key) {
                Some(&at) => at,
                None => {
                    // Once there are too many, all further ones are one flow.
                    let at = self.flows.len().min(MOST_FLOWS);
                    if at < MOST_FLOWS {
                        self.known.insert(key, at);
                    }
                    if at == self.flows.len() {
                        self.of_kernel += i64::from(key.of_kernel);
                        let index = if key.of_kernel { -self.of_kernel } else { at as i64 - self.of_kernel };
                        let draws = self.stream.beneath(index as u64);
                        self.flows.push(FlowState {
                            index,
                            packets: 0,
                            draws,
                            in_bad: vec![false; parts],
                            chosen: None,
                        });
                    }
                    at
                }
            },
        };
        self.last = Some((key, at));
        let flow = &mut self.flows[at];
        flow.packets += 1;
        let place = Place { flow: flow.index, number: flow.packets, draws: flow.draws.beneath(flow.packets) };
        (place, &mut flow.in_bad)
    }

    /// Notes whether the last packet was chosen; the pair that it makes with the one before it in its flow.
    pub fn chose(&mut self, chosen: bool) -> Neighbours {
        let flow = self.last.and_then(|(_, at)| self.flows.get_mut(at));
        let before = flow.and_then(|flow| flow.chosen.replace(chosen));
        before.map_or_else(Neighbours::default, |before| Neighbours::pair(before, chosen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kernel_sends_does_not_change_the_numbers_of_other_flows() {
        let addr = |n: u8| SocketAddr::from(([10, 0, 0, n], 7));
        let of_script = |n| FlowKey::received(addr(n), addr(1));
        let of_kernel = |n| FlowKey { of_kernel: true, ..of_script(n) };
        let places = |keys: &[FlowKey]| {
            let mut flows = Flows::new(RandomStream::of_seed(1));
            keys.iter().map(|key| flows.next(*key, 1).0).collect::<Vec<_>>()
        };
        let quiet = places(&[of_script(2), of_script(3), of_script(2)]);
        let chatty = places(&[of_kernel(2), of_script(2), of_kernel(9), of_script(3), of_kernel(2), of_script(2)]);
        assert_eq!([chatty[1], chatty[3], chatty[5]], quiet[..]);
        let apart: Vec<_> = [0, 2, 4].map(|n: usize| (chatty[n].flow, chatty[n].number)).to_vec();
        assert_eq!(apart, [(-1, 1), (-2, 1), (-1, 2)]);
        assert!(chatty.iter().all(|place| chatty.iter().filter(|other| other.draws == place.draws).count() == 1));
    }

    #[test]
    fn flows_beyond_the_most_are_one() {
        let mut flows = Flows::new(RandomStream::of_seed(1));
        let from = |n: usize| SocketAddr::from(([10, 0, (n >> 24) as u8, (n >> 16) as u8], (n & 0xffff) as u16));
        for n in 0..MOST_FLOWS + 3 {
            let (place, _) = flows.next(FlowKey::received(from(n), ([127, 0, 0, 1], 1).into()), 1);
            assert_eq!(place.flow, n.min(MOST_FLOWS) as i64);
            assert_eq!(place.number, n.saturating_sub(MOST_FLOWS) as u64 + 1);
        }
        assert_eq!(
            flows.next(FlowKey::received(from(7), ([127, 0, 0, 1], 1).into()), 1).0.number,
            2,
            "the first ones are still distinguished"
        );
        assert_eq!((flows.known.len(), flows.flows.len()), (MOST_FLOWS, MOST_FLOWS + 1));
    }
}
