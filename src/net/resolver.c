/*
 * resolver.c: the one file that knows c-ares.
 *
 * c-ares tells which sockets it wants watched (on_socket) and until when it wants to be called
 * (ares_timeout); both are kept on the loop. The callbacks of open questions also come from ares_destroy();
 * is_ending keeps those from the askers. Memory of a socket's handle is freed at the end of the turn, for it
 * may be closed from within its own event.
 *
 * Rejected: ares_getaddrinfo(), which hides the TTL of what it found in search lists and knows no SRV; one
 * channel for ever, which would go by the resolv.conf of the day when Weir was started.
 */
#include "net/resolver.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"

#include <ares.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

enum { TRY_MS = 2000, TRIES = 2, SERVERS_TEXT_BYTES = 1024 };

struct resolver_socket {
    struct list link; /* in resolver.sockets */
    struct resolver *resolver;
    struct handle handle;
    struct deferred deferred;
};

struct resolver {
    struct loop *loop;
    ares_channel channel;
    struct list sockets;
    struct timer timer;
    bool is_ending;
};

static pthread_once_t init_once = PTHREAD_ONCE_INIT;

static void init_library(void)
{
    ASSERT(ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS);
}

static void set_timer(struct resolver *r)
{
    struct timeval wait;
    if (!ares_timeout(r->channel, NULL, &wait)) {
        timer_cancel(&r->timer); /* no question is open */
        return;
    }
    timer_set(r->loop, &r->timer,
              loop_now_ns(r->loop) + wait.tv_sec * NS_PER_S + wait.tv_usec * NS_PER_US + NS_PER_MS);
}

static void on_timer(struct loop *loop, struct timer *t)
{
    (void)loop;
    struct resolver *r = container_of(t, struct resolver, timer);
    ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    set_timer(r);
}

/* ---- sockets ---- */

static void on_event(struct loop *loop, struct handle *h, uint32_t events)
{
    (void)loop;
    struct resolver_socket *s = container_of(h, struct resolver_socket, handle);
    struct resolver *r = s->resolver; /* s may be closed meanwhile */
    bool is_readable = events & (EPOLLIN | EPOLLERR | EPOLLHUP | EPOLLRDHUP);
    bool is_writable = events & (EPOLLOUT | EPOLLERR | EPOLLHUP);
    ares_process_fd(r->channel, is_readable ? h->fd : ARES_SOCKET_BAD, is_writable ? h->fd : ARES_SOCKET_BAD);
    set_timer(r);
}

static void free_socket(struct loop *loop, struct deferred *d)
{
    (void)loop;
    free(container_of(d, struct resolver_socket, deferred));
}

static struct resolver_socket *find_socket(struct resolver *r, int fd)
{
    for (struct list *node = r->sockets.next; node != &r->sockets; node = node->next) {
        struct resolver_socket *s = container_of(node, struct resolver_socket, link);
        if (s->handle.fd == fd)
            return s;
    }
    return NULL;
}

static void drop_socket(struct resolver *r, struct resolver_socket *s)
{
    loop_remove(r->loop, &s->handle);
    list_remove(&s->link);
    s->deferred.run = free_socket;
    loop_defer(r->loop, &s->deferred);
}

static void add_socket(struct resolver *r, int fd, uint32_t events)
{
    struct resolver_socket *s = NEW(struct resolver_socket);
    s->resolver = r;
    s->handle = (struct handle){.fd = fd, .on_event = on_event};
    if (!loop_add(r->loop, &s->handle, events)) {
        free(s); /* its question ends with its timeout */
        return;
    }
    list_push_back(&r->sockets, &s->link);
}

/* c-ares wants to hear of this socket, or (both false) is about to close it. */
static void on_socket(void *context, ares_socket_t fd, int is_readable, int is_writable)
{
    struct resolver *r = context;
    struct resolver_socket *s = find_socket(r, fd);
    uint32_t events = (is_readable ? (uint32_t)EPOLLIN : 0) | (is_writable ? (uint32_t)EPOLLOUT : 0);
    if (events == 0 && s)
        drop_socket(r, s);
    else if (events && !s)
        add_socket(r, fd, events);
    else if (events && !loop_change(r->loop, &s->handle, events))
        drop_socket(r, s);
}

