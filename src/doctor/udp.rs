//! UDP over loopback: datagrams, the ICMP errors about them, kernel stamps, and the kernel's count of drops.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use super::listen::Arrived;
use super::{Area, Check, Checkup, State};
use crate::net::error::{errno, in_words, number_of};
use crate::net::host::socket::{HostSocket, Outgoing, SocketOption, SocketType};
use crate::net::io::Origin;
use crate::net::wire::Family;

/// A free port of loopback.
pub(super) const V4: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// See [`V4`].
const V6: SocketAddr = SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::LOCALHOST), 0);

/// Brings loopback up.
const LO_UP: &str = "ip link set lo up";

/// Tries UDP out.
pub(super) fn examine(bench: Checkup<'_>) -> Vec<Check> {
    vec![datagrams_v4(bench), datagrams_v6(bench), errors(bench), stamps(bench), drops(bench)]
}

fn datagrams_v4(bench: Checkup<'_>) -> Check {
    let check = |finding: &str| Check::ok(Area::Udp, "udp", "UDP over IPv4", finding);
    match bench.crosses(V4) {
        Ok(true) => check("a datagram crosses loopback"),
        Ok(false) => check("a datagram sent over loopback did not arrive")
            .state(State::Broken)
            .remedies([bench.system.show_firewall()]),
        Err(err) => check(&in_words(&err)).state(State::Broken).remedies([bench.system.as_root(LO_UP)]),
    }
}

fn datagrams_v6(bench: Checkup<'_>) -> Check {
    let check = |finding: &str| Check::ok(Area::Udp, "ipv6", "UDP over IPv6", finding);
    let limited = |finding: &str| {
        let meaning = "scripts run over IPv4 only";
        check(finding).state(State::Limited).meaning(meaning)
    };
    match bench.crosses(V6) {
        Ok(true) => check("a datagram crosses loopback"),
        Ok(false) => limited("a datagram sent over loopback did not arrive"),
        Err(err) if number_of(&err) == errno::EAFNOSUPPORT => {
            limited("the kernel has no IPv6").remedies(["boot without ipv6.disable=1".to_string()])
        }
        Err(err) => {
            let off = ["all", "lo"].into_iter().filter(|name| {
                bench.system.read(&format!("net/ipv6/conf/{name}/disable_ipv6")).is_some_and(|v| v == "1")
            });
            let commands: Vec<_> = off
                .map(|name| bench.system.as_root(&format!("sysctl -w net.ipv6.conf.{name}.disable_ipv6=0")))
                .collect();
            limited(&in_words(&err)).remedies(match commands.is_empty() {
                false => commands,
                true => vec![bench.system.as_root(LO_UP)],
            })
        }
    }
}

fn errors(bench: Checkup<'_>) -> Check {
    let check = |finding: &str| Check::ok(Area::Udp, "icmp-errors", "ICMP errors", finding);
    let deaf = "what is refused or unreachable shows as a time-out, and why is not reported";
    match bench.is_refused_aloud() {
        Ok(true) => check("read from the error queue, without root"),
        Ok(false) => check("nothing came back from a closed port of loopback")
            .state(State::Limited)
            .meaning(deaf)
            .remedies([bench.system.show_firewall()]),
        Err(err) => check(&format!("no error queue: {}", in_words(&err))).state(State::Limited).meaning(deaf),
    }
}

fn stamps(bench: Checkup<'_>) -> Check {
    let check = |finding: &str| Check::ok(Area::Udp, "stamps", "kernel stamps", finding);
    let meaning = "round-trip times hold some microseconds of this program's own";
    match bench.is_stamped(V4) {
        Ok((true, true)) => check("of sending and of arrival"),
        Ok((false, true)) => check("of arrival only").state(State::Limited).meaning(meaning),
        Ok((true, false)) => check("of sending only").state(State::Limited).meaning(meaning),
        Ok((false, false)) => check("none").state(State::Limited).meaning(meaning),
        Err(err) => check(&in_words(&err)).state(State::Limited).meaning(meaning),
    }
}

fn drops(bench: Checkup<'_>) -> Check {
    let check = |finding: &str| Check::ok(Area::Udp, "drops", "full buffers", finding);
    let meaning = "what a full receive buffer loses is not distinguished from other losses";
    match bench.drops_are_reported() {
        Ok(true) => check("what they lose is counted by the kernel"),
        Ok(false) => check("what they lose is not counted").state(State::Limited).meaning(meaning),
        Err(err) => check(&in_words(&err)).state(State::Limited).meaning(meaning),
    }
}

/// Sends a datagram.
pub(super) fn send(from: &dyn HostSocket, data: &[u8], to: SocketAddr) -> io::Result<()> {
    from.send(&Outgoing { data, to: Some(to), source: None }).map(drop)
}

impl Checkup<'_> {
    /// A UDP socket at a free port of `local`, and its address.
    fn udp(&self, local: SocketAddr) -> io::Result<(Arc<dyn HostSocket>, SocketAddr)> {
        let socket = self.host.socket(SocketType::Udp, Family::of(local.ip()))?;
        let local = socket.bind(local)?;
        Ok((socket, local))
    }

    /// Whether a datagram arrives.
    pub(super) fn crosses(&self, local: SocketAddr) -> io::Result<bool> {
        let ((from, _), (to, addr)) = (self.udp(local)?, self.udp(local)?);
        send(&*from, b"?", addr)?;
        Ok(!self.receive(&*to, |arrived| !arrived.data.is_empty())?.data.is_empty())
    }

    /// Whether a closed port replies with an ICMP error that reaches the sender (IP_RECVERR).
    fn is_refused_aloud(&self) -> io::Result<bool> {
        let (_, closed) = self.udp(V4)?;
        let (from, _) = self.udp(V4)?;
        from.set(SocketOption::QueueErrors)?;
        send(&*from, b"?", closed)?;
        let arrived = self.receive(&*from, |arrived| arrived.of(Origin::Icmp).next().is_some())?;
        Ok(arrived.of(Origin::Icmp).next().is_some())
    }

    /// Whether the kernel stamps a datagram as it is sent, and as it arrives (SO_TIMESTAMPING).
    fn is_stamped(&self, local: SocketAddr) -> io::Result<(bool, bool)> {
        let ((from, _), (to, addr)) = (self.udp(local)?, self.udp(local)?);
        from.set(SocketOption::NumberStamps)?;
        to.set(SocketOption::NumberStamps)?;
        let (mut sent, mut received) = (false, false);
        self.until_stamped(|bench| {
            send(&*from, b"?", addr)?;
            received |= bench.receive(&*to, |arrived| !arrived.data.is_empty())?.received_stamp();
            sent |= bench.receive(&*from, Arrived::sent_stamp)?.sent_stamp();
            Ok(sent && received)
        })?;
        Ok((sent, received))
    }

    /// Whether the kernel says what a full receive buffer has lost (SO_RXQ_OVFL).
    fn drops_are_reported(&self) -> io::Result<bool> {
        let ((from, _), (to, addr)) = (self.udp(V4)?, self.udp(V4)?);
        to.set(SocketOption::CountOverflow)?;
        to.set(SocketOption::ReceiveBuffer(1))?;
        for _ in 0..32 {
            send(&*from, &[0; 1000], addr)?;
        }
        self.receive(&*to, |arrived| !arrived.data.is_empty())?;
        // Reported with the next that finds room.
        send(&*from, b"?", addr)?;
        let arrived = self.receive(&*to, |arrived| !arrived.data.is_empty())?;
        Ok(arrived.data.iter().any(|(received, _)| received.overflow.is_some_and(|lost| lost > 0)))
    }
}
