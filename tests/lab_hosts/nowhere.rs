//! Routes that lead nowhere: a router tells every sender of every packet, unless limits are asked for.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use pingscript::net::host::Host;
use pingscript::net::lab::exec::Exit;
use pingscript::net::lab::route::Way;
use pingscript::net::lab::{HostOptions, Lab, LabHost, Options, Prefix};
use pingscript::net::sys::{PollFd, ppoll};
use pingscript::net::time::Duration as Span;
use socket2::{Domain, Protocol, Socket, Type};

use crate::common::Cmd;
use crate::fixture::{COPY, Wire, has, host, join, lab, reaches, run, udp};
use crate::refused::filter;

/// What an ICMP error says: its sender, type and code, and how it was sent: its traffic class, length and TTL.
type Told = (Ipv4Addr, u8, u8, [u8; 4]);

/// How often each error about each address was told.
type Heard = BTreeMap<(String, Told), usize>;

/// a - r - b, with a's raw socket.
struct Row {
    a: LabHost,
    r: LabHost,
    b: LabHost,
    icmp: Socket,
    _wires: [Wire; 2],
}

impl Row {
    fn new(lab: &Lab) -> Self {
        let at = |name: &str, addrs: &[&str], forwards| {
            let addrs = addrs.iter().map(|text| prefix(text)).collect();
            lab.host(name, &HostOptions { addrs, forwards }).expect("a host")
        };
        let a = at("a", &["10.0.1.2/24"], false);
        let r = at("r", &["10.0.1.1/24", "10.0.2.1/24"], true);
        let b = at("b", &["10.0.2.2/24"], false);
        let wires = [join(&a, &r), join(&r, &b)];
        let icmp = a.socket(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).expect("a socket");
        icmp.set_nonblocking(true).expect("an option");
        Self { a, r, b, icmp, _wires: wires }
    }

    /// Sends `count` datagrams to each address, 10 ms apart, and waits for `expected` errors; how often each error about
    /// each address was told, by then or after `by` had taken a packet of its own and had sent another.
    fn probe(&self, by: &LabHost, to: &[&str], count: usize, expected: usize) -> Heard {
        let client = udp(&self.a, self.a.addr());
        let mut told = Heard::new();
        for _ in 0..count {
            for to in to {
                client.send_to(b"hello", (*to, 9)).unwrap_or_else(|err| panic!("{to}: {err}"));
            }
            thread::sleep(Duration::from_millis(10));
            self.read(&mut told);
        }
        for (from, there) in [(&self.a, by), (by, &self.a)] {
            reaches(from, there, there.addr()).expect("whatever leads nowhere");
        }
        self.read(&mut told);
        let until = Instant::now() + Duration::from_secs(5);
        while told.values().sum::<usize>() < expected && Instant::now() < until {
            let mut fds = [PollFd::readable(self.icmp.as_fd())];
            ppoll(&mut fds, Some(Span::from_millis(100))).expect("a poll");
            self.read(&mut told);
        }
        told
    }

    fn read(&self, told: &mut Heard) {
        let mut buffer = [0; 2048];
        while let Ok(n) = (&self.icmp).read(&mut buffer) {
            let packet = &buffer[..n];
            let addr = |at: usize| Ipv4Addr::from(<[u8; 4]>::try_from(&packet[at..at + 4]).expect("four bytes"));
            // Behind the IP header and that of ICMP is the datagram's own.
            let how = [packet[1], packet[2], packet[3], packet[8]];
            *told.entry((addr(28 + 16).to_string(), (addr(12), packet[20], packet[21], how))).or_insert(0) += 1;
        }
    }

    /// Checks with what code r answers for each address, asked more often than the kernel's limit allows; `None`: not at all.
    fn check(&self, expected: &[(&str, Option<u8>)]) {
        let to: Vec<&str> = expected.iter().map(|(to, _)| *to).collect();
        let answered = expected.iter().filter(|(_, code)| code.is_some()).count();
        let told = self.probe(&self.r, &to, 10, 10 * answered);
        let said = |to: &str| -> Vec<_> {
            let about = told.iter().filter(|((about, _), _)| about == to);
            about.map(|((_, (sender, kind, code, _)), count)| (sender.to_string(), *kind, *code, *count)).collect()
        };
        for (to, code) in expected {
            let expected: Vec<_> = code.iter().map(|code| ("10.0.1.1".to_string(), 3, *code, 10)).collect();
            assert_eq!(said(to), expected, "{to}: {told:?}");
        }
    }
}

