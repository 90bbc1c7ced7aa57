//! Whose turn it is: the threads of a simulated run, of which one runs at a time. Pure: no lock, no clock, no thread.
//!
//! A thread runs until it waits. What it waits for makes it ready, and of the threads that are ready the one that became so
//! first runs next; those that became so at the same step run in the order of their numbers.

use std::collections::{BTreeMap, VecDeque};

use crate::net::time::Instant;

/// What threads wait for: a socket, or whatever else somebody wakes them by.
pub type WakeKey = u64;

/// The number of a thread of a run, from 0 on in the order in which they were started.
pub type ThreadNumber = u32;

/// Why a thread runs again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Woken {
    /// One of its keys was woken.
    Ready,
    /// Its deadline has come.
    TimedOut,
    /// What ends it has happened.
    Stopped,
    /// It waits for what can never come, or the run cannot go on: why.
    Stuck(String),
}

/// The threads of a run.
#[derive(Debug, Default)]
pub struct Turns {
    threads: BTreeMap<ThreadNumber, Participant>,
    next: ThreadNumber,
    running: Option<ThreadNumber>,
    ready: VecDeque<ThreadNumber>,
    waiters: Sorted<WakeKey>,
    deadlines: Sorted<Instant>,
    outside: usize,
}

#[derive(Debug)]
struct Participant {
    doing: Doing,
    keys: Vec<WakeKey>,
    until: Option<Instant>,
    woken: Woken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Running,
    Ready,
    Waiting,
    Outside,
}

/// What threads wait for, each with the number of a thread, the greatest first: those who wait are mostly few, and the last to
/// come the first to go.
#[derive(Debug)]
struct Sorted<T>(Vec<(T, ThreadNumber)>);

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Ord + Copy> Sorted<T> {
    fn insert(&mut self, what: T, number: ThreadNumber) {
        if let Err(place) = self.find(what, number) {
            self.0.insert(place, (what, number));
        }
    }

    fn remove(&mut self, what: T, number: ThreadNumber) {
        if let Ok(place) = self.find(what, number) {
            self.0.remove(place);
        }
    }

    /// The least, and its thread.
    fn first(&self) -> Option<(T, ThreadNumber)> {
        self.0.last().copied()
    }

    /// The thread with the lowest number of those that wait for `what`.
    fn first_of(&self, what: T) -> Option<ThreadNumber> {
        let behind = self.0.partition_point(|(other, _)| *other >= what);
        self.0[..behind].last().filter(|(other, _)| *other == what).map(|(_, number)| *number)
    }

    fn find(&self, what: T, number: ThreadNumber) -> Result<usize, usize> {
        self.0.binary_search_by(|other| (what, number).cmp(other))
    }
}

impl Turns {
    /// One thread more, which runs when its turn comes.
    pub fn enter(&mut self) -> ThreadNumber {
        let number = self.next;
        self.next += 1;
        let (doing, keys) = (Doing::Ready, Vec::new());
        self.threads.insert(number, Participant { doing, keys, until: None, woken: Woken::Ready });
        self.ready.push_back(number);
        number
    }

    /// A thread ends.
    pub fn leave(&mut self, number: ThreadNumber) {
        self.forget_wait(number);
        if self.threads.remove(&number).is_some_and(|thread| thread.doing == Doing::Outside) {
            self.outside -= 1;
        }
        self.ready.retain(|ready| *ready != number);
        if self.running == Some(number) {
            self.running = None;
        }
    }

    /// The thread that runs begins to wait until one of `keys` is woken, or `until` has come.
    pub fn wait(&mut self, number: ThreadNumber, keys: &[WakeKey], until: Option<Instant>) {
        let Some(thread) = self.threads.get_mut(&number) else { return };
        thread.keys.clear();
        thread.keys.extend_from_slice(keys);
        thread.until = until;
        self.wait_again(number);
    }

    /// The thread that runs waits for the same as the last time.
    pub fn wait_again(&mut self, number: ThreadNumber) {
        let Some(thread) = self.threads.get_mut(&number) else { return };
        thread.doing = Doing::Waiting;
        thread.keys.iter().for_each(|key| self.waiters.insert(*key, number));
        thread.until.iter().for_each(|until| self.deadlines.insert(*until, number));
        if self.running == Some(number) {
            self.running = None;
        }
    }

    /// Whether a thread runs because something has come for `key`, which was all that it waited for.
    pub fn waited_for(&self, number: ThreadNumber, key: WakeKey) -> bool {
        let is_that = |it: &Participant| it.woken == Woken::Ready && it.keys == [key] && it.until.is_none();
        self.threads.get(&number).is_some_and(is_that)
    }

    /// Makes all ready that wait for `key`, in the order of their numbers.
    pub fn wake(&mut self, key: WakeKey) {
        while let Some(number) = self.waiters.first_of(key)
            && self.make_ready(number, Woken::Ready)
        {}
    }

    /// Makes a thread that waits ready; whether it waited.
    pub fn make_ready(&mut self, number: ThreadNumber, woken: Woken) -> bool {
        if self.threads.get(&number).is_none_or(|thread| thread.doing != Doing::Waiting) {
            return false;
        }
        self.forget_wait(number);
        if let Some(thread) = self.threads.get_mut(&number) {
            (thread.doing, thread.woken) = (Doing::Ready, woken);
        }
        self.ready.push_back(number);
        true
    }

