#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int checksum(const char *text) {
    int sum = 0;
    while (*text) sum += (unsigned char)*text++;
    return sum;
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])) };
    int sock = socket(AF_INET, SOCK_DGRAM, 0), taken = 0;
    bind(sock, (struct sockaddr *)&here, sizeof here);
    for (;;) {
        char packet[2048], message[200], rest[32], reply[64];
        struct sockaddr_in peer;
        socklen_t size = sizeof peer;
        long got = recvfrom(sock, packet, sizeof packet - 1, 0, (struct sockaddr *)&peer, &size);
        if (got < 0) continue;
        packet[got] = 0;
        int number;
        const char *behind = strchr(packet, ' ');
        if (!behind || atoi(packet) != checksum(behind + 1) || sscanf(behind, " DATA %d %199s", &number, message) != 2) continue;
        if (number == taken % 256) {
            puts(message);
            fflush(stdout);
            taken++;
        }
        if (taken == 0) continue;
        snprintf(rest, sizeof rest, "ACK %d", (taken - 1) % 256);
        snprintf(reply, sizeof reply, "%d %s", checksum(rest), rest);
        sendto(sock, reply, strlen(reply), 0, (struct sockaddr *)&peer, size);
    }
}
