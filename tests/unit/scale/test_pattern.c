/* pattern.c: what comes back is found, is heard only while it pays, and outlives gaps and restarts. */
#include "scale/pattern.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "effort.h"

#define MINUTE  (60 * NS_PER_S)
#define BEGIN   (INT64_C(978307200) * NS_PER_S) /* a Monday, 00:00 UTC */
#define HORIZON (120 * NS_PER_S)
enum { DAY_MINUTES = 1440 };

static int setup(void **state)
{
    *state = pattern_new();
    return 0;
}

static int teardown(void **state)
{
    pattern_free(*state);
    return 0;
}

/* Each returns requests a second in the nth minute. */
static double bursts(int64_t minute) /* ten minutes of every two hours */
{
    return minute % 120 < 10 ? 50 : 10;
}

static double office(int64_t minute) /* a steep morning, every day */
{
    int64_t of_day = minute % DAY_MINUTES;
    return of_day >= 8 * 60 && of_day < 18 * 60 ? 40 : 2;
}

static double flat(int64_t minute)
{
    return 20;
}

static struct random noise;

/* Bursts of ten minutes, two hours apart on average, at no time in particular. */
static double at_random(int64_t minute)
{
    static int64_t until;
    if (minute == 0)
        until = 0;
    if (minute >= until && random_below(&noise, 110) == 0)
        until = minute + 10;
    return minute < until ? 50 : 10;
}

/* Servers are wanted for a fifth more than what comes. */
static void note(struct pattern *p, uint64_t requests, int64_t wall_ns)
{
    pattern_note(p, &(struct pattern_sample){.requests = requests,
                                             .ready_per_s = 1.2 * (double)requests,
                                             .horizon_ns = HORIZON,
                                             .wall_ns = wall_ns});
}

/* first..last: minutes since BEGIN. */
static void live(struct pattern *p, double (*rate)(int64_t), int64_t first, int64_t last)
{
    for (int64_t m = first; m < last; m++) {
        uint64_t requests = (uint64_t)rate(m);
        for (int i = 0; i < 60; i++)
            note(p, requests, BEGIN + m * MINUTE + i * NS_PER_S + NS_PER_S / 2);
    }
}

static double ahead_at(const struct pattern *p, int64_t minute)
{
    return pattern_ahead(p, BEGIN + minute * MINUTE + NS_PER_S);
}

static void bursts_are_foretold(void **state)
{
    struct pattern *p = *state;
    live(p, bursts, 0, 3 * 120);
    assert_true(ahead_at(p, 360 - 2) == 0); /* seen three times, and not yet judged */
    live(p, bursts, 360, 10 * 120);
    assert_true(p->period % 120 <= 1 || p->period % 120 == 119);
    assert_true(ahead_at(p, 1200 - 2) >= 49);  /* two minutes before the next */
    assert_true(ahead_at(p, 1200 - 30) <= 11); /* and not half an hour before */
    assert_true(ahead_at(p, 1200 + 40) <= 11);
}

static void mornings_are_foretold_after_four_days(void **state)
{
    struct pattern *p = *state;
    live(p, office, 0, 5 * DAY_MINUTES);
    assert_int_equal(p->period % DAY_MINUTES, 0);
    assert_true(ahead_at(p, 5 * DAY_MINUTES + 8 * 60 - 2) >= 39);
    assert_true(ahead_at(p, 5 * DAY_MINUTES + 7 * 60) <= 3);
}

static void what_is_flat_has_no_pattern(void **state)
{
    struct pattern *p = *state;
    live(p, flat, 0, 2 * DAY_MINUTES);
    assert_int_equal(p->period, 0);
    assert_true(ahead_at(p, 2 * DAY_MINUTES) == 0);
}

