/*
 * From event to event: a tick of the scale room every 100 ms, and what servers do in between: the provider
 * says that one exists, its first good probe, its end. Between two events the site runs on.
 *
 * What the data plane would tell is told before each call of scale.h (sync_up): exact counts in the fleet's
 * atomics; the counters and histograms are written by the site itself. What the scale room then decided is
 * carried to the site after each call (sync_down): which servers take requests, and their limits.
 *
 * Probes: only those that change something are simulated, at the moments at which the prober would send them:
 * while a server starts, one each health.start_interval from the time it exists. Failed ones before its start
 * is over and good ones while it serves would change nothing.
 */
#include "scale/simulate/weir_world.h"

#include "base/clock.h"
#include "base/mem.h"
#include "scale/scale.h"
#include "scale/simulate/policy_ops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define NEVER_NS       INT64_MAX
#define TICK_NS        (SCALE_TICK_MS * NS_PER_MS)
#define ENDING_LOOK_NS (100 * NS_PER_MS)
#define MONDAY_NS      (978307200 * NS_PER_S) /* 2001-01-01 00:00 UTC */
enum { KEY_BYTES = 2 * SERVER_NAME_BYTES + 16 };

/* One server of the simulated provider. */
struct instance {
    bool is_used;
    char key[KEY_BYTES];
    uint32_t site_server;
    struct server *server; /* borrowed; it lives until scale was told of the end */
    int64_t told_ns;       /* the provider says that it exists */
    int64_t answers_ns;    /* it answers probes from then on */
    int64_t probe_ns;      /* its first good probe */
    int64_t ends_ns;       /* it ends when it has no requests */
    int64_t killed_ns;     /* it ends with whatever it has */
    double cpu_ns;         /* used so far: all of a server's places busy are its cores busy */
};

struct weir_world {
    struct weir_world_params params;
    struct fleet *fleet;
    struct service *service;
    struct provider provider;
    struct scale *scale;
    int64_t now_ns, next_tick_ns;
    uint64_t changes;
    uint32_t instance_count;    /* with unused ones */
    struct instance *instances; /* owned; FLEET_SERVERS_MAX */
};

static struct weir_world *world_of(struct provider *p)
{
    return container_of(p, struct weir_world, provider);
}

static struct instance *find_by_key(struct weir_world *w, const char *key)
{
    for (uint32_t i = 0; i < w->instance_count; i++)
        if (w->instances[i].is_used && strcmp(w->instances[i].key, key) == 0)
            return &w->instances[i];
    return NULL;
}

static struct server *server_of_key(const struct weir_world *w, const char *key)
{
    return fleet_find_server(w->fleet, str_of(strchr(key, '/') + 1));
}

/* ---- provider ---- */

static struct instance *add_instance(struct weir_world *w, const char *key)
{
    uint32_t i = 0;
    while (i < w->instance_count && w->instances[i].is_used)
        i++;
    if (i == FLEET_SERVERS_MAX)
        return NULL;
    w->instance_count = MAX(w->instance_count, i + 1);
    struct instance *x = &w->instances[i];
    *x = (struct instance){.is_used = true,
                           .told_ns = NEVER_NS,
                           .probe_ns = NEVER_NS,
                           .ends_ns = NEVER_NS,
                           .site_server = site_add_server(w->params.site)};
    (void)str_copy(x->key, sizeof(x->key), str_of(key));
    return x;
}

static void bind_server(struct weir_world *w, struct instance *x)
{
    x->server = server_of_key(w, x->key);
    ASSERT(x->server);
    w->params.site->servers[x->site_server].cells = x->server->cells[0];
}

static bool start_instance(struct provider *p, const char *key, const struct config_service *service,
                           struct err *err)
{
    struct weir_world *w = world_of(p);
    struct instance *x = add_instance(w, key);
    if (!x)
        return err_set(err, "the simulation has no room for more servers");
    x->told_ns = w->now_ns + w->params.model->provider_delay_ns;
    x->answers_ns = x->told_ns + w->params.start_s * NS_PER_S;
    bind_server(w, x);
    return true;
}

