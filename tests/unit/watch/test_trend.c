/* When a file system will be full, and what grew within half an hour: on a virtual clock. */
#include "watch/recent.h"
#include "watch/trend.h"

#include "base/clock.h"
#include "base/macros.h"

#include <math.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE (60 * NS_PER_S)
#define HOUR   (60 * MINUTE)

/* A value a second from `from` on. */
static void feed(struct trend *t, int64_t from_ns, int64_t for_ns, double (*value)(int64_t at_ns))
{
    for (int64_t at_ns = from_ns; at_ns <= from_ns + for_ns; at_ns += NS_PER_S)
        trend_add(t, value(at_ns), at_ns);
}

static double one_a_second(int64_t at_ns)
{
    return (double)at_ns / 1e9;
}

static double shrinking(int64_t at_ns)
{
    return 1e9 - (double)at_ns / 1e9;
}

/* It fills, but a log of 5000 is rotated away every 20 minutes, and for ten minutes something huge was there.
 */
static double sawtooth_and_burst(int64_t at_ns)
{
    double seconds = (double)at_ns / 1e9, in_period = fmod(seconds, 1200);
    bool is_burst = at_ns > 2 * HOUR && at_ns < 2 * HOUR + 10 * MINUTE;
    return seconds + in_period * 4 + (is_burst ? 1e6 : 0);
}

static double still(int64_t at_ns)
{
    return 7;
}

static bool is_about(struct reading r, double expected, double share)
{
    return r.is_known && fabs(r.value - expected) <= expected * share;
}

static void test_too_little_data(void **state)
{
    struct trend t = {0};
    assert_false(trend_seconds_left(&t, 100, NS_PER_S).is_known);
    feed(&t, NS_PER_S, TREND_LEAST_NS - MINUTE, one_a_second);
    assert_false(trend_seconds_left(&t, 100, TREND_LEAST_NS).is_known);
    feed(&t, TREND_LEAST_NS, MINUTE, one_a_second);
    /* Five minutes and more: a forecast of a few minutes is good, one of a day is not. */
    assert_true(is_about(trend_seconds_left(&t, 600, TREND_LEAST_NS + MINUTE), 600, 0.001));
    assert_false(trend_seconds_left(&t, 86400, TREND_LEAST_NS + MINUTE).is_known);
}

static void test_steady_growth(void **state)
{
    struct trend t = {0};
    feed(&t, NS_PER_S, 3 * HOUR, one_a_second);
    assert_true(t.count >= TREND_POINTS_MAX / 2 - 1 && t.count <= TREND_POINTS_MAX);
    assert_true(is_about(trend_seconds_left(&t, 4 * 3600, 3 * HOUR), 4 * 3600, 0.001));
    assert_true(is_about(trend_seconds_left(&t, 0, 3 * HOUR), 0, 0));
    feed(&t, 3 * HOUR + NS_PER_S, 9 * HOUR, one_a_second);
    assert_true(t.count <= TREND_POINTS_MAX);
    assert_true(t.points[t.count - 1].at_ns - t.points[0].at_ns <= TREND_WINDOW_NS);
    assert_true(is_about(trend_seconds_left(&t, 30 * 86400, 12 * HOUR), 30 * 86400,
                         0.001)); /* all data there can be */
    assert_true(trend_seconds_left(&t, 1e12, 12 * HOUR).value == TREND_NEVER_S);
    assert_false(trend_seconds_left(&t, 600, 13 * HOUR).is_known); /* nothing came for an hour */
}

static void test_what_does_not_fill(void **state)
{
    struct trend down = {0}, flat = {0};
    feed(&down, NS_PER_S, HOUR, shrinking);
    feed(&flat, NS_PER_S, HOUR, still);
    assert_true(trend_seconds_left(&down, 5, HOUR).value == TREND_NEVER_S);
    assert_true(trend_seconds_left(&flat, 0, HOUR).value ==
                TREND_NEVER_S); /* full for long: the level tells */
}

static void test_bursts_do_not_count(void **state)
{
    struct trend t = {0};
    feed(&t, NS_PER_S, 6 * HOUR, sawtooth_and_burst);
    assert_true(is_about(trend_seconds_left(&t, 3600, 6 * HOUR), 3600, 0.25));
}

static void test_recent(void **state)
{
    struct recent r = {0};
    struct reading unknown = reading_unknown("gone");
    assert_true(recent_add(&r, reading_known(26), NS_PER_S).value == 0); /* when those were is not known */
    assert_true(recent_add(&r, reading_known(27), 5 * MINUTE).value == 1);
    assert_true(recent_add(&r, reading_known(29), 20 * MINUTE).value == 3);
    assert_false(recent_add(&r, unknown, 21 * MINUTE).is_known);
    assert_true(recent_add(&r, reading_known(30), 22 * MINUTE).value == 4); /* what came meanwhile counts */
    assert_true(recent_add(&r, reading_known(30), 36 * MINUTE).value == 3);
    assert_true(recent_add(&r, reading_known(2), 37 * MINUTE).value == 3); /* another group: begins anew */
    assert_true(recent_add(&r, reading_known(3), 38 * MINUTE).value == 4);
    assert_true(recent_add(&r, reading_known(3), 53 * MINUTE).value == 1);
    assert_true(recent_add(&r, reading_known(3), 500 * MINUTE).value == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_too_little_data),
        cmocka_unit_test(test_steady_growth),
        cmocka_unit_test(test_what_does_not_fill),
        cmocka_unit_test(test_bursts_do_not_count),
        cmocka_unit_test(test_recent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
