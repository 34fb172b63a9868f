/* Wishes, calls and lists: single stories, and properties over many seeds. */
#include "effort.h"
#include "engine_world.h"

enum {
    KEYED = DRIVER_STARTS_ONE | DRIVER_STOPS_CHOSEN | DRIVER_KEEPS_KEYS,
    KEYLESS = DRIVER_STARTS_ONE | DRIVER_STOPS_CHOSEN,
    COUNTING = 0,
    COUNTING_CHOSEN = DRIVER_STOPS_CHOSEN,
};

static const uint32_t all_kinds[] = {KEYED, KEYLESS, COUNTING, COUNTING_CHOSEN};

static void setup(struct engine_world *w, uint32_t kind, uint32_t want)
{
    world_init(w, kind, 7);
    w->want = want;
    world_run(w, 20 * S);
    assert_in_order(w, want);
}

/* --- stories ----------------------------------------------------------------------------------------- */

static void servers_come_and_go(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(all_kinds); i++) {
        struct engine_world w;
        setup(&w, all_kinds[i], 3);
        w.want = 5;
        world_run(&w, 20 * S);
        assert_in_order(&w, 5);
        w.want = 1;
        world_run(&w, 30 * S);
        assert_in_order(&w, 1);
        w.want = 0;
        world_run(&w, 30 * S);
        assert_in_order(&w, 0);
        assert_int_equal(w.last_id, 5); /* nobody was started twice */
        assert_int_equal(w.troubles, 0);
        world_fini(&w);
    }
}

static void what_the_engine_tells_of_a_server_is_passed_on_when_it_is_new(void **state)
{
    struct engine_world w;
    setup(&w, KEYED, 1);
    assert_int_equal(w.facts_told, 0); /* there was nothing to tell */
    struct instance *i = &w.machines[0].instance;
    i->pid = 17;
    i->price = 0.25;
    world_run(&w, 20 * S);
    assert_int_equal(w.facts_told, 1);
    assert_true(w.last_facts.pid == 17 && w.last_facts.price == 0.25 && !w.last_facts.is_unwell);
    i->is_unwell = true;
    snprintf(i->detail, sizeof(i->detail), "it is paused");
    world_run(&w, 20 * S);
    assert_int_equal(w.facts_told, 2);
    assert_string_equal(w.last_facts.words, "it is paused");
    i->is_unwell = false; /* words about a server that is well are nobody's business */
    world_run(&w, 20 * S);
    assert_int_equal(w.facts_told, 3);
    assert_string_equal(w.last_facts.words, "");
    weir_crash(&w);
    world_run(&w, 20 * S);
    assert_int_equal(w.facts_told, 4); /* the next Weir hears it anew */
    world_fini(&w);
}

static void nothing_is_asked_before_the_first_list(void **state)
{
    struct engine_world w;
    world_init(&w, KEYED, 1);
    w.is_away = true;
    w.want = 2;
    roster_start(w.roster, "shop/shop-9");
    (void)held_new(&w, "shop/shop-9");
    world_run(&w, 60 * S);
    assert_int_equal(w.calls[DRIVER_CALL_START], 0);
    assert_false(w.is_observed);
    assert_true(w.has_trouble && w.trouble.is_away);
    w.is_away = false;
    world_run(&w, 60 * S);
    assert_in_order(&w, 2);
    assert_int_equal(w.recoveries, 1);
    world_fini(&w);
}

static void an_engine_that_is_away_changes_nothing(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(all_kinds); i++) {
        struct engine_world w;
        setup(&w, all_kinds[i], 3);
        uint32_t lists = w.calls[DRIVER_CALL_LIST];
        w.is_away = true;
        world_run(&w, 600 * S);
        assert_int_equal(w.exits, 0);
        assert_int_equal(w.troubles, 1); /* told once, not at each try */
        assert_in_range(w.calls[DRIVER_CALL_LIST] - lists, 15, 60);
        assert_int_equal(up_count(&w), 3);
        w.is_away = false;
        world_run(&w, 60 * S);
        assert_false(w.has_trouble);
        assert_in_order(&w, 3);
        assert_int_equal(w.last_id, 3);
        world_fini(&w);
    }
}

static void one_that_dies_is_told_with_the_engines_words(void **state)
{
    struct engine_world w;
    setup(&w, KEYED, 2);
    w.keeps_ended = true;
    machine_die(&w, any_alive(&w));
    world_run(&w, 6 * S);
    assert_int_equal(w.exits, 1);
    assert_string_equal(w.last_reason, "exit code 137");
    world_run(&w, 20 * S);
    assert_in_order(&w, 2); /* what was left of it is removed */
    world_fini(&w);
}

