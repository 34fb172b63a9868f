/* The capacity model against servers whose law is known: n at once at full speed, the rest waits inside. */
#include <math.h>

#include "world.h"

struct bench {
    struct capacity_model model;
    struct capacity_limits limits;
    int64_t now_ns;
};

static void bench_init(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    capacity_init(&b->model);
    b->now_ns = 1000 * S;
}

/* Some seconds of steady load of in_flight for each of `servers`, each request taking duration_ns. */
static void observe(struct bench *b, uint32_t servers, double in_flight, double duration_ns, int seconds)
{
    for (int i = 0; i < seconds * 10; i++) {
        b->now_ns += 100 * MS;
        double finished = servers * in_flight / duration_ns * 100 * MS;
        struct scale_signals g = {.now_ns = b->now_ns,
                                  .span_ns = 100 * MS,
                                  .in_flight = (uint32_t)(servers * in_flight),
                                  .concurrency = servers * in_flight,
                                  .finished = (uint64_t)(finished * (i + 1)) - (uint64_t)(finished * i),
                                  .available = servers,
                                  .duration_mean_ns = (int64_t)duration_ns,
                                  .duration_quantile_ns = (int64_t)(2 * duration_ns)};
        g.busy_ns = (int64_t)((double)g.finished * duration_ns);
        g.servers[SERVER_SERVING] = servers;
        capacity_observe(&b->model, &b->limits, &g);
    }
}

/* The law: `parallel` at once take base_ns, more of them wait. */
static void load(struct bench *b, uint32_t servers, double in_flight, double parallel, int64_t base_ns,
                 int seconds)
{
    observe(b, servers, in_flight, (double)base_ns * fmax(in_flight / parallel, 1), seconds);
}

static double capacity_of(const struct bench *b)
{
    return capacity_get(&b->model, &b->limits).in_flight;
}

static void given_numbers_are_taken(void **state)
{
    static const struct {
        uint32_t max_requests, target, in_flight;
        enum capacity_source source;
    } rows[] = {
        {0, 0, CAPACITY_START_IN_FLIGHT, CAPACITY_START},
        {1, 0, 1, CAPACITY_MAX_REQUESTS},
        {16, 0, 16, CAPACITY_MAX_REQUESTS},
        {0, 8, 8, CAPACITY_IN_FLIGHT},
        {16, 8, 8, CAPACITY_IN_FLIGHT},
        {4, 8, 4, CAPACITY_MAX_REQUESTS},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;
        bench_init(&b);
        b.limits = (struct capacity_limits){.max_requests = rows[i].max_requests,
                                            .target_in_flight = rows[i].target};
        struct capacity_estimate e = capacity_get(&b.model, &b.limits);
        assert_int_equal(e.source, rows[i].source);
        assert_float_equal(e.in_flight, rows[i].in_flight, 0);
        assert_int_equal(e.service_ns, 100 * MS);
        load(&b, 2, 3, 100, 250 * MS, 20);
        e = capacity_get(&b.model, &b.limits);
        assert_true(e.service_ns > 240 * MS && e.service_ns < 260 * MS);
        assert_float_equal(e.work_share, 1, 0.001);
    }
}

static void ceiling_is_found(void **state)
{
    static const double truths[] = {1, 2, 4, 10, 50};
    for (size_t i = 0; i < ARRAY_LEN(truths); i++) {
        struct bench b;
        bench_init(&b);
        for (double share = 0.2; share < 3; share *= 1.5)
            load(&b, 3, share * truths[i], truths[i], 100 * MS, 20);
        load(&b, 3, 3 * truths[i], truths[i], 100 * MS, 20);
        if (fabs(capacity_of(&b) - truths[i]) > 0.1 * truths[i])
            fail_msg("%g learned as %g", truths[i], capacity_of(&b));
        struct capacity_estimate e = capacity_get(&b.model, &b.limits);
        assert_true(e.is_saturation_seen);
        assert_true(e.service_ns > 95 * MS && e.service_ns < 105 * MS);
        assert_float_equal(e.work_share, 1.0 / 3, 0.03); /* two of three in flight only wait */
    }
}

/* Two levels are enough: idle and overloaded, nothing between. */
static void jump_from_idle_to_overload_tells_it(void **state)
{
    struct bench b;
    bench_init(&b);
    load(&b, 1, 0.5, 6, 100 * MS, 20);
    load(&b, 1, 9, 6, 100 * MS, 20);
    assert_true(capacity_of(&b) > 4.5 && capacity_of(&b) < 6.5);
}

static void no_ceiling_seen_means_at_least(void **state)
{
    struct bench b;
    bench_init(&b);
    load(&b, 1, 1, 1000, 100 * MS, 20);
    assert_float_equal(capacity_of(&b), CAPACITY_START_IN_FLIGHT, 0.01);
    load(&b, 1, 40, 1000, 100 * MS, 30);
    assert_float_equal(capacity_of(&b), 70, 0.5); /* three quarters more than seen */
    assert_false(capacity_get(&b.model, &b.limits).is_saturation_seen);
}

