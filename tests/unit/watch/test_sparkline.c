/* The numbers of the small picture beside an alert: means over steps, gaps, a ring. */
#include "watch/sparkline.h"

#include "base/clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void add(struct sparkline *s, double value, int64_t second)
{
    sparkline_add(s, reading_known(value), second * NS_PER_S);
}

static void assert_value(const struct sparkline *s, size_t i, double expected)
{
    assert_true(fabs((double)sparkline_at(s, i) - expected) < 1e-4);
}

static void a_value_is_the_mean_of_its_step(void **state)
{
    struct sparkline s = {.step_ns = 3 * NS_PER_S};
    add(&s, 10, 100);
    assert_int_equal(s.count, 1);
    assert_value(&s, 0, 10);
    add(&s, 20, 101);
    add(&s, 60, 102);
    assert_int_equal(s.count, 1);
    assert_value(&s, 0, 30);
    add(&s, 7, 103);
    assert_int_equal(s.count, 2);
    assert_value(&s, 0, 30);
    assert_value(&s, 1, 7);
}

static void without_a_step_each_reading_is_one(void **state)
{
    struct sparkline s = {0};
    add(&s, 1, 100);
    add(&s, 2, 100);
    assert_int_equal(s.count, 2);
    assert_value(&s, 1, 2);
}

/* What is not known is neither 0 nor part of a mean; a step without any reading is a gap. */
static void what_is_not_known_is_a_gap(void **state)
{
    struct sparkline s = {.step_ns = 2 * NS_PER_S};
    sparkline_add(&s, reading_unknown("it is hidden"), 100 * NS_PER_S);
    sparkline_add(&s, reading_unknown("it is hidden"), 101 * NS_PER_S);
    add(&s, 8, 102);
    sparkline_add(&s, reading_unknown("it is hidden"), 103 * NS_PER_S);
    sparkline_add(&s, reading_unknown("it is hidden"), 104 * NS_PER_S);
    add(&s, 6, 105);
    assert_int_equal(s.count, 3);
    assert_true(isnan(sparkline_at(&s, 0)));
    assert_value(&s, 1, 8);
    assert_value(&s, 2, 6);
}

static void the_oldest_go(void **state)
{
    struct sparkline s = {.step_ns = NS_PER_S};
    for (int64_t i = 0; i < SPARKLINE_VALUES + 5; i++)
        add(&s, (double)i, 100 + i);
    assert_int_equal(s.count, SPARKLINE_VALUES);
    for (size_t i = 0; i < SPARKLINE_VALUES; i++)
        assert_value(&s, i, (double)i + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_the_mean_of_its_step),
        cmocka_unit_test(without_a_step_each_reading_is_one),
        cmocka_unit_test(what_is_not_known_is_a_gap),
        cmocka_unit_test(the_oldest_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
