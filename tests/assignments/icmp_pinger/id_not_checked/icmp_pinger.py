import os
import socket
import struct
import sys
import time


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def request(ident, seq, size):
    data = bytes(size)
    head = struct.pack("!BBHHH", 8, 0, 0, ident, seq)
    return struct.pack("!BBHHH", 8, 0, checksum(head + data), ident, seq) + data


def outcome(packet, ident, seq):
    icmp = packet[(packet[0] & 15) * 4:]
    kind, code, _, got_ident, got_seq = struct.unpack("!BBHHH", icmp[:8])
    if kind == 0:
        return "reply"
    if kind in (3, 11, 12) and len(icmp) >= 36:
        quoted = icmp[8 + (icmp[8] & 15) * 4:]
        if struct.unpack("!HH", quoted[4:8]) == (ident, seq):
            return f"type={kind} code={code}"
    return None


host, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
ident = os.getpid() & 0xFFFF | 0x100
received = 0
for seq in range(1, count + 1):
    begun = time.monotonic()
    sock.sendto(request(ident, seq, size), (host, 0))
    what = "timeout"
    while (left := begun + 1 - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            packet = sock.recv(65535)
        except socket.timeout:
            break
        came = outcome(packet, ident, seq)
        if came == "reply":
            received += 1
            what = f"rtt={(time.monotonic() - begun) * 1000:.3f}"
            break
        if came:
            what = came
            break
    print(f"seq={seq} {what}")
print(f"sent={count} received={received} lost={count - received}")
