//! Round-trip times as `pingscript` reports them beside those of a plain client with kernel stamps, and how long it
//! takes from the start of the process to the first ping.
//!
//! `cargo bench --bench udp_rtt` starts an echo server as a process of its own and has three clients ping it in turns,
//! at the same pace: the `pingscript` binary, its library called from here, and a plain client written with nothing
//! but system calls. It prints the median round-trip time of each by each clock. The binary reports the session's
//! clock alone, so the lesser two are read around the library's call, as a script would read them.
#![allow(missing_docs)]
// The plain client is to owe nothing to the code it is compared with. Each block states why it is sound.
#![allow(unsafe_code)]

use std::io::{self, BufRead, BufReader, Write};
use std::mem::{size_of, size_of_val, zeroed};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use pingscript::net::host::stop::Stop;
use pingscript::net::host::{Host, ThisMachine};
use pingscript::net::probe::outcome::{End, Probe, Slot};
use pingscript::net::socket::session::Session;
use pingscript::net::socket::{prober, udp};
use pingscript::net::{sys, time};

const ROUNDS: usize = 12;
const PINGS: usize = 400;
const STARTS: usize = 50;

/// From one ping to the next.
const PACE: Duration = Duration::from_millis(1);

const SIZE: usize = 64;

/// The clocks, from the one that holds the path alone to the one that holds the waking of the process too.
const CLOCKS: [&str; 3] = ["kernel receive - kernel send", "kernel receive - user send", "user receive - user send"];

fn main() {
    if std::env::args().any(|arg| arg == "--echo") {
        echo();
    }
    prober::warm_up(&ThisMachine);
    sys::set_timer_slack();
    let server = Server::start();
    let [mut binary, mut library, mut plain]: [Samples; 3] = Default::default();
    for round in 0..ROUNDS {
        // Who is first changes, so that what one leaves behind does not always fall on the same next one.
        for turn in 0..3 {
            match (round + turn) % 3 {
                0 => ping_with_binary(server.addr, &mut binary),
                1 => ping_with_library(server.addr, &mut library),
                _ => Plain::new(server.addr).ping(&mut plain),
            }
        }
    }
    println!("\nMedian round-trip times in µs: {ROUNDS} rounds of {PINGS} pings of {SIZE} bytes, 1 ms apart");
    println!("{:<30} {:>9} {:>9} {:>9} {:>11}", "clock", "binary", "library", "plain", "difference");
    for (at, clock) in CLOCKS.iter().enumerate() {
        let [binary, library, plain] = [&mut binary, &mut library, &mut plain].map(|samples| median(&mut samples[at]));
        let ours = if binary.is_nan() { library } else { binary };
        let shown = |value: f64| if value.is_nan() { "-".to_string() } else { format!("{value:.2}") };
        println!("{clock:<30} {:>9} {:>9} {:>9} {:>+11.2}", shown(binary), shown(library), shown(plain), ours - plain);
    }
    start_up();
}

/// Round-trip times in µs, by clock.
type Samples = [Vec<f64>; 3];

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
}

fn micros(nanos: i64) -> f64 {
    nanos as f64 / 1e3
}

fn message(number: usize) -> Vec<u8> {
    let mut message = format!("ping {number} {}.000001", sys::realtime_nanos() / 1_000_000_000).into_bytes();
    message.resize(SIZE, b' ');
    message
}

/// Waits for the `number`-th beat after `start`, both clients in the same way.
fn pace(start: i64, number: usize) {
    let due = start + PACE.as_nanos() as i64 * number as i64;
    let left = due - sys::monotonic_nanos();
    if left > 0 {
        let _ = sys::ppoll(&mut [], Some(time::Duration::from_nanos(left)));
    }
}

// The server.

/// Answers until its standard input ends.
fn echo() -> ! {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("binds");
    println!("{}", socket.local_addr().expect("is bound"));
    std::thread::spawn(|| {
        let _ = io::stdin().read_line(&mut String::new());
        std::process::exit(0);
    });
    let mut buffer = [0; 2048];
    loop {
        if let Ok((size, from)) = socket.recv_from(&mut buffer) {
            buffer[..size].make_ascii_uppercase();
            let _ = socket.send_to(&buffer[..size], from);
        }
    }
}

