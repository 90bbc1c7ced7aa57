#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1e3 + at.tv_nsec / 1e6;
}

static unsigned read16(const uint8_t *at) { return at[0] << 8 | at[1]; }

static void write16(uint8_t *at, unsigned value) {
    at[0] = value >> 8;
    at[1] = value;
}

static unsigned checksum(const uint8_t *data, int size) {
    unsigned sum = 0;
    for (int at = 0; at < size; at++) sum += at % 2 ? data[at] : data[at] << 8;
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

/* 1: the reply to this request; 2: an error about it, in kind and code; 0: neither. */
static int outcome(const uint8_t *packet, long size, unsigned id, unsigned seq, int *kind, int *code) {
    int head = (packet[0] & 15) * 4;
    const uint8_t *icmp = packet + head;
    if (size < head + 8) return 0;
    if (icmp[0] == 0) return read16(icmp + 4) == id && read16(icmp + 6) == seq;
    if ((icmp[0] != 3 && icmp[0] != 11 && icmp[0] != 12) || size < head + 36) return 0;
    const uint8_t *quoted = icmp + 8 + (icmp[8] & 15) * 4;
    *kind = icmp[0];
    *code = icmp[1];
    return read16(quoted + 4) == id && read16(quoted + 6) == seq ? 2 : 0;
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    int count = atoi(argv[2]), size = atoi(argv[3]), received = 0;
    unsigned id = (getpid() & 0xffff) | 0x100;
    struct sockaddr_in to = { .sin_family = AF_INET };
    inet_pton(AF_INET, argv[1], &to.sin_addr);
    int sock = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    if (sock < 0) {
        perror("socket");
        return 1;
    }
    for (int seq = 1; seq <= count; seq++) {
        uint8_t request[2048] = { 8 }, packet[65536];
        write16(request + 4, id);
        write16(request + 6, seq);
        write16(request + 2, checksum(request, 8 + size));
        double begun = now(), left;
        sendto(sock, request, 8 + size, 0, (struct sockaddr *)&to, sizeof to);
        int end = 0, kind = 0, code = 0;
        while (end == 0 && (left = begun + 1000 - now()) > 0) {
            long micros = left * 1000 + 1;
            struct timeval wait = { .tv_sec = micros / 1000000, .tv_usec = micros % 1000000 };
            setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
            long got = recv(sock, packet, sizeof packet, 0);
            if (got < 20) break;
            end = outcome(packet, got, id, seq, &kind, &code);
        }
        received += end == 1;
        if (end == 1) printf("seq=%d rtt=%.3f\n", seq, now() - begun);
        else if (end == 2) printf("seq=%d type=%d code=%d\n", seq, kind, code);
        else printf("seq=%d timeout\n", seq);
    }
    printf("sent=%d received=%d lost=%d\n", count, received, count - received);
    return 0;
}
