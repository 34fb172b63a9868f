/*
 * The state RELAY: the request goes out and the response comes back, both at once and each at the pace of its
 * reader: nothing is read from one side while bytes wait for the other. In the common case one read and one
 * write carry a whole message.
 *
 * Chunked bodies are taken apart and put together again: what one read brought becomes one chunk, so
 * extensions and odd chunkings of one side never reach the other.
 */
#include "proxy/session.h"

#include "http/h1_parse.h"
#include "http/h1_write.h"

#include <sys/socket.h>

enum { ROUNDS_MAX = 16, TRAILERS_OUT_BYTES = H1_TRAILER_BYTES_MAX + 16 };

enum pump { PUMP_WAIT, PUMP_MOVED, PUMP_DONE, PUMP_ENDED /* the state was left: see x->state */ };

/* A piece of a body with the framing that its receiver needs. */
struct framed {
    struct iovec parts[5];
    int count;
    char chunk_head[H1_CHUNK_HEAD_BYTES_MAX];
    char end[TRAILERS_OUT_BYTES];
};

static void add_part(struct framed *f, const char *bytes, size_t len)
{
    if (len)
        f->parts[f->count++] = (struct iovec){(char *)bytes, len};
}

static void frame_payload(struct framed *f, bool is_chunked, struct str payload, bool is_last,
                          struct str trailers)
{
    if (is_chunked && payload.len)
        add_part(f, f->chunk_head, h1_write_chunk_head(f->chunk_head, payload.len));
    add_part(f, payload.ptr, payload.len);
    if (is_chunked && payload.len)
        add_part(f, "\r\n", 2);
    if (is_chunked && is_last) {
        size_t end_bytes = h1_write_trailers(f->end, sizeof(f->end), trailers);
        ASSERT(end_bytes > 0); /* a body without its end would swallow the next message */
        add_part(f, f->end, end_bytes);
    }
}

static size_t framed_bytes(const struct framed *f)
{
    size_t total = 0;
    for (int i = 0; i < f->count; i++)
        total += f->parts[i].iov_len;
    return total;
}

static uint32_t in_flight_of(const struct server *s)
{
    return (uint32_t)MAX(atomic_load_explicit(&s->in_flight, memory_order_relaxed), 0);
}

/* ---- request: client to server ---- */

static enum pump send_head(struct session *s)
{
    struct exchange *x = &s->x;
    struct upstream *u = x->upstream;
    /* Held back only when payload is sure to follow at once: the kernel would keep a lone head for 200 ms. */
    bool has_body_now =
        x->request_body.framing == HTTP_FRAMING_LENGTH && chunk_len(&s->client.in) > 0 && !x->request_is_done;
    struct iovec part = {x->head.ptr + x->head.start, chunk_len(&x->head)};
    enum io io = peer_write(s->thread->buffers, &u->peer, &part, 1, has_body_now ? MSG_MORE : 0);
    if (io == IO_FULL)
        return exchange_fail(s, FAULT_NO_BUFFER), PUMP_ENDED;
    if (io == IO_ERR) /* refused by the kernel: the server has seen nothing of it */
        return exchange_retry(s, FAULT_SERVER_BROKE), PUMP_ENDED;
    x->head_was_sent = true;
    x->sent_attempts++;
    exchange_server_count(s, SERVER_ATTEMPTS);
    counter_add(&thread_server_cells(s->thread, x->server)->counters[SERVER_BYTES_TO_SERVER], part.iov_len);
    x->sent_ns = loop_now_ns(s->thread->loop);
    x->sent_level = (uint8_t)level_of(in_flight_of(x->server));
    return PUMP_MOVED;
}

/* The server takes no more of the body: its answer may still come, but neither connection can carry another
 * request. */
static void stop_request(struct session *s)
{
    s->x.request_is_broken = true;
    chunk_release(s->thread->buffers, &s->x.upstream->peer.out);
}

