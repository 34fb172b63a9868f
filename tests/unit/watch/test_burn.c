/* Burn rates against cases worked out by hand from the table of the SRE workbook. The clock is virtual. */
#include "watch/burn.h"

#include "base/clock.h"
#include "base/macros.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MINUTE_NS (60 * NS_PER_S)
#define HOUR_NS   (60 * MINUTE_NS)
#define DAY_NS    (24 * HOUR_NS)
#define START_NS  (1000 * DAY_NS + 17 * NS_PER_S) /* not at the beginning of a minute */

static const struct burn_objective three_nines = {.budget = 0.001, .period_ns = 30 * DAY_NS, .bad_min = 10};

/* Each second so many requests, a share of them bad. Returns the time after it. */
static int64_t run(struct burn *b, int64_t from_ns, int64_t seconds, uint64_t requests, uint64_t bad)
{
    for (int64_t s = 1; s <= seconds; s++)
        burn_add(b, requests, bad, from_ns + s * NS_PER_S);
    return from_ns + seconds * NS_PER_S;
}

static double rate(const struct burn *b, enum burn_window w, const struct burn_objective *o, int64_t now_ns)
{
    struct reading r = burn_rate(b, w, o, now_ns);
    return r.is_known ? r.value : NAN;
}

static void assert_near(double value, double wanted, double within)
{
    if (!(fabs(value - wanted) <= within))
        fail_msg("%g is not %g", value, wanted);
}

