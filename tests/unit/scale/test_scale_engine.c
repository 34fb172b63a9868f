/* What providers over engines tell of their servers, and what scale makes of it. */
#include "world.h"

#define STORY(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

static void begin_with(struct world *w, uint32_t count)
{
    world_begin(w);
    world_want(w, count);
    world_run(w, 10 * S);
    assert_int_equal(world_count(w, SERVER_SERVING), count);
}

static void one_that_the_engine_ends_is_drained_and_replaced(void **state)
{
    struct world *w = *state;
    begin_with(w, 2);
    uint32_t deaths = world_events(w, SCALE_EVENT_SERVER_DIED);
    scale_on_stopping(w->scale, "shop/shop-1", "somebody said so", w->now_ns);
    assert_int_equal(world_state(w, "shop-1"), SERVER_DRAINING);
    assert_int_equal(w->starts, 3); /* at once */
    scale_on_stopping(w->scale, "shop/shop-1", "somebody said so", w->now_ns);
    assert_int_equal(w->starts, 3);
    world_run(w, 5 * S);
    assert_int_equal(world_count(w, SERVER_SERVING), 2);
    assert_int_equal(world_events(w, SCALE_EVENT_SERVER_DIED), deaths); /* it was no death */
    assert_int_equal(world_events(w, SCALE_EVENT_BACK_OFF), 0);
}

static void one_that_was_spared_serves_again(void **state)
{
    struct world *w = *state;
    w->stop_delay_ns = 600 * S; /* the engine takes its time, and then chooses another */
    begin_with(w, 3);
    world_want(w, 2);
    world_run(w, 15 * S);
    assert_int_equal(world_count(w, SERVER_STOPPING), 1);
    char spared[160] = "", other[160] = "";
    world_for_each_server (w, s) {
        bool is_stopping = atomic_load(&s->state) == SERVER_STOPPING;
        snprintf(is_stopping ? spared : other, sizeof(spared), "shop/%s", s->name);
    }
    world_find_fake(w, spared)->is_stopping = false;
    world_find_fake(w, spared)->ends_ns = 0;
    assert_true(scale_on_spared(w->scale, spared, "the engine ended another", w->now_ns));
    scale_on_stopping(w->scale, other, "the engine ends it in place of that", w->now_ns);
    scale_on_exited(w->scale, other, "gone", "", w->now_ns);
    world_find_fake(w, other)->is_used = false;
    world_run(w, 5 * S);
    assert_int_equal(world_count(w, SERVER_SERVING), 2);
    assert_int_equal(w->starts, 3); /* nobody was started for it */
    assert_int_equal(world_events(w, SCALE_EVENT_SERVER_DIED), 0);
    assert_false(scale_on_spared(w->scale, spared, "it serves", w->now_ns));
}

static void one_on_its_way_counts(void **state)
{
    struct world *w = *state;
    w->config.scale.servers_min = 2;
    world_begin(w);
    scale_observe(w->scale, &w->provider, w->now_ns);
    scale_on_coming(w->scale, "shop/shop-1", w->now_ns);
    scale_on_coming(w->scale, "shop/shop-2", w->now_ns);
    scale_on_observed(w->scale, &w->provider, w->now_ns);
    world_run(w, 5 * S);
    assert_int_equal(w->starts, 0);
    assert_int_equal(world_count(w, SERVER_REQUESTED), 2);
}

static const struct provider_trouble away = {
    .call = DRIVER_CALL_LIST, .is_away = true, .text = "no route to host"};

static void while_the_engine_is_away_nothing_is_started_and_nobody_declared_dead(void **state)
{
    struct world *w = *state;
    begin_with(w, 2);
    scale_on_trouble(w->scale, &w->provider, &away, w->now_ns);
    assert_int_equal(world_events(w, SCALE_EVENT_PROVIDER_TROUBLE), 1);
    assert_non_null(strstr(world_last_event(w, SCALE_EVENT_PROVIDER_TROUBLE)->reason, "no route to host"));
    world_want(w, 4);
    world_run(w, 600 * S);
    assert_int_equal(w->starts, 2);
    assert_int_equal(world_count(w, SERVER_SERVING), 2);
    scale_on_recovered(w->scale, &w->provider, 600 * S, w->now_ns);
    world_run(w, 5 * S);
    assert_int_equal(world_count(w, SERVER_SERVING), 4);
    assert_int_equal(world_events(w, SCALE_EVENT_PROVIDER_RECOVERED), 1);
}

