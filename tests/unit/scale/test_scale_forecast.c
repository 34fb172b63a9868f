/* The forecast: what growth it learns, when it is heard, when it is not. */
#include "scale/forecast.h"

#include "base/clock.h"
#include "base/macros.h"

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
    assert_float_equal(forecast_get(&f, 50, 4), 50, 0.01);
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

static void little_history_is_not_heard(void **state)
{
    struct forecast f;
    forecast_init(&f);
    for (int64_t s = 1; s < 100; s++)
        note(&f, s, (double)s);
    assert_float_equal(forecast_get(&f, 100, 4), 100, 0.001);
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
static void rare_bursts_do_not_multiply(void **state)
{
    struct forecast f;
    forecast_init(&f);
    for (int64_t s = 1; s < 7200; s++)
        note(&f, s, s % 3600 < 10 ? 40 : 0);
    assert_true(forecast_get(&f, 40, 4) < 50);
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
        cmocka_unit_test(constant_load_has_no_growth), cmocka_unit_test(steady_growth_is_foreseen),
        cmocka_unit_test(little_history_is_not_heard), cmocka_unit_test(falling_load_is_not_extrapolated),
        cmocka_unit_test(rare_bursts_do_not_multiply), cmocka_unit_test(a_gap_forgets_what_was_not_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
