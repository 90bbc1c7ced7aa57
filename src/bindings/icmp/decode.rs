//! ICMP messages taken apart in scripts: as fields by name, and in words.

use rhai::{Array, Dynamic, Map, NativeCallContext};

use crate::bindings::convert;
use crate::bindings::error::{OrRaise, ScriptResult, raise};
use crate::bindings::udp::icmp::labels;
use crate::bindings::udp::ping::Ping;
use crate::net::error::Error;
use crate::net::probe::outcome::End;
use crate::net::socket::icmp::IcmpMessage;
use crate::net::wire::icmp::{self, Extensions, IcmpError, Message, ObjectContent, Role};
use crate::net::wire::ip::{Packet, TransportHeader};
use crate::net::wire::zoned::ZonedIp;
use crate::net::wire::{Family, paste};

/// The bytes that `value` stands for, and the version of ICMP if it is known.
fn bytes(ctx: &NativeCallContext, value: Dynamic) -> ScriptResult<(Vec<u8>, Option<Family>)> {
    if value.is_string() {
        return paste::bytes(&value.to_string()).or_raise(ctx).map(|bytes| (bytes, None));
    }
    if let Some(message) = value.clone().try_cast::<IcmpMessage>() {
        return Ok((message.bytes.to_vec(), Some(message.family)));
    }
    if let Some(ping) = value.clone().try_cast::<Ping>() {
        let outcome = &ping.ended().outcome;
        return match &outcome.end {
            End::Reply { datagram, .. } if outcome.to.port() == 0 => {
                Ok((datagram.data.to_vec(), Some(Family::of(outcome.to.ip()))))
            }
            _ => raise(ctx, Error::invalid("decode", "the ping got no ICMP reply")),
        };
    }
    if value.is::<IcmpError>() {
        let error = Error::invalid("decode", "an ICMP error of a ping is taken apart already");
        return raise(ctx, error.with_hint("read its properties: type, code, name, offender, info, quote, mpls"));
    }
    convert::bytes(ctx, value).map(|bytes| (bytes, None))
}

/// The ICMP error in `value`: one by itself, or that of a ping.
fn error_in(value: &Dynamic) -> Option<IcmpError> {
    if let Some(ping) = value.clone().try_cast::<Ping>() {
        return match &ping.ended().outcome.end {
            End::Icmp { error, .. } => Some(error.clone()),
            _ => None,
        };
    }
    value.clone().try_cast::<IcmpError>()
}

/// What can be said of an ICMP error that a socket received, which has not all of the message.
fn explain_error(error: &IcmpError) -> String {
    let kind = error.kind;
    let by = error.offender.map_or(String::new(), |offender| format!(", reported by {offender}"));
    let mut lines = vec![format!(
        "{}: {kind}, type {} code {} ({}){by} about a packet to {}",
        kind.family.icmp_name(),
        kind.type_,
        kind.code,
        kind.rfc().unwrap_or("no table knows it"),
        ZonedIp::from(error.to)
    )];
    if error.info != 0 {
        lines.push(format!("MTU or pointer: {}", error.info));
    }
    if let Some(found) = Extensions::parse(&error.extensions) {
        lines.extend(found.mpls().iter().map(|label| format!("MPLS {label}")));
    }
    if let Some((cause, remedy)) = kind.advice() {
        lines.push(format!("Likely cause: {cause}"));
        lines.push(format!("What to try: {remedy}"));
    }
    lines.join("\n")
}

fn text(value: impl ToString) -> Dynamic {
    value.to_string().into()
}

fn number(value: impl Into<u64>) -> Dynamic {
    (value.into() as i64).into()
}

fn or_unit(value: Option<Dynamic>) -> Dynamic {
    value.unwrap_or(Dynamic::UNIT)
}

