/* The policy's rules, one table or story each. */
#include <math.h>

#include "world.h"

static struct policy_limits limits(uint32_t min, uint32_t max)
{
    return (struct policy_limits){.bounds = {.servers_min = min, .servers_max = max},
                                  .scale_down_after_ns = 60 * S,
                                  .queue_timeout_ns = 30 * S};
}

static struct capacity_estimate capacity(double in_flight, int64_t service_ns)
{
    return (struct capacity_estimate){.source = CAPACITY_IN_FLIGHT,
                                      .in_flight = in_flight,
                                      .service_ns = service_ns,
                                      .is_service_known = true,
                                      .work_share = 1};
}

struct bench {
    struct policy_state policy;
    struct policy_limits limits;
    struct capacity_estimate capacity;
    struct scale_signals g;
    struct scale_decision d;
    bool states_arrivals;
};

static void bench_init(struct bench *b, uint32_t min, uint32_t max, double in_flight)
{
    memset(b, 0, sizeof(*b));
    policy_init(&b->policy);
    b->limits = limits(min, max);
    b->capacity = capacity(in_flight, 200 * MS);
    b->g.now_ns = 1000 * S;
}

/* One tick; the servers follow the target as if they started at once. */
static void tick(struct bench *b)
{
    b->g.now_ns += 100 * MS;
    b->g.span_ns = 100 * MS;
    b->d = scale_decide(&b->policy, &b->limits, &b->capacity, &b->g);
    b->g.servers[SERVER_SERVING] = b->g.available = b->d.target;
}

/* With the arrivals that keep so much at work (Little), unless the test states its own. */
static void run(struct bench *b, uint32_t in_flight, uint32_t queued, int64_t for_ns)
{
    double due = 0;
    b->g.in_flight = in_flight;
    b->g.concurrency = in_flight;
    b->g.queued = queued;
    for (int64_t t = 0; t < for_ns; t += 100 * MS) {
        due += in_flight * b->capacity.work_share * 100.0 * MS / (double)b->capacity.service_ns;
        if (!b->states_arrivals)
            b->g.arrivals = (uint64_t)due;
        due -= floor(due);
        tick(b);
    }
}

/* What is kept for growth while none was seen and no start time is known (30 s): a tenth in a minute. */
static double unknown_growth(double load, double capacity)
{
    return load > 0 ? (load + capacity) * (exp(0.1 * sqrt(30 / 60.0)) - 1) : 0;
}

static double needed_for(double load, double capacity)
{
    double ahead = load + unknown_growth(load, capacity);
    return ceil((ahead + sqrt(ahead)) / capacity);
}

static void steady_load_needs_work_and_its_root(void **state)
{
    static const struct {
        double capacity;
        uint32_t in_flight;
    } rows[] = {{4, 0},  {4, 1},   {4, 4},     {4, 16},  {4, 100}, {1, 1}, {1, 9},
                {8, 64}, {100, 1}, {100, 100}, {2.5, 9}, {1, 0},   {4, 9}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;
        double load = rows[i].in_flight, growth = unknown_growth(load, rows[i].capacity);
        bench_init(&b, 0, 1000, rows[i].capacity);
        run(&b, rows[i].in_flight, 0, 20 * S);
        if (b.d.needed != needed_for(load, rows[i].capacity))
            fail_msg("row %zu: needed %u: %s", i, b.d.needed, b.d.reason);
        assert_int_equal(b.d.target, b.d.needed);
        assert_float_equal(b.d.base, load / rows[i].capacity, 0.02);
        assert_float_equal(b.d.forecast, growth / rows[i].capacity, 0.02);
        assert_float_equal(b.d.burst, sqrt(load + growth) / rows[i].capacity, 0.02);
    }
}

/* What comes back by a pattern is made ready for: it raises the need, and never lowers it. */
static void what_is_foreseen_is_made_ready_for(void **state)
{
    struct bench b;
    bench_init(&b, 0, 1000, 4);
    run(&b, 16, 0, 20 * S); /* 80 a second */
    double without = b.d.forecast;
    b.g.foreseen_per_s = 40;
    run(&b, 16, 0, 1 * S);
    assert_float_equal(b.d.forecast, without, 0.02);
    b.g.foreseen_per_s = 200; /* x 0.2 s = 40 at once, instead of 16 */
    run(&b, 16, 0, 1 * S);
    assert_float_equal(b.d.base, 4, 0.05);
    assert_float_equal(b.d.forecast, 6, 0.05);
    assert_int_equal(b.d.needed, ceil((40 + sqrt(40)) / 4));
    run(&b, 0, 0, 60 * S); /* also when nobody is there: servers are started before they are needed */
    assert_int_equal(b.d.needed, ceil((40 + sqrt(40)) / 4));
    b.g.foreseen_per_s = 1e300;
    tick(&b);
    assert_int_equal(b.d.target, 1000);
    b.g.foreseen_per_s = 0;
    run(&b, 0, 0, 120 * S);
    assert_int_equal(b.d.target, 0);
}

