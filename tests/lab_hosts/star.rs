//! A lab with many hosts.

use std::time::Instant;

use pingscript::net::lab::{CableOptions, Options};

use crate::fixture::{host, join, lab, reaches, router};

#[test]
fn fifty_hosts_around_a_router_reach_each_other() {
    let began = Instant::now();
    let Some(lab) = lab(&Options::default()) else { return };
    let centre = router(&lab, "centre");
    let hosts: Vec<_> = (1..=50).map(|number| host(&lab, &format!("h{number}"))).collect();
    let made = began.elapsed();
    let (first, last) = (&hosts[0], &hosts[49]);
    let _wires = [join(first, &centre), join(last, &centre)];
    let cables: Vec<_> = hosts[1..49]
        .iter()
        .map(|host| lab.connect(host, &centre, &CableOptions::default()).expect("a cable"))
        .collect();
    // Shown with --nocapture.
    println!("50 hosts made after {made:?}, joined to a router after {:?}", began.elapsed());
    assert_eq!(cables.len(), 48);
    for addr in last.addrs() {
        reaches(first, last, addr).unwrap_or_else(|err| panic!("{addr}: {err}"));
    }
}

#[test]
fn three_hosts_in_a_row() {
    let began = Instant::now();
    let Some(lab) = lab(&Options::default()) else { return };
    let (a, r, b) = (host(&lab, "a"), router(&lab, "r"), host(&lab, "b"));
    let _wires = [join(&a, &r), join(&r, &b)];
    println!("3 hosts and 2 cables after {:?}", began.elapsed());
    reaches(&a, &b, b.addr()).expect("by way of the router");
}
