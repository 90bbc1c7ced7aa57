//! What is done in place of waking a thread: it takes no change from one thread to another, and happens when the thread's turn
//! would have come.

use std::sync::MutexGuard;

use super::{State, World};
use crate::net::host::bugs;
use crate::net::host::in_place::InPlace;
use crate::net::host::simulated::datagram::DatagramSocket;
use crate::net::host::simulated::stack::SocketKey;
use crate::net::host::simulated::turns::ThreadNumber;

/// What is done in place of waking a thread where it waits for this socket alone.
#[derive(Debug)]
pub(super) struct InPlaceOf {
    host: usize,
    key: SocketKey,
    serve: InPlace,
}

/// Ends what is done in place of waking a thread.
#[derive(Debug)]
pub struct InPlaceEnd(World, ThreadNumber);

impl Drop for InPlaceEnd {
    fn drop(&mut self) {
        // Dropped without the lock: it may be the last to have the socket.
        let gone = self.0.lock().in_place.remove(&self.1);
        drop(gone);
    }
}

impl World {
    /// Has `serve` called in place of waking this thread where that waits for the socket `key` of `host` alone; until what is
    /// returned is dropped.
    pub fn serve_in_place(&self, (host, key): (usize, SocketKey), serve: InPlace) -> InPlaceEnd {
        let number = self.enter();
        self.lock().in_place.insert(number, InPlaceOf { host, key, serve });
        InPlaceEnd(self.clone(), number)
    }

    /// Does what the thread `next`, whose turn it is, would do, if that takes no more than a call. Whether that was done: then the thread
    /// waits on.
    pub(super) fn serve_for<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        (driver, next): (ThreadNumber, ThreadNumber),
    ) -> (MutexGuard<'a, State>, bool) {
        let mut state = state;
        while let Some(serve) = in_place_of(&state, next).filter(|_| state.tickets.contains_key(&driver)) {
            drop(state);
            // A panic was reported; the thread itself goes on.
            let mut is_done = false;
            bugs::contained(|| is_done = serve.serve());
            drop(serve);
            state = self.lock();
            if !is_done {
                break;
            }
            if !state.in_place.get(&next).is_some_and(|it| it.has_more(&state)) {
                state.turns.wait_again(next);
                return (state, true);
            }
        }
        (state, false)
    }
}

impl InPlaceOf {
    fn has_more(&self, state: &State) -> bool {
        let socket = state.hosts.get(self.host).and_then(|node| node.stack.socket(self.key));
        socket.is_some_and(DatagramSocket::is_readable)
    }
}

/// What is done in place of waking a thread, unless it was stopped.
fn in_place_of(state: &State, number: ThreadNumber) -> Option<InPlace> {
    let InPlaceOf { key, serve, .. } = state.in_place.get(&number)?;
    let is_stopped = state.stops.iter().any(|(of, stop, stage)| *of == number && stop.stage() >= *stage);
    (state.turns.waited_for(number, *key) && !is_stopped).then(|| serve.clone())
}
