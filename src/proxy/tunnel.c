/*
 * The state TUNNEL: after 101 both sides speak a protocol of their own (WebSocket): bytes pass both ways
 * unread. When one side ends its sending, the other is told the same way; the tunnel ends when both have, or
 * when nothing moves for timeouts.tunnel.
 */
#include "proxy/session.h"

#include <sys/socket.h>

enum { ROUNDS_MAX = 16 };

/* Returns false when the direction is broken. */
static bool pass(struct data_thread *t, struct peer *from, struct peer *to, bool *was_shut, bool *ret_moved)
{
    struct input input;
    size_t waiting = chunk_len(&to->out);
    if (peer_flush(t->buffers, to) == IO_ERR)
        return false;
    *ret_moved |= chunk_len(&to->out) < waiting;
    if (*was_shut)
        return !from->is_gone; /* it will never read what the other side may still send */
    if (chunk_len(&to->out))
        return true;
    enum io io = input_next(t, from, false, &input);
    if (io == IO_WAIT)
        return true;
    if (io == IO_EOF) {
        *was_shut = true;
        return shutdown(to->handle.fd, SHUT_WR) == 0;
    }
    if (io_has_failed(io))
        return false;
    struct iovec part = {input.bytes, input.len};
    io = peer_write(t->buffers, to, &part, 1, 0);
    if (io == IO_FULL)
        thread_count(t, THREAD_BUFFERS_EXHAUSTED);
    if (io_has_failed(io))
        return false;
    *ret_moved = true;
    return input_done(t, from, &input, input.len);
}

enum step tunnel_end(struct session *s)
{
    s->x.request_is_done = true; /* nothing is left to be read out */
    exchange_release_server(s, false);
    chunk_release(s->thread->buffers, &s->client.out);
    s->x.is_cut = true;
    exchange_go(s, EXCHANGE_FINISH);
    return STEP_NEXT;
}

enum step tunnel_run(struct session *s)
{
    struct data_thread *t = s->thread;
    struct exchange *x = &s->x;
    struct peer *server = &x->upstream->peer;
    bool has_moved = false, moved = true;
    for (int round = 0; round < ROUNDS_MAX && moved; round++) {
        moved = false;
        if (!pass(t, &s->client, server, &x->server_was_shut, &moved) ||
            !pass(t, server, &s->client, &x->client_was_shut, &moved))
            return tunnel_end(s);
        has_moved |= moved;
    }
    if (x->server_was_shut && x->client_was_shut)
        return tunnel_end(s);
    if (has_moved)
        timer_set(t->loop, &s->timer, loop_now_ns(t->loop) + t->config->timeouts.tunnel_ns);
    if (moved)
        loop_again(t->loop, &s->again);
    return STEP_WAIT;
}
