/*
 * Totals of the data threads' cells, turned into what happened since the last reading.
 *
 * Servers are followed by id, since slots (and their cells) go from one server to the next. A server seen for
 * the first time counts from zero: its cells were cleared when it got the slot. What a server did between the
 * last reading and its end is lost, which is a tenth of a second of one server.
 *
 * The mean requests in flight: a snapshot every 100 ms is a poor measure when requests take a millisecond, so
 * then the time that requests held slots is divided by the span (Little); long requests would show up there
 * only when they end, so for them the mean of the counts before and now is the better one.
 */
#include "scale/collect.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HISTOGRAM_NS (1 * NS_PER_S) /* how often histograms are read: they are the dear part */
#define LEVELS_NS    (1 * NS_PER_S)
#define SETTLE_NS                                                                                            \
    (2 * NS_PER_S) /* a server's first seconds teach nothing: caches are cold, and all that waited comes at  \
                      once */
#define WINDOW_NS (5 * NS_PER_S) /* quantiles are over one to two of these */

/* What a server's cells had counted by level when the present second of it began, and what was seen since. */
struct level_totals {
    bool is_followed;         /* it was serving then; dropped as soon as it is not */
    int64_t serving_since_ns; /* 0: it is not */
    int64_t time_ns[LEVEL_COUNT];
    uint32_t samples;
    uint64_t departures[LEVEL_COUNT], admissions[LEVEL_COUNT], admission_ns[LEVEL_COUNT],
        admission_logs[LEVEL_COUNT];
};

struct totals {
    uint64_t id;
    uint64_t finished, errors, busy_ns;
    struct level_totals levels;
    int64_t filled_ns; /* when it was last seen to be the one that is filled; 0: never */
    struct server_pace_second second;
    struct server_pace pace;
    struct server_knee knee;
};

struct window {
    struct histogram_sum now, start, next_start; /* cumulative sums at those moments */
};

struct collector {
    bool is_started;
    int64_t last_ns, histogram_ns, window_ns, levels_ns;
    uint64_t arrivals, aborts, level_errors;
    struct scale_levels levels; /* handed out in signals */
    uint32_t in_flight;
    uint32_t server_count, server_capacity;
    struct totals *servers; /* owned; of the last reading */
    struct window duration, wait;
    struct collect_outcomes before, outcomes; /* the counters at the first reading; what came since */
    int64_t objective_ns;                     /* by which `late` was counted */
    int64_t duration_mean_ns, duration_quantile_ns, wait_quantile_ns;
};

struct collector *collector_new(void)
{
    return NEW(struct collector);
}

void collector_free(struct collector *c)
{
    if (!c)
        return;
    free(c->servers);
    free(c);
}

static void server_totals(const struct server *s, uint32_t thread_count, struct totals *t)
{
    t->finished = t->errors = t->busy_ns = 0;
    for (uint32_t i = 0; i < thread_count; i++) {
        const struct server_cells *cells = s->cells[i];
        if (!cells)
            continue;
        const struct counter *counters = cells->counters;
        t->finished += counter_get(&counters[SERVER_FINISHED]);
        t->errors +=
            counter_get(&counters[SERVER_ERRORS_5XX]) + counter_get(&counters[SERVER_ERRORS_CONNECT]) +
            counter_get(&counters[SERVER_ERRORS_BROKE]) + counter_get(&counters[SERVER_ERRORS_TIMEOUT]);
        t->busy_ns += counter_get(&cells->duration.sum_ns);
    }
}

static const struct totals *totals_of(const struct collector *c, uint64_t id)
{
    for (uint32_t i = 0; i < c->server_count; i++)
        if (c->servers[i].id == id)
            return &c->servers[i];
    return NULL;
}

/* Lines what is remembered up with the servers of now; nearly always it is. */
static void align(struct collector *c, const struct collect_request *q)
{
    bool is_aligned = c->server_count == q->server_count;
    for (uint32_t i = 0; is_aligned && i < q->server_count; i++)
        is_aligned = c->servers[i].id == q->servers[i]->id;
    if (is_aligned)
        return;
    struct totals *servers = NEW_ARRAY(struct totals, q->server_count + 1);
    for (uint32_t i = 0; i < q->server_count; i++) {
        const struct totals *known = totals_of(c, q->servers[i]->id);
        if (known)
            servers[i] = *known;
        servers[i].id = q->servers[i]->id;
    }
    free(c->servers);
    c->servers = servers;
    c->server_count = q->server_count;
}

/* Counters only grow; a reading that is smaller belongs to another life of the cells. */
static uint64_t since(uint64_t now, uint64_t before)
{
    return now >= before ? now - before : now;
}

/* ---- levels of concurrency ---- */

