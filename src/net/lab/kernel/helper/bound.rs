//! Which ports are bound in a host, by /proc/net (proc(5)).

/// TCP_LISTEN, as /proc/net has it.
const LISTENING: &str = "0A";

/// Whether `text`, a table of /proc/net, has a socket at `port`; of TCP one that listens.
pub(super) fn has_port(text: &str, is_tcp: bool, port: u16) -> bool {
    text.lines().skip(1).any(|line| {
        let mut cells = line.split_whitespace().skip(1);
        let (local, state) = (cells.next().unwrap_or_default(), cells.nth(1).unwrap_or_default());
        let bound = local.rsplit_once(':').and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
        bound == Some(port) && (!is_tcp || state == LISTENING)
    })
}

#[cfg(test)]
mod tests {
    use super::has_port;

    #[test]
    fn tables_of_the_kernel_name_ports() {
        let udp = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 1191: 0100007F:2AF8 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 30 2 0 0";
        let tcp = "  sl  local_address                         remote_address                        st tx_queue
   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000
   1: 0100007F:2AF8 0100007F:1F90 01 00000000:00000000";
        assert_eq!([11_000, 8_080].map(|port| has_port(udp, false, port)), [true, false]);
        assert_eq!([11_000, 8_080].map(|port| has_port(tcp, true, port)), [false, true]);
        assert!(!has_port("", true, 1) && !has_port("a\nb c", true, 1));
    }
}
