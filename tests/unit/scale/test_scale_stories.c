/* Whole stories under load, on the virtual clock: what a user would see in ten minutes, in milliseconds. */
#include <math.h>

#include "world.h"

static void assert_nothing_lost(struct world *w)
{
    assert_int_equal(w->refused, 0);
    assert_int_equal(w->cut, 0);
}

/* The load triples for a minute and falls; one server dies on the way; nothing is lost but
 * what it carried. */
static void load_triples_and_falls(void **state)
{
    struct world *w = *state;
    w->config.max_requests = 4;
    w->config.scale.scale_down_after_ns = 30 * S;
    world_begin(w);
    w->rate = 25; /* x 0.2 s = 5 at once */
    world_run(w, 60 * S);
    uint32_t before = world_count(w, SERVER_SERVING);
    assert_in_range(before, 2, 3);
    w->rate = 75; /* 15 at once */
    world_run(w, 10 * S);
    assert_in_range(world_up(w), 5, 6);
    world_run(w, 50 * S);
    assert_true(atomic_load(&w->service->queued) < 5);
    w->rate = 25;
    world_run(w, 25 * S);
    assert_in_range(world_up(w), 5, 6); /* not before the window is over */
    world_run(w, 20 * S);
    assert_in_range(world_up(w), before, 3);
    assert_nothing_lost(w);
    assert_true(w->wait_max_ns < 5 * S);
    assert_true(w->answered > 60 * 25 + 60 * 75);
    /* Few decisions: up for the load, up for the peak, down. */
    assert_true(world_events(w, SCALE_EVENT_SCALE_UP) <= 8);
    assert_true(world_events(w, SCALE_EVENT_SCALE_DOWN) <= 5);
    assert_int_equal(world_fake_count(w), world_up(w));
    assert_int_equal(world_events(w, SCALE_EVENT_SERVER_SLOW), 0);
}

static void death_under_load(void **state)
{
    struct world *w = *state;
    w->config.max_requests = 4;
    world_begin(w);
    w->rate = 50;
    world_run(w, 60 * S);
    uint32_t up = world_up(w);
    world_find_fake(w, "shop/shop-1")->ends_ns = w->now_ns;
    world_run(w, 30 * S);
    assert_in_range(world_count(w, SERVER_SERVING), 4, up); /* (10 + 3.2) / 4 */
    assert_true(w->cut <= 4); /* what it carried: the data plane retries the GETs of them */
    assert_int_equal(w->refused, 0);
}

static void wakes_from_zero_in_order(void **state)
{
    struct world *w = *state;
    w->config.scale.servers_min = 0;
    w->config.max_requests = 4;
    world_begin(w);
    world_run(w, 60 * S);
    assert_int_equal(w->starts, 0);
    int64_t asked_ns = w->now_ns;
    world_arrive(w, 1);
    world_run(w, 1500 * MS);
    assert_int_equal(w->log[1].at_ns - asked_ns, 10 * MS); /* the wake, not the tick */
    assert_int_equal(w->answered, 1);
    assert_true(w->wait_max_ns <= w->start_delay_ns + 60 * MS); /* one probe later at most */
    world_run(w, 57 * S);
    assert_int_equal(world_up(w), 1);
    world_run(w, 10 * S);
    assert_int_equal(world_fake_count(w), 0);
    /* A thousand at once: as many servers as it takes, all answered. */
    world_arrive(w, 1000);
    world_run(w, 30 * S);
    assert_int_equal(w->answered, 1001);
    assert_nothing_lost(w);
    assert_int_equal(world_up(w), 6);
    world_run(w, 70 * S);
    assert_int_equal(world_fake_count(w), 0);
}

/* Nothing stated about when servers go: the gaps decide, here with a start of 3 s and requests every two
 * minutes. */
static void the_last_server_learns_when_to_go(void **state)
{
    struct world *w = *state;
    w->config.scale.servers_min = 0;
    w->config.scale.scale_down_after_ns = 0;
    w->config.max_requests = 4;
    w->start_delay_ns = 3 * S;
    world_begin(w);
    world_arrive(w, 1);
    world_run(w, 28 * S);
    assert_int_equal(world_up(w), 1); /* ten start times while nothing is known */
    world_run(w, 92 * S);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(world_up(w), 0);
        world_arrive(w, 1);
        world_run(w, 120 * S);
    }
    world_arrive(w, 1);
    world_run(w, 22 * S);
    assert_int_equal(world_up(w), 0);
    assert_int_equal(w->answered, 10);
    assert_nothing_lost(w);
}

