/*
 * syslog.c: alerts to the system's log, here or on a log server. A line for each alert.
 *
 * Over TCP lines are framed by their length (RFC 6587 section 3.4.1), and the server's end of the connection
 * is waited for a moment, so that one that takes connections and dies is noticed. UDP tells nothing but that
 * a port is closed. A host's name is looked up by getaddrinfo(3), which has a time-out of its own.
 */
#include "base/addr.h"
#include "base/clock.h"
#include "net/socket.h"
#include "watch/notify/kind.h"
#include "watch/notify/syslog_text.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { DATAGRAM_BYTES_MAX = 2048, STREAM_BYTES_MAX = 8192, HOST_BYTES = 256, PORT_BYTES = 8 };
#define CLOSE_AWAITED_NS   (1 * NS_PER_S)
#define REFUSAL_AWAITED_NS (50 * NS_PER_MS)

/* ---- waiting ---- */

/* False when it does not happen in time. */
static bool await(int fd, short events, int64_t until_ns)
{
    for (;;) {
        int64_t left_ns = until_ns - clock_now_ns();
        struct pollfd p = {.fd = fd, .events = events};
        int n = left_ns > 0 ? poll(&p, 1, (int)(left_ns / NS_PER_MS) + 1) : 0;
        if (n >= 0 || errno != EINTR)
            return n > 0;
    }
}

static bool send_all(int fd, struct str bytes, int64_t until_ns, struct err *err)
{
    while (bytes.len) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            bytes = str_n(bytes.ptr + n, bytes.len - (size_t)n);
            continue;
        }
        if (errno != EAGAIN && errno != EINTR)
            return err_set_errno(err, errno, "sending");
        if (!await(fd, POLLOUT, until_ns))
            return err_set(err, "sending: nothing is read there");
    }
    return true;
}

/* ---- the log of this machine ---- */

/* Datagrams as a rule; daemons with a stream socket want a NUL behind each line, as syslog(3) writes it. */
static bool send_local(const char *path, struct buf *line, int64_t until_ns, struct err *err)
{
    static const int types[] = {SOCK_DGRAM, SOCK_STREAM};
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (str_copy(a.sun_path, sizeof(a.sun_path), str_of(path)) < strlen(path))
        return err_set(err, "%s: the path is too long for a socket", path);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        int fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC, 0);
        bool is_open = fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
        int error = errno;
        if (is_open && types[i] == SOCK_STREAM)
            buf_put_char(line, '\0');
        bool is_sent = is_open && send_all(fd, buf_str(line), until_ns, err);
        if (fd >= 0)
            close(fd);
        if (is_open)
            return is_sent;
        if (error != EPROTOTYPE || i + 1 == ARRAY_LEN(types))
            return err_set_errno(err, error, "opening %s", path);
    }
    return false;
}

/* ---- a log server ---- */

static void split_server(struct str server, const char *usual_port, char host[HOST_BYTES],
                         char port[PORT_BYTES])
{
    struct str name = server;
    const char *colon = strrchr(server.ptr, ':'), *bracket = strrchr(server.ptr, ']');
    str_copy(port, PORT_BYTES, str_of(usual_port));
    if (colon && (!bracket || colon > bracket)) {
        str_copy(port, PORT_BYTES, str_of(colon + 1));
        name = str_n(server.ptr, (size_t)(colon - server.ptr));
    }
    if (bracket && name.len >= 2)
        name = str_n(name.ptr + 1, name.len - 2);
    str_copy(host, HOST_BYTES, name);
}

static bool is_connected(int fd, const struct addrinfo *a, int64_t until_ns)
{
    if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
        return true;
    if (errno != EINPROGRESS)
        return false;
    if (!await(fd, POLLOUT, until_ns)) {
        errno = ETIMEDOUT;
        return false;
    }
    errno = socket_error(fd);
    return errno == 0;
}

/* -1 with err. */
static int open_server(struct str server, int type, int64_t until_ns, struct err *err)
{
    char host[HOST_BYTES], port[PORT_BYTES];
    struct addrinfo hints = {.ai_socktype = type, .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV}, *found;
    split_server(server, type == SOCK_DGRAM ? "514" : "601", host, port);
    int problem = getaddrinfo(host, port, &hints, &found);
    if (problem) {
        (void)err_set(err, "looking %s up: %s", host, gai_strerror(problem));
        return -1;
    }
    int fd = -1, error = 0;
    for (struct addrinfo *a = found; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd >= 0 && is_connected(fd, a, until_ns))
            break;
        error = errno;
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    if (fd < 0)
        (void)err_set_errno(err, error, "connecting to %s", host);
    return fd;
}

/* Whether the server has said that it wants none of it: a reset, or a closed port. */
static bool is_refused(int fd, int64_t until_ns, struct err *err)
{
    char byte;
    if (!await(fd, POLLIN, until_ns))
        return false;
    if (recv(fd, &byte, 1, MSG_DONTWAIT) >= 0 || errno == EAGAIN || errno == EINTR)
        return false;
    (void)err_set_errno(err, errno, "the log server");
    return true;
}

static bool send_to_server(const struct config_syslog *config, struct str line, int64_t until_ns,
                           struct err *err)
{
    bool is_stream = config->transport == SYSLOG_TCP;
    CLEANUP(buf_fini) struct buf frame = {0};
    int fd = open_server(config->server, is_stream ? SOCK_STREAM : SOCK_DGRAM, until_ns, err);
    if (fd < 0)
        return false;
    if (is_stream)
        buf_printf(&frame, "%zu ", line.len);
    buf_put(&frame, line);
    bool is_sent = send_all(fd, buf_str(&frame), until_ns, err);
    if (is_stream)
        (void)shutdown(fd, SHUT_WR);
    int64_t wait_ns = is_stream ? CLOSE_AWAITED_NS : REFUSAL_AWAITED_NS;
    is_sent = is_sent && !is_refused(fd, MIN(clock_now_ns() + wait_ns, until_ns), err);
    close(fd);
    return is_sent;
}

static void syslog_deliver(const struct alert_message *m, const struct sink_setup *setup, int64_t timeout_ns,
                           struct sink_answer *ret)
{
    const struct config_syslog *config = &setup->config->syslog;
    int64_t until_ns = clock_now_ns() + timeout_ns;
    struct err err = {0};
    CLEANUP(buf_fini) struct buf line = {0};
    syslog_text_write(m, setup->config, getpid(),
                      config->transport == SYSLOG_TCP ? STREAM_BYTES_MAX : DATAGRAM_BYTES_MAX, &line);
    bool is_sent = config->transport == SYSLOG_LOCAL ? send_local(config->socket.ptr, &line, until_ns, &err)
                                                     : send_to_server(config, buf_str(&line), until_ns, &err);
    *ret = (struct sink_answer){.verdict = is_sent ? RETRY_DELIVERED : RETRY_LATER, .retry_after_s = -1};
    str_copy(ret->text, sizeof(ret->text), str_of(err.text));
}

const struct sink_kind sink_syslog = {.alerts_max = 1, .is_local = true, .deliver = syslog_deliver};
