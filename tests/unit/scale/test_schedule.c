/* Schedules: what they ask for at a moment, and in which words. */
#include "base/civil.h"
#include "base/clock.h"
#include "base/macros.h"
#include "scale/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#define BERLIN  "CET-1CEST,M3.5.0,M10.5.0/3"
#define HOUR_NS (3600 * NS_PER_S)

static int64_t moment_ns(const char *text)
{
    long year;
    unsigned month, day, hour, minute;
    assert_int_equal(sscanf(text, "%ld-%u-%u %u:%u", &year, &month, &day, &hour, &minute), 5);
    int64_t days = civil_days((struct civil_date){.year = year, .month = month, .day = day});
    return (days * CIVIL_DAY_S + hour * 3600 + minute * 60) * NS_PER_S;
}

static struct config_schedule make(const char *from, int64_t for_ns, const char *rule, uint32_t min,
                                   uint32_t max)
{
    struct config_schedule s = {.for_ns = for_ns, .servers_min = min, .servers_max = max};
    struct err err;
    assert_true(cron_parse(str_of(from), &s.from.times, &err));
    assert_true(zone_parse_rule(str_of(rule), &s.zone.rules.rule));
    s.zone.name = str_of(*rule == 'U' ? "UTC" : "Europe/Berlin");
    return s;
}

static void expect(const struct config_schedule *s, size_t count, const char *at, int64_t ahead_ns,
                   const char *told)
{
    char text[SCHEDULE_TEXT_BYTES];
    struct schedule_now now = schedule_find(s, count, moment_ns(at), ahead_ns);
    if (strcmp(schedule_format(text, &now), told) != 0)
        fail_msg("at %s: '%s', not '%s'", at, text, told);
}

static void holds_for_its_time(void **state)
{
    struct config_schedule s = make("0 8 * * 1-5", 10 * HOUR_NS, BERLIN, 4, 0);
    expect(&s, 1, "2026-11-26 06:59", 0, "");
    expect(&s, 1, "2026-11-26 07:00", 0, "at least 4 until 18:00 (Europe/Berlin)");
    expect(&s, 1, "2026-11-26 16:59", 0, "at least 4 until 18:00 (Europe/Berlin)");
    expect(&s, 1, "2026-11-26 17:00", 0, "");
    expect(&s, 1, "2026-07-01 06:00", 0, "at least 4 until 18:00 (Europe/Berlin)");
    expect(&s, 1, "2026-11-28 12:00", 0, ""); /* a Saturday */
}

/* Ten hours are ten hours, though clocks change on the way. */
static void goes_over_midnight_and_clock_changes(void **state)
{
    struct config_schedule s = make("0 20 * * *", 10 * HOUR_NS, BERLIN, 0, 2);
    expect(&s, 1, "2026-03-28 19:00", 0, "at most 2 until 2026-03-29 07:00 (Europe/Berlin)");
    expect(&s, 1, "2026-03-29 04:59", 0, "at most 2 until 07:00 (Europe/Berlin)");
    expect(&s, 1, "2026-03-29 05:00", 0, "");
}

static void a_minimum_is_asked_for_ahead(void **state)
{
    struct config_schedule s = make("0 8 * * *", HOUR_NS, "UTC0", 4, 8);
    expect(&s, 1, "2026-11-26 07:57", 120 * NS_PER_S, "");
    expect(&s, 1, "2026-11-26 07:58", 120 * NS_PER_S, "at least 4 from 08:00 to 09:00 (UTC)");
    expect(&s, 1, "2026-11-26 08:00", 120 * NS_PER_S,
           "at least 4 until 09:00 (UTC), at most 8 until 09:00 (UTC)");
    expect(&s, 1, "2026-11-26 03:00", INT64_MAX, ""); /* an hour ahead at most */
    expect(&s, 1, "2026-11-26 07:00", INT64_MAX, "at least 4 from 08:00 to 09:00 (UTC)");
    expect(&s, 1, "2026-11-26 07:59", -5, "");
}

static void one_that_begins_again_goes_on(void **state)
{
    struct config_schedule s = make("0 8-17 * * *", HOUR_NS, "UTC0", 4, 0);
    expect(&s, 1, "2026-11-26 09:30", 0, "at least 4 until 18:00 (UTC)");
    s = make("* * * * *", HOUR_NS, "UTC0", 4, 0);
    expect(&s, 1, "2026-11-26 09:30", 0, "at least 4 (UTC)");
}

static void of_several_the_largest_minimum_and_the_smallest_maximum(void **state)
{
    struct config_schedule s[] = {make("0 8 * * *", 4 * HOUR_NS, "UTC0", 4, 0),
                                  make("0 9 * * *", HOUR_NS, "UTC0", 6, 9),
                                  make("0 8 * * *", 3 * HOUR_NS, "UTC0", 0, 5)};
    expect(s, 3, "2026-11-26 08:30", 0, "at least 4 until 12:00 (UTC), at most 5 until 11:00 (UTC)");
    expect(s, 3, "2026-11-26 09:30", 0, "at least 6 until 10:00 (UTC), at most 6 until 11:00 (UTC)");
    expect(s, 3, "2026-11-26 10:30", 0, "at least 4 until 12:00 (UTC), at most 5 until 11:00 (UTC)");
    expect(s, 3, "2026-11-26 11:30", 0, "at least 4 until 12:00 (UTC)");
}

static void nothing_holds_while_the_clock_is_unknown(void **state)
{
    struct config_schedule s = make("* * * * *", HOUR_NS, "UTC0", 4, 8);
    struct schedule_now now = schedule_find(&s, 1, 0, 600 * NS_PER_S);
    assert_int_equal(now.least.servers, 0);
    assert_int_equal(now.most.servers, 0);
    now = schedule_find(&s, 1, moment_ns("2026-11-26 08:30"), 0);
    assert_int_equal(now.least.servers, 4);
    assert_int_equal(now.most.servers, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_for_its_time),
        cmocka_unit_test(goes_over_midnight_and_clock_changes),
        cmocka_unit_test(a_minimum_is_asked_for_ahead),
        cmocka_unit_test(one_that_begins_again_goes_on),
        cmocka_unit_test(of_several_the_largest_minimum_and_the_smallest_maximum),
        cmocka_unit_test(nothing_holds_while_the_clock_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
