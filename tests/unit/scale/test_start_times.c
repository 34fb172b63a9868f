/* test_start_times.c: cold and warm starts apart, the one in place of the other, and kept as they are. */
#include "scale/start_times.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "scale/keep.h"

#define S NS_PER_S

static void nothing_seen_is_nothing_known(void **state)
{
    struct start_times t = {0};
    for (int c = 0; c < START_CLASS_COUNT; c++) {
        struct start_summary s = start_times_summary(&t, (enum start_class)c);
        assert_true(s.count == 0 && s.fastest_ns == 0 && s.median_ns == 0 && s.p90_ns == 0);
    }
}

static void a_class_not_seen_is_like_the_other(void **state)
{
    for (int c = 0; c < START_CLASS_COUNT; c++) {
        enum start_class seen = (enum start_class)c, other = seen == START_COLD ? START_WARM : START_COLD;
        struct start_times t = {0};
        start_times_note(&t, seen, 6 * S);
        struct start_summary s = start_times_summary(&t, other);
        assert_true(s.count == 0 && s.fastest_ns == 6 * S && s.median_ns == 6 * S && s.p90_ns == 6 * S);
        start_times_note(&t, other, 1 * S); /* one of its own is enough */
        assert_int_equal(start_times_summary(&t, other).p90_ns, 1 * S);
        assert_int_equal(start_times_summary(&t, other).count, 1);
        assert_int_equal(start_times_summary(&t, seen).p90_ns, 6 * S);
    }
}

static void quantiles_are_of_the_last_of_the_class(void **state)
{
    struct start_times t = {0};
    start_times_note(&t, START_COLD, 60 * S);
    for (int i = 0; i < 8; i++)
        start_times_note(&t, START_WARM, 1000 * S); /* pushed out by those that follow */
    for (int i = START_TIMES_MAX; i > 0; i--)
        start_times_note(&t, START_WARM, i * S);
    struct start_summary s = start_times_summary(&t, START_WARM);
    assert_int_equal(s.count, START_TIMES_MAX);
    assert_int_equal(s.fastest_ns, 1 * S);
    assert_int_equal(s.median_ns, 17 * S);
    assert_int_equal(s.p90_ns, 29 * S);
    assert_int_equal(start_times_summary(&t, START_COLD).p90_ns, 60 * S);
}

static void kept_they_are_the_same(void **state)
{
    struct buf text CLEANUP(buf_fini) = {0};
    struct start_times before = {0}, after = {0};
    start_times_note(&before, START_COLD, 6 * S);
    for (int i = 0; i < START_TIMES_MAX + 3; i++)
        start_times_note(&before, START_WARM, S + i);
    struct keep writing = keep_writing(&text, 1000 * S);
    start_times_keep(&writing, &before);
    struct keep reading = keep_reading(buf_str(&text));
    start_times_keep(&reading, &after);
    assert_true(keep_is_complete(&reading));
    assert_memory_equal(&before, &after, sizeof(before));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_seen_is_nothing_known),
        cmocka_unit_test(a_class_not_seen_is_like_the_other),
        cmocka_unit_test(quantiles_are_of_the_last_of_the_class),
        cmocka_unit_test(kept_they_are_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
