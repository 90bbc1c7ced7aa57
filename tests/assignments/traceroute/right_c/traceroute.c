#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int PORT = 33434;

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1e3 + at.tv_nsec / 1e6;
}

static int read16(const uint8_t *at) { return at[0] << 8 | at[1]; }

/* The type of an ICMP message about the datagram from and to these ports; 0: it is about another. */
static int about(const uint8_t *packet, long size, int source, int port) {
    int head = (packet[0] & 15) * 4;
    const uint8_t *icmp = packet + head, *quoted = icmp + 8;
    if (size < head + 36 || (icmp[0] != 3 && icmp[0] != 11)) return 0;
    const uint8_t *ports = quoted + (quoted[0] & 15) * 4;
    return quoted[9] == IPPROTO_UDP && read16(ports) == source && read16(ports + 2) == port ? icmp[0] : 0;
}

/* Prints who has replied to a probe; whether that is the end. */
static int probe(int receiver, struct sockaddr_in to, int hop) {
    int sender = socket(AF_INET, SOCK_DGRAM, 0), kind = 0;
    struct sockaddr_in own = { .sin_family = AF_INET }, from;
    socklen_t size = sizeof own;
    bind(sender, (struct sockaddr *)&own, size);
    getsockname(sender, (struct sockaddr *)&own, &size);
    setsockopt(sender, IPPROTO_IP, IP_TTL, &hop, sizeof hop);
    to.sin_port = htons(PORT + hop);
    sendto(sender, "traceroute", 10, 0, (struct sockaddr *)&to, sizeof to);
    double end = now() + 1000, left;
    while (kind == 0 && (left = end - now()) > 0) {
        uint8_t packet[65536];
        long micros = left * 1000 + 1;
        struct timeval wait = { .tv_sec = micros / 1000000, .tv_usec = micros % 1000000 };
        setsockopt(receiver, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        size = sizeof from;
        long got = recvfrom(receiver, packet, sizeof packet, 0, (struct sockaddr *)&from, &size);
        if (got < 20) break;
        kind = about(packet, got, ntohs(own.sin_port), PORT + hop);
    }
    close(sender);
    printf("hop=%d %s\n", hop, kind ? inet_ntoa(from.sin_addr) : "*");
    return kind == 3;
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    struct sockaddr_in to = { .sin_family = AF_INET };
    inet_pton(AF_INET, argv[1], &to.sin_addr);
    int receiver = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    if (receiver < 0) {
        perror("socket");
        return 1;
    }
    for (int hop = 1; hop <= atoi(argv[2]); hop++) {
        if (probe(receiver, to, hop)) break;
    }
    return 0;
}
