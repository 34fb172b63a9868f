/*
 * Events in order of time: arrivals come sorted from outside, ends of service from a calendar. Between two
 * events nothing changes, so integrals grow by number x time.
 *
 * The least loaded server is found in constant time: servers that take requests and are below their limit are
 * in one list for each number of requests in flight, and a bit tells which lists have any.
 *
 * A request is scored when its service begins, since its end is known then. Invariants: 1. a request waits in
 * the queue only while no listed server exists; 2. a server is listed exactly when it serves and is below its
 * limit; 3. inside a server requests wait only while it works on `concurrency` others.
 */
#include "scale/simulate/site.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"

#include <stdlib.h>

void site_init(struct site *s, const struct sim_model *model)
{
    *s = (struct site){.model = model, .now_ns = SIM_START_NS, .server_count = 1, .request_count = 1};
    calendar_init(&s->ends, (int64_t)(model->service_mean_s * (double)NS_PER_S));
}

void site_fini(struct site *s)
{
    free(s->servers);
    free(s->requests);
    free(s->links);
    free(s->queue);
    *s = (struct site){0};
}

/* ---- lists of servers by requests in flight ---- */

static uint32_t limit_of(const struct site_server *v)
{
    return v->limit || !v->let_in ? v->limit : (uint32_t)let_in_max(v->let_in, (int32_t)v->let_in_least);
}

static void list_server(struct site *s, uint32_t number)
{
    struct site_server *v = &s->servers[number];
    uint32_t limit = limit_of(v);
    if (v->state != SITE_SERVER_SERVING || (limit && v->in_flight >= limit))
        return;
    v->level = MIN(v->in_flight, SITE_LEVELS - 1);
    v->previous = 0;
    v->next = s->levels[v->level];
    if (v->next)
        s->servers[v->next].previous = number;
    s->levels[v->level] = number;
    s->level_bits |= UINT64_C(1) << v->level;
    v->is_listed = true;
}

static void unlist_server(struct site *s, uint32_t number)
{
    struct site_server *v = &s->servers[number];
    if (!v->is_listed)
        return;
    v->is_listed = false;
    if (v->next)
        s->servers[v->next].previous = v->previous;
    if (v->previous) {
        s->servers[v->previous].next = v->next;
        return;
    }
    s->levels[v->level] = v->next;
    if (!v->next)
        s->level_bits &= ~(UINT64_C(1) << v->level);
}

static uint32_t least_loaded(const struct site *s) /* 0: none takes requests */
{
    const struct site_server *v = &s->servers[s->filled];
    if (s->filled && v->is_listed && v->in_flight < s->fill_to)
        return s->filled;
    return s->level_bits ? s->levels[__builtin_ctzll(s->level_bits)] : 0;
}

/* ---- requests ---- */

static uint32_t new_request(struct site *s)
{
    uint32_t number = s->free_request;
    if (number) {
        s->free_request = s->requests[number].next;
        return number;
    }
    if (s->request_count >= s->request_capacity) {
        s->request_capacity = s->request_capacity ? 2 * s->request_capacity : 64;
        s->requests = mem_realloc(s->requests, s->request_capacity * sizeof(*s->requests));
        s->links = mem_realloc(s->links, s->request_capacity * sizeof(*s->links));
    }
    return s->request_count++;
}

static void free_request(struct site *s, uint32_t number)
{
    s->requests[number].next = s->free_request;
    s->free_request = number;
}

static void score_refused(struct site *s)
{
    s->score.requests++;
    s->score.late++;
    s->score.refused++;
}

static void begin_service(struct site *s, uint32_t number)
{
    struct site_request *r = &s->requests[number];
    int64_t wait_ns = s->now_ns - r->arrived_ns, response_ns = wait_ns + r->service_ns;
    s->servers[r->server].running++;
    s->running++;
    r->has_waited = wait_ns > 0;
    s->waited_in_flight += r->has_waited;
    s->score.requests++;
    r->is_late = response_ns > s->model->objective_ns;
    s->score.late += r->is_late;
    s->score.wait_max_ns = MAX(s->score.wait_max_ns, wait_ns);
    s->score.response_max_ns = MAX(s->score.response_max_ns, response_ns);
    s->links[number].at_ns = s->now_ns + r->service_ns;
    calendar_put(&s->ends, s->links, number);
}

static void push_inner(struct site *s, struct site_server *v, uint32_t number)
{
    s->requests[number].next = 0;
    if (v->inner_last)
        s->requests[v->inner_last].next = number;
    else
        v->inner_first = number;
    v->inner_last = number;
}

