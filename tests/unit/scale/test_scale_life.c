/* A server's life: every road through the states, with a provider and probes that do as told. */
#include "world.h"

static void starts_probes_and_serves(void **state)
{
    struct world *w = *state;
    world_begin(w);
    world_run(w, 100 * MS);
    assert_int_equal(world_state(w, "shop-1"), SERVER_REQUESTED);
    assert_int_equal(w->publishes, 0);
    world_run(w, 400 * MS);
    assert_int_equal(world_state(w, "shop-1"), SERVER_STARTING);
    struct server *s = world_server(w, "shop-1");
    assert_int_equal(addr_port(&s->address), 1);
    assert_int_equal(w->pace[s->slot], PROBE_FAST);
    assert_false(server_can_take(s));
    world_run(w, 700 * MS); /* answers 1 s after the ask, probed every 50 ms */
    assert_int_equal(world_state(w, "shop-1"), SERVER_SERVING);
    assert_true(server_can_take(s));
    assert_int_equal(w->pace[s->slot], PROBE_SLOW);
    assert_true(w->publishes >= 1);
    assert_int_equal(w->starts, 1);
    /* requested, starting, warming, serving */
    assert_int_equal(world_events(w, SCALE_EVENT_SERVER_STATE), 4);
    assert_non_null(strstr(w->log[3].reason, "first good probe, after 1"));
    world_run(w, 60 * S);
    assert_int_equal(w->starts, 1);
    world_assert_no_leak(w);
}

static void start_time_is_learned(void **state)
{
    struct world *w = *state;
    w->start_delay_ns = 3020 * MS;
    world_begin(w);
    world_want(w, 4);
    world_run(w, 5 * S);
    struct scale_signals g;
    struct scale_decision d;
    assert_true(scale_last(w->scale, w->service, &g, &d));
    assert_int_equal(g.start_times, 4);
    assert_true(g.start_time_median_ns >= 3 * S && g.start_time_median_ns <= 3 * S + 100 * MS);
    assert_int_equal(atomic_load(&w->service->retry_after_s),
                     1); /* there is a server: no start to wait for */
}

/* As the API tells it. */
static enum start_class next_start(struct world *w)
{
    struct buf out CLEANUP(buf_fini) = {0};
    struct json j;
    json_init(&j, &out);
    json_begin_object(&j);
    scale_write_service(w->scale, w->service, w->now_ns, &j);
    json_end_object(&j);
    return strstr(out.ptr, "\"next\":\"warm\"") ? START_WARM : START_COLD;
}

static void a_start_is_warm_while_others_are_or_were_a_while_ago(void **state)
{
    struct world *w = *state;
    w->config.scale.servers_min = 0;
    world_begin(w);
    world_want(w, 1);
    world_run(w, 900 * MS);
    assert_int_equal(next_start(w), START_COLD); /* the first one is on its way only */
    world_run(w, 200 * MS);
    assert_int_equal(next_start(w), START_WARM);
    world_run(w, START_WARM_NS); /* however long they run */
    world_want(w, 0);
    world_run(w, 60 * S);
    assert_int_equal(world_fake_count(w), 0);
    assert_int_equal(next_start(w), START_WARM);
    world_run(w, START_WARM_NS - 70 * S);
    assert_int_equal(next_start(w), START_WARM);
    world_run(w, 30 * S);
    assert_int_equal(next_start(w), START_COLD);
}

static void a_start_beside_one_that_never_served_is_cold(void **state)
{
    struct world *w = *state;
    w->crash_after_ns = 500 * MS;
    world_begin(w);
    world_run(w, 5 * S);
    assert_true(w->starts > 1);
    assert_int_equal(next_start(w), START_COLD);
}

static void another_program_starts_cold(void **state)
{
    struct world *w = *state;
    struct str before[] = {STR("app"), STR("--v1")}, after[] = {STR("app"), STR("--v2")};
    w->config.scale.command = (struct config_strings){.items = before, .count = 2};
    world_begin(w);
    world_want(w, 1);
    world_run(w, 5 * S);
    assert_int_equal(next_start(w), START_WARM);
    struct config_service next = w->config;
    scale_add_service(w->scale, w->service, &next, &w->provider, w->now_ns);
    assert_int_equal(next_start(w), START_WARM); /* a reload changes nothing */
    next.scale.command = (struct config_strings){.items = after, .count = 2};
    scale_add_service(w->scale, w->service, &next, &w->provider, w->now_ns);
    assert_int_equal(next_start(w), START_COLD); /* though one of the old program serves */
    world_want(w, 2);
    world_run(w, 5 * S);
    assert_int_equal(next_start(w), START_WARM);
}

