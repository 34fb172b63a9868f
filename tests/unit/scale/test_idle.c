/* How long the last server is kept: what that costs under laws of known shape, against fixed times. */
#include "base/clock.h"
#include "base/macros.h"
#include "base/random.h"
#include "scale/idle.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define S  NS_PER_S
#define MS NS_PER_MS

/* One call a tick is what a running Weir does; a gap's two ends are enough for the arithmetic. */
static void pass_gap(struct idle *i, int64_t *now_ns, int64_t gap_ns)
{
    *now_ns += gap_ns;
    idle_note(i, false, false, *now_ns);
    *now_ns += 100 * MS;
    idle_note(i, true, false, *now_ns);
}

/* --- laws ------------------------------------------------------------------------------------------- */

static double even(struct random *r) /* 0..1, neither */
{
    return (random_below(r, 1U << 30) + 0.5) / (1U << 30);
}

static double exponential(struct random *r, double mean)
{
    return -mean * log(even(r));
}

static double cron_law(struct random *r)
{
    return 300 + 2 * even(r);
}

static double often_law(struct random *r)
{
    return exponential(r, 30);
}

static double seldom_law(struct random *r)
{
    return exponential(r, 900);
}

/* People click for a while and are then away for long. */
static double bursts_law(struct random *r)
{
    return even(r) < 0.9 ? exponential(r, 15) : 600 + exponential(r, 3600);
}

/* What the gaps cost in seconds of a server, when a start costs ten start times. */
struct bill {
    double learned, best_fixed, knative_60, knative_90, five_minutes;
};

static double cost_of(double gap_s, double hold_s, double start_s)
{
    return gap_s > hold_s ? hold_s + 10 * start_s : gap_s;
}

static struct bill bill_of(double (*law)(struct random *), double start_s, int gaps)
{
    static const double fixed[] = {10, 15, 20, 30, 45, 60, 90, 120, 200, 300, 310, 600, 1200, 3600};
    struct random r = {.state = 12345};
    struct idle idle = {0};
    struct bill b = {0};
    double sums[ARRAY_LEN(fixed)] = {0};
    int64_t now_ns = 5 * S;
    idle_note(&idle, true, false, now_ns);
    for (int n = 0; n < gaps; n++) {
        double gap_s = law(&r);
        double hold_s = (double)idle_hold_ns(&idle, (int64_t)(start_s * S)) / (double)S;
        b.learned += cost_of(gap_s, hold_s, start_s);
        b.knative_60 += cost_of(gap_s, 60, start_s);
        b.knative_90 += cost_of(gap_s, 90, start_s);
        b.five_minutes += cost_of(gap_s, 300, start_s);
        for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
            sums[i] += cost_of(gap_s, fmax(fixed[i], start_s), start_s);
        pass_gap(&idle, &now_ns, (int64_t)(gap_s * S));
    }
    b.best_fixed = sums[0];
    for (size_t i = 1; i < ARRAY_LEN(fixed); i++)
        b.best_fixed = fmin(b.best_fixed, sums[i]);
    return b;
}

/* --- what it costs ---------------------------------------------------------------------------------- */

/* Near the best of all fixed times, which nobody knows beforehand, and at most so much of the usual ones. */
static void it_costs_little_whatever_the_law(void **state)
{
    static const struct {
        const char *name;
        double (*law)(struct random *);
        double start_s, of_best, of_knative, of_five_minutes;
    } rows[] = {
        {"cron, quick start", cron_law, 2, 1.05, 0.40, 0.10},
        {"cron, slow start", cron_law, 60, 1.05, 0.50, 0.35},
        {"often, quick start", often_law, 2, 1.15, 1.00, 1.00},
        {"often, slow start", often_law, 60, 1.05, 0.55, 1.05},
        {"seldom, quick start", seldom_law, 2, 1.10, 0.45, 0.15},
        {"seldom, slow start", seldom_law, 200, 1.10, 0.50, 0.70},
        {"bursts, quick start", bursts_law, 2, 1.10, 0.90, 0.45},
        {"bursts, slow start", bursts_law, 30, 1.10, 1.05, 0.95},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bill b = bill_of(rows[i].law, rows[i].start_s, 400);
        double knative = fmin(b.knative_60, b.knative_90);
        print_message("%s: %.2f of the best fixed time, %.2f of Knative's, %.2f of five minutes\n",
                      rows[i].name, b.learned / b.best_fixed, b.learned / knative,
                      b.learned / b.five_minutes);
        if (b.learned > rows[i].of_best * b.best_fixed || b.learned > rows[i].of_knative * knative ||
            b.learned > rows[i].of_five_minutes * b.five_minutes)
            fail_msg("%s costs too much", rows[i].name);
    }
}