static uint32_t pop_inner(struct site *s, struct site_server *v)
{
    uint32_t number = v->inner_first;
    v->inner_first = s->requests[number].next;
    if (!v->inner_first)
        v->inner_last = 0;
    return number;
}

/* The server takes the request; it is listed anew by the caller. */
static void take(struct site *s, uint32_t server, int64_t arrived_ns, int64_t service_ns)
{
    uint32_t number = new_request(s);
    struct site_server *v = &s->servers[server];
    s->requests[number] = (struct site_request){
        .arrived_ns = arrived_ns, .taken_ns = s->now_ns, .service_ns = service_ns, .server = server};
    v->in_flight++;
    s->in_flight++;
    s->requests[number].level = (uint8_t)level_of(v->in_flight);
    if (v->cells)
        counter_add(&v->cells->counters[SERVER_ATTEMPTS], 1);
    if (v->running < s->model->concurrency)
        begin_service(s, number);
    else
        push_inner(s, v, number);
}

/* ---- queue ---- */

static void grow_queue(struct site *s)
{
    uint32_t capacity = s->queue_capacity ? 2 * s->queue_capacity : 64;
    struct site_waiting *queue = NEW_ARRAY(struct site_waiting, capacity);
    for (uint32_t i = 0; i < s->queue_count; i++)
        queue[i] = s->queue[(s->queue_first + i) & (s->queue_capacity - 1)];
    free(s->queue);
    s->queue = queue;
    s->queue_first = 0;
    s->queue_capacity = capacity;
}

static struct site_waiting shift_queue(struct site *s)
{
    struct site_waiting w = s->queue[s->queue_first];
    s->queue_first = (s->queue_first + 1) & (s->queue_capacity - 1);
    s->queue_count--;
    return w;
}

static void give_up_old(struct site *s)
{
    int64_t timeout_ns = s->model->queue_timeout_ns;
    while (timeout_ns && s->queue_count && s->now_ns - s->queue[s->queue_first].arrived_ns >= timeout_ns) {
        (void)shift_queue(s);
        s->score.wait_max_ns = MAX(s->score.wait_max_ns, timeout_ns);
        score_refused(s);
    }
}

static void put_in_queue(struct site *s, const struct arrival *a)
{
    give_up_old(s);
    uint32_t max = s->model->queue_length ? MIN(s->model->queue_length, SITE_QUEUE_MAX) : SITE_QUEUE_MAX;
    if (s->queue_count >= max) {
        score_refused(s);
        return;
    }
    if (s->queue_count == s->queue_capacity)
        grow_queue(s);
    s->queue[(s->queue_first + s->queue_count++) & (s->queue_capacity - 1)] =
        (struct site_waiting){a->at_ns, a->service_ns};
}

/* Gives waiting requests to servers that can take one. */
static void offer(struct site *s)
{
    for (uint32_t server; s->queue_count && (server = least_loaded(s));) {
        give_up_old(s);
        if (!s->queue_count)
            return;
        struct site_waiting w = shift_queue(s);
        if (s->cells)
            histogram_record(&s->cells->queue_wait, s->now_ns - w.arrived_ns);
        unlist_server(s, server);
        take(s, server, w.arrived_ns, w.service_ns);
        if (s->servers[server].let_in)
            let_in_admit(s->servers[server].let_in);
        list_server(s, server);
    }
}

/* ---- events ---- */

static void advance(struct site *s, int64_t now_ns)
{
    int64_t span_ns = now_ns - s->now_ns;
    s->running_ns += s->running * span_ns;
    s->in_system_ns += (int64_t)(s->in_flight + s->queue_count) * span_ns;
    s->now_ns = now_ns;
}

static void arrive(struct site *s, const struct arrival *a)
{
    uint32_t server = least_loaded(s);
    if (s->cells)
        counter_add(&s->cells->counters[SERVICE_ARRIVALS], 1);
    if (!server) {
        put_in_queue(s, a);
        return;
    }
    unlist_server(s, server);
    take(s, server, a->at_ns, a->service_ns);
    list_server(s, server);
}

