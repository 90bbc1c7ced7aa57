#!/usr/bin/env python3
"""A UDP ping client in plain Python, to be a second opinion on our server.

It asks for a count on standard input, sends that many numbered and timed messages, one after
the other, waits for each reply, and prints a summary. With --icmp it also listens on a raw ICMP
socket (root): when a reply fails to come it waits one more time-out for an ICMP error there.
SIGINT and SIGTERM end the pings; the summary is printed all the same.
"""

import argparse
import select
import signal
import socket
import struct
import sys
import time

UNREACHABLE = {0: "Net", 1: "Host", 2: "Protocol", 3: "Port"}


class Stopped(Exception):
    """A signal asked for the end."""


def stop_on_signals():
    def handler(number, _frame):
        what = "interrupt" if number == signal.SIGINT else "SIGTERM"
        raise Stopped(f"Received {what} stopping pings")

    signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGTERM, handler)


def wait_reply(sock, text, timeout):
    """The reply to `text` and its sender, or None after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([sock], [], [], left)[0]:
            return None
        data, sender = sock.recvfrom(65535)
        # An answer to an earlier ping is no answer to this one.
        if data == text.upper().encode():
            return data.decode(), sender


def wait_icmp(raw, local_port, timeout):
    """The name of an ICMP error about a packet from `local_port`, or None."""
    deadline = time.monotonic() + timeout
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([raw], [], [], left)[0]:
            return None
        packet = raw.recv(65535)
        message = packet[(packet[0] & 15) * 4:]
        quote = message[8:]
        if len(quote) < 28 or message[0] != 3:
            continue
        udp = quote[(quote[0] & 15) * 4:]
        if quote[9] == socket.IPPROTO_UDP and struct.unpack("!H", udp[:2])[0] == local_port:
            return f"{UNREACHABLE.get(message[1], 'Destination')} Unreachable"


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
    parser.add_argument("--bind", default="0.0.0.0:0", help="local HOST:PORT")
    parser.add_argument("--timeout", type=float, default=1.0, help="seconds to wait for a reply")
    parser.add_argument("--icmp", action="store_true", help="listen for ICMP errors (root)")
    options = parser.parse_args()

    host, port = options.server.rsplit(":", 1)
    server = (host, int(port))
    local_host, local_port = options.bind.rsplit(":", 1)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((local_host, int(local_port)))
    raw = None
    if options.icmp:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        print("ICMP socket opened to listen for ICMP messages")

    sent, rtts = 0, []
    stop_on_signals()
    try:
        print("Enter number of pings to be sent:")
        for number in range(1, int(sys.stdin.readline()) + 1):
            text = f"ping {number} {time.time()}"
            start = time.perf_counter()
            sock.sendto(text.encode(), server)
            sent += 1
            print(f"send to {host}:{port}: {text}")
            reply = wait_reply(sock, text, options.timeout)
            rtt = (time.perf_counter() - start) * 1000
            if reply:
                rtts.append(rtt)
                answer, sender = reply
                print(f"received from {sender[0]}:{sender[1]} {answer} rtt={rtt:.3f}ms")
                continue
            error = raw and wait_icmp(raw, sock.getsockname()[1], options.timeout)
            print(f"{error or 'Request timed out'} for the packet {number}")
    except Stopped as why:
        print(why)
    summary(sent, rtts)
    if raw:
        raw.close()
        print("Closing icmp socket")
    sock.close()
    print("Closing UDP socket")


if __name__ == "__main__":
    main()
