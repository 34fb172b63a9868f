/* Bounds, each alone and all together under random load. */
#include "base/clock.h"
#include "base/macros.h"
#include "base/random.h"
#include "scale/bounds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

struct bench {
    struct step_history steps;
    struct bounds_limits limits;
    struct bounds_facts facts;
    struct bounds_choice choice;
};

static struct bench bench(uint32_t min, uint32_t max)
{
    return (struct bench){.limits = {.servers_min = min, .servers_max = max}, .facts = {.capacity = 4}};
}

/* One decision a second later, without a stable window; the servers follow at once. */
static uint32_t choose(struct bench *b, uint32_t needed)
{
    b->facts.now_ns += NS_PER_S;
    b->choice = bounds_choose(&b->steps, &b->limits, &b->facts, needed, needed ? needed - 0.5 : 0);
    b->facts.target_before = b->facts.up = b->choice.target;
    return b->choice.target;
}

static void expect(struct bench *b, uint32_t needed, uint32_t target, enum scale_bound bound)
{
    assert_int_equal(choose(b, needed), target);
    assert_string_equal(scale_bound_name(b->choice.bound), scale_bound_name(bound));
}

static void expect_text(const struct bench *b, const char *text)
{
    char out[BOUND_TEXT_BYTES];
    assert_string_equal(bounds_format(out, &b->limits, b->choice.bound), text);
}

static void nothing_holds(void **state)
{
    struct bench b = bench(0, 100);
    expect(&b, 7, 7, SCALE_BOUND_NONE);
    expect(&b, 0, 0, SCALE_BOUND_NONE);
}

static void spares_are_kept_beyond_the_need(void **state)
{
    struct bench b = bench(0, 10);
    b.limits.spares = 2;
    expect(&b, 0, 2, SCALE_BOUND_SPARES);
    expect_text(&b, "spares kept beyond the need: 2");
    expect(&b, 5, 7, SCALE_BOUND_SPARES);
    expect(&b, 9, 10, SCALE_BOUND_MAX);
    expect(&b, 4, 6, SCALE_BOUND_SPARES);
}

/* A need that goes to and fro between two numbers must not take the spares with it. */
static void spares_do_not_flap(void **state)
{
    struct bench b = bench(0, 10);
    b.limits.spares = 1;
    expect(&b, 4, 5, SCALE_BOUND_SPARES);
    for (int i = 0; i < 10; i++) {
        b.facts.now_ns += NS_PER_S;
        b.choice = bounds_choose(&b.steps, &b.limits, &b.facts, 3, 3.9);
        assert_int_equal(b.choice.target, 5);
        assert_int_equal(b.choice.bound, SCALE_BOUND_STABLE_WINDOW);
    }
}

static void steps_up_are_counted_in_any_minute(void **state)
{
    struct bench b = bench(0, 100);
    b.limits.step_up = 3;
    b.limits.step_per_ns = 60 * NS_PER_S;
    expect(&b, 50, 3, SCALE_BOUND_STEP);
    expect_text(&b, "the largest step allowed in a while: up 3, down 0 in 1m (0: no limit)");
    for (int i = 0; i < 58; i++)
        expect(&b, 50, 3, SCALE_BOUND_STEP);
    for (int i = 0; i < 5; i++)
        (void)choose(&b, 50);
    assert_int_equal(b.choice.target, 6);
    expect(&b, 1, 1, SCALE_BOUND_NONE); /* down is free */
    expect(&b, 50, 4, SCALE_BOUND_STEP);
}

static void steps_down_are_counted_too(void **state)
{
    struct bench b = bench(0, 100);
    b.limits.step_down = 1;
    b.limits.step_per_ns = 10 * NS_PER_S;
    expect(&b, 20, 20, SCALE_BOUND_NONE);
    expect(&b, 0, 19, SCALE_BOUND_STEP);
    expect(&b, 30, 30, SCALE_BOUND_NONE);
    for (int i = 0; i < 9; i++)
        expect(&b, 0, 29, SCALE_BOUND_STEP);
    for (int i = 0; i < 3; i++)
        (void)choose(&b, 0);
    assert_int_equal(b.choice.target, 28);
}

static void a_step_never_holds_what_is_stated(void **state)
{
    struct bench b = bench(5, 100);
    b.limits.step_up = b.limits.step_down = 1;
    b.limits.step_per_ns = 60 * NS_PER_S;
    expect(&b, 9, 5, SCALE_BOUND_MIN);
    b.limits.servers_min = 30;
    expect(&b, 0, 30, SCALE_BOUND_MIN);
    b.limits.has_manual = true;
    b.limits.manual = 2;
    expect(&b, 0, 2, SCALE_BOUND_MANUAL);
    b.limits.has_manual = false;
    b.limits.servers_min = 1;
    expect(&b, 0, 2, SCALE_BOUND_STEP); /* 30 were wanted within the minute: no fewer, but no more either */
    b.limits.has_manual = true;
    b.limits.manual = 40;
    expect(&b, 0, 40, SCALE_BOUND_MANUAL);
    b.limits.has_manual = false;
    expect(&b, 50, 40, SCALE_BOUND_STEP); /* 2 were wanted within the minute */
}

