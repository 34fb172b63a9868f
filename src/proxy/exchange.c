/*
 * The exchange: one request from its head to the account of how it ended. The list of states with the diagram
 * is in session.h; here are the driver's table, the one place where the state changes, the states that choose
 * and reach a server, and the ends.
 *
 * Invariants
 * 1. x->server is set exactly while a slot of it is held; x->upstream exactly while a connection of it is
 * ours.
 * 2. A request that a server may have seen is sent again only if its method is idempotent and nothing of its
 * body or of the response has moved (RFC 9110 §9.2.2). One that no server saw may always be sent again.
 * 3. A snapshot is pinned from routing until the response begins: after that nothing of it is read.
 */
#include "proxy/session.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/socket.h"

#include <errno.h>
#include <sys/socket.h>

/* How long a client is read out after our last byte; while Weir drains it must not wait for dawdlers. */
static const int64_t linger_ns = 5 * NS_PER_S, linger_drain_ns = 1 * NS_PER_S;

/* So long a request that has to wait leaves the places of the server that failed it to others: enough for
 * probes to tell what that server is worth, and not much of a wait if it is the only one left. */
static const int64_t avoid_ns = 1 * NS_PER_S;

static const uint32_t retry_after_unknown_s = 1; /* before control has looked for the first time */

static const struct {
    unsigned status;
    int thread_counter, service_counter;
    uint32_t retry_after_s;
    const char *phrase;
} faults[EXCHANGE_FAULT_COUNT] = {
#define FAULT_ROW(id, status, thread_counter, service_counter, retry_after, phrase)                          \
    {status, thread_counter, service_counter, retry_after, phrase},
    EXCHANGE_FAULTS(FAULT_ROW)};

/* ---- choosing a server ---- */

/* A request that waited, or is tried again, must see the servers of now. */
static void use_newest_snapshot(struct session *s)
{
    struct exchange *x = &s->x;
    if (x->use == s->thread->newest)
        return;
    struct snapshot *snapshot = s->thread->newest->snapshot;
    for (uint32_t i = 0; i < snapshot->service_count; i++) {
        if (snapshot->services[i].service != x->service)
            continue;
        thread_unpin(s->thread, x->use);
        x->use = thread_pin(s->thread);
        x->view = &snapshot->services[i];
        return;
    }
}

static bool pick_server(struct session *s)
{
    struct data_thread *t = s->thread;
    struct exchange *x = &s->x;
    struct balance_request r = {
        .servers = x->view->servers,
        .server_count = x->view->server_count,
        .loads = t->loads,
        .turn = &x->service->turn,
        .random = &t->random,
        .now_ns = loop_now_ns(t->loop),
        .filled = atomic_load_explicit(&x->service->filled, memory_order_acquire),
        .avoid_count = x->tried_count,
    };
    for (uint32_t i = 0; i < x->tried_count; i++)
        r.avoid[i] = x->tried[i];
    const struct balance_ops *method = balance_by_method((int)x->view->config->balance);
    struct server *server;
    while ((server = balance_pick(method, &r))) {
        if (queue_take_slot(server)) {
            x->server = server;
            return true;
        }
    }
    return false;
}

/* How many servers take requests at all, and how many of them this request has not tried, full or not. */
static void count_servers(const struct exchange *x, uint32_t *ret_taking, uint32_t *ret_untried)
{
    *ret_taking = *ret_untried = 0;
    for (uint32_t i = 0; i < x->view->server_count; i++) {
        const struct server *server = x->view->servers[i];
        if (!server_can_take(server))
            continue;
        bool was_tried = false;
        for (uint32_t k = 0; k < x->tried_count; k++)
            was_tried |= x->tried[k] == server;
        ++*ret_taking;
        *ret_untried += !was_tried;
    }
}

static void wake_control(struct session *s)
{
    const struct proxy_params *params = &s->thread->proxy->params;
    if (!atomic_exchange_explicit(&s->x.service->is_waking, 1, memory_order_relaxed))
        params->wake_control(params->context);
}