/// A lab with `icmp_limits` or without.
fn limited(icmp_limits: bool) -> Option<Lab> {
    lab(&Options { icmp_limits, ..Options::default() })
}

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap_or_else(|err| panic!("{text}: {err}"))
}

const MISSING: &str = "192.0.2.1";

#[test]
fn every_packet_is_told_of_unless_limits_are_asked_for() {
    let mut kernels = Heard::new();
    for icmp_limits in [true, false] {
        let Some(lab) = limited(icmp_limits) else { return };
        let path = Row::new(&lab);
        for (to, way) in [
            ("198.51.100.0/25", Way::Unreachable),
            ("198.51.100.128/25", Way::Prohibit),
            ("203.0.113.0/24", Way::Blackhole),
        ] {
            path.r.add_route(prefix(to), way).expect("a route");
        }
        let all = [MISSING, "198.51.100.1", "198.51.100.129", "203.0.113.1"];
        if icmp_limits {
            // The limit that no setting lifts alone: it lets five pass at once.
            path.r.set("net.ipv4.icmp_ratemask", "0").expect("a setting");
            kernels = path.probe(&path.r, &all, 1, 3);
            let told: usize = path.probe(&path.r, &all, 60, 0).values().sum();
            assert!(told < 60, "{told} of 180");
            continue;
        }
        let told = path.probe(&path.r, &all, 60, 180);
        assert_eq!(told.keys().collect::<Vec<_>>(), kernels.keys().collect::<Vec<_>>(), "as the kernel tells it");
        assert!(told.len() == 3 && told.values().all(|count| *count == 60), "{told:?}");
        let said: Vec<_> =
            told.keys().map(|(to, (sender, kind, code, _))| (&to[..], sender.to_string(), *kind, *code)).collect();
        let r = || "10.0.1.1".to_string();
        assert_eq!(said, [(MISSING, r(), 3, 0), ("198.51.100.1", r(), 3, 1), ("198.51.100.129", r(), 3, 13)]);
    }
}

#[test]
fn what_has_a_route_is_not_touched() {
    let Some(lab) = limited(false) else { return };
    let path = Row::new(&lab);
    path.r.add_route(prefix("10.0.0.0/8"), Way::Prohibit).expect("a route");
    path.r.add_route(prefix("0.0.0.0/0"), Way::Unreachable).expect("a route");
    for (from, to) in
        [(&path.a, &path.b), (&path.b, &path.a), (&path.a, &path.r), (&path.r, &path.a), (&path.r, &path.r)]
    {
        for addr in to.addrs() {
            reaches(from, to, addr).unwrap_or_else(|err| panic!("{addr}: {err}"));
        }
    }
    path.check(&[("10.9.0.1", Some(13)), (MISSING, Some(1)), ("10.0.1.1", Some(3))]);
    let own = udp(&path.r, path.r.addr());
    let err = own.send_to(b"hello", (MISSING, 9)).expect_err("r itself knows");
    assert_eq!(err.raw_os_error(), Some(libc::EHOSTUNREACH));
    path.r.add_route(prefix("10.9.0.0/16"), Way::Via(path.b.addr())).expect("a route");
    // b is no router.
    path.check(&[("10.9.0.1", None), ("10.8.0.1", Some(13))]);
}

#[test]
fn routes_of_other_programs_count_and_what_they_cannot_tell_is_the_kernels() {
    if !has("ip", "routes of ip(8) in a lab") {
        return;
    }
    let Some(lab) = limited(false) else { return };
    let path = Row::new(&lab);
    let ip = |words: &str| {
        let ran = run(&path.r, &[&["ip"], &words.split(' ').collect::<Vec<_>>()[..]].concat());
        assert_eq!(ran.exit, Exit::Code(0), "{words}: {ran:?}");
    };
    ip("route add unreachable 198.51.100.0/24");
    ip("route add prohibit 198.51.100.0/25");
    ip("route add throw 198.51.100.0/26");
    ip("route add blackhole 198.51.100.0/27");
    let [first, second, third, last] = ["198.51.100.1", "198.51.100.33", "198.51.100.65", "198.51.100.129"];
    path.check(&[(first, None), (second, Some(0)), (third, Some(13)), (last, Some(1)), (MISSING, Some(0))]);
    ip("route replace prohibit 198.51.100.0/27");
    ip("route del prohibit 198.51.100.0/25");
    path.check(&[(first, Some(13)), (second, Some(0)), (third, Some(1)), (last, Some(1)), (MISSING, Some(0))]);
    // Who does not forward is silent.
    path.r.set("net.ipv4.conf.eth0.forwarding", "0").expect("a setting");
    path.check(&[(first, None), (last, None), (MISSING, None)]);
    path.r.set("net.ipv4.conf.eth0.forwarding", "1").expect("a setting");
    path.check(&[(first, Some(13)), (MISSING, Some(0))]);
    ip("rule add to 198.51.100.0/24 lookup 100");
    ip("route add blackhole default table 100");
    path.check(&[(first, None), (last, None)]);
}

