/* The capacity model against servers whose law is known: K at once at full speed, the rest waits inside, or
 * all share; and against what looks like a knee and is none. */
#include <math.h>

#include "effort.h"
#include "world.h"

/* One kind of server, simulated event by event is not needed here: the mean counts of its law are. */
struct bench {
    struct capacity_model model;
    struct capacity_limits limits;
    struct random random;
    int64_t now_ns;
    double blur; /* 0..1: requests meet more and fewer than they came to, so long tells less of it */
};

static void bench_init(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    capacity_init(&b->model);
    b->now_ns = 1000 * S;
    b->random.state = 7;
}

/* Chance: about a tenth of the root of n to and fro. */
static uint64_t around(struct bench *b, double n)
{
    double deviation = sqrt(n) * (random_below(&b->random, 2001) / 1000.0 - 1);
    return (uint64_t)fmax(round(n + deviation), 0);
}

/*
 * Seconds of `servers` whose number in flight goes from one number to the next, from `low` to `high`, while
 * they work on K of them at once for service_s each; the others wait.
 */
static void load(struct bench *b, uint32_t servers, uint32_t low, uint32_t high, double knee,
                 double service_s, int seconds)
{
    for (int i = 0; i < seconds; i++) {
        b->now_ns += S;
        struct scale_levels l = {0};
        uint64_t finished = 0;
        double share = servers / (high - low + 1.0);
        for (uint32_t n = low; n <= high; n++) {
            unsigned level = level_of(n);
            double departures = share * fmin(n, knee) / service_s;
            double stretch = fmax(n / knee, 1), usual = fmax((low + high) / 2.0 / knee, 1);
            double duration_s = service_s * (stretch + b->blur * (usual - stretch));
            l.time_ns[level] += (int64_t)(share * (double)S);
            uint64_t answered = around(b, departures);
            l.departures[level] += answered;
            finished += answered;
            l.admissions[level] += (uint64_t)departures;
            l.admission_ns[level] += (uint64_t)((double)(uint64_t)departures * duration_s * (double)S);
            l.admission_logs[level] +=
                (uint64_t)departures * histogram_log_of((int64_t)(duration_s * (double)S));
        }
        l.samples = (uint64_t)servers * 10;
        struct scale_signals g = {.now_ns = b->now_ns,
                                  .span_ns = S,
                                  .in_flight = servers * (low + high) / 2,
                                  .concurrency = servers * (low + high) / 2.0,
                                  .available = servers,
                                  .finished = finished,
                                  .duration_mean_ns = (int64_t)(service_s * (double)S),
                                  .duration_quantile_ns = (int64_t)(2 * service_s * (double)S),
                                  .levels = &l};
        g.servers[SERVER_SERVING] = servers;
        capacity_observe(&b->model, &b->limits, &g);
    }
}

static struct capacity_estimate estimate(const struct bench *b)
{
    return capacity_get(&b->model, &b->limits);
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
        struct capacity_estimate e = estimate(&b);
        assert_int_equal(e.source, rows[i].source);
        assert_float_equal(e.in_flight, rows[i].in_flight, 0);
        assert_int_equal(e.service_ns, 100 * MS);
        assert_int_equal(e.limit, 0);
        load(&b, 2, 1, 3, 100, 0.25, 60);
        e = estimate(&b);
        assert_true(e.service_ns > 240 * MS && e.service_ns < 260 * MS);
        assert_float_equal(e.work_share, 1, 0.001);
    }
}

static void knee_is_found(void **state)
{
    static const uint32_t truths[] = {1, 2, 4, 10, 16, 48};
    for (size_t i = 0; i < ARRAY_LEN(truths); i++) {
        struct bench b;
        bench_init(&b);
        load(&b, 4, 1, 2 * truths[i], truths[i], 0.1, 60);
        struct capacity_estimate e = estimate(&b);
        if (fabs(e.in_flight - truths[i]) > 0.1 * truths[i])
            fail_msg("%u learned as %g", truths[i], e.in_flight);
        assert_int_equal(e.source, CAPACITY_LEARNED);
        assert_true(e.is_saturation_seen && e.low <= e.in_flight && e.high >= e.in_flight);
        assert_true(e.service_ns > 92 * MS && e.service_ns < 108 * MS);
        assert_true(e.limit > truths[i] * 0.95 && e.limit <= 1.5 * truths[i] + 1);
    }
}