/* ---- questions ---- */

static enum resolver_outcome outcome_of(int status)
{
    switch (status) {
    case ARES_SUCCESS:
        return RESOLVER_ANSWER;
    case ARES_ENODATA:
        return RESOLVER_NO_DATA;
    case ARES_ENOTFOUND:
        return RESOLVER_NO_NAME;
    default:
        return RESOLVER_FAILED;
    }
}

static const char *why_of(int status)
{
    switch (status) {
    case ARES_SUCCESS:
        return "";
    case ARES_ENODATA:
        return "there is no such record";
    case ARES_ENOTFOUND:
        return "the name does not exist (NXDOMAIN)";
    case ARES_ESERVFAIL:
        return "the DNS server failed (SERVFAIL)";
    case ARES_EREFUSED:
        return "the DNS server refused to answer (REFUSED)";
    case ARES_ETIMEOUT:
        return "no DNS server answered in time";
    case ARES_ECONNREFUSED: /* what c-ares says when the last of the servers had no better answer */
        return "every DNS server failed or refused (SERVFAIL, REFUSED), or could not be reached";
    default:
        return ares_strerror(status);
    }
}

static void on_answer(void *context, int status, int timeouts, unsigned char *bytes, int length)
{
    (void)timeouts;
    struct resolver_question *q = context;
    bool is_answer = status == ARES_SUCCESS;
    if (q->resolver->is_ending)
        return;
    q->on_answer(q, outcome_of(status), is_answer ? str_n((const char *)bytes, (size_t)length) : STR(""),
                 why_of(status));
}

void resolver_ask(struct resolver *r, const char *name, enum resolver_type type, struct resolver_question *q)
{
    enum { CLASS_IN = 1 };
    q->resolver = r;
    ares_search(r->channel, name, CLASS_IN, (int)type, on_answer, q);
    set_timer(r);
}

/* ---- making and freeing ---- */

static bool set_servers(struct resolver *r, const struct resolver_params *params, struct err *err)
{
    char text[SERVERS_TEXT_BYTES] = "", address[ADDR_TEXT_BYTES];
    size_t at = 0;
    for (size_t i = 0; i < params->server_count; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i ? "," : "",
                               addr_format(address, &params->servers[i]));
    ASSERT(at < sizeof(text));
    int status = ares_set_servers_ports_csv(r->channel, text);
    return status == ARES_SUCCESS ||
           err_set(err, "setting the DNS servers %s: %s", text, ares_strerror(status));
}

struct resolver *resolver_new(const struct resolver_params *params, struct err *err)
{
    pthread_once(&init_once, init_library);
    struct resolver *r = NEW(struct resolver);
    r->loop = params->loop;
    list_init(&r->sockets);
    timer_init(&r->timer, on_timer);
    struct ares_options options = {.timeout = TRY_MS,
                                   .tries = TRIES,
                                   .flags = params->server_count ? ARES_FLAG_NOSEARCH : 0,
                                   .sock_state_cb = on_socket,
                                   .sock_state_cb_data = r};
    int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_FLAGS | ARES_OPT_SOCK_STATE_CB;
    int status = ares_init_options(&r->channel, &options, mask);
    if (status != ARES_SUCCESS) {
        (void)err_set(err, "reading the system's DNS configuration: %s", ares_strerror(status));
        free(r);
        return NULL;
    }
    if (params->server_count && !set_servers(r, params, err)) {
        resolver_free(r);
        return NULL;
    }
    return r;
}

void resolver_free(struct resolver *r)
{
    if (!r)
        return;
    r->is_ending = true;
    timer_cancel(&r->timer);
    ares_destroy(r->channel);
    ASSERT(list_is_empty(&r->sockets));
    free(r);
}
