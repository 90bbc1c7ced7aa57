//! Links of labs over real network stacks: what a relay makes of packets, as the hosts at both ends see it.

mod common;
#[path = "lab_links/rejections.rs"]
mod rejections;

use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;

use pingscript::net::host::socket::{Awaited, HostSocket, Poller, SocketType};
use pingscript::net::host::stop::{Reason, Stop};
use pingscript::net::host::{Host, ThisMachine, Waited};
use pingscript::net::lab::kernel::exec::ProgramCommand;
use pingscript::net::lab::kernel::relay::RelayThread;
use pingscript::net::lab::relay::{Direction, Link, LinkOptions};
use pingscript::net::lab::{CableOptions, HostOptions, Lab, LabHost, Options, use_helper};
use pingscript::net::policy::attached::{AttachedPolicy, Policy};
use pingscript::net::policy::input::Site;
use pingscript::net::policy::{Action, Details, Native, Rejection};
use pingscript::net::probe::outcome::{End, Outcome, Probe, Slot};
use pingscript::net::probe::targets::Targets;
use pingscript::net::random::RandomStream;
use pingscript::net::socket::batch::NativeReply;
use pingscript::net::socket::pinger::{PingMessage, Pinger, Plan, Script};
use pingscript::net::socket::session::Session;
use pingscript::net::socket::udp::{Options as SocketOptions, UdpSocket};
use pingscript::net::time::{Duration, Instant};
use pingscript::net::wire::Family;
use pingscript::net::wire::icmp::Kind;
use socket2::{Domain, Type};

/// Two hosts and a link between them.
struct Net {
    session: Arc<Session>,
    stop: Stop,
    relay: RelayThread,
    link: Link,
    a: LabHost,
    b: LabHost,
}

impl Drop for Net {
    fn drop(&mut self) {
        self.stop.interrupt(Reason::Ended);
    }
}

/// Two hosts and a link between them, or a loud word and `None` where the system allows no lab.
fn net(options: LinkOptions) -> Option<Net> {
    net_by(Arc::new(ThisMachine), options)
}

/// The same, with a relay that goes by the clocks of `host`.
fn net_by(host: Arc<dyn Host>, options: LinkOptions) -> Option<Net> {
    use_helper(common::binary().to_path_buf());
    let lab = match Lab::create(&Options::default()) {
        Ok(lab) => lab,
        Err(err) => {
            common::skip("labs", &format!("a system that allows them: {err}; {}", err.hint));
            return None;
        }
    };
    let [a, b] = ["a", "b"].map(|name| lab.host(name, &HostOptions::default()).expect("a host"));
    let stop = Stop::root().expect("a stop");
    let session = Arc::new(Session::new(stop.clone()));
    let relay = RelayThread::start(session.clone(), host, stop.clone()).expect("a relay");
    let cable = lab.connect(&a, &b, &CableOptions::default()).expect("a cable");
    let link = relay.link("a-b", cable, options).expect("a link");
    Some(Net { session, stop, relay, link, a, b })
}

impl Net {
    fn socket(&self, host: &LabHost, local: SocketAddr) -> UdpSocket {
        UdpSocket::bind(Arc::new(host.clone()), self.session.clone(), local, SocketOptions::default())
            .expect("a socket")
    }

    /// A server in b at the port 11000 of both versions, which echoes.
    fn serve(&self) {
        for any in ["0.0.0.0:11000", "[::]:11000"] {
            let (socket, stop) = (self.socket(&self.b, any.parse().expect("an address")), self.stop.clone());
            thread::spawn(move || socket.serve(NativeReply::Echo, &stop));
        }
    }

    fn ping(&self, from: &UdpSocket, to: IpAddr, message: &str, timeout: Duration) -> Outcome {
        let to = SocketAddr::new(to, 11_000);
        let probe = Probe {
            to,
            unresolved: None,
            message: message.as_bytes(),
            timeout,
            icmp_wait: Duration::ZERO,
            ttl: None,
            slot: Slot::default(),
        };
        from.ping(&probe, &self.stop, None).expect("a ping")
    }

    /// The addresses of both versions of a host.
    fn addrs(host: &LabHost) -> Vec<IpAddr> {
        host.addrs()
    }
}

fn any_like(addr: IpAddr) -> SocketAddr {
    if addr.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }.parse().expect("an address")
}

fn attached(native: Native) -> AttachedPolicy {
    AttachedPolicy::new(Policy::Native(native), RandomStream::of_seed(1), &Site::Link("a-b".into())).expect("a policy")
}

fn reject(name: &str) -> AttachedPolicy {
    let rejection = Rejection::named(name, Details::default()).expect("a rejection");
    attached(Native::always(Action::Reject(rejection.into())))
}