/* Where all share the processor the durations blur the edge, and the pace of answers shows it. */
static void knee_is_found_where_durations_tell_little(void **state)
{
    static const uint32_t truths[] = {3, 6, 8, 12};
    for (size_t i = 0; i < ARRAY_LEN(truths); i++) {
        struct bench b;
        bench_init(&b);
        b.blur = 0.3;
        load(&b, 1, 1, truths[i] * 3 / 2, truths[i], 0.2, 120);
        if (fabs(estimate(&b).in_flight - truths[i]) > 0.1 * truths[i])
            fail_msg("%u learned as %g", truths[i], estimate(&b).in_flight);
    }
}

/* Chance alone shows it: most of the time the servers have less. */
static void a_few_looks_over_the_edge_are_enough(void **state)
{
    struct bench b;
    bench_init(&b);
    for (int i = 0; i < 30; i++) {
        load(&b, 10, 2, 4, 4, 0.1, 9);
        load(&b, 10, 4, 6, 4, 0.1, 1);
    }
    assert_float_equal(estimate(&b).in_flight, 4, 0.3);
    assert_int_equal(estimate(&b).limit, 5);
}

static void no_knee_seen_means_at_least(void **state)
{
    struct bench b;
    bench_init(&b);
    load(&b, 2, 1, 2, 1000, 0.1, 60);
    assert_float_equal(estimate(&b).in_flight, CAPACITY_START_IN_FLIGHT, 0.01);
    load(&b, 2, 8, 14, 1000, 0.1, 60);
    assert_float_equal(estimate(&b).in_flight, 14 * 1.25, 0.1); /* and a little tighter, to learn more */
    b.limits.start_time_ns = 100 * S;
    assert_float_equal(estimate(&b).in_flight, 14 * 1.025, 0.1);
    assert_false(estimate(&b).is_saturation_seen);
    assert_int_equal(estimate(&b).limit, 0);
}

/* A server flooded from its first moment: slow and wide, or quick and narrow, who knows. */
static void overload_alone_is_no_knee(void **state)
{
    struct bench b;
    bench_init(&b);
    load(&b, 4, 65, 96, 8, 0.1, 10);
    assert_false(estimate(&b).is_saturation_seen);
    assert_int_equal(estimate(&b).limit, 0);
    load(&b, 1, 1, 4, 8, 0.1, 10); /* the flood is over */
    assert_float_equal(estimate(&b).in_flight, 8, 0.8);
    assert_true(estimate(&b).service_ns > 90 * MS && estimate(&b).service_ns < 110 * MS);
}

/* Twice as many as went well, as long as it could not hurt the objective. */
static void one_server_is_filled_until_the_knee_is_known(void **state)
{
    struct bench b;
    bench_init(&b);
    assert_int_equal(estimate(&b).fill_to, 0); /* nothing has ended yet */
    load(&b, 4, 1, 6, 16, 0.1, 10);
    assert_int_equal(estimate(&b).fill_to, 12);
    b.limits.objective_ns = 300 * MS; /* p99 is 200 ms: four fifths of it allow a fifth more */
    assert_int_equal(estimate(&b).fill_to, 7);
    b.limits.objective_ns = 210 * MS;
    assert_int_equal(estimate(&b).fill_to, 0);
    b.limits.objective_ns = 0;
    b.limits.max_requests = 8;
    assert_int_equal(estimate(&b).fill_to, 0);
    b.limits.max_requests = 0;
    load(&b, 1, 1, 1, 16, 0.1, 30); /* nothing there to learn from */
    assert_int_equal(estimate(&b).fill_to, 0);
    load(&b, 4, 8, 24, 16, 0.1, 120);
    assert_true(estimate(&b).is_saturation_seen);
    assert_int_equal(estimate(&b).fill_to, 0);
}

