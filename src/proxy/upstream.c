/*
 * Idle connections are per thread and server, last used first: the warmest socket carries the next request,
 * and what is too many grows old at the tail and is closed after timeouts.server_idle. Each stays registered
 * with epoll, so a server that closes one is noticed at once.
 */
#include "proxy/upstream.h"

#include "base/macros.h"
#include "net/socket.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void free_upstream(struct loop *l, struct deferred *d)
{
    struct upstream *u = container_of(d, struct upstream, free);
    (void)l;
    slab_give(&u->thread->upstream_slab, u);
}

void upstream_close(struct upstream *u)
{
    struct data_thread *t = u->thread;
    list_remove(&u->link);
    timer_cancel(&u->idle_timer);
    chunk_release(t->buffers, &u->peer.in);
    chunk_release(t->buffers, &u->peer.out);
    loop_forget(t->loop, &u->peer.handle);
    close(u->peer.handle.fd);
    u->peer.handle.fd = -1;
    u->session = NULL;
    u->free.run = free_upstream;
    loop_defer(t->loop, &u->free);
}

static void on_event(struct loop *l, struct handle *h, uint32_t events)
{
    struct upstream *u = container_of(h, struct upstream, peer.handle);
    (void)l;
    peer_note_events(&u->peer, events);
    if (u->session)
        session_on_upstream(u->session);
    else if (u->peer.can_read) /* closed by the server, or it speaks out of turn: of no use either way */
        upstream_close(u);
}

static void on_idle_expire(struct loop *l, struct timer *timer)
{
    struct upstream *u = container_of(timer, struct upstream, idle_timer);
    (void)l;
    if (!u->session)
        upstream_close(u);
}

struct upstream *upstream_connect(struct data_thread *t, struct server *s)
{
    struct upstream *u = slab_take(&t->upstream_slab);
    if (!u) {
        errno = ENOMEM;
        return NULL;
    }
    u->thread = t;
    u->server = s;
    u->server_id = s->id;
    u->is_connecting = true;
    list_init(&u->link);
    timer_init(&u->idle_timer, on_idle_expire);
    u->peer.handle = (struct handle){.fd = socket_connect(&s->address), .on_event = on_event};
    if (u->peer.handle.fd >= 0 &&
        loop_add(t->loop, &u->peer.handle, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)) {
        counter_add(&thread_server_cells(t, s)->counters[SERVER_CONNECTS], 1);
        return u;
    }
    int error = errno;
    if (u->peer.handle.fd >= 0)
        close(u->peer.handle.fd);
    slab_give(&t->upstream_slab, u);
    errno = error;
    return NULL;
}

struct upstream *upstream_take(struct data_thread *t, struct server *s)
{
    for (struct list *node; (node = list_pop_front(&t->idle[s->slot]));) {
        struct upstream *u = container_of(node, struct upstream, link);
        if (u->server_id == s->id && !u->peer.can_read)
            return u;
        upstream_close(u);
    }
    return NULL;
}

bool upstream_is_stale(const struct upstream *u)
{
    char byte;
    ssize_t n = recv(u->peer.handle.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n >= 0 || errno != EAGAIN;
}

void upstream_keep(struct upstream *u)
{
    struct data_thread *t = u->thread;
    ASSERT(chunk_len(&u->peer.in) == 0 && chunk_len(&u->peer.out) == 0);
    if (u->peer.can_read || t->is_draining || !server_can_take(u->server)) {
        upstream_close(u);
        return;
    }
    u->session = NULL;
    u->was_used = true;
    list_push_front(&t->idle[u->server->slot], &u->link);
    timer_set(t->loop, &u->idle_timer, loop_now_ns(t->loop) + t->config->timeouts.server_idle_ns);
}

void upstream_sweep(struct data_thread *t)
{
    for (uint32_t slot = 0; slot < FLEET_SERVERS_MAX; slot++) {
        list_for_each_safe (node, &t->idle[slot]) {
            struct upstream *u = container_of(node, struct upstream, link);
            enum server_state state =
                (enum server_state)atomic_load_explicit(&u->server->state, memory_order_relaxed);
            if (u->server_id != u->server->id || !server_state_takes_requests(state))
                upstream_close(u);
        }
    }
}

void upstream_close_idle(struct data_thread *t)
{
    for (uint32_t slot = 0; slot < FLEET_SERVERS_MAX; slot++)
        list_for_each_safe (node, &t->idle[slot])
            upstream_close(container_of(node, struct upstream, link));
}
