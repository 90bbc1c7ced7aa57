//! Hosts and cables: addresses, names, what goes over, and what cannot be.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use pingscript::net::error::ErrorKind;
use pingscript::net::host::Host;
use pingscript::net::host::addr::{Version, local, resolve};
use pingscript::net::host::stop::Stop;
use pingscript::net::lab::{CableOptions, HostOptions, Lab, LabHost, Options, Prefix};
use socket2::{Domain, Protocol, Type};

use crate::fixture::{bound, host, join, lab, reaches, udp};

#[test]
fn two_hosts_reach_each_other_by_their_addresses() {
    for arp in [false, true] {
        let Some(lab) = lab(&Options { arp, ..Options::default() }) else { return };
        let (a, b) = (host(&lab, "a"), host(&lab, "b"));
        assert_eq!([a.addr().to_string(), b.addr().to_string()], ["10.0.0.1", "10.0.0.2"]);
        let wire = join(&a, &b);
        for (from, to) in [(&a, &b), (&b, &a), (&a, &a)] {
            for addr in to.addrs() {
                reaches(from, to, addr).unwrap_or_else(|err| panic!("{addr}, arp {arp}: {err}"));
            }
        }
        assert_eq!(a.addrs().len(), 2, "one of each version");
        // Without ARP a cable carries what was sent and nothing else: two datagrams each way.
        let frames = wire.cut();
        let asked = frames.iter().any(|frame| frame[12..14] == [8, 6]);
        assert!(if arp { asked } else { frames.len() == 4 }, "{} frames, arp {arp}", frames.len());
    }
}

#[test]
fn what_is_sent_has_its_checksum_and_fits_the_cable() {
    let Some(lab) = lab(&Options::default()) else { return };
    let (a, b) = (host(&lab, "a"), host(&lab, "b"));
    let wire = join(&a, &b);
    let (client, server) = (udp(&a, a.addr()), udp(&b, a.addr()));
    let to = (b.addr(), server.local_addr().expect("an address").port());
    let mut buffer = vec![0; 70_000];
    for size in [1, 1400, 1472, 9000, 60_000] {
        client.send_to(&vec![7; size], to).expect("sends");
        assert_eq!(server.recv(&mut buffer).expect("it comes"), size);
    }
    assert!(wire.cut().iter().all(|frame| frame.len() <= 1514), "frames are cut before they are sent");
}

#[test]
fn an_mtu_is_the_cables() {
    let Some(lab) = lab(&Options::default()) else { return };
    let (a, b) = (host(&lab, "a"), host(&lab, "b"));
    let connect = |mtu| lab.connect(&a, &b, &CableOptions { mtu });
    assert_eq!(connect(10).expect_err("too small").kind, ErrorKind::Invalid);
    let (c, d) = (host(&lab, "c"), host(&lab, "d"));
    lab.connect(&c, &d, &CableOptions { mtu: 576 }).expect("one that is too small for IPv6");
    assert!(c.routes().iter().all(|(to, _)| to.addr().is_ipv4()) && c.routes().len() == 1);
    let cable = connect(1280).expect("a cable");
    assert_eq!(cable.ports.each_ref().map(|port| (port.ifname.as_str(), port.mtu)), [("eth0", 1280); 2]);
    assert_eq!(cable.ports[0].mac, cable.ports[1].mac);
    let socket = udp(&a, a.addr());
    socket.connect((b.addr(), 9)).expect("a route");
    let socket = socket2::Socket::from(socket);
    pingscript::net::sys::set_option(
        std::os::fd::AsFd::as_fd(&socket),
        libc::IPPROTO_IP,
        libc::IP_MTU_DISCOVER,
        libc::IP_PMTUDISC_DO,
    )
    .expect("an option");
    assert_eq!(socket.send(&[0; 1253]).map_err(|err| err.raw_os_error()), Err(Some(libc::EMSGSIZE)));
}

#[test]
fn a_host_has_its_addresses_and_all_ports_before_any_cable() {
    let Some(lab) = lab(&Options::default()) else { return };
    let a = host(&lab, "a");
    for addr in a.addrs() {
        bound(&a, SocketAddr::new(addr, 53));
        reaches(&a, &a, addr).expect("itself");
    }
    let b = host(&lab, "b");
    let other = a.kernel_socket(Domain::IPV4, Type::DGRAM, None).expect("a socket");
    let err = other.bind(&SocketAddr::new(b.addr(), 0).into()).expect_err("of another host");
    assert_eq!(err.kind(), io::ErrorKind::AddrNotAvailable);
}

#[test]
fn sockets_of_every_kind_are_handed_over() {
    let Some(lab) = lab(&Options::default()) else { return };
    let a = host(&lab, "a");
    for (domain, kind, protocol) in [
        (Domain::IPV4, Type::DGRAM, Some(Protocol::ICMPV4)),
        (Domain::IPV6, Type::DGRAM, Some(Protocol::ICMPV6)),
        (Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)),
        (Domain::IPV4, Type::STREAM, Some(Protocol::TCP)),
    ] {
        a.kernel_socket(domain, kind, protocol).unwrap_or_else(|err| panic!("{domain:?} {kind:?}: {err}"));
    }
    let refused = a.kernel_socket(Domain::from(250), Type::DGRAM, None).expect_err("no such domain");
    assert_eq!(refused.raw_os_error(), Some(libc::EAFNOSUPPORT));
}