fn map<const N: usize>(fields: [(&str, Dynamic); N]) -> Map {
    fields.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

/// The fields of a message. Those that its kind does not have are `()`.
fn message_fields(message: &Message<'_>, checksum_ok: Option<bool>) -> Map {
    let echo = message.echo();
    let kind = message.kind;
    map([
        ("family", text(kind.family)),
        ("type", number(kind.type_)),
        ("code", number(kind.code)),
        ("name", text(kind)),
        ("keyword", or_unit(kind.keyword().map(text))),
        ("rfc", or_unit(kind.rfc().map(text))),
        (
            "role",
            text(match kind.role() {
                Role::Error => "error",
                Role::Advisory => "advisory",
                Role::Informational => "informational",
            }),
        ),
        ("checksum", number(message.checksum)),
        ("checksum_ok", or_unit(checksum_ok.map(Dynamic::from))),
        ("id", or_unit(echo.map(|echo| number(echo.id)))),
        ("seq", or_unit(echo.map(|echo| number(echo.seq)))),
        ("mtu", or_unit(message.next_hop_mtu().map(number))),
        ("pointer", or_unit(message.pointer().map(number))),
        ("gateway", or_unit(message.gateway().map(text))),
        ("data", Dynamic::from_blob(message.quote().map_or(message.body, |_| &[]).to_vec())),
        ("quote", or_unit(message.quoted().map(|packet| packet_fields(&packet).into()))),
        ("extensions", extension_fields(message.extension_structure())),
    ])
}

/// The fields of an IP packet and of what it carries.
fn packet_fields(packet: &Packet<'_>) -> Map {
    let (mut echo, mut flags, mut sequence) = (None, None, None);
    match packet.transport {
        TransportHeader::Icmp(header) => echo = header.echo,
        TransportHeader::Tcp(tcp) => (flags, sequence) = (tcp.flags, tcp.sequence),
        TransportHeader::Udp(_) | TransportHeader::Other => {}
    }
    map([
        ("family", text(packet.family)),
        ("from", text(packet.source)),
        ("to", text(packet.destination)),
        ("protocol", text(packet.protocol)),
        ("ttl", number(packet.ttl)),
        ("tos", number(packet.traffic_class)),
        ("length", number(packet.total_len as u64)),
        ("from_port", or_unit(packet.source_port().map(number))),
        ("to_port", or_unit(packet.destination_port().map(number))),
        ("id", or_unit(echo.map(|echo| number(echo.id)))),
        ("seq", or_unit(echo.map(|echo| number(echo.seq)).or(sequence.map(number)))),
        ("flags", or_unit(flags.map(text))),
        ("dont_fragment", or_unit(packet.dont_fragment.map(Dynamic::from))),
        ("header_checksum_ok", or_unit(packet.header_checksum_ok.map(Dynamic::from))),
        ("data", Dynamic::from_blob(packet.payload.to_vec())),
    ])
}

fn extension_fields(found: Option<Extensions<'_>>) -> Dynamic {
    let Some(found) = found else { return Dynamic::UNIT };
    let (mut interfaces, mut others) = (Array::new(), Array::new());
    for object in found.objects() {
        match object.content() {
            ObjectContent::Mpls(_) => {}
            ObjectContent::Interface(interface) => interfaces.push(Dynamic::from_map(map([
                ("role", text(interface.role_name())),
                ("index", or_unit(interface.index.map(number))),
                ("address", or_unit(interface.address.map(text))),
                ("name", or_unit(interface.name.map(text))),
                ("mtu", or_unit(interface.mtu.map(number))),
            ]))),
            _ => others.push(Dynamic::from_map(map([
                ("class", number(object.class)),
                ("type", number(object.c_type)),
                ("data", Dynamic::from_blob(object.data.to_vec())),
            ]))),
        }
    }
    Dynamic::from_map(map([
        ("checksum_ok", or_unit(found.checksum_ok.map(Dynamic::from))),
        ("mpls", labels(&found.mpls())),
        ("interfaces", interfaces.into()),
        ("others", others.into()),
    ]))
}

fn decode(ctx: &NativeCallContext, value: Dynamic, family: Option<Family>) -> ScriptResult<Map> {
    let (bytes, known) = bytes(ctx, value)?;
    let found = icmp::identify(&bytes, family.or(known));
    if let Some(packet) = found.packet.filter(|packet| packet.icmp_message().is_none()) {
        let error = Error::invalid("decode", format!("it is a packet of {}, not of ICMP", packet.protocol));
        return raise(ctx, error.with_hint("explain(…) takes any packet"));
    }
    let message = Message::parse(found.family, found.message)
        .map_err(|err| {
            Error::invalid("decode", err.to_string()).with_hint("give a message from its type on, or its IP packet")
        })
        .or_raise(ctx)?;
    let checksum_ok = match found.packet {
        Some(packet) => packet.transport_checksum_ok(),
        None => message.checksum_ok(None),
    };
    let mut fields = message_fields(&message, checksum_ok);
    fields.insert("ip".into(), or_unit(found.packet.map(|packet| packet_fields(&packet).into())));
    Ok(fields)
}

/// The version of ICMP by its name.
fn version(ctx: &NativeCallContext, name: &str) -> ScriptResult<Family> {
    match name {
        "IPv4" => Ok(Family::V4),
        "IPv6" => Ok(Family::V6),
        other => raise(ctx, Error::invalid("decode", format!("\"{other}\" is neither \"IPv4\" nor \"IPv6\""))),
    }
}

functions! {
    pub fn namespace;

    /// Takes an ICMP message apart: `data` is a blob, a ping, an ICMP error, or pasted text: hexadecimal digits as `tcpdump -x`,
    /// `xxd`, `hexdump -C` and Wireshark print them. It may begin with the IP header or with the type.
    ///
    /// The result is a map: `family`, `type`, `code`, `name`, `keyword`, `rfc`, `role` (`"error"`, `"advisory"`,
    /// `"informational"`), `checksum`, `checksum_ok`, `id`, `seq`, `mtu`, `pointer`, `gateway`, `data`, `quote` (a map: the packet
    /// it is about), `extensions` (a map: `mpls`, `interfaces`, `others`, `checksum_ok`), `ip` (a map: the packet it came in).
    /// What the message does not have is `()`.
    ///
    /// Errors: `invalid`: no bytes, less than a header, a packet of another protocol.
    ///
    /// ```rhai
    /// let m = icmp::decode("0304 5526 0000 0500 4500 05bc 1c46 4000 4001 4cf0 0a00 0002 c000 0209 0800 889a 1234 0007");
    /// expect(m.keyword, "fragmentation-needed");
    /// expect(m.mtu, 1280);
    /// expect(m.quote.to, "192.0.2.9");
    /// ```
    fn decode(ctx: NativeCallContext, data: Dynamic) -> ScriptResult<Map> = decode(&ctx, data, None);

    /// Takes an ICMP message apart whose version is `"IPv4"` or `"IPv6"`, for messages without their IP header.
    ///
    /// Errors: `invalid`, as `decode`.
    ///
    /// ```rhai
    /// expect(icmp::decode("03 00 00 00 00 00 00 00", "IPv6").keyword, "hop-limit-exceeded");
    /// ```
    fn decode(ctx: NativeCallContext, data: Dynamic, family: &str) -> ScriptResult<Map> = {
        let family = version(&ctx, family)?;
        decode(&ctx, data, Some(family))
    };
}

functions! {
    pub fn api;

    /// An ICMP message, or any IP packet, in words: each field with its offset and bytes, the checksum worked through, the
    /// document that defines it, the likely cause and what to try. `data` is what `icmp::decode` takes.
    ///
    /// Errors: `invalid`: no bytes.
    ///
    /// ```rhai
    /// let text = explain("0b00 48cc 0000 0000 4500 003c 1c46 4000 0111 9160 0a00 0002 c000 0209 829a 829b 0028 a6d5");
    /// expect(text.contains("Time to Live exceeded in Transit"), true);
    /// expect(text.contains("complement: 48cc, as in the message: right"), true);
    /// ```
    fn explain(ctx: NativeCallContext, data: Dynamic) -> ScriptResult<String> = {
        if let Some(error) = error_in(&data) {
            return Ok(explain_error(&error));
        }
        let (bytes, family) = bytes(&ctx, data)?;
        Ok(icmp::explain(&bytes, family))
    };

    /// The same for a message whose version is `"IPv4"` or `"IPv6"`.
    ///
    /// Errors: `invalid`: no bytes, another version.
    ///
    /// ```rhai
    /// let text = explain("03 00 00 00 00 00 00 00", "IPv6");
    /// expect(text.contains("Hop Limit Exceeded in Transit"), true);
    /// ```
    fn explain(ctx: NativeCallContext, data: Dynamic, family: &str) -> ScriptResult<String> = {
        let family = version(&ctx, family)?;
        let (bytes, _) = bytes(&ctx, data)?;
        Ok(icmp::explain(&bytes, Some(family)))
    };
}
