/* What people say: drained and counted by hand, and advice that nobody has to take. */
#include "world.h"

static void drained_by_hand_is_replaced_and_may_return(void **state)
{
    struct world *w = *state;
    world_begin(w);
    world_want(w, 2);
    world_run(w, 5 * S);
    struct server *one = world_server(w, "shop-1");
    assert_true(scale_drain_server(w->scale, one, w->now_ns, NULL));
    assert_int_equal(atomic_load(&one->state), SERVER_DRAINING);
    assert_int_equal(world_state(w, "shop-3"), SERVER_REQUESTED);
    world_run(w, 10 * S); /* nothing in flight, but it waits for `ready` */
    assert_int_equal(atomic_load(&one->state), SERVER_DRAINING);
    assert_true(scale_ready_server(w->scale, one, w->now_ns, NULL));
    assert_int_equal(atomic_load(&one->state), SERVER_SERVING);
    world_run(w, 5 * S);
    assert_int_equal(atomic_load(&one->state), SERVER_SERVING); /* another one goes for it */
    assert_int_equal(world_up(w), 2);
    assert_true(scale_drain_server(w->scale, one, w->now_ns, NULL));
    world_run(w, 40 * S);
    assert_null(world_server(w, "shop-1")); /* after drain_timeout it is stopped */
    assert_int_equal(world_count(w, SERVER_SERVING), 2);
    world_assert_no_leak(w);
}

static void hand_is_told_why_not(void **state)
{
    struct world *w = *state;
    struct err err;
    world_begin(w);
    world_run(w, 100 * MS);
    assert_false(scale_drain_server(w->scale, world_server(w, "shop-1"), w->now_ns, &err));
    assert_string_equal(err.text, "shop-1 is requested: only a server that takes requests can be drained");
    assert_false(scale_ready_server(w->scale, world_server(w, "shop-1"), w->now_ns, &err));
    assert_false(scale_set_replicas(w->scale, w->service, 7, 0, w->now_ns, &err));
    assert_string_equal(err.text, "7 is more than the maximum of 6 servers");
}

static void manual_count_holds_until_cleared(void **state)
{
    struct world *w = *state;
    w->config.scale.servers_min = 2;
    world_begin(w);
    world_run(w, 5 * S);
    assert_int_equal(world_up(w), 2);
    world_want(w, 0);
    world_run(w, 5 * S);
    assert_int_equal(world_fake_count(w), 0);
    world_want(w, 5);
    world_run(w, 100 * S);
    assert_int_equal(world_count(w, SERVER_SERVING), 5);
    assert_int_equal(world_decision(w).bound, SCALE_BOUND_MANUAL);
    assert_true(scale_clear_replicas(w->scale, w->service, w->now_ns, NULL));
    world_run(w, 5 * S);
    assert_int_equal(world_fake_count(w), 2);
    assert_int_equal(world_events(w, SCALE_EVENT_SCALE_MANUAL), 3);
}

static void manual_count_may_have_an_end(void **state)
{
    struct world *w = *state;
    w->config.scale.servers_min = 1;
    world_begin(w);
    world_run(w, 5 * S);
    assert_true(scale_set_replicas(w->scale, w->service, 4, 60 * S, w->now_ns, NULL));
    assert_string_equal(world_last_event(w, SCALE_EVENT_SCALE_MANUAL)->reason, "set to 4 by hand for 1m");
    world_run(w, 59 * S);
    assert_int_equal(world_up(w), 4);
    assert_int_equal(world_events(w, SCALE_EVENT_SCALE_MANUAL), 1);
    world_run(w, 2 * S);
    assert_int_equal(world_events(w, SCALE_EVENT_SCALE_MANUAL), 2);
    assert_string_equal(world_last_event(w, SCALE_EVENT_SCALE_MANUAL)->reason,
                        "the time set by hand is over: given back to the policy");
    world_run(w, 30 * S);
    assert_int_equal(world_up(w), 1);
    assert_true(scale_set_replicas(w->scale, w->service, 3, 10 * S, w->now_ns, NULL));
    world_want(w, 5); /* the later word counts, and has no end */
    world_run(w, 60 * S);
    assert_int_equal(world_up(w), 5);
    assert_int_equal(world_events(w, SCALE_EVENT_SCALE_MANUAL), 4);
}

static void advice_changes_nothing(void **state)
{
    struct world *w = *state;
    w->config.scale.mode = SCALE_MODE_ADVISE;
    w->config.scale.servers_min = 0;
    w->config.scale.servers_max = 4;
    w->config.max_requests = 1;
    world_begin(w);
    w->rate = 20;
    world_run(w, 20 * S);
    struct scale_decision d = world_decision(w);
    assert_int_equal(d.target, 1);
    assert_int_equal(d.bound, SCALE_BOUND_ADVISE);
    assert_true(d.is_advice);
    assert_int_equal(d.advised, 4);
    assert_int_equal(d.advised_bound, SCALE_BOUND_MAX);
    assert_int_equal(world_up(w), 1);
    assert_non_null(strstr(d.reason, "4 servers advised, 1 kept: needed "));
    assert_true(world_events(w, SCALE_EVENT_SCALE_ADVICE) >= 1);
    assert_int_equal(world_events(w, SCALE_EVENT_SCALE_UP), 1);
    world_want(w, 3);
    world_run(w, 20 * S);
    assert_int_equal(world_up(w), 3);
    assert_int_equal(world_decision(w).advised, 4);
    assert_true(scale_clear_replicas(w->scale, w->service, w->now_ns, NULL));
    w->rate = 0;
    world_run(w, 1000 * S); /* nothing to do for long: advised, and left as it is */
    assert_int_equal(world_up(w), 3);
    assert_int_equal(world_decision(w).advised, 0);
    w->config.scale.mode = SCALE_MODE_ACT; /* as a reload does */
    world_run(w, 60 * S);
    assert_int_equal(world_up(w), 0);
    assert_false(world_decision(w).is_advice);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(drained_by_hand_is_replaced_and_may_return),
        STORY(hand_is_told_why_not),
        STORY(manual_count_holds_until_cleared),
        STORY(manual_count_may_have_an_end),
        STORY(advice_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
