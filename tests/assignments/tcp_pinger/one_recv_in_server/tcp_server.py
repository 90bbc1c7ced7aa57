import socketserver
import sys


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while data := self.request.recv(2048):
            self.wfile.write(data.strip().upper() + b"\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


Server(("", int(sys.argv[1])), Handler).serve_forever()
