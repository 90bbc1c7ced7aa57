//! What a socket leaves: datagrams that nobody will receive any more, told apart for the account.

use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

use socket2::Socket;

use super::probing::recognise;
use super::queue::is_pending_error;
use super::{Datagram, Inner, TRIES, UdpSocket};
use crate::net::account::Ends;
use crate::net::ledger::Content;
use crate::net::prober::Prober;
use crate::net::subject::Site;
use crate::net::sys::{self, Wait};

/// How many are looked at: more may come for as long as one looks.
const MOST: usize = 65_536;

impl UdpSocket {
    /// Takes what waits in the socket, which nobody will receive from any more.
    pub(super) fn leave_rest(&self, socket: &Socket) {
        // A thread that waits for an answer hears what there is itself.
        if let Ok(mut prober) = self.0.prober.try_lock() {
            self.0.leave_rest(socket, &mut prober);
            prober.tell(self);
        }
    }
}

impl Inner {
    /// Takes what waits in the socket: answers to probes that were given up are late, and what came for a server that
    /// answered until now was not read.
    pub(super) fn leave_rest(&self, socket: &Socket, prober: &mut Prober) {
        let serves = self.serving.load(Ordering::Relaxed);
        if !serves && prober.ledger().counts().timed_out == 0 {
            return;
        }
        let (now, site) = (self.host.now(), Site::Server(self.host.id(), self.local));
        let mut buffer = vec![0; 65_536];
        for _ in 0..MOST {
            let Some(datagram) = self.next_left(socket, &mut buffer) else { return };
            let content = Content::of(&datagram.data);
            if prober.is_late(now, &datagram, recognise(prober, &datagram)) {
                let ends = Ends::seen_by(self.host.id(), self.local, datagram.from);
                self.session.account.late(ends, content);
            } else if serves {
                let ends = Ends::seen_by(self.host.id(), datagram.from, self.local);
                self.session.account.unread(now, ends, content, &site);
            }
        }
    }

    fn next_left(&self, socket: &Socket, buffer: &mut [u8]) -> Option<Datagram> {
        if let Some(datagram) = self.ahead.pop() {
            return Some(datagram);
        }
        for _ in 0..TRIES {
            match sys::receive_plain(socket.as_fd(), buffer, Wait::No) {
                Ok(received) => return Some(Datagram::new(&buffer[..received.len], received.addr?)),
                Err(err) if is_pending_error(&err) => {}
                Err(_) => return None,
            }
        }
        None
    }
}
