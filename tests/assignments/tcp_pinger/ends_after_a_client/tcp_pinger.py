import socket
import sys
import time

host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sock = socket.create_connection((host, port), timeout=5)
sock.settimeout(1)
lines = sock.makefile("rb")
received = 0
for seq in range(1, count + 1):
    begun = time.monotonic()
    sock.sendall(f"PING {seq}\n".encode())
    reply = lines.readline()
    if reply.strip().upper() == f"PING {seq}".encode():
        received += 1
        print(f"seq={seq} rtt={(time.monotonic() - begun) * 1000:.3f}")
print(f"sent={count} received={received}")
