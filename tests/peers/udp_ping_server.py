#!/usr/bin/env python3
"""A UDP ping server in plain Python, to be a second opinion on our client.

It answers each datagram with the same text in upper case, unless it drops the answer: at random,
with a seed for the same draws each time, or by the number of arrival. With --threads each
datagram is handled on a thread of its own.
"""

import argparse
import random
import socket
import threading


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", default="0.0.0.0:11000", help="HOST:PORT")
    parser.add_argument("--loss", type=int, default=0, help="percent of answers dropped at random")
    parser.add_argument("--seed", type=int, help="the seed of the draws")
    parser.add_argument("--drop", default="", help="arrivals not to answer, from 1: 1,2,5")
    parser.add_argument("--threads", action="store_true", help="a thread for each datagram")
    options = parser.parse_args()

    draws = random.Random(options.seed)
    chosen = {int(word) for word in options.drop.split(",") if word}
    host, port = options.listen.rsplit(":", 1)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, int(port)))
    print(f"Server bound to port {sock.getsockname()[1]}", flush=True)

    def handle(data, client, dropped):
        where = f"{client[0]}:{client[1]}"
        print(f"received from {where}: {data.decode(errors='replace')}", flush=True)
        answer = data.upper()
        if dropped:
            print(f"dropped message: {answer.decode(errors='replace')}", flush=True)
            return
        sock.sendto(answer, client)
        print(f"sent to {where}: {answer.decode(errors='replace')}", flush=True)

    arrival = 0
    while True:
        data, client = sock.recvfrom(65535)
        arrival += 1
        # Drawn here, in order of arrival, so that threads do not change who gets which draw.
        dropped = draws.randint(1, 100) <= options.loss or arrival in chosen
        if options.threads:
            threading.Thread(target=handle, args=(data, client, dropped), daemon=True).start()
        else:
            handle(data, client, dropped)


if __name__ == "__main__":
    main()
