//! Receiving from a connection, with an absolute deadline.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, TryLockError};

use super::end::{CallFault, Ended, in_doubt};
use super::framing::{Inbox, Want};
use super::{Connection, events, lock};
use crate::net::error::{Error, ErrorKind, Result};
use crate::net::host::Waited;
use crate::net::host::socket::{HostSocket, STREAM_PIECE};
use crate::net::host::stop::Stop;
use crate::net::io::Blocking;
use crate::net::observe::event::Event;
use crate::net::policy::datagram::Datagram;
use crate::net::time::Instant;

/// What one message of a stream without framing holds at most.
const MOST: usize = 65_536;

/// The state of a connection that is no more (TCP_CLOSE).
const CLOSED: u8 = 7;

/// How a receive ended.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// A message arrived.
    Message(Datagram),
    /// The path has an error, such as an ICMP error makes; the connection lives on.
    Path(Error),
    /// The stream has ended.
    Ended(Ended),
    /// The deadline passed.
    TimedOut,
    /// The stop happened.
    Interrupted,
}

/// What was there to be received.
#[derive(Debug)]
pub(super) enum Pulled {
    /// Some bytes.
    Some,
    /// Nothing yet.
    NotReady,
    /// An error of the path, which the connection survives.
    Path(Error),
    /// The end.
    Ended(Ended),
}

impl Connection {
    /// Waits for what is wanted. Once the stream has ended, it says so again and again.
    ///
    /// # Errors
    /// `closed`, also when it is closed meanwhile.
    pub fn receive(&self, want: Want, until: Option<Instant>, stop: &Stop) -> Result<Incoming> {
        let socket = self.socket("recv")?;
        if self.service.policy.refuses_receives() {
            return Err(Error::new(ErrorKind::Busy, "recv", "a policy is deciding about a message")
                .with_hint("a policy gets its message as |pkt|; receive outside of the policy"));
        }
        let turn = match self.0.turns.take(self.0.host.as_ref(), until, Some(stop)) {
            Ok(turn) => turn,
            Err(Waited::Stopped) => return Ok(Incoming::Interrupted),
            Err(_) => return Ok(Incoming::TimedOut),
        };
        let take = |_| Ok(self.take_decided(&*socket, want));
        let wait_in_call = || until.is_none().then(|| self.pull_waiting(&*socket, want, stop)).flatten();
        let received = self.0.endpoint.receive(&*socket, (until, stop), self.has_received(), take, wait_in_call);
        drop(turn);
        // What this has left behind raises no descriptor.
        if self.0.watched.load(Ordering::Acquire) && self.has_received() {
            let watch = lock(&self.0.watch).clone();
            watch.inspect(|watch| watch.has_received(&*socket));
        }
        Ok(match received? {
            Ok(incoming) => incoming,
            Err(Waited::Stopped) => Incoming::Interrupted,
            Err(_) => Incoming::TimedOut,
        })
    }

    /// Takes what is wanted without waiting; `None`: it has not all come yet.
    pub(super) fn take(&self, socket: &dyn HostSocket, want: Want) -> Option<Incoming> {
        let mut inbox = self.inbox()?;
        loop {
            match inbox.take(want, self.0.limit) {
                Ok(Some(data)) => return Some(self.message(data)),
                Ok(None) => {}
                Err(what) => return Some(self.end(Ended::Misframed(what))),
            }
            if let Some(ended) = self.ended() {
                return Some(Incoming::Ended(ended));
            }
            match self.pull(socket, &mut inbox, Blocking::No, false) {
                Pulled::Some => {}
                Pulled::NotReady => return None,
                Pulled::Path(error) => return Some(Incoming::Path(error)),
                Pulled::Ended(ended) => return Some(self.end(ended)),
            }
        }
    }

    /// Waits in the call that receives, which costs less than a wait before it; `None`: that is not possible here. What was
    /// received is held meanwhile. An error of the path is given at once, and all else to be taken.
    fn pull_waiting(&self, socket: &dyn HostSocket, want: Want, stop: &Stop) -> Option<Option<Incoming>> {
        if !self.service.policy.is_empty() || !self.0.host.may_wait_in() {
            return None;
        }
        let (mut inbox, mut pulled) = (self.inbox()?, None);
        if inbox.has(want, self.0.limit) {
            // A thread that serves many has received it meanwhile, with what it wanted itself.
            return Some(None);
        }
        self.0.host.wait_in(stop, &mut || pulled = Some(self.pull(socket, &mut inbox, Blocking::Yes, false)));
        drop(inbox);
        match pulled? {
            _ if self.is_closed() => {}
            Pulled::Path(error) => return Some(Some(Incoming::Path(error))),
            Pulled::Ended(ended) => drop(self.end(ended)),
            Pulled::Some | Pulled::NotReady => {}
        }
        Some(None)
    }

