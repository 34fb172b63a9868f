/*
 * world.h: a small world for the tests of the scale room: a clock that only the test moves, a provider whose
 * servers start, die and stop as told, probes, and (when the test sends load) a queue and servers that work
 * on requests. Nothing waits, nothing is random but for the seed.
 */
#pragma once
#pragma GCC diagnostic ignored "-Wunused-function" /* each test uses what it needs */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "scale/scale.h"

#define MS NS_PER_MS
#define S  NS_PER_S

enum { FAKES_MAX = 64, SLOTS_MAX = 96, STEP_MS = 10, REQUESTS_MAX = 20000, LOG_MAX = 20000 };

/* One process of the fake provider. */
struct fake {
    bool is_used, is_started, is_stopping, is_hung; /* hung: it exists but answers no probe */
    char key[160];
    uint16_t port;
    int64_t starts_ns, answers_ns, ends_ns; /* ends_ns 0: lives on */
    int64_t next_probe_ns;
};

struct request {
    int64_t arrived_ns, taken_ns, left_ns; /* left: work still to do */
    struct server *server;                 /* NULL: waits */
    unsigned level;                        /* of the server when it was sent there */
};

struct logged {
    int64_t at_ns;
    enum scale_event_kind kind;
    enum server_state from, to;
    uint32_t target, target_before, needed;
    uint64_t server_id;
    char server[SERVER_NAME_BYTES];
    char reason[320];
};

enum world_law { WORLD_UNIFORM, WORLD_CONSTANT, WORLD_LOGNORMAL, WORLD_EXPONENTIAL };

struct world {
    int64_t now_ns;
    struct random random;
    struct fleet *fleet;
    struct service *service;
    struct config_service config;
    struct provider provider;
    struct scale *scale;

    /* The provider. */
    struct fake fakes[FAKES_MAX];
    uint16_t last_port;
    int64_t start_delay_ns;      /* ask to first answer */
    int64_t cold_start_delay_ns; /* > 0: the same while no other process answers */
    int64_t stop_delay_ns;
    int64_t crash_after_ns;  /* > 0: each new process ends so long after it was asked for */
    bool is_refusing_starts; /* start() returns false */
    bool is_failing_starts;  /* on_start_failed */
    bool is_hanging;         /* new ones never answer */
    bool keeps_last_lines;
    uint32_t starts, stops;

    /* Effects. */
    enum probe_pace pace[FLEET_SERVERS_MAX];
    uint64_t paced_id[FLEET_SERVERS_MAX];
    int64_t next_probe_ns[FLEET_SERVERS_MAX];
    bool is_publish_failing;
    uint32_t publishes, offers;
    uint32_t hopeless_publishes; /* no server takes requests in them, and none is coming */
    uint32_t log_count;
    struct logged *log;

    /* Load. */
    double rate;         /* requests a second */
    int64_t work_ns;     /* of one request */
    uint32_t parallel;   /* a server works on so many at once; the rest wait inside it */
    bool is_sharing;     /* beyond that all share instead, each as fast as the others */
    enum world_law law;  /* of the work */
    bool is_poisson;     /* arrivals at random, else uneven */
    const char *slow;    /* the server of this name works half as fast; NULL: none */
    const char *narrow;  /* the server of this name works on half as many; NULL: none */
    uint32_t bottleneck; /* > 0: all servers together work on so many at once (a database) */
    double arrivals_due;
    uint32_t request_count;
    struct request *requests;
    uint64_t answered, refused, cut; /* cut: lost with a server */
    int64_t wait_max_ns;
    double server_seconds;
};

/* Slots are given out from the front; no story has more. */
#define world_for_each_server(w, s)                                                                          \
    for (struct server *s = (w)->fleet->servers; s < (w)->fleet->servers + SLOTS_MAX; s++)                   \
        if (s->id && !s->removed_epoch)

static struct fake *world_find_fake(struct world *w, const char *key)
{
    for (int i = 0; i < FAKES_MAX; i++)
        if (w->fakes[i].is_used && strcmp(w->fakes[i].key, key) == 0)
            return &w->fakes[i];
    return NULL;
}

static uint32_t world_fake_count(struct world *w)
{
    uint32_t count = 0;
    for (int i = 0; i < FAKES_MAX; i++)
        count += w->fakes[i].is_used;
    return count;
}