static void start_timeout_fails_and_backs_off(void **state)
{
    struct world *w = *state;
    w->config.scale.start_timeout_ns = 5 * S;
    w->is_hanging = true;
    world_begin(w);
    world_run(w, 5200 * MS);
    struct logged *l = world_last_event(w, SCALE_EVENT_SERVER_START_FAILED);
    assert_non_null(l);
    assert_int_equal(l->from, SERVER_STARTING);
    assert_string_equal(l->reason,
                        "no good probe within start_timeout of 5s; the last said: connection refused");
    assert_int_equal(w->stops, 1);
    assert_int_equal(world_events(w, SCALE_EVENT_BACK_OFF), 1);
    world_run(w, 200 * MS);
    assert_int_equal(w->starts, 1); /* not at once */
    world_run(w, 800 * MS);
    assert_int_equal(w->starts, 2);
    w->is_hanging = false;
    world_run(w, 60 * S);
    assert_int_equal(world_count(w, SERVER_SERVING), 1);
    assert_int_equal(world_fake_count(w), 1);
    world_assert_no_leak(w);
}

static void failing_starts_never_run_hot(void **state)
{
    struct world *w = *state;
    w->is_failing_starts = true;
    world_begin(w);
    world_want(w, 6);
    world_run(w, 300 * S);
    /* 0.5 1 2 4 8 16 30 30 … seconds, a quarter less at the least: some 15 rounds of 6, never more */
    assert_true(w->starts <= 6 * 18);
    assert_true(w->starts >= 6 * 10);
    w->is_failing_starts = false;
    world_run(w, 60 * S);
    assert_int_equal(world_count(w, SERVER_SERVING), 6);
    assert_int_equal(world_fake_count(w), 6);
}

static void provider_that_refuses_is_asked_later(void **state)
{
    struct world *w = *state;
    w->is_refusing_starts = true;
    world_begin(w);
    world_run(w, 100 * S);
    assert_true(w->starts >= 5 && w->starts <= 14);
    assert_string_equal(world_last_event(w, SCALE_EVENT_SERVER_START_FAILED)->reason,
                        "the supervisor is gone");
    w->is_refusing_starts = false;
    world_run(w, 60 * S);
    assert_int_equal(world_count(w, SERVER_SERVING), 1);
    assert_int_equal(world_up(w), 1);
}

static void crash_loop_backs_off(void **state)
{
    struct world *w = *state;
    w->crash_after_ns = 3 * S; /* serves for two seconds */
    world_begin(w);
    world_run(w, 300 * S);
    assert_true(w->starts >= 8 && w->starts <= 20);
    struct logged *l = world_last_event(w, SCALE_EVENT_SERVER_DIED);
    assert_string_equal(l->reason, "exit status 1");
    w->crash_after_ns = 0;
    world_run(w, 120 * S);
    uint32_t starts = w->starts;
    struct server *s = world_server(w, "shop-1") ? world_server(w, "shop-1") : world_server(w, "shop-2");
    struct fake *f = world_fake_of(w, s);
    f->ends_ns = w->now_ns; /* it was proven: the next death is a first one again */
    world_run(w, 200 * MS);
    assert_int_equal(w->starts, starts + 1);
}

static void death_is_told_and_replaced_at_once(void **state)
{
    struct world *w = *state;
    world_begin(w);
    world_want(w, 2);
    world_run(w, 5 * S);
    world_find_fake(w, "shop/shop-1")->ends_ns = w->now_ns;
    uint32_t publishes = w->publishes;
    world_run(w, 10 * MS);
    struct logged *l = world_last_event(w, SCALE_EVENT_SERVER_DIED);
    assert_non_null(l);
    assert_string_equal(l->server, "shop-1");
    assert_int_equal(l->from, SERVER_SERVING);
    assert_true(w->publishes > publishes); /* out of the snapshot in the same call */
    assert_null(world_server(w, "shop-1"));
    assert_int_equal(world_state(w, "shop-3"), SERVER_REQUESTED);
    world_run(w, 5 * S);
    assert_int_equal(world_count(w, SERVER_SERVING), 2);
    assert_int_equal(w->starts, 3);
    world_want(w, 3);
    assert_int_equal(world_state(w, "shop-1"), SERVER_REQUESTED); /* the name is free again */
    world_assert_no_leak(w);
}