static void one_that_vanishes_is_told(void **state)
{
    struct engine_world w;
    setup(&w, KEYED, 2);
    any_alive(&w)->is_there = false;
    world_run(&w, 6 * S);
    assert_string_equal(w.last_reason, "the engine lists it no longer");
    world_run(&w, 20 * S);
    assert_in_order(&w, 2);
    world_fini(&w);
}

static void one_that_others_stop_gets_nothing_new(void **state)
{
    struct engine_world w;
    setup(&w, KEYED, 2);
    w.stop_delay_ns = 20 * S;
    machine_end(&w, any_alive(&w), 20 * S);
    world_run(&w, 6 * S);
    assert_int_equal(w.stopping, 1);
    assert_int_equal(w.exits, 0);
    world_run(&w, 10 * S);
    assert_int_equal(alive_count(&w), 2); /* another one is there before it has gone */
    world_run(&w, 40 * S);
    assert_in_order(&w, 2);
    assert_int_equal(w.last_id, 3);
    world_fini(&w);
}

static void the_engines_choice_of_the_victim_is_taken(void **state)
{
    uint32_t spared = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct engine_world w;
        world_init(&w, COUNTING, seed);
        w.want = 4;
        world_run(&w, 20 * S);
        w.want = 2;
        world_run(&w, 40 * S);
        assert_in_order(&w, 2);
        assert_int_equal(w.last_id, 4); /* no start for it */
        spared += w.spared;
        world_fini(&w);
    }
    assert_true(spared > 10);
}

static void a_replacement_by_the_engine_is_no_server_more(void **state)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct engine_world w;
        world_init(&w, COUNTING, seed);
        w.want = 3;
        world_run(&w, 20 * S);
        machine_die(&w, any_alive(&w));
        world_run(&w, 40 * S);
        assert_in_order(&w, 3);
        assert_int_equal(w.last_id, 4);
        assert_int_equal(w.replicas, 3);
        world_fini(&w);
    }
}

static void somebody_else_changes_the_number(void **state)
{
    struct engine_world w;
    setup(&w, COUNTING, 3);
    w.replicas = 1;
    world_run(&w, 40 * S);
    assert_in_order(&w, 3); /* who decides here is Weir */
    w.replicas = 6;
    world_run(&w, 60 * S);
    assert_in_order(&w, 3);
    world_fini(&w);
}

static void a_refused_start_is_told_and_tried_again_by_who_wants_it(void **state)
{
    static const uint32_t kinds[] = {KEYED, COUNTING};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct engine_world w;
        setup(&w, kinds[i], 1);
        w.refuses_starts = true;
        w.fault = DRIVER_FAULT_QUOTA;
        w.want = 2;
        world_run(&w, 30 * S);
        assert_true(w.start_failures >= 1);
        assert_string_equal(w.last_reason, "the engine said no");
        assert_true(w.has_trouble && w.trouble.fault == DRIVER_FAULT_QUOTA && !w.trouble.is_away);
        assert_int_equal(alive_count(&w), 1);
        w.refuses_starts = false;
        world_run(&w, 90 * S);
        assert_in_order(&w, 2);
        assert_false(w.has_trouble);
        world_fini(&w);
    }
}

/* As in a rolling update: what waits for its end holds up nothing else. */
static void more_servers_come_while_fewer_are_refused(void **state)
{
    struct engine_world w;
    setup(&w, COUNTING, 3);
    w.refuses_fewer = true;
    w.want = 2;
    world_run(&w, 30 * S);
    assert_true(w.has_trouble && w.trouble.is_harmless && !w.trouble.is_away);
    assert_int_equal(alive_count(&w), 3);
    w.want = 5;
    world_run(&w, 30 * S);
    assert_int_equal(alive_count(&w), 5);
    assert_false(w.has_trouble);
    w.want = 4;
    world_run(&w, 10 * S);
    w.refuses_fewer = false;
    world_run(&w, 60 * S);
    assert_in_order(&w, 4);
    world_fini(&w);
}

static void retry_after_is_kept(void **state)
{
    struct engine_world w;
    setup(&w, KEYED, 1);
    w.failed_percent = 100;
    w.retry_after_ns = 120 * S;
    world_run(&w, 6 * S);
    uint32_t lists = w.calls[DRIVER_CALL_LIST];
    world_run(&w, 110 * S);
    assert_int_equal(w.calls[DRIVER_CALL_LIST], lists);
    w.failed_percent = 0;
    world_run(&w, 20 * S);
    assert_true(w.calls[DRIVER_CALL_LIST] > lists);
    world_fini(&w);
}