/* With hundreds of periods to choose from, one would fit by chance if it were let. */
static void chance_is_seldom_taken_for_a_pattern(void **state)
{
    enum { SEEDS = EFFORT(5), LOOKS = 4 * SEEDS };
    int heard = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct pattern *p = pattern_new();
        noise.state = seed * 7919;
        for (int64_t day = 0; day < 4; day++) {
            live(p, at_random, day * DAY_MINUTES, (day + 1) * DAY_MINUTES);
            heard += p->period != 0;
        }
        pattern_free(p);
    }
    assert_true(heard <= LOOKS / 10);
}

static void a_pattern_that_ends_is_no_longer_heard(void **state)
{
    struct pattern *p = *state;
    live(p, bursts, 0, 10 * 120);
    assert_true(p->period != 0);
    live(p, flat, 10 * 120, 10 * 120 + 2 * DAY_MINUTES);
    assert_int_equal(p->period, 0);
}

static void a_restart_forgets_nothing(void **state)
{
    struct pattern *p = *state, *q = pattern_new();
    double rate;
    live(p, bursts, 0, 10 * 120);
    for (int64_t m = p->first; m <= p->minute; m++)
        if (pattern_get(p, m, &rate))
            pattern_restore(q, m, rate);
    assert_int_equal(q->first, p->first);
    assert_int_equal(q->minute, p->minute);
    live(q, bursts, 10 * 120 + 5, 11 * 120); /* it was away for five minutes */
    assert_true(q->period == 119 || q->period == 120);
    assert_true(ahead_at(q, 11 * 120 - 2) >= 49);
    pattern_free(q);
}

/* What is read late, when some minutes are known already, goes where it belongs; nothing known is
 * overwritten. */
static void restored_late_and_in_any_order(void **state)
{
    struct pattern *p = *state;
    int64_t base = BEGIN / MINUTE;
    double rate;
    live(p, bursts, 500, 510);
    int64_t newest = p->minute, oldest = p->first;
    for (int64_t m = 499; m >= 400; m--)
        pattern_restore(p, base + m, 7);
    pattern_restore(p, newest, 99);
    pattern_restore(p, base + 100, 3);
    pattern_restore(p, base + 10000, 99);                 /* from the future: the clock was set back */
    pattern_restore(p, newest - PATTERN_MINUTES - 5, 99); /* too old */
    pattern_restore(p, base + 200, -1);
    assert_int_equal(p->minute, newest);
    assert_true(pattern_get(p, newest, &rate) && rate < 60);
    assert_true(pattern_get(p, base + 450, &rate) && rate == 7);
    assert_true(pattern_get(p, base + 100, &rate) && rate == 3);
    assert_false(pattern_get(p, base + 200, &rate));
    assert_false(pattern_get(p, oldest - 600, &rate));
}

static void clocks_that_jump(void **state)
{
    struct pattern *p = *state;
    double rate;
    note(p, 5, 0); /* unknown */
    assert_int_equal(p->now_tens, 0);
    live(p, bursts, 0, 60);
    live(p, flat, 30, 50); /* set back: passed over until it has caught up */
    assert_true(pattern_get(p, BEGIN / MINUTE + 40, &rate) && rate == 10);
    live(p, bursts, 60 + 6 * 7 * DAY_MINUTES, 65 + 6 * 7 * DAY_MINUTES); /* six weeks later */
    assert_false(pattern_get(p, BEGIN / MINUTE + 40, &rate));
    assert_true(p->minute - p->first < 10);
    live(p, bursts, 100 + 6 * 7 * DAY_MINUTES, 105 + 6 * 7 * DAY_MINUTES);
    assert_false(pattern_get(p, BEGIN / MINUTE + 80 + 6 * 7 * DAY_MINUTES, &rate));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bursts_are_foretold),
        TEST(mornings_are_foretold_after_four_days),
        TEST(what_is_flat_has_no_pattern),
        TEST(chance_is_seldom_taken_for_a_pattern),
        TEST(a_pattern_that_ends_is_no_longer_heard),
        TEST(a_restart_forgets_nothing),
        TEST(restored_late_and_in_any_order),
        TEST(clocks_that_jump),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
