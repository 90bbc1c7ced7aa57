import socketserver
import sys


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())


class Server(socketserver.TCPServer):
    allow_reuse_address = True


Server(("", int(sys.argv[1])), Handler).serve_forever()