static uint64_t add_up(const struct server *s, uint32_t thread_count, size_t offset)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < thread_count; i++)
        if (s->cells[i])
            sum += counter_get((const struct counter *)((const char *)s->cells[i] + offset));
    return sum;
}

#define CELL_OF_LEVEL(member, level)                                                                         \
    (offsetof(struct server_cells, member) + (level) * sizeof(struct counter))

/* Begins a second of a server: where its cells stand. */
static void follow_levels(struct level_totals *l, const struct server *s, uint32_t thread_count,
                          bool is_serving)
{
    int64_t serving_since_ns = l->serving_since_ns;
    memset(l, 0, sizeof(*l));
    l->serving_since_ns = serving_since_ns;
    l->is_followed = is_serving;
    for (unsigned i = 0; is_serving && i < LEVEL_COUNT; i++) {
        l->departures[i] = add_up(s, thread_count, CELL_OF_LEVEL(departures, i));
        l->admissions[i] = add_up(s, thread_count, CELL_OF_LEVEL(admissions, i));
        l->admission_ns[i] = add_up(s, thread_count, CELL_OF_LEVEL(admission_ns, i));
        l->admission_logs[i] = add_up(s, thread_count, CELL_OF_LEVEL(admission_logs, i));
    }
}

/* Servers that are unlike the others say nothing of these. */
static void sum_up(const struct knee_level own[LEVEL_COUNT], const struct level_totals *l,
                   const struct level_totals *now, struct scale_levels *sum)
{
    sum->samples += l->samples;
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        sum->time_ns[i] += l->time_ns[i];
        sum->departures[i] += now->departures[i] - l->departures[i];
        sum->admissions[i] += (uint64_t)own[i].admissions;
        sum->admission_ns[i] += now->admission_ns[i] - l->admission_ns[i];
        sum->admission_logs[i] += (uint64_t)own[i].admission_logs;
    }
}

static void end_levels(struct totals *t, const struct server *s, uint32_t thread_count,
                       struct scale_levels *ret_sum)
{
    const struct level_totals *l = &t->levels;
    struct knee_level own[LEVEL_COUNT] = {0};
    struct level_totals now = {0};
    follow_levels(&now, s, thread_count, true);
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        own[i].time_s = (double)l->time_ns[i] / (double)NS_PER_S;
        own[i].departures = (double)(now.departures[i] - l->departures[i]);
        own[i].admissions = (double)(now.admissions[i] - l->admissions[i]);
        own[i].admission_s = (double)(now.admission_ns[i] - l->admission_ns[i]) / (double)NS_PER_S;
        own[i].admission_logs = (double)(now.admission_logs[i] - l->admission_logs[i]);
        t->second.admissions[i] = own[i].admissions;
        t->second.admission_logs[i] = own[i].admission_logs;
    }
    if (t->knee.knee == 0)
        sum_up(own, l, &now, ret_sum);
    server_knee_note(&t->knee, own);
}

/* A look at one server: how many it has, and once a second what it did meanwhile. */
static void read_levels(struct collector *c, const struct server *s, struct totals *t,
                        const struct collect_request *q, int64_t span_ns, bool ends_second, int64_t now_ns)
{
    struct level_totals *l = &t->levels;
    bool is_serving =
        atomic_load_explicit(&s->state, memory_order_relaxed) == SERVER_SERVING && server_can_take(s);
    if (!is_serving)
        l->serving_since_ns = 0;
    else if (l->serving_since_ns == 0)
        l->serving_since_ns = now_ns;
    is_serving = is_serving && now_ns - l->serving_since_ns >= SETTLE_NS;
    int32_t in_flight = atomic_load_explicit(&s->in_flight, memory_order_relaxed);
    l->is_followed = l->is_followed && is_serving;
    if (l->is_followed && in_flight > 0) {
        l->time_ns[level_of((uint32_t)in_flight)] += span_ns;
        l->samples++;
    }
    if (!ends_second)
        return;
    memset(&t->second, 0, sizeof(t->second));
    if (l->is_followed)
        end_levels(t, s, q->thread_count, &c->levels);
    follow_levels(l, s, q->thread_count, is_serving);
}

/* The one that is filled has more in flight than the others, and is given more before what it has is done: it
 * is not compared, nor they with it. */
static void compare_paces(struct collector *c, int64_t now_ns)
{
    struct server_pace_second all = {0};
    for (uint32_t i = 0; i < c->server_count; i++) {
        struct totals *t = &c->servers[i];
        if (t->filled_ns && now_ns - t->filled_ns < SETTLE_NS)
            memset(&t->second, 0, sizeof(t->second));
        server_pace_second_add(&all, &t->second);
    }
    for (uint32_t i = 0; i < c->server_count; i++)
        server_pace_note(&c->servers[i].pace, &c->servers[i].second, &all);
}