static void drain_waits_for_requests(void **state)
{
    struct world *w = *state;
    w->stop_delay_ns = 500 * MS;
    world_begin(w);
    world_want(w, 2);
    world_run(w, 5 * S);
    struct server *one = world_server(w, "shop-1"), *two = world_server(w, "shop-2");
    assert_true(server_slot_take(one) && server_slot_take(two) && server_slot_take(two));
    world_want(w, 1);
    assert_int_equal(world_state(w, "shop-1"), SERVER_DRAINING); /* fewest in flight */
    assert_int_equal(w->pace[one->slot], PROBE_SLOW);
    world_run(w, 20 * S);
    assert_int_equal(world_state(w, "shop-1"), SERVER_DRAINING);
    server_slot_release(one);
    assert_int_equal(w->stops, 0);
    world_run(w, 300 * MS);
    assert_int_equal(world_state(w, "shop-1"), SERVER_STOPPING);
    assert_int_equal(w->stops, 1);
    world_run(w, 500 * MS);
    assert_null(world_server(w, "shop-1")); /* gone when the provider said so */
    server_slot_release(two);
    server_slot_release(two);
    world_assert_no_leak(w);
}

static void drain_timeout_stops_anyway(void **state)
{
    struct world *w = *state;
    world_begin(w);
    world_want(w, 1);
    world_run(w, 5 * S);
    struct server *one = world_server(w, "shop-1");
    assert_true(server_slot_take(one));
    world_want(w, 0);
    world_run(w, 29 * S);
    assert_int_equal(world_state(w, "shop-1"), SERVER_DRAINING);
    world_run(w, 1100 * MS);
    assert_int_equal(world_state(w, "shop-1"), SERVER_STOPPING);
    assert_non_null(
        strstr(w->log[w->log_count - 1].reason, "drain_timeout of 30s is over with 1 requests in flight"));
    server_slot_release(one);
}

static void dies_while_draining(void **state)
{
    struct world *w = *state;
    world_begin(w);
    world_want(w, 2);
    world_run(w, 5 * S);
    struct server *two = world_server(w, "shop-2");
    assert_true(server_slot_take(two));
    assert_true(server_slot_take(world_server(w, "shop-1")) && server_slot_take(world_server(w, "shop-1")));
    world_want(w, 1);
    world_find_fake(w, "shop/shop-2")->ends_ns = w->now_ns + 1 * S;
    world_run(w, 2 * S);
    assert_null(world_server(w, "shop-2"));
    assert_int_equal(w->starts, 2); /* nobody takes its place */
    assert_int_equal(world_events(w, SCALE_EVENT_BACK_OFF), 0);
    server_slot_release(two);
    world_assert_no_leak(w);
}

static void draining_server_comes_back(void **state)
{
    struct world *w = *state;
    world_begin(w);
    world_want(w, 3);
    world_run(w, 5 * S);
    assert_true(server_slot_take(world_server(w, "shop-1")));
    assert_true(server_slot_take(world_server(w, "shop-2")));
    assert_true(server_slot_take(world_server(w, "shop-3")));
    world_want(w, 1);
    world_run(w, 1 * S);
    assert_int_equal(world_count(w, SERVER_DRAINING), 2);
    world_want(w, 3);
    assert_int_equal(world_count(w, SERVER_SERVING), 3);
    assert_int_equal(w->starts, 3);
    fleet_for_each_server (w->fleet, s)
        server_slot_release(s);
}

