/*
 * origin.c: the server behind the proxies in `./dev bench`. One thread, epoll, level-triggered; every
 * response is built before the first request comes, so that it costs next to nothing and the same for every
 * proxy.
 *
 *     origin PORT     answers each request head (whatever it asks) with 200 and keep-alive:
 *                     a target that begins with /16k gets 16 KiB, all others 128 bytes
 *
 * A head ends at CR LF CR LF; requests with bodies are not for this program. Pipelined heads are answered one
 * by one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 16384, HEAD_BYTES_MAX = 4096, BODY_BYTES_MAX = 16384, EVENTS_MAX = 256 };

struct answer {
    char bytes[BODY_BYTES_MAX + 256];
    size_t length;
};

struct connection {
    char head[HEAD_BYTES_MAX];
    size_t length;
    const struct answer *answer; /* being written; NULL: reading */
    size_t written;
};

static struct answer small, large;
static struct connection *connections[CONNECTIONS_MAX];

static void answer_build(struct answer *a, size_t body_bytes)
{
    int n = snprintf(
        a->bytes, sizeof(a->bytes),
        "HTTP/1.1 200 OK\r\nServer: origin\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
        body_bytes);
    memset(a->bytes + n, 'x', body_bytes);
    a->length = (size_t)n + body_bytes;
}

static void connection_close(int fd)
{
    free(connections[fd]);
    connections[fd] = NULL;
    close(fd);
}

/* Writes what is left of the answer; false when the connection is gone. */
static bool connection_write(int epoll_fd, int fd, struct connection *c)
{
    while (c->written < c->answer->length) {
        ssize_t n = write(fd, c->answer->bytes + c->written, c->answer->length - c->written);
        if (n < 0 && errno == EAGAIN) {
            struct epoll_event event = {.events = EPOLLOUT, .data.fd = fd};
            return epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0;
        }
        if (n <= 0)
            return false;
        c->written += (size_t)n;
    }
    c->answer = NULL;
    return true;
}

/* Answers every whole head in the buffer; false when the connection is gone. */
static bool connection_answer(int epoll_fd, int fd, struct connection *c)
{
    while (!c->answer) {
        char *end = memmem(c->head, c->length, "\r\n\r\n", 4);
        if (!end)
            return c->length < sizeof(c->head);
        size_t used = (size_t)(end + 4 - c->head);
        c->answer = memmem(c->head, used, " /16k", 5) ? &large : &small;
        c->written = 0;
        c->length -= used;
        memmove(c->head, c->head + used, c->length);
        if (!connection_write(epoll_fd, fd, c))
            return false;
    }
    return true;
}

static bool connection_on_event(int epoll_fd, int fd, uint32_t events)
{
    struct connection *c = connections[fd];
    if (c->answer) {
        if (!(events & EPOLLOUT))
            return !(events & (EPOLLERR | EPOLLHUP));
        if (!connection_write(epoll_fd, fd, c))
            return false;
        if (c->answer)
            return true;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &event) < 0)
            return false;
        return connection_answer(epoll_fd, fd, c);
    }
    ssize_t n = read(fd, c->head + c->length, sizeof(c->head) - c->length);
    if (n < 0)
        return errno == EAGAIN;
    if (n == 0)
        return false;
    c->length += (size_t)n;
    return connection_answer(epoll_fd, fd, c);
}

static void accept_all(int epoll_fd, int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (fd < 0)
            return;
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if (fd >= CONNECTIONS_MAX || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
            close(fd);
            continue;
        }
        connections[fd] = calloc(1, sizeof(struct connection));
        if (!connections[fd])
            abort();
    }
}

static int listen_on(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 4096) < 0) {
        perror("origin");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: origin PORT\n");
        return 2;
    }
    answer_build(&small, 128);
    answer_build(&large, BODY_BYTES_MAX);
    int listener = listen_on((uint16_t)strtoul(argv[1], NULL, 10)), epoll_fd = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS_MAX];
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener)
                accept_all(epoll_fd, listener);
            else if (!connection_on_event(epoll_fd, fd, events[i].events))
                connection_close(fd);
        }
    }
}
