//! Many small datagrams in one call, with their control messages.

use std::io;
use std::os::fd::AsFd;

use super::message::Many;
use super::receive::{Received, read};

/// How many datagrams one call receives at most.
pub const GATHERED: usize = 64;

/// No datagram larger than this is received whole.
pub const GATHERED_SIZE: usize = 2048;

/// Octets for the control messages of one: a stamp takes 64, a TTL 24.
const CONTROL: usize = 128;

/// Room for what one call receives.
pub struct Gather(Many<GATHERED, GATHERED_SIZE, CONTROL>);

impl std::fmt::Debug for Gather {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gather of {GATHERED}")
    }
}

impl Default for Gather {
    fn default() -> Self {
        Self(Many::new(true))
    }
}

impl Gather {
    /// Receives the datagrams that are there, at most `most`, without waiting (recvmmsg(2), recvmsg(2)); how many.
    ///
    /// # Errors
    /// What recvmmsg(2) reports, EAGAIN where there is none.
    pub fn receive(&mut self, fd: impl AsFd, most: usize) -> io::Result<usize> {
        self.0.receive(fd, most, libc::MSG_DONTWAIT)
    }

    /// The datagram at `index` of those received last.
    pub fn get(&self, index: usize) -> (&[u8], Received) {
        let arrival = self.0.arrival(index);
        let data = &self.0.room(index)[..arrival.len.min(GATHERED_SIZE)];
        (data, read(arrival, self.0.name(index), self.0.control(index)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn what_is_there_comes_in_order_with_sender_and_stamp() {
        let [here, there] = [0, 1].map(|_| UdpSocket::bind("127.0.0.1:0").expect("a socket"));
        crate::net::sys::stamp_arrivals(here.as_fd());
        let mut gather = Gather::default();
        let none = gather.receive(here.as_fd(), 9).map_err(|err| err.kind());
        assert_eq!(none, Err(io::ErrorKind::WouldBlock));
        let (to, from) = (here.local_addr().expect("bound"), there.local_addr().expect("bound"));
        let sizes = [0, 1, 1400, GATHERED_SIZE, GATHERED_SIZE + 1];
        for (fill, size) in (0..).zip(sizes) {
            there.send_to(&vec![fill; size], to).expect("sent");
        }
        // The room is used again: nothing of one call is left in the next.
        assert_eq!(gather.receive(here.as_fd(), 2).expect("two"), 2);
        assert_eq!(gather.receive(here.as_fd(), 9).expect("the rest"), 3);
        for (index, (fill, size)) in (0..).zip(sizes).skip(2).enumerate() {
            let (data, received) = gather.get(index);
            assert_eq!(data, vec![fill; size.min(GATHERED_SIZE)]);
            assert_eq!((received.addr, received.truncated), (Some(from), size > GATHERED_SIZE));
        }
    }
}
