/*
 * The state COLLECT: the body of a request, when it is small, is taken in before a server is chosen. Many
 * servers give a whole worker to a request from its head on, and a client that sends its body byte by byte
 * would hold it for as long as it likes.
 *
 * A body is collected when its length is known and no more than limits.collect_bytes; large ones stream from
 * the start. A single slow client is harmless and may want its server to see the body as it comes, so after
 * timeouts.collect it goes ahead as it is, but only while no more than CROWD requests of the service are
 * being collected: many slow bodies at once are an attack or a bad network, and wait here, where they cost a
 * small buffer each. What has not come within timeouts.body is answered with 408.
 */
#include "proxy/session.h"

#include "base/clock.h"

enum { CROWD = 4 };

bool collect_begin(struct session *s, const struct http_request *r)
{
    struct exchange *x = &s->x;
    struct data_thread *t = s->thread;
    bool is_small = r->framing == HTTP_FRAMING_LENGTH && r->content_length > 0 &&
                    r->content_length <= t->config->limits.collect_bytes;
    if (!is_small || r->expects_continue) /* who waits for 100 sends nothing before the server has answered */
        return false;
    x->collect_bytes = (uint32_t)r->content_length;
    x->is_collecting = true;
    atomic_fetch_add_explicit(&x->service->collecting, 1, memory_order_relaxed);
    exchange_go(s, EXCHANGE_COLLECT);
    timer_set(t->loop, &s->timer,
              x->started_ns + MIN(t->config->timeouts.collect_ns, t->config->timeouts.body_ns));
    return true;
}

void collect_leave(struct session *s)
{
    if (!s->x.is_collecting)
        return;
    s->x.is_collecting = false;
    atomic_fetch_sub_explicit(&s->x.service->collecting, 1, memory_order_relaxed);
}

static enum step go_ahead(struct session *s)
{
    collect_leave(s);
    exchange_go(s, EXCHANGE_ASSIGN);
    return STEP_NEXT;
}

enum step collect_run(struct session *s)
{
    struct data_thread *t = s->thread;
    struct peer *client = &s->client;
    struct input input;
    size_t had = chunk_len(&client->in);
    if (had >= s->x.collect_bytes)
        return go_ahead(s);
    enum io io = input_next(t, client, had > 0, &input);
    if (io == IO_WAIT)
        return STEP_WAIT;
    if (io == IO_FULL)
        return exchange_fail(s, FAULT_NO_BUFFER);
    if (io != IO_OK)
        return exchange_fail(s, FAULT_CLIENT_ABORT);
    counter_add(&t->cells.counters[THREAD_BYTES_FROM_CLIENTS], input.len - had);
    if (!input_done(t, client, &input, 0))
        return exchange_fail(s, FAULT_NO_BUFFER);
    return STEP_NEXT;
}

enum step collect_timed_out(struct session *s)
{
    struct data_thread *t = s->thread;
    const struct config_timeouts *timeouts = &t->config->timeouts;
    int64_t now = loop_now_ns(t->loop);
    int64_t end_ns = s->x.started_ns + timeouts->body_ns;
    if (now >= end_ns)
        return exchange_fail(s, FAULT_BODY_TIMEOUT);
    if (atomic_load_explicit(&s->x.service->collecting, memory_order_relaxed) <= CROWD) {
        exchange_service_count(s, SERVICE_SLOW_BODIES);
        return go_ahead(s);
    }
    timer_set(t->loop, &s->timer, MIN(now + MAX(timeouts->collect_ns, 100 * NS_PER_MS), end_ns));
    return STEP_WAIT;
}
