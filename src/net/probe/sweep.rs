//! What a sweep over many addresses found, in a few bytes each.
//!
//! Pure. The table joins those that follow each other and ended alike.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use super::targets::Targets;
use crate::net::error::Error;
use crate::net::time::Duration;
use crate::net::wire::icmp::Kind;
use crate::net::wire::zoned::ZonedIp;

/// How the pings to each target ended.
#[derive(Clone, Debug)]
pub struct Sweep {
    targets: Targets,
    ends: Vec<SweepEnd>,
    /// The times of those that replied more than once, by their places.
    several: HashMap<usize, Times>,
}

/// The best that became of the pings to one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SweepEnd {
    /// None has ended yet.
    Unknown,
    /// None got a reply.
    Silent,
    /// An ICMP error came.
    Error(Kind),
    /// This host could not send.
    Unsent,
    /// It is a name that has no address.
    Unresolved,
    /// A reply came after this many nanoseconds, the first of them if there are several; more than four seconds count as that.
    Alive(u32),
}

/// Rows of a table; what follows is summed up.
const ROWS: usize = 40;

impl Sweep {
    /// Of a sweep over `targets` nothing is known yet, but which of them have no address.
    pub fn new(targets: Targets) -> Self {
        let mut ends = vec![SweepEnd::Unknown; usize::try_from(targets.len()).unwrap_or(0)];
        for (place, _) in targets.unresolved() {
            ends[place as usize] = SweepEnd::Unresolved;
        }
        Self { targets, ends, several: HashMap::new() }
    }

    /// Enters how a ping to `to` ended; one that is no target is left out.
    pub fn add(&mut self, to: SocketAddr, end: SweepEnd) {
        let Some(place) = self.targets.place_of(to).map(|place| place as usize) else { return };
        let Some(before) = self.ends.get_mut(place) else { return };
        match (*before, end) {
            (SweepEnd::Alive(first), SweepEnd::Alive(ns)) => {
                self.several.entry(place).or_insert_with(|| Times::of(first)).add(Times::of(ns));
            }
            (was, end) if rank(end) >= rank(was) => *before = end,
            _ => {}
        }
    }

    /// How many targets replied.
    pub fn alive(&self) -> u64 {
        self.ends.iter().filter(|end| matches!(end, SweepEnd::Alive(_))).count() as u64
    }

    /// How many targets there are.
    pub fn target_count(&self) -> u64 {
        self.targets.len()
    }

    /// Targets that follow each other and ended alike: the first, the last, how.
    fn groups(&self) -> impl Iterator<Item = SweepGroup> + '_ {
        let mut at = 0;
        std::iter::from_fn(move || {
            let first = at;
            let end = *self.ends.get(first)?;
            let mut times = Times::default();
            while let Some(next) = self.ends.get(at).filter(|next| at == first || alike(**next, end)) {
                if let SweepEnd::Alive(ns) = next {
                    times.add(self.several.get(&at).copied().unwrap_or_else(|| Times::of(*ns)));
                }
                at += 1;
            }
            Some(SweepGroup { first, last: at - 1, end, times })
        })
    }

    fn name(&self, group: &SweepGroup) -> String {
        let ip = |at: usize| ZonedIp::from(self.targets.get(at as u64).to);
        match (self.unresolved(group), group.last - group.first) {
            (Some(error), _) => error.peer.clone(),
            (None, 0) => ip(group.first).to_string(),
            (None, _) => format!("{}-{}", ip(group.first), ip(group.last)),
        }
    }

    /// Why the target of `group` has no address.
    fn unresolved(&self, group: &SweepGroup) -> Option<Arc<Error>> {
        self.targets.get(group.first as u64).unresolved
    }
}

#[derive(Debug)]
struct SweepGroup {
    first: usize,
    last: usize,
    end: SweepEnd,
    times: Times,
}

/// Round-trip times of one target or of several.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    count: u64,
    sum: u64,
    min: u32,
    max: u32,
}

impl Times {
    fn of(ns: u32) -> Self {
        Self { count: 1, sum: ns.into(), min: ns, max: ns }
    }

    fn add(&mut self, other: Self) {
        self.min = if self.count == 0 { other.min } else { self.min.min(other.min) };
        (self.count, self.sum, self.max) = (self.count + other.count, self.sum + other.sum, self.max.max(other.max));
    }
}

fn rank(end: SweepEnd) -> u8 {
    match end {
        SweepEnd::Unknown => 0,
        SweepEnd::Silent => 1,
        SweepEnd::Unsent => 2,
        SweepEnd::Unresolved => 3,
        SweepEnd::Error(_) => 4,
        SweepEnd::Alive(_) => 5,
    }
}

fn alike(a: SweepEnd, b: SweepEnd) -> bool {
    matches!((a, b), (SweepEnd::Alive(_), SweepEnd::Alive(_))) || (a == b && a != SweepEnd::Unresolved)
}