static void stop_instance(struct provider *p, const char *key, int64_t stop_timeout_ns)
{
    struct weir_world *w = world_of(p);
    struct instance *x = find_by_key(w, key);
    if (!x || x->ends_ns != NEVER_NS)
        return;
    x->ends_ns = w->now_ns + w->params.model->provider_delay_ns;
    x->killed_ns = x->ends_ns + stop_timeout_ns;
}

static void tell_started(struct weir_world *w, struct instance *x)
{
    struct addr address = {.len = sizeof(struct sockaddr_in), .in4 = {.sin_family = AF_INET}};
    addr_set_port(&address, (uint16_t)(x - w->instances + 1));
    x->told_ns = NEVER_NS;
    scale_on_started(w->scale, x->key, &address, 0, w->now_ns);
}

static void observe_instances(struct provider *p)
{
    struct weir_world *w = world_of(p);
    for (uint32_t i = 0; i < w->instance_count; i++) {
        tell_started(w, &w->instances[i]);
        bind_server(w, &w->instances[i]);
    }
}

static const struct provider_ops provider_ops = {
    .name = "simulation", .start = start_instance, .stop = stop_instance, .observe = observe_instances};

/* ---- effects ---- */

static bool publish(void *context)
{
    struct weir_world *w = context;
    w->fleet->last_epoch++;
    (void)fleet_collect(w->fleet);
    return true;
}

static void offer(void *context, struct server *s)
{
    /* sync_down() sees the raised limit and lets the site's queue move. */
}

static void probe(void *context, struct server *s, enum probe_pace pace)
{
    struct weir_world *w = context;
    for (uint32_t i = 0; i < w->instance_count; i++) {
        struct instance *x = &w->instances[i];
        struct server *server = x->is_used && !x->server ? server_of_key(w, x->key) : x->server;
        if (!x->is_used || server != s)
            continue;
        int64_t interval_ns = w->params.config->health.start_interval_ns;
        int64_t until_ns = MAX(x->answers_ns - w->now_ns, 0);
        int64_t probes = (until_ns + interval_ns - 1) / interval_ns;
        x->probe_ns = pace == PROBE_FAST ? w->now_ns + probes * interval_ns : NEVER_NS;
    }
}

static void on_event(void *context, const struct scale_event *e)
{
    struct weir_world *w = context;
    w->changes += e->kind == SCALE_EVENT_SCALE_UP || e->kind == SCALE_EVENT_SCALE_DOWN;
}

/* ---- between the site and the fleet ---- */

static void sync_up(struct weir_world *w)
{
    const struct site *s = w->params.site;
    for (uint32_t i = 0; i < w->instance_count; i++) {
        const struct instance *x = &w->instances[i];
        if (x->is_used && x->server)
            atomic_store_explicit(&x->server->in_flight, (int32_t)s->servers[x->site_server].in_flight,
                                  memory_order_relaxed);
    }
    atomic_store_explicit(&w->service->in_flight, (int32_t)s->in_flight, memory_order_relaxed);
    atomic_store_explicit(&w->service->queued, (int32_t)s->queue_count, memory_order_relaxed);
    atomic_store_explicit(&w->service->queue_oldest_ns, site_queue_oldest_ns(s), memory_order_relaxed);
}

static void sync_server(struct weir_world *w, const struct instance *x)
{
    struct site *s = w->params.site;
    const struct site_server *v = &s->servers[x->site_server];
    uint32_t limit = (uint32_t)MAX(atomic_load_explicit(&x->server->max_requests, memory_order_relaxed), 0);
    bool takes = server_can_take(x->server);
    if (takes && v->state != SITE_SERVER_SERVING)
        site_serve(s, x->site_server, limit);
    else if (takes && v->limit != limit)
        site_set_limit(s, x->site_server, limit);
    else if (!takes && v->state == SITE_SERVER_SERVING)
        site_drain(s, x->site_server);
    uint32_t least = (uint32_t)MAX(atomic_load_explicit(&x->server->slow_start, memory_order_relaxed), 0);
    if (takes && (v->let_in_least != least || v->let_in != (least ? &x->server->let_in : NULL)))
        site_set_let_in(s, x->site_server, least ? &x->server->let_in : NULL, least);
}

