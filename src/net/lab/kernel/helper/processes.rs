//! The processes beneath this one, and what they use, as /proc shows it.

use crate::net::lab::protocol::{ProgramLimit, ProgramLimits};
use crate::net::sys;

/// Milliseconds of a tick in /proc (USER_HZ), on all processors.
const TICK: u64 = 10;

/// The numbers that signals take of the processes beneath this one.
pub(super) fn beneath() -> Vec<i32> {
    let (level, found) = tree();
    found.iter().filter_map(|process| process.numbers.get(level).copied()).collect()
}

/// The processes beneath this one, and which of their numbers is that of its namespace.
fn tree() -> (usize, Vec<ProcessStatus>) {
    let Ok(all) = std::fs::read_dir("/proc") else { return Default::default() };
    let all = all.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let mut rest: Vec<ProcessStatus> = all.filter_map(|pid| ProcessStatus::read(&pid.to_string())).collect();
    let Some(own) = ProcessStatus::read("self") else { return Default::default() };
    let (mut found, mut at) = (vec![own], 0);
    while let Some(above) = found.get(at).map(|process| process.numbers[0]) {
        let (beneath, others) = rest.into_iter().partition(|process| process.parent == above);
        rest = others;
        found.extend::<Vec<_>>(beneath);
        at += 1;
    }
    let own = found.remove(0);
    (own.numbers.len() - 1, found)
}

/// What the processes beneath this one use together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ProcessUsage {
    /// Time on processors, in milliseconds, that of those which have ended included.
    cpu: u64,
    /// Memory that is their own, in bytes.
    memory: u64,
    /// Their threads.
    threads: u64,
}

impl ProcessUsage {
    /// That of this moment.
    pub(super) fn now() -> Self {
        let (_, found) = tree();
        let cpu = found
            .iter()
            .filter_map(|process| ticks(&std::fs::read_to_string(format!("/proc/{}/stat", process.numbers[0])).ok()?));
        Self {
            cpu: sys::cpu_of_children() + cpu.sum::<u64>() * TICK,
            memory: found.iter().map(|process| process.memory).sum(),
            threads: found.iter().map(|process| process.threads).sum(),
        }
    }

    /// A limit that it is beyond.
    pub(super) fn over(self, limits: &ProgramLimits) -> Option<ProgramLimit> {
        let is_over = |used: u64, most: Option<u64>| most.is_some_and(|most| used > most);
        let all = [
            (is_over(self.threads, limits.processes), ProgramLimit::Processes),
            (is_over(self.memory, limits.memory), ProgramLimit::Memory),
            (is_over(self.cpu, limits.cpu), ProgramLimit::Cpu),
        ];
        all.into_iter().find_map(|(over, limit)| over.then_some(limit))
    }
}

/// The time on processors of a process and of its children that have ended, by /proc/PID/stat.
fn ticks(stat: &str) -> Option<u64> {
    // The name, in brackets, may hold anything.
    let fields = stat.get(stat.rfind(')')? + 1..)?.split_whitespace();
    let ticks: Option<Vec<u64>> = fields.skip(11).take(4).map(|field| field.parse().ok()).collect();
    ticks.filter(|ticks| ticks.len() == 4).map(|ticks| ticks.iter().sum())
}

/// A process, as /proc shows it.
#[derive(Debug)]
struct ProcessStatus {
    parent: i32,
    /// Its numbers, from the namespace whose processes /proc shows, which may be one further out than that of this process,
    /// to its own.
    numbers: Vec<i32>,
    /// Memory that is no file's, in bytes.
    memory: u64,
    threads: u64,
}

impl ProcessStatus {
    fn read(pid: &str) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
    }

    fn parse(status: &str) -> Option<Self> {
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        let first = |name: &str| field(name)?.split_whitespace().next()?.parse::<u64>().ok();
        let numbers = field("NSpid:")?.split_whitespace().map(|number| number.parse().ok());
        let numbers: Vec<i32> = numbers.collect::<Option<_>>()?;
        let memory = ["RssAnon:", "RssShmem:"].into_iter().filter_map(first).sum::<u64>() << 10;
        let (parent, threads) = (field("PPid:")?.trim().parse().ok()?, first("Threads:").unwrap_or(1));
        Some(Self { parent, numbers, memory, threads }).filter(|this| !this.numbers.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_a_number_in_each_namespace() {
        let status = "Name:\tPPid: 1\nTgid:\t70\nPid:\t70\nPPid:\t60\nNSpid:\t70\t5\t2\nRssAnon:\t  12 kB\nRssFile:\t 9 kB\nRssShmem:\t 4 kB\nThreads:\t3\n";
        let process = ProcessStatus::parse(status).expect("a process");
        assert_eq!((process.parent, &process.numbers[..]), (60, &[70, 5, 2][..]));
        assert_eq!((process.memory, process.threads), (16 << 10, 3));
        for end in 0..status.len() {
            let _ = ProcessStatus::parse(&status[..end]);
        }
        assert!(ProcessStatus::parse("PPid:\t1\nNSpid:\n").is_none());
        let own = ProcessStatus::read("self").expect("this one");
        assert_eq!(own.numbers.last(), Some(&(std::process::id() as i32)));
    }

    #[test]
    fn what_is_beneath_this_process_is_found() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("a child");
        assert!(beneath().contains(&(child.id() as i32)));
        assert!(ProcessUsage::now().threads >= 1);
        child.kill().and_then(|()| child.wait()).expect("its end");
    }

    #[test]
    fn times_are_those_of_a_process_and_its_children() {
        let stat = "7 (a) 9) R 1 7 7 0 -1 4194560 99 88 0 0 12 3 40 5 20 0 1 0 100 1 2";
        assert_eq!(ticks(stat), Some(60));
        for end in 0..stat.len() {
            let _ = ticks(&stat[..end]);
        }
    }

    #[test]
    fn the_limit_that_is_reached_is_named() {
        let usage = ProcessUsage { cpu: 11, memory: 100, threads: 3 };
        assert_eq!(usage.over(&ProgramLimits::default()), None);
        let at = |limits| usage.over(&limits);
        let none = ProgramLimits::default;
        assert_eq!(at(ProgramLimits { cpu: Some(11), memory: Some(100), processes: Some(3), ..none() }), None);
        assert_eq!(at(ProgramLimits { cpu: Some(10), ..none() }), Some(ProgramLimit::Cpu));
        assert_eq!(at(ProgramLimits { memory: Some(99), ..none() }), Some(ProgramLimit::Memory));
        assert_eq!(at(ProgramLimits { processes: Some(2), ..none() }), Some(ProgramLimit::Processes));
    }
}