#[test]
fn names_of_hosts_are_known_in_the_lab() {
    let Some(lab) = lab(&Options::default()) else { return };
    let (a, _) = (host(&lab, "a"), host(&lab, "Server"));
    let stop = Stop::root().expect("eventfd");
    let found =
        |name: &str, version| resolve(&a, &stop, name, version).map(|addr| addr.to_string()).map_err(|err| err.kind);
    assert_eq!(found("server:7", None), Ok("10.0.0.2:7".to_string()));
    assert_eq!(found("server:7", Some(Version::V6)), Ok("[fd00::2]:7".to_string()));
    assert_eq!(found("10.0.0.9:7", None), Ok("10.0.0.9:7".to_string()));
    assert_eq!(found("localhost:7", None), Ok("127.0.0.1:7".to_string()));
    assert_eq!(found("elsewhere:7", None), Err(ErrorKind::Resolve), "and nobody outside is asked");
    assert_eq!(local(&a, &stop, "a:7", Version::V4).expect("its own").to_string(), "10.0.0.1:7");
    assert_ne!(a.id(), Default::default(), "0 is this machine");
}

#[test]
fn every_icmp_error_is_sent_unless_limits_are_asked_for() {
    for icmp_limits in [false, true] {
        let Some(lab) = lab(&Options { icmp_limits, ..Options::default() }) else { return };
        let (a, b) = (host(&lab, "a"), host(&lab, "b"));
        let wire = join(&a, &b);
        for addr in b.addrs() {
            let client = udp(&a, addr);
            client.connect((addr, 9)).expect("a route");
            // The kernel's own limit lets six pass at once.
            let patience = Duration::from_millis(if icmp_limits { 50 } else { 5000 });
            let received = (0..60).take_while(|_| refused(&client, patience)).count();
            assert_eq!(received == 60, !icmp_limits, "{received} of 60");
        }
        drop(wire);
    }
}

#[test]
fn settings_are_a_hosts_own() {
    let Some(lab) = lab(&Options::default()) else { return };
    let (a, b) = (host(&lab, "a"), host(&lab, "b"));
    a.set("net.ipv4.ip_default_ttl", "7").expect("a setting");
    let ttl = |host: &LabHost| {
        host.kernel_socket(Domain::IPV4, Type::DGRAM, None).expect("a socket").ttl_v4().expect("a TTL")
    };
    assert_eq!((ttl(&a), ttl(&b)), (7, 64));
    for name in ["kernel.hostname", "net..ipv4", "net/../kernel/hostname", ""] {
        assert_eq!(a.set(name, "x").expect_err(name).kind, ErrorKind::Invalid);
    }
    assert!(a.set("net.ipv4.no_such", "1").expect_err("none").message.contains("no such file"));
}

/// Whether a datagram to a closed port is answered by an error in time.
fn refused(client: &UdpSocket, patience: Duration) -> bool {
    client.set_read_timeout(Some(patience)).expect("a time-out");
    let _ = client.send(b"hello");
    client.recv(&mut [0; 8]).is_err_and(|err| err.kind() == io::ErrorKind::ConnectionRefused)
}

#[test]
fn what_cannot_be_is_refused_and_the_lab_goes_on() {
    let Some(lab) = lab(&Options::default()) else { return };
    let at = |lab: &Lab, name: &str, addrs: &[&str]| {
        let addrs = addrs.iter().map(|text| text.parse::<Prefix>().expect("an address")).collect();
        lab.host(name, &HostOptions { addrs, forwards: false })
    };
    let a = at(&lab, "a", &["10.0.0.2"]).expect("a host");
    assert_eq!(host(&lab, "b").addr().to_string(), "10.0.0.3", "10.0.0.2 is taken");
    for (name, addrs, kind, part) in [
        ("a", &[][..], ErrorKind::Invalid, "a host of this name"),
        ("A", &[], ErrorKind::Invalid, "a host of this name"),
        ("c d", &[], ErrorKind::Invalid, "cannot be called"),
        ("c", &["10.0.0.2"], ErrorKind::InUse, "a has this address"),
        ("c", &["10.0.0.7", "10.0.0.7/24"], ErrorKind::Invalid, "given twice"),
        ("c", &["127.0.0.1"], ErrorKind::Invalid, "loopback"),
    ] {
        let err = at(&lab, name, addrs).expect_err(name);
        assert!(err.kind == kind && err.message.contains(part), "{name} {addrs:?}: {err}");
    }
    let err = lab.connect(&a, &a, &CableOptions::default()).expect_err("itself");
    assert!(err.message.contains("to itself"), "{err}");
    let Some(other) = crate::fixture::lab(&Options::default()) else { return };
    let err = lab.connect(&a, &host(&other, "x"), &CableOptions::default()).expect_err("another lab");
    assert!(err.message.contains("another lab"), "{err}");
    let c = host(&lab, "c");
    let _wires = [join(&a, &c), join(&a, &c)];
    reaches(&a, &c, c.addr()).expect("two cables are as good as one");
}
