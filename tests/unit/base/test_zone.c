/* The calendar, time zones by rule and by list, clocks that leap, and files that are none. */
#include "base/civil.h"
#include "base/macros.h"
#include "base/zone.h"

#include "tzif.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>

#define BERLIN   "CET-1CEST,M3.5.0,M10.5.0/3"
#define NEW_YORK "EST5EDT,M3.2.0,M11.1.0"

/* "2026-03-29 02:30:00", as if it were UTC. */
static int64_t moment(const char *text)
{
    long year;
    unsigned month, day, hour, minute, second;
    assert_int_equal(sscanf(text, "%ld-%u-%u %u:%u:%u", &year, &month, &day, &hour, &minute, &second), 6);
    int64_t days = civil_days((struct civil_date){.year = year, .month = month, .day = day});
    return days * CIVIL_DAY_S + hour * 3600 + minute * 60 + second;
}

static struct zone by_rule(const char *text)
{
    struct zone z = {0};
    if (!zone_parse_rule(str_of(text), &z.rule))
        fail_msg("'%s' is no rule", text);
    return z;
}

/* Against the C library, over all leap year rules; and back. */
static void days_and_dates_agree(void **state)
{
    for (int64_t day = -200000; day < 400000; day += 13) {
        time_t seconds = (time_t)(day * CIVIL_DAY_S);
        struct tm tm;
        gmtime_r(&seconds, &tm);
        struct civil_date d = civil_date(day);
        assert_int_equal(d.year, tm.tm_year + 1900);
        assert_int_equal(d.month, tm.tm_mon + 1);
        assert_int_equal(d.day, tm.tm_mday);
        assert_int_equal(civil_weekday(day), tm.tm_wday);
        assert_int_equal(civil_days(d), day);
        assert_true(d.day <= civil_month_days(d.year, d.month));
    }
    assert_int_equal(civil_month_days(2000, 2), 29);
    assert_int_equal(civil_month_days(2100, 2), 28);
    assert_int_equal(civil_day_of(-1), -1);
}

static void rules_give_offsets(void **state)
{
    static const struct {
        const char *rule, *utc;
        int32_t offset_s;
    } rows[] = {
        {BERLIN, "2026-01-15 12:00:00", 3600},
        {BERLIN, "2026-03-29 00:59:59", 3600},
        {BERLIN, "2026-03-29 01:00:00", 7200},
        {BERLIN, "2026-10-25 00:59:59", 7200},
        {BERLIN, "2026-10-25 01:00:00", 3600},
        {BERLIN, "2199-07-01 00:00:00", 7200},
        {NEW_YORK, "2026-03-08 06:59:59", -5 * 3600},
        {NEW_YORK, "2026-03-08 07:00:00", -4 * 3600},
        {NEW_YORK, "2026-11-01 05:59:59", -4 * 3600},
        {NEW_YORK, "2026-11-01 06:00:00", -5 * 3600},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-01-01 00:00:00", 11 * 3600}, /* summer over New Year */
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-07-01 00:00:00", 10 * 3600},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2026-01-01 00:00:00", 0},              /* summer is the standard */
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29 00:59:59", -2 * 3600}, /* on the day before */
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29 01:00:00", -3600},
        {"<+0545>-5:45", "2026-01-01 00:00:00", 5 * 3600 + 45 * 60},
        {"XXX3EDT4,0/0,J365/23", "2026-12-31 23:59:59", -4 * 3600}, /* all year */
        {"XXX3EDT4,0/0,J365/23", "2027-01-01 03:00:00", -4 * 3600},
        {"AAA0BBB,J60/0,J300/0", "2024-02-29 12:00:00", 0}, /* J60 is March 1 always */
        {"AAA0BBB,J60/0,J300/0", "2024-03-01 00:00:00", 3600},
        {"AAA0BBB,59/0,300/0", "2024-02-29 00:00:00", 3600},
        {"AAA0BBB,59/0,300/0", "2023-02-28 23:59:59", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct zone z = by_rule(rows[i].rule);
        if (zone_offset_s(&z, moment(rows[i].utc)) != rows[i].offset_s)
            fail_msg("%s at %s: %d, not %d", rows[i].rule, rows[i].utc,
                     zone_offset_s(&z, moment(rows[i].utc)), rows[i].offset_s);
    }
}

static void wrong_rules_are_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "CE-1",
        "CET",
        "CET-25",
        "CET-1:60",
        "CET-1CEST",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "<CET-1",
        "CET-1CEST,M3.5.0,M10.5.0/168",
        "CET-1CEST,M3.5.0,M10.5.0 ",
        "CET-1CEST,J0,J300",
        "CET-1CEST,366,1",
        "CET-1CEST,,",
        "CET-1,M3.5.0,M10.5.0",
    };
    struct zone_rule rule;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (zone_parse_rule(str_of(rows[i]), &rule))
            fail_msg("'%s' was taken", rows[i]);
}