/* Streams: more in flight brings no more answers, but nobody takes longer. Holding them back would be wrong.
 */
static void sleepers_are_no_knee(void **state)
{
    struct bench b;
    bench_init(&b);
    for (int i = 0; i < 120; i++) {
        b.now_ns += S;
        struct scale_levels l = {.samples = 20};
        unsigned level = level_of(4 + (uint32_t)i * 4);
        l.time_ns[level] = 2 * S;
        l.departures[level] = l.admissions[level] = around(&b, 100);
        l.admission_ns[level] = l.admissions[level] * 20 * MS;
        l.admission_logs[level] = l.admissions[level] * histogram_log_of(20 * MS);
        struct scale_signals g = {.now_ns = b.now_ns, .span_ns = S, .available = 2, .levels = &l};
        g.servers[SERVER_SERVING] = 2;
        capacity_observe(&b.model, &b.limits, &g);
    }
    assert_int_equal(estimate(&b).limit, 0);
    assert_true(estimate(&b).in_flight > 300);
}

static void objective_allows_less_or_more(void **state)
{
    struct bench tight, loose, impossible;
    struct bench *all[] = {&tight, &loose, &impossible};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        bench_init(all[i]);
    tight.limits.objective_ns = 400 * MS; /* 80 % of it, with p99 = 2 x mean: the mean may be 160 ms */
    loose.limits.objective_ns = 2000 * MS;
    impossible.limits.objective_ns = 10 * MS;
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        for (uint32_t k = 0; k < 20 * 14; k++) { /* up and down, slower and slower */
            uint32_t n = 1 + k % 14;
            load(all[i], 4, n, n, 1000, 0.1 * (1 + n / 10.0), 1);
        }
    assert_true(estimate(&tight).in_flight < estimate(&loose).in_flight);
    assert_true(estimate(&tight).in_flight >= 3);
    assert_true(estimate(&impossible).in_flight >= 1); /* more servers cannot help: no running away */
}

static void failing_fast_is_no_quick_work(void **state)
{
    struct bench b;
    bench_init(&b);
    for (int i = 0; i < 60; i++) {
        b.now_ns += S;
        struct scale_levels l = {.samples = 10, .errors = 40};
        l.time_ns[20] = S;
        l.departures[20] = l.admissions[20] = 100;
        struct scale_signals g = {.now_ns = b.now_ns, .span_ns = S, .available = 1, .levels = &l};
        capacity_observe(&b.model, &b.limits, &g);
    }
    assert_int_equal(estimate(&b).source, CAPACITY_START);
}

static void a_quiet_night_forgets_nothing(void **state)
{
    struct bench b;
    bench_init(&b);
    load(&b, 4, 1, 12, 6, 0.1, 60);
    load(&b, 1, 1, 1, 6, 0.1, 8 * 3600);
    assert_float_equal(estimate(&b).in_flight, 6, 0.6);
}

static void new_version_is_learned(void **state)
{
    struct bench b;
    bench_init(&b);
    load(&b, 2, 1, 16, 8, 0.1, 120);
    assert_float_equal(estimate(&b).in_flight, 8, 0.8);
    load(&b, 2, 1, 16, 4, 0.3, 300); /* slower, and fewer at once */
    assert_float_equal(estimate(&b).in_flight, 4, 0.4);
    assert_true(estimate(&b).service_ns > 270 * MS && estimate(&b).service_ns < 330 * MS);
    load(&b, 2, 1, 16, 12, 0.05, 300);
    assert_float_equal(estimate(&b).in_flight, 12, 1.2);
}

