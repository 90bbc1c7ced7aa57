#!/usr/bin/env python3
"""A TCP ping client in plain Python, to be a second opinion on our servers.

It asks for a count on standard input, connects, sends that many numbered and timed messages, one
after the other, waits for each reply, and prints a summary. SIGINT and SIGTERM end the pings.
"""

import argparse
import select
import signal
import socket
import sys
import time


class Stopped(Exception):
    """A signal asked for the end."""


def stop_on_signals():
    def handler(number, _frame):
        what = "interrupt" if number == signal.SIGINT else "SIGTERM"
        raise Stopped(f"Received {what} stopping pings")

    signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGTERM, handler)


def summary(sent, rtts):
    print("=====\nSummary:\n=====")
    if not rtts:
        print("No response received from server")
    print(f"Packets Sent: {sent}")
    print(f"Packets Received: {len(rtts)}")
    mean = sum(rtts) / len(rtts) if rtts else None
    for name, value in (("MIN", min(rtts, default=None)), ("MAX", max(rtts, default=None)), ("AVG", mean)):
        print(f"{name} RTT: " + ("NA" if value is None else f"{value:.3f}ms"))
    if sent:
        print(f"Loss Rate: {100 * (sent - len(rtts)) / sent:.3f}%")
    print("=====")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True, help="HOST:PORT")
    parser.add_argument("--timeout", type=float, default=1.0, help="seconds to wait for a reply")
    options = parser.parse_args()

    print("Enter number of pings to be sent:")
    count = int(sys.stdin.readline())
    host, port = options.server.rsplit(":", 1)
    sock = socket.create_connection((host, int(port)))
    print(f"Connected to {host}:{port}")
    sent, rtts = 0, []
    stop_on_signals()
    try:
        for number in range(1, count + 1):
            text = f"ping {number} {time.time()}"
            start = time.perf_counter()
            sock.sendall(text.encode())
            sent += 1
            print(f"send to {host}:{port}: {text}")
            if not select.select([sock], [], [], options.timeout)[0]:
                print(f"Request timed out for the packet {number}")
                continue
            reply = sock.recv(65535).decode()
            rtts.append((time.perf_counter() - start) * 1000)
            print(f"received from {host}:{port} {reply} rtt={rtts[-1]:.3f}ms")
    except Stopped as why:
        print(why)
    summary(sent, rtts)
    sock.close()
    print("Closing tcp socket")


if __name__ == "__main__":
    main()
