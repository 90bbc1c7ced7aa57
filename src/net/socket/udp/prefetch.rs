//! Receiving ahead: where many datagrams wait and one thread alone receives, one call fetches several of them.
//!
//! Those that are not asked for yet wait in the socket, before those in the kernel. The policy decides about each when it
//! is handed out, not before.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use super::{UdpSocket, lock};
use crate::net::host::socket::HostSocket;
use crate::net::host::stop::Stop;
use crate::net::io::{Batch, Blocking};
use crate::net::policy::datagram::Datagram;
use crate::net::socket::scratch::with_batch;

/// After so many calls that brought one datagram, one asks for several again: that costs more where there is but one.
const LOOK_AGAIN: u32 = 32;

/// Datagrams received ahead.
#[derive(Debug, Default)]
pub(super) struct Prefetch {
    waiting: Mutex<VecDeque<Datagram>>,
    /// How many wait: usually none, and then the lock is spared.
    count: AtomicUsize,
    /// How many calls on end brought one datagram.
    single: AtomicU32,
}

impl Prefetch {
    /// The datagram that came first.
    pub(super) fn pop(&self) -> Option<Datagram> {
        if self.is_empty() {
            return None;
        }
        let mut waiting = lock(&self.waiting);
        let first = waiting.pop_front();
        self.count.store(waiting.len(), Ordering::Release);
        first
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// Whether the next call is to ask for several.
    pub(super) fn is_worth_it(&self) -> bool {
        self.single.load(Ordering::Relaxed).is_multiple_of(LOOK_AGAIN)
    }

    /// Notes that a call brought `count` datagrams.
    pub(super) fn brought(&self, count: usize) {
        let single = if count > 1 { 0 } else { self.single.load(Ordering::Relaxed).wrapping_add(1) };
        self.single.store(single, Ordering::Relaxed);
    }

    fn extend(&self, datagrams: impl Iterator<Item = Datagram>) {
        let mut waiting = lock(&self.waiting);
        waiting.extend(datagrams);
        self.count.store(waiting.len(), Ordering::Release);
    }
}

/// The datagrams of a batch, of which nothing is to be known beside the data and its sender.
pub(super) fn datagrams(batch: &Batch) -> impl Iterator<Item = Datagram> {
    batch.iter().filter_map(|(data, received)| Some(Datagram::new(data, received.addr?)))
}

impl UdpSocket {
    /// Waits for datagrams in the receiving call itself; the first of them. The others are ahead. For a thread that
    /// receives alone, from a socket of which nothing is to be known beside the data and its sender.
    pub(super) fn fetch(&self, socket: &dyn HostSocket, stop: &Stop) -> Option<Datagram> {
        with_batch(|batch| {
            let Some(batch) = batch else { return self.wait_for_one(socket, stop) };
            let mut count = Ok(0);
            let mut call = || count = socket.receive_many(batch, usize::MAX, Blocking::Yes);
            if !self.0.host.wait_in(stop, &mut call) {
                return None;
            }
            let count = count.ok()?;
            self.0.ahead.brought(count);
            let mut datagrams = datagrams(batch);
            let first = datagrams.next();
            if count > 1 {
                self.0.ahead.extend(datagrams);
            }
            first
        })
    }

    /// Puts a datagram back that was received last.
    pub(in crate::net) fn put_back(&self, datagram: Datagram) {
        let mut waiting = lock(&self.0.ahead.waiting);
        waiting.push_front(datagram);
        self.0.ahead.count.store(waiting.len(), Ordering::Release);
    }

    /// Whether something was received ahead.
    pub(in crate::net) fn has_ahead(&self) -> bool {
        !self.0.ahead.is_empty()
    }

    /// The next datagram that was received ahead, with the policy's decision about it.
    pub(in crate::net) fn receive_ahead(&self) -> Option<Datagram> {
        if self.0.ahead.is_empty() {
            return None;
        }
        let _in_turns = self.in_turns();
        let next = || std::iter::from_fn(|| self.0.ahead.pop()).find(|datagram| !self.ignores(datagram));
        self.0.decide(self, next, Option::as_mut_slice)
    }
}