/* The clock stands still during a start, but not for ever where none succeeds and nobody waits any more. */
static void a_last_server_that_never_starts_is_given_up(void **state)
{
    struct world *w = *state;
    w->config.scale.servers_min = 0;
    w->config.scale.scale_down_after_ns = 0;
    w->is_hanging = true;
    world_begin(w);
    world_arrive(w, 1);
    world_run(w, 900 * S);
    assert_int_equal(w->answered, 0);
    assert_int_equal(world_up(w), 0);
}

/* Twenty seconds to start: the backlog grows all the while, and still the ask stays at what arithmetic says.
 */
static void slow_starters_do_not_overshoot(void **state)
{
    struct world *w = *state;
    w->config.scale.servers_max = 100;
    w->config.max_requests = 4;
    w->config.queue_timeout_ns = 120 * S;
    w->start_delay_ns = 20 * S;
    world_begin(w);
    world_run(w, 30 * S);
    w->rate = 40; /* 8 at once: (8 + 2.8) / 4 = 3 servers */
    world_run(w, 21 * S);
    /* What piled up: 20 s x (40 - 20 a second from the one server) = 400 x 0.2 / (4 x 5) = 4 more. KPA would
     * ask for 100. And a load that has just come from nothing may grow on: as many again. */
    assert_in_range(world_up(w), 4, 16);
    world_run(w, 60 * S);
    assert_in_range(world_up(w), 3, 16);
    assert_true(atomic_load(&w->service->queued) < 5);
    world_run(w, 120 * S);
    assert_in_range(world_up(w), 3, 4);
    assert_nothing_lost(w);
}

static void capacity_is_learned_without_limits(void **state)
{
    struct world *w = *state;
    w->config.scale.servers_max = 20;
    w->parallel = 2; /* the truth: two at once; the start value says four */
    world_begin(w);
    w->rate = 5;
    world_run(w, 60 * S);
    w->rate = 40; /* 8 at once: 4 busy servers, some 5 or 6 with room */
    world_run(w, 120 * S);
    struct scale_decision d = world_decision(w);
    assert_int_equal(d.capacity.source, CAPACITY_LEARNED);
    assert_true(d.capacity.in_flight > 1.2 && d.capacity.in_flight < 2.8);
    assert_true(d.capacity.service_ns > 170 * MS && d.capacity.service_ns < 260 * MS);
    assert_in_range(world_up(w), 5, 11);
    assert_nothing_lost(w);
}

static void large_capacity_is_learned_too(void **state)
{
    struct world *w = *state;
    w->config.scale.servers_max = 30;
    w->parallel = 64;
    world_begin(w);
    w->rate = 20;
    world_run(w, 30 * S);
    w->rate = 200; /* 40 at once: one server can carry them */
    world_run(w, 30 * S);
    assert_true(world_up(w) <= 12); /* the careful start: as if one carried four */
    world_run(w, 600 * S);
    assert_in_range(world_up(w), 1, 6); /* tighter by and by, a step in each stable window */
    assert_true(world_decision(w).capacity.in_flight > 8);
}

/* Load for one and a half servers, spread over many while nothing is known: one of them is filled first. */
static void width_is_known_within_two_minutes(struct world *w, uint32_t truth)
{
    w->config.scale.servers_max = 40;
    w->parallel = truth;
    world_begin(w);
    w->rate = 1;
    world_run(w, 10 * S);
    w->rate = 1.5 * truth / 0.2;
    world_run(w, 110 * S);
    struct capacity_estimate e = world_decision(w).capacity;
    if (!e.is_saturation_seen || fabs(e.in_flight - truth) > 0.1 * truth)
        fail_msg("%u learned as %g", truth, e.in_flight);
    assert_int_equal(e.fill_to, 0); /* known well enough */
    assert_null(atomic_load(&w->service->filled));
    assert_nothing_lost(w);
}

static void eight_at_once_are_known_within_two_minutes(void **state)
{
    width_is_known_within_two_minutes(*state, 8);
}

static void sixteen_at_once_are_known_within_two_minutes(void **state)
{
    width_is_known_within_two_minutes(*state, 16);
}

static void thirty_two_at_once_are_known_within_two_minutes(void **state)
{
    width_is_known_within_two_minutes(*state, 32);
}

