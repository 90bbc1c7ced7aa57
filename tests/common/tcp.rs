//! TCP peers for the binary to talk to: clients as plain sockets, and a server that answers each ping as it is asked to, with
//! ICMP errors too.

use super::icmp::{self, IcmpError};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// What becomes of a ping.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// It is answered in capitals.
    Answered,
    /// It meets silence.
    Silence,
    /// An ICMP error says that it was not delivered. Needs root.
    Error(IcmpError),
    /// The connection is closed.
    Closed,
    /// The connection is reset.
    Reset,
}

/// A server on loopback for one client, which does with each ping what `fate` says of its number.
pub(crate) fn server(mut fate: impl FnMut(u64) -> Fate + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("cannot listen");
    let addr = listener.local_addr().expect("an address");
    thread::spawn(move || {
        let (mut stream, client) = listener.accept().expect("cannot accept");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        let raw = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).ok();
        let mut buffer = [0; 65_536];
        let mut sequence = 1;
        while let Ok(n @ 1..) = stream.read(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..n]).into_owned();
            // What was sent apart may come as one.
            for ping in text.split("ping ").skip(1) {
                let number = ping.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0);
                match fate(number) {
                    Fate::Answered => {
                        let answer = format!("ping {ping}").to_uppercase();
                        stream.write_all(answer.as_bytes()).expect("cannot answer");
                    }
                    Fate::Silence => {}
                    Fate::Error(error) => {
                        let packet = icmp::message(error, &tcp_packet(v4(client), v4(addr), sequence));
                        let raw = raw.as_ref().expect("a raw socket");
                        raw.send_to(&packet, &client.into()).expect("cannot send an ICMP error");
                    }
                    Fate::Closed => return,
                    Fate::Reset => {
                        let _ = Socket::from(stream).set_linger(Some(Duration::ZERO));
                        return;
                    }
                }
                sequence += "ping ".len() as u32 + ping.len() as u32;
            }
        }
    });
    addr
}

/// The start of the IPv4 packet of a segment from `from` to `to`: the headers, with this sequence number.
fn tcp_packet(from: SocketAddrV4, to: SocketAddrV4, sequence: u32) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 40, 0x12, 0x34, 0x40, 0, 64, 6, 0, 0];
    packet.extend_from_slice(&from.ip().octets());
    packet.extend_from_slice(&to.ip().octets());
    let sum = icmp::checksum(&packet);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend_from_slice(&from.port().to_be_bytes());
    packet.extend_from_slice(&to.port().to_be_bytes());
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 0, 0x50, 0x18, 0, 0, 0, 0, 0, 0]);
    packet
}

/// A client.
pub(crate) struct Client(TcpStream);

impl Client {
    /// Connects to `to`; its reads wait for at most 15 s.
    pub(crate) fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap_or_else(|e| panic!("cannot connect to {to}: {e}"));
        stream.set_nodelay(true).expect("TCP_NODELAY");
        stream.set_read_timeout(Some(Duration::from_secs(15))).expect("a time-out");
        Self(stream)
    }

    /// Its address.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.0.local_addr().expect("an address")
    }

    /// Sends bytes.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).expect("cannot send");
    }

    /// What comes, as text; empty at the end.
    pub(crate) fn receive(&mut self) -> String {
        let mut buffer = vec![0; 65_536];
        let n = self.0.read(&mut buffer).expect("nothing came");
        String::from_utf8_lossy(&buffer[..n]).into_owned()
    }

    /// Sends `text` and returns as many bytes as it has.
    pub(crate) fn ask(&mut self, text: &str) -> String {
        self.send(text);
        let mut buffer = vec![0; text.len()];
        self.0.read_exact(&mut buffer).unwrap_or_else(|e| panic!("no answer to {text:?}: {e}"));
        String::from_utf8_lossy(&buffer).into_owned()
    }

    /// Says that it will send nothing more.
    pub(crate) fn half_close(&mut self) {
        self.0.shutdown(std::net::Shutdown::Write).expect("cannot half-close");
    }

    /// Breaks the connection off.
    pub(crate) fn reset(self) {
        let socket = Socket::from(self.0);
        socket.set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
    }

    /// The socket.
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.0
    }
}

fn v4(addr: SocketAddr) -> SocketAddrV4 {
    match addr {
        SocketAddr::V4(addr) => addr,
        SocketAddr::V6(addr) => panic!("IPv4 only, not {addr}"),
    }
}
