/* The methods on a handful of servers: order, limits, servers that are out, latency, errors. */
#include "balance/balance.h"

#include "base/clock.h"
#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 4 };

static struct server servers[COUNT];
static struct server *pointers[COUNT];
static struct balance_load loads[COUNT];
static _Atomic uint32_t turn;
static struct random generator;

static struct balance_request fresh_request(void)
{
    memset(servers, 0, sizeof(servers));
    memset(loads, 0, sizeof(loads));
    atomic_store(&turn, 0);
    generator.state = 42;
    for (uint32_t i = 0; i < COUNT; i++) {
        servers[i].slot = i;
        servers[i].id = i + 1;
        atomic_store(&servers[i].state, SERVER_SERVING);
        atomic_store(&servers[i].is_healthy, 1);
        pointers[i] = &servers[i];
    }
    return (struct balance_request){.servers = pointers,
                                    .server_count = COUNT,
                                    .loads = loads,
                                    .turn = &turn,
                                    .random = &generator,
                                    .now_ns = NS_PER_S};
}

static size_t index_of(const struct server *s)
{
    assert_non_null(s);
    return (size_t)(s - servers);
}

static void round_robin_takes_each_in_turn_and_skips_who_is_out(void **state)
{
    struct balance_request r = fresh_request();
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(index_of(balance_round_robin.pick(&r)), i % COUNT);
    atomic_store(&servers[1].is_healthy, 0);
    static const size_t expected[] = {0, 2, 3, 0, 2, 3};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        assert_int_equal(index_of(balance_round_robin.pick(&r)), expected[i]);
}

static void least_requests_takes_the_idlest(void **state)
{
    struct balance_request r = fresh_request();
    for (int i = 0; i < COUNT; i++)
        atomic_store(&servers[i].in_flight, i == 2 ? 1 : 5);
    for (int i = 0; i < 10; i++)
        assert_int_equal(index_of(balance_least_requests.pick(&r)), 2);
    atomic_store(&servers[2].in_flight, 5); /* equals share */
    unsigned seen = 0;
    for (int i = 0; i < COUNT; i++)
        seen |= 1u << index_of(balance_least_requests.pick(&r));
    assert_int_equal(seen, (1u << COUNT) - 1);
}

static void the_server_to_be_filled_comes_first(void **state)
{
    struct balance_request r = fresh_request();
    r.filled = &servers[3];
    atomic_store(&servers[3].fill_to, 6);
    atomic_store(&servers[3].in_flight, 5);
    for (int i = 0; i < 10; i++)
        assert_int_equal(index_of(balance_pick(&balance_least_requests, &r)), 3);
    atomic_store(&servers[3].in_flight, 6); /* full enough */
    for (int i = 0; i < 10; i++)
        assert_int_not_equal(index_of(balance_pick(&balance_least_requests, &r)), 3);
    atomic_store(&servers[3].in_flight, 0);
    atomic_store(&servers[3].is_healthy, 0);
    for (int i = 0; i < 10; i++)
        assert_int_not_equal(index_of(balance_pick(&balance_least_requests, &r)), 3);
}

static void one_that_fails_is_not_filled(void **state)
{
    struct balance_request r = fresh_request();
    r.filled = &servers[3];
    atomic_store(&servers[3].fill_to, 6);
    balance_observe(&loads[3], &servers[3], NS_PER_MS, true, NS_PER_S);
    assert_int_equal(index_of(balance_pick(&balance_random_of_two, &r)),
                     3); /* one error is a request's own */
    for (int i = 0; i < 3; i++)
        balance_observe(&loads[3], &servers[3], NS_PER_MS, true, NS_PER_S);
    assert_int_not_equal(index_of(balance_pick(&balance_random_of_two, &r)), 3);
}

static void no_method_picks_who_cannot_take_it(void **state)
{
    static const struct balance_ops *const all[] = {&balance_round_robin, &balance_least_requests,
                                                    &balance_random_of_two};
    for (size_t m = 0; m < ARRAY_LEN(all); m++) {
        struct balance_request r = fresh_request();
        atomic_store(&servers[0].state, SERVER_DRAINING);
        atomic_store(&servers[1].is_refusing, 1);
        atomic_store(&servers[2].max_requests, 2);
        atomic_store(&servers[2].in_flight, 2);
        for (int i = 0; i < 20; i++)
            assert_int_equal(index_of(all[m]->pick(&r)), 3);
        r.avoid[r.avoid_count++] = &servers[3]; /* tried before */
        assert_null(all[m]->pick(&r));
        r.server_count = 0;
        assert_null(all[m]->pick(&r));
    }
}

static void random_of_two_prefers_the_quick_and_the_honest(void **state)
{
    struct balance_request r = fresh_request();
    for (int i = 0; i < COUNT; i++)
        for (int k = 0; k < 50; k++)
            balance_observe(&loads[i], &servers[i], i == 0 ? 200 * NS_PER_MS : 10 * NS_PER_MS, false,
                            NS_PER_S);
    int picked[COUNT] = {0};
    for (int i = 0; i < 4000; i++)
        picked[index_of(balance_random_of_two.pick(&r))]++;
    assert_int_equal(picked[0], 0); /* of two different ones the slow one never wins */
    for (int i = 1; i < COUNT; i++)
        assert_true(picked[i] > 900);

    /* A server that fails at once is quick, and must not win by it. */
    for (int k = 0; k < 200; k++)
        balance_observe(&loads[1], &servers[1], NS_PER_MS, true, NS_PER_S);
    assert_true(balance_cost(&loads[1], &servers[1], NS_PER_S) >
                50 * balance_cost(&loads[2], &servers[2], NS_PER_S));
    /* But it is tried again when nothing was heard of it for long. */
    int64_t later = 90 * NS_PER_S;
    balance_observe(&loads[2], &servers[2], 10 * NS_PER_MS, false, later);
    assert_true(balance_cost(&loads[1], &servers[1], later) < balance_cost(&loads[2], &servers[2], later));
}