static void sync_filled(struct weir_world *w)
{
    struct site *s = w->params.site;
    const struct server *filled = atomic_load_explicit(&w->service->filled, memory_order_relaxed);
    s->filled = 0;
    for (uint32_t i = 0; filled && i < w->instance_count; i++)
        if (w->instances[i].is_used && w->instances[i].server == filled)
            s->filled = w->instances[i].site_server;
    s->fill_to = filled ? (uint32_t)MAX(atomic_load_explicit(&filled->fill_to, memory_order_relaxed), 0) : 0;
}

static void sync_down(struct weir_world *w)
{
    for (uint32_t i = 0; i < w->instance_count; i++)
        if (w->instances[i].is_used && w->instances[i].server)
            sync_server(w, &w->instances[i]);
    sync_filled(w);
    w->params.site->stops_unserved = !atomic_load_explicit(&w->service->is_waking, memory_order_relaxed);
}

/* ---- events ---- */

static void end_instance(struct weir_world *w, struct instance *x)
{
    struct site *s = w->params.site;
    if (s->servers[x->site_server].in_flight > 0 && w->now_ns < x->killed_ns) {
        x->ends_ns = MIN(w->now_ns + ENDING_LOOK_NS, x->killed_ns);
        return;
    }
    char key[KEY_BYTES];
    (void)str_copy(key, sizeof(key), str_of(x->key));
    site_kill(s, x->site_server);
    atomic_store_explicit(&x->server->in_flight, 0, memory_order_relaxed);
    x->is_used = false;
    x->server = NULL;
    scale_on_exited(w->scale, key, "exit status 0", "", w->now_ns);
}

static void meet_instance(struct weir_world *w, struct instance *x)
{
    if (x->is_used && x->told_ns <= w->now_ns)
        tell_started(w, x);
    if (x->is_used && x->probe_ns <= w->now_ns) {
        x->probe_ns = NEVER_NS;
        scale_on_probe(w->scale, x->server, true, "status 200", w->now_ns);
    }
    if (x->is_used && x->ends_ns <= w->now_ns)
        end_instance(w, x);
}

static int64_t next_event_ns(const struct weir_world *w)
{
    int64_t next_ns = w->next_tick_ns;
    for (uint32_t i = 0; i < w->instance_count; i++) {
        const struct instance *x = &w->instances[i];
        if (x->is_used)
            next_ns = MIN(next_ns, MIN(x->told_ns, MIN(x->probe_ns, x->ends_ns)));
    }
    return next_ns;
}

/* What servers use of their cores, seen at each tick and told once a second, as in a running Weir. */
static void meter(struct weir_world *w)
{
    const struct site *s = w->params.site;
    double cores = w->params.config->scale.cpu.cores;
    bool is_due = w->now_ns / TICK_NS % (NS_PER_S / TICK_NS) == 0;
    for (uint32_t i = 0; i < w->instance_count; i++) {
        struct instance *x = &w->instances[i];
        if (!x->is_used || !x->server)
            continue;
        double busy = (double)s->servers[x->site_server].running / w->params.model->concurrency;
        x->cpu_ns += fmin(busy, 1) * cores * (double)TICK_NS;
        struct scale_usage usage = {.at_ns = w->now_ns, .is_known = true, .cpu_ns = (int64_t)x->cpu_ns};
        if (is_due)
            scale_on_usage(w->scale, x->server, &usage);
    }
}

static void look_after_servers(struct weir_world *w)
{
    for (uint32_t i = 0; i < w->instance_count; i++)
        if (w->instances[i].is_used && w->instances[i].server)
            site_look_after(w->params.site, w->instances[i].site_server);
}