static void a_start_that_was_asked_for_has_time_while_the_engine_is_away(void **state)
{
    struct world *w = *state;
    w->start_delay_ns = 100000 * S;
    world_begin(w);
    world_run(w, 1 * S);
    assert_int_equal(w->starts, 1);
    scale_on_trouble(w->scale, &w->provider, &away, w->now_ns);
    world_run(w, 600 * S);
    assert_int_equal(world_events(w, SCALE_EVENT_SERVER_START_FAILED), 0);
    scale_on_recovered(w->scale, &w->provider, 600 * S, w->now_ns);
    world_run(w, 59 * S);
    assert_int_equal(world_events(w, SCALE_EVENT_SERVER_START_FAILED), 0);
    world_run(w, 3 * S);
    assert_int_equal(world_events(w, SCALE_EVENT_SERVER_START_FAILED), 1);
}

static void scaling_down_goes_on_while_the_engine_is_away(void **state)
{
    struct world *w = *state;
    begin_with(w, 3);
    scale_on_trouble(w->scale, &w->provider, &away, w->now_ns);
    world_want(w, 1);
    world_run(w, 2 * S);
    assert_int_equal(world_up(w), 1);
}

/* A provider with an engine is waited for as long as it takes. */
static void unlisted(const struct provider *p, struct provider_status *ret_status)
{
    *ret_status = (struct provider_status){0};
}

static void a_service_whose_engine_has_told_nothing_starts_nothing(void **state)
{
    struct world *w = *state;
    struct provider_ops ops = *w->provider.ops;
    ops.status = unlisted;
    w->provider.ops = &ops;
    world_begin(w);
    world_run(w, 700 * S);
    assert_int_equal(w->starts, 0);
    struct buf text CLEANUP(buf_fini) = {0};
    struct json j;
    json_init(&j, &text);
    json_begin_object(&j);
    scale_write_explanation(w->scale, w->service, 1, w->now_ns, 0, &j);
    json_end_object(&j);
    assert_non_null(strstr(text.ptr, "before provider fake has told which servers there are"));
    scale_on_observed(w->scale, &w->provider, w->now_ns);
    world_run(w, 5 * S);
    assert_int_equal(world_count(w, SERVER_SERVING), 1);
}

static void a_name_is_used_again_by_one_that_was_found(void **state)
{
    struct world *w = *state;
    struct addr address = {.len = sizeof(struct sockaddr_in), .in4 = {.sin_family = AF_INET}};
    w->is_failing_starts = true;
    world_begin(w);
    world_run(w, 3 * S);
    assert_int_equal(world_state(w, "shop-1"), SERVER_FAILED);
    addr_set_port(&address, 99);
    scale_on_started(w->scale, "shop/shop-1", &address, 0, w->now_ns);
    uint32_t found = 0;
    world_for_each_server (w, s)
        found += strcmp(s->name, "shop-1") == 0 && atomic_load(&s->state) == SERVER_STARTING;
    assert_int_equal(found, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(one_that_the_engine_ends_is_drained_and_replaced),
        STORY(one_that_was_spared_serves_again),
        STORY(one_on_its_way_counts),
        STORY(while_the_engine_is_away_nothing_is_started_and_nobody_declared_dead),
        STORY(a_start_that_was_asked_for_has_time_while_the_engine_is_away),
        STORY(scaling_down_goes_on_while_the_engine_is_away),
        STORY(a_service_whose_engine_has_told_nothing_starts_nothing),
        STORY(a_name_is_used_again_by_one_that_was_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
