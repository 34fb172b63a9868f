/* What people stated that one server should carry: the sums, the rules of the policy, and stories on the
 * virtual clock. */
#include <math.h>

#include "world.h"

/* --- the sum of CPU ----------------------------------------------------------------------------------- */

struct cpu_scene {
    struct fleet *fleet;
    struct server *servers[4];
    struct cpu_server cpu[FLEET_SERVERS_MAX];
    struct scale_signals g;
};

static int cpu_setup(void **state)
{
    struct cpu_scene *c = NEW(struct cpu_scene);
    c->fleet = fleet_new(1);
    struct service *shop = fleet_add_service(c->fleet, STR("shop"));
    for (int i = 0; i < 4; i++) {
        char name[16];
        struct addr none = {0};
        snprintf(name, sizeof(name), "shop-%d", i);
        c->servers[i] = fleet_add_server(c->fleet, shop, str_of(name), &none);
        atomic_store(&c->servers[i]->state, SERVER_SERVING);
    }
    *state = c;
    return 0;
}

static int cpu_teardown(void **state)
{
    struct cpu_scene *c = *state;
    fleet_free(c->fleet);
    free(c);
    return 0;
}

/* It has used so much of a core in the second that ended at now. */
static void uses(struct cpu_scene *c, int i, double cores, bool is_settled, int64_t now_ns)
{
    struct server *s = c->servers[i];
    cpu_note(&c->cpu[s->slot], s->id,
             &(struct scale_usage){.at_ns = now_ns - S, .is_known = true, .cpu_ns = 7 * S}, is_settled);
    cpu_note(&c->cpu[s->slot], s->id,
             &(struct scale_usage){.at_ns = now_ns, .is_known = true, .cpu_ns = 7 * S + (int64_t)(cores * S)},
             is_settled);
}

static double sum(struct cpu_scene *c, int64_t now_ns, uint32_t expected_servers)
{
    cpu_add_up(c->cpu, c->servers, 4, now_ns, &c->g);
    assert_int_equal(c->g.cpu_servers, expected_servers);
    return c->g.cpu_cores;
}

static void cpu_of_settled_servers_adds_up(void **state)
{
    struct cpu_scene *c = *state;
    assert_float_equal(sum(c, 100 * S, 0), 0, 0); /* nobody has told anything */
    for (int i = 0; i < 4; i++)
        uses(c, i, 0.25 * (i + 1), true, 100 * S);
    assert_float_equal(sum(c, 100 * S, 4), 2.5, 1e-6);
    atomic_store(&c->servers[0]->state, SERVER_DRAINING);
    assert_float_equal(sum(c, 100 * S, 4), 2.5, 1e-6);
    atomic_store(&c->servers[0]->state, SERVER_STOPPING);
    assert_float_equal(sum(c, 100 * S, 3), 2.25, 1e-6);
    assert_float_equal(sum(c, 100 * S + CPU_STALE_NS, 0), 0, 0); /* too long ago */
}

static void a_start_is_no_load(void **state)
{
    struct cpu_scene *c = *state;
    uses(c, 0, 0.5, true, 100 * S);
    uses(c, 1, 0.3, true, 100 * S);
    uses(c, 2, 3.0, false, 100 * S); /* new, and busy with itself */
    uses(c, 3, 0.1, false, 100 * S); /* new, and not */
    assert_float_equal(sum(c, 100 * S, 4), 0.5 + 0.3 + 0.4 + 0.1, 1e-6);
    uses(c, 0, 0.5, false, 101 * S);
    uses(c, 1, 0.3, false, 101 * S);
    assert_float_equal(sum(c, 101 * S, 0), 0, 0); /* none has settled: nothing is known */
}

