/*
 * peer.h: one end of an exchange, a client or a server: its socket, whether it is worth trying to read or
 * write, and the bytes that wait in either direction. Owner thread only.
 *
 * Readiness is remembered between edge-triggered events: a read or write that comes back short ends it, the
 * next edge starts it again.
 */
#pragma once
#include "net/loop.h"
#include "proxy/buffers.h"

#include <sys/uio.h>

enum io { IO_OK, IO_WAIT, IO_EOF, IO_ERR };

struct peer {
    struct handle handle;
    bool can_read, can_write;
    bool has_hup;     /* the other side has shut down its sending: a short read does not mean "nothing more to
                         learn" */
    bool is_gone;     /* reset, or both directions closed */
    bool is_eof;      /* a read has returned 0 */
    struct chunk in;  /* read, not yet used */
    struct chunk out; /* written by us, not yet taken by the kernel */
};

void peer_note_events(struct peer *p, uint32_t events);
/* Reads once. IO_OK: *ret_bytes > 0. IO_WAIT: nothing now. IO_EOF, IO_ERR: nothing any more. */
enum io peer_read(struct peer *p, char *to, size_t bytes, size_t *ret_bytes);
/*
 * Writes what it can; the rest is kept in p->out. IO_OK: all is with the kernel; IO_WAIT: some is kept;
 * IO_ERR: broken, or no buffer. flags: MSG_MORE when more follows at once. May only be called when p->out is
 * empty or with the rest behind it in order.
 */
enum io peer_write(struct buffer_pool *pool, struct peer *p, struct iovec *parts, int part_count, int flags);
/* Writes p->out on. IO_OK when it is empty. */
enum io peer_flush(struct buffer_pool *pool, struct peer *p);