static void not_yet_serving_go_first(void **state)
{
    struct world *w = *state;
    world_begin(w);
    world_want(w, 2);
    world_run(w, 5 * S);
    world_want(w, 4);
    world_run(w, 200 * MS);
    world_want(w, 2);
    assert_int_equal(world_state(w, "shop-1"), SERVER_SERVING);
    assert_int_equal(world_state(w, "shop-2"), SERVER_SERVING);
    assert_int_equal(world_count(w, SERVER_STOPPING), 2);
    world_run(w, 5 * S);
    assert_int_equal(world_fake_count(w), 2);
    world_assert_no_leak(w);
}

static void newest_goes_among_equals(void **state)
{
    struct world *w = *state;
    world_begin(w);
    world_want(w, 3);
    world_run(w, 5 * S);
    world_want(w, 2);
    assert_int_equal(world_state(w, "shop-3"), SERVER_DRAINING);
}

static void dearest_goes_first_where_prices_are_told(void **state)
{
    struct world *w = *state;
    w->stop_delay_ns = 1 * S;
    world_begin(w);
    world_want(w, 3);
    world_run(w, 5 * S);
    scale_on_facts(w->scale, "shop/shop-1", &(struct provider_facts){.price = 0.1}, w->now_ns);
    scale_on_facts(w->scale, "shop/shop-2", &(struct provider_facts){.price = 0.3}, w->now_ns);
    scale_on_facts(w->scale, "shop/nobody", &(struct provider_facts){.price = 9}, w->now_ns);
    assert_true(server_slot_take(world_server(w, "shop-2"))); /* though it has more in flight */
    world_want(w, 2);
    assert_int_equal(world_state(w, "shop-2"), SERVER_DRAINING);
    assert_true(server_slot_take(world_server(w, "shop-1")));
    world_want(w, 1);
    assert_int_equal(world_state(w, "shop-1"), SERVER_DRAINING); /* a price is more than none told */
    world_want(w, 2);
    assert_int_equal(world_state(w, "shop-1"), SERVER_SERVING); /* the cheaper one comes back */
    assert_int_equal(world_state(w, "shop-2"), SERVER_DRAINING);
}

static void tell_prices(struct world *w, int first, int last, double price)
{
    for (int i = first; i <= last; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "shop/shop-%d", i);
        scale_on_facts(w->scale, key, &(struct provider_facts){.price = price}, w->now_ns);
    }
}

static void prices_that_are_told_count_for_the_most_that_may_be_paid(void **state)
{
    struct world *w = *state;
    w->config.scale.spares = 8;
    w->config.scale.servers_max = 12;
    w->config.scale.cost = (struct config_cost){.server_hour = 1, .max_per_hour = 4.7};
    world_begin(w);
    world_run(w, 10 * S);
    assert_int_equal(world_up(w), 4); /* nothing is told: the stated price */
    tell_prices(w, 1, 4, 0.5);
    world_run(w, 10 * S);
    assert_int_equal(world_up(w), 8); /* they are cheaper than stated */
    tell_prices(w, 5, 8, 1.9);
    world_run(w, 10 * S);
    assert_int_equal(world_up(w), 5); /* the new ones are dear */
    assert_int_equal(world_state(w, "shop-4"), SERVER_SERVING);
    uint32_t starts = w->starts;
    world_run(w, 3000 * S);
    assert_int_equal(w->starts, starts); /* and are not tried again and again */
    world_run(w, 700 * S);
    assert_int_equal(w->starts, starts + 1); /* but after an hour */
    tell_prices(w, 1, 5, 100);               /* nonsense: but one stays */
    world_run(w, 10 * S);
    assert_int_equal(world_up(w), 1);
}

/* Who is there counts by its own price: what one more would cost pays for nobody who is too dear. */
static void a_dear_one_goes_before_a_cheap_one_comes(void **state)
{
    struct world *w = *state;
    w->config.scale.spares = 8;
    w->config.scale.servers_max = 12;
    w->config.scale.cost = (struct config_cost){.server_hour = 0.5, .max_per_hour = 4.7};
    world_begin(w);
    world_run(w, 10 * S);
    assert_int_equal(world_up(w), 8);
    uint32_t starts = w->starts;
    tell_prices(w, 5, 8, 1.9);
    tell_prices(w, 1, 4, 0.5); /* told last: a new one costs as much */
    world_run(w, S / 10);
    assert_int_equal(world_up(w), 5); /* 4 x 0.5 + 1.9 */
    size_t told = w->log_count;
    world_run(w, S / 2);
    assert_int_equal(w->log_count, told); /* none of the dear is taken back, and sent away again */
    world_run(w, 10 * S);
    assert_int_equal(world_up(w), 6);
    assert_int_equal(w->starts, starts + 1);
}

