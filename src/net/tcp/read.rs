//! Receiving from a connection, with an absolute deadline.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{MutexGuard, TryLockError};

use socket2::Socket;

use super::end::{Ended, Fault, in_doubt};
use super::framing::{Inbox, Want};
use super::{Connection, lock, serving};
use crate::net::error::{Error, ErrorKind, Result};
use crate::net::event::Event;
use crate::net::host::Waited;
use crate::net::stop::Stop;
use crate::net::sys::{self, PollFd, Wait};
use crate::net::time::Instant;
use crate::net::udp::Datagram;

/// After so many receives that had to wait, one asks before it waits.
const ASK_AGAIN: u32 = 8;

/// What is read at first: on the stack, since ten thousand threads may have one each.
const READ: usize = 2048;

/// What one message of a stream without framing holds at most.
const MOST: usize = 65_536;

/// How many threads wait in a call at most. A stop has to end their calls one by one; what more wait poll, which is ended for
/// all at once.
const MOST_BLOCKED: usize = 2_000;

/// How many threads wait in a call.
static BLOCKED: AtomicUsize = AtomicUsize::new(0);

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
        if serving::is_judging() {
            return Err(Error::new(ErrorKind::Busy, "recv", "a policy is deciding about a message")
                .with_hint("a policy gets its message as |pkt|; receive outside of the policy"));
        }
        // Where the last receives had to wait, asking first would cost a call for nothing; see the same in UDP.
        let waits = self.0.waits.load(Ordering::Relaxed);
        let mut ask = waits.is_multiple_of(ASK_AGAIN) || self.has_received();
        let mut next = 0;
        loop {
            if stop.is_stopped() {
                return Ok(Incoming::Interrupted);
            }
            if ask && let Some(incoming) = self.take_judged(&socket, want) {
                self.0.waits.store(next, Ordering::Relaxed);
                return Ok(incoming);
            }
            (ask, next) = (true, waits.wrapping_add(1));
            if until.is_none()
                && let Some(pulled) = self.pull_waiting(&socket, want, stop)
            {
                if self.is_closed() {
                    return Err(super::end::closed("recv").with_peer(self.peer()));
                }
                match pulled {
                    Pulled::Path(error) => return Ok(Incoming::Path(error)),
                    Pulled::Ended(ended) => drop(self.end(ended)),
                    Pulled::Some | Pulled::NotReady => {}
                }
                continue;
            }
            let mut fds = [PollFd::readable(socket.as_fd())];
            let waited = self.0.host.wait(&mut fds, until, stop).map_err(|err| Error::system("recv", &err))?;
            if self.is_closed() {
                return Err(super::end::closed("recv").with_peer(self.peer()));
            }
            match waited {
                Waited::Ready => {}
                Waited::Stopped => return Ok(Incoming::Interrupted),
                // What came while this thread was put aside, or before a deadline that was over at once.
                Waited::TimedOut => return Ok(self.take_judged(&socket, want).unwrap_or(Incoming::TimedOut)),
            }
        }
    }

    /// Takes what is wanted without waiting; `None`: it has not all come yet.
    pub(super) fn take(&self, socket: &Socket, want: Want) -> Option<Incoming> {
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
            match self.pull(socket, &mut inbox, Wait::No, false) {
                Pulled::Some => {}
                Pulled::NotReady => return None,
                Pulled::Path(error) => return Some(Incoming::Path(error)),
                Pulled::Ended(ended) => return Some(self.end(ended)),
            }
        }
    }

    /// Puts a message back that was taken, before whatever came after it.
    pub(super) fn put_back(&self, message: &[u8]) {
        let mut bytes = Vec::new();
        self.framing().wrap(message, &mut bytes);
        lock(&self.0.inbox).put_back(&bytes);
    }

    /// Waits in the call that receives, which costs less than a wait before it; `None`: that is not possible here. What was
    /// received is held meanwhile.
    fn pull_waiting(&self, socket: &Socket, want: Want, stop: &Stop) -> Option<Pulled> {
        if self.is_judged() || BLOCKED.load(Ordering::Relaxed) >= MOST_BLOCKED {
            return None;
        }
        let (mut inbox, mut pulled) = (self.inbox()?, None);
        if inbox.has(want, self.0.limit) {
            // Another thread has received it meanwhile, with what it wanted itself.
            return Some(Pulled::Some);
        }
        BLOCKED.fetch_add(1, Ordering::Relaxed);
        self.0.host.wait_in(stop, &mut || pulled = Some(self.pull(socket, &mut inbox, Wait::Yes, false)));
        BLOCKED.fetch_sub(1, Ordering::Relaxed);
        pulled
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
    pub(super) fn pull(&self, socket: &Socket, inbox: &mut Inbox, wait: Wait, stamped: bool) -> Pulled {
        let mut buffer = [0u8; READ];
        let read = |buffer: &mut [u8], wait: Wait| {
            if !stamped {
                return sys::receive_some(socket.as_fd(), buffer, wait).map(|len| (len, None));
            }
            sys::receive(socket.as_fd(), buffer, false).map(|received| (received.len, received.stamp))
        };
        match read(&mut buffer, wait) {
            Ok((0, _)) => {
                let rest = inbox.len();
                let plain = if rest > 0 { Ended::CutOff(rest) } else { Ended::Closed };
                Pulled::Ended(lock(&self.0.broken).clone().unwrap_or(plain))
            }
            Ok((len, stamp)) => {
                inbox.push(&buffer[..len]);
                inbox.set_stamp(stamp);
                // More may have come with it, and one larger read would have brought it.
                let mut more = len == READ;
                while more && inbox.len() < MOST {
                    let len = read(&mut buffer, Wait::No).map_or(0, |(len, _)| len);
                    inbox.push(&buffer[..len]);
                    more = len == READ;
                }
                Pulled::Some
            }
            Err(err) => match Fault::of(&err) {
                Fault::NotReady => Pulled::NotReady,
                Fault::Reset => Pulled::Ended(Ended::Reset),
                Fault::Path if self.lives_on(socket) => {
                    self.0.path_errors.fetch_add(1, Ordering::Relaxed);
                    Pulled::Path(in_doubt(&err, self.peer().is_ipv4()))
                }
                Fault::Path | Fault::Other => Pulled::Ended(Ended::Lost(Error::system("recv", &err))),
            },
        }
    }

    /// Whether the kernel has not given the connection up.
    pub(super) fn lives_on(&self, socket: &Socket) -> bool {
        sys::tcp_info(socket.as_fd()).is_ok_and(|info| info.state != CLOSED)
    }

    /// Notes how the stream ended.
    pub(super) fn end(&self, ended: Ended) -> Incoming {
        Incoming::Ended(lock(&self.0.ended).get_or_insert(ended).clone())
    }

    fn message(&self, data: Vec<u8>) -> Incoming {
        self.0.session.events.tell(|| Event::Received { flow: self.inward(), data: &data });
        let (data, from) = (data.into(), self.peer());
        Incoming::Message(Datagram { data, from, to: None, truncated: false, stamp: None, ttl: None, judged: None })
    }
}