/// Runs a program in `host` to its end; what it said on both outputs.
fn run(host: &LabHost, words: &[&str]) -> String {
    let (mut read, write) = std::io::pipe().expect("a pipe");
    let nothing = File::open("/dev/null").expect("a null device");
    let argv = words.iter().map(ToString::to_string).collect();
    let command = ProgramCommand { argv, ..ProgramCommand::default() };
    let stdio = [nothing.as_fd(), write.as_fd(), write.as_fd()];
    let _program = host.start(&command, stdio).unwrap_or_else(|err| panic!("{err}"));
    drop(write);
    let mut text = String::new();
    read.read_to_string(&mut text).expect("text");
    text
}

/// Whether a program of the distribution is here; a loud word if it is not.
fn has(program: &str) -> bool {
    let found = std::process::Command::new(program).arg("--version").output().is_ok();
    if !found {
        common::skip("captures", &format!("{program}: apt-get install {program}"));
    }
    found
}

#[test]
fn each_loss_on_a_link_is_put_down_to_its_verdict_in_both_directions() {
    let Some(net) = net(LinkOptions::default()) else { return };
    net.serve();
    let to = net.b.addr();
    let sockets = [net.socket(&net.a, any_like(to)), net.socket(&net.a, any_like(to))];
    let loss = || attached(Native::chance(0.3, Action::Drop).expect("a policy"));
    net.link.set_policy(Direction::From(0), loss(), "loss(0.3)".to_string());
    net.link.set_policy(Direction::From(1), loss(), "loss(0.3)".to_string());
    let mut lost = 0;
    for number in 1..=40 {
        let message = format!("ping {number} {number}");
        let outcome = net.ping(&sockets[number % 2], to, &message, Duration::from_millis(250));
        lost += u64::from(matches!(outcome.end, End::TimedOut { .. }));
    }
    let dropped = [net.link.counts(0).dropped, net.link.counts(1).dropped];
    assert!(dropped[0] > 0 && dropped[1] > 0, "{dropped:?}");
    assert_eq!(lost, dropped[0] + dropped[1]);
    let text = net.session.loss_report.explain().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(text.contains(": dropped by loss(0.3) on a-b from a\n"), "{text}");
    assert!(text.contains(": dropped by loss(0.3) on a-b from b\n"), "{text}");
    assert!(text.ends_with("\n  0 unexplained"), "{text}");
}

/// This machine, whose reader is preempted for a while after each look at the clock.
#[derive(Debug)]
struct Interrupted;

impl Host for Interrupted {
    fn socket(&self, kind: SocketType, family: Family) -> io::Result<Arc<dyn HostSocket>> {
        ThisMachine.socket(kind, family)
    }

    fn poller(&self) -> io::Result<Box<dyn Poller>> {
        ThisMachine.poller()
    }

    fn now(&self) -> Instant {
        let now = ThisMachine.now();
        thread::sleep(std::time::Duration::from_millis(2));
        now
    }

    fn unix_nanos(&self) -> i64 {
        ThisMachine.unix_nanos()
    }

