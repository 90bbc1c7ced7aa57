import socket
import struct
import sys
import time

PORT = 33434


def about(packet, source, port):
    """The type of an ICMP message about the datagram from and to these ports."""
    icmp = packet[(packet[0] & 15) * 4:]
    kind, code = icmp[0], icmp[1]
    if kind not in (3, 11) or len(icmp) < 36:
        return None
    quoted = icmp[8:]
    ports = quoted[(quoted[0] & 15) * 4:]
    if quoted[9] != socket.IPPROTO_UDP:
        return None
    return kind


def probe(receiver, host, hop):
    """Who has replied, and whether that is the end."""
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind(("", 0))
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hop)
    source, port = sender.getsockname()[1], PORT + hop
    sender.sendto(b"traceroute", (host, port))
    end = time.monotonic() + 1
    while (left := end - time.monotonic()) > 0:
        receiver.settimeout(left)
        try:
            packet, (addr, _) = receiver.recvfrom(65535)
        except socket.timeout:
            break
        kind = about(packet, source, port)
        if kind:
            return addr, kind == 3
    return "*", False


host, most = sys.argv[1], int(sys.argv[2])
receiver = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
for hop in range(1, most + 1):
    addr, ended = probe(receiver, host, hop)
    print(f"hop={hop} {addr}", flush=True)
    if ended:
        break