struct Server {
    process: Child,
    addr: SocketAddr,
}

impl Server {
    fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().expect("has a path"));
        let mut process =
            command.arg("--echo").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line).expect("it says its address");
        Self { process, addr: line.trim().parse().expect("an address") }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

// pingscript.

fn ping_with_binary(server: SocketAddr, samples: &mut Samples) {
    let script = format!(
        "let server = resolve(\"{server}\"); let sock = udp::open(server); let out = [];
         for seq in ticks({PINGS}, 1.ms) {{
             let ping = sock.ping(server, `ping ${{seq}} ${{unix_time()}}`, #{{ size: {SIZE} }});
             if ping.kind == \"reply\" && ping.clock == \"{}\" {{ out.push(ping.rtt.us); }}
         }}
         for rtt in out {{ print(rtt); }}",
        CLOCKS[0]
    );
    let output = Command::new(env!("CARGO_BIN_EXE_pingscript")).args(["-e", &script]).output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    samples[0].extend(text.lines().filter_map(|line| line.parse::<f64>().ok()));
}

fn ping_with_library(server: SocketAddr, samples: &mut Samples) {
    let stop = Stop::root().expect("a descriptor");
    let session = Arc::new(Session::new(stop.clone()));
    let local = SocketAddr::from(([0, 0, 0, 0], 0));
    let socket = udp::UdpSocket::bind(Arc::new(ThisMachine), session, local, udp::Options::default()).expect("binds");
    let start = ThisMachine.now() - time::Instant::from_nanos(0);
    for number in 0..PINGS {
        pace(start.as_nanos(), number);
        let message = message(number + 1);
        let limit = time::Duration::from_secs(1);
        let probe = Probe {
            to: server,
            unresolved: None,
            message: &message,
            timeout: limit,
            icmp_wait: limit,
            ttl: None,
            slot: Slot::default(),
        };
        let (wall, sent) = (sys::realtime_nanos(), sys::monotonic_nanos());
        let outcome = socket.ping(&probe, &stop, None).expect("it sends");
        let seen = sys::monotonic_nanos();
        if let End::Reply { datagram, rtt, lesser: false, .. } = outcome.end {
            samples[0].push(micros(rtt.as_nanos()));
            samples[1].push(micros(datagram.stamp.expect("a stamp") - wall));
            samples[2].push(micros(seen - sent));
        }
    }
}

// The plain client.

struct Plain {
    socket: UdpSocket,
    server: libc::sockaddr_in,
}

impl Plain {
    fn new(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind("0.0.0.0:0").expect("binds");
        let flags = libc::SOF_TIMESTAMPING_TX_SOFTWARE
            | libc::SOF_TIMESTAMPING_RX_SOFTWARE
            | libc::SOF_TIMESTAMPING_SOFTWARE
            | libc::SOF_TIMESTAMPING_OPT_ID
            | libc::SOF_TIMESTAMPING_OPT_TSONLY;
        stamped(socket.as_raw_fd(), libc::SO_TIMESTAMPING, flags);
        let SocketAddr::V4(server) = server else { panic!("the server is on IPv4") };
        let server = libc::sockaddr_in {
            sin_family: libc::AF_INET as u16,
            sin_port: server.port().to_be(),
            sin_addr: libc::in_addr { s_addr: u32::from(*server.ip()).to_be() },
            sin_zero: [0; 8],
        };
        Self { socket, server }
    }

    fn ping(&self, samples: &mut Samples) {
        let fd = self.socket.as_raw_fd();
        let start = clock(libc::CLOCK_MONOTONIC);
        let mut buffer = [0; 2048];
        for number in 0..PINGS {
            pace(start, number);
            let message = message(number + 1);
            let (wall, sent) = (clock(libc::CLOCK_REALTIME), clock(libc::CLOCK_MONOTONIC));
            // SAFETY: message and address are valid for the lengths given.
            let size = unsafe {
                let to = (&raw const self.server).cast();
                libc::sendto(fd, message.as_ptr().cast(), message.len(), 0, to, size_of_val(&self.server) as u32)
            };
            assert_eq!(size, SIZE as isize, "{}", io::Error::last_os_error());
            let mut left = None;
            let came = loop {
                if let Some((_, stamp)) = receive(fd, &mut buffer, libc::MSG_ERRQUEUE) {
                    left = stamp;
                }
                match receive(fd, &mut buffer, 0) {
                    Some((size, stamp)) if buffer[..size].eq_ignore_ascii_case(&message) => break stamp,
                    Some(_) => {}
                    None => {
                        let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
                        // SAFETY: one pollfd, valid until the call returns.
                        let ready = unsafe { libc::poll(&raw mut poll, 1, 1000) };
                        assert!(ready > 0, "the server does not answer");
                    }
                }
            };
            let seen = clock(libc::CLOCK_MONOTONIC);
            if let (Some(left), Some(came)) = (left, came) {
                samples[0].push(micros(came - left));
                samples[1].push(micros(came - wall));
                samples[2].push(micros(seen - sent));
            }
        }
    }
}

fn clock(id: libc::clockid_t) -> i64 {
    // SAFETY: a timespec is plain data, valid to be written to.
    let time = unsafe {
        let mut time: libc::timespec = zeroed();
        libc::clock_gettime(id, &raw mut time);
        time
    };
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

fn stamped(fd: RawFd, option: i32, value: u32) {
    // SAFETY: the value lives until the call returns, and its size is given.
    let rc =
        unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, option, (&raw const value).cast(), size_of::<u32>() as u32) };
    assert_eq!(rc, 0, "{}", io::Error::last_os_error());
}