static enum exchange_fault fault_of(enum outlook_verdict verdict)
{
    return verdict == OUTLOOK_NO_SERVER ? FAULT_NO_SERVER_IN_TIME : FAULT_NO_TURN_IN_TIME;
}

enum { FULL_QUEUE_TRIES = 16 }; /* others come meanwhile */

/* Of those whose only limit is what is let in, the one with the fewest in flight; NULL: there is none. */
static struct server *find_unlimited(const struct exchange *x)
{
    struct server *best = NULL;
    for (uint32_t i = 0; i < x->view->server_count; i++) {
        struct server *server = x->view->servers[i];
        bool has_limit = atomic_load_explicit(&server->max_requests, memory_order_relaxed) > 0;
        if (!has_limit && server_can_take(server) &&
            (!best || server_in_flight(server) < server_in_flight(best)))
            best = server;
    }
    return best;
}

/* A server that would take it if it were not given requests bit by bit is no reason to refuse anybody: rather
 * than that it is given more. */
static enum queue_entry enter_full_queue(struct session *s, bool has_server)
{
    struct exchange *x = &s->x;
    struct server *server;
    enum queue_entry entry = QUEUE_IS_FULL;
    for (int i = 0; entry == QUEUE_IS_FULL && i < FULL_QUEUE_TRIES && (server = find_unlimited(x)); i++) {
        queue_let_one_in(server);
        if (!queue_has_waiters(x->service) && pick_server(s))
            return QUEUE_IS_FULL;
        entry = queue_enter(x->service, &x->waiter, x->view->config->queue_length, has_server,
                            loop_now_ns(s->thread->loop));
    }
    return entry;
}

static enum step enter_queue(struct session *s, bool has_server)
{
    struct data_thread *t = s->thread;
    struct exchange *x = &s->x;
    const struct config_service *config = x->view->config;
    x->waiter.inbox = &t->inbox;
    x->waiter.arrived_ns = x->ready_ns;
    x->waiter.deadline_ns = x->started_ns + config->queue_timeout_ns;
    x->waiter.is_patient = config->queue_hopeless == QUEUE_HOPELESS_HOLD;
    x->waiter.avoid = x->tried_count > 0 ? x->tried[x->tried_count - 1] : NULL;
    x->waiter.avoid_until_ns = loop_now_ns(t->loop) + avoid_ns;
    x->tried_count = 0; /* by the time it has a turn, who failed it may be well again */
    enum queue_entry entry =
        queue_enter(x->service, &x->waiter, config->queue_length, has_server, loop_now_ns(t->loop));
    if (entry == QUEUE_IS_FULL)
        entry = enter_full_queue(s, has_server);
    if (x->server) {
        exchange_go(s, EXCHANGE_CONNECT);
        return STEP_NEXT;
    }
    if (!has_server)
        wake_control(s); /* also for one that is turned away: who comes next shall find a server */
    if (entry != QUEUE_ENTERED)
        return exchange_fail(s, entry == QUEUE_IS_FULL ? FAULT_QUEUE_FULL : fault_of(x->waiter.verdict));
    exchange_service_count(s, SERVICE_QUEUED);
    exchange_go(s, EXCHANGE_QUEUE);
    timer_set(t->loop, &s->timer, x->waiter.deadline_ns);
    /* A slot given back just before we queued would otherwise lie idle. */
    for (uint32_t i = 0; i < x->view->server_count; i++)
        queue_offer(x->view->servers[i]);
    return STEP_NEXT;
}

/* What the snapshot says, or what is so since: servers leave before a thread hears of it. */
static bool may_wait(const struct exchange *x)
{
    return x->view->can_wait || atomic_load_explicit(&x->service->is_awaited, memory_order_acquire);
}

/* Servers may have left, and others come, within this turn. What says that none is awaited was written after
 * the snapshot that has them. */
static bool has_newer_view(struct session *s)
{
    const struct snapshot_use *before = s->x.use;
    thread_adopt(s->thread);
    use_newest_snapshot(s);
    return s->x.use != before;
}

