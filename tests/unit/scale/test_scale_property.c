/*
 * A thousand random worlds: any load, any provider trouble, any hand. After every step:
 *   1. never more servers up than MAX, never more decided
 *   2. never a start for a server that is not missing; and what exists at the provider is bounded
 *   3. a scale-down leaves what carries the requests in flight
 *   4. each server of a provider has its process and each process its server (none lost, none leaked)
 *   5. only servers in state warming or serving take requests, and each snapshot change was published
 * and when the trouble ends: the service stands again with no more and no less than it needs.
 * WORLD_SEED=n runs that seed alone, WORLD_LOG=1 tells its story.
 */
#include <math.h>

#include "effort.h"
#include "world.h"

struct property {
    uint32_t starts_before;
    uint32_t log_seen;
    int64_t checked_ns, publish_failed_ns;
};
static struct property property;
static uint64_t present_seed;

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            fail_msg("seed %llu at %.2f s: %s", (unsigned long long)present_seed,                            \
                     (double)w->now_ns / (double)S, #condition);                                             \
    } while (0)

static void check_decisions(struct world *w)
{
    for (; property.log_seen < w->log_count; property.log_seen++) {
        const struct logged *l = &w->log[property.log_seen];
        if (l->kind == SCALE_EVENT_SCALE_UP || l->kind == SCALE_EVENT_SCALE_DOWN) {
            CHECK(l->target <= w->config.scale.servers_max);
            CHECK(l->target != l->target_before);
        }
    }
    struct scale_signals g;
    struct scale_decision d;
    if (!scale_last(w->scale, w->service, &g, &d))
        return;
    CHECK(isfinite(d.base) && isfinite(d.burst) && isfinite(d.backlog));
    if (d.bound == SCALE_BOUND_MANUAL)
        return;
    CHECK(d.target >= MIN(w->config.scale.servers_min, w->config.scale.servers_max));
    if (d.target < MIN(d.up, d.target_before) && d.target < w->config.scale.servers_max)
        CHECK(d.target * d.capacity.in_flight >= g.in_flight - 1e-6);
}

static void check_servers(struct world *w)
{
    uint32_t up = 0;
    world_for_each_server (w, s) {
        enum server_state state = (enum server_state)atomic_load(&s->state);
        CHECK(state != SERVER_GONE || w->now_ns - property.publish_failed_ns <= 150 * MS);
        up += state <= SERVER_SERVING;
        bool must_exist = state < SERVER_GONE;
        CHECK(!must_exist || world_fake_of(w, s));
        CHECK(server_can_take(s) ? server_state_takes_requests(state) : true);
    }
    CHECK(up <= w->config.scale.servers_max);
    CHECK(world_fake_count(w) <= 2 * w->config.scale.servers_max + 8);
    for (int i = 0; i < FAKES_MAX; i++)
        if (w->fakes[i].is_used && strncmp(w->fakes[i].key, "shop/", 5) == 0)
            CHECK(world_server(w, w->fakes[i].key + 5) != NULL);
}

static void check(struct world *w)
{
    uint32_t starts = w->starts - property.starts_before;
    property.starts_before = w->starts;
    CHECK(starts <=
          2 * w->config.scale.servers_max); /* in 10 ms: at most all, and once more when all fail at once */
    if (w->is_publish_failing)
        property.publish_failed_ns = w->now_ns;
    if (w->now_ns - property.checked_ns < 50 * MS)
        return;
    property.checked_ns = w->now_ns;
    check_decisions(w);
    check_servers(w);
}

static void random_config(struct world *w, struct random *r)
{
    static const uint32_t maxima[] = {1, 2, 3, 6, 16};
    struct config_service *c = &w->config;
    c->scale.servers_max = maxima[random_below(r, ARRAY_LEN(maxima))];
    c->scale.servers_min = random_below(r, c->scale.servers_max + 1);
    c->max_requests = random_below(r, 3) ? random_below(r, 8) : 0;
    c->scale.scale_down_after_ns = (1 + random_below(r, 19)) * S; /* 0 would be: from the start time */
    c->scale.start_timeout_ns = (2 + random_below(r, 10)) * S;
    c->scale.drain_timeout_ns = (1 + random_below(r, 5)) * S;
    c->scale.stop_timeout_ns = (1 + random_below(r, 3)) * S;
    c->scale.objective_ns = random_below(r, 2) ? random_below(r, 2000) * MS : 0;
    c->scale.objective_quantile = 0.99;
    c->queue_timeout_ns = (1 + random_below(r, 10)) * S;
    w->start_delay_ns = random_below(r, (uint32_t)(c->scale.start_timeout_ns / MS) - 500) * MS;
    w->stop_delay_ns = random_below(r, 1500) * MS;
    w->work_ns = (10 + random_below(r, 400)) * MS;
    w->parallel = 1 + random_below(r, 8);
}