/* --- provider ------------------------------------------------------------------------------------- */

static struct world *world_of(struct provider *p)
{
    return container_of(p, struct world, provider);
}

static struct fake *world_add_fake(struct world *w, const char *key)
{
    assert_null(world_find_fake(w, key)); /* a name is used again only when the old one has ended */
    for (int i = 0; i < FAKES_MAX; i++) {
        struct fake *f = &w->fakes[i];
        if (f->is_used)
            continue;
        *f = (struct fake){.is_used = true, .port = ++w->last_port};
        snprintf(f->key, sizeof(f->key), "%s", key);
        return f;
    }
    fail_msg("too many processes");
    return NULL;
}

static bool world_is_warm(const struct world *w)
{
    for (int i = 0; i < FAKES_MAX; i++)
        if (w->fakes[i].is_used && !w->fakes[i].is_hung && w->fakes[i].answers_ns <= w->now_ns)
            return true;
    return false;
}

static bool fake_start(struct provider *p, const char *key, const struct config_service *service,
                       struct err *err)
{
    struct world *w = world_of(p);
    w->starts++;
    if (w->is_refusing_starts)
        return err_set(err, "the supervisor is gone");
    int64_t delay_ns =
        w->cold_start_delay_ns && !world_is_warm(w) ? w->cold_start_delay_ns : w->start_delay_ns;
    struct fake *f = world_add_fake(w, key);
    f->starts_ns = w->now_ns + delay_ns / 10;
    f->answers_ns = w->now_ns + delay_ns;
    f->is_hung = w->is_hanging;
    f->ends_ns = w->crash_after_ns > 0 ? w->now_ns + w->crash_after_ns : 0;
    return true;
}

static void fake_stop(struct provider *p, const char *key, int64_t stop_timeout_ns)
{
    struct world *w = world_of(p);
    struct fake *f = world_find_fake(w, key);
    w->stops++;
    if (!f)
        return;
    f->is_stopping = true;
    int64_t end_ns = w->now_ns + w->stop_delay_ns;
    f->ends_ns = f->ends_ns ? MIN(f->ends_ns, end_ns) : end_ns;
}

static void fake_observe(struct provider *p)
{
    struct world *w = world_of(p);
    for (int i = 0; i < FAKES_MAX; i++) {
        struct fake *f = &w->fakes[i];
        if (!f->is_used)
            continue;
        struct addr address = {.len = sizeof(struct sockaddr_in), .in4 = {.sin_family = AF_INET}};
        addr_set_port(&address, f->port);
        f->is_started = true; /* told of as started: its start does not fail any more */
        scale_on_started(w->scale, f->key, &address, 1000 + f->port, w->now_ns);
    }
}

static const struct provider_ops fake_ops = {
    .name = "fake", .start = fake_start, .stop = fake_stop, .observe = fake_observe};

/* --- effects -------------------------------------------------------------------------------------- */

static bool world_is_hopeless(struct world *w)
{
    world_for_each_server (w, s) {
        int state = atomic_load(&s->state);
        if (server_can_take(s) || state == SERVER_REQUESTED || state == SERVER_STARTING)
            return false;
    }
    return true;
}

static bool world_publish(void *context)
{
    struct world *w = context;
    if (w->is_publish_failing)
        return false;
    w->publishes++;
    w->hopeless_publishes += world_is_hopeless(w);
    w->fleet->last_epoch++;
    fleet_collect(w->fleet);
    return true;
}

static void world_offer(void *context, struct server *s)
{
    struct world *w = context;
    w->offers++;
}

static void world_probe(void *context, struct server *s, enum probe_pace pace)
{
    struct world *w = context;
    assert_true(s->slot < SLOTS_MAX);
    w->pace[s->slot] = pace;
    w->paced_id[s->slot] = s->id;
    w->next_probe_ns[s->slot] = w->now_ns;
}

