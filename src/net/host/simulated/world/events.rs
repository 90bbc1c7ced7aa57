//! What happens while all threads wait: packets arrive, frames go on their way, time goes on.

use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};

use super::pending::DueEvent;
use super::{Carrier, CarrierEnd, SimulatedNode, State, World};
use crate::net::host::simulated::queue::QueueFull;
use crate::net::host::simulated::stack::{ARP, LOOPBACK, SentPacket};
use crate::net::host::simulated::turns::{ThreadNumber, WakeKey, Woken};
use crate::net::host::stop::{self, Stage, Stop};
use crate::net::host::threads;
use crate::net::time::{Duration, Instant};

/// How long a packet takes over loopback, and from an interface to its receiver. Never none, or a script that sends and
/// receives until a time has come would do so for ever.
const OVER_LOOPBACK: Duration = Duration::from_micros(10);
const INTO_HOST: Duration = Duration::from_micros(5);

/// How many events happen between two looks at whether threads were stopped.
const LOOK_AGAIN: u32 = 64;

/// Octets of the header of a frame.
const FRAME: usize = 14;

/// The last two of it.
const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];

impl World {
    /// Has events happen until a thread is ready, which has the turn then. None is, if all wait for the real world.
    pub(super) fn advance<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        driver: ThreadNumber,
    ) -> (MutexGuard<'a, State>, Option<ThreadNumber>) {
        if state.turns.is_running() || state.driver.is_some() {
            return (state, None);
        }
        state.driver = Some(driver);
        let mut count = 0u32;
        let next = loop {
            if count.is_multiple_of(LOOK_AGAIN) {
                look_at_stops(&mut state);
            }
            count = count.wrapping_add(1);
            if let Some(full) = state.queue.is_full().filter(|_| state.failed.is_none()) {
                self.fail(&mut state, full);
            }
            let now = self.now();
            if state.failed.is_none()
                && let Some((at, event)) = state.queue.take_due(now)
            {
                state = self.serve(state, at, event);
                continue;
            }
            state.turns.expire(now);
            look_at_stops(&mut state);
            if let Some(next) = state.turns.next_turn() {
                let is_done;
                (state, is_done) = self.serve_for(state, (driver, next));
                if is_done {
                    continue;
                }
                break Some(next);
            }
            // Nor does time go on when no thread waits for it: the run is over.
            if state.turns.is_anyone_outside() || state.turns.waits().next().is_none() {
                break None;
            }
            let due = if state.failed.is_none() { state.queue.next_due() } else { None };
            match due.into_iter().chain(state.turns.next_deadline()).min() {
                Some(due) => {
                    let due = due.max(now);
                    if threads::is_time_asked_for() {
                        drop(state);
                        threads::wait_until(due);
                        state = self.lock();
                    }
                    self.0.now.store(due.as_nanos(), Ordering::Release);
                    self.0.readings.store(0, Ordering::Relaxed);
                }
                None => {
                    let why = describe_waits(&state);
                    if !state.turns.give_up_first(why) {
                        break None;
                    }
                }
            }
        };
        state.driver = None;
        (state, next)
    }

    /// Has the event of `at` happen; one in whose place an earlier one was scheduled does not. What carries frames may run script code, so that is done without the lock.
    fn serve<'a>(&'a self, mut state: MutexGuard<'a, State>, at: Instant, event: DueEvent) -> MutexGuard<'a, State> {
        let time = self.time();
        match event {
            DueEvent::Arrive { host, interface, packet } => {
                state.hosts[host].stack.receive(interface, packet, time);
                self.flush(&mut state, host);
                state
            }
            DueEvent::ArriveOwn { host, packet } => {
                state.hosts[host].stack.receive_own(packet, time);
                self.flush(&mut state, host);
                state
            }
            DueEvent::ArriveArp { host, interface, message } => {
                state.hosts[host].stack.receive_arp(interface, &message, time);
                self.flush(&mut state, host);
                state
            }
            DueEvent::StackDue(host) if state.hosts[host].due != Some(at) => state,
            DueEvent::StackDue(host) => {
                state.hosts[host].due = None;
                state.hosts[host].stack.serve_due(time);
                self.flush(&mut state, host);
                state
            }
            DueEvent::Frame { carrier, end, frame } => {
                self.carry(state, carrier, |carrier, out| carrier.receive(end, frame, time, out))
            }
            DueEvent::CarrierDue(carrier) if state.carriers[carrier].due != Some(at) => state,
            DueEvent::CarrierDue(carrier) => {
                state.carriers[carrier].due = None;
                self.carry(state, carrier, |carrier, out| while carrier.serve_due(time, out) {})
            }
        }
    }

    fn carry<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        number: usize,
        act: impl FnOnce(&mut dyn Carrier, &mut Vec<(CarrierEnd, Vec<u8>)>),
    ) -> MutexGuard<'a, State> {
        let carrier = state.carriers[number].carrier.clone();
        let mut out = std::mem::take(&mut state.carried);
        drop(state);
        let next = {
            let mut carrier = carrier.lock().unwrap_or_else(PoisonError::into_inner);
            act(&mut *carrier, &mut out);
            carrier.next_due()
        };
        // A policy may have changed the network.
        self.settle();
        let mut state = self.lock();
        let at = self.now() + INTO_HOST;
        for (end, mut frame) in out.drain(..) {
            let at_end = state.carriers[number].ends.get(end.link).and_then(|ends| ends[end.side]);
            let Some((host, interface)) = at_end else { continue };
            if frame.len() > FRAME {
                let kind = [frame[FRAME - 2], frame[FRAME - 1]];
                frame.drain(..FRAME);
                let (packet, is_v6) = (frame, kind == IPV6);
                let event = if kind == ARP.to_be_bytes() {
                    DueEvent::ArriveArp { host, interface, message: packet }
                } else {
                    DueEvent::Arrive { host, interface, packet }
                };
                if !state.queue.schedule(at, event) {
                    state.hosts[host].stack.counts.no_room[usize::from(is_v6)] += 1;
                }
            }
        }
        state.carried = out;
        let carried = &mut state.carriers[number];
        if let Some(next) = next.filter(|next| carried.due.is_none_or(|due| *next < due)) {
            carried.due = Some(next);
            state.queue.schedule(next, DueEvent::CarrierDue(number));
        }
        state
    }

    /// Puts on its way what a host has sent, and wakes those it has something for.
    pub(super) fn flush(&self, state: &mut State, host: usize) {
        let now = self.now();
        let node = &mut state.hosts[host];
        node.stack.resolve(now);
        for (interface, frame) in node.stack.outbox.frames.drain(..) {
            if let Some((carrier, end, _)) = node.links.get(&interface) {
                state.queue.schedule(now, DueEvent::Frame { carrier: *carrier, end: *end, frame });
            }
        }
        let mut packets = std::mem::take(&mut node.stack.outbox.packets);
        for SentPacket { interface, bytes: packet, is_plain } in packets.drain(..) {
            let is_v6 = packet[0] >> 4 == 6;
            let (at, event) = if interface == LOOPBACK && is_plain {
                (now + OVER_LOOPBACK, DueEvent::ArriveOwn { host, packet })
            } else if interface == LOOPBACK {
                (now + OVER_LOOPBACK, DueEvent::Arrive { host, interface, packet })
            } else if let Some((carrier, end, macs)) = node.links.get(&interface) {
                let all = node.stack.group_mac(&packet);
                let len = packet.len();
                let mut frame = packet;
                // The header comes before the packet: where that was made, there is room for it.
                frame.extend_from_slice(&[0; FRAME]);
                frame.copy_within(..len, FRAME);
                frame[..FRAME - 2].copy_from_slice(macs);
                frame[FRAME - 2..FRAME].copy_from_slice(if is_v6 { &IPV6 } else { &IPV4 });
                if let Some(all) = all {
                    frame[..6].copy_from_slice(&all);
                }
                (now, DueEvent::Frame { carrier: *carrier, end: *end, frame })
            } else {
                continue;
            };
            if !state.queue.schedule(at, event) {
                node.stack.counts.no_room[usize::from(is_v6)] += 1;
            }
        }
        node.stack.outbox.packets = packets;
        for key in node.stack.outbox.woken.drain(..) {
            state.turns.wake(key);
        }
        if let Some(due) = node.stack.next_due().filter(|next| node.due.is_none_or(|due| *next < due)) {
            node.due = Some(due);
            state.queue.schedule(due, DueEvent::StackDue(host));
        }
    }

    fn fail(&self, state: &mut State, full: QueueFull) {
        let why = match full {
            QueueFull::Served(most) => format!("the simulated run has had {most} events, which is its limit"),
            QueueFull::Waiting(most) => {
                format!("{most} events are to come at one time in the simulated run, which is its limit")
            }
        };
        while state.turns.give_up_first(why.clone()) {}
        state.failed = Some(why);
    }
}

