/*
 * A server that works on fewer requests at once than the others is told from one that is slow, one that
 * nothing is known of, and one that is like them. Its seconds are made up here, exactly as a server with so
 * many places would have them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/macros.h"
#include "scale/server_knee.h"

struct kind {
    double places, service_s;
    unsigned first, last; /* it has so many in flight, each as often */
};

/* What a server of this kind does, so many requests at each number in flight. */
static void add_second(struct knee_level levels[LEVEL_COUNT], const struct kind *k, double requests)
{
    for (unsigned n = k->first; n <= k->last; n++) {
        struct knee_level *l = &levels[level_of(n)];
        l->admissions += requests;
        l->departures += requests;
        l->admission_s += requests * k->service_s * fmax(n / k->places, 1);
    }
}

/* So many seconds of it beside others, of which as much is known already. */
static void watch(struct server_knee *s, const struct kind *own, const struct kind *others, int seconds)
{
    for (int i = 0; i < seconds; i++) {
        struct knee_level second[LEVEL_COUNT] = {0}, rest[LEVEL_COUNT] = {0};
        add_second(second, own, 5);
        add_second(rest, others, 2000);
        server_knee_note(s, second);
        server_knee_judge(s, rest);
    }
}

static void is_narrow_when_it_is(void **state)
{
    static const struct {
        struct kind own, others;
        double knee; /* 0: not narrow */
    } cases[] = {
        {{8, 0.2, 1, 10}, {8, 0.2, 1, 10}, 0}, /* the same */
        {{4, 0.2, 1, 8}, {8, 0.2, 1, 8}, 4},   /* half */
        {{4, 0.2, 1, 6}, {8, 0.2, 1, 10}, 4},
        {{1, 0.2, 1, 3}, {2, 0.2, 1, 3}, 1},
        {{12, 0.2, 8, 20}, {16, 0.2, 8, 20}, 12},
        {{8, 0.2, 1, 10}, {4, 0.2, 1, 8}, 0},  /* it is the others that are */
        {{8, 0.4, 1, 10}, {8, 0.2, 1, 10}, 0}, /* slow, but not narrow */
        {{4, 0.1, 1, 8}, {8, 0.2, 1, 8}, 4},   /* twice as quick, and narrow all the same */
        {{4, 0.2, 6, 8}, {8, 0.2, 1, 8}, 0},   /* never fewer than it works on: slow or narrow, who knows */
        {{4, 0.2, 1, 4}, {8, 0.2, 1, 8}, 0},   /* never more */
        {{4, 0.2, 1, 8}, {8, 0.2, 1, 4}, 0},   /* the others were not seen there */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct server_knee s = {0};
        watch(&s, &cases[i].own, &cases[i].others, 60);
        if (fabs(s.knee - cases[i].knee) > 0.01)
            fail_msg("case %zu: found %.2f instead of %.2f", i, s.knee, cases[i].knee);
    }
}

static void a_few_requests_prove_nothing(void **state)
{
    const struct kind narrow = {4, 0.2, 1, 8}, others = {8, 0.2, 1, 8};
    struct server_knee s = {0};
    watch(&s, &narrow, &others, 3);
    assert_true(s.knee == 0);
    watch(&s, &narrow, &others, 57);
    assert_true(s.knee > 0);
}

/* Kept to its limit it is seen at few numbers in flight, and stays what it is until it is not. */
static void a_narrow_server_stays_so_until_it_is_wide(void **state)
{
    const struct kind filled = {4, 0.2, 1, 8}, kept = {4, 0.2, 1, 5}, wide = {8, 0.2, 1, 5},
                      others = {8, 0.2, 1, 10};
    struct server_knee s = {0};
    watch(&s, &filled, &others, 60);
    for (int i = 0; i < 600; i++) {
        watch(&s, &kept, &others, 1);
        assert_true(fabs(s.knee - 4) < 0.01);
    }
    watch(&s, &wide, &others, 600);
    assert_true(s.knee == 0);
}

/* How many seconds of it until it is not narrow any more. */
static int until_given_up(struct server_knee *s, const struct kind *own, const struct kind *others)
{
    int seconds = 0;
    for (; s->knee > 0 && seconds < 1000; seconds++)
        watch(s, own, others, 1);
    return seconds;
}

/* One that seems to be wide as long as it is kept to its limit, and narrow whenever it is not. */
static void each_time_it_was_wrong_it_takes_more_to_give_up(void **state)
{
    const struct kind filled = {4, 0.2, 1, 8}, seems_wide = {8, 0.2, 1, 5}, others = {8, 0.2, 1, 10};
    struct server_knee s = {0};
    watch(&s, &filled, &others, 60);
    int first = until_given_up(&s, &seems_wide, &others);
    watch(&s, &filled, &others, 300);
    assert_true(s.knee > 0);
    int second = until_given_up(&s, &seems_wide, &others);
    if (first < 1 || second < first + first / 4)
        fail_msg("given up after %d s, and then after %d s", first, second);
}

static void is_tried_by_what_it_did_beyond_the_knee(void **state)
{
    const struct kind below = {8, 0.2, 1, 5}, beyond = {8, 0.2, 1, 8}, others = {8, 0.2, 1, 8};
    struct server_knee s = {0};
    assert_false(server_knee_is_tried(&s, 4));
    watch(&s, &below, &others, 200);
    assert_false(server_knee_is_tried(&s, 4));
    watch(&s, &beyond, &others, 10);
    assert_false(server_knee_is_tried(&s, 4));
    watch(&s, &beyond, &others, 50);
    assert_true(server_knee_is_tried(&s, 4));
    assert_false(server_knee_is_tried(&s, 8)); /* another knee: anew */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_narrow_when_it_is),
        cmocka_unit_test(a_few_requests_prove_nothing),
        cmocka_unit_test(a_narrow_server_stays_so_until_it_is_wide),
        cmocka_unit_test(each_time_it_was_wrong_it_takes_more_to_give_up),
        cmocka_unit_test(is_tried_by_what_it_did_beyond_the_knee),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