static void world_on_event(void *context, const struct scale_event *e)
{
    struct world *w = context;
    assert_true(w->log_count < LOG_MAX);
    assert_non_null(e->service);
    assert_non_null(e->reason);
    struct logged *l = &w->log[w->log_count++];
    *l = (struct logged){.at_ns = e->now_ns, .kind = e->kind, .from = e->from, .to = e->to};
    snprintf(l->reason, sizeof(l->reason), "%s", e->reason);
    if (e->server) {
        snprintf(l->server, sizeof(l->server), "%s", e->server->name);
        l->server_id = e->server->id;
    }
    if (e->decision) {
        l->target = e->decision->target;
        l->target_before = e->decision->target_before;
        l->needed = e->decision->needed;
    }
    if (getenv("WORLD_LOG"))
        fprintf(stderr, "%9.3f %-20s %-10s %s->%s %u->%u %s\n", (double)e->now_ns / 1e9,
                scale_event_name(e->kind), l->server, server_state_name(e->from), server_state_name(e->to),
                l->target_before, l->target, e->reason);
}

/* --- making --------------------------------------------------------------------------------------- */

static void world_start_scale(struct world *w)
{
    struct scale_params params = {.fleet = w->fleet,
                                  .seed = 7,
                                  .effects = {.context = w,
                                              .publish = world_publish,
                                              .offer = world_offer,
                                              .probe = world_probe,
                                              .on_event = world_on_event}};
    w->scale = scale_new(&params);
}

static struct config_service world_config(void)
{
    return (struct config_service){
        .name = STR("shop"),
        .queue_length = 10000,
        .queue_timeout_ns = 30 * S,
        .health =
            {.interval_ns = 2 * S, .timeout_ns = 2 * S, .start_interval_ns = 50 * MS, .rise = 2, .fall = 3},
        .scale = {.provider = SCALE_PROVIDER_PROCESS,
                  .servers_min = 1,
                  .servers_max = 6,
                  .scale_down_after_ns = 60 * S,
                  .start_timeout_ns = 60 * S,
                  .stop_timeout_ns = 10 * S,
                  .drain_timeout_ns = 30 * S},
    };
}

static void world_add_fleet(struct world *w)
{
    w->fleet = fleet_new(1);
    w->fleet->last_epoch = 1; /* Weir publishes its first snapshot before anything else */
    w->service = fleet_add_service(w->fleet, STR("shop"));
    memset(w->pace, 0, sizeof(w->pace));
}

static void world_init(struct world *w)
{
    memset(w, 0, sizeof(*w));
    w->now_ns = 1000 * S;
    w->random.state = 42;
    w->provider.ops = &fake_ops;
    w->start_delay_ns = 1 * S;
    w->stop_delay_ns = 200 * MS;
    w->work_ns = 200 * MS;
    w->parallel = 4;
    w->log = NEW_ARRAY(struct logged, LOG_MAX);
    w->requests = NEW_ARRAY(struct request, REQUESTS_MAX);
    w->config = world_config();
    world_add_fleet(w);
    world_start_scale(w);
}

/* With the provider, unless the configuration has fixed servers. */
static void world_begin(struct world *w)
{
    scale_add_service(w->scale, w->service, &w->config, w->config.server_count ? NULL : &w->provider,
                      w->now_ns);
}

static void world_fini(struct world *w)
{
    scale_free(w->scale);
    fleet_free(w->fleet);
    free(w->log);
    free(w->requests);
}

static struct world *world_new(void)
{
    struct world *w = mem_alloc_aligned(alignof(struct world), sizeof(struct world));
    world_init(w);
    return w;
}

static void world_free(struct world *w)
{
    world_fini(w);
    free(w);
}

/* One for each test. */
static int world_set_up(void **state)
{
    *state = world_new();
    return 0;
}

static int world_tear_down(void **state)
{
    world_free(*state);
    return 0;
}

/* The worker dies with all it carries; the next one has heard of no server yet. */
static void world_restart_worker(struct world *w)
{
    w->request_count = 0;
    scale_free(w->scale);
    fleet_free(w->fleet);
    world_add_fleet(w);
    world_start_scale(w);
    world_begin(w);
    scale_observe(w->scale, &w->provider, w->now_ns);
}

/* By hand. */
static void world_want(struct world *w, uint32_t count)
{
    assert_true(scale_set_replicas(w->scale, w->service, count, 0, w->now_ns, NULL));
}

/* --- load ----------------------------------------------------------------------------------------- */

static struct server *world_pick(struct world *w)
{
    struct server *best = atomic_load(&w->service->filled);
    if (best && server_can_take(best) && server_in_flight(best) < atomic_load(&best->fill_to))
        return best;
    best = NULL;
    world_for_each_server (w, s) {
        int32_t limit = server_limit(s);
        if (!server_can_take(s) || (limit && server_in_flight(s) >= limit))
            continue;
        if (!best || server_in_flight(s) < server_in_flight(best))
            best = s;
    }
    return best;
}

