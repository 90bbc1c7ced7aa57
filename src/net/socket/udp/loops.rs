//! What a serving socket does not reply to, because a reply might be replied to, and that again, for ever.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Inner, UdpSocket, lock};
use crate::net::host::addr::is_address_of;
use crate::net::observe::loss_report::Ignored;
use crate::net::policy::datagram::Datagram;

/// The ports of services that reply to whatever they get: echo, daytime, quote of the day, and the character generator.
const CHATTY: [u16; 4] = [7, 13, 17, 19];

/// How many serving peers the last reply is remembered for.
const PEERS: usize = 1024;

/// What a socket that serves has replied to others that do.
#[derive(Debug, Default)]
pub(super) struct Loops {
    /// Whether it serves.
    serving: AtomicBool,
    replies: Mutex<HashMap<SocketAddr, u64>>,
}

fn hash(data: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    data.hash(&mut hasher);
    hasher.finish()
}

impl Inner {
    /// Whether the socket itself has sent a datagram.
    pub(super) fn is_own(&self, datagram: &Datagram) -> bool {
        let (from, local) = (datagram.from, self.local);
        let is_here = || datagram.to == Some(from.ip()) || from.ip().is_loopback();
        from == local || (self.any && from.port() == local.port() && is_here())
    }
}

impl UdpSocket {
    /// Whether what is sent to `to` comes to the socket itself.
    pub(super) fn is_here(&self, to: SocketAddr) -> bool {
        let (local, host) = (self.0.local, &*self.0.host);
        let is_of_host = || self.0.any && is_address_of(host, to) && !self.0.is_group(to);
        to.port() == local.port() && (to == local || is_of_host())
    }

    /// From now on what might come from another server that replies to replies is ignored and counted.
    pub fn begin_to_serve(&self) {
        self.0.loops.serving.store(true, Ordering::Relaxed);
    }

    /// Whether a datagram is ignored, which is counted.
    pub(in crate::net) fn ignores(&self, datagram: &Datagram) -> bool {
        self.0.loops.serving.load(Ordering::Relaxed)
            && self.why_ignored(datagram).inspect(|why| self.0.loss_report().ignored(*why)).is_some()
    }

    /// Whether it comes from a port whose service replies to replies, which is counted; for a socket that is not known to serve
    /// before it replies.
    pub(in crate::net) fn is_chatty(&self, datagram: &Datagram) -> bool {
        let chatty = CHATTY.contains(&datagram.from.port());
        if chatty {
            self.0.loss_report().ignored(Ignored::Chatty);
        }
        chatty
    }

    fn why_ignored(&self, datagram: &Datagram) -> Option<Ignored> {
        let from = datagram.from;
        if self.0.is_own(datagram) {
            return Some(Ignored::Own);
        }
        if CHATTY.contains(&from.port()) {
            return Some(Ignored::Chatty);
        }
        if !self.0.loss_report().has_servers() {
            return None;
        }
        let last = lock(&self.0.loops.replies).get(&from).copied();
        last.filter(|last| *last == hash(&datagram.data)).map(|_| Ignored::OwnReply)
    }

    /// Notes that `reply` goes to `to`, if a socket of this run serves there.
    pub(in crate::net) fn note_reply(&self, reply: &[u8], to: SocketAddr) {
        if self.0.loss_report().has_servers() && self.0.loss_report().is_server(self.0.host.id(), to) {
            let mut replies = lock(&self.0.loops.replies);
            if replies.len() == PEERS && !replies.contains_key(&to) {
                replies.clear();
            }
            replies.insert(to, hash(reply));
        }
    }
}
