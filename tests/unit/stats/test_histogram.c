/* Quantiles stay within the promised error over eight orders of magnitude; sums subtract; edges count what is
 * below. */
#include "base/clock.h"
#include "base/macros.h"
#include "stats/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct histogram h;
static struct histogram_sum sum, before;

static void reset(void)
{
    memset(&h, 0, sizeof(h));
    memset(&sum, 0, sizeof(sum));
    memset(&before, 0, sizeof(before));
}

static void a_single_value_comes_back_within_seven_percent(void **state)
{
    for (int64_t ns = 5000; ns < 500 * NS_PER_S; ns += ns / 7) {
        reset();
        histogram_record(&h, ns);
        histogram_sum_add(&sum, &h);
        double read = (double)histogram_sum_quantile_ns(&sum, 0.5);
        assert_true(read > (double)ns * 0.93 && read < (double)ns * 1.07);
    }
}

static void quantiles_of_a_thousand_values_have_their_rank(void **state)
{
    reset();
    for (int i = 1; i <= 1000; i++)
        histogram_record(&h, i * NS_PER_MS);
    histogram_sum_add(&sum, &h);
    static const struct {
        double q;
        int64_t ms;
    } rows[] = {{0, 1}, {0.5, 500}, {0.9, 900}, {0.99, 990}, {1, 1000}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double ms = (double)histogram_sum_quantile_ns(&sum, rows[i].q) / NS_PER_MS;
        assert_true(ms > (double)rows[i].ms * 0.93 && ms < (double)rows[i].ms * 1.07);
    }
    assert_int_equal(sum.count, 1000);
    assert_int_equal(sum.sum_ns, INT64_C(500500) * NS_PER_MS);
}

static void an_empty_histogram_says_zero(void **state)
{
    reset();
    assert_int_equal(histogram_sum_quantile_ns(&sum, 0.99), 0);
    assert_int_equal(histogram_sum_count_below(&sum, NS_PER_S), 0);
}

static void a_difference_holds_only_what_came_since(void **state)
{
    reset();
    histogram_record(&h, 10 * NS_PER_MS);
    histogram_sum_add(&before, &h);
    histogram_record(&h, 90 * NS_PER_MS);
    histogram_sum_add(&sum, &h);
    histogram_sum_subtract(&sum, &before);
    assert_int_equal(sum.count, 1);
    assert_true(histogram_sum_quantile_ns(&sum, 0.5) > 80 * NS_PER_MS);
}

static void out_of_range_values_are_kept_at_the_ends(void **state)
{
    reset();
    histogram_record(&h, -5);
    histogram_record(&h, INT64_MAX);
    histogram_sum_add(&sum, &h);
    assert_int_equal(sum.count, 2);
    assert_int_equal(sum.buckets[0], 1);
    assert_int_equal(sum.buckets[HISTOGRAM_BUCKETS - 1], 1);
}

static void edges_count_what_is_below(void **state)
{
    reset();
    for (int i = 1; i <= 100; i++)
        histogram_record(&h, i * 10 * NS_PER_MS);
    histogram_sum_add(&sum, &h);
    uint64_t last = 0;
    for (int64_t edge = NS_PER_MS; edge < 10 * NS_PER_S; edge *= 2) {
        uint64_t below = histogram_sum_count_below(&sum, edge);
        assert_true(below >= last);
        last = below;
    }
    assert_int_equal(last, 100);
    uint64_t half = histogram_sum_count_below(&sum, 500 * NS_PER_MS);
    assert_true(half >= 46 && half <= 54);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_single_value_comes_back_within_seven_percent),
        cmocka_unit_test(quantiles_of_a_thousand_values_have_their_rank),
        cmocka_unit_test(an_empty_histogram_says_zero),
        cmocka_unit_test(a_difference_holds_only_what_came_since),
        cmocka_unit_test(out_of_range_values_are_kept_at_the_ends),
        cmocka_unit_test(edges_count_what_is_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
