/* Servers that others start, as discovery tells of them: they come with a probe, go with a drain, come back.
 */
#include "world.h"

static struct addr address_of(unsigned last)
{
    struct addr a;
    const char *problem;
    char text[32];
    (void)snprintf(text, sizeof(text), "10.0.0.%u:8000", last);
    assert_true(addr_parse(str_of(text), &a, &problem));
    return a;
}

static struct server *server_at(struct world *w, unsigned last)
{
    struct addr a = address_of(last);
    world_for_each_server (w, s)
        if (addr_eq(&s->address, &a) && atomic_load(&s->state) != SERVER_GONE)
            return s;
    return NULL;
}

static uint32_t count_all(struct world *w)
{
    uint32_t count = 0;
    world_for_each_server (w, s)
        count++;
    return count;
}

static int state_at(struct world *w, unsigned last)
{
    struct server *s = server_at(w, last);
    return s ? atomic_load(&s->state) : -1;
}

/* The last parts of the addresses, as digits. */
static void tell(struct world *w, const char *digits)
{
    struct addr addresses[16];
    uint32_t count = 0;
    for (; digits[count]; count++)
        addresses[count] = address_of((unsigned)(digits[count] - '0'));
    scale_set_addresses(w->scale, w->service, addresses, count, w->now_ns);
}

static void answer(struct world *w, unsigned last)
{
    scale_on_probe(w->scale, server_at(w, last), true, "", w->now_ns);
}

static int setup(void **state)
{
    struct world *w = world_new();
    w->config.discover.source = DISCOVER_FILE;
    w->config.scale.provider = SCALE_PROVIDER_NONE;
    w->config.max_requests = 8;
    scale_add_service(w->scale, w->service, &w->config, NULL, w->now_ns);
    world_run(w, 200 * MS);
    *state = w;
    return 0;
}

static void they_are_probed_before_they_take_requests(void **state)
{
    struct world *w = *state;
    assert_int_equal(count_all(w), 0);
    tell(w, "12");
    assert_int_equal(state_at(w, 1), SERVER_STARTING);
    assert_string_equal(server_at(w, 1)->name, "10.0.0.1:8000");
    assert_int_equal(w->pace[server_at(w, 1)->slot], PROBE_FAST);
    answer(w, 1);
    assert_int_equal(state_at(w, 1), SERVER_SERVING); /* alone: no slow start */
    answer(w, 2);
    assert_int_equal(state_at(w, 2), SERVER_WARMING);
    assert_int_equal(w->starts, 0);
}

static void an_address_given_twice_counts_once(void **state)
{
    struct world *w = *state;
    tell(w, "1121");
    assert_int_equal(count_all(w), 2);
}

static void the_same_list_again_changes_nothing(void **state)
{
    struct world *w = *state;
    tell(w, "12");
    answer(w, 1);
    uint32_t events = w->log_count;
    uint64_t id = server_at(w, 1)->id;
    tell(w, "21");
    assert_int_equal(w->log_count, events);
    assert_int_equal(server_at(w, 1)->id, id);
}

static void who_left_drains_and_goes(void **state)
{
    struct world *w = *state;
    tell(w, "12");
    answer(w, 1);
    struct server *one = server_at(w, 1);
    assert_true(server_slot_take(one));
    tell(w, "2");
    assert_int_equal(atomic_load(&one->state), SERVER_DRAINING);
    assert_string_equal(w->log[w->log_count - 1].reason, "it is discovered no longer");
    world_run(w, 20 * S);
    assert_int_equal(atomic_load(&one->state), SERVER_DRAINING); /* its request goes on */
    server_slot_release(one);
    world_run(w, 300 * MS);
    assert_null(server_at(w, 1));
    assert_int_equal(state_at(w, 2), SERVER_STARTING);
}

static void a_list_of_others_alone_leaves_no_moment_without_hope(void **state)
{
    struct world *w = *state;
    tell(w, "12");
    answer(w, 1);
    answer(w, 2);
    uint32_t before = w->hopeless_publishes;
    atomic_store(&w->service->is_awaited, 0);
    tell(w, "3");
    assert_true(atomic_load(&w->service->is_awaited)); /* for threads that do not know the new list yet */
    assert_int_equal(state_at(w, 3), SERVER_STARTING);
    assert_int_equal(w->hopeless_publishes, before); /* a request in it would be refused */
    answer(w, 3);
    tell(w, "45");
    tell(w, "2");
    assert_int_equal(w->hopeless_publishes, before);
    tell(w, ""); /* now there is none indeed */
    assert_int_equal(w->hopeless_publishes, before + 1);
}

static void who_comes_again_while_it_drains_is_taken_back(void **state)
{
    struct world *w = *state;
    tell(w, "12");
    answer(w, 1);
    struct server *one = server_at(w, 1), *two = server_at(w, 2);
    uint64_t id_one = one->id, id_two = two->id;
    assert_true(server_slot_take(one));
    assert_true(server_slot_take(two)); /* a late request of a snapshot before: keeps it draining */
    tell(w, "3");
    assert_int_equal(state_at(w, 1), SERVER_DRAINING);
    world_run(w, 1 * S);
    tell(w, "123");
    assert_int_equal(state_at(w, 1), SERVER_SERVING); /* as it was: no probe is waited for */
    assert_true(server_can_take(one));
    assert_int_equal(state_at(w, 2), SERVER_STARTING); /* had never answered */
    assert_int_equal(one->id, id_one);
    assert_int_equal(two->id, id_two);
    server_slot_release(one);
    server_slot_release(two);
    world_run(w, 60 * S);
    assert_int_equal(state_at(w, 1), SERVER_SERVING);
}

