/* How many requests a server without a limit is given, against servers whose law is known. */
#include "base/clock.h"
#include "base/macros.h"
#include "fleet/let_in.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define S   NS_PER_S
#define MS  NS_PER_MS
#define NOW (1000 * S)

/* A server that works on `places` at once for 200 ms each is kept full for so long; returns what it may have.
 */
static int32_t keep_full(struct let_in *l, int32_t least, int places, int64_t for_ns)
{
    int64_t look_ns = NOW;
    for (int64_t now = NOW; now < NOW + for_ns; now += 200 * MS / MIN(places, let_in_max(l, least))) {
        let_in_note(l, least, let_in_max(l, least), now);
        let_in_admit(l);
        for (; look_ns <= now; look_ns += 100 * MS)
            let_in_look(l, least, let_in_max(l, least), now);
    }
    return let_in_max(l, least);
}

static void a_server_gets_some_more_than_it_works_on(void **state)
{
    static const int places[] = {1, 2, 4, 8, 16, 32, 100, 1000};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct let_in l = {0};
        int32_t max = keep_full(&l, 0, places[i], 60 * S);
        if (max < places[i] || max > MAX(4 * places[i], 2 * LET_IN_FIRST))
            fail_msg("%d works on %d at once", max, places[i]);
    }
}

/* Doubling with each turn, a wide server has what it can do within seconds. */
static void a_wide_server_has_its_share_soon(void **state)
{
    struct let_in l = {0};
    assert_true(keep_full(&l, 0, 128, 3 * S) >= 128);
}

static void what_goes_well_anyway_is_given_at_once(void **state)
{
    struct let_in l = {0};
    assert_int_equal(let_in_max(&l, 1), LET_IN_FIRST);
    assert_int_equal(let_in_max(&l, 50), 50);
    assert_true(keep_full(&l, 50, 4, 20 * S) <= 100);
}

/* Streams: all have begun, none has ended. */
static void requests_that_were_answered_and_stay_are_no_work(void **state)
{
    struct let_in l = {0};
    int32_t max = let_in_max(&l, 1), in_flight = 0;
    int64_t now = NOW;
    for (; in_flight < 1000; now += MS) {
        for (; in_flight < max; in_flight++)
            let_in_admit(&l);
        for (int i = l.pending; i > 0; i--)
            let_in_note(&l, 1, in_flight, now);
        max = let_in_max(&l, 1);
    }
    assert_true(now - NOW < 20 * MS);
}

/* Long polls: nothing is answered for long. */
static void a_server_that_stands_still_gets_more_after_a_while(void **state)
{
    struct let_in l = {0};
    for (int64_t at = 0; at <= 20 * S; at += 100 * MS) {
        int32_t max = let_in_max(&l, 1);
        let_in_look(&l, 1, max, NOW + at);
        assert_true(at > 2 * S || max == LET_IN_FIRST);
    }
    int32_t max = let_in_max(&l, 1);
    assert_true(max >= 1000 && max <= 8192);
}

/* A thousand that wait for an answer that takes long; it is asked for its health when that is wanted, each
 * 50 ms, and answers at once. Returns when it had all of them; 0: not within a minute. */
static int64_t let_a_thousand_in(struct let_in *l, bool is_full)
{
    let_in_note_healthy(l); /* it has started */
    for (int64_t at = 0; at <= 60 * S; at += 50 * MS) {
        if (!is_full && let_in_is_asking(l))
            let_in_note_healthy(l);
        if (at % (100 * MS) == 0)
            let_in_look(l, 1, let_in_max(l, 1), NOW + at);
        if (let_in_max(l, 1) >= 1000)
            return at;
    }
    return 0;
}

static void slow_requests_are_let_in_while_it_answers_for_its_health(void **state)
{
    struct let_in l = {0};
    int64_t had_ns = let_a_thousand_in(&l, false);
    assert_true(had_ns > 2 * S && had_ns <= 4 * S);
}