#[test]
fn rules_of_users_work_beside() {
    if !has("nft", "nft in a lab") {
        return;
    }
    let Some(lab) = limited(false) else { return };
    let path = Row::new(&lab);
    let nft = |words: &[&str]| {
        let ran = run(&path.r, &[&["nft"], words].concat());
        assert_eq!(ran.exit, Exit::Code(0), "{words:?}: {ran:?}");
        ran.out
    };
    let listed = nft(&["list", "ruleset"]);
    assert!(listed.contains("table ip pingscript") && listed.contains("reject with icmp net-unreachable"), "{listed}");
    nft(&["table ip t { chain c { type filter hook prerouting priority 0; ip daddr 192.0.2.2 drop; }; }"]);
    nft(&["add rule ip t c ip daddr 192.0.2.3 reject with icmp port-unreachable"]);
    path.check(&[(MISSING, Some(0)), ("192.0.2.2", None), ("192.0.2.3", Some(3))]);
    // Rules could not send from there.
    path.r.set("net.ipv4.icmp_errors_use_inbound_ifaddr", "1").expect("a setting");
    let listed = nft(&["list", "ruleset"]);
    assert!(listed.contains("table ip t {") && !listed.contains("pingscript"), "{listed}");
    let Some(lab) = limited(true) else { return };
    let listed = run(&Row::new(&lab).r, &["nft", "list", "ruleset"]);
    assert_eq!((listed.exit, &listed.out[..]), (Exit::Code(0), ""));
}

#[test]
fn a_host_that_comes_to_forward_tells_too() {
    let Some(lab) = limited(false) else { return };
    let path = Row::new(&lab);
    let c = host(&lab, "c");
    let _wire = join(&path.a, &c);
    path.a.add_route(prefix("192.0.2.0/24"), Way::Via(c.addr())).expect("a route");
    assert!(path.probe(&c, &[MISSING], 3, 0).is_empty(), "it does not forward");
    c.set("net.ipv4.ip_forward", "1").expect("a setting");
    let told: Vec<_> = path.probe(&c, &[MISSING], 20, 20).into_iter().collect();
    let [((_, (sender, 3, 0, _)), 20)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(std::net::IpAddr::from(*sender), c.addr());
}

#[test]
fn without_rules_the_kernel_answers() {
    if !has("python3", "a kernel without nf_tables") {
        return;
    }
    let tests = std::env::current_exe().expect("this test's own file");
    let words = ["-c", &filter(NO_RULES), tests.to_str().expect("UTF-8"), "--exact", ONE_WITHOUT, "--nocapture"];
    let helper = std::env::var(COPY).unwrap_or_else(|_| crate::common::binary().to_str().expect("UTF-8").to_string());
    let run = Cmd::new(Path::new("python3"), &words).env(WITHOUT, "1").env(COPY, &helper).run();
    assert!(run.stdout.contains("limited") || run.stderr.contains("SKIPPED"), "{}{}", run.stdout, run.stderr);
}

/// Not a test by itself: the one for whom there is no nf_tables.
#[test]
fn one_without_rules() {
    if std::env::var_os(WITHOUT).is_none() {
        return;
    }
    let Some(lab) = limited(false) else { return };
    let path = Row::new(&lab);
    path.r.add_route(prefix("198.51.100.0/24"), Way::Prohibit).expect("a route");
    let told = path.probe(&path.r, &["198.51.100.1"], 20, 1);
    assert!(told.keys().all(|(_, (_, kind, code, _))| (*kind, *code) == (3, 13)), "{told:?}");
    assert!((1..20).contains(&told.values().sum::<usize>()), "{told:?}");
    println!("limited");
}

const ONE_WITHOUT: &str = "nowhere::one_without_rules";

/// Tells [`one_without_rules`] to be so.
const WITHOUT: &str = "PINGSCRIPT_TEST_LAB_WITHOUT_RULES";

/// Answers socket(2) for nfnetlink with EPROTONOSUPPORT.
const NO_RULES: &str = "(0x20, 0, 0, 0), (0x15, 0, 5, call(41, 198)), (0x20, 0, 0, 16), (0x15, 0, 3, 16), \
                        (0x20, 0, 0, 32), (0x15, 0, 1, 12), (0x06, 0, 0, 0x0005005d)";
