//! A plain client of a UDP server.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

/// Never over within a test.
pub(crate) const LONG: Duration = Duration::from_secs(15);

/// The address of `port` on loopback.
pub(crate) fn loopback(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// A socket on loopback that waits [`LONG`] for what is sent to it.
pub(crate) fn socket() -> UdpSocket {
    let socket = UdpSocket::bind(loopback(0)).expect("cannot bind");
    socket.set_read_timeout(Some(LONG)).expect("a time-out");
    socket
}

/// Send `what` to `to`; the next datagram that comes.
pub(crate) fn ask(socket: &UdpSocket, to: SocketAddr, what: &[u8]) -> Vec<u8> {
    socket.send_to(what, to).expect("cannot send");
    receive(socket)
}

/// The next datagram that comes.
pub(crate) fn receive(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 65_536];
    loop {
        match socket.recv(&mut buffer) {
            Ok(len) => return buffer[..len].to_vec(),
            Err(err) if err.kind() == ErrorKind::Interrupted => {}
            Err(err) => panic!("no answer: {err}"),
        }
    }
}
