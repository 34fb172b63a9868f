/* Answers of our own: short, by Accept, with the request's id. */
#include "proxy/session.h"

#include "http/error_reply.h"

#include <stdio.h>

/* Sends the answer that was written to t->head. */
static enum step send_reply(struct session *s, size_t len)
{
    struct data_thread *t = s->thread;
    struct exchange *x = &s->x;
    struct iovec part = {t->head, len};
    counter_add(&t->cells.counters[THREAD_BYTES_TO_CLIENTS], len);
    enum io io = peer_write(t->buffers, &s->client, &part, 1, 0);
    if (io == IO_FULL)
        thread_count(t, THREAD_BUFFERS_EXHAUSTED);
    if (io_has_failed(io)) {
        x->fault = client_fault(io);
        x->is_cut = true;
        x->client_keeps_alive = false;
        exchange_go(s, EXCHANGE_FINISH);
        return STEP_NEXT;
    }
    x->response_has_begun = true;
    x->has_progress = true;
    exchange_go(s, EXCHANGE_REPLY);
    return STEP_NEXT;
}

static void decide_keep_alive(struct exchange *x, const struct data_thread *t)
{
    x->client_keeps_alive = x->client_keeps_alive && x->request_is_done && !t->is_draining;
}

enum step reply_start(struct session *s, unsigned status, struct str detail, uint32_t retry_after_s)
{
    struct data_thread *t = s->thread;
    struct exchange *x = &s->x;
    decide_keep_alive(x, t);
    x->status = (uint16_t)status;
    const struct error_reply reply = {
        .status = status,
        .detail = detail,
        .accept = x->accepts_json ? STR("application/json") : STR(""),
        .request_id = str_of(x->request_id),
        .date = thread_date(t),
        .retry_after_s = retry_after_s,
        .is_head = x->method == HTTP_HEAD,
        .keeps_alive = x->client_keeps_alive,
        .client_minor_version = x->client_minor_version,
    };
    size_t len = error_reply_write(t->head, sizeof(t->head), &reply);
    ASSERT(len > 0);
    return send_reply(s, len);
}

enum step reply_options(struct session *s)
{
    struct data_thread *t = s->thread;
    struct exchange *x = &s->x;
    decide_keep_alive(x, t);
    x->status = 200;
    int len = snprintf(t->head, sizeof(t->head),
                       "HTTP/1.1 200 OK\r\nAllow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n"
                       "Content-Length: 0\r\nDate: %.*s\r\nX-Request-Id: %s\r\n%s\r\n",
                       STR_ARG(thread_date(t)), x->request_id,
                       x->client_keeps_alive ? "" : "Connection: close\r\n");
    return send_reply(s, (size_t)len);
}
