//! What tcpdump and tshark call each row of the tables, in a recording that has a message of each: the same as we, or it is said why not.

use super::*;
use common::TempDir;
use pingscript::net::wire::Family;
use pingscript::net::wire::checksum::Sum;
use pingscript::net::wire::icmp::Kind;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::process::Command;

/// Names that differ: from one type and code to another, what theirs has in it, and why. A version that has learnt the name
/// since is fine, too.
type Differences = &'static [((u8, u8), (u8, u8), &'static str, &'static str)];

const NONE_KNOWN: &str = "it has no name for these yet";
const SHORT: &str = "it is short, and means the same";
const WITHOUT_CODE: &str = "it does not look at the code";
const PAYLOAD: &str = "it reads on, and names what the message holds";

const TSHARK_V4: Differences = &[
    ((3, 13), (3, 13), "administratively filtered", "the comment of RFC 1812 to the code, not its name"),
    ((20, 0), (29, 0), "Unknown ICMP", NONE_KNOWN),
    ((253, 0), (254, 0), "Unknown ICMP", NONE_KNOWN),
];
const TSHARK_V6: Differences = &[
    ((1, 8), (1, 9), "(Unknown)", NONE_KNOWN),
    ((4, 4), (4, 10), "(Unknown (", NONE_KNOWN),
    ((139, 0), (139, 2), "Query subject = IPv", SHORT),
    ((140, 0), (140, 1), "Node Information Reply", "a response for IANA, a reply for RFC 4620"),
    ((143, 0), (143, 0), "Multicast Listener Report Message v2", SHORT),
    ((155, 0), (155, 0), "DODAG Information Solicitation", "RPL has codes of its own, which are not in our table"),
];
const TCPDUMP_V4: Differences = &[
    ((3, 4), (3, 4), "unreachable - need to frag", SHORT),
    ((3, 11), (3, 12), "unreachable - tos prohibited", "it says prohibited, where RFC 1122 says unreachable"),
    ((3, 15), (3, 15), "unreachable - precedence cutoff", SHORT),
    ((6, 0), (6, 0), "type-#", NONE_KNOWN),
    ((9, 0), (9, 16), "router advertisement", WITHOUT_CODE),
    ((11, 1), (11, 1), "ip reassembly time exceeded", SHORT),
    ((12, 0), (12, 0), "parameter problem - octet", SHORT),
    ((12, 1), (12, 2), "parameter problem - code", NONE_KNOWN),
    ((13, 0), (14, 0), "time stamp", "it writes two words"),
    ((19, 0), (43, 4), "type-#", NONE_KNOWN),
    ((253, 0), (254, 0), "type-#", NONE_KNOWN),
];
const TCPDUMP_V6: Differences = &[
    ((1, 0), (1, 1), "destination unreachable", SHORT),
    ((1, 5), (1, 9), "unknown unreach code", NONE_KNOWN),
    ((3, 0), (3, 1), "time exceeded in-transit", "it calls the hop limit time, as ICMP for IPv4 does"),
    ((4, 0), (4, 3), "parameter problem", SHORT),
    ((4, 4), (4, 10), "parameter problem, code-#", NONE_KNOWN),
    ((100, 0), (127, 0), "unknown icmp6 type", NONE_KNOWN),
    ((131, 0), (132, 0), "multicast listener", PAYLOAD),
    ((139, 0), (139, 2), "node information query", PAYLOAD),
    ((140, 0), (140, 2), "node information reply", "a response for IANA, a reply for RFC 4620"),
    ((141, 0), (142, 0), "inverse neighbor", SHORT),
    ((143, 0), (143, 0), "multicast listener report v2", SHORT),
    ((144, 0), (145, 0), "ha discovery", SHORT),
    ((146, 0), (147, 0), "mobile router", "the name of an early draft of RFC 3775"),
    ((148, 0), (154, 0), "unknown icmp6 type", NONE_KNOWN),
    ((155, 0), (155, 0), "DODAG Information Solicitation", "RPL has codes of its own, which are not in our table"),
    ((156, 0), (161, 4), "unknown icmp6 type", NONE_KNOWN),
    ((200, 0), (201, 0), "mtrace", "a private use of the number, older than RFC 4443"),
    ((255, 0), (255, 0), "unknown icmp6 type", NONE_KNOWN),
];

#[test]
fn tshark_has_the_same_names() {
    compare("tshark", Family::V4, TSHARK_V4);
    compare("tshark", Family::V6, TSHARK_V6);
}

#[test]
fn tcpdump_has_the_same_names() {
    compare("tcpdump", Family::V4, TCPDUMP_V4);
    compare("tcpdump", Family::V6, TCPDUMP_V6);
}

fn compare(program: &str, family: Family, differences: Differences) {
    if !common::require_program_or_skip(program, "names of ICMP") {
        return;
    }
    let kinds: Vec<Kind> = Kind::all(family).collect();
    let dir = TempDir::new();
    let file = dir.path().join("every.pcap");
    std::fs::write(&file, recording(&kinds)).expect("a file");
    let args: &[&str] = match program {
        "tcpdump" => &["-nvtr"],
        _ => &["-n", "-V", "-r"],
    };
    let out = Command::new(program).args(args).arg(&file).output().expect("the peer program");
    let text = String::from_utf8_lossy(&out.stdout);
    let theirs: Vec<String> = if program == "tcpdump" { lines_of_tcpdump(&text) } else { names_of_tshark(&text) };
    assert_eq!(theirs.len(), kinds.len(), "{program} {family}: {theirs:#?}");
    let mut wrong = Vec::new();
    for (kind, theirs) in kinds.iter().zip(&theirs) {
        let known = differences.iter().find(|row| (row.0..=row.1).contains(&(kind.type_, kind.code)));
        let is_listed = |(_, _, part, why): &(_, _, &str, &str)| theirs.contains(part) && !why.is_empty();
        let fine = agree(*kind, theirs) || known.is_some_and(is_listed);
        if !fine {
            let Kind { type_, code, .. } = kind;
            wrong.push(format!("(({type_}, {code}), ({type_}, {code}), \"{theirs}\", \"\"), // ours: {kind}"));
        }
    }
    assert!(wrong.is_empty(), "{program} {family}:\n{}", wrong.join("\n"));
}