static void cost_is_a_ceiling(void **state)
{
    struct bench b = bench(1, 100);
    b.limits.cost_per_hour = 0.12;
    b.limits.cost_max_per_hour = 2.5;
    expect(&b, 90, 20, SCALE_BOUND_COST);
    expect_text(&b, "the most servers that may be paid for: 2.5 an hour are 20 servers of 0.12");
    b.limits.cost_max_per_hour = 2.4; /* 2.4 / 0.12 is a little less than 20 in binary */
    expect(&b, 90, 20, SCALE_BOUND_COST);
    b.limits.cost_max_per_hour = 1e9;
    expect(&b, 900, 100, SCALE_BOUND_MAX);
    b.limits.cost_max_per_hour = 0.01;
    expect(&b, 900, 0, SCALE_BOUND_COST);
}

static void prices_that_are_told_come_before_the_stated_one(void **state)
{
    struct bench b = bench(1, 100);
    b.limits.servers_min = 2;
    b.limits.cost_per_hour = 0.12;
    b.limits.cost_max_per_hour = 2.5;
    b.limits.bill = (struct bounds_bill){.is_told = true, .paid_count = 3, .paid = 1.5, .next = 0.5};
    expect(&b, 90, 5, SCALE_BOUND_COST);
    expect_text(&b, "the most servers that may be paid for: 2.5 an hour are 5 servers; by the prices that "
                    "are told 3 cost 1.5, and one more 0.5");
    b.limits.bill.is_short = true;
    expect(&b, 90, 3, SCALE_BOUND_COST);
    expect_text(&b, "the most servers that may be paid for: 2.5 an hour are 3 servers; by the prices that "
                    "are told the cheapest 3 cost 1.5");
    b.limits.bill = (struct bounds_bill){.is_told = true, .is_short = true, .next = 700};
    expect(&b, 90, 2, SCALE_BOUND_COST); /* MIN, which the stated price pays for */
    b.limits.cost_per_hour = 2;
    expect(&b, 90, 1, SCALE_BOUND_COST);
    b.limits.bill = (struct bounds_bill){.is_told = true, .paid_count = 1, .paid = 1e-9, .next = 1e-9};
    expect(&b, 900, 100, SCALE_BOUND_MAX);
}

static void the_cost_has_the_last_word_but_for_people(void **state)
{
    struct bench b = bench(1, 20);
    b.limits.servers_min = 12;
    b.limits.cost_per_hour = 1;
    b.limits.cost_max_per_hour = 10;
    expect(&b, 2, 10, SCALE_BOUND_COST);
    b.limits.has_manual = true;
    b.limits.manual = 15;
    expect(&b, 2, 15, SCALE_BOUND_MANUAL);
    b.limits.manual = 99;
    expect(&b, 2, 20, SCALE_BOUND_MANUAL);
}

static struct bounds_limits any_limits(struct random *r)
{
    struct bounds_limits l = {.servers_min = (uint32_t)(random_next(r) % 5)};
    l.servers_max = l.servers_min + 1 + (uint32_t)(random_next(r) % 30);
    l.spares = random_next(r) % 3 ? 0 : (uint32_t)(random_next(r) % 5);
    l.step_up = random_next(r) % 3 ? 0 : 1 + (uint32_t)(random_next(r) % 4);
    l.step_down = random_next(r) % 3 ? 0 : 1 + (uint32_t)(random_next(r) % 4);
    l.step_per_ns = (int64_t)(1 + random_next(r) % 60) * NS_PER_S;
    l.cost_per_hour = random_next(r) % 3 ? 0 : 0.1;
    l.cost_max_per_hour = (double)(random_next(r) % 30) / 10;
    l.bill = (struct bounds_bill){.is_told = random_next(r) % 3 == 0,
                                  .paid_count = (uint32_t)(random_next(r) % 30),
                                  .paid = (double)(random_next(r) % 30) / 20,
                                  .is_short = random_next(r) % 2,
                                  .next = 0.1};
    l.has_manual = random_next(r) % 10 == 0;
    l.manual = (uint32_t)(random_next(r) % 40);
    return l;
}

static void check_within(const struct bounds_limits *l, const struct bounds_choice *c)
{
    uint32_t cost_max = bounds_cost_max(l), least = l->servers_min;
    assert_true(c->target <= l->servers_max);
    if (c->bound == SCALE_BOUND_MANUAL) {
        assert_int_equal(c->target, MIN(l->manual, l->servers_max));
        return;
    }
    assert_true(c->target <= cost_max);
    assert_true(c->target >= MIN(least, cost_max));
    assert_false(l->has_manual);
}

static void a_shared_bottleneck_never_holds_the_first_server(void **state)
{
    struct bench b = bench(0, 10);
    expect(&b, 3, 3, SCALE_BOUND_NONE);
    b.facts.is_bottleneck_shared = true; /* seen while there were three, and remembered */
    expect(&b, 5, 3, SCALE_BOUND_BOTTLENECK);
    expect(&b, 0, 0, SCALE_BOUND_NONE);
    expect(&b, 1, 1, SCALE_BOUND_NONE);
    expect(&b, 0, 0, SCALE_BOUND_NONE);
    expect(&b, 4, 1, SCALE_BOUND_BOTTLENECK);
}

