/* Hours of the day and days of the week. */
#include "base/week.h"

#include "base/civil.h"
#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_hours(void **state)
{
    static const struct {
        const char *text, *written; /* NULL: refused */
    } rows[] = {
        {"09:00-18:00", "09:00-18:00"},
        {"9:30 - 18:05", "09:30-18:05"},
        {"00:00-24:00", "00:00-24:00"},
        {"22:00-06:00", "22:00-06:00"},
        {"09:00-09:00", NULL},
        {"09:00", NULL},
        {"9-18", NULL},
        {"09:60-10:00", NULL},
        {"24:00-06:00", NULL},
        {"09:00-24:01", NULL},
        {"", NULL},
        {"a:00-b:00", NULL},
        {"09:0-10:00", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct week_hours hours;
        const char *problem = NULL;
        char text[WEEK_TEXT_BYTES];
        bool is_good = week_parse_hours(str_of(rows[i].text), &hours, &problem);
        assert_int_equal(is_good, rows[i].written != NULL);
        assert_true(is_good ? strcmp(week_format_hours(text, hours), rows[i].written) == 0 : problem != NULL);
    }
}

static void test_days(void **state)
{
    static const struct {
        const char *text, *written;
    } rows[] = {
        {"mon-fri", "mon,tue,wed,thu,fri"},
        {"sat,sun", "sat,sun"},
        {"sat-mon", "mon,sat,sun"},
        {"Wed", "wed"},
        {"mon, fri", "mon,fri"},
        {"", NULL},
        {"monday", NULL},
        {"mon-", NULL},
        {"-fri", NULL},
        {"1-5", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t days;
        const char *problem = NULL;
        char text[WEEK_TEXT_BYTES];
        bool is_good = week_parse_days(str_of(rows[i].text), &days, &problem);
        if (is_good != (rows[i].written != NULL))
            fail_msg("'%s'", rows[i].text);
        assert_true(is_good ? strcmp(week_format_days(text, days), rows[i].written) == 0 : problem != NULL);
    }
}

static int64_t at(int64_t day, int hour, int minute)
{
    return day * CIVIL_DAY_S + hour * 3600 + minute * 60;
}

static void test_when_it_holds(void **state)
{
    int64_t monday = civil_days((struct civil_date){2026, 11, 23});
    struct week_hours office = {9 * 60, 18 * 60}, night = {22 * 60, 6 * 60}, always = {0, 0};
    enum { MONDAY = 1 << 1, SUNDAY = 1 };
    assert_false(week_holds(office, WEEK_ALL_DAYS, at(monday, 8, 59)));
    assert_true(week_holds(office, WEEK_ALL_DAYS, at(monday, 9, 0)));
    assert_true(week_holds(office, MONDAY, at(monday, 17, 59)));
    assert_false(week_holds(office, MONDAY, at(monday, 18, 0)));
    assert_false(week_holds(office, SUNDAY, at(monday, 12, 0)));
    assert_true(week_holds(always, MONDAY, at(monday, 0, 0)));
    assert_false(week_holds(always, MONDAY, at(monday, -1, 0)));
    assert_true(week_holds(night, MONDAY, at(monday, 23, 0)));
    assert_true(week_holds(night, MONDAY, at(monday + 1, 5, 59))); /* the night of Monday */
    assert_false(week_holds(night, MONDAY, at(monday, 5, 0)));
    assert_true(week_holds(night, SUNDAY, at(monday, 5, 0)));
    assert_false(week_holds(night, WEEK_ALL_DAYS, at(monday, 6, 0)));
    assert_true(week_holds((struct week_hours){0, 24 * 60}, MONDAY, at(monday, 23, 59)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_hours), cmocka_unit_test(test_days),
                                       cmocka_unit_test(test_when_it_holds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
