/* What a client that is turned away is told: when there is likely to be room. */
#include "base/clock.h"
#include "base/macros.h"
#include "scale/retry_after.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define S  NS_PER_S
#define MS NS_PER_MS

static void it_is_what_is_left_of_the_start(void **state)
{
    static const struct {
        struct retry_after_facts facts;
        uint32_t seconds;
    } cases[] = {
        {{.has_available = true, .start_time_ns = 60 * S}, 1},
        {{0}, 5},
        {{.is_starting = true, .start_age_ns = 3 * S}, 5},
        {{.start_time_ns = 10 * S}, 10},
        {{.start_time_ns = 10 * S, .is_starting = true}, 10},
        {{.start_time_ns = 10 * S, .is_starting = true, .start_age_ns = 7 * S}, 3},
        {{.start_time_ns = 10 * S, .is_starting = true, .start_age_ns = 7 * S + 1}, 3},
        {{.start_time_ns = 10 * S, .is_starting = true, .start_age_ns = 7 * S - 1}, 4},
        {{.start_time_ns = 10 * S, .is_starting = true, .start_age_ns = 10 * S}, 1},
        {{.start_time_ns = 10 * S, .is_starting = true, .start_age_ns = 14 * S}, 4},
        {{.start_time_ns = 200 * MS}, 1},
        {{.start_time_ns = 2 * S, .back_off_ns = 30 * S}, 32},
        {{.back_off_ns = 30 * S}, 35},
        {{.start_time_ns = 600 * S}, RETRY_AFTER_MAX_S},
        {{.start_time_ns = 1 * S, .is_starting = true, .start_age_ns = INT64_MAX / 2}, RETRY_AFTER_MAX_S},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(retry_after_s(&cases[i].facts), cases[i].seconds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_is_what_is_left_of_the_start)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
