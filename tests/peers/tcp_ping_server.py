#!/usr/bin/env python3
"""A TCP ping server in plain Python, to be a second opinion on our client.

It answers each message, whatever one read brings, with the same text in upper case. An empty
message, which is the end of the stream, closes the connection. One client is served at a time;
with --threads each has a thread of its own.
"""

import argparse
import socket
import threading


def serve(conn, addr):
    where = f"{addr[0]}:{addr[1]}"
    print(f"Connected to {where}", flush=True)
    with conn:
        while True:
            data = conn.recv(65535)
            print(f"received from {where}: {data.decode(errors='replace')}".rstrip(), flush=True)
            if not data:
                return
            answer = data.upper()
            conn.sendall(answer)
            print(f"sent to {where} {answer.decode(errors='replace')}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", default="0.0.0.0:11001", help="HOST:PORT")
    parser.add_argument("--threads", action="store_true", help="a thread for each client")
    options = parser.parse_args()

    host, port = options.listen.rsplit(":", 1)
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.bind((host, int(port)))
    sock.listen(128)
    print(f"Listening on port {sock.getsockname()[1]}", flush=True)
    while True:
        conn, addr = sock.accept()
        if options.threads:
            threading.Thread(target=serve, args=(conn, addr), daemon=True).start()
        else:
            serve(conn, addr)


if __name__ == "__main__":
    main()
