//! Who has a port, as far as the system says.

use std::fs;
use std::net::{IpAddr, SocketAddr};

/// The state of a socket that listens, in `/proc/net/tcp`.
const LISTENS: &str = "0A";

/// Who listens at the port of `addr`, in words: `python3 (process 4711)`; `None` if there is none, or it is another user's.
pub(super) fn of(addr: SocketAddr) -> Option<String> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| inodes(&table, addr))
        .collect();
    let is_it = |link: &str| {
        let inode = link.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
        inode.is_some_and(|inode| inodes.iter().any(|known| known == inode))
    };
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let name = process.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(descriptors) = fs::read_dir(process.path().join("fd")) else { continue };
        let mut links = descriptors.flatten().filter_map(|fd| fs::read_link(fd.path()).ok());
        if links.any(|link| link.to_str().is_some_and(is_it)) {
            let program = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            let program = program.trim();
            return Some(match id == std::process::id() {
                true => "this program itself".to_string(),
                false => format!("{program} (process {id})"),
            });
        }
    }
    None
}

/// The inodes of the sockets in `table` that listen at the port of `addr`, at its address or at any.
fn inodes(table: &str, addr: SocketAddr) -> Vec<String> {
    let wanted = [hex(addr.ip()), "0".repeat(8), "0".repeat(32)];
    let line = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (at, port) = fields.get(1)?.split_once(':')?;
        let meant = u16::from_str_radix(port, 16).ok()? == addr.port() && wanted.iter().any(|wanted| wanted == at);
        (meant && *fields.get(3)? == LISTENS).then(|| fields.get(9).map(|inode| (*inode).to_string()))?
    };
    table.lines().skip(1).filter_map(line).collect()
}

/// An address as the kernel's tables write it: words of 32 bits in the order of this machine.
fn hex(ip: IpAddr) -> String {
    let octets = match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    octets.chunks(4).map(|word| format!("{:08X}", u32::from_ne_bytes([word[0], word[1], word[2], word[3]]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2AF9 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0
   1: 0100007F:2AF9 0100007F:9000 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0
   2: 00000000:2AFA 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100 0 0 10 0
";

    #[test]
    #[cfg(target_endian = "little")]
    fn those_that_listen_are_found_by_address_and_port() {
        let of = |addr: &str| inodes(TABLE, addr.parse().expect("an address"));
        assert_eq!(of("127.0.0.1:11001"), ["4711"]);
        assert_eq!(of("127.0.0.2:11001"), [""; 0]);
        assert_eq!(of("127.0.0.2:11002"), ["4713"]);
    }

    #[test]
    fn this_program_is_reported_as_such() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
        assert_eq!(of(listener.local_addr().expect("an address")).as_deref(), Some("this program itself"));
    }
}