static void factors_of_the_table(void **state)
{
    static const struct {
        double share;
        int64_t period_ns, window_ns;
        double factor;
    } rows[] = {
        {0.02, 30 * DAY_NS, HOUR_NS, 14.4}, {0.05, 30 * DAY_NS, 6 * HOUR_NS, 6},
        {0.10, 30 * DAY_NS, DAY_NS, 3},     {0.10, 30 * DAY_NS, 3 * DAY_NS, 1},
        {0.02, 7 * DAY_NS, HOUR_NS, 3.36},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_near(burn_factor(rows[i].share, rows[i].period_ns, rows[i].window_ns), rows[i].factor, 1e-12);
}

/* 0.0144 * 3600 = 51.84 s of an outage are 2 % of the budget of 30 days. */
static void a_total_outage_trips_the_first_row_after_52_s(void **state)
{
    struct burn *b = burn_new(START_NS);
    int64_t now_ns = run(b, START_NS, 4 * 3600, 10, 0), first_s = 0;
    assert_near(rate(b, BURN_WINDOW_1H, &three_nines, now_ns), 0, 0);
    for (int64_t s = 1; s <= 60 && first_s == 0; s++) {
        now_ns = run(b, now_ns, 1, 10, 10);
        bool is_tripped = rate(b, BURN_WINDOW_1H, &three_nines, now_ns) > 14.4 &&
                          rate(b, BURN_WINDOW_5M, &three_nines, now_ns) > 14.4;
        first_s = is_tripped ? s : 0;
    }
    assert_int_equal(first_s, 52);
    /* It is quickly over: after five minutes without errors, and the minute that they are counted by, the
     * short window has none. */
    now_ns = run(b, now_ns, 240, 10, 0);
    assert_true(rate(b, BURN_WINDOW_5M, &three_nines, now_ns) > 14.4);
    now_ns = run(b, now_ns, 120, 10, 0);
    assert_near(rate(b, BURN_WINDOW_5M, &three_nines, now_ns), 0, 0);
    assert_true(rate(b, BURN_WINDOW_1H, &three_nines, now_ns) > 14.4);
    burn_free(b);
}

/* Of steady errors every window says the same: their share over the budget. */
static void steady_errors_burn_alike_in_all_windows(void **state)
{
    struct burn *b = burn_new(START_NS);
    int64_t now_ns = START_NS;
    for (int64_t minute = 0; minute < BURN_MINUTES + 100; minute++) {
        now_ns += MINUTE_NS;
        burn_add(b, 10000, 60, now_ns); /* 0.6 % of a budget of 0.1 %: 6 */
    }
    for (int w = 0; w < BURN_WINDOW_COUNT; w++)
        assert_near(rate(b, (enum burn_window)w, &three_nines, now_ns), 6, 1e-9);
    /* Five days of a week at six times the budget... are 3 of 30 here: 72 h * 6 / 720 h = 60 % used. */
    assert_near(burn_budget_left(b, &three_nines, now_ns).value, 100 * (1 - 6.0),
                1e-6); /* by the requests there were */
    burn_free(b);
}

/* Each row of the table, just below and just above: a share of errors in the long window that began at its
 * end. */
static void each_row_trips_at_its_share_of_the_budget(void **state)
{
    static const struct {
        enum burn_window window;
        int64_t window_minutes;
        double factor;
    } rows[] = {{BURN_WINDOW_1H, 60, 14.4},
                {BURN_WINDOW_6H, 360, 6},
                {BURN_WINDOW_1D, 1440, 3},
                {BURN_WINDOW_3D, 4320, 1}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int is_above = 0; is_above <= 1; is_above++) {
            struct burn *b = burn_new(START_NS);
            int64_t now_ns = START_NS;
            uint64_t bad = (uint64_t)(rows[i].factor * 100) + (is_above ? 1 : 0); /* of 100000 a minute */
            for (int64_t minute = 0; minute < rows[i].window_minutes; minute++)
                burn_add(b, 100000, bad, now_ns += MINUTE_NS);
            double burn = rate(b, rows[i].window, &three_nines, now_ns);
            assert_true(is_above ? burn > rows[i].factor : burn <= rows[i].factor * (1 + 1e-12));
            burn_free(b);
        }
}

/* A period of 7 days: 1 h at 3.36 is 2 % of its budget, and shows as 14.4. */
static void another_period_has_the_same_rule(void **state)
{
    const struct burn_objective week = {.budget = 0.001, .period_ns = 7 * DAY_NS, .bad_min = 10};
    struct burn *b = burn_new(START_NS);
    int64_t now_ns = START_NS;
    for (int minute = 0; minute < 60; minute++)
        burn_add(b, 100000, 336, now_ns += MINUTE_NS);
    assert_near(rate(b, BURN_WINDOW_1H, &week, now_ns), 14.4, 1e-9);
    burn_free(b);
}

/* One failure among ten requests would burn 100 times too fast. */
static void little_traffic_is_not_told(void **state)
{
    struct burn *b = burn_new(START_NS);
    int64_t now_ns = START_NS + MINUTE_NS;
    struct reading none = burn_rate(b, BURN_WINDOW_1H, &three_nines, now_ns);
    assert_false(none.is_known);
    assert_string_equal(none.why_unknown, "no requests");
    burn_add(b, 10, 1, now_ns);
    struct reading few = burn_rate(b, BURN_WINDOW_1H, &three_nines, now_ns);
    assert_false(few.is_known);
    assert_string_equal(few.why_unknown, "not enough traffic");
    assert_false(burn_budget_left(b, &three_nines, now_ns).is_known);
    burn_add(b, 90, 9, now_ns); /* the tenth */
    assert_near(rate(b, BURN_WINDOW_1H, &three_nines, now_ns), 100, 1e-9);
    assert_near(burn_budget_left(b, &three_nines, now_ns).value, -9900, 1e-6);
    /* Little, but well within the budget: that can be told. */
    struct burn *good = burn_new(START_NS);
    burn_add(good, 10, 0, now_ns);
    assert_near(rate(good, BURN_WINDOW_1H, &three_nines, now_ns), 0, 0);
    burn_free(good);
    burn_free(b);
}

/* The short window is told by what the long one of its pair has. */
static void the_guard_looks_at_the_long_window(void **state)
{
    struct burn *b = burn_new(START_NS);
    int64_t now_ns = START_NS + MINUTE_NS;
    burn_add(b, 100, 9, now_ns);
    now_ns += 20 * MINUTE_NS;
    burn_add(b, 100, 1, now_ns);
    assert_near(rate(b, BURN_WINDOW_5M, &three_nines, now_ns), 10, 1e-9); /* 10 bad within the hour */
    now_ns += 45 * MINUTE_NS;
    burn_add(b, 100, 1, now_ns); /* 2 within the hour, 11 within six */
    assert_true(isnan(rate(b, BURN_WINDOW_5M, &three_nines, now_ns)));
    assert_near(rate(b, BURN_WINDOW_30M, &three_nines, now_ns), 10, 1e-9);
    burn_free(b);
}

/* A gap (the worker was away, the machine slept) is time without requests; what is older than the window
 * leaves it. */
static void gaps_are_time_without_requests(void **state)
{
    struct burn *b = burn_new(START_NS);
    int64_t now_ns = run(b, START_NS, 600, 10, 10);
    now_ns += 30 * MINUTE_NS;
    burn_add(b, 10, 0, now_ns);
    assert_near(burn_count(b, 60, now_ns).total, 6010, 1e-9);
    assert_near(burn_count(b, 60, now_ns).bad, 6000, 1e-9);
    assert_near(rate(b, BURN_WINDOW_5M, &three_nines, now_ns), 0, 0);
    now_ns += 2 * DAY_NS;
    burn_add(b, 10, 0, now_ns);
    assert_near(burn_count(b, 60, now_ns).bad, 0, 0);
    assert_near(rate(b, BURN_WINDOW_3D, &three_nines, now_ns), 6000.0 / 6020 / 0.001, 1e-6);
    now_ns += 400 * DAY_NS; /* longer than anything is kept */
    burn_add(b, 10, 0, now_ns);
    assert_near(burn_count(b, BURN_MINUTES, now_ns).total, 10, 0);
    assert_near(burn_budget_left(b, &three_nines, now_ns).value, 100, 0);
    burn_free(b);
}

/* What is restored by the minute gives the same rates as what was never lost. */
static void a_restart_changes_nothing(void **state)
{
    struct burn *b = burn_new(START_NS), *after = burn_new(START_NS + 5 * DAY_NS);
    int64_t now_ns = START_NS;
    for (int64_t minute = 0; minute < 5 * 24 * 60; minute++)
        burn_add(b, 1000 + (uint64_t)(minute % 7), (uint64_t)(minute % 5), now_ns += MINUTE_NS);
    for (uint32_t ago = 0; ago <= BURN_MINUTES; ago++) {
        struct burn_count minute = burn_minute(b, ago, now_ns);
        burn_restore(after, ago, (uint64_t)minute.total, (uint64_t)minute.bad, now_ns);
    }
    now_ns += 90 * NS_PER_S;
    burn_add(b, 500, 400, now_ns);
    burn_add(after, 500, 400, now_ns);
    for (int w = 0; w < BURN_WINDOW_COUNT; w++) {
        double before = rate(b, (enum burn_window)w, &three_nines, now_ns);
        assert_near(rate(after, (enum burn_window)w, &three_nines, now_ns), before, before * 1e-12);
    }
    burn_free(b);
    burn_free(after);
}

/* The running sums are what adding up gives, at any moment. */
static void running_sums_are_the_sums(void **state)
{
    static const uint32_t minutes[] = {5, 30, 60, 120, 360, 1440, 4320};
    const struct burn_objective all = {.budget = 1, .period_ns = 30 * DAY_NS, .bad_min = 1};
    struct burn *b = burn_new(START_NS);
    int64_t now_ns = START_NS;
    uint64_t seed = 7;
    for (int i = 0; i < 6000; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1;
        now_ns += (int64_t)(seed >> 40) % (i % 500 == 0 ? 200 : 2) * MINUTE_NS +
                  (int64_t)(seed >> 45) % (60 * NS_PER_S);
        burn_add(b, 10 + (seed >> 50) % 100, (seed >> 52) % 10, now_ns);
        if (i % 97)
            continue;
        for (int w = 0; w < BURN_WINDOW_COUNT; w++) {
            struct burn_count count = burn_count(b, minutes[w], now_ns);
            assert_near(rate(b, (enum burn_window)w, &all, now_ns), count.bad / count.total, 1e-12);
        }
    }
    burn_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(factors_of_the_table),
        cmocka_unit_test(a_total_outage_trips_the_first_row_after_52_s),
        cmocka_unit_test(steady_errors_burn_alike_in_all_windows),
        cmocka_unit_test(each_row_trips_at_its_share_of_the_budget),
        cmocka_unit_test(another_period_has_the_same_rule),
        cmocka_unit_test(little_traffic_is_not_told),
        cmocka_unit_test(the_guard_looks_at_the_long_window),
        cmocka_unit_test(gaps_are_time_without_requests),
        cmocka_unit_test(a_restart_changes_nothing),
        cmocka_unit_test(running_sums_are_the_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