static void flat_everywhere_looks_below(void **state)
{
    struct bench b;
    bench_init(&b);
    load(&b, 1, 24, 1, 100 * MS, 20); /* never was anything but overloaded */
    load(&b, 2, 12, 1, 100 * MS, 20);
    assert_true(capacity_of(&b) <= 6.1);
    assert_float_equal(capacity_get(&b.model, &b.limits).work_share, 1, 0.001);
    load(&b, 4, 6, 1, 100 * MS, 20);
    load(&b, 8, 3, 1, 100 * MS, 20);
    load(&b, 16, 1.5, 1, 100 * MS, 20);
    load(&b, 24, 1, 1, 100 * MS, 20);
    load(&b, 30, 0.8, 1, 100 * MS, 20);
    assert_true(capacity_of(&b) < 1.6);
}

static void objective_allows_less_or_more(void **state)
{
    struct bench tight, loose, impossible;
    bench_init(&tight);
    bench_init(&loose);
    bench_init(&impossible);
    tight.limits.objective_ns = 300 * MS; /* p99 = 2 x mean here: the mean may be 120 ms */
    loose.limits.objective_ns = 2000 * MS;
    impossible.limits.objective_ns = 10 * MS;
    struct bench *all[] = {&tight, &loose, &impossible};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        for (double in_flight = 0.5; in_flight < 20; in_flight *= 1.41)
            observe(all[i], 2, in_flight, 100 * MS * (1 + in_flight / 10), 20); /* slower and slower */
    assert_true(capacity_of(&tight) < capacity_of(&loose));
    assert_true(capacity_of(&tight) >= 1);
    assert_true(capacity_of(&impossible) >= 1); /* more servers cannot help: no running away */
}

static void unsteady_and_failing_windows_teach_nothing(void **state)
{
    struct bench b;
    bench_init(&b);
    for (int i = 0; i < 600; i++) {
        b.now_ns += 100 * MS;
        struct scale_signals g = {.now_ns = b.now_ns,
                                  .span_ns = 100 * MS,
                                  .in_flight = 50,
                                  .concurrency = 50,
                                  .finished = 100,
                                  .errors = i < 300 ? 50 : 0,
                                  .available = 1,
                                  /* errors at first; then far less busy than in flight: load on the rise */
                                  .busy_ns = i < 300 ? 5000 * MS : 500 * MS};
        g.servers[SERVER_SERVING] = 1;
        capacity_observe(&b.model, &b.limits, &g);
    }
    assert_int_equal(capacity_get(&b.model, &b.limits).source, CAPACITY_START);
}

static void old_ceilings_are_forgotten(void **state)
{
    struct bench b;
    bench_init(&b);
    load(&b, 1, 0.5, 2, 100 * MS, 20);
    load(&b, 1, 6, 2, 100 * MS, 20); /* a bad minute */
    assert_true(capacity_of(&b) < 2.6);
    load(&b, 1, 2, 100, 100 * MS, 700); /* all well since */
    double before = capacity_of(&b);
    assert_true(before > 2.2);
    load(&b, 1, 3, 100, 100 * MS, 30);
    load(&b, 1, 6, 100, 100 * MS, 30);
    assert_true(capacity_of(&b) > 6);
}

static void new_version_is_learned(void **state)
{
    struct bench b;
    bench_init(&b);
    for (double in_flight = 0.5; in_flight < 16; in_flight *= 1.41)
        load(&b, 2, in_flight, 8, 100 * MS, 20);
    assert_true(fabs(capacity_of(&b) - 8) < 1);
    for (double in_flight = 0.5; in_flight < 16; in_flight *= 1.41)
        load(&b, 2, in_flight, 4, 300 * MS, 30); /* slower, and fewer at once */
    assert_true(fabs(capacity_of(&b) - 4) < 0.8);
    assert_true(capacity_get(&b.model, &b.limits).service_ns > 280 * MS);
}

static void absurd_numbers_stay_in_bounds(void **state)
{
    struct bench b;
    bench_init(&b);
    struct random random = {.state = 5};
    for (int i = 0; i < 100000; i++) {
        b.now_ns += 1 + (int64_t)(random_next(&random) % (5 * (uint64_t)S));
        struct scale_signals g = {.now_ns = b.now_ns,
                                  .span_ns = (int64_t)(random_next(&random) % (5 * (uint64_t)S)),
                                  .concurrency = random_below(&random, 1000000),
                                  .finished = random_below(&random, 1000),
                                  .errors = random_below(&random, 50),
                                  .busy_ns =
                                      (int64_t)(random_next(&random) >> random_below(&random, 62) >> 2),
                                  .available = random_below(&random, 3),
                                  .duration_mean_ns = random_below(&random, 1000000),
                                  .duration_quantile_ns = (int64_t)(random_next(&random) >> 2)};
        g.servers[SERVER_SERVING] = g.available;
        capacity_observe(&b.model, &b.limits, &g);
        struct capacity_estimate e = capacity_get(&b.model, &b.limits);
        assert_true(e.in_flight >= 1 && e.in_flight <= CAPACITY_MAX_IN_FLIGHT);
        assert_true(e.service_ns > 0 && e.work_share >= 0 && e.work_share <= 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_numbers_are_taken),
        cmocka_unit_test(ceiling_is_found),
        cmocka_unit_test(jump_from_idle_to_overload_tells_it),
        cmocka_unit_test(no_ceiling_seen_means_at_least),
        cmocka_unit_test(flat_everywhere_looks_below),
        cmocka_unit_test(objective_allows_less_or_more),
        cmocka_unit_test(unsteady_and_failing_windows_teach_nothing),
        cmocka_unit_test(old_ceilings_are_forgotten),
        cmocka_unit_test(new_version_is_learned),
        cmocka_unit_test(absurd_numbers_stay_in_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