static void a_start_that_is_not_wanted_any_more_is_not_made(void **state)
{
    struct engine_world w;
    setup(&w, KEYED, 0);
    roster_start(w.roster, "shop/shop-5");
    held_new(&w, "shop/shop-5")->is_stopping = true;
    roster_stop(w.roster, "shop/shop-5", S, w.now_ns);
    assert_int_equal(w.exits, 0); /* never from inside */
    world_run(&w, 1 * S);
    assert_int_equal(w.exits, 1);
    assert_int_equal(w.calls[DRIVER_CALL_START], 0);
    world_fini(&w);
}

static void a_stop_that_is_ignored_comes_again_by_force(void **state)
{
    struct engine_world w;
    setup(&w, KEYED, 1);
    struct roster_call call;
    int64_t again_ns;
    w.stop_delay_ns = 60 * S;
    roster_stop(w.roster, "shop/shop-1", 2 * S, w.now_ns);
    while (!roster_next(w.roster, w.now_ns, &call, &again_ns) || call.kind != DRIVER_CALL_STOP) {
        struct roster_answer list = {.is_good = true};
        if (w.now_ns > 1100 * S)
            fail_msg("no stop");
        if (call.kind == DRIVER_CALL_LIST) {
            engine_list(&w, &list.list);
            roster_answer(w.roster, &call, &list, w.now_ns);
            free(list.list.items);
        }
        w.now_ns += 100 * MS;
    }
    assert_int_equal(call.stop_timeout_ns, 2 * S);
    roster_answer(w.roster, &call, &(struct roster_answer){.is_good = true}, w.now_ns);
    int64_t asked_ns = w.now_ns;
    do {
        bool is_due = roster_next(w.roster, w.now_ns, &call, &again_ns);
        struct roster_answer list = {.is_good = true};
        if (is_due && call.kind == DRIVER_CALL_STOP)
            break;
        if (is_due) {
            engine_list(&w, &list.list);
            roster_answer(w.roster, &call, &list, w.now_ns);
            free(list.list.items);
        }
        w.now_ns += 100 * MS;
    } while (w.now_ns < asked_ns + 60 * S);
    assert_int_equal(call.kind, DRIVER_CALL_STOP);
    assert_int_equal(call.stop_timeout_ns, 0);
    assert_in_range(w.now_ns - asked_ns, 7 * S, 8 * S);
    world_fini(&w);
}

static void names_are_kept_over_a_restart(void **state)
{
    struct engine_world w;
    setup(&w, KEYED, 3);
    struct held before[HELD_MAX];
    memcpy(before, w.held, sizeof(before));
    weir_crash(&w);
    world_run(&w, 10 * S);
    assert_in_order(&w, 3);
    for (size_t i = 0; i < HELD_MAX; i++)
        if (before[i].is_used) {
            struct held *h = find_held(&w, before[i].key);
            assert_non_null(h);
            assert_true(addr_eq(&h->address, &before[i].address));
        }
    assert_int_equal(w.last_id, 3);
    world_fini(&w);
}

static void a_second_one_under_the_same_key_is_ended(void **state)
{
    struct engine_world w;
    setup(&w, KEYED, 2);
    struct machine *extra = machine_new(&w, "shop/shop-1");
    extra->runs_ns = w.now_ns;
    world_run(&w, 20 * S);
    assert_in_order(&w, 2);
    assert_int_equal(w.exits, 0); /* the older one stays */
    world_fini(&w);
}

static void all_are_ended_when_weir_ends_so(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(all_kinds); i++) {
        struct engine_world w;
        setup(&w, all_kinds[i], 3);
        w.keeps_ended = true;
        roster_end_all(w.roster, 1 * S, w.now_ns);
        for (int step = 0; step < 1200 && !roster_is_empty(w.roster); step++) {
            w.now_ns += STEP_MS * MS;
            engine_step(&w);
            if (w.is_in_call && w.now_ns >= w.answer_ns)
                end_call(&w);
            if (!w.is_in_call && roster_next(w.roster, w.now_ns, &w.call, &w.again_ns))
                begin_call(&w);
        }
        assert_true(roster_is_empty(w.roster));
        assert_int_equal(alive_count(&w), 0);
        assert_int_equal(w.exits, 0); /* nobody is told */
        world_fini(&w);
    }
}