/* Schedules are made for it. */
static int64_t wall_clock_ns(const struct weir_world *w)
{
    int64_t start_ns = w->params.model->wall_start_ns;
    return (start_ns ? start_ns : MONDAY_NS) + w->now_ns - SIM_START_NS;
}

static void meet_events(struct weir_world *w)
{
    sync_up(w);
    for (uint32_t i = 0; i < w->instance_count; i++)
        meet_instance(w, &w->instances[i]);
    if (w->now_ns >= w->next_tick_ns) {
        w->next_tick_ns += TICK_NS;
        meter(w);
        scale_set_wall_clock(w->scale, wall_clock_ns(w), w->now_ns);
        scale_tick(w->scale, w->now_ns);
        look_after_servers(w);
    }
    sync_down(w);
}

/* A request waits and no server takes any: a data thread rings at once. */
static void wake(struct weir_world *w)
{
    atomic_store_explicit(&w->service->is_waking, 1, memory_order_relaxed);
    sync_up(w);
    scale_wake(w->scale, w->now_ns);
    sync_down(w);
}

void weir_world_run_second(struct weir_world *w, const struct arrival *items, uint32_t count)
{
    struct site *s = w->params.site;
    int64_t end_ns = s->now_ns + NS_PER_S;
    uint32_t at = 0;
    while (s->now_ns < end_ns) {
        int64_t next_ns = MIN(next_event_ns(w), end_ns);
        w->now_ns = site_run(s, items, &at, count, next_ns, false);
        if (w->now_ns < next_ns)
            wake(w);
        else if (w->now_ns >= next_event_ns(w))
            meet_events(w);
    }
}

/* ---- making ---- */

/* The servers that are there already are found as after a restart of Weir. */
static void adopt(struct weir_world *w)
{
    char key[KEY_BYTES];
    for (uint32_t i = 0; i < w->params.servers; i++) {
        (void)snprintf(key, sizeof(key), "%s/%s-%u", w->service->name, w->service->name, i + 1);
        struct instance *x = add_instance(w, key);
        ASSERT(x);
        x->answers_ns = w->now_ns;
    }
    scale_observe(w->scale, &w->provider, w->now_ns);
    for (uint32_t i = 0; i < w->instance_count; i++)
        meet_instance(w, &w->instances[i]);
    scale_on_observed(w->scale, &w->provider, w->now_ns);
    sync_down(w);
}

struct weir_world *weir_world_new(const struct weir_world_params *params)
{
    struct weir_world *w = NEW(struct weir_world);
    w->params = *params;
    w->now_ns = params->site->now_ns;
    w->next_tick_ns = w->now_ns + TICK_NS;
    w->provider.ops = &provider_ops;
    w->instances = NEW_ARRAY(struct instance, FLEET_SERVERS_MAX);
    w->fleet = fleet_new(1);
    w->service = fleet_add_service(w->fleet, params->config->name);
    params->site->cells = w->service->cells[0];
    struct scale_params scale = {
        .fleet = w->fleet,
        .seed = params->model->seed,
        .effects = {.context = w, .publish = publish, .offer = offer, .probe = probe, .on_event = on_event}};
    w->scale = scale_new(&scale);
    scale_add_service(w->scale, w->service, params->config, &w->provider, w->now_ns);
    adopt(w);
    return w;
}

void weir_world_free(struct weir_world *w)
{
    if (!w)
        return;
    scale_free(w->scale);
    fleet_free(w->fleet);
    free(w->instances);
    free(w);
}

uint64_t weir_world_changes(const struct weir_world *w)
{
    return w->changes;
}

static void describe(const struct sim_setting *s, struct buf *out)
{
    buf_printf(out, "as configured");
}

const struct sim_policy_ops policy_weir = {
    .name = "weir", .period_s = 1, .describe = describe, .is_weir = true};