static void world_give(struct world *w, struct request *q, struct server *s) /* whose slot was taken */
{
    let_in_admit(&s->let_in);
    q->server = s;
    q->taken_ns = w->now_ns;
    q->level = level_of((uint32_t)server_in_flight(s));
    w->wait_max_ns = MAX(w->wait_max_ns, w->now_ns - q->arrived_ns);
    atomic_fetch_sub(&w->service->queued, 1);
    atomic_fetch_add(&w->service->in_flight, 1);
}

/* A slot given back is handed to the first who waits. */
static void world_hand_over(struct world *w, struct server *s)
{
    for (uint32_t i = 0; i < w->request_count && atomic_load(&w->service->queued) > 0; i++) {
        if (w->requests[i].server)
            continue;
        if (server_can_take(s) && server_slot_take(s))
            world_give(w, &w->requests[i], s);
        return;
    }
}

static void world_end_request(struct world *w, uint32_t at, bool is_answered)
{
    struct request *q = &w->requests[at];
    struct server *server = q->server;
    if (q->server) {
        struct server_cells *cells = q->server->cells[0];
        if (is_answered) {
            counter_add(&cells->departures[level_of((uint32_t)server_in_flight(q->server))], 1);
            counter_add(&cells->admissions[q->level], 1);
            counter_add(&cells->admission_ns[q->level], (uint64_t)(w->now_ns - q->taken_ns));
            counter_add(&cells->admission_logs[q->level], histogram_log_of(w->now_ns - q->taken_ns));
            if (atomic_load(&w->service->queued) > 0)
                let_in_note(&q->server->let_in, atomic_load(&q->server->slow_start),
                            server_in_flight(q->server), w->now_ns);
        }
        server_slot_release(q->server);
        atomic_fetch_sub(&w->service->in_flight, 1);
        counter_add(&cells->counters[SERVER_FINISHED], 1);
        histogram_record(&cells->duration, w->now_ns - q->taken_ns);
        histogram_record(&w->service->cells[0]->duration, w->now_ns - q->arrived_ns);
        if (!is_answered)
            counter_add(&cells->counters[SERVER_ERRORS_BROKE], 1);
    } else {
        atomic_fetch_sub(&w->service->queued, 1);
    }
    if (is_answered)
        w->answered++;
    else if (q->server)
        w->cut++;
    else
        w->refused++;
    memmove(q, q + 1, (--w->request_count - at) * sizeof(*q)); /* keeps the order of arrival */
    if (server)
        world_hand_over(w, server);
}

static void world_serve_waiting(struct world *w)
{
    int64_t oldest_ns = 0;
    for (uint32_t i = 0; i < w->request_count; i++) {
        struct request *q = &w->requests[i];
        if (q->server)
            continue;
        struct server *s = world_pick(w);
        if (s && server_slot_take(s)) {
            world_give(w, q, s);
            continue;
        }
        if (w->now_ns - q->arrived_ns >= w->config.queue_timeout_ns) {
            world_end_request(w, i--, false);
            continue;
        }
        if (!oldest_ns)
            oldest_ns = q->arrived_ns;
    }
    atomic_store(&w->service->queue_oldest_ns, oldest_ns);
}

static struct fake *world_fake_of(struct world *w, const struct server *s)
{
    char key[160];
    snprintf(key, sizeof(key), "%s/%s", s->service->name, s->name);
    return world_find_fake(w, key);
}

static uint32_t world_places(const struct world *w, const struct server *s)
{
    return w->narrow && strcmp(s->name, w->narrow) == 0 ? w->parallel / 2 : w->parallel;
}

/* How much of a step one of its requests gets, if the server works on it. */
static int64_t world_progress(const struct world *w, const struct server *s)
{
    int64_t step_ns = STEP_MS * MS / (w->slow && strcmp(s->name, w->slow) == 0 ? 2 : 1);
    uint32_t places = world_places(w, s), in_flight = (uint32_t)server_in_flight(s);
    return w->is_sharing && in_flight > places ? step_ns * places / in_flight : step_ns;
}

/* Each server works on its oldest `parallel` requests, or shares itself among all (all of them together on
 * `bottleneck`). */
