//! Recordings of packets, pcapng and pcap, ours and those of other tools, as rows of frames.

use std::collections::HashMap;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::Arc;

use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};

use super::reading::ReadRun;
use crate::net::host::id::HostId;
use crate::net::observe::frame::{FrameRow, fates};
use crate::net::policy::input::{Carried, FrameDirection};
use crate::net::wire::connections::Connections;
use crate::net::wire::frame::{Frame, TcpNumbers};

/// How such files begin: a section of pcapng; pcap in either order of bytes, with micro- or nanoseconds.
const MAGIC: [[u8; 4]; 5] = [
    [0x0a, 0x0d, 0x0d, 0x0a],
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
    [0x4d, 0x3c, 0xb2, 0xa1],
];

/// Octets that are read at a time at first, and the largest block.
const BUFFER: usize = 1 << 16;
const LARGEST: usize = 1 << 24;

/// The option that comments on a packet, and the one that names an interface.
const COMMENT: u16 = 1;
const NAME: u16 = 2;

/// Addresses and type field of Ethernet, which stand before what is recorded without them.
const ETHERNET: usize = 14;

/// Where packets were recorded.
#[derive(Debug)]
struct CaptureInterface {
    link_type: Linktype,
    /// Units of time a second, and what is to be added to it in seconds.
    resolution: u64,
    offset: i64,
    way: Arc<FrameDirection>,
    connections: usize,
}

/// What two recordings of one TCP segment have in common: its ends and numbers.
type SegmentKey = (SocketAddr, SocketAddr, TcpNumbers);

#[derive(Debug, Default)]
struct CaptureReading {
    interfaces: Vec<CaptureInterface>,
    /// The connections over each link: of both its directions.
    connections: Vec<(String, Connections)>,
    frames: Vec<FrameRow>,
    /// The TTL of each segment that was seen: a router's recording of all interfaces has it again, with a lower one.
    seen: HashMap<SegmentKey, u8>,
    /// Packets that cannot be read.
    strange: u64,
    /// Whether packets have micro- or nanoseconds in a file of pcap.
    nanoseconds: bool,
}

/// Whether a file that begins so is a recording of packets.
pub fn is_capture(beginning: &[u8]) -> bool {
    MAGIC.iter().any(|magic| beginning.starts_with(magic))
}

/// Reads a recording; what is missing of it is among the notes.
///
/// # Errors
/// Those of `reader`.
pub fn read(reader: impl Read + Send) -> io::Result<ReadRun> {
    let mut reading = CaptureReading::default();
    let mut notes = Vec::new();
    if let Some(why) = reading.read(reader)? {
        notes.push(format!("{why} after {} packets", reading.frames.len()));
    }
    if reading.strange > 0 {
        notes.push(format!("{} packets are of a kind that is not read here", reading.strange));
    }
    let begun = reading.frames.iter().map(|row| row.time_ns).min();
    Ok(ReadRun { begun, frames: reading.frames, notes, ..ReadRun::default() })
}