static enum step run_assign(struct session *s)
{
    struct exchange *x = &s->x;
    uint32_t taking, untried;
    if (x->ready_ns == 0)
        x->ready_ns = loop_now_ns(s->thread->loop);
    use_newest_snapshot(s);
    if (!queue_has_waiters(x->service) && pick_server(s)) {
        exchange_go(s, EXCHANGE_CONNECT);
        return STEP_NEXT;
    }
    count_servers(x, &taking, &untried);
    if (untried > 0 || (taking == 0 && may_wait(x)))
        return enter_queue(s, taking > 0);
    if (has_newer_view(s))
        return STEP_NEXT;
    return exchange_fail(s, x->fault != FAULT_NONE ? x->fault : FAULT_NO_SERVER);
}

/* A client that has shut down its sending while nothing was done for it yet is taken to have left: see docs.
 */
static enum step run_queue(struct session *s)
{
    if (!s->client.has_hup)
        return STEP_WAIT;
    exchange_service_count(s, SERVICE_QUEUE_ABORTS);
    return exchange_fail(s, FAULT_CLIENT_ABORT);
}

void session_on_settled(struct waiter *w)
{
    struct session *s = container_of(w, struct session, x.waiter);
    int64_t now = loop_now_ns(s->thread->loop);
    ASSERT(s->x.state == EXCHANGE_QUEUE);
    if (!w->server) {
        if (exchange_fail(s, fault_of(w->verdict)) == STEP_NEXT)
            session_run(s);
        return;
    }
    s->x.server = w->server;
    histogram_record(&thread_service_cells(s->thread, s->x.service)->queue_wait, now - w->since_ns);
    exchange_go(s, EXCHANGE_CONNECT);
    session_run(s);
}

/* ---- reaching it ---- */

static bool is_idempotent(enum http_method m)
{
    return m == HTTP_GET || m == HTTP_HEAD || m == HTTP_OPTIONS || m == HTTP_TRACE || m == HTTP_PUT ||
           m == HTTP_DELETE;
}

static bool may_send_again(const struct exchange *x)
{
    if (x->response_has_begun || x->body_was_sent || x->attempts >= ATTEMPTS_MAX)
        return false;
    return !x->head_was_sent || (is_idempotent(x->method) && h1_body_is_done(&x->request_body));
}

static enum step connect_failed(struct session *s, int error)
{
    struct exchange *x = &s->x;
    struct server *server = x->server;
    exchange_server_count(s, SERVER_ERRORS_CONNECT);
    if (error == ECONNREFUSED || error == ENOENT) {
        /* Nobody listens there: out at once for everybody; control probes it back in. */
        if (!atomic_exchange_explicit(&server->is_refusing, 1, memory_order_relaxed))
            s->thread->proxy->params.wake_control(s->thread->proxy->params.context);
    }
    return exchange_retry(s, FAULT_CONNECT);
}

static struct upstream *take_idle(struct session *s)
{
    struct exchange *x = &s->x;
    struct upstream *u;
    if (x->must_connect)
        return NULL;
    while ((u = upstream_take(s->thread, x->server))) {
        /* What could not be sent twice must not meet a connection that the server is just closing. */
        bool needs_care = !is_idempotent(x->method) || !x->request_is_done;
        if (!needs_care || !upstream_is_stale(u)) {
            exchange_server_count(s, SERVER_REUSES);
            return u;
        }
        upstream_close(u);
    }
    return NULL;
}

static enum step run_connect(struct session *s)
{
    struct data_thread *t = s->thread;
    struct exchange *x = &s->x;
    int64_t now = loop_now_ns(t->loop);
    if (!x->upstream) {
        x->attempts++;
        x->slot_ns = now;
        struct upstream *u = take_idle(s);
        if (!u)
            u = upstream_connect(t, x->server);
        if (!u)
            return connect_failed(s, errno);
        u->session = s;
        x->upstream = u;
        if (u->is_connecting)
            timer_set(t->loop, &s->timer, now + t->config->timeouts.connect_ns);
    }
    if (s->client.is_gone)
        return exchange_fail(s, FAULT_CLIENT_ABORT);
    struct upstream *u = x->upstream;
    if (u->is_connecting) {
        if (!u->peer.can_write && !u->peer.is_gone)
            return STEP_WAIT;
        int error = socket_error(u->peer.handle.fd);
        if (error)
            return connect_failed(s, error);
        u->is_connecting = false;
    }
    exchange_go(s, EXCHANGE_RELAY);
    return STEP_NEXT;
}