static void what_the_engine_says_of_health_is_told_once(void **state)
{
    struct world *w = *state;
    struct provider_facts facts = {.pid = 7, .is_unwell = true, .words = "it is paused"};
    world_begin(w);
    world_run(w, 5 * S);
    uint32_t before = w->log_count;
    scale_on_facts(w->scale, "shop/shop-1", &facts, w->now_ns);
    scale_on_facts(w->scale, "shop/shop-1", &facts, w->now_ns);
    assert_int_equal(w->log_count, before + 1);
    assert_int_equal(w->log[before].kind, SCALE_EVENT_SERVER_UNWELL);
    assert_string_equal(w->log[before].reason, "it is paused");
    assert_int_equal(world_state(w, "shop-1"), SERVER_SERVING); /* probes decide */
    assert_int_equal(scale_pid(w->scale, world_server(w, "shop-1")), 7);
    scale_on_facts(w->scale, "shop/shop-1", &(struct provider_facts){0}, w->now_ns);
    assert_int_equal(w->log_count, before + 2);
    assert_int_equal(w->log[before + 1].kind, SCALE_EVENT_SERVER_WELL);
}

static void slow_start_beside_others(void **state)
{
    struct world *w = *state;
    w->config.max_requests = 8;
    world_begin(w);
    world_run(w, 1200 * MS);
    struct server *one = world_server(w, "shop-1");
    assert_int_equal(atomic_load(&one->state), SERVER_SERVING); /* the first one gets all at once */
    assert_int_equal(atomic_load(&one->max_requests), 8);
    world_want(w, 2);
    world_run(w, 1200 * MS);
    struct server *two = world_server(w, "shop-2");
    assert_int_equal(atomic_load(&two->state), SERVER_WARMING);
    assert_in_range(atomic_load(&two->max_requests), 2, 3);
    world_run(w, 1 * S);
    assert_in_range(atomic_load(&two->max_requests), 4, 6);
    world_run(w, 1 * S);
    assert_int_equal(atomic_load(&two->state), SERVER_SERVING);
    assert_int_equal(atomic_load(&two->max_requests), 8);
    assert_true(w->offers > 0);
}

static void unhealthy_server_rests_and_returns(void **state)
{
    struct world *w = *state;
    world_begin(w);
    world_run(w, 5 * S);
    struct server *s = world_server(w, "shop-1");
    struct fake *f = world_fake_of(w, s);
    f->is_hung = true;
    world_run(w, 5 * S); /* fall: 3 probes, 2 s apart */
    assert_int_equal(atomic_load(&s->state), SERVER_SERVING);
    world_run(w, 2 * S);
    assert_false(server_can_take(s));
    assert_int_equal(world_events(w, SCALE_EVENT_SERVER_UNHEALTHY), 1);
    f->is_hung = false;
    world_run(w, 5 * S); /* rise: 2 probes */
    assert_true(server_can_take(s));
    assert_int_equal(world_events(w, SCALE_EVENT_SERVER_HEALTHY), 1);
    assert_int_equal(w->starts, 1);
}

static void servers_that_stay_unhealthy_are_replaced_one_by_one(void **state)
{
    struct world *w = *state;
    w->config.scale.start_timeout_ns = 20 * S;
    world_begin(w);
    world_want(w, 3);
    world_run(w, 40 * S);
    for (int i = 0; i < FAKES_MAX; i++)
        w->fakes[i].is_hung = true;
    world_run(w, 30 * S);
    assert_int_equal(world_events(w, SCALE_EVENT_SERVER_DIED), 1);
    world_run(w, 20 * S);
    assert_int_equal(world_events(w, SCALE_EVENT_SERVER_DIED), 2);
    world_run(w, 30 * S);
    assert_int_equal(world_count(w, SERVER_SERVING), 3);
    assert_int_equal(world_fake_count(w), 3);
    world_assert_no_leak(w);
}

