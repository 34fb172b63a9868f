#include "net/socket.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

static bool set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* A Unix socket left behind by a process that is gone would refuse the bind; one that answers is somebody's.
 */
static void remove_stale_unix_socket(const struct addr *a)
{
    struct stat st;
    if (stat(a->un.sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, &a->any, a->len) != 0 && errno == ECONNREFUSED)
        (void)unlink(a->un.sun_path);
    close(fd);
}

int socket_listen(const struct addr *a, bool reuse_port, struct err *err)
{
    char text[ADDR_TEXT_BYTES];
    int family = a->any.sa_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        err_set_errno(err, errno, "opening a socket for %s", addr_format(text, a));
        return -1;
    }
    if (family == AF_UNIX) {
        remove_stale_unix_socket(a);
    } else {
        /* TCP_NODELAY is inherited by accepted connections: one system call a connection less. */
        (void)set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        (void)set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        if (reuse_port)
            (void)set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
        if (family == AF_INET6)
            (void)set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    }
    if (bind(fd, &a->any, a->len) != 0 || listen(fd, SOCKET_BACKLOG) != 0) {
        err_set_errno(err, errno, "listening on %s", addr_format(text, a));
        close(fd);
        return -1;
    }
    return fd;
}

int socket_connect(const struct addr *a)
{
    int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (a->any.sa_family != AF_UNIX)
        (void)set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (connect(fd, &a->any, a->len) != 0 && errno != EINPROGRESS) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

int socket_error(int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

bool socket_local_addr(int fd, struct addr *ret_addr)
{
    ret_addr->len = sizeof(*ret_addr) - offsetof(struct addr, any);
    return getsockname(fd, &ret_addr->any, &ret_addr->len) == 0;
}