/* ---- ends ---- */

void exchange_release_server(struct session *s, bool keeps_connection)
{
    struct data_thread *t = s->thread;
    struct exchange *x = &s->x;
    if (x->upstream) {
        if (keeps_connection)
            upstream_keep(x->upstream);
        else
            upstream_close(x->upstream);
        x->upstream = NULL;
    }
    if (x->server) {
        struct server *server = x->server;
        if (x->head_was_sent) { /* else it did nothing for us, which must not look like quick work */
            exchange_server_count(s, SERVER_FINISHED);
            histogram_record(&thread_server_cells(t, server)->duration, loop_now_ns(t->loop) - x->slot_ns);
        }
        x->server = NULL;
        queue_release_slot(server);
    }
}

static void observe_failure(struct session *s, enum exchange_fault fault)
{
    struct exchange *x = &s->x;
    int64_t now = loop_now_ns(s->thread->loop);
    if (fault == FAULT_SERVER_TIMEOUT)
        exchange_server_count(s, SERVER_ERRORS_TIMEOUT);
    else if (fault != FAULT_CONNECT)
        exchange_server_count(s, SERVER_ERRORS_BROKE);
    balance_observe(&s->thread->loads[x->server->slot], x->server, now - x->slot_ns, true, now);
}

enum step exchange_retry(struct session *s, enum exchange_fault fault)
{
    struct exchange *x = &s->x;
    /* A kept connection that ends without a byte was closed before we used it: that says nothing about the
     * server. Once more, on a new one. */
    bool was_stale = fault == FAULT_SERVER_BROKE && x->upstream->was_used && !x->server_has_spoken;
    uint32_t retries = x->view->config->retries;
    bool can_retry = may_send_again(x) && (was_stale || x->sent_attempts <= retries);
    x->fault = fault;
    if (was_stale) {
        x->must_connect = true;
        x->sent_attempts -= x->head_was_sent;
    } else {
        observe_failure(s, fault);
        if (x->tried_count < TRIED_MAX)
            x->tried[x->tried_count++] = x->server;
    }
    exchange_release_server(s, false);
    if (!can_retry)
        return exchange_fail(s, fault);
    x->head_was_sent = x->request_is_broken = x->server_has_spoken = x->needs_more_from_server = false;
    x->response_scanned = 0;
    exchange_service_count(s, SERVICE_RETRIES);
    exchange_go(s, EXCHANGE_ASSIGN);
    return STEP_NEXT;
}

static void count_fault(struct session *s, enum exchange_fault fault)
{
    if (faults[fault].thread_counter >= 0)
        thread_count(s->thread, (enum thread_counter)faults[fault].thread_counter);
    if (faults[fault].service_counter >= 0 && s->x.service)
        exchange_service_count(s, (enum service_counter)faults[fault].service_counter);
}

/* Up to a quarter (1 s at least) later, by chance: those who are turned away together shall not come back so.
 */
static uint32_t retry_after_s(struct session *s, enum exchange_fault fault)
{
    if (faults[fault].retry_after_s != RETRY_AFTER_LEARNED)
        return faults[fault].retry_after_s;
    uint32_t learned_s = atomic_load_explicit(&s->x.service->retry_after_s, memory_order_relaxed);
    uint32_t base_s = learned_s ? learned_s : retry_after_unknown_s;
    return base_s + random_below(&s->thread->random, MAX(base_s / 4, 1) + 1);
}

enum step exchange_fail(struct session *s, enum exchange_fault fault)
{
    struct exchange *x = &s->x;
    if (x->state == EXCHANGE_QUEUE)
        queue_leave(&x->waiter);
    collect_leave(s);
    if (x->server)
        exchange_release_server(s, false);
    x->fault = fault;
    count_fault(s, fault);
    if (fault == FAULT_CLIENT_ABORT || x->response_has_begun) {
        x->client_keeps_alive = false;
        x->is_cut = true;
        chunk_release(s->thread->buffers, &s->client.out);
        exchange_go(s, EXCHANGE_FINISH);
        return STEP_NEXT;
    }
    return reply_start(s, faults[fault].status, str_of(faults[fault].phrase), retry_after_s(s, fault));
}