static void backlog_is_one_off_work(void **state)
{
    struct bench b;
    bench_init(&b, 0, 1000, 4);
    run(&b, 16, 100, 10 * S);
    /* 100 waiting x 0.2 s of service / (4 at once x 5 s) = 1 server, not 100 / 4. */
    assert_float_equal(b.d.backlog, 1.0, 0.01);
    assert_int_equal(b.d.clear_ns, 5 * S);
    assert_int_equal(b.d.needed, needed_for(16, 4) + 1);
}

static void backlog_near_its_deadline_hurries(void **state)
{
    struct bench b;
    bench_init(&b, 0, 1000, 4);
    b.g.queue_oldest_age_ns = 26 * S;
    run(&b, 16, 100, 10 * S);
    assert_int_equal(b.d.clear_ns, 2 * S); /* (30 - 26) / 2 */
    b.g.queue_oldest_age_ns = 29 * S;
    tick(&b);
    assert_int_equal(b.d.clear_ns, 1 * S);
    b.g.start_times = 1;
    b.g.start_time_p90_ns = 10 * S; /* no new server can save those that wait: they do not hurry it */
    tick(&b);
    assert_int_equal(b.d.clear_ns, 10 * S);
}

/* KPA's overshoot: a backlog that stays while servers start must not ask again and again. */
static void backlog_with_slow_starters_asks_once(void **state)
{
    struct bench b;
    bench_init(&b, 0, 1000, 4);
    b.g.queued = 400;
    uint32_t most = 0;
    for (int i = 0; i < 1200; i++) { /* two minutes in which nothing comes up */
        b.g.now_ns += 100 * MS;
        b.g.span_ns = 100 * MS;
        b.d = scale_decide(&b.policy, &b.limits, &b.capacity, &b.g);
        b.g.servers[SERVER_STARTING] = b.d.target;
        most = MAX(most, b.d.target);
    }
    /* 400 x 0.2 s / (4 x 5 s) = 4 servers, and 0.01 for being in use */
    assert_int_equal(most, 5);
    assert_int_equal(b.d.coming, 5);
}

static void waiting_inside_servers_is_backlog_too(void **state)
{
    struct bench b;
    bench_init(&b, 0, 1000, 4);
    b.capacity.work_share = 0.2; /* servers take five times as long as they should */
    run(&b, 100, 0, 10 * S);
    assert_float_equal(b.d.work, 20, 0.1);
    assert_float_equal(b.d.waiting, 80, 0.1);
    assert_true(b.d.needed <= 8); /* and not (100 + 10) / 4 = 28 */
}

static void what_waits_inside_is_bounded(void **state)
{
    struct bench b;
    bench_init(&b, 0, 1000, 4);
    b.capacity.work_share = 0.01; /* a database that hardly answers: 20 at work, 1980 waiting for it */
    run(&b, 2000, 0, 10 * S);
    assert_float_equal(b.d.base, 5, 0.1);
    assert_float_equal(b.d.backlog, 2.5, 0.1);
}

static void queue_shows_demand_that_servers_cap(void **state)
{
    struct bench b;
    bench_init(&b, 1, 1000, 4);
    b.states_arrivals = true;
    b.g.arrivals = 10; /* 100 a second x 0.2 s = 20 at once, but only 4 get through */
    run(&b, 4, 1, 5 * S);
    assert_float_equal(b.d.work, 20, 0.5);
    b.states_arrivals = false;
    run(&b, 4, 0, 20 * S);
    assert_float_equal(b.d.work, 4, 0.4);
}