static enum pump forward_request(struct session *s, struct input *input)
{
    struct exchange *x = &s->x;
    struct data_thread *t = s->thread;
    struct framed framed;
    struct str payload, trailers;
    size_t used;
    uint64_t body_max = t->config->limits.body_bytes;

    enum parse parse = h1_body_decode(&x->request_body, input->bytes, input->len, &used, &payload, &trailers);
    x->needs_more_from_client = parse == PARSE_MORE && used < input->len;
    x->request_bytes += payload.len;
    if (parse == PARSE_BAD) {
        thread_count(t, THREAD_REFUSED_BAD_REQUEST);
        x->client_keeps_alive = false;
        exchange_release_server(s, false);
        if (x->response_has_begun)
            return exchange_fail(s, FAULT_CLIENT_ABORT), PUMP_ENDED;
        x->fault = FAULT_BAD_REQUEST;
        return reply_start(s, 400, str_of(http_fault_phrase((enum http_fault)x->request_body.fault)), 0),
               PUMP_ENDED;
    }
    if (body_max && x->request_bytes > body_max)
        return exchange_fail(s, FAULT_BODY_TOO_LARGE), PUMP_ENDED;
    framed.count = 0;
    frame_payload(&framed, x->request_is_chunked, payload, parse == PARSE_DONE, trailers);
    size_t bytes = framed_bytes(&framed);
    x->body_was_sent |= bytes > 0;
    enum io io = peer_write(t->buffers, &x->upstream->peer, framed.parts, framed.count, 0);
    if (io == IO_FULL)
        return exchange_fail(s, FAULT_NO_BUFFER), PUMP_ENDED;
    if (io == IO_ERR)
        stop_request(s);
    counter_add(&thread_server_cells(t, x->server)->counters[SERVER_BYTES_TO_SERVER], bytes);
    x->request_is_done = parse == PARSE_DONE;
    x->sent_ns = loop_now_ns(t->loop);
    if (!input_done(t, &s->client, input, used))
        return exchange_fail(s, FAULT_NO_BUFFER), PUMP_ENDED;
    return PUMP_MOVED;
}

static enum pump pump_request(struct session *s)
{
    struct exchange *x = &s->x;
    struct data_thread *t = s->thread;
    struct input input;
    if (!x->head_was_sent)
        return send_head(s);
    if (x->request_is_broken)
        return PUMP_DONE;
    size_t waiting = chunk_len(&x->upstream->peer.out);
    if (peer_flush(t->buffers, &x->upstream->peer) == IO_ERR) {
        stop_request(s);
        return PUMP_DONE;
    }
    if (chunk_len(&x->upstream->peer.out) < waiting)
        return PUMP_MOVED;
    if (x->request_is_done)
        return PUMP_DONE;
    if (chunk_len(&x->upstream->peer.out))
        return PUMP_WAIT;
    size_t had = chunk_len(&s->client.in);
    enum io io = input_next(t, &s->client, x->needs_more_from_client, &input);
    if (io == IO_WAIT)
        return PUMP_WAIT;
    if (io != IO_OK) /* half a body and then the end: nobody is there to be answered */
        return exchange_fail(s, client_fault(io)), PUMP_ENDED;
    counter_add(&t->cells.counters[THREAD_BYTES_FROM_CLIENTS],
                input.is_scratch ? input.len : input.len - had);
    return forward_request(s, &input);
}

/* ---- response: server to client ---- */