static void add_levels(struct knee_level sum[LEVEL_COUNT], const struct knee_level levels[LEVEL_COUNT],
                       double sign)
{
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        sum[i].admissions = fmax(sum[i].admissions + sign * levels[i].admissions, 0);
        sum[i].admission_s = fmax(sum[i].admission_s + sign * levels[i].admission_s, 0);
    }
}

/* Each is held against those others that are not narrow. While no knee is known what is known of them stays.
 */
static void compare_knees(struct collector *c, const struct collect_request *q)
{
    struct knee_level all[LEVEL_COUNT] = {0};
    for (uint32_t i = 0; i < c->server_count; i++)
        if (c->servers[i].knee.knee == 0)
            add_levels(all, c->servers[i].knee.levels, 1);
    for (uint32_t i = 0; i < c->server_count; i++) {
        struct server_knee *k = &c->servers[i].knee;
        if (!q->is_learning)
            k->knee = 0;
        if (!q->is_learning || !q->is_knee_known)
            continue;
        struct knee_level others[LEVEL_COUNT];
        memcpy(others, all, sizeof(others));
        if (k->knee == 0)
            add_levels(others, k->levels, -1);
        server_knee_judge(k, others);
    }
}

/* ---- totals ---- */

static void read_servers(struct collector *c, const struct collect_request *q, int64_t span_ns,
                         bool ends_second, struct scale_signals *g)
{
    const struct server *filled = atomic_load_explicit(&q->service->filled, memory_order_relaxed);
    align(c, q);
    for (uint32_t i = 0; i < q->server_count; i++) {
        const struct server *s = q->servers[i];
        struct totals *t = &c->servers[i];
        uint64_t finished = t->finished, errors = t->errors, busy_ns = t->busy_ns;
        server_totals(s, q->thread_count, t);
        g->finished += since(t->finished, finished);
        g->errors += since(t->errors, errors);
        g->busy_ns += (int64_t)since(t->busy_ns, busy_ns);
        g->servers[atomic_load_explicit(&s->state, memory_order_relaxed)]++;
        g->available += server_can_take(s);
        t->filled_ns = s == filled ? g->now_ns : t->filled_ns;
        read_levels(c, s, t, q, span_ns, ends_second, g->now_ns);
    }
    if (!ends_second)
        return;
    compare_paces(c, g->now_ns);
    compare_knees(c, q);
}

static uint64_t count(const struct collect_request *q, enum service_counter id)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < q->thread_count; i++)
        if (q->service->cells[i])
            sum += counter_get(&q->service->cells[i]->counters[id]);
    return sum;
}

static struct histogram_sum window_difference(const struct window *w)
{
    struct histogram_sum d = w->now;
    histogram_sum_subtract(&d, &w->start);
    return d;
}

static void window_roll(struct window *w)
{
    w->start = w->next_start;
    w->next_start = w->now;
}

static uint64_t count_refused(const struct collect_request *q)
{
    static const enum service_counter ids[] = {SERVICE_FAULT_NO_SERVER, SERVICE_FAULT_QUEUE_FULL,
                                               SERVICE_FAULT_QUEUE_TIMEOUT, SERVICE_FAULT_NO_SERVER_IN_TIME,
                                               SERVICE_FAULT_NO_TURN_IN_TIME};
    uint64_t refused = 0;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        refused += count(q, ids[i]);
    return refused;
}

static void read_outcomes(struct collector *c, const struct collect_request *q,
                          const struct histogram_sum *wait_before)
{
    struct collect_outcomes now = {.answered = c->duration.now.count,
                                   .refused = count_refused(q),
                                   .aborted = count(q, SERVICE_CLIENT_ABORTS)};
    if (q->objective_ns > 0)
        now.late = now.answered - histogram_sum_count_below(&c->duration.now, q->objective_ns);
    if (c->histogram_ns == 0)
        c->before = now;
    if (c->objective_ns !=
        q->objective_ns) /* a reload: what was late before stays so; unsigned, so it may wrap */
        c->before.late = now.late - c->outcomes.late;
    c->objective_ns = q->objective_ns;
    c->outcomes = (struct collect_outcomes){.answered = now.answered - c->before.answered,
                                            .late = now.late - c->before.late,
                                            .refused = now.refused - c->before.refused,
                                            .aborted = now.aborted - c->before.aborted};
    if (c->histogram_ns == 0 || c->wait.now.count == wait_before->count)
        return;
    struct histogram_sum waits = c->wait.now;
    histogram_sum_subtract(&waits, wait_before);
    c->outcomes.wait_longest_ns = histogram_sum_quantile_ns(&waits, 1);
}

