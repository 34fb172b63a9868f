/* How long servers are kept: what the hold comes to under needs of known shape. */
#include "base/clock.h"
#include "base/macros.h"
#include "base/random.h"
#include "scale/hold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "effort.h"

#define S NS_PER_S

struct bench {
    struct hold h;
    int64_t now_ns, start_ns;
};

static void bench_init(struct bench *b, int64_t start_ns)
{
    memset(b, 0, sizeof(*b));
    b->now_ns = 1000 * S;
    b->start_ns = start_ns;
}

static void need(struct bench *b, uint32_t servers, int64_t for_ns)
{
    for (int64_t end_ns = b->now_ns + for_ns; b->now_ns < end_ns; b->now_ns += S)
        hold_note(&b->h, servers, b->start_ns, b->now_ns);
}

/* A need that rises for a while each `period`. */
static int64_t hold_of(int64_t start_ns, int64_t high_ns, int64_t period_ns, int64_t length_ns)
{
    struct bench b;
    bench_init(&b, start_ns);
    while (b.now_ns < length_ns) {
        need(&b, 9, high_ns);
        need(&b, 4, period_ns - high_ns);
    }
    return hold_time_ns(&b.h, 9);
}

static void nothing_known_is_break_even(void **state)
{
    static const int64_t starts_ns[] = {5 * S, 30 * S, 120 * S};
    for (size_t i = 0; i < ARRAY_LEN(starts_ns); i++) {
        struct bench b;
        bench_init(&b, starts_ns[i]);
        need(&b, 4, 60 * S);
        int64_t even_ns = 6 * starts_ns[i];
        assert_in_range(hold_time_ns(&b.h, 4), even_ns - even_ns / 8, even_ns + even_ns / 8);
    }
}

/* A hold that is a little longer costs nothing where the gaps are short, so what nobody saw decides there. */
static void noise_that_returns_is_bridged(void **state)
{
    assert_in_range(hold_of(30 * S, 5 * S, 45 * S, 7200 * S), 40 * S, 200 * S);
    assert_in_range(hold_of(30 * S, 5 * S, 120 * S, 7200 * S), 115 * S, 200 * S);
    assert_in_range(hold_of(120 * S, 60 * S, 300 * S, 7200 * S), 240 * S, 800 * S);
}

static void what_stays_away_is_not_waited_for(void **state)
{
    assert_in_range(hold_of(30 * S, 60 * S, 1800 * S, 20000 * S), 10 * S, 30 * S);
    assert_in_range(hold_of(120 * S, 600 * S, 7200 * S, 60000 * S), 30 * S, 150 * S);
}

/* Levels that were needed once and are not: the longer they stay away, the less are the next ones waited for.
 */
static void a_load_that_falls_is_let_go(void **state)
{
    struct bench b;
    bench_init(&b, 120 * S);
    for (uint32_t servers = 20; servers < 40; servers++)
        need(&b, servers, 60 * S);
    assert_in_range(hold_time_ns(&b.h, 30), 630 * S, 810 * S); /* it never fell: break-even */
    for (uint32_t servers = 40; servers > 20; servers--)
        need(&b, servers, 60 * S);
    assert_in_range(hold_time_ns(&b.h, 30), 30 * S, 180 * S);
}

/* That a gap of some length is open is no reason not to wait for those that are known to end later. */
static void an_open_gap_does_not_count_as_ended(void **state)
{
    struct bench b;
    bench_init(&b, 120 * S);
    while (b.now_ns < 20000 * S) {
        need(&b, 30, 60 * S);
        need(&b, 4, 300 * S);
        assert_true(b.now_ns < 4000 * S || hold_time_ns(&b.h, 30) >= 300 * S);
    }
}

/* The second server flickers all the time, the fifteenth is needed once an hour: neither has a say in how
 * long the other is kept, but where little was seen of one. */
