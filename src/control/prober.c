/*
 * A probe is a small state machine on one timer and one socket:
 *
 *   WAITING --timer--> CONNECTING --writable--> ANSWERING --head complete--> WAITING
 *      ^                   |  error, timeout        |  error, timeout, end      |
 *      +-------------------+------------------------+---------------------------+--> sink, last of all
 *
 * 1. The timer is the pause while WAITING and the limit of the whole probe in the other states.
 * 2. There is a socket exactly in CONNECTING and ANSWERING.
 * 3. A server that starts is not there, and then it is: each moment that this is noticed late, requests that
 * wait for it wait longer. So while its connections are refused, which costs neither side much, the pause is
 * only half a percent of the time that it has been refusing, from 2 to 5 ms and start_interval at most: some
 * 500 probes in the first second, 200 in each later one, and an average delay of a quarter of a
 * percent, 2.5 ms at most. All servers that start share one budget of 500 probes a second. As soon as
 * something listens there, each probe is work for it while it should be starting: then the pause is
 * start_interval. So it is after a minute: a server that is simply not there costs no more for ever.
 * 4. finish() arms everything before it tells the sink, and touches nothing afterwards: the sink may end this
 * very probe. A TCP probe ends good when it is connected. An HTTP probe reads the response's head only; the
 * rest is cut off by closing.
 *
 * Each probe takes a connection of its own, for a server that hangs must not hang the next probe too. libcurl
 * was not used: the http room is there anyway, and a fleet of 1024 servers is probed with one small struct
 * each.
 */
#include "control/prober.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/units.h"
#include "http/h1_parse.h"
#include "net/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    PROBE_HEAD_BYTES_MAX = 16 * 1024,
    PROBE_REQUEST_BYTES_MAX = 16 * 1024,
    PROBE_DETAIL_BYTES = 160,
    JITTER_PERCENT = 10,
    REFUSED_AGE_PARTS = 200, /* of the time that a server has refused, to the next look */
};
#define REFUSED_PAUSE_NS     (2 * NS_PER_MS) /* at least, for each server that is probed fast */
#define REFUSED_PAUSE_MAX_NS (5 * NS_PER_MS)
#define REFUSED_EAGER_NS     (60 * NS_PER_S)

enum state { WAITING, CONNECTING, ANSWERING };

struct probe {
    struct prober *prober;
    struct server *server;
    const struct config_health *health;
    enum probe_pace pace;
    int64_t fast_since_ns; /* while the pace is PROBE_FAST */
    bool is_refused;       /* the last probe found nobody listening */
    enum state state;
    struct timer timer;
    struct handle handle;
    struct deferred deferred;
    struct buf in;
    size_t scanned;
};

struct prober {
    struct loop *loop;
    struct prober_sink sink;
    struct random random;
    uint32_t open_sockets, fast_count;       /* servers probed at PROBE_FAST */
    struct probe *probes[FLEET_SERVERS_MAX]; /* owned, by the server's slot */
};

static const struct http_limits limits = {
    .head_bytes = PROBE_HEAD_BYTES_MAX, .field_count = HTTP_FIELDS_MAX, .target_bytes = PROBE_HEAD_BYTES_MAX};

static int64_t fast_pause_ns(const struct probe *b)
{
    int64_t age_ns = loop_now_ns(b->prober->loop) - b->fast_since_ns;
    int64_t share_ns = (int64_t)b->prober->fast_count * REFUSED_PAUSE_NS;
    int64_t interval_ns = b->health->start_interval_ns;
    int64_t pause_ns = MIN(age_ns / REFUSED_AGE_PARTS, REFUSED_PAUSE_MAX_NS);
    if (age_ns > REFUSED_EAGER_NS) /* it does not start, or takes so long that this delay is nothing */
        return interval_ns;
    return b->is_refused ? MIN(MAX(pause_ns, share_ns), interval_ns) : interval_ns;
}

static int64_t pause_ns(struct probe *b)
{
    if (b->pace == PROBE_FAST)
        return fast_pause_ns(b);
    int64_t jitter_ns = b->health->interval_ns * JITTER_PERCENT / 100;
    uint32_t part =
        random_below(&b->prober->random, 2001); /* 0..2000: from -jitter to +jitter in thousandths */
    return b->health->interval_ns - jitter_ns + jitter_ns * part / 1000;
}

