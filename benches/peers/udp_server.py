import random, socket, sys
loud = len(sys.argv) > 1
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print("bound to port", server.getsockname()[1], flush=True)
while True:
    message, address = server.recvfrom(65535)
    text = message.decode()
    if loud: print(f"received from {address[0]}:{address[1]}: {text}")
    reply = text.upper()
    if random.random() >= 0.0:
        server.sendto(reply.encode(), address)
        if loud: print(f"sent to {address[0]}:{address[1]}: {reply}")
