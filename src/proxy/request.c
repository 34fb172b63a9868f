/*
 * From bytes to a routed request: reads the head, checks it against the limits, finds its service, and writes
 * the head that servers will get. The parsed request lives in the thread's memory and is gone after this;
 * what is needed later is copied to the exchange.
 */
#include "proxy/route_path.h"
#include "proxy/router.h"
#include "proxy/session.h"

#include "base/clock.h"
#include "http/error_reply.h"
#include "http/h1_parse.h"
#include "http/h1_write.h"
#include "net/socket.h"

static const int64_t drain_grace_ns = NS_PER_S;

static struct http_limits head_limits(const struct config *c)
{
    ASSERT(c->limits.header_bytes < HEAD_BYTES &&
           c->limits.header_count <= HTTP_FIELDS_MAX); /* config's ranges */
    return (struct http_limits){
        .head_bytes = c->limits.header_bytes,
        .field_count = c->limits.header_count,
        .target_bytes = c->limits.target_bytes,
    };
}

/* 128 random bits: enough to be found in the logs of many machines, cheap enough for each request. */
static void make_request_id(struct random *random, char out[HTTP_REQUEST_ID_BYTES_MAX + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (int half = 0; half < 2; half++) {
        uint64_t bits = random_next(random);
        for (int i = 0; i < 16; i++, bits >>= 4)
            out[half * 16 + i] = digits[bits & 15];
    }
    out[32] = '\0';
}

static void note_request(struct session *s, const struct http_request *r)
{
    struct exchange *x = &s->x;
    x->method = r->method;
    x->client_minor_version = r->minor_version;
    x->client_keeps_alive = r->wants_keep_alive;
    x->is_upgrade_asked = r->upgrade.len > 0;
    x->accepts_json = r->accept.len && error_reply_wants_json(r->accept);
    x->request_is_chunked = r->framing == HTTP_FRAMING_CHUNKED;
    h1_body_init(&x->request_body, r->framing, r->content_length);
    x->request_is_done = h1_body_is_done(&x->request_body);
    struct str id = http_request_id(r);
    if (id.len)
        str_copy(x->request_id, sizeof(x->request_id), id);
    else
        make_request_id(&s->thread->random, x->request_id);
}

/* False when no service is there for it. path: what the request is routed by. */
static bool route(struct session *s, const struct http_request *r, struct str path)
{
    struct exchange *x = &s->x;
    x->use = thread_pin(s->thread);
    x->view = router_find(x->use->snapshot, r->host, path);
    if (!x->view)
        return false;
    x->service = x->view->service;
    exchange_service_count(s, SERVICE_ARRIVALS);
    return true;
}

/* HTTP/1.0 without Host: the address that the client reached, which a wildcard listener cannot tell. */
static void format_own_authority(char out[ADDR_TEXT_BYTES], const struct session *s)
{
    struct addr local;
    if (socket_local_addr(s->client.handle.fd, &local) && local.any.sa_family != AF_UNIX) {
        addr_unmap(&local);
        addr_format(out, &local);
    } else {
        str_copy(out, ADDR_TEXT_BYTES, STR("localhost"));
    }
}

/* The head as servers get it, kept in the exchange so that it can be sent to another server if one fails. */
static bool write_server_head(struct session *s, const struct http_request *r)
{
    struct data_thread *t = s->thread;
    struct exchange *x = &s->x;
    char own_text[ADDR_TEXT_BYTES] = "";
    if (r->authority.len == 0)
        format_own_authority(own_text, s);
    const struct h1_request_context context = {
        .client_ip = str_n(s->client_ip, s->client_ip_len),
        .is_trusted = s->is_trusted,
        .scheme = STR("http"),
        .authority = str_of(own_text),
        .request_id = str_of(x->request_id),
        .via_name = STR("weir"),
        .relays_expect = true,
    };
    size_t len = h1_write_request(t->head, sizeof(t->head), r, &context);
    return len > 0 && chunk_append(t->buffers, &x->head, t->head, len);
}

/* With the whole head in the thread's request struct. Nothing of it may be used after the caller moves the
 * input. */
static enum step start(struct session *s, const struct http_request *r)
{
    const struct config *config = s->thread->config;
    s->x.started_ns = loop_now_ns(s->thread->loop);
    note_request(s, r);
    if (r->max_forwards == 0) /* ours is the last station (RFC 9110 §7.6.2) */
        return r->method == HTTP_OPTIONS ? reply_options(s) : exchange_fail(s, FAULT_NOT_SUPPORTED);
    struct str path = STR("/"); /* for OPTIONS * */
    if (r->path.ptr[0] == '/' && !route_path_resolve(r->path, s->thread->head, &path))
        return exchange_refuse(s, HTTP_FAULT_TARGET);
    if (!route(s, r, path))
        return exchange_fail(s, FAULT_NO_ROUTE);
    if (config->limits.body_bytes && r->framing == HTTP_FRAMING_LENGTH &&
        r->content_length > config->limits.body_bytes)
        return exchange_fail(s, FAULT_BODY_TOO_LARGE);
    if (!write_server_head(s, r))
        return exchange_fail(s, FAULT_NO_BUFFER);
    if (!collect_begin(s, r))
        exchange_go(s, EXCHANGE_ASSIGN);
    return STEP_NEXT;
}

static enum step wait_for_more(struct session *s, bool has_part)
{
    struct data_thread *t = s->thread;
    const struct config_timeouts *timeouts = &t->config->timeouts;
    int64_t now = loop_now_ns(t->loop);
    if (s->client.is_eof || s->client.is_gone) {
        session_close(s);
        return STEP_DONE;
    }
    if (!has_part && t->is_draining && s->was_used) {
        session_close(s);
        return STEP_DONE;
    }
    if (!has_part) { /* who has just connected while we drain is about to ask */
        timer_set(t->loop, &s->timer, now + (t->is_draining ? drain_grace_ns : timeouts->idle_ns));
    } else if (s->x.started_ns ==
               0) { /* the first part of a head: from now on the clock runs, whatever comes */
        s->x.started_ns = now;
        timer_set(t->loop, &s->timer, now + timeouts->head_ns);
    }
    return STEP_WAIT;
}

enum step request_read_head(struct session *s)
{
    struct data_thread *t = s->thread;
    struct input input;
    bool has_part = chunk_len(&s->client.in) > 0;
    bool needs_more = has_part && s->seen_bytes == chunk_len(&s->client.in);
    enum io io = input_next(t, &s->client, needs_more, &input);
    if (io == IO_FULL)
        return exchange_fail(s, FAULT_NO_BUFFER);
    if (io != IO_OK)
        return wait_for_more(s, has_part);
    if (input.is_scratch || needs_more)
        counter_add(&t->cells.counters[THREAD_BYTES_FROM_CLIENTS], input.len - s->seen_bytes);

    size_t head_bytes = 0;
    struct http_limits limits = head_limits(t->config);
    enum parse parse =
        h1_parse_request(&t->request, input.bytes, input.len, &limits, &s->scanned, &head_bytes);
    if (parse == PARSE_BAD)
        return exchange_refuse(s, t->request.fault);
    if (parse == PARSE_MORE) {
        s->seen_bytes = input.len;
        if (!input_done(t, &s->client, &input, 0))
            return exchange_fail(s, FAULT_NO_BUFFER);
        return s->client.can_read ? STEP_NEXT : wait_for_more(s, true);
    }
    s->scanned = s->seen_bytes = 0;
    s->was_used = true;
    enum step step = start(s, &t->request);
    if (!input_done(t, &s->client, &input, head_bytes))
        return exchange_fail(s, FAULT_NO_BUFFER);
    return step;
}
