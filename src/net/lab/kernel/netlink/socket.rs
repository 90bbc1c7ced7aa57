//! The socket that carries the messages to the kernel, and what it replies.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, Socket, Type};

use super::NetlinkBatch;
use crate::net::sys;

/// A socket for messages about the network namespace it was made in.
#[derive(Debug)]
pub struct Netlink(Socket);

/// What the kernel refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetlinkError {
    /// Which message of the batch it is, from 0.
    pub number: usize,
    /// The error number (errno).
    pub errno: i32,
    /// What the kernel says about it; often empty.
    pub text: String,
}

impl Netlink {
    /// A socket for the namespace that this process is in.
    ///
    /// # Errors
    /// What socket(2) reports.
    pub fn open() -> io::Result<Self> {
        let socket = Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW, Some(Protocol::from(libc::NETLINK_ROUTE)))?;
        // Older kernels report only the number, and are to send no copy of the message with it.
        for option in [libc::NETLINK_EXT_ACK, libc::NETLINK_CAP_ACK] {
            let _ = sys::set_option(socket.as_fd(), libc::SOL_NETLINK, option, 1);
        }
        Ok(Self(socket))
    }

    /// Has the kernel do what the messages say, one after the other; those after one that it refuses are done too.
    ///
    /// # Errors
    /// The first that the kernel refused; number 0 and its errno if the batch could not be sent.
    pub fn run(&self, batch: &NetlinkBatch) -> Result<(), NetlinkError> {
        self.talk(batch, |_| ()).and_then(|refused| refused.map_or(Ok(()), Err))
    }

    /// The index of the interface called `name`.
    ///
    /// # Errors
    /// There is none (ENODEV).
    pub fn interface(&self, name: &str) -> Result<u32, NetlinkError> {
        let mut batch = NetlinkBatch::default();
        batch.ask_for_interface(name);
        let mut index = None;
        let refused = self.talk(&batch, |payload| index = word(payload, 4))?;
        refused.map_or(index.ok_or(system(libc::ENODEV)), Err)
    }

    /// Sends the batch and reads its replies; each message that is not an acknowledgement goes to `each`.
    fn talk(&self, batch: &NetlinkBatch, mut each: impl FnMut(&[u8])) -> Result<Option<NetlinkError>, NetlinkError> {
        let failed = |err: io::Error| system(err.raw_os_error().unwrap_or(libc::EIO));
        let mut refused = None;
        let mut buffer = vec![0; 32 * 1024];
        for first in (0..batch.message_count()).step_by(AT_ONCE) {
            let start = batch.starts[first];
            let after = first + AT_ONCE;
            let end = batch.starts.get(after).copied().unwrap_or(batch.bytes.len());
            self.0.send(&batch.bytes[start..end]).map_err(failed)?;
            let mut pending = batch.message_count().min(after) - first;
            while pending > 0 {
                let n = sys::read(self.0.as_fd(), &mut buffer).map_err(failed)?;
                for (kind, payload) in NetlinkMessages(&buffer[..n]) {
                    match kind {
                        NLMSG_ERROR => {
                            pending = pending.saturating_sub(1);
                            refused = refused.or_else(|| refusal(payload));
                        }
                        _ => each(payload),
                    }
                }
            }
        }
        Ok(refused)
    }
}

impl AsFd for Netlink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// How many messages are sent before their replies are read: these fit into the socket's buffer.
const AT_ONCE: usize = 64;

const NLMSG_ERROR: u16 = 2;
const NLMSGERR_ATTR_MSG: u16 = 1;

fn system(errno: i32) -> NetlinkError {
    NetlinkError { number: 0, errno, text: String::new() }
}

/// What a reply (`struct nlmsgerr`) says against its message; `None` if it was done.
fn refusal(payload: &[u8]) -> Option<NetlinkError> {
    let errno = -(word(payload, 0)? as i32);
    if errno == 0 {
        return None;
    }
    let number = word(payload, 12)? as usize;
    // The error, the header of the message it is about, and then attributes.
    let text = attributes(payload.get(20..).unwrap_or_default()).find(|(kind, _)| *kind == NLMSGERR_ATTR_MSG);
    let text =
        text.map_or_else(String::new, |(_, text)| String::from_utf8_lossy(text).trim_end_matches('\0').to_string());
    Some(NetlinkError { number, errno, text })
}

/// The attributes (`struct nlattr`) in `bytes`: kind and data.
fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let len = usize::from(u16::from_ne_bytes(*bytes.first_chunk()?));
        let kind = u16::from_ne_bytes(*bytes.get(2..)?.first_chunk()?);
        let data = bytes.get(4..len)?;
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, data))
    })
}

/// The messages of what was read: kind and payload.
struct NetlinkMessages<'a>(&'a [u8]);

impl<'a> Iterator for NetlinkMessages<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let len = word(self.0, 0)? as usize;
        let kind = u16::from_ne_bytes(*self.0.get(4..)?.first_chunk()?);
        let payload = self.0.get(16..len)?;
        self.0 = self.0.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, payload))
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_replies() {
        let netlink = Netlink::open().expect("a socket");
        assert_eq!(netlink.interface("lo"), Ok(1));
        assert_eq!(netlink.interface("no-such").map_err(|refused| refused.errno), Err(libc::ENODEV));
    }

    #[test]
    fn the_first_refusal_is_reported_and_broken_replies_are_borne() {
        let netlink = Netlink::open().expect("a socket");
        let mut batch = NetlinkBatch::default();
        (0..150).for_each(|_| batch.ask_for_interface("lo"));
        batch.ask_for_interface("no-such");
        let refused = netlink.run(&batch).expect_err("the last is refused");
        assert_eq!((refused.number, refused.errno), (150, libc::ENODEV));
        let mut reply = [0u8; 40];
        reply[0] = 0xff;
        for len in 0..reply.len() {
            let _ = refusal(&reply[..len]);
            let _ = NetlinkMessages(&reply[..len]).count();
        }
    }
}
