import socket
import sys
import time


def main():
    host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((host, port))
    received = 0
    for seq in range(1, count + 1):
        begun = time.monotonic()
        answered = False
        try:
            sock.send(f"PING {seq} {time.time()}".encode())
            while time.monotonic() - begun < 1.0:
                sock.settimeout(max(0.001, begun + 1.0 - time.monotonic()))
                words = sock.recv(2048).decode().split()
                if len(words) > 1 and words[1] == str(seq):
                    answered = True
                    break
        except socket.timeout:
            pass
        if answered:
            received += 1
            print(f"seq={seq} rtt={(time.monotonic() - begun) * 1000:.3f}", flush=True)
        else:
            print(f"seq={seq} timeout", flush=True)
    print(f"sent={count} received={received} lost={count - received}")


main()
