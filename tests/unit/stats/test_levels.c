/* Levels of requests in flight: exact below, quarters of powers of two above, and their middles lie in them.
 */
#include "stats/levels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants those before it. */
#include <cmocka.h>

static void small_numbers_are_levels_of_their_own(void **state)
{
    assert_int_equal(level_of(0), level_of(1));
    for (uint32_t n = 1; n <= LEVELS_EXACT; n++) {
        assert_int_equal(level_of(n), n - 1);
        assert_true(level_in_flight(n - 1) == n);
    }
}

static void levels_grow_with_the_number_and_hold_their_middle(void **state)
{
    for (uint32_t n = 1; n < 5000; n++)
        assert_in_range(level_of(n + 1) - level_of(n), 0, 1);
    for (unsigned level = 0; level < LEVEL_COUNT; level++)
        assert_int_equal(level_of((uint32_t)level_in_flight(level)), level);
    assert_int_equal(level_of(20), 16);
    assert_int_equal(level_of(21), 17);
    assert_int_equal(level_of(32), 19);
    assert_int_equal(level_of(33), 20);
    assert_int_equal(level_of(40), 20);
    assert_int_equal(level_of(UINT32_MAX), LEVEL_COUNT - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_numbers_are_levels_of_their_own),
        cmocka_unit_test(levels_grow_with_the_number_and_hold_their_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