static void refusing_server_is_probed_fast(void **state)
{
    struct world *w = *state;
    world_begin(w);
    world_run(w, 5 * S);
    struct server *s = world_server(w, "shop-1");
    world_fake_of(w, s)->is_hung = true;
    atomic_store(&s->is_refusing, 1); /* as a data thread does */
    scale_wake(w->scale, w->now_ns);
    assert_int_equal(w->pace[s->slot], PROBE_FAST);
    assert_int_equal(world_events(w, SCALE_EVENT_SERVER_REFUSING), 1);
    world_run(w, 100 * MS);
    assert_false(server_can_take(s));
    world_fake_of(w, s)->is_hung = false;
    uint32_t offers = w->offers;
    world_run(w, 100 * MS);
    assert_true(server_can_take(s) || w->offers == offers); /* two bad ones are no fall */
    assert_true(server_can_take(s));
    assert_int_equal(w->offers, offers + 1);
    assert_int_equal(w->pace[s->slot], PROBE_SLOW);
}

static void stop_is_asked_again(void **state)
{
    struct world *w = *state;
    w->stop_delay_ns = 1000 * S;
    world_begin(w);
    world_want(w, 1);
    world_run(w, 5 * S);
    world_want(w, 0);
    world_run(w, 10 * S);
    assert_int_equal(w->stops, 1);
    world_run(w, 10 * S); /* stop_timeout 10 s and 5 s more */
    assert_int_equal(w->stops, 2);
    assert_int_equal(world_state(w, "shop-1"), SERVER_STOPPING);
}

static void freeze_stops_deciding(void **state)
{
    struct world *w = *state;
    world_begin(w);
    world_want(w, 3);
    world_run(w, 5 * S);
    scale_freeze(w->scale);
    world_find_fake(w, "shop/shop-1")->ends_ns = w->now_ns;
    world_run(w, 100 * S);
    assert_int_equal(w->starts, 3);
    assert_int_equal(w->stops, 0);
    assert_int_equal(world_count(w, SERVER_SERVING), 2);
    assert_false(scale_set_replicas(w->scale, w->service, 1, 0, w->now_ns, NULL));
}

static void failed_publish_is_tried_again(void **state)
{
    struct world *w = *state;
    world_begin(w);
    world_want(w, 2);
    world_run(w, 5 * S);
    w->is_publish_failing = true;
    world_find_fake(w, "shop/shop-1")->ends_ns = w->now_ns;
    world_run(w, 5 * S);
    struct server *dead = world_server(w, "shop-1");
    assert_non_null(dead); /* a snapshot still names it */
    assert_int_equal(atomic_load(&dead->state), SERVER_GONE);
    w->is_publish_failing = false;
    world_run(w, 200 * MS);
    assert_null(world_server(w, "shop-1"));
}

static void fixed_servers(void **state)
{
    struct world *w = *state;
    struct addr addresses[3];
    const char *problem;
    assert_true(addr_parse(STR("10.0.0.1:8000"), &addresses[0], &problem));
    assert_true(addr_parse(STR("10.0.0.2:8000"), &addresses[1], &problem));
    assert_true(addr_parse(STR("10.0.0.3:8000"), &addresses[2], &problem));
    w->config.servers = addresses;
    w->config.server_count = 2;
    world_begin(w);
    world_run(w, 200 * MS);
    struct server *one = world_server(w, "10.0.0.1:8000");
    assert_int_equal(world_count(w, SERVER_STARTING), 2);
    assert_int_equal(w->pace[one->slot], PROBE_FAST);
    world_run(w, 100 * S); /* never found: asked for ever, slower */
    assert_int_equal(world_count(w, SERVER_STARTING), 2);
    assert_int_equal(w->pace[one->slot], PROBE_SLOW);
    scale_on_probe(w->scale, one, true, "", w->now_ns);
    assert_int_equal(atomic_load(&one->state), SERVER_SERVING);
    for (int i = 0; i < 3; i++)
        scale_on_probe(w->scale, one, false, "timeout", w->now_ns);
    assert_false(server_can_take(one));
    world_run(w, 300 * S);
    assert_int_equal(atomic_load(&one->state), SERVER_SERVING); /* out of rotation, never gone */
    for (int i = 0; i < 2; i++)
        scale_on_probe(w->scale, one, true, "", w->now_ns);
    assert_true(server_can_take(one));

    struct err err;
    assert_false(scale_set_replicas(w->scale, w->service, 1, 0, w->now_ns, &err));
    assert_string_equal(err.text, "shop has fixed servers: their number is in the configuration");
    assert_true(scale_drain_server(w->scale, one, w->now_ns, NULL));
    world_run(w, 300 * S);
    assert_int_equal(atomic_load(&one->state), SERVER_DRAINING); /* until `ready` */
    assert_true(scale_ready_server(w->scale, one, w->now_ns, NULL));
    assert_int_equal(atomic_load(&one->state), SERVER_SERVING);

    /* Reload: .1 goes, .3 comes. */
    assert_true(server_slot_take(one));
    struct config_service next = w->config;
    next.servers = addresses + 1;
    scale_add_service(w->scale, w->service, &next, NULL, w->now_ns);
    assert_int_equal(atomic_load(&one->state), SERVER_DRAINING);
    assert_false(scale_ready_server(w->scale, one, w->now_ns, &err));
    assert_int_equal(world_state(w, "10.0.0.3:8000"), SERVER_STARTING);
    world_run(w, 5 * S);
    assert_int_equal(atomic_load(&one->state), SERVER_DRAINING);
    server_slot_release(one);
    world_run(w, 300 * MS);
    assert_null(world_server(w, "10.0.0.1:8000"));
    assert_int_equal(world_count(w, SERVER_STARTING), 2);
    assert_int_equal(w->starts, 0);
}