static void close_socket(struct probe *b)
{
    if (b->handle.fd < 0)
        return;
    loop_remove(b->prober->loop, &b->handle);
    close(b->handle.fd);
    b->handle.fd = -1;
    b->prober->open_sockets--;
}

static void finish(struct probe *b, bool is_good, const char *detail)
{
    struct prober *p = b->prober;
    close_socket(b);
    buf_fini(&b->in);
    b->state = WAITING;
    timer_set(p->loop, &b->timer, loop_now_ns(p->loop) + pause_ns(b));
    p->sink.on_probe(p->sink.context, b->server, is_good, detail);
}

static void finish_errno(struct probe *b, int error)
{
    struct err err = {0};
    switch (error) {
    case ECONNREFUSED:
        b->is_refused = true;
        finish(b, false, "connection refused");
        return;
    case ENOENT:
        b->is_refused = true; /* so is a Unix socket that is not there yet */
        finish(b, false, "there is no such socket");
        return;
    case ECONNRESET:
    case EPIPE:
        finish(b, false, "connection reset");
        return;
    default:
        err_set_errno(&err, error, "no connection");
        finish(b, false, err.text);
    }
}

static size_t write_request(const struct probe *b, char *out, size_t out_bytes)
{
    char address[ADDR_TEXT_BYTES];
    struct str host = b->health->host;
    if (!host.len)
        host = b->server->address.any.sa_family == AF_UNIX
                   ? STR("localhost")
                   : str_of(addr_format(address, &b->server->address));
    int n = snprintf(out, out_bytes,
                     "GET %.*s HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: weir-health/" WEIR_VERSION
                     "\r\nAccept: */*\r\nConnection: close\r\n\r\n",
                     STR_ARG(b->health->path), STR_ARG(host));
    return n > 0 && (size_t)n < out_bytes ? (size_t)n : 0;
}

static void on_connected(struct probe *b)
{
    char request[PROBE_REQUEST_BYTES_MAX];
    int error = socket_error(b->handle.fd);
    if (error) {
        finish_errno(b, error);
        return;
    }
    if (!b->health->has_path) {
        finish(b, true, "connected");
        return;
    }
    size_t len = write_request(b, request, sizeof(request));
    ssize_t n = len ? send(b->handle.fd, request, len, MSG_NOSIGNAL) : -1;
    if (n != (ssize_t)len) { /* a fresh socket takes this much, or something is wrong with it */
        finish(b, false, "the request could not be sent");
        return;
    }
    b->state = ANSWERING;
    if (!loop_change(b->prober->loop, &b->handle, EPOLLIN | EPOLLRDHUP))
        finish_errno(b, errno);
}

static void judge_status(struct probe *b, const struct http_response *r)
{
    char detail[PROBE_DETAIL_BYTES];
    snprintf(detail, sizeof(detail), "status %u", r->status);
    finish(b, r->status >= b->health->status_min && r->status <= b->health->status_max, detail);
}

/* Interim responses (1xx but 101) are messages before the one that counts. Returns whether to look again. */
static bool step_answer(struct probe *b)
{
    struct http_response response;
    size_t head_bytes;
    if (b->in.len == 0)
        return false;
    enum parse parse =
        h1_parse_response(&response, b->in.ptr, b->in.len, HTTP_GET, &limits, &b->scanned, &head_bytes);
    if (parse == PARSE_MORE)
        return false;
    if (parse == PARSE_BAD) {
        char detail[PROBE_DETAIL_BYTES];
        snprintf(detail, sizeof(detail), "not HTTP: %s", http_fault_phrase(response.fault));
        finish(b, false, detail);
        return false;
    }
    if (response.status < 200 && response.status != 101) {
        buf_consume(&b->in, head_bytes);
        b->scanned = 0;
        return true;
    }
    judge_status(b, &response);
    return false;
}