/* --- properties -------------------------------------------------------------------------------------- */

/* However calls fail, servers die and Weir dies: in the end there is what is wanted, and nobody else. */
static void ends_in_order(uint32_t kind, uint64_t seed)
{
    struct engine_world w;
    world_init(&w, kind, seed);
    w.keeps_ended = seed % 2;
    w.lost_percent = random_below(&w.random, 20);
    w.failed_percent = random_below(&w.random, 20);
    w.late_percent = random_below(&w.random, 50);
    for (int round = 0; round < 30; round++) {
        uint32_t dice = random_below(&w.random, 100);
        if (dice < 40)
            w.want = random_below(&w.random, 8);
        else if (dice < 55 && alive_count(&w))
            machine_die(&w, any_alive(&w));
        else if (dice < 65 && alive_count(&w))
            machine_end(&w, any_alive(&w), 2 * S);
        else if (dice < 75)
            weir_crash(&w);
        w.is_away = chance(&w, 10);
        world_run(&w, (int64_t)random_below(&w.random, 8000) * MS);
        assert_true(alive_count(&w) < 40);
    }
    w.is_away = false;
    w.lost_percent = w.failed_percent = 0;
    world_run(&w, 60 * S);
    uint32_t want = 1 + random_below(&w.random, 6);
    w.want = want;
    world_run(&w, 120 * S);
    assert_in_order(&w, want);
    uint32_t starts = w.last_id, calls = w.calls[DRIVER_CALL_SET_COUNT] + w.calls[DRIVER_CALL_START];
    world_run(&w, 120 * S);
    assert_int_equal(w.last_id, starts); /* and it stays so */
    assert_int_equal(w.calls[DRIVER_CALL_SET_COUNT] + w.calls[DRIVER_CALL_START], calls);
    assert_in_order(&w, want);
    world_fini(&w);
}

static void whatever_fails_the_end_is_in_order(void **state)
{
    const char *only = getenv("SEED");
    enum { SEEDS = EFFORT(150) };
    for (size_t i = 0; i < ARRAY_LEN(all_kinds); i++)
        for (uint64_t seed = only ? strtoull(only, NULL, 10) : 1; seed <= SEEDS || only; seed++) {
            if (getenv("SHOW_SEED"))
                fprintf(stderr, "kind %zu seed %llu\n", i, (unsigned long long)seed);
            ends_in_order(all_kinds[i], seed);
            if (only)
                break;
        }
}

/* Engines that keep keys never have two servers of one key, whatever answers are lost. */
static void no_key_is_started_twice(void **state)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct engine_world w;
        world_init(&w, KEYED, seed);
        w.lost_percent = 40;
        w.failed_percent = 20;
        for (int round = 0; round < 20; round++) {
            w.want = random_below(&w.random, 6);
            if (chance(&w, 20))
                weir_crash(&w);
            world_run(&w, 4 * S);
            for_each_machine(&w, a) for_each_machine(&w, b) assert_false(
                a != b && is_alive(a) && is_alive(b) && strcmp(a->instance.key, b->instance.key) == 0);
        }
        world_fini(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_come_and_go),
        cmocka_unit_test(what_the_engine_tells_of_a_server_is_passed_on_when_it_is_new),
        cmocka_unit_test(nothing_is_asked_before_the_first_list),
        cmocka_unit_test(an_engine_that_is_away_changes_nothing),
        cmocka_unit_test(one_that_dies_is_told_with_the_engines_words),
        cmocka_unit_test(one_that_vanishes_is_told),
        cmocka_unit_test(one_that_others_stop_gets_nothing_new),
        cmocka_unit_test(the_engines_choice_of_the_victim_is_taken),
        cmocka_unit_test(a_replacement_by_the_engine_is_no_server_more),
        cmocka_unit_test(somebody_else_changes_the_number),
        cmocka_unit_test(a_refused_start_is_told_and_tried_again_by_who_wants_it),
        cmocka_unit_test(more_servers_come_while_fewer_are_refused),
        cmocka_unit_test(retry_after_is_kept),
        cmocka_unit_test(a_start_that_is_not_wanted_any_more_is_not_made),
        cmocka_unit_test(a_stop_that_is_ignored_comes_again_by_force),
        cmocka_unit_test(names_are_kept_over_a_restart),
        cmocka_unit_test(a_second_one_under_the_same_key_is_ended),
        cmocka_unit_test(all_are_ended_when_weir_ends_so),
        cmocka_unit_test(whatever_fails_the_end_is_in_order),
        cmocka_unit_test(no_key_is_started_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
