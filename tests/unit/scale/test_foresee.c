/* How soon places can come free at the very best: what the queue's outlook is made of. */
#include "base/clock.h"
#include "base/macros.h"
#include "scale/foresee.h"
#include "scale/place_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define S   NS_PER_S
#define MS  NS_PER_MS
#define NOW (1000 * S)

static void the_first_server_is_there_after_the_fastest_start(void **state)
{
    static const struct {
        struct foresee_facts facts;
        int64_t first_ns; /* from now */
    } cases[] = {
        {{.up_max = 1}, 0}, /* no start was seen yet */
        {{.up_max = 1, .start_ns = 3 * S}, 3 * S},
        {{.up_max = 1, .start_ns = 3 * S, .not_before_ns = NOW + 10 * S}, 13 * S},
        {{.up_max = 1, .start_ns = 3 * S, .not_before_ns = NOW - 10 * S}, 3 * S},
        {{.up_max = 1, .not_before_ns = NOW + 10 * S}, 10 * S},
        {{.up_max = 1, .coming = 1, .start_ns = 3 * S, .asked_ns = NOW - 1 * S}, 2 * S},
        {{.up_max = 1, .coming = 1, .start_ns = 3 * S, .asked_ns = NOW - 5 * S}, 0},
        {{.up_max = 1, .coming = 1, .asked_ns = NOW}, 0},
        {{.up_max = 1, .coming = 1, .start_ns = 3 * S, .asked_ns = NOW, .is_one_imminent = true}, 0},
        /* The back-off is for the next one. */
        {{.up_max = 2, .coming = 1, .start_ns = 3 * S, .asked_ns = NOW, .not_before_ns = NOW + 10 * S},
         3 * S},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outlook o = foresee(&cases[i].facts, NOW);
        assert_true(o.is_known);
        assert_int_equal(o.later_ns - NOW, cases[i].first_ns);
    }
}

static void places_are_those_of_all_servers_there_may_be(void **state)
{
    struct foresee_facts f = {.there = 2, .coming = 1, .up_max = 5, .place_limit = 4, .place_ns = 7};
    struct outlook o = foresee(&f, NOW);
    assert_int_equal(o.places_now, 8);
    assert_int_equal(o.places_later, 12);
    assert_int_equal(o.place_ns, 7);
    f.up_max = 1; /* fewer are wanted: those that are there go only when they have nothing to do */
    assert_int_equal(foresee(&f, NOW).places_later, 4);
    f.place_limit = 0;
    assert_int_equal(foresee(&f, NOW).places_now, OUTLOOK_NO_LIMIT);
    f = (struct foresee_facts){.place_limit = 0};
    assert_int_equal(foresee(&f, NOW).places_now, 0);
    assert_int_equal(foresee(&f, NOW).places_later, 0);
    f = (struct foresee_facts){.there = 4096, .place_limit = 4000000000};
    assert_int_equal(foresee(&f, NOW).places_now, OUTLOOK_NO_LIMIT);
}

static void the_best_stretch_counts(void **state)
{
    struct place_time p = {0};
    int64_t now_ns = NOW;
    assert_int_equal(place_time_shortest_ns(&p), 0);
    for (int i = 0; i < 50; i++, now_ns += 100 * MS) /* 5 s, but too few to say anything */
        place_time_note(&p, i % 5 == 0, i % 5 == 0 ? 100 * MS : 0, now_ns);
    assert_int_equal(place_time_shortest_ns(&p), 0);
    for (int i = 0; i < 100; i++, now_ns += 100 * MS)
        place_time_note(&p, 2, 2 * 300 * MS, now_ns);
    assert_int_equal(place_time_shortest_ns(&p), (10 * 100 + 10 * 300) * MS / 20);
    for (int i = 0; i < PLACE_TIME_STRETCHES * 51; i++, now_ns += 100 * MS)
        place_time_note(&p, 2, 2 * 500 * MS, now_ns);
    assert_int_equal(place_time_shortest_ns(&p), 500 * MS); /* what was before is forgotten */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_server_is_there_after_the_fastest_start),
        cmocka_unit_test(places_are_those_of_all_servers_there_may_be),
        cmocka_unit_test(the_best_stretch_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
