//! ICMP: ping sockets and raw sockets, each by an echo request over loopback.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::listen::Arrived;
use super::udp::send;
use super::{Area, Check, Checkup, State};
use crate::net::error::{errno, in_words, number_of};
use crate::net::host::socket::{SocketOption, SocketType};
use crate::net::wire::Family;
use crate::net::wire::icmp::{Echo, Kind, Message};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// What the kernel does not report in the error queue of a UDP socket.
const UNHEARD: &str = "UDP pings do not see without them: source quench (4/0), redirects (5), reassembly time exceeded (11/1), \
                       Photuris (40), extended echo (43); of ICMPv6 redirects (137) and extended echo (161)";

/// What came of an echo request over loopback.
#[derive(Debug)]
struct EchoReply {
    /// Whether the reply came.
    came: bool,
    /// Whether the kernel stamped both.
    stamped: bool,
    /// Why nothing could be sent.
    unsent: Option<io::Error>,
}

/// Tries both kinds of sockets out.
pub(super) fn examine(bench: Checkup<'_>) -> Vec<Check> {
    let ping = [V4, V6].map(|to| bench.echo(SocketType::Ping, to));
    let raw = [V4, V6].map(|to| bench.echo(SocketType::RawIcmp, to));
    let opened = |tried: &[io::Result<EchoReply>; 2]| tried[0].is_ok();
    let (ping_opens, raw_opens) = (opened(&ping), opened(&raw));
    vec![ping_sockets(bench, ping, raw_opens), raw_sockets(bench, raw, ping_opens)]
}

fn ping_sockets(bench: Checkup<'_>, [v4, v6]: [io::Result<EchoReply>; 2], raw_opens: bool) -> Check {
    let check = |finding: &str| Check::ok(Area::Icmp, "ping-sockets", "ping sockets", finding);
    let err = match v4 {
        Ok(reply) => return replied(check, bench, reply, v6.as_ref().ok()),
        Err(err) => err,
    };
    let range = bench.system.read("net/ipv4/ping_group_range").unwrap_or_default();
    let range = range.split_whitespace().collect::<Vec<_>>().join(" ");
    let refused = number_of(&err) == errno::EACCES;
    let found = match refused {
        true => check(&format!("not for this user: net.ipv4.ping_group_range is {range}")),
        false => check(&in_words(&err)),
    };
    let found = found.remedies(refused.then(|| bench.system.open_ping_sockets()));
    match raw_opens {
        true => found.state(State::Limited).meaning("raw sockets take their place"),
        false if refused => found.state(State::Refused).meaning("no ICMP pings: this or raw sockets would do"),
        false => found.state(State::Broken).meaning("no ICMP pings"),
    }
}

fn raw_sockets(bench: Checkup<'_>, [v4, v6]: [io::Result<EchoReply>; 2], ping_opens: bool) -> Check {
    let check = |finding: &str| Check::ok(Area::Icmp, "raw-sockets", "raw sockets", finding);
    let err = match v4 {
        Ok(reply) => return replied(check, bench, reply, v6.as_ref().ok()),
        Err(err) => err,
    };
    let finding = match number_of(&err) {
        errno::EPERM => "not without CAP_NET_RAW".to_string(),
        _ => in_words(&err),
    };
    let found = check(&finding).remedies([bench.system.allow_raw_sockets()]).meaning(UNHEARD);
    found.state(if ping_opens { State::Limited } else { State::Refused })
}

/// What was found of sockets that could be opened.
fn replied(check: impl Fn(&str) -> Check, bench: Checkup<'_>, v4: EchoReply, v6: Option<&EchoReply>) -> Check {
    if let Some(err) = v4.unsent {
        return check(&format!("they open, but nothing can be sent: {}", in_words(&err))).state(State::Limited);
    }
    if !v4.came {
        let remedy = match bench.system.read("net/ipv4/icmp_echo_ignore_all").as_deref() {
            Some("1") => bench.system.as_root("sysctl -w net.ipv4.icmp_echo_ignore_all=0"),
            _ => bench.system.show_firewall(),
        };
        return check("they open, but this machine replies to no echo request")
            .state(State::Limited)
            .remedies([remedy]);
    }
    let versions = if v6.is_some_and(|v6| v6.came) { "IPv4 and IPv6" } else { "IPv4" };
    let stamps = if v4.stamped { "with kernel stamps" } else { "without kernel stamps" };
    check(&format!("{versions}, {stamps}"))
}

impl Checkup<'_> {
    /// Sends an echo request to an address of loopback, and receives what comes.
    ///
    /// # Errors
    /// What socket(2) refuses.
    fn echo(&self, kind: SocketType, to: IpAddr) -> io::Result<EchoReply> {
        let family = if to.is_ipv4() { Family::V4 } else { Family::V6 };
        let socket = self.host.socket(kind, family)?;
        socket.set(SocketOption::NumberStamps)?;
        let mut reply = EchoReply { came: false, stamped: false, unsent: None };
        let mut seq = 0;
        let sent = self.until_stamped(|bench| {
            seq += 1;
            // Raw sockets receive what is meant for others, and their own request; the wall clock distinguishes requests.
            let data = format!("pingscript doctor {}", bench.host.unix_nanos());
            let request = Message::echo_request(family, Echo { id: ECHO_ID, seq }, data.as_bytes()).for_raw_socket();
            send(&*socket, &request.emit(), SocketAddr::new(to, 0))?;
            let came = |arrived: &Arrived| arrived.data.iter().any(|(_, bytes)| is_reply(family, kind, bytes, &data));
            let arrived = bench.receive(&*socket, |arrived| came(arrived) && arrived.sent_stamp())?;
            reply.came |= came(&arrived);
            reply.stamped |= arrived.sent_stamp() && arrived.received_stamp();
            Ok(!reply.came || reply.stamped)
        });
        Ok(EchoReply { unsent: sent.err(), ..reply })
    }
}

/// Whether `bytes` are the reply to the request that carried `data`.
fn is_reply(family: Family, kind: SocketType, bytes: &[u8], data: &str) -> bool {
    // Raw sockets give the IP header too, those of IPv6 do not.
    let header = match (family, kind, bytes) {
        (Family::V4, SocketType::RawIcmp, [first, ..]) => usize::from(first & 15) * 4,
        _ => 0,
    };
    let message = bytes.get(header..).and_then(|bytes| Message::parse(family, bytes).ok());
    message.is_some_and(|message| message.kind == Kind::echo_reply(family) && message.body == data.as_bytes())
}

/// The identifier of our requests; the kernel puts another in those of ping sockets.
const ECHO_ID: u16 = 0x7073;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_reply_to_our_own_request_counts() {
        let echo = Echo { id: 1, seq: 1 };
        let (request, reply) =
            (Message::echo_request(Family::V4, echo, b"x"), Message::echo_reply(Family::V4, echo, b"x"));
        assert!(is_reply(Family::V4, SocketType::Ping, &reply.emit(), "x"));
        assert!(!is_reply(Family::V4, SocketType::Ping, &reply.emit(), "y"));
        assert!(!is_reply(Family::V4, SocketType::Ping, &request.emit(), "x"));
        let mut packet = vec![0x45; 20];
        packet.extend(reply.emit());
        assert!(is_reply(Family::V4, SocketType::RawIcmp, &packet, "x"));
        for end in 0..packet.len() {
            assert!(!is_reply(Family::V4, SocketType::RawIcmp, &packet[..end], "x"), "{end}");
        }
    }
}
