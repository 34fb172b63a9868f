#include "supervisor/notify.h"

#include "base/clock.h"
#include "base/str.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int64_t watchdog_interval_ns(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    uint64_t value;
    if (!usec || !str_parse_u64(str_of(usec), &value) || value == 0 || value > INT64_MAX / 1000)
        return 0;
    if (pid && pid[0]) {
        uint64_t meant_for;
        if (!str_parse_u64(str_of(pid), &meant_for) || meant_for != (uint64_t)getpid())
            return 0;
    }
    return MAX((int64_t)value * NS_PER_US / 2, NS_PER_MS);
}

/* "/run/x" is a path, "@x" a name in the abstract name space, where the address ends with the name, not with
 * a NUL. */
void notify_init(struct notify *n)
{
    const char *path = getenv("NOTIFY_SOCKET");
    *n = (struct notify){.address.sun_family = AF_UNIX};
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) < 2 ||
        strlen(path) >= sizeof(n->address.sun_path))
        return;
    memcpy(n->address.sun_path, path, strlen(path));
    if (path[0] == '@')
        n->address.sun_path[0] = '\0';
    n->address_len = (unsigned)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + (path[0] == '/'));
    n->watchdog_interval_ns = watchdog_interval_ns();
}

void notify_send(const struct notify *n, const char *format, ...)
{
    char text[2048];
    if (!n->address_len)
        return;
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, text, MIN((size_t)len, sizeof(text) - 1), MSG_NOSIGNAL,
                 (const struct sockaddr *)&n->address, n->address_len);
    close(fd);
}