/* One slow answer, as of an application that warms up, is remembered for a while; even so those errors win
 * nothing. */
static void a_broken_server_does_not_win_against_one_that_was_slow_once(void **state)
{
    (void)state;
    fresh_request();
    balance_observe(&loads[0], &servers[0], 500 * NS_PER_MS, false, NS_PER_S);
    for (int k = 0; k < 20; k++) {
        balance_observe(&loads[0], &servers[0], 20 * NS_PER_MS, false, NS_PER_S);
        balance_observe(&loads[1], &servers[1], NS_PER_MS, true, NS_PER_S);
    }
    atomic_store(&servers[0].in_flight, 3);
    assert_true(balance_cost(&loads[1], &servers[1], NS_PER_S) >
                balance_cost(&loads[0], &servers[0], NS_PER_S));
    /* A single error does not make a server shunned that is twice as quick. */
    fresh_request();
    for (int k = 0; k < 40; k++) {
        balance_observe(&loads[0], &servers[0], 40 * NS_PER_MS, false, NS_PER_S);
        balance_observe(&loads[1], &servers[1], 20 * NS_PER_MS, k == 39, NS_PER_S);
    }
    assert_true(balance_cost(&loads[1], &servers[1], NS_PER_S) <
                balance_cost(&loads[0], &servers[0], NS_PER_S));
}

static void an_unknown_server_is_tried_with_one_request_at_a_time(void **state)
{
    struct balance_request r = fresh_request();
    balance_observe(&loads[0], &servers[0], NS_PER_MS, false, NS_PER_S);
    assert_true(balance_cost(&loads[1], &servers[1], NS_PER_S) <
                balance_cost(&loads[0], &servers[0], NS_PER_S));
    atomic_store(&servers[1].in_flight, 1);
    assert_true(balance_cost(&loads[1], &servers[1], NS_PER_S) >
                balance_cost(&loads[0], &servers[0], NS_PER_S));
    (void)r;
}

static void a_server_that_others_keep_busy_is_tried_too(void **state)
{
    static struct balance_load others;
    fresh_request();
    others = (struct balance_load){0};
    for (int k = 0; k < 10; k++) /* all that this thread knows is a server that fails */
        balance_observe(&loads[0], &servers[0], NS_PER_MS, true, NS_PER_S);
    atomic_store(&servers[1].in_flight, 3);
    assert_true(balance_cost(&loads[1], &servers[1], NS_PER_S) >
                balance_cost(&loads[0], &servers[0], NS_PER_S)); /* nobody had an answer of the other yet */
    balance_observe(&others, &servers[1], 20 * NS_PER_MS, false, NS_PER_S);
    assert_true(balance_cost(&loads[1], &servers[1], NS_PER_S) <
                balance_cost(&loads[0], &servers[0], NS_PER_S));
    assert_true(balance_cost(&loads[1], &servers[1], NS_PER_S) == 4 * 20.0 * NS_PER_MS);
}

static void a_failure_is_no_first_answer(void **state)
{
    static struct balance_load others;
    fresh_request();
    others = (struct balance_load){0};
    balance_observe(&others, &servers[1], NS_PER_MS, true, NS_PER_S);
    atomic_store(&servers[1].in_flight, 1);
    balance_observe(&loads[0], &servers[0], NS_PER_S, false, NS_PER_S);
    assert_true(balance_cost(&loads[1], &servers[1], NS_PER_S) >
                balance_cost(&loads[0], &servers[0], NS_PER_S));
}

static void a_slot_with_a_new_server_forgets_the_old_one(void **state)
{
    fresh_request();
    balance_observe(&loads[0], &servers[0], NS_PER_S, true, NS_PER_S);
    servers[0].id = 99;
    assert_true(balance_cost(&loads[0], &servers[0], NS_PER_S) == 0);
    balance_observe(&loads[0], &servers[0], NS_PER_MS, false, 2 * NS_PER_S);
    assert_true(loads[0].latency_ns < 2 * NS_PER_MS && loads[0].error_share == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_robin_takes_each_in_turn_and_skips_who_is_out),
        cmocka_unit_test(least_requests_takes_the_idlest),
        cmocka_unit_test(the_server_to_be_filled_comes_first),
        cmocka_unit_test(one_that_fails_is_not_filled),
        cmocka_unit_test(no_method_picks_who_cannot_take_it),
        cmocka_unit_test(random_of_two_prefers_the_quick_and_the_honest),
        cmocka_unit_test(a_broken_server_does_not_win_against_one_that_was_slow_once),
        cmocka_unit_test(an_unknown_server_is_tried_with_one_request_at_a_time),
        cmocka_unit_test(a_server_that_others_keep_busy_is_tried_too),
        cmocka_unit_test(a_failure_is_no_first_answer),
        cmocka_unit_test(a_slot_with_a_new_server_forgets_the_old_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
