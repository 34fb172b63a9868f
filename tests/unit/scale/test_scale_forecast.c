/* The forecast: what growth it learns, when it is heard, when it is not. */
#include "scale/forecast.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants those before it. */
#include <cmocka.h>
#include <math.h>

enum { HORIZON_S = 30 };

static void note(struct forecast *f, int64_t second, double load)
{
    forecast_note(f, load, 4, HORIZON_S * NS_PER_S, second * NS_PER_S);
}

static void constant_load_has_no_growth(void **state)
{
    struct forecast f;
    forecast_init(&f);
    for (int64_t s = 1; s < 2000; s++)
        note(&f, s, 50);
    assert_float_equal(forecast_get(&f, 50, 4), 50, 0.2);
}

static void steady_growth_is_foreseen(void **state)
{
    struct forecast f;
    forecast_init(&f);
    double load = 20;
    for (int64_t s = 1; s < 1500; s++, load *= 1.001)
        note(&f, s, load);
    double actual = load * pow(1.001, HORIZON_S); /* 3 % more */
    assert_true(forecast_get(&f, load, 4) > load * 1.01);
    assert_true(forecast_get(&f, load, 4) < actual * 1.02);
}

/* A tenth in a minute, and the root of the time elsewhere; experience takes over by and by. */
static void unknown_growth_is_a_careful_guess(void **state)
{
    struct forecast f;
    forecast_init(&f);
    note(&f, 1, 50);
    assert_float_equal(forecast_get(&f, 50, 4), 54 * exp(0.1 * sqrt(HORIZON_S / 60.0)) - 4, 0.01);
    double before = INFINITY;
    for (int64_t s = 2; s < 1000; s++) {
        note(&f, s, 50);
        double now = forecast_get(&f, 50, 4);
        assert_true(now <= before && now >= 50);
        before = now;
    }
    assert_true(before < 50.5);
}

/* Noise that comes back is not followed up: the same level is kept ready whether the load is high or low. */
static void noise_is_covered_not_followed(void **state)
{
    struct forecast f;
    struct random random = {.state = 11};
    forecast_init(&f);
    double low_most = 0, high_least = INFINITY, high_most = 0;
    for (int64_t s = 1; s < 6000; s++) {
        static double load;
        if (s % 3 == 1)
            load = 80 + random_below(&random, 41);
        note(&f, s, load);
        double ahead = forecast_get(&f, 80, 4);
        if (s > 3000 && load < 90)
            low_most = fmax(low_most, ahead);
        if (s > 3000 && load > 110) {
            high_least = fmin(high_least, ahead);
            high_most = fmax(high_most, ahead);
        }
    }
    assert_true(low_most < 135 &&
                high_most < 135); /* 120 is the most there is; ratios of 1.5 would ask for 180 */
    assert_true(high_least > 100);
}

/* It raises, and never lowers. */
static void falling_load_is_not_extrapolated(void **state)
{
    struct forecast f;
    forecast_init(&f);
    double load = 1000;
    for (int64_t s = 1; s < 1500; s++, load *= 0.999)
        note(&f, s, load);
    assert_true(forecast_get(&f, load, 4) >= load);
}

/* One burst an hour from nothing: what a growth from nothing was says nothing about one from a burst. */
/* What chance did while the load rose, by steps, says little of the time when it falls. */
static void a_load_that_falls_has_its_own_chance(void **state)
{
    struct forecast f;
    struct random random = {.state = 11};
    forecast_init(&f);
    double load = 20, highest = 0;
    for (int64_t s = 1; s < 900; s++) {
        load *= s % 45 == 0 && random_below(&random, 3) > 0 ? 1.2 : 1;
        note(&f, s, load);
    }
    double rising = forecast_get(&f, load, 4) / load;
    for (int64_t s = 900; s < 3000; s++, load *= 0.9995) {
        note(&f, s, load);
        if (s > 1800)
            highest = fmax(highest, forecast_get(&f, load, 4) / load);
    }
    assert_true(rising > 1.1);
    assert_true(highest < 1.05);
}

static void rare_bursts_do_not_multiply(void **state)
{
    struct forecast f;
    forecast_init(&f);
    for (int64_t s = 1; s < 7200; s++)
        note(&f, s, s % 3600 < 10 ? 40 : 0);
    assert_true(forecast_get(&f, 40, 4) < 50);
}

/* How far above a load of so many servers, all alike in what they do, the forecast stays after `seconds`. */
static double room_of(double servers, int64_t start_s, int64_t seconds)
{
    struct forecast f;
    struct random random = {.state = 5};
    double load = 0;
    forecast_init(&f);
    for (int64_t s = 1; s <= seconds; s++) {
        if (s % start_s == 1)
            load = 4 * servers * (1 + (double)random_below(&random, 1000) / 5000);
        forecast_note(&f, load, 4, start_s * NS_PER_S, s * NS_PER_S);
    }
    return forecast_get(&f, load, 4) / load;
}

/* One server less of many makes all requests wait when the next one takes long: more chance is kept in hand.
 */
static void many_servers_that_start_slowly_are_missed_more(void **state)
{
    assert_true(room_of(40, 120, 7200) > room_of(40.0 / 5, 120, 7200) + 0.005);
    assert_true(room_of(40, 30, 7200) < room_of(40.0 / 5, 30, 7200) * 1.02); /* it is there soon */
}

static void what_was_not_seen_often_enough_is_not_foretold(void **state)
{
    struct forecast f;
    forecast_init(&f);
    for (int64_t s = 1; s <= 7200; s++) {
        forecast_note(&f, 160, 4, 120 * NS_PER_S, s * NS_PER_S);
        assert_true(f.quantile >= 0.9 && f.quantile < 1);
        assert_true(s > 2400 || f.quantile <= 0.9 + 1e-9); /* twenty starts: two of them beyond it */
    }
    assert_true(f.quantile > 0.95);
}

static void a_gap_forgets_what_was_not_seen(void **state)
{
    struct forecast f;
    forecast_init(&f);
    for (int64_t s = 1; s < 1000; s++)
        note(&f, s, 10);
    note(&f, 5000, 1000); /* not a growth within the horizon */
    for (int64_t s = 5001; s < 5100; s++)
        note(&f, s, 1000);
    assert_float_equal(forecast_get(&f, 1000, 4), 1000, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_load_has_no_growth),
        cmocka_unit_test(steady_growth_is_foreseen),
        cmocka_unit_test(unknown_growth_is_a_careful_guess),
        cmocka_unit_test(noise_is_covered_not_followed),
        cmocka_unit_test(falling_load_is_not_extrapolated),
        cmocka_unit_test(a_load_that_falls_has_its_own_chance),
        cmocka_unit_test(rare_bursts_do_not_multiply),
        cmocka_unit_test(a_gap_forgets_what_was_not_seen),
        cmocka_unit_test(many_servers_that_start_slowly_are_missed_more),
        cmocka_unit_test(what_was_not_seen_often_enough_is_not_foretold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