static void up_at_once_down_after_the_window(void **state)
{
    struct bench b;
    bench_init(&b, 1, 100, 4);
    run(&b, 16, 0, 5 * S);
    assert_int_equal(b.d.target, needed_for(16, 4));
    run(&b, 48, 0, 5 * S);
    assert_int_equal(b.d.target, needed_for(48, 4));
    run(&b, 16, 0, 55 * S);
    assert_int_equal(b.d.target, needed_for(48, 4));
    assert_true(b.d.needed <= needed_for(16, 4));
    assert_int_equal(b.d.bound, SCALE_BOUND_STABLE_WINDOW);
    run(&b, 16, 0, 70 * S);
    assert_in_range(b.d.target, 5, needed_for(16, 4) + 1); /* and the room that must stay free */
}

static void no_window_means_at_once(void **state)
{
    struct bench b;
    bench_init(&b, 0, 100, 4);
    b.limits.scale_down_after_ns = 0;
    run(&b, 16, 0, 5 * S);
    run(&b, 0, 0, 10 * S);
    assert_int_equal(b.d.target, 0);
}

static void constant_load_does_not_flap(void **state)
{
    struct random random = {.state = 99};
    for (uint32_t in_flight = 1; in_flight < 40; in_flight++) {
        struct bench b;
        bench_init(&b, 1, 100, 4);
        uint32_t changes = 0;
        for (int i = 0; i < 9000; i++) { /* a quarter of an hour of +-20 % */
            b.g.in_flight = in_flight;
            b.g.concurrency = in_flight * (0.8 + random_below(&random, 400) / 1000.0);
            tick(&b);
            changes += i > 3600 && b.d.is_change;
        }
        assert_true(changes <= 2); /* a second one at most, as the forecast comes to know the noise better */
    }
}

static void to_zero_and_back(void **state)
{
    struct bench b;
    bench_init(&b, 0, 10, 4);
    tick(&b);
    assert_int_equal(b.d.target, 0);
    assert_false(b.d.is_change);
    b.states_arrivals = true;
    b.g.queued = 1;
    b.g.arrivals = 1;
    tick(&b);
    assert_int_equal(b.d.target, 1); /* in the very tick */
    assert_true(b.d.is_change);
    b.g.arrivals = 0;
    run(&b, 1, 0, 1 * S);
    run(&b, 0, 0, 58 * S);
    assert_int_equal(b.d.target, 1);
    run(&b, 0, 0, 12 * S);
    assert_int_equal(b.d.target, 0);
}

/* A request, then nobody for so long; returns how long the server was kept. */
static int64_t kept_ns(struct bench *b, int64_t gap_ns)
{
    b->g.arrivals = b->g.queued = 1;
    tick(b);
    b->g.arrivals = b->g.queued = 0;
    int64_t since_ns = b->g.now_ns, end_ns = since_ns;
    while (b->g.now_ns - since_ns < gap_ns) {
        tick(b);
        if (b->d.target == 1)
            end_ns = b->g.now_ns;
    }
    return end_ns - since_ns;
}

static void the_last_server_stays_as_the_gaps_say(void **state)
{
    struct bench b;
    bench_init(&b, 0, 10, 4);
    b.limits.scale_down_after_ns = -1;
    b.states_arrivals = true;
    b.g.start_times = 1;
    b.g.start_time_p90_ns = 5 * S;
    kept_ns(&b, 40 * S); /* nothing known: ten start times */
    assert_int_equal(b.d.target, 1);
    assert_int_equal(b.d.bound, SCALE_BOUND_IDLE);
    assert_int_equal(b.d.idle_hold_ns, 50 * S);
    run(&b, 0, 0, 9 * S);
    assert_int_equal(b.d.target, 1);
    run(&b, 0, 0, 2 * S);
    assert_int_equal(b.d.target, 0);
    for (int i = 0; i < 8; i++)
        kept_ns(&b, 300 * S);
    assert_in_range(kept_ns(&b, 100 * S), 9 * S, 15 * S); /* nobody comes back within what would pay */
    /* What people state holds: the bench's default of a minute. */
    b.limits.scale_down_after_ns = 60 * S;
    assert_in_range(kept_ns(&b, 100 * S), 58 * S, 65 * S);
}

/* Its going may cost a start from cold, however fast others start beside it. */
static void the_last_server_is_kept_by_the_cold_start(void **state)
{
    struct bench b;
    bench_init(&b, 0, 10, 4);
    b.limits.scale_down_after_ns = -1;
    b.states_arrivals = true;
    b.g.start_times = 2;
    b.g.start_time_p90_ns = 2 * S;
    kept_ns(&b, 15 * S);
    assert_int_equal(b.d.idle_hold_ns, 20 * S); /* nothing known of gaps: ten start times */
    b.g.start_time_cold_p90_ns = 2 * S;         /* alike */
    tick(&b);
    assert_int_equal(b.d.idle_hold_ns, 20 * S);
    b.g.start_time_cold_p90_ns = 6 * S;
    tick(&b);
    assert_int_equal(b.d.idle_hold_ns, 60 * S);
}