/// Makes threads ready that were stopped, in the order of their numbers.
fn look_at_stops(state: &mut State) {
    let count = Some(stop::count());
    if std::mem::replace(&mut state.stops_seen, count) == count {
        return;
    }
    let stopped = |(number, stop, stage): &(ThreadNumber, Stop, Stage)| (stop.stage() >= *stage).then_some(*number);
    let mut stopped: Vec<ThreadNumber> = state.stops.iter().filter_map(stopped).collect();
    stopped.sort_unstable();
    for number in stopped {
        state.turns.make_ready(number, Woken::Stopped);
    }
}

/// All wait, and nothing is due: who waits for what.
fn describe_waits(state: &State) -> String {
    let describe = |key: &WakeKey| {
        let of_host = |node: &SimulatedNode| {
            let socket = node.stack.describe(*key)?;
            Some(if node.name.is_empty() { socket } else { format!("{socket} of {}", node.name) })
        };
        state.hosts.iter().find_map(of_host).unwrap_or_else(|| "another thread".to_string())
    };
    let waits = state.turns.waits().map(|(number, keys)| match keys {
        [] => format!("thread {number} for ever"),
        keys => format!("thread {number} for {}", keys.iter().map(describe).collect::<Vec<_>>().join(" or ")),
    });
    format!("all threads wait, and nothing is to come: {}", waits.collect::<Vec<_>>().join("; "))
}