/* A server that goes is filled no longer, and the next one in age takes its place. */
static void a_draining_server_is_not_filled(void **state)
{
    struct world *w = *state;
    w->config.scale.servers_min = w->config.scale.servers_max = 3;
    w->parallel = 64;
    world_begin(w);
    w->rate = 60;
    world_run(w, 20 * S);
    struct server *filled = atomic_load(&w->service->filled);
    struct err err;
    assert_non_null(filled);
    assert_true(scale_drain_server(w->scale, filled, w->now_ns, &err));
    assert_ptr_not_equal(atomic_load(&w->service->filled), filled);
    world_run(w, 1 * S);
    assert_ptr_not_equal(atomic_load(&w->service->filled), filled);
    assert_nothing_lost(w);
}

/* A database that does ten at once behind all servers: more servers do not help, and are not asked for
 * without end. */
static void a_slow_server_is_told_and_goes_first(void **state)
{
    struct world *w = *state;
    w->config.max_requests = 4;
    w->config.scale.servers_min = 2;
    w->slow = "shop-1"; /* the oldest: the last to go otherwise */
    w->rate = 30;
    world_begin(w);
    world_run(w, 60 * S);
    assert_int_equal(world_events(w, SCALE_EVENT_SERVER_SLOW), 1);
    assert_string_equal(world_last_event(w, SCALE_EVENT_SERVER_SLOW)->server, "shop-1");
    world_run(w, 60 * S);
    const struct logged *first = NULL; /* to go */
    for (uint32_t i = 0; i < w->log_count && !first; i++)
        if (w->log[i].kind == SCALE_EVENT_SERVER_STATE && w->log[i].to == SERVER_DRAINING)
            first = &w->log[i];
    assert_non_null(first);
    assert_string_equal(first->server, "shop-1");
    assert_nothing_lost(w);
}

/* One of three has half the places: it is kept to what it carries, and counts for that. */
static void a_narrow_server_is_found_and_kept_to_less(void **state)
{
    struct world *w = *state;
    w->config.scale.servers_min = w->config.scale.servers_max = 3;
    w->parallel = 8;
    w->narrow = "shop-2";
    w->is_poisson = true;
    w->law = WORLD_LOGNORMAL;
    w->rate = 85; /* of a hundred that the three can do */
    world_begin(w);
    world_run(w, 180 * S);
    const struct logged *told = world_last_event(w, SCALE_EVENT_SERVER_NARROW);
    assert_non_null(told);
    assert_string_equal(told->server, "shop-2");
    assert_int_equal(world_events(w, SCALE_EVENT_SERVER_NARROW), 1);
    world_run(w, 120 * S);
    int32_t narrow = atomic_load(&world_server(w, "shop-2")->max_requests);
    int32_t wide = atomic_load(&world_server(w, "shop-1")->max_requests);
    if (narrow < 4 || narrow > 6 || wide < 9 || wide > 11)
        fail_msg("the narrow one is kept to %d, the others to %d", narrow, wide);
    assert_float_equal(world_decision(w).capacity.in_flight, (8 + 4 + 8) / 3.0, 0.7);
    w->narrow = NULL; /* it got its other workers back */
    world_run(w, 360 * S);
    assert_int_equal(world_events(w, SCALE_EVENT_SERVER_WIDE), 1);
    assert_true(atomic_load(&world_server(w, "shop-2")->max_requests) >= 9);
    assert_nothing_lost(w);
}

static void equal_servers_are_not_called_narrow(void **state)
{
    struct world *w = *state;
    for (int law = WORLD_UNIFORM; law <= WORLD_EXPONENTIAL; law++)
        for (int sharing = 0; sharing < 2; sharing++) {
            world_fini(w);
            world_init(w);
            w->config.scale.servers_min = w->config.scale.servers_max = 3;
            w->law = (enum world_law)law;
            w->is_sharing = sharing;
            w->is_poisson = true;
            w->rate = 50; /* of sixty */
            world_begin(w);
            world_run(w, 240 * S);
            if (world_events(w, SCALE_EVENT_SERVER_NARROW) > 0)
                fail_msg("law %d, %s: %s", law, sharing ? "shared" : "in line",
                         world_last_event(w, SCALE_EVENT_SERVER_NARROW)->reason);
        }
}