/* Whatever is stated and asked for: within what is stated, and more need never gives fewer servers. */
static void all_together(void **state)
{
    struct random r = {.state = 7};
    for (int run = 0; run < 300; run++) {
        struct bench b = {.limits = any_limits(&r), .facts = {.capacity = 1 + (double)(random_next(&r) % 8)}};
        double window = 0;
        for (int i = 0; i < 200; i++) {
            uint32_t needed = random_next(&r) % 20 ? (uint32_t)(random_next(&r) % 40) : UINT32_MAX - 5;
            if (random_next(&r) % 50 == 0)
                b.limits = any_limits(&r);
            b.facts.in_flight = (uint32_t)(random_next(&r) % 100);
            b.facts.is_bottleneck_shared = random_next(&r) % 8 == 0;
            b.facts.now_ns += (int64_t)(random_next(&r) % (3 * NS_PER_S));
            window = random_next(&r) % 4 ? MAX(window * 0.9, MIN(needed, 1e6)) : MIN(needed, 1e6);
            struct step_history more_steps = b.steps;
            struct bounds_choice more =
                bounds_choose(&more_steps, &b.limits, &b.facts, MIN(needed, UINT32_MAX - 9) + 3, window + 3);
            b.choice = bounds_choose(&b.steps, &b.limits, &b.facts, needed, window);
            check_within(&b.limits, &b.choice);
            assert_true(more.target >= b.choice.target);
            b.facts.target_before = b.choice.target;
            b.facts.up = (uint32_t)(random_next(&r) % 40);
        }
    }
}

/* However the need jumps: in no window of `per` does the number rise or fall by more than the step. */
static void steps_hold_under_any_need(void **state)
{
    enum { SECONDS = 600, PER = 20 };
    struct random r = {.state = 3};
    struct bench b = bench(0, 1000);
    uint32_t targets[SECONDS];
    b.limits.step_up = 4;
    b.limits.step_down = 2;
    b.limits.step_per_ns = PER * NS_PER_S;
    for (int i = 0; i < SECONDS; i++) {
        targets[i] = choose(&b, (uint32_t)(random_next(&r) % 60));
        for (int before = MAX(i - PER, 0); before < i; before++) {
            assert_true(targets[i] <= targets[before] + 4);
            assert_true(targets[i] + 2 >= targets[before]);
        }
    }
}

/* Above MIN and below MAX; the cost and people come before it, and a dry run only advises it. */
static void schedules_raise_and_cap(void **state)
{
    struct bench b = bench(1, 10);
    struct config_schedule day = {.zone = {.name = STR("UTC")}};
    b.limits.step_up = 1;
    b.limits.step_per_ns = 60 * NS_PER_S;
    b.limits.scheduled =
        (struct schedule_now){.at_s = 60, .least = {.servers = 4, .until_s = 120, .by = &day}};
    expect(&b, 0, 4, SCALE_BOUND_SCHEDULE);
    expect_text(&b, "schedule: at least 4 until 00:02 (UTC)");
    b.limits.step_up = 0;
    expect(&b, 7, 7, SCALE_BOUND_NONE);
    b.limits.scheduled.most = (struct schedule_side){.servers = 6, .until_s = 180, .by = &day};
    expect(&b, 7, 6, SCALE_BOUND_SCHEDULE);
    expect_text(&b, "schedule: at least 4 until 00:02 (UTC), at most 6 until 00:03 (UTC)");
    b.limits.cost_per_hour = 1;
    b.limits.cost_max_per_hour = 3;
    expect(&b, 7, 3, SCALE_BOUND_COST);
    b.limits.has_manual = true;
    b.limits.manual = 8;
    expect(&b, 7, 8, SCALE_BOUND_MANUAL);
    b.limits.has_manual = false;
    struct bounds_choice kept = bounds_keep(&b.limits, 2);
    assert_int_equal(kept.target, 2);
    assert_int_equal(kept.bound, SCALE_BOUND_ADVISE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_holds),
        cmocka_unit_test(schedules_raise_and_cap),
        cmocka_unit_test(spares_are_kept_beyond_the_need),
        cmocka_unit_test(spares_do_not_flap),
        cmocka_unit_test(steps_up_are_counted_in_any_minute),
        cmocka_unit_test(steps_down_are_counted_too),
        cmocka_unit_test(a_step_never_holds_what_is_stated),
        cmocka_unit_test(cost_is_a_ceiling),
        cmocka_unit_test(prices_that_are_told_come_before_the_stated_one),
        cmocka_unit_test(the_cost_has_the_last_word_but_for_people),
        cmocka_unit_test(a_shared_bottleneck_never_holds_the_first_server),
        cmocka_unit_test(all_together),
        cmocka_unit_test(steps_hold_under_any_need),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
