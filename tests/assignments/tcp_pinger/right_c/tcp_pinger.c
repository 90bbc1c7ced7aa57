#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1e3 + at.tv_nsec / 1e6;
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    int count = atoi(argv[3]), received = 0;
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[2])) };
    inet_pton(AF_INET, argv[1], &to.sin_addr);
    int sock = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(sock, (struct sockaddr *)&to, sizeof to) < 0) {
        perror("connect");
        return 1;
    }
    FILE *replies = fdopen(sock, "r");
    for (int seq = 1; seq <= count; seq++) {
        char line[64], reply[256];
        snprintf(line, sizeof line, "PING %d\n", seq);
        double begun = now();
        if (send(sock, line, strlen(line), 0) < 0) break;
        if (!fgets(reply, sizeof reply, replies)) break;
        received++;
        printf("seq=%d rtt=%.3f\n", seq, now() - begun);
    }
    printf("sent=%d received=%d\n", count, received);
    return 0;
}