static void a_server_that_recovers_is_told(void **state)
{
    struct world *w = *state;
    w->config.scale.servers_min = w->config.scale.servers_max = 3;
    w->config.max_requests = 8;
    w->slow = "shop-2";
    w->rate = 30;
    world_begin(w);
    world_run(w, 90 * S);
    assert_int_equal(world_events(w, SCALE_EVENT_SERVER_SLOW), 1);
    assert_int_equal(world_events(w, SCALE_EVENT_SERVER_IN_PACE), 0);
    w->slow = NULL;
    world_run(w, 120 * S);
    assert_int_equal(world_events(w, SCALE_EVENT_SERVER_SLOW), 1);
    assert_int_equal(world_events(w, SCALE_EVENT_SERVER_IN_PACE), 1);
    assert_string_equal(world_last_event(w, SCALE_EVENT_SERVER_IN_PACE)->server, "shop-2");
}

/* While one of them is filled it answers later than the others do. */
static void a_filled_server_is_not_slow(void **state)
{
    struct world *w = *state;
    w->parallel = 6;
    w->config.scale.servers_min = w->config.scale.servers_max = 3;
    w->rate = 35;
    world_begin(w);
    bool was_filled = false;
    for (int second = 0; second < 600; second++) {
        world_run(w, 1 * S);
        was_filled |= atomic_load(&w->service->filled) != NULL;
    }
    assert_true(was_filled);
    assert_int_equal(world_events(w, SCALE_EVENT_SERVER_SLOW), 0);
}

static void shared_bottleneck_does_not_run_away(void **state)
{
    struct world *w = *state;
    w->config.scale.servers_max = 100;
    w->config.queue_timeout_ns = 1000 * S;
    w->parallel = 1000;
    w->bottleneck = 10;
    world_begin(w);
    w->rate = 20; /* 4 at once */
    world_run(w, 60 * S);
    w->rate = 60; /* 12 at once: more than it can */
    world_run(w, 120 * S);
    assert_true(world_up(w) <= 24);
    assert_true(world_decision(w).capacity.is_bottleneck_shared);
    assert_non_null(strstr(world_decision(w).reason, "bottleneck"));
}

static void objective_bounds_latency(void **state)
{
    struct world *w = *state;
    w->config.scale.servers_max = 20;
    w->config.scale.objective_ns = 600 * MS;
    w->config.scale.objective_quantile = 0.99;
    w->parallel = 2;
    world_begin(w);
    w->rate = 5;
    world_run(w, 60 * S);
    w->rate = 40;
    world_run(w, 240 * S);
    struct scale_signals g;
    struct scale_decision d;
    assert_true(scale_last(w->scale, w->service, &g, &d));
    assert_true(g.duration_quantile_ns < 600 * MS);
    assert_in_range(world_up(w), 5, 14);
    assert_nothing_lost(w);
}

static struct scale_signals signals_of(struct world *w)
{
    struct scale_signals g;
    struct scale_decision d;
    assert_true(scale_last(w->scale, w->service, &g, &d));
    return g;
}

/*
 * The first server takes 6 s (its files are read, its image is pulled), those beside it 1 s. Growth reckons
 * with the 1 s, what has slept for long and who is turned away then with the 6 s.
 */
static void cold_and_warm_starts_are_told_apart(void **state)
{
    struct world *w = *state;
    w->config.scale.servers_min = 0;
    w->config.max_requests = 4;
    world_begin(w);
    w->cold_start_delay_ns = 6 * S;
    w->rate = 10;
    world_run(w, 6500 * MS);
    assert_in_range(signals_of(w).start_time_p90_ns, 6 * S, 6100 * MS); /* all that is known */
    w->rate = 40;
    world_run(w, 60 * S);
    assert_in_range(signals_of(w).start_time_p90_ns, 1 * S, 1100 * MS);
    assert_in_range(signals_of(w).start_time_cold_p90_ns, 6 * S, 6100 * MS);
    assert_int_equal(atomic_load(&w->service->retry_after_s), 1); /* servers are there */
    w->rate = 0;
    world_run(w, 100 * S);
    assert_int_equal(world_fake_count(w), 0);
    assert_in_range(signals_of(w).start_time_p90_ns, 1 * S, 1100 * MS);
    assert_in_range(atomic_load(&w->service->retry_after_s), 1, 2);
    world_run(w, START_WARM_NS);
    assert_in_range(signals_of(w).start_time_p90_ns, 6 * S, 6100 * MS);
    assert_in_range(atomic_load(&w->service->retry_after_s), 6, 7);
    assert_nothing_lost(w);
}

