//! What the tests of labs share: a lab, a relay that carries every frame, and programs whose output is read.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use pingscript::net::error::Result;
use pingscript::net::host::{Host, ThisMachine};
use pingscript::net::lab::kernel::exec::{ExecProgram, Exit, ProgramCommand};
use pingscript::net::lab::{Cable, CableOptions, HostOptions, Lab, LabHost, Options, use_helper};
use pingscript::net::sys::{PollFd, ppoll, set_option};
use pingscript::net::time::Duration as Span;
use socket2::{Domain, Type};

/// The helper of the labs of this test: the built binary, or the copy that an ordinary user can read.
pub(crate) fn helper() {
    let path = std::env::var_os(COPY).map_or_else(|| crate::common::binary().to_owned(), PathBuf::from);
    use_helper(path);
}

/// Names the copy of the binary that the tests of an ordinary user are run with.
pub(crate) const COPY: &str = "PINGSCRIPT_TEST_LAB_HELPER";

/// A lab, or a loud word and `None` where the system allows none.
pub(crate) fn lab(options: &Options) -> Option<Lab> {
    helper();
    match Lab::create(options) {
        Ok(lab) => Some(lab),
        Err(err) => {
            crate::common::skip("labs", &format!("a system that allows them: {err}; {}", err.hint));
            None
        }
    }
}

/// A host with addresses given out.
pub(crate) fn host(lab: &Lab, name: &str) -> LabHost {
    lab.host(name, &HostOptions::default()).expect("a host")
}

/// A host that forwards.
pub(crate) fn router(lab: &Lab, name: &str) -> LabHost {
    lab.host(name, &HostOptions { forwards: true, ..HostOptions::default() }).expect("a router")
}

/// Joins two hosts, with every frame carried.
pub(crate) fn join(a: &LabHost, b: &LabHost) -> Wire {
    Wire::carry(a.lab().connect(a, b, &CableOptions::default()).expect("a cable"))
}

/// A cable whose frames are carried by a thread until it is dropped.
pub(crate) struct Wire {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<Vec<u8>>>>,
}

impl Wire {
    fn carry(cable: Cable) -> Self {
        let [a, b] = cable.packets.map(File::from);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut frames = Vec::new();
            let mut buffer = vec![0; 70_000];
            while !stopped.load(Ordering::Relaxed) {
                let mut fds = [PollFd::readable(a.as_fd()), PollFd::readable(b.as_fd())];
                ppoll(&mut fds, Some(Span::from_millis(5))).expect("a poll");
                for (mut from, mut to) in [(&a, &b), (&b, &a)] {
                    while let Ok(n) = from.read(&mut buffer) {
                        frames.push(buffer[..n].to_vec());
                        let _ = to.write(&buffer[..n]);
                    }
                }
            }
            frames
        });
        Self { stop, thread: Some(thread) }
    }

    /// Cuts it; every frame it has carried.
    pub(crate) fn cut(mut self) -> Vec<Vec<u8>> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().expect("it runs").join().expect("a relay")
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A UDP socket in `host`, bound to a free port of any address of the version of `like`.
pub(crate) fn udp(host: &LabHost, like: IpAddr) -> UdpSocket {
    let any: SocketAddr = if like.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }.parse().expect("an address");
    bound(host, any)
}

/// A UDP socket in `host`, bound to `addr`, that waits for at most 5 s.
pub(crate) fn bound(host: &LabHost, addr: SocketAddr) -> UdpSocket {
    let socket = host.kernel_socket(Domain::for_address(addr), Type::DGRAM, None).expect("a socket");
    socket.bind(&addr.into()).unwrap_or_else(|err| panic!("cannot bind {addr}: {err}"));
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out");
    socket.into()
}

/// Whether a datagram from one host reaches the other, at the address given; how it failed to be sent.
pub(crate) fn reaches(from: &LabHost, to: &LabHost, addr: IpAddr) -> std::io::Result<()> {
    let server = udp(to, addr);
    let port = server.local_addr().expect("an address").port();
    let client = udp(from, addr);
    // Without these, a connected socket gets some errors only.
    let wanted =
        if addr.is_ipv4() { (libc::IPPROTO_IP, libc::IP_RECVERR) } else { (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) };
    set_option(client.as_fd(), wanted.0, wanted.1, 1)?;
    client.connect((addr, port))?;
    client.send(b"hello")?;
    let mut buffer = [0; 64];
    loop {
        let mut fds = [PollFd::readable(server.as_fd()), PollFd::readable(client.as_fd())];
        assert!(ppoll(&mut fds, Some(Span::from_secs(5))).expect("a poll") > 0, "neither a datagram nor an error came");
        if fds[0].is_ready() {
            assert_eq!(server.recv(&mut buffer).expect("a datagram"), 5);
            return Ok(());
        }
        if let Some(err) = client.take_error()? {
            return Err(err);
        }
    }
}

/// How a program ended, and what it printed.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit: Exit,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A command of these words.
pub(crate) fn command(words: &[&str]) -> ProgramCommand {
    ProgramCommand { argv: words.iter().map(|word| (*word).to_string()).collect(), ..ProgramCommand::default() }
}

/// Runs a program in `host` to its end.
pub(crate) fn run(host: &LabHost, words: &[&str]) -> Ran {
    run_command(host, &command(words))
}

/// Runs a program in `host` to its end.
pub(crate) fn run_command(host: &LabHost, command: &ProgramCommand) -> Ran {
    let nothing = File::open("/dev/null").expect("a null device");
    let ([out, out_end], [err, err_end]) = (pipe(), pipe());
    let stdio = [nothing.as_fd(), out_end.as_fd(), err_end.as_fd()];
    let program = host.start(command, stdio).unwrap_or_else(|err| panic!("{err}"));
    drop((out_end, err_end));
    let [out, err] = [out, err].map(|fd| {
        thread::spawn(move || {
            let mut text = String::new();
            File::from(fd).read_to_string(&mut text).expect("text");
            text
        })
    });
    let exit = wait(&program).expect("it ends");
    Ran { exit, out: out.join().expect("output"), err: err.join().expect("output") }
}

/// Waits until a program has ended; how it did.
pub(crate) fn wait(program: &ExecProgram) -> Result<Exit> {
    let until = ThisMachine.now() + Span::from_secs(60);
    loop {
        if let Some(exit) = program.try_wait()? {
            return Ok(exit);
        }
        ppoll(&mut [PollFd::readable(program.ended())], Some(until - ThisMachine.now())).expect("a wait");
        assert!(ThisMachine.now() < until, "the program runs on");
    }
}

/// A pipe: the end to read, and the end to write.
pub(crate) fn pipe() -> [OwnedFd; 2] {
    let (read, write) = std::io::pipe().expect("a pipe");
    [read.into(), write.into()]
}

/// Whether the test can run `program`; else as `require_program_or_skip`, for those that know no `--version`.
pub(crate) fn has(program: &str, what: &str) -> bool {
    let found = std::process::Command::new("sh").args(["-c", &format!("command -v {program} >/dev/null")]).status();
    found.is_ok_and(|status| status.success())
        || crate::common::skip(what, &format!("the program {program}; install it"))
}