static void read_histograms(struct collector *c, const struct collect_request *q, int64_t now_ns)
{
    const struct histogram_sum wait_before = c->wait.now;
    memset(&c->duration.now, 0, sizeof(c->duration.now));
    memset(&c->wait.now, 0, sizeof(c->wait.now));
    for (uint32_t i = 0; i < q->thread_count; i++) {
        if (!q->service->cells[i])
            continue;
        histogram_sum_add(&c->duration.now, &q->service->cells[i]->duration);
        histogram_sum_add(&c->wait.now, &q->service->cells[i]->queue_wait);
    }
    read_outcomes(c, q, &wait_before);
    c->histogram_ns = now_ns;
    if (now_ns - c->window_ns >= WINDOW_NS) {
        c->window_ns = now_ns;
        window_roll(&c->duration);
        window_roll(&c->wait);
    }
    struct histogram_sum duration = window_difference(&c->duration), wait = window_difference(&c->wait);
    c->duration_mean_ns = duration.count ? (int64_t)(duration.sum_ns / duration.count) : 0;
    c->duration_quantile_ns = histogram_sum_quantile_ns(&duration, q->quantile);
    c->wait_quantile_ns = histogram_sum_quantile_ns(&wait, q->quantile);
}

/* The first reading tells where the counters stand; what was counted before does not belong to any span. */
static void start(struct collector *c, const struct collect_request *q, int64_t now_ns,
                  struct scale_signals *g)
{
    c->is_started = true;
    g->finished = g->errors = 0;
    g->busy_ns = 0;
    g->concurrency = g->in_flight;
    c->window_ns = now_ns;
    c->levels_ns = now_ns - LEVELS_NS; /* the first second begins with the next reading */
    read_histograms(c, q, now_ns);
    c->duration.start = c->duration.next_start = c->duration.now;
    c->wait.start = c->wait.next_start = c->wait.now;
}

static double mean_in_flight(const struct collector *c, const struct scale_signals *g)
{
    bool is_short = g->finished > 0 && g->busy_ns / (int64_t)g->finished < g->span_ns / 2;
    if (is_short)
        return (double)g->busy_ns / (double)g->span_ns;
    return ((double)c->in_flight + g->in_flight) / 2;
}

void collector_read(struct collector *c, const struct collect_request *q, int64_t now_ns,
                    struct scale_signals *ret_signals)
{
    struct scale_signals g = {.now_ns = now_ns};
    int32_t in_flight = atomic_load_explicit(&q->service->in_flight, memory_order_relaxed);
    int32_t queued = atomic_load_explicit(&q->service->queued, memory_order_relaxed);
    int64_t oldest_ns = atomic_load_explicit(&q->service->queue_oldest_ns, memory_order_relaxed);
    g.in_flight = (uint32_t)MAX(in_flight, 0);
    g.queued = (uint32_t)MAX(queued, 0);
    g.queue_oldest_age_ns = queued > 0 && oldest_ns > 0 ? MAX(now_ns - oldest_ns, 0) : 0;
    int64_t span_ns = c->is_started ? MAX(now_ns - c->last_ns, 0) : 0;
    bool ends_second = c->is_started && now_ns - c->levels_ns >= LEVELS_NS;
    if (ends_second)
        memset(&c->levels, 0, sizeof(c->levels));
    read_servers(c, q, span_ns, ends_second, &g);
    c->level_errors += g.errors;
    if (ends_second) {
        c->levels_ns = now_ns;
        c->levels.errors = c->level_errors;
        c->level_errors = 0;
        g.levels = &c->levels;
    }
    uint64_t arrivals = count(q, SERVICE_ARRIVALS), aborts = count(q, SERVICE_CLIENT_ABORTS);
    if (!c->is_started) {
        start(c, q, now_ns, &g);
    } else {
        g.span_ns = span_ns;
        g.arrivals = since(arrivals, c->arrivals);
        g.aborts = since(aborts, c->aborts);
        g.concurrency = g.span_ns ? mean_in_flight(c, &g) : g.in_flight;
        if (now_ns - c->histogram_ns >= HISTOGRAM_NS)
            read_histograms(c, q, now_ns);
    }
    c->last_ns = now_ns;
    c->arrivals = arrivals;
    c->aborts = aborts;
    c->in_flight = g.in_flight;
    g.duration_mean_ns = c->duration_mean_ns;
    g.duration_quantile_ns = c->duration_quantile_ns;
    g.wait_quantile_ns = c->wait_quantile_ns;
    *ret_signals = g;
}

const struct server_pace *collector_pace(const struct collector *c, uint32_t index)
{
    ASSERT(index < c->server_count);
    return &c->servers[index].pace;
}

const struct server_knee *collector_knee(const struct collector *c, uint32_t index)
{
    ASSERT(index < c->server_count);
    return &c->servers[index].knee;
}

const struct collect_outcomes *collector_outcomes(const struct collector *c)
{
    return &c->outcomes;
}