/* Eight at once behind all servers, however many there are. */
static void shared_bottleneck_is_recognised(void **state)
{
    struct bench b;
    bench_init(&b);
    load(&b, 2, 1, 4, 4, 0.2, 30);
    load(&b, 2, 6, 8, 4, 0.2, 30);
    assert_false(estimate(&b).is_bottleneck_shared);
    load(&b, 4, 6, 8, 2, 0.2, 30);
    assert_true(estimate(&b).is_bottleneck_shared);
    load(&b, 4, 1, 1, 2, 0.2, 90); /* the load went away */
    assert_false(estimate(&b).is_bottleneck_shared);
}

static void servers_of_their_own_are_no_shared_bottleneck(void **state)
{
    struct bench b;
    bench_init(&b);
    load(&b, 2, 1, 4, 4, 0.2, 30);
    for (uint32_t servers = 2; servers <= 12; servers += 2)
        load(&b, servers, 6, 8, 4, 0.2, 30);
    assert_false(estimate(&b).is_bottleneck_shared);
}

static void absurd_numbers_stay_in_bounds(void **state)
{
    struct bench b;
    bench_init(&b);
    for (int i = 0; i < EFFORT(20000); i++) {
        b.now_ns += 1 + (int64_t)(random_next(&b.random) % (5 * (uint64_t)S));
        struct scale_levels l = {.samples = random_below(&b.random, 1000),
                                 .errors = random_below(&b.random, 20)};
        for (unsigned k = 0; k < LEVEL_COUNT; k++) {
            l.time_ns[k] = (int64_t)(random_next(&b.random) >> random_below(&b.random, 63) >> 1);
            l.departures[k] = random_next(&b.random) >> random_below(&b.random, 63) >> 8;
            l.admissions[k] = random_next(&b.random) >> random_below(&b.random, 63) >> 20;
            l.admission_ns[k] = random_next(&b.random) >> random_below(&b.random, 63) >> 4;
            l.admission_logs[k] = random_next(&b.random) >> random_below(&b.random, 63) >> 10;
        }
        struct scale_signals g = {.now_ns = b.now_ns,
                                  .span_ns = (int64_t)(random_next(&b.random) % (5 * (uint64_t)S)),
                                  .concurrency = random_below(&b.random, 1000000),
                                  .finished = random_below(&b.random, 1000),
                                  .busy_ns =
                                      (int64_t)(random_next(&b.random) >> random_below(&b.random, 62) >> 2),
                                  .available = random_below(&b.random, 3),
                                  .duration_mean_ns = random_below(&b.random, 1000000),
                                  .duration_quantile_ns = (int64_t)(random_next(&b.random) >> 2),
                                  .levels = i % 3 ? &l : NULL};
        g.servers[SERVER_SERVING] = g.available;
        capacity_observe(&b.model, &b.limits, &g);
        struct capacity_estimate e = estimate(&b);
        assert_true(e.in_flight >= 1 && e.in_flight <= CAPACITY_MAX_IN_FLIGHT);
        assert_true(e.service_ns > 0 && e.work_share >= 0 && e.work_share <= 1);
        assert_true(e.limit <= 2 * CAPACITY_MAX_IN_FLIGHT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_numbers_are_taken),
        cmocka_unit_test(knee_is_found),
        cmocka_unit_test(knee_is_found_where_durations_tell_little),
        cmocka_unit_test(a_few_looks_over_the_edge_are_enough),
        cmocka_unit_test(no_knee_seen_means_at_least),
        cmocka_unit_test(overload_alone_is_no_knee),
        cmocka_unit_test(one_server_is_filled_until_the_knee_is_known),
        cmocka_unit_test(sleepers_are_no_knee),
        cmocka_unit_test(objective_allows_less_or_more),
        cmocka_unit_test(failing_fast_is_no_quick_work),
        cmocka_unit_test(a_quiet_night_forgets_nothing),
        cmocka_unit_test(new_version_is_learned),
        cmocka_unit_test(shared_bottleneck_is_recognised),
        cmocka_unit_test(servers_of_their_own_are_no_shared_bottleneck),
        cmocka_unit_test(absurd_numbers_stay_in_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