/* Bounds, from a stream of their own: the worlds above are the same without them. */
static void random_bounds(struct world *w)
{
    struct random r = {.state = present_seed * 77 + 1};
    struct config_scale *c = &w->config.scale;
    c->spares = random_below(&r, 4) ? 0 : random_below(&r, c->servers_max);
    c->step.up = random_below(&r, 4) ? 0 : 1 + random_below(&r, 3);
    c->step.down = random_below(&r, 4) ? 0 : 1 + random_below(&r, 3);
    c->step.per_ns = (1 + random_below(&r, 10)) * S;
}

static struct fake *random_fake(struct world *w, struct random *r)
{
    uint32_t at = random_below(r, FAKES_MAX);
    for (uint32_t i = 0; i < FAKES_MAX; i++)
        if (w->fakes[(at + i) % FAKES_MAX].is_used)
            return &w->fakes[(at + i) % FAKES_MAX];
    return NULL;
}

static struct server *random_server(struct world *w, struct random *r)
{
    uint32_t at = random_below(r, 32);
    for (uint32_t i = 0; i < 32; i++) {
        struct server *s = &w->fleet->servers[(at + i) % 32];
        if (s->id && !s->removed_epoch)
            return s;
    }
    return NULL;
}

static void restart_worker(struct world *w)
{
    world_restart_worker(w);
    scale_on_observed(w->scale, &w->provider, w->now_ns);
}

static void trouble(struct world *w, struct random *r)
{
    struct fake *f = random_fake(w, r);
    struct server *s = random_server(w, r);
    switch (random_below(r, 14)) {
    case 0:
        w->rate = random_below(r, 40);
        break;
    case 1:
        w->rate = 0;
        break;
    case 2:
        world_arrive(w, random_below(r, 60));
        break;
    case 3:
        if (f)
            f->ends_ns = w->now_ns + random_below(r, 500) * MS;
        break;
    case 4:
        if (f)
            f->is_hung = !f->is_hung;
        break;
    case 5:
        w->is_failing_starts = !w->is_failing_starts;
        break;
    case 6:
        w->is_refusing_starts = !w->is_refusing_starts;
        break;
    case 7:
        w->crash_after_ns = random_below(r, 2) ? random_below(r, 5000) * MS : 0;
        break;
    case 8:
        if (random_below(r, 2))
            (void)scale_set_replicas(w->scale, w->service, random_below(r, w->config.scale.servers_max + 2),
                                     random_below(r, 3) ? 0 : 20 * S, w->now_ns, NULL);
        else
            (void)scale_clear_replicas(w->scale, w->service, w->now_ns, NULL);
        break;
    case 9:
        if (s)
            (void)scale_drain_server(w->scale, s, w->now_ns, NULL);
        break;
    case 10:
        if (s)
            (void)scale_ready_server(w->scale, s, w->now_ns, NULL);
        break;
    case 11:
        if (s)
            atomic_store(&s->is_refusing, 1);
        break;
    case 12:
        w->is_publish_failing = random_below(r, 4) == 0;
        break;
    default:
        if (random_below(r, 4) == 0)
            restart_worker(w);
        break;
    }
}

static bool has_settled(struct world *w)
{
    uint32_t least = MAX(w->config.scale.servers_min, w->config.scale.spares);
    return world_count(w, SERVER_SERVING) == least && world_fake_count(w) == least;
}

static void calm_down(struct world *w)
{
    w->is_failing_starts = w->is_refusing_starts = w->is_hanging = w->is_publish_failing = false;
    w->crash_after_ns = 0;
    w->rate = 0;
    for (int i = 0; i < FAKES_MAX; i++)
        w->fakes[i].is_hung = false;
    (void)scale_clear_replicas(w->scale, w->service, w->now_ns, NULL);
    /* One server may have much to work off; then the window, back-offs of up to 40 s, a start, a drain,
     * steps. */
    for (int i = 0; i < 300 && w->request_count > 0; i++)
        world_run_checked(w, 5 * S, check);
    world_run_checked(w, 6 * S, check); /* ends that were already due */
    for (int i = 0; i < 60 && !has_settled(w); i++)
        world_run_checked(w, 5 * S, check);
    world_run_checked(w, 3 * S, check); /* and stays so */
}

static void run_seed(uint64_t seed)
{
    struct world *w = world_new();
    struct random r = {.state = seed * UINT64_C(0x9E3779B97F4A7C15)};
    present_seed = seed;
    property = (struct property){0};
    random_config(w, &r);
    random_bounds(w);
    w->random.state = seed;
    world_begin(w);
    for (int i = 0; i < 12; i++) {
        trouble(w, &r);
        world_run_checked(w, random_below(&r, 2500) * MS, check);
    }
    calm_down(w);
    CHECK(has_settled(w));
    CHECK(atomic_load(&w->service->in_flight) == 0);
    fleet_for_each_server (w->fleet, s)
        CHECK(server_can_take(s));
    world_free(w);
}

enum { WORLDS = EFFORT(1000) };

static void many_worlds(void **state)
{
    const char *only = getenv("WORLD_SEED");
    if (only) {
        run_seed(strtoull(only, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= WORLDS; seed++)
        run_seed(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_worlds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