static enum pump begin_tunnel(struct session *s)
{
    struct exchange *x = &s->x;
    struct data_thread *t = s->thread;
    const struct h1_response_context context = {
        .client_minor_version = 1, .via_name = STR("weir"), .date = thread_date(t)};
    struct iovec part = {.iov_base = t->head};
    if (!x->is_upgrade_asked)
        return exchange_retry(s, FAULT_BAD_RESPONSE), PUMP_ENDED;
    part.iov_len = h1_write_response(t->head, sizeof(t->head), &t->response, &context);
    x->status = 101;
    queue_note_answer(x->server, loop_now_ns(t->loop));
    x->response_has_begun = true;
    x->client_keeps_alive = false;
    enum io io = peer_write(t->buffers, &s->client, &part, 1, 0);
    if (part.iov_len == 0 || io_has_failed(io))
        return exchange_fail(s, client_fault(io)), PUMP_ENDED;
    chunk_release(t->buffers, &x->head);
    thread_unpin(t, x->use);
    x->use = NULL;
    exchange_go(s, EXCHANGE_TUNNEL);
    timer_set(t->loop, &s->timer, loop_now_ns(t->loop) + t->config->timeouts.tunnel_ns);
    return PUMP_ENDED;
}

static enum pump relay_interim(struct session *s)
{
    struct data_thread *t = s->thread;
    if (s->x.client_minor_version == 0)
        return PUMP_MOVED; /* HTTP/1.0 knows no interim responses */
    struct iovec part = {.iov_base = t->head};
    part.iov_len = h1_write_interim(t->head, sizeof(t->head), &t->response, STR("weir"));
    if (part.iov_len == 0)
        return exchange_retry(s, FAULT_BAD_RESPONSE), PUMP_ENDED;
    enum io io = peer_write(t->buffers, &s->client, &part, 1, 0);
    if (io_has_failed(io))
        return exchange_fail(s, client_fault(io)), PUMP_ENDED;
    return PUMP_MOVED;
}

/* Notes what the final head says and lets go of what only a retry would have needed. */
static void begin_response(struct session *s, const struct http_response *r)
{
    struct exchange *x = &s->x;
    struct data_thread *t = s->thread;
    int64_t now = loop_now_ns(t->loop);
    bool is_error = r->status >= 500;
    x->status = r->status;
    x->server_keeps_alive = r->keeps_alive && x->request_is_done && !x->request_is_broken;
    x->client_framing = h1_framing_for_client(r, x->client_minor_version);
    h1_body_init(&x->response_body, r->framing, r->content_length);
    if (!x->request_is_done || x->client_framing == HTTP_FRAMING_UNTIL_CLOSE || t->is_draining)
        x->client_keeps_alive = false;
    histogram_record(&thread_server_cells(t, x->server)->latency, now - x->sent_ns);
    histogram_record(&thread_service_cells(t, x->service)->answer, now - x->sent_ns);
    balance_observe(&t->loads[x->server->slot], x->server, now - x->sent_ns, is_error, now);
    if (is_error)
        exchange_server_count(s, SERVER_ERRORS_5XX);
    else
        queue_note_answer(x->server, now);
    x->response_has_begun = true;
    chunk_release(t->buffers, &x->head);
    thread_unpin(t, x->use);
    x->use = NULL;
}

/*
 * Payload and, when it has just been written to t->head, the head go out together.
 */
static enum pump forward_response(struct session *s, struct input *input, size_t head_in, size_t head_out)
{
    struct exchange *x = &s->x;
    struct data_thread *t = s->thread;
    struct framed framed;
    struct str payload, trailers;
    size_t used;

