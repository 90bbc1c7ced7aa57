import socket
import sys


def packed(rest):
    return f"{sum(rest.encode())} {rest}".encode()


def unpacked(data):
    checksum, _, rest = data.partition(b" ")
    return rest.split(b" ") if checksum == str(sum(rest)).encode() else []


def main():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", int(sys.argv[1])))
    taken = 0
    while True:
        data, peer = sock.recvfrom(2048)
        words = unpacked(data)
        if len(words) != 3 or words[0] != b"DATA":
            continue
        number = int(words[1])
        if number == taken % 256:
            print(words[2].decode(), flush=True)
            taken += 1
        if taken > 0:
            sock.sendto(packed(f"ACK {(taken - 1) % 256}"), peer)


main()
