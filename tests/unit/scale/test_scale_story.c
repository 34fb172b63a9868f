/* What is remembered of decisions, and what came of them: in a small world under load, on the virtual clock.
 */
#include "world.h"

#include "scale/per_second.h"
#include "scale/scale_priv.h"

static int setup(void **state)
{
    struct world *w = world_new();
    w->config.max_requests = 4;
    w->config.scale.objective_ns = 500 * MS;
    w->config.scale.objective_quantile = 0.99;
    w->config.scale.scale_down_after_ns = 20 * S;
    *state = w;
    return 0;
}

static const struct story_episode *episode(struct world *w, uint32_t back)
{
    struct scale_view v;
    assert_true(scale_view_of(w->scale, w->service, &v));
    return story_find(v.story, back);
}

static const struct story_episode *must(struct world *w, uint32_t back)
{
    const struct story_episode *e = episode(w, back);
    assert_non_null(e);
    return e;
}

/* When the newest episode began in the world's own record of events. */
static int64_t first_event_after(struct world *w, enum server_state from, enum server_state to,
                                 int64_t after_ns)
{
    for (uint32_t i = 0; i < w->log_count; i++)
        if (w->log[i].kind == SCALE_EVENT_SERVER_STATE && w->log[i].from == from && w->log[i].to == to &&
            w->log[i].at_ns >= after_ns)
            return w->log[i].at_ns;
    return 0;
}

static void run_calm(struct world *w)
{
    world_begin(w);
    w->rate = 6;
    world_run(w, 60 * S);
}

static void the_first_server_is_an_episode(void **state)
{
    struct world *w = *state;
    world_begin(w);
    world_run(w, 500 * MS);
    const struct story_episode *e = must(w, 0);
    assert_int_equal(e->number, 1);
    assert_true(e->is_up && !e->is_by_hand && e->ended_ns == 0);
    assert_int_equal(e->target_before, 0);
    assert_int_equal(e->target, 1);
    assert_int_equal(e->asked, 1);
    assert_int_equal(e->ready, 0);
    assert_int_equal(e->steps[0].decision.bound, SCALE_BOUND_MIN);
    world_run(w, 5 * S);
    e = must(w, 0);
    assert_true(e->ended_ns > 0 && !e->is_overtaken);
    assert_int_equal(e->ready, 1);
    assert_in_range(e->first_ready_ns, 1 * S, 1200 * MS);
    assert_in_range(e->first_start_ns, 1 * S, 1200 * MS);
    assert_int_equal(e->start_median_ns, 0); /* no start was seen before it */
    assert_null(episode(w, 1));
}

/* The load quintuples: several changes, one episode, and all numbers agree with what the world saw. */
static void a_surge_is_one_episode_with_its_outcome(void **state)
{
    struct world *w = *state;
    run_calm(w);
    uint64_t answered_before = w->answered;
    uint32_t changes_before = world_events(w, SCALE_EVENT_SCALE_UP);
    uint64_t number_before = must(w, 0)->number;
    w->rate = 60; /* 12 at once, four a server */
    w->wait_max_ns = 0;
    world_run(w, 20 * S); /* not as long as the stable window */
    const struct story_episode *e = must(w, 0);
    assert_int_equal(e->number, number_before + 1);
    assert_true(e->is_up && e->ended_ns > 0);
    assert_int_equal(e->changes, world_events(w, SCALE_EVENT_SCALE_UP) - changes_before);
    assert_true(e->changes >= 2 && e->step_count == MIN(e->changes, STORY_STEPS_MAX));
    assert_int_equal(e->target, e->steps[e->step_count - 1].decision.target);
    assert_int_equal(e->asked, e->target - e->target_before);
    assert_int_equal(e->ready, e->asked);
    int64_t ready_ns = first_event_after(w, SERVER_STARTING, SERVER_WARMING, e->began_ns);
    assert_int_equal(e->first_ready_ns, ready_ns - e->began_ns);
    assert_in_range(e->first_start_ns, 1 * S, 1200 * MS);
    assert_in_range(e->start_median_ns, 1 * S, 1200 * MS);
    assert_true(e->queued_most > 0 && e->queue_empty_ns > e->first_ready_ns);
    assert_true(e->wait_longest_ns > 0 && e->wait_longest_ns <= w->wait_max_ns + SCALE_TICK_MS * MS);
    assert_true(e->wait_longest_ns >= w->wait_max_ns / 2);
    assert_true(e->outcomes.answered > 0 && e->outcomes.answered <= w->answered - answered_before + 12);
    assert_true(e->outcomes.late > 0 && e->outcomes.late < e->outcomes.answered);
    assert_true(e->steps[0].seen.in_flight > 0);
    assert_true(e->steps[0].seen.arrivals_per_s > 3);
}

