/* socket.h: listening and connecting sockets, always non-blocking and close-on-exec. Any thread. */
#pragma once
#include "base/err.h"
#include "base/addr.h"

enum { SOCKET_BACKLOG = 4096 };

/* Returns the descriptor or -1. reuse_port: several sockets may share the address, the kernel spreads
 * connections. */
int socket_listen(const struct addr *a, bool reuse_port, struct err *err);
/* Starts connecting; the descriptor is writable when done. -1 with errno; a refused loopback connect may show
 * at once. */
int socket_connect(const struct addr *a);
int socket_error(int fd); /* SO_ERROR: the outcome of a connect */
bool socket_local_addr(int fd, struct addr *ret_addr);
