#include "proxy/peer.h"

#include "base/macros.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum {
    MOVED_BYTES_MIN = 4096
}; /* less than this in a whole timeout is no reader, but somebody who holds us up */

void peer_note_events(struct peer *p, uint32_t events)
{
    if (events & EPOLLIN)
        p->can_read = true;
    if (events & EPOLLOUT)
        p->can_write = true;
    if (events & EPOLLRDHUP)
        p->has_hup = p->can_read = true;
    if (events & (EPOLLERR | EPOLLHUP))
        p->is_gone = p->has_hup = p->can_read = p->can_write = true;
}

enum io peer_read(struct peer *p, char *to, size_t bytes, size_t *ret_bytes)
{
    ssize_t n;
    do
        n = recv(p->handle.fd, to, bytes, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        /* A short read has emptied the socket, unless an end of stream waits behind the data. */
        p->can_read = (size_t)n == bytes || p->has_hup;
        *ret_bytes = (size_t)n;
        return IO_OK;
    }
    p->can_read = false;
    if (n < 0 && errno == EAGAIN)
        return IO_WAIT;
    p->is_eof = true;
    p->was_reset |= n < 0;
    return peer_nothing_to_read(p);
}

/*
 * The kernel tells a reset once, to whoever calls next: a send that hears of it leaves the reads with what
 * had arrived and then a plain end, as if all had been said. After an orderly end the same reset is EPIPE
 * instead.
 */
static ssize_t send_parts(struct peer *p, struct iovec *parts, int part_count, int flags)
{
    ssize_t n;
    do {
        if (part_count == 1) {
            n = send(p->handle.fd, parts[0].iov_base, parts[0].iov_len, flags | MSG_NOSIGNAL);
        } else {
            struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)part_count};
            n = sendmsg(p->handle.fd, &message, flags | MSG_NOSIGNAL);
        }
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == ECONNRESET)
        p->was_reset = true;
    return n;
}

enum io peer_write(struct buffer_pool *pool, struct peer *p, struct iovec *parts, int part_count, int flags)
{
    size_t total = 0, sent = 0;
    for (int i = 0; i < part_count; i++)
        total += parts[i].iov_len;
    if (total == 0)
        return chunk_len(&p->out) ? IO_WAIT : IO_OK;
    if (p->can_write && chunk_len(&p->out) == 0) {
        ssize_t n = send_parts(p, parts, part_count, flags);
        if (n < 0 && errno != EAGAIN)
            return IO_ERR;
        sent = n > 0 ? (size_t)n : 0;
        if (sent == total)
            return IO_OK;
        p->can_write = false;
    }
    for (int i = 0; i < part_count; i++) {
        size_t done = MIN(sent, parts[i].iov_len);
        sent -= done;
        if (!chunk_append(pool, &p->out, (char *)parts[i].iov_base + done, parts[i].iov_len - done))
            return IO_FULL;
    }
    return IO_WAIT;
}

enum io peer_flush(struct buffer_pool *pool, struct peer *p)
{
    while (chunk_len(&p->out)) {
        if (!p->can_write)
            return IO_WAIT;
        struct iovec part = {p->out.ptr + p->out.start, chunk_len(&p->out)};
        ssize_t n = send_parts(p, &part, 1, 0);
        if (n < 0 && errno != EAGAIN)
            return IO_ERR;
        if (n > 0)
            chunk_consume(pool, &p->out, (size_t)n);
        if (n < 0 || (size_t)n < part.iov_len)
            p->can_write = false;
    }
    return IO_OK;
}

void peer_note_unsent(struct peer *p)
{
    if (ioctl(p->handle.fd, SIOCOUTQ, &p->unsent_bytes) != 0)
        p->unsent_bytes = 0;
}

bool peer_has_moved(struct peer *p)
{
    int before = p->unsent_bytes;
    if (chunk_len(&p->out) == 0)
        return false;
    peer_note_unsent(p);
    return p->unsent_bytes + MOVED_BYTES_MIN <= before;
}
