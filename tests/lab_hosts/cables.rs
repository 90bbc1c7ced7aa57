//! Hosts and cables: addresses, names, and what goes over.

use pingscript::net::error::ErrorKind;
use pingscript::net::host::Host;
use pingscript::net::lab::{CableOptions, HostOptions, Options, Prefix};

use crate::fixture::{host, join, lab, reaches};

#[test]
fn two_hosts_reach_each_other_by_their_addresses() {
    let Some(lab) = lab(&Options::default()) else { return };
    let (a, b) = (host(&lab, "a"), host(&lab, "b"));
    assert_eq!([a.addr().to_string(), b.addr().to_string()], ["10.0.0.1", "10.0.0.2"]);
    let _wire = join(&a, &b);
    for (from, to) in [(&a, &b), (&b, &a), (&a, &a)] {
        for addr in to.addrs() {
            reaches(from, to, addr).unwrap_or_else(|err| panic!("{addr}: {err}"));
        }
    }
    assert_eq!(a.addrs().len(), 2, "one of each version");
}