static void local_times_that_are_left_out_or_come_twice(void **state)
{
    static const struct {
        const char *rule, *local, *utc;
    } rows[] = {
        {BERLIN, "2026-06-01 08:00:00", "2026-06-01 06:00:00"},
        {BERLIN, "2026-12-01 08:00:00", "2026-12-01 07:00:00"},
        {BERLIN, "2026-03-29 01:59:59", "2026-03-29 00:59:59"},
        {BERLIN, "2026-03-29 02:00:00", "2026-03-29 01:00:00"}, /* the gap is one moment */
        {BERLIN, "2026-03-29 02:30:00", "2026-03-29 01:00:00"},
        {BERLIN, "2026-03-29 03:00:00", "2026-03-29 01:00:00"},
        {BERLIN, "2026-10-25 01:59:59", "2026-10-24 23:59:59"},
        {BERLIN, "2026-10-25 02:30:00", "2026-10-25 00:30:00"}, /* the first of both */
        {BERLIN, "2026-10-25 03:00:00", "2026-10-25 02:00:00"},
        {NEW_YORK, "2026-03-08 02:30:00", "2026-03-08 07:00:00"},
        {NEW_YORK, "2026-11-01 01:30:00", "2026-11-01 05:30:00"},
        {NEW_YORK, "2026-11-01 02:00:00", "2026-11-01 07:00:00"},
        {"UTC0", "1969-12-31 23:59:59", "1969-12-31 23:59:59"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct zone z = by_rule(rows[i].rule);
        if (zone_to_utc_s(&z, moment(rows[i].local)) != moment(rows[i].utc))
            fail_msg("%s: %s is not %s", rows[i].rule, rows[i].local, rows[i].utc);
    }
}

static const int32_t offsets_s[] = {3000, 3600, 7200};
static const struct tzif_change changes[] = {{-1000000, 1}, {0, 2}, {1000000, 1}};

static struct zone read_zone(struct arena *arena, const struct tzif *file)
{
    CLEANUP(buf_fini) struct buf bytes = {0};
    struct zone z = {0};
    struct err err;
    tzif_write(file, &bytes);
    if (!zone_parse(arena, buf_str(&bytes), &z, &err))
        fail_msg("%s", err.text);
    return z;
}

static void files_give_their_changes_and_then_the_rule(void **state)
{
    struct arena *arena = arena_new();
    struct tzif file = {
        .offsets_s = offsets_s, .type_count = 3, .changes = changes, .change_count = 3, .rule = BERLIN};
    struct zone z = read_zone(arena, &file);
    assert_int_equal(zone_offset_s(&z, INT64_MIN), 3000);
    assert_int_equal(zone_offset_s(&z, -1000001), 3000);
    assert_int_equal(zone_offset_s(&z, -1000000), 3600);
    assert_int_equal(zone_offset_s(&z, -1), 3600);
    assert_int_equal(zone_offset_s(&z, 0), 7200);
    assert_int_equal(zone_to_utc_s(&z, 5400), 0); /* left out */
    assert_int_equal(zone_offset_s(&z, moment("2026-07-01 00:00:00")), 7200);
    assert_int_equal(zone_offset_s(&z, moment("2026-12-01 00:00:00")), 3600);
    file.rule = ""; /* nothing is known of later times: as it was last */
    z = read_zone(arena, &file);
    assert_int_equal(zone_offset_s(&z, moment("2026-07-01 00:00:00")), 3600);
    file.change_count = 0;
    z = read_zone(arena, &file);
    assert_int_equal(zone_offset_s(&z, moment("2026-07-01 00:00:00")), 3000);
    arena_free(arena);
}

/* Each byte of a good file changed in a few ways, and each beginning of it, in memory of just that size. */
static void any_bytes_are_fine(void **state)
{
    CLEANUP(buf_fini) struct buf bytes = {0};
    struct tzif file = {
        .offsets_s = offsets_s, .type_count = 3, .changes = changes, .change_count = 3, .rule = BERLIN};
    tzif_write(&file, &bytes);
    for (size_t i = 0; i < bytes.len * 4; i++) {
        static const char masks[] = {(char)0xFF, (char)0x80, 1, 0};
        size_t at = i / 4, len = i % 4 == 3 ? at : bytes.len;
        struct arena *arena = arena_new();
        struct zone z = {0};
        struct err err;
        char *copy = test_malloc(len + 1);
        memcpy(copy, bytes.ptr, len);
        if (at < len)
            copy[at] = (char)(copy[at] ^ masks[i % 4]);
        bool is_good = zone_parse(arena, str_n(copy, len), &z, &err);
        assert_true(!is_good || len == bytes.len);
        int64_t utc_s = zone_to_utc_s(&z, INT64_MAX);
        assert_true(utc_s > 0);
        (void)zone_offset_s(&z, INT64_MIN);
        test_free(copy);
        arena_free(arena);
    }
}

static void wrong_files_are_told(void **state)
{
    static const struct tzif_change backwards[] = {{5, 1}, {5, 2}}, beyond[] = {{5, 3}};
    static const int32_t far_s[] = {100000};
    static const struct {
        struct tzif file;
        const char *told;
    } rows[] = {
        {{.offsets_s = offsets_s, .type_count = 3, .changes = backwards, .change_count = 2, .rule = ""},
         "the time zone file is broken"},
        {{.offsets_s = offsets_s, .type_count = 3, .changes = beyond, .change_count = 1, .rule = ""},
         "the time zone file is broken"},
        {{.offsets_s = far_s, .type_count = 1, .rule = ""}, "the time zone file is broken"},
        {{.offsets_s = offsets_s, .type_count = 0, .rule = ""}, "the time zone file is broken"},
        {{.offsets_s = offsets_s, .type_count = 1, .rule = "CET"}, "the time zone file is broken"},
        {{.offsets_s = offsets_s, .type_count = 1, .leap_count = 1, .rule = ""},
         "it counts leap seconds; use the zone without 'right/'"},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_fini) struct buf bytes = {0};
        struct zone z;
        struct err err;
        tzif_write(&rows[i].file, &bytes);
        assert_false(zone_parse(arena, buf_str(&bytes), &z, &err));
        assert_string_equal(err.text, rows[i].told);
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_and_dates_agree),
        cmocka_unit_test(rules_give_offsets),
        cmocka_unit_test(wrong_rules_are_refused),
        cmocka_unit_test(local_times_that_are_left_out_or_come_twice),
        cmocka_unit_test(files_give_their_changes_and_then_the_rule),
        cmocka_unit_test(any_bytes_are_fine),
        cmocka_unit_test(wrong_files_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