static void restart_under_load(void **state)
{
    struct world *w = *state;
    w->config.max_requests = 4;
    world_begin(w);
    w->rate = 60;
    world_run(w, 60 * S);
    uint32_t up = world_up(w), starts = w->starts;
    world_restart_worker(w);
    scale_on_observed(w->scale, &w->provider, w->now_ns);
    world_run(w, 1 * S);
    assert_true(world_count(w, SERVER_SERVING) >= up);
    world_run(w, 30 * S);
    assert_true(w->starts <= starts + 2);
    assert_true(world_up(w) >= up);
    assert_nothing_lost(w);
}

/* The wall clock is unknown until it is told, goes on with ours, and may be set. */
static void wall_clock_is_in_the_signals(void **state)
{
    struct world *w = *state;
    struct scale_signals g;
    struct scale_decision d;
    world_begin(w);
    world_run(w, 1 * S);
    assert_true(scale_last(w->scale, w->service, &g, &d));
    assert_int_equal(g.wall_ns, 0);
    scale_set_wall_clock(w->scale, 1000 * S, w->now_ns);
    world_run(w, 3 * S);
    assert_true(scale_last(w->scale, w->service, &g, &d));
    assert_int_equal(g.wall_ns, 1003 * S);
    scale_set_wall_clock(w->scale, 500 * S, w->now_ns);
    world_run(w, 1 * S);
    assert_true(scale_last(w->scale, w->service, &g, &d));
    assert_int_equal(g.wall_ns, 501 * S);
}

/* At 8:00 four are there, asked for a start time before; two minutes later they may go. */
static void a_schedule_is_served_in_time(void **state)
{
    struct world *w = *state;
    const int64_t midnight_ns = 11017 * 86400 * S; /* some day of 2000 */
    struct config_schedule schedule = {.for_ns = 120 * S, .servers_min = 4, .zone = {.name = STR("UTC")}};
    struct err err;
    assert_true(cron_parse(STR("0 8 * * *"), &schedule.from.times, &err));
    w->config.scale.servers_min = 1;
    w->config.scale.servers_max = 6;
    w->config.scale.scale_down_after_ns = 10 * S;
    w->config.scale.schedules = &schedule;
    w->config.scale.schedule_count = 1;
    w->start_delay_ns = 20 * S;
    world_begin(w);
    world_run(w, 60 * S);
    scale_set_wall_clock(w->scale, midnight_ns + (8 * 3600 - 60) * S, w->now_ns);
    world_run(w, 30 * S);
    assert_int_equal(world_up(w), 1); /* no earlier than needed */
    world_run(w, 20 * S);
    assert_int_equal(world_up(w), 4);
    assert_int_equal(world_count(w, SERVER_SERVING), 1);
    world_run(w, 11 * S);
    assert_int_equal(world_count(w, SERVER_WARMING) + world_count(w, SERVER_SERVING), 4);
    uint32_t told = 0;
    for (uint32_t i = 0; i < w->log_count; i++)
        told += w->log[i].kind == SCALE_EVENT_SCALE_UP &&
                strstr(w->log[i].reason, "; held by schedule: at least 4 from 08:00 to 08:02 (UTC)") != NULL;
    assert_int_equal(told, 1);
    world_run(w, 115 * S);
    assert_int_equal(world_up(w), 4);
    world_run(w, 20 * S);
    assert_int_equal(world_up(w), 1);
    assert_nothing_lost(w);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(load_triples_and_falls),
        STORY(death_under_load),
        STORY(wakes_from_zero_in_order),
        STORY(the_last_server_learns_when_to_go),
        STORY(a_last_server_that_never_starts_is_given_up),
        STORY(slow_starters_do_not_overshoot),
        STORY(capacity_is_learned_without_limits),
        STORY(large_capacity_is_learned_too),
        STORY(eight_at_once_are_known_within_two_minutes),
        STORY(sixteen_at_once_are_known_within_two_minutes),
        STORY(thirty_two_at_once_are_known_within_two_minutes),
        STORY(a_draining_server_is_not_filled),
        STORY(a_slow_server_is_told_and_goes_first),
        STORY(a_server_that_recovers_is_told),
        STORY(a_narrow_server_is_found_and_kept_to_less),
        STORY(equal_servers_are_not_called_narrow),
        STORY(a_filled_server_is_not_slow),
        STORY(shared_bottleneck_does_not_run_away),
        STORY(objective_bounds_latency),
        STORY(cold_and_warm_starts_are_told_apart),
        STORY(restart_under_load),
        STORY(wall_clock_is_in_the_signals),
        STORY(a_schedule_is_served_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
