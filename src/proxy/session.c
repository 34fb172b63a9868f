/*
 * A client connection: accepted, driven by events and its one timer, closed. What it is doing is its
 * exchange's state; here is the driver. Handlers note a fact and run the driver; they decide nothing.
 */
#include "proxy/session.h"

#include "net/socket.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STEPS_MAX = 64, ACCEPTS_MAX = 64 };

static void free_session(struct loop *l, struct deferred *d)
{
    struct session *s = container_of(d, struct session, free);
    (void)l;
    slab_give(&s->thread->session_slab, s);
}

void session_close(struct session *s)
{
    struct data_thread *t = s->thread;
    struct exchange *x = &s->x;
    ASSERT(!s->is_closed);
    s->is_closed = true;
    if (x->state == EXCHANGE_QUEUE)
        queue_leave(&x->waiter);
    collect_leave(s);
    if (x->server)
        exchange_release_server(s, false);
    if (x->use)
        thread_unpin(t, x->use);
    chunk_release(t->buffers, &x->head);
    chunk_release(t->buffers, &s->client.in);
    chunk_release(t->buffers, &s->client.out);
    timer_cancel(&s->timer);
    list_remove(&s->again.link);
    list_remove(&s->link);
    loop_forget(t->loop, &s->client.handle);
    close(s->client.handle.fd);
    s->client.handle.fd = -1;
    thread_count(t, THREAD_CONNECTIONS_CLOSED);
    atomic_fetch_sub_explicit(&t->proxy->connections, 1, memory_order_relaxed);
    s->free.run = free_session;
    loop_defer(t->loop, &s->free);
}

void session_run(struct session *s)
{
    enum step step = STEP_NEXT;
    for (int i = 0; i < STEPS_MAX && step == STEP_NEXT; i++)
        step = exchange_run_state(s);
    if (step == STEP_NEXT) /* others have their turn first */
        loop_again(s->thread->loop, &s->again);
}

void session_on_upstream(struct session *s)
{
    session_run(s);
}

static void on_client_event(struct loop *l, struct handle *h, uint32_t events)
{
    struct session *s = container_of(h, struct session, client.handle);
    (void)l;
    peer_note_events(&s->client, events);
    session_run(s);
}

static void on_timer(struct loop *l, struct timer *timer)
{
    (void)l;
    exchange_on_timer(container_of(timer, struct session, timer));
}

static void on_again(struct loop *l, struct task *task)
{
    (void)l;
    session_run(container_of(task, struct session, again));
}

static void note_client_address(struct session *s, const struct addr *client)
{
    const struct config *config = s->thread->config;
    char text[ADDR_TEXT_BYTES] = "";
    if (client->any.sa_family != AF_UNIX)
        addr_format_host(text, client);
    s->client_ip_len = (uint8_t)str_copy(s->client_ip, sizeof(s->client_ip), str_of(text));
    for (size_t i = 0; i < config->trusted_proxy_count && !s->is_trusted; i++)
        s->is_trusted = addr_range_has(&config->trusted_proxies[i], client);
}

static struct session *new_session(struct listener *l, int fd, const struct addr *client)
{
    struct data_thread *t = l->thread;
    struct session *s = slab_take(&t->session_slab);
    if (!s)
        return NULL;
    s->thread = t;
    s->listener = l;
    s->client.handle = (struct handle){.fd = fd, .on_event = on_client_event};
    list_init(&s->link);
    list_init(&s->again.link);
    list_init(&s->x.waiter.link);
    s->again.run = on_again;
    timer_init(&s->timer, on_timer);
    if (!loop_add(t->loop, &s->client.handle, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)) {
        slab_give(&t->session_slab, s);
        return NULL;
    }
    note_client_address(s, client);
    list_push_back(&t->sessions, &s->link);
    timer_set(t->loop, &s->timer, loop_now_ns(t->loop) + t->config->timeouts.idle_ns);
    return s;
}

/* Too many: said in a word, without waiting for the request, so that the client knows and comes back. */
static void turn_away(struct data_thread *t, int fd)
{
    static const char reply[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
                                "Connection: close\r\n\r\n";
    thread_count(t, THREAD_CONNECTIONS_REFUSED);
    if (send(fd, reply, sizeof(reply) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
        (void)shutdown(fd, SHUT_WR);
        (void)recv(fd, t->scratch, SCRATCH_BYTES,
                   MSG_DONTWAIT); /* what lies unread would make the close a reset */
    }
    close(fd);
}

/* Level-triggered: what is left after the budget comes again in the next turn. */
bool session_accept(struct listener *l)
{
    struct data_thread *t = l->thread;
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        struct addr client = {.len = sizeof(client) - offsetof(struct addr, any)};
        int fd = accept4(l->handle.fd, &client.any, &client.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
            thread_count(t, THREAD_CONNECTIONS_REFUSED);
            listener_pause(l);
            return false;
        }
        if (fd < 0)
            return false;
        addr_unmap(&client);
        int32_t open = atomic_fetch_add_explicit(&t->proxy->connections, 1, memory_order_relaxed);
        if ((uint32_t)open >= t->config->limits.connections || !new_session(l, fd, &client)) {
            atomic_fetch_sub_explicit(&t->proxy->connections, 1, memory_order_relaxed);
            turn_away(t, fd);
            continue;
        }
        thread_count(t, THREAD_CONNECTIONS_ACCEPTED);
    }
    return true;
}