    enum parse parse = h1_body_decode(&x->response_body, input->bytes + head_in, input->len - head_in, &used,
                                      &payload, &trailers);
    x->needs_more_from_server = parse == PARSE_MORE && head_in + used < input->len;
    if (parse == PARSE_BAD && head_out) { /* the client has seen nothing of it yet */
        x->response_has_begun = false;
        return exchange_fail(s, FAULT_BAD_RESPONSE), PUMP_ENDED;
    }
    framed.count = 0;
    add_part(&framed, t->head, head_out);
    frame_payload(&framed, x->client_framing == HTTP_FRAMING_CHUNKED, payload, parse == PARSE_DONE, trailers);
    size_t bytes = framed_bytes(&framed);
    enum io io = peer_write(t->buffers, &s->client, framed.parts, framed.count, 0);
    if (io_has_failed(io))
        return exchange_fail(s, client_fault(io)), PUMP_ENDED;
    counter_add(&t->cells.counters[THREAD_BYTES_TO_CLIENTS], bytes);
    if (parse == PARSE_BAD)
        return exchange_fail(s, FAULT_BAD_RESPONSE), PUMP_ENDED;
    if (parse == PARSE_DONE && head_in + used < input->len)
        x->server_keeps_alive = false; /* it said more than it had announced */
    if (!input_done(t, &x->upstream->peer, input, parse == PARSE_DONE ? input->len : head_in + used))
        return exchange_fail(s, FAULT_NO_BUFFER), PUMP_ENDED;
    return parse == PARSE_DONE ? PUMP_DONE : PUMP_MOVED;
}

static enum pump read_response_head(struct session *s, struct input *input)
{
    struct exchange *x = &s->x;
    struct data_thread *t = s->thread;
    struct http_response *r = &t->response;
    const struct http_limits limits = {
        .head_bytes = MAX(t->config->limits.header_bytes, (uint64_t)16 * 1024),
        .field_count = HTTP_FIELDS_MAX,
        .target_bytes = 0,
    };
    size_t head_in;
    enum parse parse =
        h1_parse_response(r, input->bytes, input->len, x->method, &limits, &x->response_scanned, &head_in);
    x->needs_more_from_server = parse == PARSE_MORE;
    if (parse == PARSE_BAD)
        return exchange_retry(s, FAULT_BAD_RESPONSE), PUMP_ENDED;
    if (parse == PARSE_MORE) {
        if (!input_done(t, &x->upstream->peer, input, 0))
            return exchange_fail(s, FAULT_NO_BUFFER), PUMP_ENDED;
        return PUMP_MOVED;
    }
    x->response_scanned = 0;
    if (r->status < 200) {
        enum pump pump = r->is_upgrade ? begin_tunnel(s) : relay_interim(s);
        bool has_upstream = x->upstream != NULL;
        if (has_upstream && !input_done(t, &x->upstream->peer, input, head_in))
            return exchange_fail(s, FAULT_NO_BUFFER), PUMP_ENDED;
        return pump;
    }
    begin_response(s, r);
    const struct h1_response_context context = {
        .client_minor_version = x->client_minor_version,
        .keeps_alive = x->client_keeps_alive,
        .framing = x->client_framing,
        .date = thread_date(t),
        .request_id = str_of(x->request_id),
        .via_name = STR("weir"),
    };
    size_t head_out = h1_write_response(t->head, sizeof(t->head), r, &context);
    if (head_out == 0) {
        x->response_has_begun = false;
        return exchange_fail(s, FAULT_BAD_RESPONSE), PUMP_ENDED;
    }
    return forward_response(s, input, head_in, head_out);
}

/* The server has closed or broken its connection. */
static enum pump server_ended(struct session *s, enum io io)
{
    struct exchange *x = &s->x;
    struct framed framed;
    if (io == IO_FULL)
        return exchange_fail(s, FAULT_NO_BUFFER), PUMP_ENDED;
    if (!x->response_has_begun)
        return exchange_retry(s, FAULT_SERVER_BROKE), PUMP_ENDED;
    x->server_keeps_alive = false;
    if (io != IO_EOF || h1_body_end(&x->response_body) != PARSE_DONE) {
        exchange_server_count(s, SERVER_ERRORS_BROKE);
        return exchange_fail(s, FAULT_SERVER_BROKE), PUMP_ENDED;
    }
    framed.count = 0;
    frame_payload(&framed, x->client_framing == HTTP_FRAMING_CHUNKED, STR(""), true, STR(""));
    io = peer_write(s->thread->buffers, &s->client, framed.parts, framed.count, 0);
    if (io_has_failed(io))
        return exchange_fail(s, client_fault(io)), PUMP_ENDED;
    return PUMP_DONE;
}

