/* Lines of cron: which are taken, what is said of the others, and when they fire. */
#include "base/civil.h"
#include "base/cron.h"
#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#define BERLIN   "CET-1CEST,M3.5.0,M10.5.0/3"
#define NEW_YORK "EST5EDT,M3.2.0,M11.1.0"
#define YEAR_S   (366 * CIVIL_DAY_S)

static int64_t moment(const char *text)
{
    long year;
    unsigned month, day, hour, minute;
    assert_int_equal(sscanf(text, "%ld-%u-%u %u:%u", &year, &month, &day, &hour, &minute), 5);
    int64_t days = civil_days((struct civil_date){.year = year, .month = month, .day = day});
    return days * CIVIL_DAY_S + hour * 3600 + minute * 60;
}

static struct cron parse(const char *text)
{
    struct cron c;
    struct err hint;
    if (!cron_parse(str_of(text), &c, &hint))
        fail_msg("%s: %s", text, hint.text);
    return c;
}

static void fires_last(void **state)
{
    static const struct {
        const char *line, *rule, *at, *last; /* UTC */
    } rows[] = {
        {"0 8 * * *", "UTC0", "2026-11-26 08:00", "2026-11-26 08:00"},
        {"0 8 * * *", "UTC0", "2026-11-26 07:59", "2026-11-25 08:00"},
        {"0 8 * * 1-5", "UTC0", "2026-11-29 12:00", "2026-11-27 08:00"}, /* a Sunday */
        {"0 8 * * mon-Fri", "UTC0", "2026-11-29 12:00", "2026-11-27 08:00"},
        {"0 8 * * 7", "UTC0", "2026-11-29 12:00", "2026-11-29 08:00"},
        {"0 8 * * 0", "UTC0", "2026-11-29 12:00", "2026-11-29 08:00"},
        {"0 8 * * fri-sun", "UTC0", "2026-11-29 12:00", "2026-11-29 08:00"},
        {"*/15 * * * *", "UTC0", "2026-11-26 08:14", "2026-11-26 08:00"},
        {"10-40/15 9 * * *", "UTC0", "2026-11-26 12:00", "2026-11-26 09:40"},
        {"5,50 1,13 * * *", "UTC0", "2026-11-26 13:49", "2026-11-26 13:05"},
        {"0 0 31 * *", "UTC0", "2026-05-01 00:00", "2026-03-31 00:00"}, /* April has none */
        {"0 0 29 2 *", "UTC0", "2026-01-01 00:00", "2024-02-29 00:00"},
        {"0 0 29 feb *", "UTC0", "2103-01-01 00:00", "2096-02-29 00:00"}, /* 2100 has none */
        {"59 23 31 12 *", "UTC0", "2026-01-01 00:00", "2025-12-31 23:59"},
        {"0 0 13 * 5", "UTC0", "2026-11-14 00:00", "2026-11-13 00:00"}, /* either day */
        {"0 0 14 * 5", "UTC0", "2026-11-15 00:00", "2026-11-14 00:00"},
        {"0 0 14 * 5", "UTC0", "2026-11-22 00:00", "2026-11-20 00:00"},
        {"0 0 */2 * 5", "UTC0", "2026-11-26 00:00", "2026-11-13 00:00"}, /* an odd day and a Friday */
        {"0 8 * * *", BERLIN, "2026-07-01 12:00", "2026-07-01 06:00"},
        {"0 8 * * *", BERLIN, "2026-12-01 12:00", "2026-12-01 07:00"},
        {"0 0 * * *", BERLIN, "2026-11-26 23:30", "2026-11-26 23:00"}, /* already tomorrow there */
        {"30 2 * * *", BERLIN, "2026-03-29 00:59", "2026-03-28 01:30"},
        {"30 2 * * *", BERLIN, "2026-03-29 01:00", "2026-03-29 01:00"}, /* left out: right after */
        {"30 2 * * *", BERLIN, "2026-10-25 00:30", "2026-10-25 00:30"}, /* comes twice: at first */
        {"30 2 * * *", BERLIN, "2026-10-25 01:45", "2026-10-25 00:30"},
        {"30 2 * * *", NEW_YORK, "2026-03-08 07:10", "2026-03-08 07:00"},
        {"30 1 * * *", NEW_YORK, "2026-11-01 06:30", "2026-11-01 05:30"},
        {"15 0 * * *", "AAA0BBB,J60/0,J300/0:30", "2026-10-26 23:45",
         "2026-10-26 23:15"}, /* back over midnight */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cron c = parse(rows[i].line);
        struct zone z = {0};
        int64_t last_s = 0, at_s = moment(rows[i].at), expected_s = moment(rows[i].last);
        assert_true(zone_parse_rule(str_of(rows[i].rule), &z.rule));
        if (!cron_last(&c, &z, at_s - 8 * YEAR_S, at_s, &last_s) || last_s != expected_s)
            fail_msg("'%s' in %s before %s: %ld, not %ld", rows[i].line, rows[i].rule, rows[i].at,
                     (long)last_s, (long)expected_s);
        assert_false(cron_last(&c, &z, expected_s, at_s, &last_s)); /* the limit itself is not looked at */
        assert_true(cron_last(&c, &z, expected_s - 1, at_s, &last_s));
    }
}

