/*
 * notify.h: tells the service manager how Weir does (systemd's sd_notify(3) protocol: a datagram to
 * $NOTIFY_SOCKET). Without a service manager every call does nothing. Never blocks; a message that cannot be
 * sent is lost.
 */
#pragma once
#include "base/macros.h"

#include <stdint.h>
#include <sys/un.h>

struct notify {
    struct sockaddr_un address;
    unsigned address_len; /* 0: no service manager */
    int64_t
        watchdog_interval_ns; /* 0: no watchdog; else how often to say WATCHDOG=1: half of what was asked */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. The variables stay: whoever starts children drops
 * them. */
void notify_init(struct notify *n);
/* Sends lines such as "READY=1\nSTATUS=...". */
void notify_send(const struct notify *n, const char *format, ...) PRINTF_LIKE(2, 3);