/// A datagram without waiting, or an entry of the error queue: its size and its kernel stamp.
fn receive(fd: RawFd, buffer: &mut [u8], flags: i32) -> Option<(usize, Option<i64>)> {
    let mut control = [0u64; 64];
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: the header's pointers are to objects that live as long as it, with their true lengths; the macros walk
    // the control messages within the length that the kernel has set, and each stamp is read unaligned.
    unsafe {
        let mut header: libc::msghdr = zeroed();
        header.msg_iov = &raw mut part;
        header.msg_iovlen = 1;
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = size_of_val(&control);
        let size = libc::recvmsg(fd, &raw mut header, flags | libc::MSG_DONTWAIT);
        let mut stamp = None;
        let mut next = if size < 0 { std::ptr::null_mut() } else { libc::CMSG_FIRSTHDR(&raw const header) };
        while !next.is_null() {
            let kind = (*next).cmsg_type;
            if (*next).cmsg_level == libc::SOL_SOCKET
                && (kind == libc::SCM_TIMESTAMPING || kind == libc::SCM_TIMESTAMPNS)
            {
                let time: libc::timespec = libc::CMSG_DATA(next).cast::<libc::timespec>().read_unaligned();
                stamp = (time.tv_sec != 0).then_some(time.tv_sec * 1_000_000_000 + time.tv_nsec);
            }
            next = libc::CMSG_NXTHDR(&raw const header, next);
        }
        usize::try_from(size).ok().map(|size| (size, stamp))
    }
}

// The start.

/// From before the process is made to the arrival of its first datagram, by the kernel's stamp.
fn start_up() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("binds");
    stamped(socket.as_raw_fd(), libc::SO_TIMESTAMPNS, 1);
    let addr = socket.local_addr().expect("is bound").to_string();
    let mut took = Vec::new();
    let mut buffer = [0; 2048];
    for _ in 0..STARTS {
        let started = clock(libc::CLOCK_REALTIME);
        let mut child = Command::new(env!("CARGO_BIN_EXE_pingscript"))
            .args(["scripts/udp_ping.rhai", "--server", &addr, "--count", "1", "--timeout", "100ms"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let (size, stamp) = loop {
            match receive(socket.as_raw_fd(), &mut buffer, 0) {
                Some((size, Some(stamp))) => break (size, stamp),
                _ => std::thread::sleep(Duration::from_micros(200)),
            }
        };
        assert!(buffer[..size].starts_with(b"ping 1 "), "not a ping");
        took.push(micros(stamp - started) / 1e3);
        let _ = child.wait();
    }
    let longest = took.iter().copied().fold(0.0, f64::max);
    println!("\nFrom the start of the process to its first datagram, {STARTS} times, in ms");
    println!("median {:.2}, longest {longest:.2}", median(&mut took));
    let _ = io::stdout().flush();
}