/// The table: a row for each group of targets, and the sum.
impl fmt::Display for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows: Vec<[String; 4]> = Vec::new();
        let (mut groups, mut more) = (self.groups(), 0);
        for group in groups.by_ref().take(ROWS) {
            let time = |ns: u64| Duration::from_nanos(ns as i64).to_string();
            let (word, times) = match group.end {
                SweepEnd::Alive(_) => {
                    let Times { count, sum, min, max } = group.times;
                    let all = format!("{} / {} / {}", time(min.into()), time(sum / count.max(1)), time(max.into()));
                    ("alive".to_string(), if count == 1 { time(min.into()) } else { all })
                }
                SweepEnd::Error(kind) => (kind.to_string(), String::new()),
                SweepEnd::Silent => ("no reply".to_string(), String::new()),
                SweepEnd::Unsent => ("not sent".to_string(), String::new()),
                SweepEnd::Unresolved => {
                    (self.unresolved(&group).map_or(String::new(), |error| error.message.clone()), String::new())
                }
                SweepEnd::Unknown => ("not pinged to the end".to_string(), String::new()),
            };
            rows.push([self.name(&group), (group.last - group.first + 1).to_string(), word, times]);
        }
        more += groups.count();
        rows.insert(0, ["Targets", "Count", "State", "RTT (min / avg / max)"].map(str::to_string));
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let (a, b, c) = (width(0), width(1), width(2));
        for [targets, count, state, times] in &rows {
            writeln!(f, "{}", format!("{targets:a$}  {count:>b$}  {state:c$}  {times}").trim_end())?;
        }
        if more > 0 {
            writeln!(f, "… and {more} more rows")?;
        }
        write!(f, "{} of {} targets alive", self.alive(), self.target_count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::probe::targets::tests::Nothing;

    fn sweep(text: &str) -> Sweep {
        Sweep::new(Targets::parse(text, &Nothing).expect(text))
    }

    #[test]
    fn neighbours_that_ended_alike_are_one_row() {
        let mut sweep = sweep("10.0.0.0/29");
        let ip = |last: u8| SocketAddr::from(([10, 0, 0, last], 0));
        for (last, end) in [
            (1, SweepEnd::Alive(1_000)),
            (3, SweepEnd::Alive(9_000)),
            (2, SweepEnd::Alive(2_000)),
            (4, SweepEnd::Silent),
            (5, SweepEnd::Error(Kind::v4(3, 1))),
            (6, SweepEnd::Silent),
            // A second round, that went better and worse.
            (6, SweepEnd::Alive(5_000)),
            (1, SweepEnd::Silent),
        ] {
            sweep.add(ip(last), end);
        }
        let table = "\
Targets            Count  State             RTT (min / avg / max)
10.0.0.1-10.0.0.3      3  alive             0.001ms / 0.004ms / 0.009ms
10.0.0.4               1  no reply
10.0.0.5               1  Host Unreachable
10.0.0.6               1  alive             0.005ms
4 of 6 targets alive";
        assert_eq!(sweep.to_string(), table);
    }

    #[test]
    fn each_reply_of_a_target_counts() {
        let mut sweep = sweep("10.0.0.2-4");
        for (last, ns) in [(2, 50_000), (2, 1_000), (2, 9_000), (3, 2_000), (3, 80_000), (4, 3_000)] {
            sweep.add(([10, 0, 0, last], 0).into(), SweepEnd::Alive(ns));
        }
        sweep.add(([10, 0, 0, 2], 0).into(), SweepEnd::Silent);
        let table = sweep.to_string();
        assert!(table.contains("10.0.0.2-10.0.0.4      3  alive  0.001ms / 0.024ms / 0.080ms\n3 of 3"), "{table}");
    }

    #[test]
    fn a_name_without_an_address_has_a_row_of_its_own() {
        let mut sweep = sweep("10.0.0.1,nowhere,elsewhere,10.0.0.2");
        sweep.add(([10, 0, 0, 1], 0).into(), SweepEnd::Alive(1_000));
        sweep.add(([0, 0, 0, 0], 0).into(), SweepEnd::Unsent);
        let table = "\
Targets    Count  State                  RTT (min / avg / max)
10.0.0.1       1  alive                  0.001ms
nowhere        1  no such name
elsewhere      1  no such name
10.0.0.2       1  not pinged to the end
1 of 4 targets alive";
        assert_eq!(sweep.to_string(), table);
    }

    #[test]
    fn long_tables_are_summed_up() {
        let mut sweep = sweep("10.0.0.0/24");
        for number in 1..=254 {
            sweep.add(
                SocketAddr::from(([10, 0, 0, number], 0)),
                if number % 2 == 0 { SweepEnd::Silent } else { SweepEnd::Alive(1) },
            );
        }
        let table = sweep.to_string();
        assert!(table.ends_with("… and 214 more rows\n127 of 254 targets alive"), "{table}");
    }
}
