//! What a policy's closure sees of TCP and of fragments.

use rhai::Dynamic;

use super::PolicyFrame;
use crate::net::wire::connections::Segment;

impl PolicyFrame {
    /// Something of the TCP segment; `()` if there is none.
    fn of_tcp<T: Into<Dynamic>>(&self, get: impl FnOnce(&Segment) -> Option<T>) -> Dynamic {
        self.0.segment.as_ref().and_then(get).map_or(Dynamic::UNIT, Into::into)
    }
}

functions! {
    pub fn api;

    /// The sequence number of a TCP segment, counted from the SYN of its connection, which is 0 (RFC 9293, section 3.4), as far as
    /// the link has seen it; that of an echo request or reply; `()` for anything else.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// set_policy(net.link(a, b), |pkt| if pkt.seq == 1 { reject("icmp-admin-prohibited") } else { pass() });
    /// let ping = run_in(a, || icmp::open("0.0.0.0").ping(b.addr, 1.s));
    /// expect(`${ping.icmp}`, "Communication Administratively Prohibited");
    /// ```
    get seq(frame: &mut PolicyFrame) -> Dynamic = match frame.0.segment {
        Some(segment) => i64::from(segment.seq).into(),
        None => frame.of_ip(|ip| ip.echo.map(|echo| i64::from(echo.seq))),
    };

    /// The acknowledgement number of a TCP segment, counted from the SYN of the peer; `()` for what is not TCP, or has no flag ACK.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// // Nothing is listening on b: the RST acknowledges the SYN.
    /// set_policy(net.link(a, net.host("b")), |pkt| if pkt.ack == 1 { drop() } else { pass() });
    /// let kind = "";
    /// try { run_in(a, || tcp::connect("b:7", #{ timeout: 100.ms })); } catch (e) { kind = e.kind; }
    /// expect(kind, "timeout");
    /// ```
    get ack(frame: &mut PolicyFrame) -> Dynamic = frame.of_tcp(|segment| segment.ack.map(i64::from));

    /// The receive window of a TCP segment in bytes, scaled where the link has seen the handshake (RFC 7323); `()` for what is not
    /// TCP.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// set_policy(net.link(a, net.host("b")), |pkt| if pkt.flags == "SYN" && pkt.window > 0 { drop() } else { pass() });
    /// let kind = "";
    /// try { run_in(a, || tcp::connect("b:7", #{ timeout: 100.ms })); } catch (e) { kind = e.kind; }
    /// expect(kind, "timeout");
    /// ```
    get window(frame: &mut PolicyFrame) -> Dynamic = frame.of_tcp(|segment| Some(i64::from(segment.window)));

    /// Whether a TCP segment, or some of it, has come onto this link before, or fills a hole too late for one that was merely
    /// overtaken: later than the round trip of the handshake, or than 3 ms where that was not seen. `false` for what is not TCP.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// // The first SYN is lost, and what is sent again passes: nothing is listening there.
    /// set_policy(net.link(a, net.host("b")), |pkt| if pkt.flags == "SYN" && !pkt.retransmission { drop() } else { pass() });
    /// let kind = "";
    /// try { run_in(a, || tcp::connect("b:7", #{ timeout: 5.s })); } catch (e) { kind = e.kind; }
    /// expect(kind, "refused");
    /// ```
    get retransmission(frame: &mut PolicyFrame) -> bool = frame.0.segment.is_some_and(|segment| segment.retransmission);

    /// Whether no router may fragment it: the bit Don't Fragment of IPv4 (RFC 791); `()` for anything else.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// set_policy(net.link(a, net.host("b")), |pkt| if pkt.flags == "SYN" && pkt.df != false { drop() } else { pass() });
    /// let kind = "";
    /// try { run_in(a, || tcp::connect("b:7", #{ timeout: 100.ms })); } catch (e) { kind = e.kind; }
    /// expect(kind, "timeout");
    /// ```
    get df(frame: &mut PolicyFrame) -> Dynamic = frame.of_ip(|ip| ip.dont_fragment);

    /// The place of a fragment: how many bytes of the datagram come before it, 0 for the first; `()` if the packet is whole.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// set_policy(net.link(a, b), |pkt| if pkt.fragment == 1480 { drop() } else { pass() });
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "x".repeat(2000), 200.ms));
    /// expect(ping.kind, "timeout");
    /// ```
    get fragment(frame: &mut PolicyFrame) -> Dynamic =
        frame.of_ip(|ip| ip.fragment.map(|fragment| i64::from(fragment.offset)));
}
