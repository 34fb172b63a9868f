/* Answers of our own: short, by Accept, with the request's id. */
#include "proxy/session.h"

#include "http/error_reply.h"

enum step reply_start(struct session *s, unsigned status, struct str detail, uint32_t retry_after_s)
{
    struct data_thread *t = s->thread;
    struct exchange *x = &s->x;
    x->client_keeps_alive = x->client_keeps_alive && x->request_is_done && !t->is_draining;
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
    struct iovec part = {.iov_base = t->head};
    part.iov_len = error_reply_write(t->head, sizeof(t->head), &reply);
    ASSERT(part.iov_len > 0);
    counter_add(&t->cells.counters[THREAD_BYTES_TO_CLIENTS], part.iov_len);
    enum io io = peer_write(t->buffers, &s->client, &part, 1, 0);
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