static void world_work(struct world *w)
{
    if (w->request_count == 0)
        return;
    uint32_t busy[SLOTS_MAX] = {0}, busy_all = 0;
    int64_t progress_ns[SLOTS_MAX] = {0};
    bool is_alive[SLOTS_MAX] = {false};
    world_for_each_server (w, s) {
        is_alive[s->slot] = w->config.server_count || world_fake_of(w, s);
        progress_ns[s->slot] = world_progress(w, s);
    }
    for (uint32_t i = 0; i < w->request_count; i++) {
        struct request *q = &w->requests[i];
        if (!q->server)
            continue;
        uint32_t slot = q->server->slot;
        if (!is_alive[slot]) {
            world_end_request(w, i--, false);
            continue;
        }
        if ((!w->is_sharing && busy[slot] >= world_places(w, q->server)) ||
            (w->bottleneck && busy_all >= w->bottleneck))
            continue;
        busy[slot]++;
        busy_all++;
        q->left_ns -= progress_ns[slot];
        if (q->left_ns <= 0)
            world_end_request(w, i--, true);
    }
}

static double world_uniform(struct world *w) /* 0..1, neither of both */
{
    return (random_below(&w->random, 1U << 30) + 0.5) / (1U << 30);
}

static int64_t world_draw_work(struct world *w)
{
    const double cv = 0.5, sigma = sqrt(log(1 + cv * cv)), pi = 3.14159265358979323846;
    double mean_ns = (double)w->work_ns, u = world_uniform(w);
    switch (w->law) {
    case WORLD_CONSTANT:
        return w->work_ns;
    case WORLD_LOGNORMAL: /* by Box and Muller */
        return (int64_t)(mean_ns *
                         exp(sigma * sqrt(-2 * log(u)) * cos(2 * pi * world_uniform(w)) - sigma * sigma / 2));
    case WORLD_EXPONENTIAL:
        return (int64_t)(mean_ns * -log(u));
    default: /* 0.5 .. 1.5 of the work, mean 1 */
        return w->work_ns / 2 + (int64_t)random_below(&w->random, 1000) * w->work_ns / 1000;
    }
}

static void world_arrive(struct world *w, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_true(w->request_count < REQUESTS_MAX);
        counter_add(&w->service->cells[0]->counters[SERVICE_ARRIVALS], 1);
        w->requests[w->request_count++] =
            (struct request){.arrived_ns = w->now_ns, .left_ns = world_draw_work(w)};
        atomic_fetch_add(&w->service->queued, 1);
    }
}

static void world_load(struct world *w)
{
    uint32_t count = 0;
    if (w->is_poisson) {
        for (double at = -log(world_uniform(w)); at < w->rate * STEP_MS / 1000; at -= log(world_uniform(w)))
            count++;
    } else { /* uneven: each step brings 0 to 2 times its mean */
        w->arrivals_due += w->rate * STEP_MS / 1000 * (random_below(&w->random, 2001) / 1000.0);
        count = (uint32_t)w->arrivals_due;
        w->arrivals_due -= count;
    }
    world_arrive(w, count);
    world_serve_waiting(w);
    if (atomic_load(&w->service->queued) > 0 && !world_pick(w) && !atomic_exchange(&w->service->is_waking, 1))
        scale_wake(w->scale, w->now_ns);
    world_work(w);
    world_serve_waiting(w);
}

/* --- time ----------------------------------------------------------------------------------------- */

static void world_move_processes(struct world *w)
{
    for (int i = 0; i < FAKES_MAX; i++) {
        struct fake *f = &w->fakes[i];
        if (!f->is_used)
            continue;
        bool is_due = f->ends_ns && f->ends_ns <= w->now_ns;
        if (!is_due && (f->is_started || f->starts_ns > w->now_ns))
            continue;
        char key[160];
        snprintf(key, sizeof(key), "%s", f->key);
        if (w->is_failing_starts && !f->is_started && f->starts_ns <= w->now_ns) {
            f->is_used = false;
            scale_on_start_failed(w->scale, key, "no such command", w->now_ns);
            continue;
        }
        if (!f->is_started && f->starts_ns <= w->now_ns) {
            f->is_started = true;
            struct addr address = {.len = sizeof(struct sockaddr_in), .in4 = {.sin_family = AF_INET}};
            addr_set_port(&address, f->port);
            scale_on_started(w->scale, key, &address, 1000 + f->port, w->now_ns);
        }
        if (f->ends_ns && f->ends_ns <= w->now_ns) {
            f->is_used = false;
            scale_on_exited(w->scale, key, "exit status 1", "Traceback: no module named app", w->now_ns);
        }
    }
}

