#include <arpa/inet.h>
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

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    int count = atoi(argv[3]), received = 0;
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[2])) };
    inet_pton(AF_INET, argv[1], &to.sin_addr);
    int sock = socket(AF_INET, SOCK_DGRAM, 0);
    connect(sock, (struct sockaddr *)&to, sizeof to);
    for (int seq = 1; seq <= count; seq++) {
        char text[64], reply[2048];
        int answered = 0, number;
        double begun = now(), left;
        snprintf(text, sizeof text, "PING %d", seq);
        if (send(sock, text, strlen(text), 0) >= 0) {
            while (!answered && (left = begun + 1000 - now()) > 0) {
                long micros = left * 1000 + 1;
                struct timeval wait = { .tv_sec = micros / 1000000, .tv_usec = micros % 1000000 };
                setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
                long got = recv(sock, reply, sizeof reply - 1, 0);
                if (got < 0) break;
                reply[got] = 0;
                answered = sscanf(reply, "%*s %d", &number) == 1 && number == seq;
            }
        }
        if (answered) {
            received++;
            printf("seq=%d rtt=%.3f\n", seq, now() - begun);
        } else {
            printf("seq=%d timeout\n", seq);
        }
    }
    printf("sent=%d received=%d lost=%d\n", count, received, count - received);
    return 0;
}