enum step exchange_refuse(struct session *s, enum http_fault fault)
{
    unsigned status = http_fault_status(fault);
    enum thread_counter counter = status == 414   ? THREAD_REFUSED_TARGET_TOO_LONG
                                  : status == 431 ? THREAD_REFUSED_HEAD_TOO_LARGE
                                  : status == 400 ? THREAD_REFUSED_BAD_REQUEST
                                                  : THREAD_REFUSED_NOT_SUPPORTED;
    thread_count(s->thread, counter);
    s->x.fault = FAULT_BAD_REQUEST;
    s->x.client_keeps_alive = false;
    s->x.client_minor_version = 1;
    s->x.method = HTTP_OTHER;
    return reply_start(s, status, str_of(http_fault_phrase(fault)), 0);
}

static void set_flush_deadline(struct session *s)
{
    struct data_thread *t = s->thread;
    timer_set(t->loop, &s->timer, loop_now_ns(t->loop) + t->config->timeouts.body_ns);
    peer_note_unsent(&s->client);
    s->x.has_progress = false;
}

static enum step run_flush(struct session *s)
{
    size_t waiting = chunk_len(&s->client.out);
    enum io io = peer_flush(s->thread->buffers, &s->client);
    if (io == IO_OK) {
        exchange_go(s, EXCHANGE_FINISH);
        return STEP_NEXT;
    }
    if (io != IO_WAIT)
        return exchange_fail(s, FAULT_CLIENT_ABORT);
    if (s->x.has_progress || chunk_len(&s->client.out) < waiting)
        set_flush_deadline(s);
    return STEP_WAIT;
}

static void account(struct session *s)
{
    struct exchange *x = &s->x;
    if (!x->service || !x->status)
        return;
    static const enum service_counter by_class[] = {SERVICE_RESPONSES_1XX, SERVICE_RESPONSES_2XX,
                                                    SERVICE_RESPONSES_3XX, SERVICE_RESPONSES_4XX,
                                                    SERVICE_RESPONSES_5XX};
    exchange_service_count(s, by_class[MIN(MAX(x->status / 100, 1), 5) - 1]);
    histogram_record(&thread_service_cells(s->thread, x->service)->duration,
                     loop_now_ns(s->thread->loop) - x->started_ns);
}

/*
 * How the connection of a finished exchange ends, if it does not go on. A close with unread bytes resets it,
 * and a reset may take away what the client has not read yet, earlier answers included (RFC 9112 §9.6): so
 * our side is shut, and the client is read out. But where only the end of the connection ends the body, a
 * broken one must not look like a whole one: there it is reset.
 */