    fn wait(&self, awaited: &mut [Awaited<'_>], until: Option<Instant>, stop: &Stop) -> io::Result<Waited> {
        ThisMachine.wait(awaited, until, stop)
    }
}

#[test]
fn what_comes_while_a_relay_is_preempted_is_decided_about_after_its_sending() {
    let Some(net) = net_by(Arc::new(Interrupted), LinkOptions::default()) else { return };
    let drop = attached(Native::always(Action::Drop));
    net.link.set_policy(Direction::Both, drop, "drop".to_string());
    let plan = Plan {
        targets: Targets::one(SocketAddr::new(net.b.addr(), 11_000)),
        count: Some(100),
        interval: Duration::from_micros(200),
        timeout: Duration::from_secs(2),
        icmp_wait: Duration::ZERO,
        window: 100,
        max_gap: None,
        size: 32,
        message: PingMessage::Ping,
        sends: false,
        strays: false,
        report: true,
        awake: Duration::ZERO,
    };
    let socket = net.socket(&net.a, any_like(net.b.addr()));
    let mut pinger = Pinger::new(socket, plan).expect("a pinger");
    while pinger.next(&net.stop, &mut Script::default()).expect("an outcome").is_some() {}
    let explained = net.session.loss_report.explain();
    assert_eq!(explained.len(), 1, "{explained:?}");
    assert_eq!(explained[0].unexplained(), 0, "{explained:?}");
}

#[test]
fn ping_sees_the_delay_and_the_loss_that_the_link_counts() {
    let delay = Duration::from_millis(5);
    let Some(net) = net(LinkOptions { delay, ..Default::default() }) else { return };
    let loss = Native::chance(0.1056, Action::Drop).expect("a policy");
    net.link.set_policy(Direction::Both, attached(loss), "loss(0.1056)".to_string());
    let text = run(&net.a, &["ping", "-c", "300", "-i", "0.01", "-W", "1", &net.b.addr().to_string()]);
    let received: u64 = text
        .split(" packets transmitted, ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("{text}"));
    let dropped = net.link.counts(0).dropped + net.link.counts(1).dropped;
    assert_eq!(300 - received, dropped, "{text}");
    // 20% of 300, give or take 3.3 standard deviations (99.9%).
    assert!((37..=83).contains(&dropped), "{dropped}");
    let least: f64 = text
        .split("min/avg/max/mdev = ")
        .nth(1)
        .and_then(|rest| rest.split('/').next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("{text}"));
    assert!(least >= 10.0, "{text}");
}

#[test]
fn captures_are_read_by_tcpdump_and_tshark_with_each_drop_explained() {
    let Some(net) = net(LinkOptions::default()) else { return };
    if !has("tcpdump") || !has("tshark") {
        return;
    }
    let dir = common::TempDir::new();
    let path = |name: &str| dir.path().join(name).to_str().expect("a path in UTF-8").to_string();
    net.serve();
    net.link.capture(&path("link.pcapng"), false).expect("a capture");
    net.relay.shared().ingress(net.b.id()).capture(&path("b.pcap"), false).expect("a capture");
    net.link.set_policy(
        Direction::From(0),
        attached(Native::every(3, Action::Drop).expect("a policy")),
        "x".to_string(),
    );
    let socket = net.socket(&net.a, any_like(net.b.addr()));
    for number in 1..=9 {
        net.ping(&socket, net.b.addr(), &format!("ping {number} x"), Duration::from_millis(50));
    }
    let counts = [net.link.counts(0), net.link.counts(1)];
    pingscript::terminal::output::flush();
    let lines = |program: &str, args: &[&str]| -> Vec<String> {
        let output = std::process::Command::new(program).args(args).output().expect(program);
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_string).collect()
    };
    let count = counts[0].frames + counts[1].frames;
    for name in ["link.pcapng", "b.pcap"] {
        let expected = if name == "b.pcap" { count - counts[0].dropped } else { count };
        let read = lines("tcpdump", &["-nn", "--nano", "-r", &path(name)]);
        assert_eq!(read.len() as u64, expected, "{name}: {read:#?}");
        assert!(read.iter().all(|line| line.contains("UDP, length 8")), "{read:#?}");
    }
    let fields = ["-T", "fields", "-e", "frame.interface_name", "-e", "frame.comment", "-e", "udp.length"];
    let capture = path("link.pcapng");
    let read = lines("tshark", &[&["-r", capture.as_str()], &fields[..]].concat());
    assert_eq!(read.len() as u64, count);
    let explained: Vec<&String> = read.iter().filter(|line| line.contains("dropped by every(3)")).collect();
    assert_eq!(explained.len() as u64, counts[0].dropped);
    assert!(explained.iter().all(|line| line.starts_with("a-b from a\t")), "{read:#?}");
    assert!(read.iter().any(|line| line.starts_with("a-b from b\t")), "{read:#?}");
}

#[test]
fn a_tag_of_a_virtual_lan_stays_in_its_frame() {
    let Some(net) = net(LinkOptions::default()) else { return };
    if !has("python3") {
        return;
    }
    let dir = common::TempDir::new();
    let path = dir.path().join("link.pcap");
    net.link.capture(path.to_str().expect("a path in UTF-8"), false).expect("a capture");
    // Type and tag of 802.1ad, then of 802.1Q, then a type that no one knows.
    let tagged = "ffffffffffff020000000001 88a8 0005 8100 6007 88b5 00112233445566778899aabbccddeeff";
    let code = format!(
        "import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('eth0', 0)); \
         s.send(bytes.fromhex('{tagged}'))"
    );
    assert_eq!(run(&net.a, &["python3", "-c", &code]), "");
    while net.link.counts(0).passed == 0 {
        thread::yield_now();
    }
    pingscript::terminal::output::flush();
    let capture = std::fs::read(path).expect("a capture");
    let frames: String = capture[40..].iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(frames.contains(&tagged.replace(' ', "")), "{frames}");
    assert_eq!((net.link.counts(0).unusable, net.link.counts(0).undelivered), (0, 0));
}

#[test]
fn a_ping_whose_error_is_lost_on_its_way_is_put_down_to_that() {
    let Some(net) = net(LinkOptions::default()) else { return };
    // There is no server: b says that the port is unreachable.
    let drop = attached(Native::always(Action::Drop));
    net.link.set_policy(Direction::From(1), drop, "drop".to_string());
    for to in Net::addrs(&net.b) {
        let socket = net.socket(&net.a, any_like(to));
        let outcome = net.ping(&socket, to, &format!("ping 1 {to}"), Duration::from_millis(100));
        assert!(matches!(outcome.end, End::TimedOut { .. }), "{outcome:?}");
    }
    let text = net.session.loss_report.explain().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(text.contains(": dropped by always(drop()) on a-b from b\n"), "{text}");
    assert!(text.ends_with("\n  0 unexplained"), "{text}");
}