impl CaptureReading {
    /// Reads all blocks; why it could not go on, if it could not.
    fn read(&mut self, reader: impl Read + Send) -> io::Result<Option<&'static str>> {
        let mut reader = match create_reader(BUFFER, reader) {
            Ok(reader) => reader,
            Err(_) => return Ok(Some("it is cut short")),
        };
        loop {
            match reader.next() {
                Ok((used, block)) => {
                    self.block(&block);
                    reader.consume(used);
                }
                Err(PcapError::Eof) => return Ok(None),
                Err(PcapError::Incomplete(_)) => {
                    let before = reader.data().len();
                    if reader.refill().is_err() {
                        return Ok(Some("it cannot be read on"));
                    }
                    let is_stuck = reader.data().len() == before;
                    if is_stuck && before == 0 {
                        return Ok(None);
                    }
                    if is_stuck && (reader.reader_exhausted() || before >= LARGEST || !reader.grow(before * 2)) {
                        return Ok(Some("it is cut short"));
                    }
                }
                Err(PcapError::UnexpectedEof) => return Ok(Some("it is cut short")),
                Err(_) => return Ok(Some("what follows makes no sense")),
            }
        }
    }

    fn block(&mut self, block: &PcapBlockOwned<'_>) {
        match block {
            PcapBlockOwned::LegacyHeader(header) => {
                self.nanoseconds = header.is_nanosecond_precision();
                let resolution = if self.nanoseconds { 1_000_000_000 } else { 1_000_000 };
                self.interface(header.network, (resolution, 0), "");
            }
            PcapBlockOwned::Legacy(packet) => {
                let units = if self.nanoseconds { 1 } else { 1_000 };
                let time = i64::from(packet.ts_sec) * 1_000_000_000 + i64::from(packet.ts_usec) * units;
                self.packet(0, time, packet.data, None);
            }
            PcapBlockOwned::NG(Block::SectionHeader(_)) => self.interfaces.clear(),
            PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
                let name = interface.options.iter().find(|option| option.code.0 == NAME);
                let name = name.and_then(|option| option.value.get(..option.len.into())).unwrap_or_default();
                let resolution = interface.ts_resolution().unwrap_or(1_000_000);
                self.interface(interface.linktype, (resolution, interface.if_tsoffset), &String::from_utf8_lossy(name));
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                let time = self.interfaces.get(packet.if_id as usize).map_or(0, |interface| interface.nanos(ticks));
                let comment = packet.options.iter().find(|option| option.code.0 == COMMENT);
                let comment =
                    comment.and_then(|option| option.value.get(..option.len.into())).map(String::from_utf8_lossy);
                let data = packet.data.get(..packet.caplen as usize).unwrap_or(packet.data);
                self.packet(packet.if_id as usize, time, data, comment.as_deref());
            }
            PcapBlockOwned::NG(Block::SimplePacket(_)) => self.strange += 1,
            PcapBlockOwned::NG(_) => {}
        }
    }

    /// Notes an interface. One of a recording of ours is called by the link and the host that frames come from: `a-b from a`.
    fn interface(&mut self, link_type: Linktype, (resolution, offset): (u64, i64), name: &str) {
        let (link, from) = name.split_once(" from ").unwrap_or((name, ""));
        let to =
            link.strip_prefix(&format!("{from}-")).or_else(|| link.strip_suffix(&format!("-{from}"))).unwrap_or("");
        let ends = if from.is_empty() || to.is_empty() { ("", "") } else { (from, to) };
        let (from_id, to_id) = (HostId::default(), HostId::default());
        let way = FrameDirection { link: link.into(), from: ends.0.into(), to: ends.1.into(), from_id, to_id };
        let connections = self.connections.iter().position(|(known, _)| known == link).unwrap_or_else(|| {
            self.connections.push((link.to_string(), Connections::default()));
            self.connections.len() - 1
        });
        self.interfaces.push(CaptureInterface { link_type, resolution, offset, way: Arc::new(way), connections });
    }

    fn packet(&mut self, interface: usize, time: i64, data: &[u8], comment: Option<&str>) {
        let Some(interface) = self.interfaces.get(interface) else {
            self.strange += 1;
            return;
        };
        let bytes = as_ethernet(interface.link_type, data);
        let Some((bytes, frame)) = bytes.and_then(|bytes| Frame::parse(&bytes).map(|frame| (bytes, frame))) else {
            self.strange += 1;
            return;
        };
        let segment =
            self.connections.get_mut(interface.connections).and_then(|(_, known)| known.see(&bytes, &frame, time));
        let mut row = FrameRow::new(time, &Carried { bytes: &bytes, frame: &frame, way: &interface.way, segment });
        if row.from_host.is_none() {
            row.link = None;
        }
        if let (Some(tcp), Some(ip)) = (&mut row.tcp, &frame.ip)
            && let Some(numbers) = ip.numbers
        {
            let before = self.seen.insert((row.from, row.to, numbers), ip.ttl);
            tcp.retransmission &= before.is_none_or(|ttl| ttl <= ip.ttl);
        }
        row.fate = fates::SEEN.into();
        comment.into_iter().for_each(|comment| comment_on(&mut row, comment));
        self.frames.push(row);
    }
}

impl CaptureInterface {
    /// A time of a packet in nanoseconds since 1970.
    fn nanos(&self, ticks: u64) -> i64 {
        let nanos = u128::from(ticks) * 1_000_000_000 / u128::from(self.resolution.max(1));
        let offset = self.offset.saturating_mul(1_000_000_000);
        i64::try_from(nanos).unwrap_or(i64::MAX).saturating_add(offset)
    }
}