static void on_readable(struct probe *b)
{
    char bytes[4096];
    ssize_t n = recv(b->handle.fd, bytes, sizeof(bytes), 0);
    if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
        return;
    if (n < 0) {
        finish_errno(b, errno);
        return;
    }
    if (n == 0) {
        finish(b, false, "closed without a whole answer");
        return;
    }
    buf_put(&b->in, str_n(bytes, (size_t)n));
    while (step_answer(b))
        ;
}

static void on_event(struct loop *loop, struct handle *h, uint32_t events)
{
    (void)loop, (void)events;
    struct probe *b = container_of(h, struct probe, handle);
    if (b->state == CONNECTING)
        on_connected(b);
    else
        on_readable(b);
}

static void begin(struct probe *b)
{
    struct prober *p = b->prober;
    b->is_refused = false;
    int fd = socket_connect(&b->server->address);
    if (fd < 0) {
        finish_errno(b, errno);
        return;
    }
    b->handle = (struct handle){.fd = fd, .on_event = on_event};
    b->state = CONNECTING;
    b->scanned = 0;
    p->open_sockets++;
    if (!loop_add(p->loop, &b->handle, EPOLLOUT)) {
        finish_errno(b, errno);
        return;
    }
    timer_set(p->loop, &b->timer, loop_now_ns(p->loop) + b->health->timeout_ns);
}

static void on_timer(struct loop *loop, struct timer *t)
{
    (void)loop;
    struct probe *b = container_of(t, struct probe, timer);
    if (b->state == WAITING) {
        begin(b);
        return;
    }
    char detail[PROBE_DETAIL_BYTES], limit[UNITS_TEXT_BYTES];
    snprintf(detail, sizeof(detail), "%s within %s", b->state == CONNECTING ? "not connected" : "no answer",
             units_format_duration(limit, b->health->timeout_ns));
    finish(b, false, detail);
}

static void free_probe(struct loop *loop, struct deferred *d)
{
    (void)loop;
    struct probe *b = container_of(d, struct probe, deferred);
    buf_fini(&b->in);
    free(b);
}

static void set_pace(struct probe *b, enum probe_pace pace)
{
    struct prober *p = b->prober;
    if (pace == PROBE_FAST && b->pace != PROBE_FAST)
        b->fast_since_ns = loop_now_ns(p->loop);
    p->fast_count += (pace == PROBE_FAST) - (b->pace == PROBE_FAST);
    b->pace = pace;
}

static void forget(struct prober *p, uint32_t slot)
{
    struct probe *b = p->probes[slot];
    if (!b)
        return;
    set_pace(b, PROBE_NEVER);
    p->probes[slot] = NULL;
    timer_cancel(&b->timer);
    close_socket(b);
    b->deferred.run = free_probe;
    loop_defer(p->loop, &b->deferred);
}

static struct probe *add(struct prober *p, struct server *s)
{
    struct probe *b = NEW(struct probe);
    b->prober = p;
    b->server = s;
    b->handle.fd = -1;
    timer_init(&b->timer, on_timer);
    p->probes[s->slot] = b;
    return b;
}

void prober_set_pace(struct prober *p, struct server *s, const struct config_health *health,
                     enum probe_pace pace)
{
    if (pace == PROBE_NEVER) {
        forget(p, s->slot);
        return;
    }
    struct probe *b = p->probes[s->slot];
    bool is_new = !b, is_faster = b && pace == PROBE_FAST && b->pace != PROBE_FAST;
    if (is_new)
        b = add(p, s);
    b->health = health;
    set_pace(b, pace);
    if (b->state != WAITING || !(is_new || is_faster))
        return;
    /* The first probe runs from the loop: the sink is never called inside this function. */
    timer_set(p->loop, &b->timer, loop_now_ns(p->loop) + (is_new ? 0 : pause_ns(b)));
}

struct prober *prober_new(struct loop *loop, const struct prober_sink *sink)
{
    struct prober *p = NEW(struct prober);
    p->loop = loop;
    p->sink = *sink;
    random_seed_from_system(&p->random);
    return p;
}

void prober_free(struct prober *p)
{
    if (!p)
        return;
    for (uint32_t slot = 0; slot < FLEET_SERVERS_MAX; slot++)
        forget(p, slot);
    free(p);
}

uint32_t prober_open_sockets(const struct prober *p)
{
    return p->open_sockets;
}
