/* The rate of arrivals: calm while it is steady, quick when it changes, told apart from chance. */
#include "scale/demand.h"

#include "base/clock.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants those before it. */
#include <cmocka.h>
#include <math.h>

#define STEP_NS (DEMAND_STEP_MS * NS_PER_MS)

struct bench {
    struct demand demand;
    struct random random;
    int64_t now_ns;
};

static void bench_init(struct bench *b)
{
    *b = (struct bench){.random.state = 3, .now_ns = 1000 * NS_PER_S};
    demand_init(&b->demand);
}

/* Random arrivals: many chances, each small. */
static void arrive(struct bench *b, double per_s, int seconds)
{
    for (int i = 0; i < seconds * 10; i++) {
        uint64_t arrivals = 0;
        for (int k = 0; k < 1000; k++)
            arrivals += random_below(&b->random, 1000000) < per_s * 100;
        b->now_ns += STEP_NS;
        demand_note(&b->demand, arrivals, b->now_ns);
    }
}

static void nothing_is_known_before_the_first_second(void **state)
{
    struct bench b;
    bench_init(&b);
    assert_float_equal(demand_rate(&b.demand, NS_PER_S), 0, 0);
    demand_note(&b.demand, 50, b.now_ns + STEP_NS);
    assert_float_equal(demand_rate(&b.demand, NS_PER_S), 0, 0);
}

/* The mean of one second would be off by 5 % half of the time. */
static void a_steady_rate_is_calm(void **state)
{
    struct bench b;
    bench_init(&b);
    arrive(&b, 200, 130);
    for (int i = 0; i < 60; i++) {
        arrive(&b, 200, 1);
        assert_true(fabs(demand_rate(&b.demand, NS_PER_S) - 200) < 8);
    }
    assert_true(b.demand.dispersion < 1.5);
}

static void a_surge_is_followed_within_seconds_and_so_is_its_end(void **state)
{
    struct bench b;
    bench_init(&b);
    arrive(&b, 200, 130);
    arrive(&b, 600, 2);
    assert_true(demand_rate(&b.demand, NS_PER_S) > 500);
    arrive(&b, 600, 60);
    arrive(&b, 100, 2);
    assert_true(demand_rate(&b.demand, NS_PER_S) < 170);
}

/* Who cannot act within the window does not look at less. */
static void short_windows_are_not_looked_at_where_asked(void **state)
{
    struct bench b;
    bench_init(&b);
    arrive(&b, 200, 130);
    arrive(&b, 600, 2);
    assert_true(demand_rate(&b.demand, 16 * NS_PER_S) < 300);
}

static void quiet_time_without_calls_counts(void **state)
{
    struct bench b;
    bench_init(&b);
    arrive(&b, 200, 30);
    b.now_ns += 20 * NS_PER_S;
    demand_note(&b.demand, 0, b.now_ns);
    assert_float_equal(demand_rate(&b.demand, NS_PER_S), 0, 0.01);
    b.now_ns += 3600 * NS_PER_S; /* longer than all that is kept */
    demand_note(&b.demand, 0, b.now_ns);
    assert_float_equal(demand_rate(&b.demand, NS_PER_S), 0, 0.01);
    arrive(&b, 50, 130);
    assert_true(fabs(demand_rate(&b.demand, NS_PER_S) - 50) < 5);
}

/* Arrivals in bunches vary more: what would be a surge among random ones is none here. */
static void bunches_are_learned(void **state)
{
    struct bench b;
    bench_init(&b);
    for (int i = 0; i < 6000; i++) {
        b.now_ns += STEP_NS;
        demand_note(&b.demand, random_below(&b.random, 20) == 0 ? 40 : 0, b.now_ns);
    }
    assert_true(b.demand.dispersion > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_before_the_first_second),
        cmocka_unit_test(a_steady_rate_is_calm),
        cmocka_unit_test(a_surge_is_followed_within_seconds_and_so_is_its_end),
        cmocka_unit_test(short_windows_are_not_looked_at_where_asked),
        cmocka_unit_test(quiet_time_without_calls_counts),
        cmocka_unit_test(bunches_are_learned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