/* Answers of the first do not tell of those that came after them. */
static void the_first_answers_do_not_end_that(void **state)
{
    struct let_in l = {0};
    let_in_note_healthy(&l);
    for (int64_t at = 0; at <= 4 * S && let_in_max(&l, 1) < 1000; at += 50 * MS) {
        if (let_in_is_asking(&l))
            let_in_note_healthy(&l);
        if (at % (100 * MS) == 0)
            let_in_look(&l, 1, let_in_max(&l, 1), NOW + at);
        if (at > 2200 * MS && at % (400 * MS) == 0)
            let_in_note(&l, 1, let_in_max(&l, 1), NOW + at);
    }
    assert_true(let_in_max(&l, 1) >= 1000);
}

static void a_full_server_gets_no_more_of_them(void **state)
{
    struct let_in l = {0};
    assert_int_equal(let_a_thousand_in(&l, true), 0);
    assert_int_equal(let_in_max(&l, 1), LET_IN_FIRST);
}

/* It answers for its health while requests wait inside it for each other: those tell. */
static void health_says_nothing_where_requests_are_answered(void **state)
{
    struct let_in l = {0};
    for (int64_t at = 0; at <= 60 * S; at += 50 * MS) {
        let_in_note_healthy(&l);
        if (at % (500 * MS) == 0)
            let_in_note(&l, 1, let_in_max(&l, 1), NOW + at);
        if (at % (100 * MS) == 0)
            let_in_look(&l, 1, let_in_max(&l, 1), NOW + at);
        let_in_admit(&l);
    }
    assert_true(let_in_max(&l, 1) <= 2 * LET_IN_FIRST);
}

/* Something else keeps it to less: that it does no more says nothing. */
static void a_server_that_is_not_full_gets_no_more(void **state)
{
    struct let_in l = {0};
    for (int i = 0; i < 1000; i++) {
        let_in_note(&l, 1, LET_IN_FIRST - 1, NOW + i * MS);
        let_in_look(&l, 1, LET_IN_FIRST - 1, NOW + i * 5 * S);
    }
    assert_int_equal(let_in_max(&l, 1), LET_IN_FIRST);
}

/* Nobody waited, and nothing was noted: that was not slowness. */
static void a_quiet_time_does_not_count(void **state)
{
    struct let_in l = {0};
    for (int i = 0; i < 10; i++) {
        let_in_admit(&l);
        let_in_note(&l, 1, LET_IN_FIRST, NOW + i * 10 * MS);
    }
    for (int i = 0; i < 40; i++) {
        let_in_admit(&l);
        let_in_note(&l, 1, let_in_max(&l, 1), NOW + 3600 * S + i * 10 * MS);
    }
    assert_true(l.took_ns <= 2 * LET_IN_FIRST * 10 * MS);
    assert_true(let_in_max(&l, 1) >= 2 * LET_IN_FIRST);
}

static void it_may_be_pressed(void **state)
{
    struct let_in l = {0};
    let_in_press(&l, 5);
    assert_int_equal(let_in_max(&l, 1), LET_IN_FIRST);
    let_in_press(&l, 33);
    assert_int_equal(let_in_max(&l, 1), 33);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_gets_some_more_than_it_works_on),
        cmocka_unit_test(a_wide_server_has_its_share_soon),
        cmocka_unit_test(what_goes_well_anyway_is_given_at_once),
        cmocka_unit_test(requests_that_were_answered_and_stay_are_no_work),
        cmocka_unit_test(a_server_that_stands_still_gets_more_after_a_while),
        cmocka_unit_test(slow_requests_are_let_in_while_it_answers_for_its_health),
        cmocka_unit_test(the_first_answers_do_not_end_that),
        cmocka_unit_test(a_full_server_gets_no_more_of_them),
        cmocka_unit_test(health_says_nothing_where_requests_are_answered),
        cmocka_unit_test(a_server_that_is_not_full_gets_no_more),
        cmocka_unit_test(a_quiet_time_does_not_count),
        cmocka_unit_test(it_may_be_pressed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