static void what_is_unknown_counts_as_the_others(void **state)
{
    struct cpu_scene *c = *state;
    uses(c, 0, 0.5, true, 100 * S);
    uses(c, 1, 0.3, true, 100 * S);
    cpu_note(&c->cpu[c->servers[1]->slot], c->servers[1]->id, &(struct scale_usage){.at_ns = 102 * S}, true);
    uses(c, 0, 0.5, true, 102 * S);
    assert_float_equal(sum(c, 102 * S, 4), 4 * 0.5, 1e-6);
    /* The slot goes to another server: what was known is not its. */
    struct server *s = c->servers[0];
    cpu_note(&c->cpu[s->slot], s->id + 1,
             &(struct scale_usage){.at_ns = 103 * S, .is_known = true, .cpu_ns = 99 * S}, true);
    assert_float_equal(sum(c, 103 * S, 0), 0, 0);
}

static void a_reading_told_again_changes_nothing(void **state)
{
    struct cpu_scene *c = *state;
    uses(c, 0, 0.5, true, 100 * S);
    struct scale_usage again = c->cpu[c->servers[0]->slot].usage;
    cpu_note(&c->cpu[c->servers[0]->slot], c->servers[0]->id, &again, false);
    assert_float_equal(sum(c, 100 * S, 4), 4 * 0.5, 1e-6);
}

/* --- the ratio ------------------------------------------------------------------------------------------ */

