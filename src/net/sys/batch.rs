//! Many datagrams in one call.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use super::message::{MessageInfo, receive_each, send_many as send};
use super::receive::{flags, read};
use crate::net::io::{Batch, Blocking};

/// Octets for the control messages of one: a stamp takes 64, a TTL 24.
const CONTROL: usize = 128;

/// Receives the datagrams that are there, at most `most`, and waits at most for the first (recvmmsg(2), recvmsg(2)); how many.
///
/// # Errors
/// What recvmmsg(2) reports, EAGAIN where there is none.
pub fn receive_many(fd: impl AsFd, batch: &mut Batch, most: usize, wait: Blocking) -> io::Result<usize> {
    let (with_metadata, most) = (batch.with_metadata, most.min(batch.most()));
    let flags = if wait == Blocking::Yes { libc::MSG_WAITFORONE } else { flags(wait) };
    batch.fill(|rooms, arrivals| {
        let each = |_, info: MessageInfo, from, control: &[u8]| arrivals.push(read(info, from, control));
        match with_metadata {
            true => receive_each::<{ Batch::MOST }, CONTROL>(fd, rooms, (most, true), flags, each),
            false => receive_each::<{ Batch::LARGE }, 0>(fd, rooms, (most, true), flags, each),
        }
    })
}

/// Sends datagrams with one call, without waiting (sendmmsg(2)); how many of them, from the first on, were sent.
pub fn send_many(fd: impl AsFd, datagrams: &[(Vec<u8>, SocketAddr)]) -> io::Result<usize> {
    send::<{ Batch::LARGE }>(fd, datagrams.iter().map(|(data, to)| (data.as_slice(), Some(*to))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn what_is_there_comes_in_order_with_sender_and_stamp() {
        let [here, there] = [0, 1].map(|_| UdpSocket::bind("127.0.0.1:0").expect("a socket"));
        crate::net::sys::stamp(&here, false);
        let mut batch = Batch::small();
        let none = receive_many(&here, &mut batch, 9, Blocking::No).map_err(|err| err.kind());
        assert_eq!(none, Err(io::ErrorKind::WouldBlock));
        let (to, from) = (here.local_addr().expect("bound"), there.local_addr().expect("bound"));
        let sizes = [0, 1, 1400, Batch::SMALL, Batch::SMALL + 1];
        for (fill, size) in (0..).zip(sizes) {
            there.send_to(&vec![fill; size], to).expect("sent");
        }
        // The room is used again: nothing of one call is left in the next.
        assert_eq!(receive_many(&here, &mut batch, 2, Blocking::No).expect("two"), 2);
        assert_eq!(receive_many(&here, &mut batch, 9, Blocking::No).expect("the rest"), 3);
        for ((data, received), (fill, size)) in batch.iter().zip((0..).zip(sizes).skip(2)) {
            assert_eq!(data, vec![fill; size.min(Batch::SMALL)]);
            assert_eq!(received.addr, Some(from));
        }
        assert!(batch.get(2).is_some() && batch.get(3).is_none());
    }
}
