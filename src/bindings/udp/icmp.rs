//! ICMP errors in scripts.

use std::fmt;

use rhai::{Array, Dynamic, Map};

use crate::net::wire::icmp::{Extensions, IcmpError, MplsLabel};

/// An ICMP error's name is how scripts print it.
impl fmt::Display for IcmpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

/// The labels of an error's extensions, as an array of maps.
pub(in crate::bindings) fn labels(labels: &[MplsLabel]) -> Dynamic {
    let label = |label: &MplsLabel| {
        let number = |value: u32| Dynamic::from(i64::from(value));
        let fields = [
            ("label", number(label.label)),
            ("tc", number(label.traffic_class.into())),
            ("bottom", label.bottom.into()),
            ("ttl", number(label.ttl.into())),
        ];
        Dynamic::from_map(fields.into_iter().map(|(name, value)| (name.into(), value)).collect::<Map>())
    };
    labels.iter().map(label).collect::<Array>().into()
}

functions! {
    pub fn api;
    object IcmpError as Icmp, "An ICMP error about a datagram.";

    /// The error's name, such as `"Port Unreachable"`; one without a name is called by its numbers.
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(ping.icmp.name, "Port Unreachable");
    /// ```
    get name(icmp: &mut IcmpError) -> String = icmp.kind.to_string();

    /// The error's name for programs, such as `"port-unreachable"`; `()` if no table knows it.
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(ping.icmp.keyword, "port-unreachable");
    /// ```
    get keyword(icmp: &mut IcmpError) -> Dynamic = icmp.kind.keyword().map_or(Dynamic::UNIT, Into::into);

    /// The sequence number of the ping that it is about; `()` where that is not known.
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 7", 100.ms);
    /// expect(ping.icmp.seq, 7);
    /// ```
    get seq(icmp: &mut IcmpError) -> Dynamic = icmp.number.map_or(Dynamic::UNIT, |number| (number as i64).into());

    /// The ICMP type, 0 to 255 (RFC 792, RFC 4443).
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(ping.icmp.type, 3);
    /// ```
    get type(icmp: &mut IcmpError) -> i64 = i64::from(icmp.kind.type_);

    /// The ICMP code, 0 to 255 (RFC 792, RFC 4443).
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(ping.icmp.code, 3);
    /// ```
    get code(icmp: &mut IcmpError) -> i64 = i64::from(icmp.kind.code);

    /// Who reports the error, an IP address as text (as `ip` of an address): the destination, or a router on the way; `()` if not known.
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(ping.icmp.offender, "127.0.0.1");
    /// ```
    get offender(icmp: &mut IcmpError) -> Dynamic = icmp.offender.map_or(Dynamic::UNIT, |ip| ip.to_string().into());

    /// The next-hop MTU in bytes of a "fragmentation needed" or "packet too big", the pointer of a parameter problem; else 0.
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(ping.icmp.info, 0);
    /// ```
    get info(icmp: &mut IcmpError) -> i64 = i64::from(icmp.info);

    /// The MPLS labels that the packet had at the router which reports the error (RFC 4950), an array of maps `#{ label, tc,
    /// bottom, ttl }`, the outermost first; empty if it has none.
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(ping.icmp.mpls.len, 0);
    /// ```
    get mpls(icmp: &mut IcmpError) -> Dynamic =
        labels(&Extensions::parse(&icmp.extensions).map(|found| found.mpls()).unwrap_or_default());

    /// What the error quotes of the datagram's payload, a blob; routers may quote none of it.
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(ping.icmp.quote.len, 6);
    /// ```
    get quote(icmp: &mut IcmpError) -> Dynamic = Dynamic::from_blob(icmp.quote.clone());

    /// The error's name.
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(`${ping.icmp} for the packet 1`, "Port Unreachable for the packet 1");
    /// ```
    fn to_string | to_debug(icmp: &mut IcmpError) -> String = icmp.kind.to_string();
}