static bool world_answers(struct world *w, struct server *s)
{
    struct fake *f = world_fake_of(w, s);
    return f && f->answers_ns <= w->now_ns && !f->is_hung;
}

static bool world_is_listed(
    const struct world *w) /* nobody answers for those: the test says what probes say */
{
    return w->config.server_count || w->config.discover.source != DISCOVER_NONE;
}

static void world_move_probes(struct world *w)
{
    world_for_each_server (w, s) {
        if (w->paced_id[s->slot] != s->id || w->pace[s->slot] == PROBE_NEVER ||
            w->now_ns < w->next_probe_ns[s->slot] || world_is_listed(w))
            continue;
        w->next_probe_ns[s->slot] =
            w->now_ns + (w->pace[s->slot] == PROBE_FAST ? w->config.health.start_interval_ns
                                                        : w->config.health.interval_ns);
        bool is_good = world_answers(w, s);
        scale_on_probe(w->scale, s, is_good, is_good ? "status 200" : "connection refused", w->now_ns);
    }
}

static uint32_t world_count(struct world *w, enum server_state state)
{
    uint32_t count = 0;
    world_for_each_server (w, s)
        count += atomic_load(&s->state) == (int)state;
    return count;
}

static uint32_t world_up(struct world *w)
{
    return world_count(w, SERVER_REQUESTED) + world_count(w, SERVER_STARTING) +
           world_count(w, SERVER_WARMING) + world_count(w, SERVER_SERVING);
}

static void world_check_nothing(struct world *w)
{
}

static void world_tick(struct world *w)
{
    scale_tick(w->scale, w->now_ns);
    world_for_each_server (w, s)
        if (atomic_load(&w->service->queued) > 0 && server_can_take(s))
            let_in_look(&s->let_in, atomic_load(&s->slow_start), server_in_flight(s), w->now_ns);
}

static void world_run_checked(struct world *w, int64_t for_ns, void (*check)(struct world *))
{
    for (int64_t end_ns = w->now_ns + for_ns; w->now_ns < end_ns;) {
        w->now_ns += STEP_MS * MS;
        world_move_processes(w);
        world_move_probes(w);
        world_load(w);
        if (w->now_ns / MS % SCALE_TICK_MS == 0)
            world_tick(w);
        w->server_seconds += world_fake_count(w) * STEP_MS / 1000.0;
        check(w);
    }
}

static void world_run(struct world *w, int64_t for_ns)
{
    world_run_checked(w, for_ns, world_check_nothing);
}

/* --- looking -------------------------------------------------------------------------------------- */

static uint32_t world_events(struct world *w, enum scale_event_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->log_count; i++)
        count += w->log[i].kind == kind;
    return count;
}

static struct logged *world_last_event(struct world *w, enum scale_event_kind kind)
{
    for (uint32_t i = w->log_count; i-- > 0;)
        if (w->log[i].kind == kind)
            return &w->log[i];
    return NULL;
}

static struct server *world_server(struct world *w, const char *name)
{
    return fleet_find_server(w->fleet, str_of(name));
}

static enum server_state world_state(struct world *w, const char *name)
{
    struct server *s = world_server(w, name);
    return s ? (enum server_state)atomic_load(&s->state) : SERVER_GONE;
}

static struct scale_decision world_decision(struct world *w)
{
    struct scale_signals g;
    struct scale_decision d = {0};
    assert_true(scale_last(w->scale, w->service, &g, &d));
    return d;
}

/* Processes and servers must tell of each other: nothing lost, nothing left behind. */
static void world_assert_no_leak(struct world *w)
{
    fleet_for_each_server (w->fleet, s) {
        enum server_state st = (enum server_state)atomic_load(&s->state);
        assert_true(st != SERVER_GONE);
        if (st != SERVER_FAILED)
            assert_non_null(world_fake_of(w, s));
    }
    for (int i = 0; i < FAKES_MAX; i++)
        if (w->fakes[i].is_used)
            assert_non_null(world_server(w, w->fakes[i].key + strlen("shop/")));
}
