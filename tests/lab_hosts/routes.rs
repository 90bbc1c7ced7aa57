//! Routes: those that the lab makes, and those that somebody chose.

use std::io::ErrorKind;
use std::net::IpAddr;

use pingscript::net::lab::route::Way;
use pingscript::net::lab::{HostOptions, Lab, LabHost, Options, Prefix};

use crate::fixture::{Wire, host, join, lab, reaches, router};

#[test]
fn routers_carry_on_by_themselves() {
    for arp in [false, true] {
        let Some(lab) = lab(&Options { arp, ..Options::default() }) else { return };
        let (a, _, _, b, _wires) = chain(&lab);
        for addr in b.addrs() {
            reaches(&a, &b, addr).unwrap_or_else(|err| panic!("{addr}, arp {arp}: {err}"));
        }
    }
}

#[test]
fn a_route_that_is_missing_is_reported_by_the_router() {
    let Some(lab) = lab(&Options::default()) else { return };
    let (a, r1, r2, b, _wires) = chain(&lab);
    r2.delete_route(b.addr().into()).expect("it has one");
    // Code 0, network unreachable, and 1, host unreachable, are one to the socket.
    assert_eq!(reaches(&a, &b, b.addr()).map_err(|err| err.kind()), Err(ErrorKind::NetworkUnreachable));
    r1.add_route(b.addr().into(), Way::Prohibit).expect("a route");
    assert_eq!(reaches(&a, &b, b.addr()).map_err(|err| err.raw_os_error()), Err(Some(libc::EHOSTUNREACH)));
    a.add_route(b.addr().into(), Way::Unreachable).expect("a route");
    assert_eq!(reaches(&a, &b, b.addr()).map_err(|err| err.kind()), Err(ErrorKind::HostUnreachable));
    for (host, via) in [(&a, &r1), (&r1, &r2), (&r2, &b)] {
        host.add_route(b.addr().into(), Way::Via(via.addr())).expect("a route");
    }
    reaches(&a, &b, b.addr()).expect("whole again");
    let err = r2.delete_route(prefix("192.0.2.0/24")).expect_err("there is none");
    assert!(err.hint.contains("10.0.0.1"), "{}", err.hint);
}

#[test]
fn without_routes_only_neighbours_are_reached() {
    let Some(lab) = lab(&Options { routes: false, ..Options::default() }) else { return };
    let (a, r1, _, b, _wires) = chain(&lab);
    reaches(&a, &r1, r1.addr()).expect("a neighbour");
    assert_eq!(reaches(&a, &b, b.addr()).map_err(|err| err.kind()), Err(ErrorKind::NetworkUnreachable));
}

#[test]
fn chosen_networks_work_as_in_a_textbook() {
    for arp in [false, true] {
        let Some(lab) = lab(&Options { arp, ..Options::default() }) else { return };
        let at = |name: &str, addrs: &[&str], forwards| {
            let options = HostOptions { addrs: addrs.iter().map(|text| prefix(text)).collect(), forwards };
            lab.host(name, &options).expect("a host")
        };
        let a = at("a", &["10.0.1.2/24", "fd00:1::2/64"], false);
        let r = at("r", &["10.0.1.1/24", "10.0.2.1/24", "fd00:1::1/64", "fd00:2::1/64"], true);
        let b = at("b", &["10.0.2.2/24", "fd00:2::2/64"], false);
        let _wires = [join(&a, &r), join(&r, &b)];
        for (from, to, addr) in
            [(&a, &b, "10.0.2.2"), (&b, &a, "fd00:1::2"), (&a, &r, "10.0.2.1"), (&b, &r, "fd00:1::1")]
        {
            let addr: IpAddr = addr.parse().expect("an address");
            reaches(from, to, addr).unwrap_or_else(|err| panic!("{addr}, arp {arp}: {err}"));
        }
    }
}

#[test]
fn ways_that_lead_nowhere_are_refused() {
    let Some(lab) = lab(&Options::default()) else { return };
    let (a, b, c) = (host(&lab, "a"), host(&lab, "b"), host(&lab, "c"));
    let via = |to: &str, way: IpAddr| a.add_route(prefix(to), Way::Via(way)).expect_err("no way");
    assert!(via("10.9.0.0/16", b.addr()).hint.contains("no links yet"));
    let _wire = join(&a, &b);
    assert!(via("10.9.0.0/16", c.addr()).hint.contains("linked to b"));
    assert!(via("10.9.0.0/16", b.addrs()[1]).message.contains("by way of fd00::2"));
    a.add_route(prefix("10.9.0.0/16"), Way::Via(b.addr())).expect("by a neighbour");
    assert_eq!(a.routes().len(), 3);
}

/// a - r1 - r2 - b, every frame carried.
fn chain(lab: &Lab) -> (LabHost, LabHost, LabHost, LabHost, [Wire; 3]) {
    let (a, r1, r2, b) = (host(lab, "a"), router(lab, "r1"), router(lab, "r2"), host(lab, "b"));
    let wires = [join(&a, &r1), join(&r1, &r2), join(&r2, &b)];
    (a, r1, r2, b, wires)
}

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap_or_else(|err| panic!("{text}: {err}"))
}
