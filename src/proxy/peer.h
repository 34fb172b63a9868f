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

/* IO_FULL: no buffer could be had (limits.buffer_memory); the connection itself is well. */
enum io { IO_OK, IO_WAIT, IO_EOF, IO_ERR, IO_FULL };

static inline bool io_has_failed(enum io io)
{
    return io == IO_ERR || io == IO_FULL;
}

struct peer {
    struct handle handle;
    bool can_read, can_write;
    bool has_hup;     /* the other side has shut down its sending: a short read does not mean "nothing more to
                         learn" */
    bool is_gone;     /* reset, or both directions closed */
    bool is_eof;      /* a read has returned 0 */
    bool was_reset;   /* a send or read met a reset: the end that reads meet afterwards is no orderly one */
    struct chunk in;  /* read, not yet used */
    struct chunk out; /* written by us, not yet taken by the kernel */
    int unsent_bytes; /* what the kernel had still to bring across when peer_note_unsent looked */
};

/* What a read is told when nothing can come any more or, so far, has come. */
static inline enum io peer_nothing_to_read(const struct peer *p)
{
    return !p->is_eof ? IO_WAIT : p->was_reset ? IO_ERR : IO_EOF;
}

void peer_note_events(struct peer *p, uint32_t events);
/* Reads once. IO_OK: *ret_bytes > 0. IO_WAIT: nothing now. IO_EOF, IO_ERR: nothing any more. */
enum io peer_read(struct peer *p, char *to, size_t bytes, size_t *ret_bytes);
/*
 * Writes what it can; the rest is kept in p->out. IO_OK: all is with the kernel; IO_WAIT: some is kept;
 * IO_ERR: broken; IO_FULL: some would have had to be kept and could not, so the stream has a hole: close it.
 * flags: MSG_MORE when more follows at once. May only be called when p->out is empty or with the rest behind
 * it in order.
 */
enum io peer_write(struct buffer_pool *pool, struct peer *p, struct iovec *parts, int part_count, int flags);
/* Writes p->out on. IO_OK when it is empty. */
enum io peer_flush(struct buffer_pool *pool, struct peer *p);
/*
 * A receiver that is slow but alive: the kernel tells that it has room again only when a third of its buffer,
 * up to megabytes, has gone. So who waits with p->out notes what is unsent, and when the time is up asks
 * whether it has become noticeably less (which notes it anew). One system call each, on slow paths only.
 */
void peer_note_unsent(struct peer *p);
bool peer_has_moved(struct peer *p);