static void nothing_known_is_break_even(void **state)
{
    static const int starts_s[] = {1, 2, 5, 30, 60, 200};
    for (size_t i = 0; i < ARRAY_LEN(starts_s); i++) {
        struct idle idle = {0};
        double start_s = starts_s[i], start_cost_s = 10 * start_s;
        double hold_s = (double)idle_hold_ns(&idle, starts_s[i] * S) / (double)S;
        assert_float_equal(hold_s, fmax(start_cost_s, 10), 1e-6);
        for (double gap_s = 10; gap_s < 4000; gap_s *= 1.1)
            assert_true(cost_of(gap_s, hold_s, start_s) <= 2 * fmin(gap_s, fmax(start_cost_s, 10)) + 1e-6);
    }
}

/* --- what it decides -------------------------------------------------------------------------------- */

static int64_t hold_after(double (*law)(struct random *), int gaps, int64_t start_ns)
{
    struct random r = {.state = 7};
    struct idle idle = {0};
    int64_t now_ns = 5 * S;
    idle_note(&idle, true, false, now_ns);
    for (int n = 0; n < gaps; n++)
        pass_gap(&idle, &now_ns, (int64_t)(law(&r) * S));
    return idle_hold_ns(&idle, start_ns);
}

static void cron_sleeps_between_if_the_start_is_quick(void **state)
{
    assert_int_equal(hold_after(cron_law, 10, 2 * S), 10 * S);
    /* A start that costs ten minutes: it stays until the next request is due; past that nothing is known, and
     * break-even ends it. */
    assert_in_range(hold_after(cron_law, 30, 60 * S), 303 * S, 600 * S);
}

static void it_stays_within_its_bounds(void **state)
{
    static const int64_t starts_ns[] = {0, 1, 1 * S, 30 * S, 600 * S, 100000 * S};
    double (*const laws[])(struct random *) = {cron_law, often_law, seldom_law, bursts_law};
    for (size_t l = 0; l < ARRAY_LEN(laws); l++)
        for (size_t i = 0; i < ARRAY_LEN(starts_ns); i++)
            for (int gaps = 0; gaps <= 200; gaps += 50) {
                int64_t hold_ns = hold_after(laws[l], gaps, starts_ns[i]);
                assert_in_range(hold_ns, MIN(MAX(10 * S, starts_ns[i]), 3600 * S), 3600 * S);
            }
}

static void what_was_is_forgotten(void **state)
{
    struct random r = {.state = 7};
    struct idle idle = {0};
    int64_t now_ns = 5 * S;
    idle_note(&idle, true, false, now_ns);
    for (int n = 0; n < 200; n++)
        pass_gap(&idle, &now_ns, (int64_t)(cron_law(&r) * S));
    assert_true(idle_hold_ns(&idle, 60 * S) > 300 * S);
    for (int n = 0; n < 400; n++)
        pass_gap(&idle, &now_ns, 3000 * S); /* stopped after half an hour is better than never */
    assert_true(idle_hold_ns(&idle, 60 * S) < 100 * S);
}

/* --- the clock -------------------------------------------------------------------------------------- */

static void the_clock_stands_still_during_a_start(void **state)
{
    struct idle idle = {0};
    idle_note(&idle, true, false, 100 * S);
    idle_note(&idle, false, false, 105 * S);
    assert_int_equal(idle.idle_ns, 5 * S);
    idle_note(&idle, false, true, 165 * S);
    assert_int_equal(idle.idle_ns, 5 * S);
    idle_note(&idle, false, false, 170 * S);
    assert_int_equal(idle.idle_ns, 10 * S);
    idle_note(&idle, false, false, 160 * S); /* a clock read earlier */
    assert_int_equal(idle.idle_ns, 10 * S);
    idle_note(&idle, true, false, 171 * S);
    assert_int_equal(idle.idle_ns, 0);
}

/* The time before the first request is no gap between requests, and neither are the pauses of steady use. */
static void only_gaps_between_requests_count(void **state)
{
    struct idle idle = {0};
    idle_note(&idle, false, false, 1 * S);
    idle_note(&idle, true, false, 1000 * S);
    for (int n = 0; n < 100; n++)
        idle_note(&idle, true, false, (1001 + 9 * n) * S);
    for (int bin = 0; bin < IDLE_BINS; bin++)
        assert_true(idle.gaps[bin] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_costs_little_whatever_the_law),
        cmocka_unit_test(nothing_known_is_break_even),
        cmocka_unit_test(cron_sleeps_between_if_the_start_is_quick),
        cmocka_unit_test(it_stays_within_its_bounds),
        cmocka_unit_test(what_was_is_forgotten),
        cmocka_unit_test(the_clock_stands_still_during_a_start),
        cmocka_unit_test(only_gaps_between_requests_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