static enum step end_connection(struct session *s, bool must_reset, bool may_still_send)
{
    struct data_thread *t = s->thread;
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    if (must_reset)
        (void)setsockopt(s->client.handle.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    if (must_reset || !may_still_send || s->client.is_gone || s->client.is_eof) {
        session_close(s);
        return STEP_DONE;
    }
    exchange_go(s, EXCHANGE_LINGER);
    chunk_release(t->buffers, &s->client.in);
    (void)shutdown(s->client.handle.fd, SHUT_WR);
    timer_set(t->loop, &s->timer, loop_now_ns(t->loop) + (t->is_draining ? linger_drain_ns : linger_ns));
    return STEP_NEXT;
}

static enum step run_finish(struct session *s)
{
    struct data_thread *t = s->thread;
    struct exchange *x = &s->x;
    account(s);
    ASSERT(!x->server && !x->upstream && x->waiter.state == WAITER_IDLE);
    if (x->use)
        thread_unpin(t, x->use);
    chunk_release(t->buffers, &x->head);
    bool goes_on = x->client_keeps_alive && x->request_is_done && !t->is_draining && !s->client.is_gone;
    bool must_reset = x->is_cut && x->client_framing == HTTP_FRAMING_UNTIL_CLOSE;
    bool may_still_send = !x->request_is_done || s->client.can_read || x->is_cut ||
                          x->fault == FAULT_BAD_REQUEST || t->is_draining;
    *x = (struct exchange){.fault = FAULT_NONE};
    list_init(&x->waiter.link);
    if (!goes_on)
        return end_connection(s, must_reset, may_still_send);
    exchange_go(s, EXCHANGE_READ_HEAD);
    return STEP_NEXT;
}

static enum step run_linger(struct session *s)
{
    size_t n;
    if (!s->client.can_read)
        return STEP_WAIT;
    enum io io = peer_read(&s->client, s->thread->scratch, SCRATCH_BYTES, &n);
    if (io == IO_OK)
        return STEP_NEXT;
    if (io == IO_WAIT)
        return STEP_WAIT;
    session_close(s);
    return STEP_DONE;
}

/* ---- deadlines ---- */

static enum step relay_timed_out(struct session *s)
{
    struct exchange *x = &s->x;
    if (peer_has_moved(&s->client) || peer_has_moved(&x->upstream->peer)) {
        relay_set_deadline(s);
        return STEP_WAIT;
    }
    bool waits_for_client =
        !x->request_is_done && !x->request_is_broken && chunk_len(&x->upstream->peer.out) == 0;
    if (x->response_has_begun || waits_for_client)
        return exchange_fail(s, FAULT_BODY_TIMEOUT);
    /* Not tried elsewhere: what is slow here is slow there, and the first server is still working on it. */
    observe_failure(s, FAULT_SERVER_TIMEOUT);
    return exchange_fail(s, FAULT_SERVER_TIMEOUT);
}

static enum step flush_timed_out(struct session *s)
{
    if (!peer_has_moved(&s->client))
        return exchange_fail(s, FAULT_BODY_TIMEOUT);
    set_flush_deadline(s);
    return STEP_WAIT;
}

void exchange_on_timer(struct session *s)
{
    struct exchange *x = &s->x;
    enum step step = STEP_DONE;
    switch (x->state) {
    case EXCHANGE_READ_HEAD:
        if (chunk_len(&s->client.in)) {
            x->client_keeps_alive = false;
            x->client_minor_version = 1;
            step = exchange_fail(s, FAULT_HEAD_TIMEOUT);
            break;
        }
        thread_count(s->thread, THREAD_IDLE_TIMEOUTS);
        session_close(s);
        return;
    case EXCHANGE_COLLECT:
        step = collect_timed_out(s);
        break;
    case EXCHANGE_QUEUE:
        step = exchange_fail(s, FAULT_QUEUE_TIMEOUT);
        break;
    case EXCHANGE_CONNECT:
        step = connect_failed(s, ETIMEDOUT);
        break;
    case EXCHANGE_RELAY:
        step = relay_timed_out(s);
        break;
    case EXCHANGE_FLUSH:
    case EXCHANGE_REPLY:
        step = flush_timed_out(s);
        break;
    case EXCHANGE_TUNNEL:
        step = tunnel_end(s);
        break;
    default:
        session_close(s);
        return;
    }
    if (step == STEP_NEXT)
        session_run(s);
}

/* ---- the machine ---- */

#define STATE_NAME(upper, lower) #lower,
static const char *const state_names[EXCHANGE_STATE_COUNT] = {EXCHANGE_STATES(STATE_NAME)};

#define run_read_head           request_read_head
#define run_collect             collect_run
#define run_relay               relay_run
#define run_tunnel              tunnel_run
#define run_reply               run_flush
#define STATE_RUN(upper, lower) run_##lower,
static enum step (*const runs[EXCHANGE_STATE_COUNT])(struct session *s) = {EXCHANGE_STATES(STATE_RUN)};

enum step exchange_run_state(struct session *s)
{
    return runs[s->x.state](s);
}

void exchange_go(struct session *s, enum exchange_state next)
{
    (void)state_names; /* for tracing in a debugger: p state_names[s->x.state] */
    s->x.state = next;
}
