//! The pingers of a run: each schedule of each socket, and each address that it pings, has an account of its own.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use super::ends::{Ends, Hosts};
use crate::net::host::id::HostId;
use crate::net::policy::neighbours::Recent;
use crate::net::probe::ledger::Counts;
use crate::net::wire::zoned::plain;

/// How many have an account of their own; those that come later share one.
const MOST: usize = 4096;

/// How many are reported one by one; of more, those of one protocol, host and target are reported together.
const APART: usize = 8;

/// Who pings whom.
#[derive(Clone, Copy, Debug)]
pub struct PingerRun {
    /// Distinguishes the sockets of a process.
    pub socket: u64,
    /// Distinguishes the schedules of a process; `None`: of no schedule, each ping by itself.
    pub schedule: Option<u64>,
    /// `UDP`, `TCP` or `ICMP`.
    pub protocol: &'static str,
    /// The pinger's end and its target, as the pinger's host sees them.
    pub ends: Ends,
}

/// How a ping was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// By its reply.
    Replied,
    /// By an error.
    Errored,
    /// By its time-out.
    TimedOut,
}

/// The account of one pinger.
#[derive(Debug)]
pub(super) struct OnePinger {
    pub(super) pinging: PingerRun,
    pub(super) counts: Counts,
    recent: Box<Recent>,
    /// Its losses that gave way to later ones.
    pub(super) forgotten: u64,
}

/// All of them, in the order in which their first pings were accounted for.
#[derive(Debug, Default)]
pub(super) struct Pingers {
    list: Vec<OnePinger>,
    places: HashMap<PingerKey, usize>,
    /// The last that was asked for, which is mostly the next.
    last: Option<(PingerKey, usize)>,
}

/// What distinguishes a pinger: its socket, its schedule and its target.
type PingerKey = (u64, Option<u64>, SocketAddr);

/// Pingers that are reported together: usually one.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// What is said of them beside their counts; empty where there is but this one.
    pub(super) title: String,
    pub(super) members: Vec<usize>,
}

impl Pingers {
    /// The place of a pinger, which it gets if it has none yet.
    pub(super) fn place(&mut self, pinging: &PingerRun) -> usize {
        let key = (pinging.socket, pinging.schedule, pinging.ends.to());
        match self.last {
            Some((last, place)) if last == key => place,
            _ => {
                let place = self.find(key, pinging);
                self.last = Some((key, place));
                place
            }
        }
    }

    fn find(&mut self, key: PingerKey, pinging: &PingerRun) -> usize {
        if let Some(&place) = self.places.get(&key) {
            return place;
        }
        if self.list.len() == MOST {
            return MOST - 1;
        }
        let (counts, recent) = (Counts::default(), Box::default());
        self.list.push(OnePinger { pinging: *pinging, counts, recent, forgotten: 0 });
        self.places.insert(key, self.list.len() - 1);
        self.list.len() - 1
    }

    pub(super) fn get(&self, place: usize) -> &OnePinger {
        &self.list[place]
    }

    pub(super) fn forget(&mut self, place: usize) {
        self.list[place].forgotten += 1;
    }

    /// Enters how the ping with this running number was settled.
    pub(super) fn settle(&mut self, pinging: &PingerRun, number: u64, how: Settled) {
        let place = self.place(pinging);
        let OnePinger { counts, recent, .. } = &mut self.list[place];
        counts.sent += 1;
        match how {
            Settled::Replied => counts.replied += 1,
            Settled::Errored => counts.errored += 1,
            Settled::TimedOut => counts.timed_out += 1,
        }
        counts.neighbours = counts.neighbours + recent.settle(number, how != Settled::Replied);
    }

    /// Enters that a ping is pending and will stay so.
    pub(super) fn leave_pending(&mut self, pinging: &PingerRun) {
        let place = self.place(pinging);
        self.list[place].counts.sent += 1;
    }