static void count_end(struct site *s, const struct site_server *v, const struct site_request *r)
{
    if (v->cells) {
        counter_add(&v->cells->counters[SERVER_FINISHED], 1);
        histogram_record(&v->cells->duration, s->now_ns - r->taken_ns);
        histogram_record(&v->cells->latency, s->now_ns - r->taken_ns);
        counter_add(&v->cells->departures[level_of(v->in_flight + 1)], 1);
        counter_add(&v->cells->admissions[r->level], 1);
        counter_add(&v->cells->admission_ns[r->level], (uint64_t)(s->now_ns - r->taken_ns));
        counter_add(&v->cells->admission_logs[r->level], histogram_log_of(s->now_ns - r->taken_ns));
    }
    if (s->cells) {
        counter_add(&s->cells->counters[SERVICE_RESPONSES_2XX], 1);
        histogram_record(&s->cells->duration, s->now_ns - r->arrived_ns);
    }
}

static void end_request(struct site *s, uint32_t number, bool removes_drained)
{
    struct site_request *r = &s->requests[number];
    uint32_t server = r->server;
    struct site_server *v = &s->servers[server];
    unlist_server(s, server);
    v->running--;
    v->in_flight--;
    s->running--;
    s->in_flight--;
    s->waited_in_flight -= r->has_waited;
    count_end(s, v, r);
    if (s->queue_count && v->let_in)
        let_in_note(v->let_in, (int32_t)v->let_in_least, (int32_t)v->in_flight + 1, s->now_ns);
    free_request(s, number);
    if (v->inner_first)
        begin_service(s, pop_inner(s, v));
    list_server(s, server);
    if (s->queue_count)
        offer(s);
    if (removes_drained && v->state == SITE_SERVER_DRAINING && v->in_flight == 0)
        site_remove(s, server);
}

static void end_until(struct site *s, int64_t now_ns, bool removes_drained)
{
    for (uint32_t number; (number = calendar_take(&s->ends, s->links, now_ns));) {
        advance(s, s->links[number].at_ns);
        end_request(s, number, removes_drained);
    }
    advance(s, now_ns);
}

int64_t site_run(struct site *s, const struct arrival *items, uint32_t *at, uint32_t end, int64_t end_ns,
                 bool removes_drained)
{
    while (*at < end && items[*at].at_ns < end_ns) {
        end_until(s, items[*at].at_ns, removes_drained);
        arrive(s, &items[(*at)++]);
        if (s->stops_unserved && s->queue_count && s->serving == 0)
            return s->now_ns;
    }
    end_until(s, end_ns, removes_drained);
    return end_ns;
}

/* ---- servers ---- */

static uint32_t free_server(struct site *s)
{
    for (uint32_t i = 1; i < s->server_count; i++)
        if (s->servers[i].state == SITE_SERVER_FREE)
            return i;
    if (s->server_count >= s->server_capacity) {
        s->server_capacity = s->server_capacity ? 2 * s->server_capacity : 64;
        s->servers = mem_realloc(s->servers, s->server_capacity * sizeof(*s->servers));
    }
    return s->server_count++;
}

static uint32_t *count_of(struct site *s, enum site_server_state state)
{
    uint32_t *const counts[] = {NULL, &s->starting, &s->serving, &s->draining};
    return counts[state];
}

static void set_state(struct site *s, struct site_server *v, enum site_server_state state)
{
    if (v->state != SITE_SERVER_FREE)
        --*count_of(s, v->state);
    if (state != SITE_SERVER_FREE)
        ++*count_of(s, state);
    v->state = state;
}

uint32_t site_add_server(struct site *s)
{
    uint32_t number = free_server(s);
    s->servers[number] = (struct site_server){.asked_ns = s->now_ns};
    set_state(s, &s->servers[number], SITE_SERVER_STARTING);
    return number;
}

void site_serve(struct site *s, uint32_t server, uint32_t limit)
{
    struct site_server *v = &s->servers[server];
    if (v->state == SITE_SERVER_STARTING)
        v->ready_ns = s->now_ns;
    set_state(s, v, SITE_SERVER_SERVING);
    site_set_limit(s, server, limit);
}

void site_set_limit(struct site *s, uint32_t server, uint32_t limit)
{
    unlist_server(s, server);
    s->servers[server].limit = limit;
    list_server(s, server);
    offer(s);
}

void site_set_let_in(struct site *s, uint32_t server, struct let_in *l, uint32_t least)
{
    unlist_server(s, server);
    s->servers[server].let_in = l;
    s->servers[server].let_in_least = least;
    list_server(s, server);
    offer(s);
}

void site_look_after(struct site *s, uint32_t server)
{
    struct site_server *v = &s->servers[server];
    if (s->queue_count == 0 || v->state != SITE_SERVER_SERVING || !v->let_in)
        return;
    unlist_server(s, server);
    let_in_look(v->let_in, (int32_t)v->let_in_least, (int32_t)v->in_flight, s->now_ns);
    list_server(s, server);
    offer(s);
}