/* Quarter by quarter through a year with both leaps: each local time that fits fires just once. */
static void each_time_fires_once(void **state)
{
    struct cron c = parse("*/30 * * * *");
    struct zone z = {0};
    int64_t begin_s = moment("2026-01-01 00:00"), fired = 0, last_s = 0;
    assert_true(zone_parse_rule(STR(BERLIN), &z.rule));
    for (int64_t at_s = begin_s; at_s < begin_s + 365 * CIVIL_DAY_S; at_s += 900)
        fired += cron_last(&c, &z, at_s - 900, at_s, &last_s);
    assert_int_equal(fired, 365 * 48 - 2); /* in spring 2:00 and 2:30 fire with 3:00 */
}

static void mistakes_are_told(void **state)
{
    static const struct {
        const char *line, *told;
    } rows[] = {
        {"0 8 * *", "minute, hour, day of month, month, day of week: \"0 8 * * 1-5\" is 8:00 on workdays"},
        {"0 8 * * * *",
         "minute, hour, day of month, month, day of week: \"0 8 * * 1-5\" is 8:00 on workdays"},
        {"", "minute, hour, day of month, month, day of week: \"0 8 * * 1-5\" is 8:00 on workdays"},
        {"60 8 * * *", "the minute is 0 to 59, not '60'"},
        {"0 24 * * *", "the hour is 0 to 23, not '24'"},
        {"0 8 0 * *", "the day of month is 1 to 31, not '0'"},
        {"0 8 * 13 *", "the month is 1 to 12 or jan to dec, not '13'"},
        {"0 8 * * 8", "the day of week is 0 to 7 (0 and 7 are Sunday) or sun to sat, not '8'"},
        {"0 8 * * monday", "the day of week is 0 to 7 (0 and 7 are Sunday) or sun to sat, not 'monday'"},
        {"0 8 * * 5-1", "in the day of week, the smaller one comes first, not '5-1'"},
        {"*/0 8 * * *", "a step of the minute is 1 to 59, such as */2"},
        {"*/60 8 * * *", "a step of the minute is 1 to 59, such as */2"},
        {"*/ 8 * * *", "a step of the minute is 1 to 59, such as */2"},
        {"5/15 8 * * *", "a step follows * or a range: 5-59/15"},
        {"1,,2 8 * * *", "the minute is 0 to 59, not ''"},
        {"1, 8 * * *", "the minute is 0 to 59, not ''"},
        {"-5 8 * * *", "the minute is 0 to 59, not ''"},
        {"1-2-3 8 * * *", "the minute is 0 to 59, not '2-3'"},
        {"99999999999999999999999999 8 * * *", "the minute is 0 to 59, not '999999999999999999999999'"},
        {"0 8 30 2 *", "no such month has that day"},
        {"0 8 31 4,6,sep,11 *", "no such month has that day"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cron c;
        struct err hint;
        if (cron_parse(str_of(rows[i].line), &c, &hint))
            fail_msg("'%s' was taken", rows[i].line);
        assert_string_equal(hint.text, rows[i].told);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_last),
        cmocka_unit_test(each_time_fires_once),
        cmocka_unit_test(mistakes_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
