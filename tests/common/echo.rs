//! A host that answers echo requests as a test wants: the loopback of a network namespace of the test's own, in which the
//! kernel does not answer.
//!
//! It needs root: call [`super::require_root_or_skip`] first. Programs that the test's thread starts run in it too.

use super::{icmp, sys};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::fs;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// An echo request, or an extended one, that the host received.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Whether it came over IPv6; then `message` is all that is known of its packet.
    pub(crate) is_v6: bool,
    /// Who sent it.
    pub(crate) from: IpAddr,
    /// Where it went.
    pub(crate) to: IpAddr,
    /// The sequence number.
    pub(crate) seq: u16,
    /// The ICMP message.
    pub(crate) message: Vec<u8>,
    /// The IP packet.
    pub(crate) packet: Vec<u8>,
}

/// What the host says.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    /// From which of its addresses.
    pub(crate) from: IpAddr,
    /// An ICMP message with its checksum.
    pub(crate) message: Vec<u8>,
}

impl Asked {
    /// The reply of a host that does it right.
    pub(crate) fn reply(&self) -> Said {
        let mut message = self.message.clone();
        message[0] = if self.is_v6 { 129 } else { 0 };
        Said { from: self.to, message: sealed(message) }
    }

    /// The reply with `change` made to it, and a right checksum.
    pub(crate) fn reply_with(&self, change: impl FnOnce(&mut Vec<u8>)) -> Said {
        let mut said = self.reply();
        change(&mut said.message);
        Said { message: sealed(said.message), ..said }
    }

    /// An error of this type and code with these fifth to eighth octets, which quotes the first `quoted` bytes after the
    /// request's IP header.
    pub(crate) fn error(&self, type_: u8, code: u8, rest: [u8; 4], quoted: usize) -> Said {
        let header = if self.is_v6 { 40 } else { 20 };
        let mut message = vec![type_, code, 0, 0];
        message.extend_from_slice(&rest);
        message.extend_from_slice(&self.packet[..self.packet.len().min(header + quoted)]);
        Said { from: self.to, message: sealed(message) }
    }
}

/// The host, until it is dropped.
#[derive(Debug)]
pub(crate) struct EchoHost {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl EchoHost {
    /// Moves this thread into a network namespace of its own and answers there what comes to 127.0.0.0/8 and ::1. `groups`
    /// says who may open ping sockets: `1 0` for none.
    pub(crate) fn start(groups: &str, answer: impl FnMut(&Asked) -> Vec<Said> + Send + Clone + 'static) -> Self {
        sys::enter_new_network();
        for (name, value) in [
            ("ipv4/icmp_echo_ignore_all", "1"),
            ("ipv6/icmp/echo_ignore_all", "1"),
            ("ipv4/icmp_ratemask", "0"),
            ("ipv4/ping_group_range", groups),
        ] {
            fs::write(format!("/proc/sys/net/{name}"), value).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
        let stop = Arc::new(AtomicBool::new(false));
        let threads = [false, true].map(|is_v6| {
            let (socket, stop, answer) = (raw(is_v6), stop.clone(), answer.clone());
            std::thread::spawn(move || serve(socket, is_v6, &stop, answer))
        });
        Self { stop, threads: threads.into() }
    }
}

impl Drop for EchoHost {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| thread.join().expect("the host broke"));
    }
}

fn raw(is_v6: bool) -> Socket {
    let (domain, protocol) = if is_v6 { (Domain::IPV6, Protocol::ICMPV6) } else { (Domain::IPV4, Protocol::ICMPV4) };
    let socket = Socket::new(domain, Type::RAW, Some(protocol)).expect("cannot open a raw ICMP socket");
    socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a time-out");
    socket
}

fn serve(mut socket: Socket, is_v6: bool, stop: &AtomicBool, mut answer: impl FnMut(&Asked) -> Vec<Said>) {
    let mut buffer = vec![0; 65_536];
    while !stop.load(Ordering::Relaxed) {
        let Ok(len) = socket.read(&mut buffer) else { continue };
        let Some(asked) = request(&buffer[..len], is_v6) else { continue };
        for said in answer(&asked) {
            let sender = raw(is_v6);
            sender.bind(&SocketAddr::new(said.from, 0).into()).expect("an address of loopback");
            let to: SockAddr = SocketAddr::new(asked.from, 0).into();
            sender.send_to(&said.message, &to).expect("cannot answer");
        }
    }
}

fn request(bytes: &[u8], is_v6: bool) -> Option<Asked> {
    let (from, to, message, packet): (IpAddr, IpAddr, &[u8], Vec<u8>) = if is_v6 {
        // A raw socket of IPv6 gets the message alone; over loopback both ends are the same address.
        let ip = Ipv6Addr::LOCALHOST;
        let len = u16::try_from(bytes.len()).ok()?.to_be_bytes();
        let header = [&[0x60, 0, 0, 0, len[0], len[1], 58, 64][..], &ip.octets(), &ip.octets()].concat();
        (ip.into(), ip.into(), bytes, [&header, bytes].concat())
    } else {
        let address = |at: usize| Some(Ipv4Addr::from(*bytes.get(at..)?.first_chunk::<4>()?));
        (address(12)?.into(), address(16)?.into(), bytes.get(20..)?, bytes.to_vec())
    };
    let is_request = matches!((is_v6, *message.first()?), (false, 8 | 42) | (true, 128 | 160));
    let seq = u16::from_be_bytes(*message.get(6..)?.first_chunk()?);
    is_request.then(|| Asked { is_v6, from, to, seq, message: message.to_vec(), packet })
}

/// The message with a right checksum. That of ICMPv6 the kernel sets anew.
pub(crate) fn sealed(mut message: Vec<u8>) -> Vec<u8> {
    message[2..4].fill(0);
    let sum = icmp::checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    message
}