/// Whether two names say the same: the words of one are all among those of the other.
fn agree(ours: Kind, theirs: &str) -> bool {
    let (name, theirs) = (words(&ours.name()), words(theirs));
    let full = words(&format!("{} {}", ours.type_name().unwrap_or_default(), ours.name()));
    !theirs.is_empty() && (name.is_subset(&theirs) || theirs.is_subset(&full))
}

/// The words of a name that say something, in one form; numbers and addresses are none.
fn words(name: &str) -> BTreeSet<String> {
    const SILENT: &str = " a an the to for of is was and with in icmp datagram communication encountered ";
    const SAME: &[(&str, &str)] =
        &[("network", "net"), ("tos", "type service"), ("admin", "administratively"), ("solicitation", "request")];
    let plain = name.to_ascii_lowercase().replace("don't", "not");
    let all = plain.split(|c: char| c.is_whitespace() || "()/,-[]?".contains(c));
    all.filter(|word| word.chars().all(|c| c.is_ascii_alphabetic() || c == 'v' || c == '6'))
        .filter(|word| !word.is_empty() && !SILENT.contains(&format!(" {word} ")))
        .flat_map(|word| SAME.iter().find(|(from, _)| *from == word).map_or(word, |(_, to)| to).split(' '))
        .map(str::to_string)
        .collect()
}

/// Of each packet the line about its ICMP message, without what is not its name.
fn lines_of_tcpdump(text: &str) -> Vec<String> {
    let answers =
        text.lines().filter(|line| line.contains("10.0.0.2 > 10.0.0.1: ICMP") || line.contains("fd00::2 > fd00::1: "));
    answers
        .map(|line| {
            let name = line.split_once("> 10.0.0.1: ICMP").or(line.split_once("ICMP6, ")).map_or("", |(_, name)| name);
            name.split(", length ").next().unwrap_or_default().to_string()
        })
        .collect()
}

/// Of each packet from b the names of type and code.
fn names_of_tshark(text: &str) -> Vec<String> {
    let frames = text.split("Frame ").filter_map(|frame| frame.split_once("Internet Control Message Protocol"));
    let from_b = frames.filter(|(headers, _)| {
        ["10.0.0.2", "fd00::2"].iter().any(|b| headers.contains(&format!("Source Address: {b}\n")))
    });
    let names = from_b.map(|(_, message)| {
        let of = |field: &str| message.lines().find_map(|line| line.strip_prefix(&format!("    {field}: ")));
        format!("{} / {}", of("Type").unwrap_or_default(), of("Code").unwrap_or_default())
    });
    names.collect()
}

/// A recording (pcap, raw IP) of a message of each of `kinds` from one host to another, which quotes a UDP packet.
fn recording(kinds: &[Kind]) -> Vec<u8> {
    let (magic, version, any_length, raw_ip) = (0xa1b2_c3d4_u32, 0x0004_0002_u32, 65_535_u32, 101_u32);
    let mut file: Vec<u8> =
        [magic, version, 0, 0, any_length, raw_ip].iter().flat_map(|word| word.to_le_bytes()).collect();
    for (second, kind) in (1_u32..).zip(kinds) {
        let packet = packet(*kind);
        let len = packet.len() as u32;
        file.extend([second, 0, len, len].iter().flat_map(|word| word.to_le_bytes()));
        file.extend(packet);
    }
    file
}

fn packet(kind: Kind) -> Vec<u8> {
    let v6 = kind.family == Family::V6;
    let [a, b]: [IpAddr; 2] = if v6 { ["fd00::1", "fd00::2"] } else { ["10.0.0.1", "10.0.0.2"] }
        .map(|addr| addr.parse().expect("an address"));
    let udp = [&[0x80, 0, 0x2a, 0xf8, 0, 14, 0, 0][..], b"ping 1"].concat();
    let mut message = vec![kind.type_, kind.code, 0, 0, 0, 0, 0, 0];
    message.extend(ip(a, b, 17, &udp));
    let pseudo = Sum::pseudo(b, a, 58, message.len()).filter(|_| v6).unwrap_or_default();
    let sum = pseudo.join(&message).finish();
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    ip(b, a, if v6 { 58 } else { 1 }, &message)
}

/// An IP packet.
fn ip(from: IpAddr, to: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let len = payload.len() as u16;
    let mut packet = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let [high, low] = (20 + len).to_be_bytes();
            [&[0x45, 0, high, low, 0, 0, 0x40, 0, 64, protocol, 0, 0][..], &from.octets(), &to.octets()].concat()
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let [high, low] = len.to_be_bytes();
            [&[0x60, 0, 0, 0, high, low, protocol, 64][..], &from.octets(), &to.octets()].concat()
        }
        _ => unreachable!("of one version"),
    };
    if from.is_ipv4() {
        let sum = Sum::default().join(&packet).finish();
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    packet.extend(payload);
    packet
}