static void the_largest_need_wins(void **state)
{
    static const struct {
        double rps, cores; /* stated */
        uint32_t cpu_servers;
        double rate, cpu; /* seen */
        enum scale_term largest;
        double servers;
    } rows[] = {
        {0, 0, 2, 100, 1.5, SCALE_TERM_WORK, 0},    {50, 0, 2, 120, 1.5, SCALE_TERM_RATE, 2.4},
        {0, 0.6, 2, 120, 1.5, SCALE_TERM_CPU, 2.5}, {50, 0.6, 2, 120, 1.5, SCALE_TERM_CPU, 2.5},
        {40, 0.6, 2, 120, 1.5, SCALE_TERM_RATE, 3}, {50, 0.6, 0, 120, 9, SCALE_TERM_RATE, 2.4},
        {0, 0.6, 0, 120, 9, SCALE_TERM_WORK, 0},    {50, 0.6, 2, 0, 0, SCALE_TERM_RATE, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct targets_state t = {0};
        struct targets_limits limits = {.requests_per_second = rows[i].rps, .cpu_cores = rows[i].cores};
        struct scale_signals g = {
            .now_ns = 1000 * S, .cpu_servers = rows[i].cpu_servers, .cpu_cores = rows[i].cpu};
        targets_observe(&t, &limits, &g);
        struct targets_need n = targets_get(&t, &limits, rows[i].rate, g.now_ns);
        enum scale_term largest = targets_largest(&n);
        if (largest != rows[i].largest)
            fail_msg("row %zu: %s", i, scale_term_name(largest));
        if (largest != SCALE_TERM_WORK)
            assert_float_equal(targets_of(&n, largest)->servers, rows[i].servers, 1e-9);
        assert_int_equal(n.is_alone, rows[i].rps > 0 || rows[i].cores > 0);
        limits.has_work = true;
        assert_false(targets_get(&t, &limits, rows[i].rate, g.now_ns).is_alone);
    }
}

static void cpu_is_a_calm_mean(void **state)
{
    struct targets_state t = {0};
    struct targets_limits limits = {.cpu_cores = 0.5};
    struct scale_signals g = {.span_ns = 100 * MS, .cpu_servers = 1};
    double lowest = 1, highest = 0;
    for (int i = 0; i < 6000; i++) {
        g.now_ns = 1000 * S + i * 100 * MS;
        g.cpu_cores = i / 10 % 2 ? 0.9 : 0.1; /* a second busy, a second idle */
        targets_observe(&t, &limits, &g);
        lowest = i > 3000 ? fmin(lowest, t.cpu_cores) : lowest;
        highest = i > 3000 ? fmax(highest, t.cpu_cores) : highest;
    }
    assert_true(lowest > 0.46 && highest < 0.54);
}

static void cpu_that_stays_unknown_is_given_up(void **state)
{
    struct targets_state t = {0};
    struct targets_limits limits = {.cpu_cores = 0.5};
    struct scale_signals g = {.now_ns = 1000 * S, .span_ns = 100 * MS};
    targets_observe(&t, &limits, &g);
    assert_true(targets_get(&t, &limits, 10, g.now_ns).is_alone); /* the first server has not settled yet */
    g.now_ns += 130 * S;
    targets_observe(&t, &limits, &g);
    assert_false(targets_get(&t, &limits, 10, g.now_ns).is_alone); /* nobody will ever tell */
    g.cpu_servers = 1;
    g.cpu_cores = 0.4;
    targets_observe(&t, &limits, &g);
    assert_true(targets_get(&t, &limits, 10, g.now_ns).is_alone);
    g.cpu_servers = 0;
    g.now_ns += 60 * S;
    targets_observe(&t, &limits, &g);
    assert_float_equal(targets_get(&t, &limits, 10, g.now_ns).cpu.servers, 0.8,
                       1e-9); /* the last mean stays */
    g.now_ns += 70 * S;
    targets_observe(&t, &limits, &g);
    assert_false(targets_get(&t, &limits, 10, g.now_ns).cpu.is_known);
    g = (struct scale_signals){.now_ns = g.now_ns + S, .cpu_servers = 1, .cpu_cores = NAN};
    targets_observe(&t, &limits, &g);
    assert_false(targets_get(&t, &limits, 10, g.now_ns).cpu.is_known);
}

/* --- stories ----------------------------------------------------------------------------------------------
 */

/* Servers that use a core for `parallel` requests, and one for their start and `burn_ns` after it. */
static struct meter {
    double used_s[SLOTS_MAX];
    int64_t born_ns[SLOTS_MAX], burn_ns;
    uint64_t id[SLOTS_MAX];
    uint32_t up_max;
} meter;

static void use_cpu(struct world *w)
{
    world_for_each_server (w, s) {
        if (meter.id[s->slot] != s->id) {
            meter.id[s->slot] = s->id;
            meter.used_s[s->slot] = 0;
            meter.born_ns[s->slot] = w->now_ns;
        }
        bool is_burning = w->now_ns - meter.born_ns[s->slot] < meter.burn_ns;
        double busy = MIN((double)server_in_flight(s) / w->parallel, 1);
        meter.used_s[s->slot] += (is_burning ? 1 : busy) * STEP_MS / 1000;
        if (w->now_ns % S == 0)
            scale_on_usage(w->scale, s,
                           &(struct scale_usage){.at_ns = w->now_ns,
                                                 .is_known = true,
                                                 .cpu_ns = (int64_t)(meter.used_s[s->slot] * S)});
    }
    meter.up_max = MAX(meter.up_max, world_up(w));
}

static int setup(void **state)
{
    static struct world w;
    world_init(&w);
    meter = (struct meter){0};
    w.config.scale.servers_max = 40;
    w.config.scale.scale_down_after_ns = 30 * S;
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    world_fini(*state);
    return 0;
}

static void run(struct world *w, double rate, int64_t for_ns)
{
    w->rate = rate;
    world_run_checked(w, for_ns, use_cpu);
}

static void state_cpu(struct world *w, double percent)
{
    w->config.scale.cpu = (struct config_cpu_target){.percent = percent, .cores = 1};
}

static void requests_per_second_decide(void **state)
{
    struct world *w = *state;
    w->config.scale.target_requests_per_second = 5; /* of the 20 that one could */
    world_begin(w);
    run(w, 48, 120 * S);
    struct scale_decision d = world_decision(w);
    assert_int_equal(d.term, SCALE_TERM_RATE);
    assert_float_equal(d.base, 9.6, 0.5);
    assert_true(d.targets.is_alone && d.forecast == 0 && d.burst == 0);
    assert_true(world_up(w) == 10 || world_up(w) == 11);
    assert_non_null(strstr(d.reason, "requests a second, of which one server should have 5"));
    run(w, 12, 90 * S);
    assert_true(world_up(w) == 3);
    assert_int_equal(w->refused + w->cut, 0);
}

static void cpu_decides(void **state)
{
    struct world *w = *state;
    state_cpu(w, 40);
    world_begin(w);
    run(w, 60, 180 * S); /* 60 x 0.2 s / 4 places = 3 cores */
    struct scale_decision d = world_decision(w);
    assert_int_equal(d.term, SCALE_TERM_CPU);
    assert_float_equal(d.targets.cpu.seen, 3, 0.3);
    assert_float_equal(d.base, 7.5, 0.8);
    assert_in_range(world_up(w), 7, 9);
    assert_non_null(strstr(d.reason, "cores in use, of which one server should have 0.4"));
    run(w, 8, 120 * S);
    assert_in_range(world_up(w), 1, 2);
}

/* With what one server carries stated too, the need is what it would be without a target, or larger. */
static void targets_beside_in_flight_only_raise(void **state)
{
    struct world *w = *state;
    w->config.scale.target_in_flight = 2;
    w->config.scale.target_requests_per_second = 60;
    world_begin(w);
    run(w, 60, 60 * S);
    struct scale_decision d = world_decision(w);
    assert_int_equal(d.term, SCALE_TERM_WORK); /* 12 in flight, two each, and room: more than 60 / 60 */
    assert_true(d.needed >= 6 && d.burst > 0);
    assert_false(d.targets.is_alone);
}

/* A rule of shares alone would grow by 1 / 0.6 a round at most: 1, 2, 4, 6, 10. The queue says at once what
 * is missing. */
static void a_full_cpu_does_not_slow_the_growth(void **state)
{
    struct world *w = *state;
    w->config.max_requests = 4;
    state_cpu(w, 60);
    world_begin(w);
    run(w, 5, 60 * S);
    assert_int_equal(world_up(w), 1);
    run(w, 160, 4 * S); /* eight servers full; at 60 % thirteen and a third */
    assert_true(world_up(w) >= 8);
    run(w, 160, 90 * S);
    assert_in_range(world_up(w), 13, 16);
    assert_int_equal(w->refused + w->cut, 0);
    run(w, 160, 60 * S);
    assert_in_range(world_up(w), 13, 15);
}

static void starts_that_burn_cpu_do_not_run_away(void **state)
{
    struct world *w = *state;
    w->config.max_requests = 4;
    w->start_delay_ns = 30 * S;
    meter.burn_ns = 60 * S; /* twice as long as they start */
    state_cpu(w, 60);
    world_begin(w);
    run(w, 30, 300 * S); /* one and a half cores: 2.5 servers */
    meter.up_max = 0;
    run(w, 42, 300 * S); /* 2.1 cores: 3.5 servers, and no more because the fourth starts */
    assert_int_equal(meter.up_max, 4);
}

/* The CPU is never used (servers wait for a database), yet servers are as many as the work needs. */
static void idle_cpus_are_no_reason_for_a_queue(void **state)
{
    struct world *w = *state;
    w->config.max_requests = 4;
    state_cpu(w, 60);
    world_begin(w);
    w->rate = 100; /* five servers full */
    for (int i = 0; i < 120; i++) {
        world_run(w, 1 * S);
        world_for_each_server (w, s)
            scale_on_usage(
                w->scale, s,
                &(struct scale_usage){.at_ns = w->now_ns, .is_known = true, .cpu_ns = w->now_ns / 50});
    }
    struct scale_decision d = world_decision(w);
    assert_int_equal(d.term, SCALE_TERM_WORK);
    assert_true(d.targets.cpu.is_known && d.targets.cpu.servers < 1);
    assert_in_range(world_up(w), 5, 7);
    assert_true(atomic_load(&w->service->queued) < 20);
}

static void constant_load_does_not_flap(void **state)
{
    struct world *w = *state;
    state_cpu(w, 50);
    w->config.scale.target_requests_per_second = 12;
    world_begin(w);
    run(w, 37, 120 * S);
    uint32_t changes = world_events(w, SCALE_EVENT_SCALE_UP) + world_events(w, SCALE_EVENT_SCALE_DOWN);
    run(w, 37, 900 * S);
    assert_true(world_events(w, SCALE_EVENT_SCALE_UP) + world_events(w, SCALE_EVENT_SCALE_DOWN) - changes <=
                2);
}

static void to_zero_with_a_target(void **state)
{
    struct world *w = *state;
    w->config.scale.servers_min = 0;
    w->config.scale.target_requests_per_second = 50;
    world_begin(w);
    run(w, 0, 10 * S);
    assert_int_equal(world_up(w), 0);
    run(w, 2, 10 * S);
    assert_int_equal(world_up(w), 1);
    run(w, 0, 60 * S);
    assert_int_equal(world_up(w), 0);
}

/* More arrivals or more CPU never give a smaller need, and nothing makes it anything but a number. */
static void need_grows_with_the_load(void **state)
{
    static const double odd[] = {0, 1e-300, 0.5, 3, 1e9, 1e300, INFINITY, NAN, -5};
    double before = 0;
    for (int load = 1; load < 200; load += 7) {
        struct policy_state p;
        policy_init(&p);
        struct policy_limits limits = {.bounds = {.servers_max = 1000},
                                       .scale_down_after_ns = 0,
                                       .queue_timeout_ns = 30 * S,
                                       .targets = {.requests_per_second = 11, .cpu_cores = 0.7}};
        struct capacity_estimate c = {
            .in_flight = 4, .service_ns = 200 * MS, .is_service_known = true, .work_share = 1};
        struct scale_signals g = {.now_ns = 1000 * S, .span_ns = 100 * MS, .in_flight = 1, .cpu_servers = 1};
        struct scale_decision d = {0};
        for (int i = 0; i < 100; i++) {
            g.now_ns += 100 * MS;
            g.arrivals = (uint64_t)load;
            g.cpu_cores = load;
            d = scale_decide(&p, &limits, &c, &g);
        }
        assert_true(d.base >= before);
        before = d.base;
        for (size_t i = 0; i < ARRAY_LEN(odd) * ARRAY_LEN(odd); i++) {
            g.now_ns += 100 * MS;
            g.cpu_cores = odd[i % ARRAY_LEN(odd)];
            limits.targets.requests_per_second = odd[i / ARRAY_LEN(odd)];
            d = scale_decide(&p, &limits, &c, &g);
            assert_true(isfinite(d.base) && d.base >= 0 && d.target <= 1000);
        }
    }
}

int main(void)
{
#define CPU(f)   cmocka_unit_test_setup_teardown(f, cpu_setup, cpu_teardown)
#define STORY(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CPU(cpu_of_settled_servers_adds_up),
        CPU(a_start_is_no_load),
        CPU(what_is_unknown_counts_as_the_others),
        CPU(a_reading_told_again_changes_nothing),
        cmocka_unit_test(the_largest_need_wins),
        cmocka_unit_test(cpu_is_a_calm_mean),
        cmocka_unit_test(cpu_that_stays_unknown_is_given_up),
        STORY(requests_per_second_decide),
        STORY(cpu_decides),
        STORY(targets_beside_in_flight_only_raise),
        STORY(a_full_cpu_does_not_slow_the_growth),
        STORY(starts_that_burn_cpu_do_not_run_away),
        STORY(idle_cpus_are_no_reason_for_a_queue),
        STORY(constant_load_does_not_flap),
        STORY(to_zero_with_a_target),
        cmocka_unit_test(need_grows_with_the_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