static void a_failed_start_is_told_and_the_episode_stays_open(void **state)
{
    struct world *w = *state;
    run_calm(w);
    w->is_failing_starts = true;
    w->rate = 60;
    world_run(w, 20 * S);
    const struct story_episode *e = must(w, 0);
    assert_true(e->is_up && e->ended_ns == 0 && e->settled_ns == 0);
    assert_int_equal(e->ready, 0);
    assert_int_equal(e->first_ready_ns, 0);
    assert_int_equal(e->start_failures, world_events(w, SCALE_EVENT_SERVER_START_FAILED));
    assert_true(e->start_failures > 0);
    assert_string_equal(e->failure, "no such command");
    assert_int_equal(e->queue_empty_ns, 0);
    assert_true(e->wait_longest_ns > 2 * S);
}

static void fewer_servers_are_drained_and_gone(void **state)
{
    struct world *w = *state;
    run_calm(w);
    w->rate = 60;
    world_run(w, 30 * S);
    w->rate = 6;
    world_run(w, 60 * S);
    const struct story_episode *e = must(w, 0);
    assert_false(e->is_up);
    assert_true(e->ended_ns > 0);
    assert_true(e->target < e->target_before);
    assert_int_equal(e->drained, e->target_before - e->target);
    assert_int_equal(e->gone, e->drained);
    assert_true(e->last_gone_ns > 0);
}

static void the_other_way_ends_an_episode(void **state)
{
    struct world *w = *state;
    struct err err;
    run_calm(w);
    assert_true(scale_set_replicas(w->scale, w->service, 6, 0, w->now_ns, &err));
    world_run(w, 300 * MS);
    assert_true(must(w, 0)->is_by_hand && must(w, 0)->is_up && must(w, 0)->ended_ns == 0);
    assert_true(scale_set_replicas(w->scale, w->service, 1, 0, w->now_ns, &err));
    world_run(w, 300 * MS);
    assert_true(must(w, 1)->is_overtaken && must(w, 1)->ended_ns > 0);
    assert_false(must(w, 0)->is_up);
    assert_true(must(w, 0)->is_by_hand);
    world_run(w, 3 * S);
    assert_true(must(w, 1)->called_off == 0); /* what comes later belongs to the newest */
}

static void a_number_set_by_hand_joins_nothing(void **state)
{
    struct world *w = *state;
    struct err err;
    run_calm(w);
    assert_true(scale_set_replicas(w->scale, w->service, 3, 0, w->now_ns, &err));
    world_run(w, 300 * MS);
    uint64_t number = must(w, 0)->number;
    assert_true(scale_set_replicas(w->scale, w->service, 5, 0, w->now_ns, &err));
    world_run(w, 300 * MS);
    assert_int_equal(must(w, 0)->number, number + 1);
    assert_int_equal(must(w, 0)->target_before, 3);
}

static void only_the_last_are_kept(void **state)
{
    struct world *w = *state;
    struct err err;
    run_calm(w);
    for (uint32_t i = 0; i < STORY_EPISODES_MAX + 3; i++) {
        assert_true(scale_set_replicas(w->scale, w->service, i % 2 ? 2 : 3, 0, w->now_ns, &err));
        world_run(w, 200 * MS);
    }
    assert_non_null(episode(w, STORY_EPISODES_MAX - 1));
    assert_null(episode(w, STORY_EPISODES_MAX));
    assert_int_equal(must(w, 0)->number, must(w, STORY_EPISODES_MAX - 1)->number + STORY_EPISODES_MAX - 1);
}