static enum pump pump_response(struct session *s)
{
    struct exchange *x = &s->x;
    struct data_thread *t = s->thread;
    struct input input;
    size_t waiting = chunk_len(&s->client.out);
    if (peer_flush(t->buffers, &s->client) == IO_ERR)
        return exchange_fail(s, FAULT_CLIENT_ABORT), PUMP_ENDED;
    if (chunk_len(&s->client.out))
        return chunk_len(&s->client.out) < waiting ? PUMP_MOVED : PUMP_WAIT;
    size_t had = chunk_len(&x->upstream->peer.in);
    enum io io = input_next(t, &x->upstream->peer, x->needs_more_from_server, &input);
    if (io == IO_WAIT)
        return PUMP_WAIT;
    if (io != IO_OK)
        return server_ended(s, io);
    x->server_has_spoken = true;
    counter_add(&thread_server_cells(t, x->server)->counters[SERVER_BYTES_FROM_SERVER],
                input.is_scratch ? input.len : input.len - had);
    return x->response_has_begun ? forward_response(s, &input, 0, 0) : read_response_head(s, &input);
}

/* ---- both ---- */

void relay_set_deadline(struct session *s)
{
    struct exchange *x = &s->x;
    struct peer *server = &x->upstream->peer;
    const struct config_timeouts *timeouts = &s->thread->config->timeouts;
    int64_t now = loop_now_ns(s->thread->loop);
    bool was_sent = (x->request_is_done || x->request_is_broken) && chunk_len(&server->out) == 0;
    bool waits_for_head = !x->response_has_begun && was_sent;
    timer_set(s->thread->loop, &s->timer, now + (waits_for_head ? timeouts->response_ns : timeouts->body_ns));
    if (chunk_len(&server->out))
        peer_note_unsent(server);
    if (chunk_len(&s->client.out))
        peer_note_unsent(&s->client);
}

/* What scale/capacity.h learns from: how long requests took, and how fast they were answered, by how many
 * there were. */
static void note_departure(const struct session *s)
{
    const struct exchange *x = &s->x;
    struct server_cells *cells = thread_server_cells(s->thread, x->server);
    counter_add(&cells->departures[level_of(in_flight_of(x->server))], 1);
    int64_t duration_ns = loop_now_ns(s->thread->loop) - x->slot_ns;
    counter_add(&cells->admissions[x->sent_level], 1);
    counter_add(&cells->admission_ns[x->sent_level], (uint64_t)MAX(duration_ns, 0));
    counter_add(&cells->admission_logs[x->sent_level], histogram_log_of(duration_ns));
}

static enum step server_is_done(struct session *s)
{
    struct exchange *x = &s->x;
    note_departure(s);
    bool keeps = x->server_keeps_alive && x->request_is_done && chunk_len(&x->upstream->peer.out) == 0;
    exchange_release_server(s, keeps);
    x->has_progress = true;
    exchange_go(s, EXCHANGE_FLUSH);
    return STEP_NEXT;
}

enum step relay_run(struct session *s)
{
    bool has_progress = false;
    if (s->client.is_gone)
        return exchange_fail(s, FAULT_CLIENT_ABORT);
    for (int round = 0; round < ROUNDS_MAX; round++) {
        enum pump request = pump_request(s);
        if (request == PUMP_ENDED)
            return STEP_NEXT;
        enum pump response = pump_response(s);
        if (response == PUMP_ENDED)
            return STEP_NEXT;
        if (response == PUMP_DONE)
            return server_is_done(s);
        if (request != PUMP_MOVED && response != PUMP_MOVED) {
            if (has_progress)
                relay_set_deadline(s);
            return STEP_WAIT;
        }
        has_progress = true;
    }
    relay_set_deadline(s);
    loop_again(s->thread->loop, &s->again);
    return STEP_WAIT;
}