    /// Makes those ready whose deadline has come by `now`.
    pub fn expire(&mut self, now: Instant) {
        while let Some((_, number)) = self.deadlines.first().filter(|(until, _)| *until <= now) {
            self.make_ready(number, Woken::TimedOut);
        }
    }

    /// The earliest deadline.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(until, _)| until)
    }

    /// Gives the turn to the thread that became ready first, if none has it.
    pub fn next_turn(&mut self) -> Option<ThreadNumber> {
        if self.running.is_some() {
            return None;
        }
        let number = self.ready.pop_front()?;
        self.threads.get_mut(&number)?.doing = Doing::Running;
        self.running = Some(number);
        Some(number)
    }

    /// Why the thread that runs does so.
    pub fn woken(&self, number: ThreadNumber) -> Woken {
        self.threads.get(&number).map_or(Woken::Stopped, |thread| thread.woken.clone())
    }

    /// Whether a thread has the turn.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// The thread that runs goes to wait for something of the real world, such as what is typed: time stands still meanwhile.
    pub fn go_outside(&mut self, number: ThreadNumber) {
        if let Some(thread) = self.threads.get_mut(&number) {
            thread.doing = Doing::Outside;
            thread.keys.clear();
            self.outside += 1;
        }
        if self.running == Some(number) {
            self.running = None;
        }
    }

    /// It comes back, and runs when its turn comes.
    pub fn come_back(&mut self, number: ThreadNumber) {
        if let Some(thread) = self.threads.get_mut(&number).filter(|thread| thread.doing == Doing::Outside) {
            (thread.doing, thread.woken) = (Doing::Ready, Woken::Ready);
            self.outside -= 1;
            self.ready.push_back(number);
        }
    }

    /// Whether some are in the real world.
    pub fn is_anyone_outside(&self) -> bool {
        self.outside > 0
    }

    /// The threads that wait, and what for.
    pub fn waits(&self) -> impl Iterator<Item = (ThreadNumber, &[WakeKey])> {
        let waiting = self.threads.iter().filter(|(_, thread)| thread.doing == Doing::Waiting);
        waiting.map(|(number, thread)| (*number, thread.keys.as_slice()))
    }

    /// Gives up the wait of the thread with the lowest number that waits; whether there was one.
    pub fn give_up_first(&mut self, why: String) -> bool {
        let first = self.waits().next().map(|(first, _)| first);
        first.is_some_and(|first| self.make_ready(first, Woken::Stuck(why)))
    }

    fn forget_wait(&mut self, number: ThreadNumber) {
        let Some(thread) = self.threads.get(&number) else { return };
        if let Some(until) = thread.until {
            self.deadlines.remove(until, number);
        }
        for key in &thread.keys {
            self.waiters.remove(*key, number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: i64) -> Instant {
        Instant::from_nanos(time)
    }

    #[test]
    fn threads_run_in_the_order_in_which_they_became_ready() {
        let mut turns = Turns::default();
        let [a, b, c] = [(); 3].map(|()| turns.enter());
        assert_eq!([turns.next_turn(), turns.next_turn()], [Some(a), None], "one at a time");
        turns.wait(a, &[7], Some(at(10)));
        assert_eq!(turns.next_turn(), Some(b));
        turns.wait(b, &[7, 8], Some(at(5)));
        assert_eq!(turns.next_turn(), Some(c));
        turns.wait(c, &[], Some(at(10)));
        assert_eq!((turns.next_turn(), turns.next_deadline()), (None, Some(at(5))));
        turns.wake(8);
        turns.wake(7);
        turns.expire(at(10));
        for (number, woken) in [(b, Woken::Ready), (a, Woken::Ready), (c, Woken::TimedOut)] {
            assert_eq!((turns.next_turn(), turns.woken(number)), (Some(number), woken));
            turns.wait(number, &[], None);
        }
        assert!(turns.waiters.0.is_empty() && turns.deadlines.0.is_empty());
    }

    #[test]
    fn who_waits_for_what_never_comes_is_reported_with_all_others() {
        let mut turns = Turns::default();
        let [a, b] = [(); 2].map(|()| turns.enter());
        turns.next_turn();
        turns.wait(a, &[1], None);
        turns.next_turn();
        turns.wait(b, &[2], None);
        assert_eq!(turns.waits().collect::<Vec<_>>(), [(a, &[1][..]), (b, &[2][..])]);
        assert!(turns.give_up_first("why".to_string()));
        assert_eq!(turns.woken(a), Woken::Stuck("why".to_string()));
        turns.next_turn();
        turns.leave(a);
        assert!(turns.give_up_first(String::new()), "the other");
        assert_eq!(turns.next_turn(), Some(b));
        turns.go_outside(b);
        assert!(turns.is_anyone_outside() && !turns.is_running() && !turns.give_up_first(String::new()));
        turns.come_back(b);
        assert_eq!((turns.is_anyone_outside(), turns.next_turn()), (false, Some(b)));
    }
}