static void removed_service_ends(void **state)
{
    struct world *w = *state;
    world_begin(w);
    world_want(w, 3);
    world_run(w, 5 * S);
    struct server *one = world_server(w, "shop-1");
    assert_true(server_slot_take(one));
    scale_remove_service(w->scale, w->service, w->now_ns);
    world_run(w, 3 * S);
    assert_true(scale_knows(w->scale, w->service));
    assert_int_equal(world_fake_count(w), 1);
    server_slot_release(one);
    world_run(w, 3 * S);
    assert_false(scale_knows(w->scale, w->service));
    assert_int_equal(world_fake_count(w), 0);
}

/* Those that run what the configuration said before go first, however busy they are, and come back last. */
static void an_old_program_goes_first(void **state)
{
    struct world *w = *state;
    struct str before[] = {STR("app"), STR("--v1")}, after[] = {STR("app"), STR("--v2")};
    w->config.scale.command = (struct config_strings){.items = before, .count = 2};
    w->stop_delay_ns = 1 * S;
    world_begin(w);
    world_want(w, 2);
    world_run(w, 5 * S);
    struct config_service next = w->config;
    next.scale.command = (struct config_strings){.items = after, .count = 2};
    scale_add_service(w->scale, w->service, &next, &w->provider, w->now_ns);
    world_want(w, 4);
    world_run(w, 5 * S);
    assert_true(server_slot_take(world_server(w, "shop-1")) && server_slot_take(world_server(w, "shop-1")));
    assert_true(server_slot_take(world_server(w, "shop-2")));
    world_want(w, 3);
    assert_int_equal(world_state(w, "shop-2"), SERVER_DRAINING); /* fewest in flight of the old ones */
    world_want(w, 1);
    assert_int_equal(world_state(w, "shop-1"), SERVER_DRAINING);
    assert_int_equal(world_state(w, "shop-4"), SERVER_DRAINING);
    assert_int_equal(world_state(w, "shop-3"), SERVER_SERVING);
    world_want(w, 2);
    assert_int_equal(world_state(w, "shop-4"), SERVER_SERVING); /* though the old ones have more in flight */
    world_want(w, 3);
    assert_int_equal(world_state(w, "shop-1"), SERVER_SERVING);
}

