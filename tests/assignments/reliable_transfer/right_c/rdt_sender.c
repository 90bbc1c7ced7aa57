#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

static const double TIMEOUT = 200;
static const int MOST = 10;

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1e3 + at.tv_nsec / 1e6;
}

static int checksum(const char *text) {
    int sum = 0;
    while (*text) sum += (unsigned char)*text++;
    return sum;
}

/* The number that a packet acknowledges; -1 if it is damaged. */
static int acknowledged_by(const char *packet) {
    const char *rest = strchr(packet, ' ');
    int number;
    if (!rest || atoi(packet) != checksum(rest + 1) || sscanf(rest, " ACK %d", &number) != 1) return -1;
    return number;
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    int window = atoi(argv[3]), count = argc - 4, base = 0, next = 0, packets = 0, timeouts = 0;
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[2])) };
    inet_pton(AF_INET, argv[1], &to.sin_addr);
    int sock = socket(AF_INET, SOCK_DGRAM, 0);
    connect(sock, (struct sockaddr *)&to, sizeof to);
    double since = now();
    while (base < count) {
        for (; next < base + window && next < count; next++, packets++) {
            char rest[200], packet[220];
            snprintf(rest, sizeof rest, "DATA %d %s", next % 256, argv[4 + next]);
            snprintf(packet, sizeof packet, "%d %s", checksum(rest), rest);
            send(sock, packet, strlen(packet), 0);
        }
        double left = since + TIMEOUT - now();
        if (left <= 0) {
            if (++timeouts == MOST) return 1;
            next = base;
            since = now();
            continue;
        }
        struct timeval wait = { .tv_sec = 0, .tv_usec = (long)(left * 1000) + 1 };
        setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        char reply[2048];
        long got = recv(sock, reply, sizeof reply - 1, 0);
        if (got < 0) continue;
        reply[got] = 0;
        int number = acknowledged_by(reply);
        if (number < 0) continue;
        int acknowledged = ((number - base) % 256 + 256) % 256 + 1;
        if (acknowledged <= next - base) {
            base += acknowledged;
            timeouts = 0;
            since = now();
        }
    }
    printf("messages=%d packets=%d\n", count, packets);
    return 0;
}
