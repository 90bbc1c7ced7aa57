//! Clients in closed loops: each sends its next message when the last was answered.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use pingscript::net::io::{Interest, Readiness};
use pingscript::net::sys::{self, Epoll};

use super::Server;

pub(crate) const MESSAGE: &[u8] = b"ping 123456 1725933169.813111";
pub(crate) const CLIENTS: usize = 1_000;

/// What `epoll` has ready, at the latest after 20 ms.
fn wait(epoll: &Epoll, ready: &mut Vec<Readiness>) {
    epoll.ready(ready).expect("asked");
    if ready.is_empty() {
        let mut fds = [sys::PollFd::readable(epoll.descriptor().as_fd())];
        let _ = sys::ppoll(&mut fds, Some(pingscript::net::time::Duration::from_millis(20)));
        epoll.ready(ready).expect("asked");
    }
}

/// UDP: so many flows, each of a socket of its own, with so many datagrams in flight, until `count` replies came. Where none
/// came for 20 ms, every flow sends anew: what was in flight is lost.
pub(crate) fn udp(server: SocketAddr, flows: usize, window: usize, count: usize) -> Duration {
    let epoll = Epoll::new().expect("a descriptor");
    let open = |number: usize| {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(server).expect("connected");
        socket.set_nonblocking(true).expect("a socket");
        epoll.add(socket.as_fd(), number as u64, Interest { read: true, write: false }).expect("added");
        socket
    };
    let sockets: Vec<UdpSocket> = (0..flows).map(open).collect();
    let send_all = || {
        for socket in &sockets {
            for _ in 0..window {
                let _ = socket.send(MESSAGE);
            }
        }
    };
    let (mut ready, mut buffer, mut replies, mut silent) = (Vec::new(), [0; 2048], 0, 0);
    let start = Instant::now();
    send_all();
    while replies < count {
        wait(&epoll, &mut ready);
        silent = if ready.is_empty() { silent + 1 } else { 0 };
        if silent > 0 {
            assert!(silent < 250, "{replies} replies, and no more");
            send_all();
        }
        for readiness in &ready {
            let socket = &sockets[readiness.token as usize];
            let mut came = 0;
            while came < window && socket.recv(&mut buffer).is_ok() {
                came += 1;
            }
            (0..came).for_each(|_| drop(socket.send(MESSAGE)));
            replies += came;
        }
    }
    start.elapsed()
}

pub(crate) fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).expect("connects");
    stream.set_nodelay(true).expect("TCP_NODELAY");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    stream
}

/// TCP: how many replies a second `CLIENTS` get, over `count` of them.
pub(crate) fn tcp(addr: SocketAddr, count: usize) -> f64 {
    let epoll = Epoll::new().expect("a descriptor");
    let mut clients: Vec<(TcpStream, usize)> = (0..CLIENTS).map(|_| (connect(addr), 0)).collect();
    for (number, (stream, _)) in clients.iter_mut().enumerate() {
        stream.set_nonblocking(true).expect("a socket");
        epoll.add(stream.as_fd(), number as u64, Interest { read: true, write: false }).expect("added");
        stream.write_all(MESSAGE).expect("sent");
    }
    let (mut ready, mut buffer, mut replies, mut silent) = (Vec::new(), [0; 256], 0, 0);
    let mut start = Instant::now();
    // The first replies come while threads are still being started.
    while replies < count + 2 * CLIENTS {
        wait(&epoll, &mut ready);
        silent = if ready.is_empty() { silent + 1 } else { 0 };
        assert!(silent < 1000, "{replies} replies, and no more");
        for readiness in &ready {
            let (stream, got) = &mut clients[readiness.token as usize];
            match stream.read(&mut buffer) {
                Ok(0) => panic!("a client was turned away"),
                Ok(n) => *got += n,
                Err(err) if err.kind() == ErrorKind::WouldBlock => {}
                Err(err) => panic!("{err}"),
            }
            if *got >= MESSAGE.len() {
                *got -= MESSAGE.len();
                replies += 1;
                if replies == 2 * CLIENTS {
                    start = Instant::now();
                }
                stream.write_all(MESSAGE).expect("sent");
            }
        }
    }
    count as f64 / start.elapsed().as_secs_f64()
}

/// TCP: how many KiB a client takes that sends nothing, once it was answered.
pub(crate) fn idle(server: &Server) -> f64 {
    let ask = |stream: &mut TcpStream| {
        stream.write_all(MESSAGE).expect("sent");
        stream.read_exact(&mut [0; MESSAGE.len()]).expect("answered");
    };
    let mut first = connect(server.addr);
    ask(&mut first);
    let before = server.resident();
    let mut clients: Vec<TcpStream> = (0..CLIENTS).map(|_| connect(server.addr)).collect();
    clients.iter_mut().for_each(ask);
    (server.resident() - before) / CLIENTS as f64
}