static void each_size_has_its_own_gaps(void **state)
{
    struct bench b;
    bench_init(&b, 30 * S);
    for (int peak = 0; peak < 5; peak++) {
        for (int i = 0; i < 30; i++) {
            need(&b, 2, 60 * S);
            need(&b, 1, 60 * S);
        }
        need(&b, 15, 30 * S);
    }
    assert_in_range(hold_time_ns(&b.h, 2), 60 * S, 200 * S);
    assert_in_range(hold_time_ns(&b.h, 15), 10 * S, 30 * S);
    assert_in_range(hold_time_ns(&b.h, 500), 60 * S, 200 * S); /* never seen: what is known of others */
    need(&b, 2, 10 * S);
    assert_int_equal(hold_count(&b.h, 0, b.now_ns), 15);
    need(&b, 2, 30 * S);
    assert_int_equal(hold_count(&b.h, 0, b.now_ns), 3); /* the third one is of the second's size */
}

static void the_hold_has_bounds(void **state)
{
    enum { STARTS = EFFORT(32) };
    for (int i = 0; i < STARTS; i++) {
        int64_t start_ns = i * (4000 * S / STARTS);
        int64_t hold_ns = hold_of(start_ns, 20 * S, 3000 * S, 40000 * S);
        assert_in_range(hold_ns, 10 * S, 3600 * S);
        assert_true(hold_ns >= MIN(start_ns / 4, 3600 * S));
    }
}

static void gaps_are_forgotten(void **state)
{
    struct bench b;
    bench_init(&b, 30 * S);
    for (int i = 0; i < 100; i++) {
        need(&b, 9, 60 * S);
        need(&b, 4, 1000 * S);
    }
    assert_in_range(hold_time_ns(&b.h, 9), 10 * S, 30 * S);
    need(&b, 4, 80000 * S);
    assert_in_range(hold_time_ns(&b.h, 9), 160 * S, 200 * S); /* break-even again */
}

static void each_number_has_its_own_time(void **state)
{
    struct bench b;
    bench_init(&b, 30 * S);
    need(&b, 10, 10 * S);
    need(&b, 7, 10 * S);
    need(&b, 3, 10 * S);
    assert_int_equal(hold_count(&b.h, 60 * S, b.now_ns), 10);
    assert_int_equal(hold_count(&b.h, 15 * S, b.now_ns), 7);
    assert_int_equal(hold_count(&b.h, 60 * S, b.now_ns), 7); /* given up is given up */
    assert_int_equal(hold_count(&b.h, 5 * S, b.now_ns), 3);
    need(&b, 0, 5 * S);
    assert_int_equal(hold_count(&b.h, 60 * S, b.now_ns), 3);
    assert_int_equal(hold_count(&b.h, S, b.now_ns), 0);
}

static void absurd_needs_are_borne(void **state)
{
    struct bench b;
    struct random r = {.state = 7};
    bench_init(&b, 30 * S);
    for (int i = 0; i < 2000; i++) {
        uint32_t servers = i % 3 == 0 ? UINT32_MAX : (uint32_t)random_below(&r, 3000);
        hold_note(&b.h, servers, (int64_t)random_below(&r, 1000) * S, b.now_ns);
        uint32_t held = hold_count(&b.h, (int64_t)random_below(&r, 100) * S, b.now_ns);
        assert_true(held >= MIN(servers, HOLD_LEVELS) && held <= HOLD_LEVELS);
        b.now_ns += (int64_t)random_below(&r, 20) * S;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_known_is_break_even),
        cmocka_unit_test(noise_that_returns_is_bridged),
        cmocka_unit_test(what_stays_away_is_not_waited_for),
        cmocka_unit_test(a_load_that_falls_is_let_go),
        cmocka_unit_test(an_open_gap_does_not_count_as_ended),
        cmocka_unit_test(each_size_has_its_own_gaps),
        cmocka_unit_test(the_hold_has_bounds),
        cmocka_unit_test(gaps_are_forgotten),
        cmocka_unit_test(each_number_has_its_own_time),
        cmocka_unit_test(absurd_needs_are_borne),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