static void the_explanation_is_json_with_a_reason(void **state)
{
    struct world *w = *state;
    struct buf text = {0};
    struct json j;
    run_calm(w);
    json_init(&j, &text);
    json_begin_object(&j);
    scale_write_explanation(w->scale, w->service, 1, w->now_ns, 1700000000 * S, &j);
    json_end_object(&j);
    assert_non_null(strstr(text.ptr, "\"objective\":{\"quantile\":0.99,\"seconds\":0.5}"));
    assert_non_null(strstr(text.ptr, "\"why\":\""));
    const char *first = strstr(text.ptr, "\"steps\":");
    assert_non_null(first);
    assert_null(strstr(first + 1, "\"steps\":")); /* one episode was asked for */
    buf_fini(&text);
}

/* --- arrivals by second ------------------------------------------------------------------------------- */

static void seconds_are_counted_and_forgotten(void **state)
{
    struct per_second *p = NEW(struct per_second);
    per_second_note(p, 0, 5 * S + 300 * MS);
    per_second_note(p, 7, 5 * S + 400 * MS);
    per_second_note(p, 3, 5 * S + 999 * MS);
    per_second_note(p, 2, 9 * S);
    assert_int_equal(p->first, 5);
    assert_int_equal(per_second_oldest(p), 5);
    assert_int_equal(per_second_get(p, 5), 10);
    for (int64_t i = 6; i < 9; i++)
        assert_int_equal(per_second_get(p, i), 0);
    assert_int_equal(per_second_get(p, 9), 2);
    per_second_note(p, 1, (PER_SECOND_KEPT + 8) * S);
    assert_int_equal(per_second_oldest(p), 9);
    assert_int_equal(per_second_get(p, 9), 2);
    per_second_note(p, 1, 5000 * S);
    assert_int_equal(per_second_oldest(p), 5000 - PER_SECOND_KEPT + 1);
    for (int64_t i = per_second_oldest(p); i < 5000; i++)
        assert_int_equal(per_second_get(p, i), 0);
    per_second_note(p, UINT64_MAX, 5000 * S);
    assert_int_equal(per_second_get(p, 5000), UINT32_MAX);
    free(p);
}

static void the_recent_rate_is_that_of_a_steady_load(void **state)
{
    struct per_second *p = NEW(struct per_second);
    assert_true(per_second_recent(p, 10 * S) == 0);
    int64_t now_ns = 10 * S;
    for (int i = 0; i < 100; i++, now_ns += 100 * MS)
        per_second_note(p, i ? 5 : 0, now_ns);
    assert_true(per_second_recent(p, now_ns) > 45 && per_second_recent(p, now_ns) < 51);
    free(p);
}

/* What the seconds add up to is what came, to the request. */
static void no_arrival_is_lost_between_seconds(void **state)
{
    struct world *w = *state;
    struct scale_view v;
    run_calm(w);
    assert_true(scale_view_of(w->scale, w->service, &v));
    uint64_t sum = 0;
    for (int64_t i = per_second_oldest(v.arrivals); i <= v.arrivals->last; i++)
        sum += per_second_get(v.arrivals, i);
    uint64_t counted = counter_get(&w->service->cells[0]->counters[SERVICE_ARRIVALS]);
    assert_in_range(sum, counted - 2, counted); /* those before the first reading have no span */
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(the_first_server_is_an_episode),
        STORY(a_surge_is_one_episode_with_its_outcome),
        STORY(a_failed_start_is_told_and_the_episode_stays_open),
        STORY(fewer_servers_are_drained_and_gone),
        STORY(the_other_way_ends_an_episode),
        STORY(a_number_set_by_hand_joins_nothing),
        STORY(only_the_last_are_kept),
        STORY(the_explanation_is_json_with_a_reason),
        cmocka_unit_test(seconds_are_counted_and_forgotten),
        cmocka_unit_test(the_recent_rate_is_that_of_a_steady_load),
        STORY(no_arrival_is_lost_between_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