void site_drain(struct site *s, uint32_t server)
{
    unlist_server(s, server);
    set_state(s, &s->servers[server], SITE_SERVER_DRAINING);
}

void site_remove(struct site *s, uint32_t server)
{
    struct site_server *v = &s->servers[server];
    ASSERT(v->state != SITE_SERVER_FREE && v->in_flight == 0);
    unlist_server(s, server);
    s->billed_s += (double)(s->now_ns - v->asked_ns) / (double)NS_PER_S;
    set_state(s, v, SITE_SERVER_FREE);
}

static void lose_request(struct site *s, uint32_t number)
{
    struct site_request *r = &s->requests[number];
    s->running--;
    s->in_flight--;
    s->waited_in_flight -= r->has_waited;
    s->score.late += !r->is_late;
    s->score.refused++;
    free_request(s, number);
}

void site_kill(struct site *s, uint32_t server)
{
    struct site_server *v = &s->servers[server];
    uint32_t *kept = NEW_ARRAY(uint32_t, s->ends.count + 1), kept_count = 0;
    unlist_server(s, server);
    while (v->inner_first) {
        free_request(s, pop_inner(s, v));
        s->in_flight--;
        score_refused(s);
    }
    for (uint32_t number; (number = calendar_take(&s->ends, s->links, INT64_MAX));) {
        if (s->requests[number].server == server)
            lose_request(s, number);
        else
            kept[kept_count++] = number;
    }
    for (uint32_t i = 0; i < kept_count; i++)
        calendar_put(&s->ends, s->links, kept[i]);
    free(kept);
    v->running = v->in_flight = 0;
    site_remove(s, server);
}

/* ---- between following and not following requests ---- */

void site_put_requests(struct site *s, const int64_t *ends, uint32_t count)
{
    ASSERT(s->in_flight == 0 && s->queue_count == 0);
    struct site_score score = s->score; /* these were scored when they came */
    for (uint32_t i = 0; i < count; i++) {
        uint32_t server = least_loaded(s);
        ASSERT(server);
        unlist_server(s, server);
        take(s, server, s->now_ns, ends[i] - s->now_ns);
        list_server(s, server);
    }
    s->score = score;
}

void site_forget_requests(struct site *s)
{
    ASSERT(s->waited_in_flight == 0 && s->queue_count == 0);
    for (uint32_t number; (number = calendar_take(&s->ends, s->links, INT64_MAX));) {
        uint32_t server = s->requests[number].server;
        struct site_server *v = &s->servers[server];
        unlist_server(s, server);
        v->running = v->in_flight = 0;
        list_server(s, server);
        free_request(s, number);
    }
    s->running = s->in_flight = 0;
}

void site_skip_second(struct site *s, const struct arrivals_second *second)
{
    s->now_ns += NS_PER_S;
    s->running_ns += second->busy_ns;
    s->in_system_ns += second->busy_ns;
    s->score.requests += second->count;
    s->score.late += second->late;
    s->score.response_max_ns = MAX(s->score.response_max_ns, second->service_max_ns);
}

/* ---- looking ---- */

void site_score_waiting(struct site *s)
{
    while (s->queue_count) {
        struct site_waiting w = shift_queue(s);
        int64_t waited_ns = s->now_ns - w.arrived_ns;
        s->score.requests++;
        s->score.late += waited_ns + w.service_ns > s->model->objective_ns;
        s->score.wait_max_ns = MAX(s->score.wait_max_ns, waited_ns);
    }
    for (uint32_t i = 1; i < s->server_count; i++)
        for (uint32_t at = s->servers[i].inner_first; at; at = s->requests[at].next) {
            s->score.requests++;
            s->score.late +=
                s->now_ns - s->requests[at].arrived_ns + s->requests[at].service_ns > s->model->objective_ns;
        }
}

double site_server_seconds(const struct site *s)
{
    double seconds = s->billed_s;
    for (uint32_t i = 1; i < s->server_count; i++)
        if (s->servers[i].state != SITE_SERVER_FREE)
            seconds += (double)(s->now_ns - s->servers[i].asked_ns) / (double)NS_PER_S;
    return seconds;
}

int64_t site_queue_oldest_ns(const struct site *s)
{
    return s->queue_count ? s->queue[s->queue_first].arrived_ns : 0;
}
