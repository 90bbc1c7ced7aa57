import socket
import sys
import time

TIMEOUT = 0.2
MOST = 10


def packed(rest):
    return f"{sum(rest.encode())} {rest}".encode()


def unpacked(data):
    checksum, _, rest = data.partition(b" ")
    return rest.split(b" ") if checksum == str(sum(rest)).encode() else []


def main():
    host, port, window, messages = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((host, port))
    base = following = packets = timeouts = 0
    since = time.monotonic()
    while base < len(messages):
        while following < min(base + window, len(messages)):
            try:
                sock.send(packed(f"DATA {following % 256} {messages[following]}"))
            except OSError:
                pass
            following += 1
            packets += 1
        left = since + TIMEOUT - time.monotonic()
        if left <= 0:
            timeouts += 1
            if timeouts == MOST:
                sys.exit(1)
            following = base
            since = time.monotonic()
            continue
        sock.settimeout(left)
        try:
            words = unpacked(sock.recv(2048))
        except OSError:
            continue
        if len(words) != 2 or words[0] != b"ACK":
            continue
        acknowledged = (int(words[1]) - base) % 256 + 1
        if acknowledged <= following - base:
            base += acknowledged
            timeouts = 0
            since = time.monotonic()
    print(f"messages={len(messages)} packets={packets}")


main()
