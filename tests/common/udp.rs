//! UDP peers inside the test process: a server that answers as the test says, a relay that loses
//! chosen replies, and ports that are closed for certain.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A thread that serves UDP until it is dropped.
#[derive(Debug)]
pub(crate) struct UdpPeer {
    addr: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A datagram that reached a [`UdpPeer`].
#[derive(Debug)]
pub(crate) struct Datagram<'a> {
    /// Which one, counted from 0.
    pub(crate) index: usize,
    /// What it carries.
    pub(crate) data: &'a [u8],
    /// Who sent it.
    pub(crate) from: SocketAddr,
    /// The socket it came to, for answers of any kind and number.
    pub(crate) socket: &'a UdpSocket,
}

impl Datagram<'_> {
    /// Answer with `data`. That the asker is gone is not the peer's business.
    pub(crate) fn reply(&self, data: &[u8]) {
        let _ = self.socket.send_to(data, self.from);
    }

    /// Answer as the report's server does: the same in upper case.
    pub(crate) fn reply_upper(&self) {
        self.reply(&self.data.to_ascii_uppercase());
    }
}

impl UdpPeer {
    /// Serve on a free port of `ip`: `handle` is called for each datagram in turn.
    pub(crate) fn start(ip: IpAddr, mut handle: impl FnMut(Datagram<'_>) + Send + 'static) -> Self {
        let socket = UdpSocket::bind((ip, 0)).expect("cannot bind a peer");
        let addr = socket.local_addr().expect("a bound socket has an address");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut index = 0;
            receive(&socket, &stopped, |data, from| {
                handle(Datagram { index, data, from, socket: &socket });
                index += 1;
            });
        });
        Self { addr, stop, thread: Some(thread) }
    }

    /// Serve on loopback: answer the first `n` datagrams as the report's server does, and then
    /// be silent.
    pub(crate) fn answering(n: usize) -> Self {
        Self::start(LOOPBACK, move |datagram| {
            if datagram.index < n {
                datagram.reply_upper();
            }
        })
    }

    /// Where it serves.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for UdpPeer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let panicked = self.thread.take().is_some_and(|thread| thread.join().is_err());
        assert!(!panicked || thread::panicking(), "the handler of a UDP peer panicked");
    }
}

/// Pass datagrams between clients and `server`, a socket for each client, except the replies for
/// which `lose` says yes: the network that loses what a server has sent. Its address is the one
/// to give to clients.
pub(crate) fn relay(server: SocketAddr, lose: impl FnMut(&[u8]) -> bool + Send + 'static) -> UdpPeer {
    let lose = Arc::new(Mutex::new(lose));
    let mut upstream: HashMap<SocketAddr, Upstream> = HashMap::new();
    UdpPeer::start(server.ip(), move |datagram| {
        let up = upstream.entry(datagram.from).or_insert_with(|| {
            let front = datagram.socket.try_clone().expect("cannot share a socket");
            let (client, lose) = (datagram.from, Arc::clone(&lose));
            Upstream::start(server, move |reply| {
                let lost = lose.lock().unwrap_or_else(PoisonError::into_inner)(reply);
                if !lost {
                    let _ = front.send_to(reply, client);
                }
            })
        });
        let _ = up.socket.send(datagram.data);
    })
}

/// A relay's socket for one client, with the thread that carries replies back.
struct Upstream {
    socket: UdpSocket,
    stop: Arc<AtomicBool>,
}

impl Upstream {
    fn start(server: SocketAddr, mut carry: impl FnMut(&[u8]) + Send + 'static) -> Self {
        let socket = UdpSocket::bind((server.ip(), 0)).expect("cannot bind a relay");
        socket.connect(server).expect("cannot connect a relay");
        let stop = Arc::new(AtomicBool::new(false));
        let (back, stopped) = (socket.try_clone().expect("cannot share a socket"), Arc::clone(&stop));
        thread::spawn(move || receive(&back, &stopped, |reply, _| carry(reply)));
        Self { socket, stop }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A port that nothing is listening on, and that no one else can take while this lives.
#[derive(Debug)]
pub(crate) struct ClosedPort {
    addr: SocketAddr,
    _held: UdpSocket,
}

impl ClosedPort {
    /// One on loopback. It is held by a socket that is connected elsewhere: the kernel delivers
    /// nothing from others to that, and answers them port unreachable.
    pub(crate) fn new() -> Self {
        let held = UdpSocket::bind((LOOPBACK, 0)).expect("cannot bind");
        let addr = held.local_addr().expect("a bound socket has an address");
        held.connect((LOOPBACK, 1)).expect("cannot connect");
        Self { addr, _held: held }
    }

    /// Where nothing is listening.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

/// A UDP port of loopback that was free a moment ago. Another program may take it; prefer port 0
/// and [`super::Running::bound_port`] where that can be.
pub(crate) fn free_port() -> u16 {
    let socket = UdpSocket::bind((LOOPBACK, 0)).expect("cannot bind");
    socket.local_addr().expect("a bound socket has an address").port()
}

/// `127.0.0.1`.
pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Receive until `stop`, giving each datagram to `each`.
fn receive(socket: &UdpSocket, stop: &AtomicBool, mut each: impl FnMut(&[u8], SocketAddr)) {
    let slice = Some(Duration::from_millis(10));
    socket.set_read_timeout(slice).expect("cannot set a read time-out");
    let mut buffer = vec![0; 65_536];
    while !stop.load(Ordering::Relaxed) {
        match socket.recv_from(&mut buffer) {
            Ok((n, from)) => each(&buffer[..n], from),
            Err(e) if is_passing(&e) => {}
            Err(e) => panic!("a UDP peer cannot receive: {e}"),
        }
    }
}

/// Time-outs, signals, and the port-unreachable error of a client that is gone.
fn is_passing(e: &io::Error) -> bool {
    matches!(
        e.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted | ErrorKind::ConnectionRefused
    )
}
