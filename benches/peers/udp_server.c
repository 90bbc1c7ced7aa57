#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
int main(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int server = socket(AF_INET, SOCK_DGRAM, 0);
    bind(server, (struct sockaddr *)&at, size);
    getsockname(server, (struct sockaddr *)&at, &size);
    printf("bound to port %d\n", ntohs(at.sin_port));
    fflush(stdout);
    static char data[65536];
    for (;;) {
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        ssize_t len = recvfrom(server, data, sizeof data, 0, (struct sockaddr *)&from, &size);
        for (ssize_t i = 0; i < len; i++) data[i] = toupper((unsigned char)data[i]);
        if (len >= 0 && drand48() >= 0.0) sendto(server, data, len, 0, (struct sockaddr *)&from, size);
    }
}