    /// What was received and not taken; `None` while another thread waits for more.
    pub(super) fn inbox(&self) -> Option<MutexGuard<'_, Inbox>> {
        match self.0.inbox.try_lock() {
            Ok(inbox) => Some(inbox),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Takes what has arrived in, and if `stamped` notes when it arrived.
    pub(super) fn pull(&self, socket: &dyn HostSocket, inbox: &mut Inbox, wait: Blocking, stamped: bool) -> Pulled {
        if !inbox.has_room(STREAM_PIECE) {
            return Pulled::Ended(self.no_room(inbox));
        }
        let read = |inbox: &mut Inbox, wait| match stamped {
            false => socket.receive_stream(wait, &mut |bytes| inbox.push(bytes)).map(|len| (len, None)),
            true => read_stamped(socket, inbox),
        };
        match read(inbox, wait) {
            Ok((0, _)) => {
                let rest = inbox.len();
                let plain = if rest > 0 { Ended::CutOff(rest) } else { Ended::Closed };
                Pulled::Ended(lock(&self.0.broken).clone().unwrap_or(plain))
            }
            Ok((mut len, stamp)) => {
                inbox.set_stamp(stamp);
                let before = inbox.len() - len;
                // More may have come with it, and one larger read would have brought it.
                while len == STREAM_PIECE && inbox.len() < MOST && inbox.has_room(STREAM_PIECE) {
                    len = read(inbox, Blocking::No).map_or(0, |(len, _)| len);
                }
                // The only thread that counts holds the inbox.
                let received = self.0.received.load(Ordering::Relaxed) + (inbox.len() - before) as u64;
                self.0.received.store(received, Ordering::Relaxed);
                Pulled::Some
            }
            Err(err) => match CallFault::of(&err) {
                CallFault::NotReady => Pulled::NotReady,
                CallFault::Reset => Pulled::Ended(Ended::Reset),
                CallFault::Path if self.lives_on(socket) => {
                    self.0.path_errors.fetch_add(1, Ordering::Relaxed);
                    Pulled::Path(in_doubt(&err, self.peer().is_ipv4()))
                }
                CallFault::Path | CallFault::Other => Pulled::Ended(Ended::Lost(Error::system("recv", &err))),
            },
        }
    }

    /// Gives up what has come of a message: there is no room for more of it.
    fn no_room(&self, inbox: &mut Inbox) -> Ended {
        let len = inbox.give_up();
        self.0.session.refused.no_room(self.0.local);
        self.service.refused.fetch_add(1, Ordering::Relaxed);
        Ended::NoRoom(len)
    }

    /// Whether the kernel has not given the connection up.
    pub(super) fn lives_on(&self, socket: &dyn HostSocket) -> bool {
        socket.tcp_info().is_ok_and(|info| info.state != CLOSED)
    }

    /// Notes how the stream ended.
    pub(super) fn end(&self, ended: Ended) -> Incoming {
        let mut known = lock(&self.0.ended);
        let first = known.is_none();
        let ended = known.get_or_insert(ended).clone();
        drop(known);
        if first {
            self.0.report(|traffic| events::ended(&ended, traffic));
        }
        Incoming::Ended(ended)
    }

    fn message(&self, data: Arc<[u8]>) -> Incoming {
        self.0.session.events.emit(|| Event::Received { flow: self.inward(), data: &data });
        let from = self.peer();
        Incoming::Message(Datagram { data, from, to: None, stamp: None, ttl: None, decided: None })
    }
}

/// Puts what has arrived into `inbox`, without waiting; how much that was, and the kernel's stamp. Apart, since its buffer would stand
/// on the stack of each thread that waits without stamps.
#[inline(never)]
fn read_stamped(socket: &dyn HostSocket, inbox: &mut Inbox) -> io::Result<(usize, Option<i64>)> {
    let mut buffer = [0u8; STREAM_PIECE];
    let received = socket.receive(&mut buffer, Blocking::No)?;
    inbox.push(&buffer[..received.len]);
    Ok((received.len, received.stamp))
}