static void many_idle_servers_become_one_first(void **state)
{
    struct bench b;
    bench_init(&b, 0, 10, 4);
    b.limits.scale_down_after_ns = -1;
    b.g.start_times = 1;
    b.g.start_time_p90_ns = 30 * S;
    run(&b, 16, 0, 20 * S);
    assert_true(b.d.target > 4);
    run(&b, 0, 0, 230 * S); /* nothing known: six start times */
    assert_int_equal(b.d.target, 1);
    assert_int_equal(b.d.bound, SCALE_BOUND_IDLE);
    run(&b, 0, 0, 75 * S);
    assert_int_equal(b.d.target, 0);
}

static void run_bursts(struct bench *b, int64_t scale_down_after_ns, uint32_t min)
{
    bench_init(b, min, 1000, 4);
    b->limits.scale_down_after_ns = scale_down_after_ns;
    b->g.start_times = 1;
    b->g.start_time_median_ns = b->g.start_time_p90_ns = b->g.start_time_cold_p90_ns = 30 * S;
    for (int i = 0; i < 60; i++) {
        run(b, 16, 0, 8 * S);
        run(b, 0, 0, 22 * S);
    }
}

/* Bursts with silence between them: the next one is to be ready for while it is silent, until so many were
 * not needed for long, and the last server only as long as the gaps say. */
static void silence_makes_nothing_known_unknown(void **state)
{
    struct bench b;
    run_bursts(&b, -1, 0);
    assert_true(b.d.forecast * 4 > 8);
    assert_in_range(b.d.target, 3, 9);
    b.policy.hold.held = 0;
    run(&b, 0, 0, 60 * S); /* and not because of what was needed before */
    assert_true(b.policy.work < 0.01);
    assert_in_range(b.d.target, 3, 9);
    run(&b, 0, 0, 4000 * S);
    assert_int_equal(b.d.target, 0);
    run_bursts(&b, -1, 1);
    run(&b, 0, 0, 7200 * S);
    assert_int_equal(b.d.target, 1);
    run_bursts(&b, 10 * S, 0); /* who states when servers go has the last word */
    run(&b, 0, 0, 60 * S);
    assert_int_equal(b.d.needed, 0);
    assert_int_equal(b.d.target, 0);
}

static void wake_with_many_waiting_starts_as_many_as_needed(void **state)
{
    struct bench b;
    bench_init(&b, 0, 10, 4);
    b.g.queued = 1000; /* x 0.2 / (4 x 5) = 10 */
    tick(&b);
    assert_int_equal(b.d.needed, 11);
    assert_int_equal(b.d.target, 10);
    assert_int_equal(b.d.bound, SCALE_BOUND_MAX);
}

static void minimum_and_maximum_hold(void **state)
{
    struct bench b;
    bench_init(&b, 2, 5, 4);
    tick(&b);
    assert_int_equal(b.d.target, 2);
    assert_int_equal(b.d.bound, SCALE_BOUND_MIN);
    run(&b, 100, 0, 20 * S);
    assert_int_equal(b.d.target, 5);
    assert_int_equal(b.d.needed, needed_for(100, 4));
    assert_int_equal(b.d.bound, SCALE_BOUND_MAX);
    bench_init(&b, 3, 3, 4);
    run(&b, 100, 50, 5 * S);
    assert_int_equal(b.d.target, 3);
    run(&b, 0, 0, 100 * S);
    assert_int_equal(b.d.target, 3);
}

static void by_hand_beats_all_but_the_maximum(void **state)
{
    struct bench b;
    bench_init(&b, 2, 5, 4);
    b.limits.bounds.has_manual = true;
    b.limits.bounds.manual = 0;
    run(&b, 100, 50, 5 * S);
    assert_int_equal(b.d.target, 0);
    assert_int_equal(b.d.bound, SCALE_BOUND_MANUAL);
    b.limits.bounds.manual = 9;
    tick(&b);
    assert_int_equal(b.d.target, 5);
    b.limits.bounds.has_manual = false;
    run(&b, 0, 0, 5 * S);
    assert_int_equal(b.d.target, 5); /* the window still knows of the load */
    run(&b, 0, 0, 70 * S);
    assert_int_equal(b.d.target, 2);
}

