/* Rows of points to bytes and back: exact to 16 bits, short where little happens, and no harm in any bytes.
 */
#include "store/points.h"

#include "base/macros.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct point flat(double value)
{
    return (struct point){.count = 1, .min = value, .mean = value, .max = value};
}

static struct point spread(uint32_t count, double min, double mean, double max)
{
    return (struct point){.count = count, .min = min, .mean = mean, .max = max};
}

static const struct point unknown = {0};

static void assert_near(double got, double wanted)
{
    if (fabs(got - wanted) > fabs(wanted) / 65536 + 1e-40)
        fail_msg("%.17g is not %.17g", got, wanted);
}

/* Returns how many bytes it took. */
static size_t round_trip(const struct point *points, size_t count)
{
    struct buf bytes CLEANUP(buf_fini) = {0};
    struct point *read = calloc(count, sizeof(*read));
    points_encode(points, count, &bytes);
    assert_true(points_decode(buf_str(&bytes), read, count));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(read[i].count, points[i].count);
        if (!points[i].count)
            continue;
        assert_near(read[i].min, points[i].min);
        assert_near(read[i].mean, points[i].mean);
        assert_near(read[i].max, points[i].max);
        assert_true(read[i].min <= read[i].mean && read[i].mean <= read[i].max);
    }
    free(read);
    return bytes.len;
}

static void test_values(void **state)
{
    static const double values[] = {0,     1,    -1,   0.1,   99.9,  100,       65536,   1e-30,
                                    -3.25, 1e12, 3e38, -3e38, 1e-45, 12345.678, 1.0 / 3, 4294967296.0};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        assert_near(points_round(values[i]), values[i]);
        assert_true(points_round(points_round(values[i])) == points_round(values[i]));
    }
    for (int i = -65536; i <= 65536; i++)
        assert_true(points_round(i) == i);
    assert_true(isfinite(points_round(DBL_MAX)) && points_round(DBL_MAX) > 1e38);
    assert_true(points_round(INFINITY) == points_round(DBL_MAX));
    assert_true(points_round(-INFINITY) == -points_round(DBL_MAX));
}

static void test_rows(void **state)
{
    const struct point rows[][6] = {
        {unknown, unknown, unknown, unknown, unknown, unknown},
        {flat(1), flat(1), flat(1), flat(1), flat(1), flat(1)},
        {flat(1), unknown, flat(1), unknown, unknown, flat(2)},
        {unknown, unknown, flat(-7), flat(-7), unknown, unknown},
        {spread(10, 1, 2, 3), spread(10, 1, 2, 4), spread(9, 0, 0, 0), flat(0), spread(10, -1, 0, 1),
         unknown},
        {flat(0), flat(3e38), flat(-3e38), flat(0), spread(4294967295, -3e38, 0, 3e38), flat(0)},
        {spread(60, 5, 5, 5), spread(60, 5, 5, 5), spread(60, 5, 6, 7), spread(59, 5, 6, 7),
         spread(59, 5, 6, 7), spread(60, 5, 6, 7)},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        (void)round_trip(rows[i], 6);
}

static void test_any_rows(void **state)
{
    enum { ROUNDS = 2000, COUNT = 60 };
    srandom(7);
    for (int round = 0; round < ROUNDS; round++) {
        struct point points[COUNT];
        for (int i = 0; i < COUNT; i++) {
            double mean = (double)(random() % 2001 - 1000) * pow(10, (double)(random() % 20 - 10));
            points[i] = random() % 4 == 0            ? unknown
                        : i > 0 && random() % 3 == 0 ? points[i - 1]
                        : random() % 2
                            ? flat(mean)
                            : spread((uint32_t)(random() % 3 + 1), mean - fabs(mean) * (double)(random() % 5),
                                     mean, mean + fabs(mean) * (double)(random() % 5));
        }
        (void)round_trip(points, COUNT);
    }
}

static void test_little_is_short(void **state)
{
    struct point points[60];
    for (int i = 0; i < 60; i++)
        points[i] = unknown;
    assert_int_equal(round_trip(points, 60), 0);
    for (int i = 0; i < 60; i++)
        points[i] = spread(60, 12.5, 12.5, 12.5);
    assert_in_range(round_trip(points, 60), 1, 10);
    srandom(3);
    for (int i = 0; i < 60; i++) { /* a lively one: 20 to 60 % with a spread of some */
        double mean = 20 + (double)(random() % 4000) / 100;
        points[i] =
            spread(60, mean - (double)(random() % 1000) / 100, mean, mean + (double)(random() % 3000) / 100);
    }
    assert_in_range(round_trip(points, 60), 60, 60 * 9);
}

/* A file may be damaged in ways that SQLite does not see. */
static void test_any_bytes_do_no_harm(void **state)
{
    enum { ROUNDS = 20000, COUNT = 30 };
    struct point points[COUNT];
    char bytes[40];
    srandom(11);
    for (int round = 0; round < ROUNDS; round++) {
        size_t len = (size_t)(random() % (long)sizeof(bytes));
        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)random();
        bool is_good = points_decode(str_n(bytes, len), points, COUNT);
        for (int i = 0; i < COUNT; i++)
            if (points[i].count) {
                assert_true(is_good);
                assert_true(isfinite(points[i].min) && points[i].min <= points[i].mean &&
                            points[i].mean <= points[i].max && isfinite(points[i].max));
            }
    }
    assert_false(points_decode(STR("\x83"), points, COUNT));     /* a number that does not end */
    assert_false(points_decode(STR("\x13"), points, COUNT));     /* again, of nothing */
    assert_false(points_decode(STR("\xff\x7f"), points, COUNT)); /* more than there are */
}

static void test_sums(void **state)
{
    struct point_sum s = {0};
    assert_int_equal(point_sum_get(&s).count, 0);
    const struct point points[] = {unknown, spread(10, 1, 2, 3), spread(30, 4, 6, 9), unknown};
    for (size_t i = 0; i < ARRAY_LEN(points); i++)
        point_sum_add(&s, &points[i]);
    struct point p = point_sum_get(&s);
    assert_int_equal(p.count, 40);
    assert_true(p.min == 1 && p.mean == 5 && p.max == 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_any_rows),
        cmocka_unit_test(test_little_is_short),
        cmocka_unit_test(test_any_bytes_do_no_harm),
        cmocka_unit_test(test_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
