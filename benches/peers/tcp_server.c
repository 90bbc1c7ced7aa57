#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
static void *serve(void *arg) {
    int conn = (int)(long)arg, on = 1;
    setsockopt(conn, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    char data[2048];
    ssize_t len;
    while ((len = recv(conn, data, sizeof data, 0)) > 0) {
        for (ssize_t i = 0; i < len; i++) data[i] = toupper((unsigned char)data[i]);
        if (send(conn, data, len, MSG_NOSIGNAL) != len) break;
    }
    close(conn);
    return NULL;
}
int main(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int server = socket(AF_INET, SOCK_STREAM, 0);
    bind(server, (struct sockaddr *)&at, size);
    listen(server, 4096);
    getsockname(server, (struct sockaddr *)&at, &size);
    printf("listening on port %d\n", ntohs(at.sin_port));
    fflush(stdout);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    for (;;) {
        int conn = accept(server, NULL, NULL);
        pthread_t thread;
        if (conn >= 0 && pthread_create(&thread, &attr, serve, (void *)(long)conn) != 0) close(conn);
    }
}
