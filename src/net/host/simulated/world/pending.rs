//! The events of a run that are to come, and what packets on their way take of memory: no more than [`FRAMES`] has for all.

use super::CarrierEnd;
use crate::net::host::room::{FRAMES, Reserved};
use crate::net::host::simulated::queue::{EventQueue, QueueFull};
use crate::net::time::Instant;

/// What a packet on its way takes beside its bytes.
const BESIDE: usize = 192;

/// What happens at a time.
#[derive(Debug)]
pub(super) enum DueEvent {
    /// A packet comes to a host by an interface.
    Arrive { host: usize, interface: u32, packet: Vec<u8> },
    /// A plain packet comes to the host that has sent it.
    ArriveOwn { host: usize, packet: Vec<u8> },
    /// A message of ARP does.
    ArriveArp { host: usize, interface: u32, message: Vec<u8> },
    /// A frame comes onto a link.
    Frame { carrier: usize, end: CarrierEnd, frame: Vec<u8> },
    /// Something is due in what carries frames.
    CarrierDue(usize),
    /// Something is due in a host's stack.
    StackDue(usize),
}

impl DueEvent {
    /// What it takes of memory that is counted.
    fn size(&self) -> usize {
        match self {
            Self::Arrive { packet: bytes, .. }
            | Self::ArriveOwn { packet: bytes, .. }
            | Self::ArriveArp { message: bytes, .. }
            | Self::Frame { frame: bytes, .. } => bytes.len() + BESIDE,
            Self::CarrierDue(_) | Self::StackDue(_) => 0,
        }
    }
}

/// Events to come.
#[derive(Debug)]
pub(super) struct PendingEvents {
    queue: EventQueue<DueEvent>,
    held: Reserved,
}

impl PendingEvents {
    /// None yet, and at most `most` in all.
    pub(super) fn new(most: u64) -> Self {
        Self { queue: EventQueue::new(most), held: Reserved::new(&FRAMES) }
    }

    /// Schedules an event; whether there was room for its packet, which is lost otherwise.
    pub(super) fn schedule(&mut self, at: Instant, event: DueEvent) -> bool {
        let bytes = self.held.bytes() + event.size();
        let has_room = self.held.may_hold(bytes);
        if has_room {
            self.held.set(bytes);
            self.queue.schedule(at, event);
        }
        has_room
    }

    /// The next event, if it is due by `now`, and when it was due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<(Instant, DueEvent)> {
        let (at, event) = self.queue.take_due(now)?;
        self.held.set(self.held.bytes().saturating_sub(event.size()));
        Some((at, event))
    }

    /// When the next event is.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.queue.next_due()
    }

    /// Whether the run has had all the events that it may have.
    pub(super) fn is_full(&self) -> Option<QueueFull> {
        self.queue.is_full()
    }
}