static void who_comes_again_later_is_a_new_server(void **state)
{
    struct world *w = *state;
    tell(w, "1");
    answer(w, 1);
    uint64_t id = server_at(w, 1)->id;
    tell(w, "");
    world_run(w, 1 * S);
    assert_null(server_at(w, 1));
    tell(w, "1");
    assert_int_equal(state_at(w, 1), SERVER_STARTING);
    assert_true(server_at(w, 1)->id != id);
}

static void drained_by_hand_stays_drained(void **state)
{
    struct world *w = *state;
    tell(w, "12");
    answer(w, 1);
    struct server *one = server_at(w, 1);
    assert_true(server_slot_take(one));
    assert_true(scale_drain_server(w->scale, one, w->now_ns, NULL));
    tell(w, "2");
    tell(w, "12");
    assert_int_equal(state_at(w, 1), SERVER_DRAINING);
    server_slot_release(one);
    world_run(w, 100 * S);
    assert_int_equal(state_at(w, 1), SERVER_DRAINING);
    assert_true(scale_ready_server(w->scale, one, w->now_ns, NULL));
    assert_int_equal(state_at(w, 1), SERVER_SERVING);
}

/* A server is out of the snapshot before its slot is given back; meanwhile its address may come again. */
static void an_address_comes_again_while_no_snapshot_can_be_had(void **state)
{
    struct world *w = *state;
    tell(w, "1");
    answer(w, 1);
    w->is_publish_failing = true;
    tell(w, "");
    world_run(w, 60 * S);
    assert_int_equal(count_all(w), 1); /* gone, but a snapshot still names it */
    tell(w, "1");
    assert_int_equal(state_at(w, 1), SERVER_STARTING);
    assert_int_equal(count_all(w), 2);
    w->is_publish_failing = false;
    world_run(w, 1 * S);
    assert_int_equal(state_at(w, 1), SERVER_STARTING);
    assert_int_equal(count_all(w), 1);
}

static void more_than_there_are_places(void **state)
{
    struct world *w = *state;
    struct service *other = fleet_add_service(w->fleet, STR("other"));
    struct server *taken[FLEET_SERVERS_MAX - 1];
    tell(w, "1");
    for (uint32_t i = 0; i < ARRAY_LEN(taken); i++)
        taken[i] = fleet_add_server(w->fleet, other, STR("x"), &(struct addr){0});
    tell(w, "12");
    world_run(w, 1 * S);
    assert_int_equal(world_events(w, SCALE_EVENT_SERVERS_FULL), 1);
    fleet_remove_server(w->fleet, taken[0]);
    w->fleet->last_epoch++;
    world_run(w, 1 * S);
    assert_int_equal(state_at(w, 2), SERVER_STARTING); /* with the next tick */
}

static void the_number_is_not_set_by_hand(void **state)
{
    struct world *w = *state;
    struct err err;
    tell(w, "1");
    assert_false(scale_set_replicas(w->scale, w->service, 1, 0, w->now_ns, &err));
    assert_string_equal(err.text, "shop has discovered servers: their number is what its source says");
}

static void a_reload_keeps_what_was_found(void **state)
{
    struct world *w = *state;
    tell(w, "12");
    answer(w, 1);
    struct config_service next = w->config;
    next.max_requests = 3;
    scale_add_service(w->scale, w->service, &next, NULL, w->now_ns);
    assert_int_equal(state_at(w, 1), SERVER_SERVING);
    assert_int_equal(atomic_load(&server_at(w, 1)->max_requests), 3);
    /* To fixed servers, one of them the same. */
    struct addr fixed[] = {address_of(2), address_of(3)};
    struct config_service last = w->config;
    last.discover.source = DISCOVER_NONE;
    last.servers = fixed;
    last.server_count = ARRAY_LEN(fixed);
    uint64_t id = server_at(w, 2)->id;
    scale_add_service(w->scale, w->service, &last, NULL, w->now_ns);
    assert_int_equal(state_at(w, 1), SERVER_DRAINING);
    assert_int_equal(server_at(w, 2)->id, id);
    assert_int_equal(state_at(w, 3), SERVER_STARTING);
}

#define STORY(f) cmocka_unit_test_setup_teardown(f, setup, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(they_are_probed_before_they_take_requests),
        STORY(an_address_given_twice_counts_once),
        STORY(the_same_list_again_changes_nothing),
        STORY(who_left_drains_and_goes),
        STORY(a_list_of_others_alone_leaves_no_moment_without_hope),
        STORY(who_comes_again_while_it_drains_is_taken_back),
        STORY(who_comes_again_later_is_a_new_server),
        STORY(drained_by_hand_stays_drained),
        STORY(an_address_comes_again_while_no_snapshot_can_be_had),
        STORY(more_than_there_are_places),
        STORY(the_number_is_not_set_by_hand),
        STORY(a_reload_keeps_what_was_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