    /// The counts of all together.
    pub(super) fn counts(&self) -> Counts {
        self.list.iter().map(|one| one.counts).sum()
    }

    /// Whether there is one.
    pub(super) fn are_one(&self) -> bool {
        self.list.iter().filter(|one| one.counts.sent > 0).count() == 1
    }

    /// The counts of some together.
    pub(super) fn counts_of(&self, members: &[usize]) -> Counts {
        members.iter().map(|&place| self.list[place].counts).sum()
    }

    /// The addresses that have replied to one.
    pub(super) fn addrs_with_replies(&self) -> HashSet<IpAddr> {
        let replied = self.list.iter().filter(|one| one.counts.replied > 0);
        replied.map(|one| one.pinging.ends.to().ip()).collect()
    }

    /// Those that have pinged, as they are reported.
    pub(super) fn groups(&self, hosts: &Hosts) -> Vec<Group> {
        let places: Vec<usize> = (0..self.list.len()).filter(|&place| self.list[place].counts.sent > 0).collect();
        if let [only] = places.as_slice() {
            return vec![Group { title: String::new(), members: vec![*only] }];
        }
        let mut groups: Vec<Group> = Vec::new();
        let mut known: HashMap<RunName, usize> = HashMap::new();
        let names: Vec<RunName> = places.iter().map(|&place| RunName::of(&self.list[place].pinging)).collect();
        for (&place, name) in places.iter().zip(&names) {
            // A socket for each ping makes no pinger of each.
            let together = places.len() > APART || self.list[place].counts.sent == 1;
            if let Some(&group) = known.get(name).filter(|_| together) {
                groups[group].members.push(place);
                continue;
            }
            if together {
                known.insert(*name, groups.len());
            }
            let same = || places.iter().zip(&names).filter(|(_, other)| *other == name).map(|(&place, _)| place);
            let apart = if together { None } else { self.apart(place, same().collect()) };
            groups
                .push(Group { title: name.title(hosts) + apart.as_deref().unwrap_or_default(), members: vec![place] });
        }
        for group in groups.iter_mut().filter(|group| group.members.len() > 1) {
            group.title += &format!(" by {} pingers", group.members.len());
        }
        if groups.len() == 1 {
            groups[0].title.clear();
        }
        groups
    }
}

impl Pingers {
    /// What distinguishes one of several pingers that are reported by the same name: their ports, and of those that share a
    /// socket, which of its schedules it is.
    fn apart(&self, place: usize, same: Vec<usize>) -> Option<String> {
        let run = |place: usize| &self.list[place].pinging;
        let own = run(place);
        let of_socket: Vec<usize> = same.iter().copied().filter(|&other| run(other).socket == own.socket).collect();
        let what = if own.protocol == "ICMP" { "echo identifier" } else { "from port" };
        let port = (of_socket.len() < same.len()).then(|| format!("{what} {}", own.ends.from().port()));
        let schedules = || of_socket.iter().filter(|&&place| run(place).schedule.is_some());
        let schedule = (of_socket.len() > 1).then(|| match own.schedule {
            Some(_) => format!("pinger {}", schedules().position(|&other| other == place).map_or(0, |index| index + 1)),
            None => "single pings".to_string(),
        });
        let parts: Vec<String> = port.into_iter().chain(schedule).collect();
        (!parts.is_empty()).then(|| format!(" ({})", parts.join(", ")))
    }
}

/// What pingers are reported by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct RunName {
    protocol: &'static str,
    host: HostId,
    to: SocketAddr,
}

impl RunName {
    const fn of(pinging: &PingerRun) -> Self {
        Self { protocol: pinging.protocol, host: pinging.ends.at(), to: pinging.ends.to() }
    }

    fn title(&self, hosts: &Hosts) -> String {
        let from = hosts.name(self.host).map_or(String::new(), |host| format!(" from {host}"));
        format!(" over {}{from} to {}", self.protocol, plain(self.to))
    }
}
