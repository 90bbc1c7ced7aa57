#include <arpa/inet.h>
#include <ctype.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Capital letters do not depend on where a line ends: what has come is sent back at once. */
static void *serve(void *client) {
    int sock = (int)(intptr_t)client;
    char data[2048];
    long got;
    while ((got = recv(sock, data, sizeof data, 0)) > 0) {
        for (long at = 0; at < got; at++) data[at] = toupper((unsigned char)data[at]);
        if (send(sock, data, got, 0) < 0) break;
    }
    close(sock);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])) };
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&here, sizeof here) < 0 || listen(listener, 16) < 0) return 1;
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0) continue;
        pthread_t thread;
        pthread_create(&thread, NULL, serve, (void *)(intptr_t)client);
        pthread_detach(thread);
    }
}