static void reload_changes_limits(void **state)
{
    struct world *w = *state;
    world_begin(w);
    world_want(w, 4);
    world_run(w, 5 * S);
    struct config_service next = w->config;
    next.max_requests = 3;
    next.scale.servers_max = 2;
    scale_add_service(w->scale, w->service, &next, &w->provider, w->now_ns);
    world_run(w, 5 * S);
    assert_int_equal(world_fake_count(w),
                     1); /* 4 by hand is beyond the new maximum: the policy decides again */
    assert_int_equal(atomic_load(&world_server(w, "shop-1")->max_requests), 3);
    /* From processes to fixed servers. */
    struct addr address;
    const char *problem;
    assert_true(addr_parse(STR("10.0.0.1:8000"), &address, &problem));
    struct config_service fixed = w->config;
    fixed.servers = &address;
    fixed.server_count = 1;
    scale_add_service(w->scale, w->service, &fixed, NULL, w->now_ns);
    world_run(w, 500 * MS);
    assert_int_equal(world_state(w, "10.0.0.1:8000"), SERVER_STARTING);
    assert_int_equal(world_count(w, SERVER_STOPPING), 1);
}

static void api_and_metrics(void **state)
{
    struct world *w = *state;
    w->config.max_requests = 4;
    world_begin(w);
    world_want(w, 2);
    world_run(w, 5 * S);
    struct buf out = {0};
    struct json j;
    json_init(&j, &out);
    json_begin_object(&j);
    scale_write_service(w->scale, w->service, w->now_ns, &j);
    json_end_object(&j);
    assert_non_null(strstr(out.ptr, "\"provider\":\"fake\""));
    assert_non_null(strstr(out.ptr, "\"target\":2"));
    assert_non_null(strstr(out.ptr, "\"manual\":2"));
    assert_non_null(strstr(out.ptr, "\"serving\":2"));
    assert_non_null(strstr(out.ptr, "\"source\":\"max_requests\""));
    assert_non_null(strstr(out.ptr, "\"last_change\":{"));
    buf_clear(&out);
    json_init(&j, &out);
    json_begin_object(&j);
    scale_write_server(w->scale, world_server(w, "shop-1"), w->now_ns, &j);
    json_end_object(&j);
    assert_non_null(strstr(out.ptr, "\"pid\":1001"));
    buf_clear(&out);
    scale_write_metrics(w->scale, &out);
    assert_non_null(strstr(out.ptr, "\nweir_scale_target_servers{service=\"shop\"} 2\n"));
    assert_non_null(strstr(out.ptr, "\nweir_servers{service=\"shop\",state=\"serving\"} 2\n"));
    assert_non_null(strstr(out.ptr, "\nweir_scale_decisions_total{service=\"shop\",direction=\"up\"} 1\n"));
    assert_non_null(strstr(out.ptr, "\nweir_scale_start_p90_seconds{service=\"shop\",start=\"cold\"} 1"));
    assert_null(strstr(out.ptr, "start=\"warm\"")); /* none was seen */
    if (getenv("WORLD_METRICS"))
        fputs(out.ptr, stdout);
    buf_fini(&out);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(starts_probes_and_serves),
        STORY(start_time_is_learned),
        STORY(a_start_is_warm_while_others_are_or_were_a_while_ago),
        STORY(a_start_beside_one_that_never_served_is_cold),
        STORY(another_program_starts_cold),
        STORY(start_timeout_fails_and_backs_off),
        STORY(failing_starts_never_run_hot),
        STORY(provider_that_refuses_is_asked_later),
        STORY(crash_loop_backs_off),
        STORY(death_is_told_and_replaced_at_once),
        STORY(drain_waits_for_requests),
        STORY(drain_timeout_stops_anyway),
        STORY(dies_while_draining),
        STORY(draining_server_comes_back),
        STORY(not_yet_serving_go_first),
        STORY(newest_goes_among_equals),
        STORY(dearest_goes_first_where_prices_are_told),
        STORY(prices_that_are_told_count_for_the_most_that_may_be_paid),
        STORY(a_dear_one_goes_before_a_cheap_one_comes),
        STORY(what_the_engine_says_of_health_is_told_once),
        STORY(slow_start_beside_others),
        STORY(unhealthy_server_rests_and_returns),
        STORY(servers_that_stay_unhealthy_are_replaced_one_by_one),
        STORY(refusing_server_is_probed_fast),
        STORY(stop_is_asked_again),
        STORY(freeze_stops_deciding),
        STORY(failed_publish_is_tried_again),
        STORY(fixed_servers),
        STORY(removed_service_ends),
        STORY(an_old_program_goes_first),
        STORY(reload_changes_limits),
        STORY(api_and_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
