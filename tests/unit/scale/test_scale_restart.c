/* A worker begins again: what it adopts, what it waits for, what it ends. */
#include "world.h"

static void restart_adopts_all(void **state)
{
    struct world *w = *state;
    world_begin(w);
    world_want(w, 4);
    world_run(w, 10 * S);
    world_restart_worker(w);
    world_run(w, 10 * MS);
    scale_on_observed(w->scale, &w->provider, w->now_ns);
    world_run(w, 1 * S);
    assert_int_equal(world_count(w, SERVER_SERVING), 4);
    assert_int_equal(w->starts, 4);
    assert_int_equal(w->stops, 0);
    world_run(w, 50 * S); /* what asked for them is forgotten: they stay for a window */
    assert_int_equal(world_count(w, SERVER_SERVING), 4);
    world_run(w, 20 * S);
    assert_int_equal(world_fake_count(w), 1);
    world_assert_no_leak(w);
}

static void restart_finds_servers_late(void **state)
{
    struct world *w = *state;
    world_begin(w);
    world_want(w, 3);
    world_run(w, 10 * S);
    scale_free(w->scale);
    fleet_free(w->fleet);
    world_add_fleet(w);
    world_start_scale(w);
    world_begin(w);
    struct fake hidden[FAKES_MAX];
    memcpy(hidden, w->fakes, sizeof(hidden));
    memset(w->fakes, 0, sizeof(w->fakes)); /* the answer is under way */
    scale_observe(w->scale, &w->provider, w->now_ns);
    world_run(w, 1 * S);
    assert_int_equal(w->starts, 3); /* held: no key is asked for that may exist */
    memcpy(w->fakes, hidden, sizeof(hidden));
    fake_observe(&w->provider);
    scale_on_observed(w->scale, &w->provider, w->now_ns);
    world_run(w, 1 * S);
    assert_int_equal(w->starts, 3);
    assert_int_equal(world_count(w, SERVER_SERVING), 3);
}

static void observing_again_holds_starts(void **state)
{
    struct world *w = *state;
    world_begin(w);
    world_want(w, 2);
    world_run(w, 5 * S);
    scale_observe(w->scale, &w->provider, w->now_ns); /* all that exists is known already: told again */
    world_find_fake(w, "shop/shop-1")->ends_ns = w->now_ns;
    world_run(w, 500 * MS);
    assert_int_equal(w->starts, 2);
    scale_on_observed(w->scale, &w->provider, w->now_ns);
    assert_int_equal(w->starts, 3);
    assert_int_equal(world_up(w), 2);
}

static void who_has_no_address_yet_can_not_be_spared(void **state)
{
    struct world *w = *state;
    world_begin(w);
    world_run(w, 2 * S);
    scale_on_coming(w->scale, "shop/shop-9", w->now_ns); /* one more than is wanted */
    assert_int_equal(world_state(w, "shop-9"), SERVER_REQUESTED);
    for (int i = 0; i < 20 && world_state(w, "shop-9") == SERVER_REQUESTED; i++)
        world_run(w, 50 * MS);
    assert_int_equal(world_state(w, "shop-9"), SERVER_STOPPING);
    assert_false(scale_on_spared(w->scale, "shop/shop-9", "another one went", w->now_ns));
    assert_int_equal(world_state(w, "shop-9"), SERVER_STOPPING);
}

static void hold_ends_by_itself(void **state)
{
    struct world *w = *state;
    world_begin(w);
    scale_observe(w->scale, &w->provider, w->now_ns);
    world_run(w, 1900 * MS);
    assert_int_equal(w->starts, 0);
    world_run(w, 300 * MS);
    assert_int_equal(w->starts, 1);
}

static void restart_beyond_the_maximum_drains(void **state)
{
    struct world *w = *state;
    world_begin(w);
    world_want(w, 5);
    world_run(w, 10 * S);
    w->config.scale.servers_max = 2;
    world_restart_worker(w);
    scale_on_observed(w->scale, &w->provider, w->now_ns);
    world_run(w, 5 * S);
    assert_int_equal(world_count(w, SERVER_SERVING), 2);
    assert_int_equal(world_fake_count(w), 2);
    world_assert_no_leak(w);
}

static void strays_of_unknown_services_are_stopped(void **state)
{
    struct world *w = *state;
    world_begin(w);
    world_run(w, 5 * S);
    struct fake *f = world_add_fake(w, "old/old-1");
    f->is_started = true;
    struct addr address = {0};
    scale_on_started(w->scale, "old/old-1", &address, 5, w->now_ns);
    assert_true(f->is_stopping);
    scale_on_started(w->scale, "nonsense", &address, 5, w->now_ns);
    scale_on_exited(w->scale, "nonsense", "exit status 0", "", w->now_ns);
    scale_on_exited(w->scale, "shop/shop-77", "exit status 0", "", w->now_ns);
    assert_int_equal(world_up(w), 1);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(restart_adopts_all),
        STORY(restart_finds_servers_late),
        STORY(observing_again_holds_starts),
        STORY(who_has_no_address_yet_can_not_be_spared),
        STORY(hold_ends_by_itself),
        STORY(restart_beyond_the_maximum_drains),
        STORY(strays_of_unknown_services_are_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