static void never_below_what_is_in_flight(void **state)
{
    struct bench b;
    bench_init(&b, 0, 100, 4);
    b.limits.scale_down_after_ns = 0;
    run(&b, 40, 0, 5 * S);
    b.capacity.work_share = 0.1; /* overloaded: little of it is work, but it is there */
    run(&b, 40, 0, 20 * S);
    assert_true(b.d.needed < 10);
    assert_int_equal(b.d.target, 10); /* 40 / 4 */
    assert_int_equal(b.d.bound, SCALE_BOUND_IN_FLIGHT);
}

static void existing_servers_stay_for_a_window(void **state)
{
    struct bench b;
    bench_init(&b, 1, 10, 4);
    policy_note_existing(&b.policy, &b.limits, 4, b.g.now_ns);
    tick(&b);
    assert_int_equal(b.d.target, 4);
    assert_false(b.d.is_change);
    run(&b, 0, 0, 55 * S);
    assert_int_equal(b.d.target, 4);
    run(&b, 0, 0, 10 * S);
    assert_int_equal(b.d.target, 1);
}

static void more_load_never_needs_less(void **state)
{
    uint32_t before = 0;
    for (uint32_t in_flight = 0; in_flight < 3000; in_flight += 7) {
        struct bench b;
        bench_init(&b, 0, UINT32_MAX, 3.7);
        run(&b, in_flight, in_flight / 3, 2 * S);
        assert_true(b.d.needed >= before);
        before = b.d.needed;
    }
}

static void absurd_numbers_stay_numbers(void **state)
{
    struct bench b;
    bench_init(&b, 0, 64, 1);
    b.capacity.service_ns = INT64_MAX / 4;
    b.g.queue_oldest_age_ns = INT64_MAX / 2;
    b.g.arrivals = UINT64_MAX / 2;
    b.states_arrivals = true;
    run(&b, UINT32_MAX, INT32_MAX, 3 * S);
    assert_int_equal(b.d.target, 64);
    assert_true(isfinite(b.d.base) && isfinite(b.d.backlog) && isfinite(b.d.burst));
    assert_true(b.d.needed <= 3000000);
    b.g.arrivals = 0;
    b.g.queue_oldest_age_ns = 0;
    run(&b, 0, 0, 200 * S); /* and it recovers */
    assert_int_equal(b.d.target, 0);
}

static void reason_tells_the_numbers(void **state)
{
    struct bench b;
    bench_init(&b, 1, 4, 4);
    run(&b, 16, 100, 5 * S);
    assert_non_null(strstr(b.d.reason, "= 4.00 for 16.0 requests in flight"));
    assert_non_null(strstr(b.d.reason, "1.00 for 100 waiting, to be gone in 5s"));
    assert_non_null(strstr(b.d.reason, "one server carries 4.0 (in_flight); held by servers: MAX"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steady_load_needs_work_and_its_root),
        cmocka_unit_test(what_is_foreseen_is_made_ready_for),
        cmocka_unit_test(backlog_is_one_off_work),
        cmocka_unit_test(backlog_near_its_deadline_hurries),
        cmocka_unit_test(backlog_with_slow_starters_asks_once),
        cmocka_unit_test(waiting_inside_servers_is_backlog_too),
        cmocka_unit_test(what_waits_inside_is_bounded),
        cmocka_unit_test(queue_shows_demand_that_servers_cap),
        cmocka_unit_test(up_at_once_down_after_the_window),
        cmocka_unit_test(no_window_means_at_once),
        cmocka_unit_test(constant_load_does_not_flap),
        cmocka_unit_test(to_zero_and_back),
        cmocka_unit_test(the_last_server_stays_as_the_gaps_say),
        cmocka_unit_test(the_last_server_is_kept_by_the_cold_start),
        cmocka_unit_test(many_idle_servers_become_one_first),
        cmocka_unit_test(silence_makes_nothing_known_unknown),
        cmocka_unit_test(wake_with_many_waiting_starts_as_many_as_needed),
        cmocka_unit_test(minimum_and_maximum_hold),
        cmocka_unit_test(by_hand_beats_all_but_the_maximum),
        cmocka_unit_test(never_below_what_is_in_flight),
        cmocka_unit_test(existing_servers_stay_for_a_window),
        cmocka_unit_test(more_load_never_needs_less),
        cmocka_unit_test(absurd_numbers_stay_numbers),
        cmocka_unit_test(reason_tells_the_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
