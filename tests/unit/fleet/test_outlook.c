/* Who may wait, and who is refused: only those who could not be served however well all went. */
#include "base/clock.h"
#include "base/macros.h"
#include "fleet/outlook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define S   NS_PER_S
#define MS  NS_PER_MS
#define NOW (1000 * S)

/* A request before which `before` wait, with so much time left. */
static void only_what_surely_comes_too_late_is_refused(void **state)
{
    static const struct {
        struct outlook outlook;
        uint32_t before;
        int64_t left_ns;
        enum outlook_verdict verdict;
    } cases[] = {
        /* Nothing known. */
        {{0}, 1000, 1, OUTLOOK_HOLD},
        {{.places_later = 1, .later_ns = NOW + 9 * S}, 0, 1 * S, OUTLOOK_HOLD},
        /* No server yet: in time or not. */
        {{.is_known = true, .places_later = 1, .later_ns = NOW + 3 * S}, 0, 3 * S, OUTLOOK_HOLD},
        {{.is_known = true, .places_later = 1, .later_ns = NOW + 3 * S}, 0, 3 * S - 1, OUTLOOK_NO_SERVER},
        {{.is_known = true, .places_later = 1, .later_ns = NOW - 3 * S}, 0, 1, OUTLOOK_HOLD},
        {{.is_known = true}, 0, 3600 * S, OUTLOOK_NO_SERVER}, /* and none will be started */
        /* All places may come free at once, whatever requests take. */
        {{.is_known = true, .places_now = 4, .place_ns = 60 * S}, 3, 1, OUTLOOK_HOLD},
        {{.is_known = true, .places_now = 4, .place_ns = 60 * S}, 4, 1, OUTLOOK_NO_TURN},
        /* Then at twice the pace: 4 places of 200 ms, 10 s: 4 + 4 x 2 x 50 turns. */
        {{.is_known = true, .places_now = 4, .place_ns = 200 * MS}, 403, 10 * S, OUTLOOK_HOLD},
        {{.is_known = true, .places_now = 4, .place_ns = 200 * MS}, 404, 10 * S, OUTLOOK_NO_TURN},
        /* Those that come help from then on: 1 + 1 x 2 x 5, and 2 + 2 x 2 x 3 more. */
        {{.is_known = true, .places_now = 1, .places_later = 2, .later_ns = NOW + 2 * S, .place_ns = 1 * S},
         24,
         5 * S,
         OUTLOOK_HOLD},
        {{.is_known = true, .places_now = 1, .places_later = 2, .later_ns = NOW + 2 * S, .place_ns = 1 * S},
         25,
         5 * S,
         OUTLOOK_NO_TURN},
        /* One whose start is overdue is counted as there. */
        {{.is_known = true, .places_later = 2, .later_ns = NOW - 60 * S, .place_ns = 1 * S},
         21,
         5 * S,
         OUTLOOK_HOLD},
        {{.is_known = true, .places_later = 2, .later_ns = NOW - 60 * S, .place_ns = 1 * S},
         22,
         5 * S,
         OUTLOOK_NO_TURN},
        /* Neither without a limit nor without a known pace is there a queue to be too long. */
        {{.is_known = true, .places_now = OUTLOOK_NO_LIMIT, .place_ns = 1 * S}, 1000000, 1, OUTLOOK_HOLD},
        {{.is_known = true, .places_later = OUTLOOK_NO_LIMIT, .later_ns = NOW + 1 * S, .place_ns = 1 * S},
         1000000,
         1 * S,
         OUTLOOK_HOLD},
        {{.is_known = true, .places_now = 1}, 1000000, 1, OUTLOOK_HOLD},
        /* One that is over already is left to its timer. */
        {{.is_known = true}, 0, 0, OUTLOOK_HOLD},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(outlook_judge(&cases[i].outlook, cases[i].before, NOW + cases[i].left_ns, NOW),
                         cases[i].verdict);
}

static void absurd_numbers_do_no_harm(void **state)
{
    struct outlook o = {.is_known = true,
                        .places_now = OUTLOOK_NO_LIMIT - 1,
                        .places_later = OUTLOOK_NO_LIMIT - 1,
                        .later_ns = INT64_MAX,
                        .place_ns = 1};
    assert_int_equal(outlook_judge(&o, UINT32_MAX, INT64_MAX, 0), OUTLOOK_HOLD);
    o.places_now = 0;
    assert_int_equal(outlook_judge(&o, 0, INT64_MAX - 1, 0), OUTLOOK_NO_SERVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_surely_comes_too_late_is_refused),
        cmocka_unit_test(absurd_numbers_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