/// What is recorded, with a header of Ethernet before it; `None` if it is of a kind that is not known.
fn as_ethernet(link_type: Linktype, data: &[u8]) -> Option<Vec<u8>> {
    let with = |ether_type: [u8; 2], packet: &[u8]| Some([&[0; ETHERNET - 2][..], &ether_type, packet].concat());
    let by_version = |packet: &[u8]| match packet.first()? >> 4 {
        4 => with([0x08, 0x00], packet),
        6 => with([0x86, 0xdd], packet),
        _ => None,
    };
    match link_type {
        Linktype::ETHERNET => Some(data.to_vec()),
        Linktype::RAW | Linktype::IPV4 | Linktype::IPV6 | Linktype(12 | 14) => by_version(data),
        Linktype::NULL | Linktype::LOOP => by_version(data.get(4..)?),
        // What Linux records on all interfaces at once; of two kinds.
        Linktype::LINUX_SLL => with([*data.get(14)?, *data.get(15)?], data.get(16..)?),
        Linktype(276) => with([*data.first()?, *data.get(1)?], data.get(20..)?),
        _ => None,
    }
}

/// Enters what a recording says of a packet. Ours says what a policy or the link did: `dropped by loss(0.2), draw 0.113`.
fn comment_on(row: &mut FrameRow, comment: &str) {
    let (what, cause) = match comment.split_once(" by ").or_else(|| comment.split_once(": ")) {
        Some((what, cause)) => (what, Some(cause)),
        None => (comment, None),
    };
    match (what, cause) {
        ("dropped", Some(why @ ("queue full" | "no room" | "link down"))) => {
            (row.fate, row.lost_ns) = (why.to_string().into(), Some(row.time_ns));
        }
        ("dropped", _) => {
            (row.fate, row.lost_ns) = (fates::DROPPED.into(), Some(row.time_ns));
            row.cause = cause.map(str::to_string);
        }
        (what, cause) => {
            row.detail = Some(what.to_string());
            row.cause = cause.map(str::to_string);
            if what.starts_with("reject") {
                (row.fate, row.lost_ns) = (fates::REJECTED.into(), Some(row.time_ns));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of pcap with two packets of this kind.
    fn pcap(link_type: u8, packet: &[u8]) -> Vec<u8> {
        let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, link_type, 0, 0, 0];
        for second in [5, 6] {
            file.extend([second, 0, 0, 0, 7, 0, 0, 0, packet.len() as u8, 0, 0, 0, packet.len() as u8, 0, 0, 0]);
            file.extend(packet);
        }
        file
    }

    fn ip() -> Vec<u8> {
        let mut packet = Vec::new();
        let builder = etherparse::PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).udp(9, 7);
        builder.write(&mut packet, b"hello").expect("memory");
        packet
    }

    #[test]
    fn packets_are_found_behind_each_kind_of_header() {
        let ethernet = [&[2; 12][..], &[8, 0], &ip()].concat();
        let loopback = [&[2, 0, 0, 0][..], &ip()].concat();
        let cooked = [&[0; 14][..], &[8, 0], &ip()].concat();
        for (link_type, packet) in [(1, ethernet), (101, ip()), (0, loopback), (113, cooked)] {
            let run = read(pcap(link_type, &packet).as_slice()).expect("memory");
            assert_eq!((run.frames.len(), run.notes), (2, Vec::<String>::new()), "{link_type}");
            let row = &run.frames[0];
            assert_eq!(
                (row.time_ns, row.text.as_str(), row.fate.as_ref()),
                (5_000_007_000, "hello", "seen"),
                "{link_type}"
            );
        }
        let run = read(pcap(200, &ip()).as_slice()).expect("memory");
        assert_eq!(
            (run.frames.len(), run.notes),
            (0, vec!["2 packets are of a kind that is not read here".to_string()])
        );
    }

    #[test]
    fn any_bytes_are_read_and_what_is_cut_off_is_said() {
        let whole = pcap(101, &ip());
        for end in 0..whole.len() {
            let run = read(&whole[..end]).expect("memory");
            let at_an_end = end == 24 || end == 24 + 16 + ip().len();
            assert_eq!(run.notes.is_empty(), at_an_end, "{end} {:?}", run.notes);
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0xff;
            let _ = read(damaged.as_slice()).expect("memory");
        }
    }
}
