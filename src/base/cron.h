/*
 * cron.h: when a line of cron fires: five fields, minute hour day-of-month month day-of-week. Pure.
 *
 * A field is a list of `*`, `*` with a step, numbers and ranges, these with a step or without; months and
 * weekdays have names of three letters, too; Sunday is 0 and 7. As in cron, where both days are restricted,
 * either will do; a field that begins with `*` restricts nothing in this sense.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include "base/zone.h"

struct cron {
    uint64_t minutes; /* bit n: minute n */
    uint32_t hours, days, months;
    uint32_t weekdays; /* bits 0..6, 0 = Sunday */
    bool is_day_restricted, is_weekday_restricted;
};

/* On failure *ret is unchanged and hint says what would be right. */
bool cron_parse(struct str text, struct cron *ret, struct err *hint);
/*
 * The last moment in (after_s, at_s] at which it fires, in seconds since 1970; false when there is none. What
 * would fire while clocks leap forward fires once they have; what would fire twice as they go back, at first.
 */
bool cron_last(const struct cron *c, const struct zone *z, int64_t after_s, int64_t at_s, int64_t *ret_s);

#define CRON_NO_END INT64_MAX
/*
 * What begins whenever it fires and lasts for_s seconds: the one that holds at at_s, or begins within ahead_s
 * after it. One that begins again before it has ended (each hour, for an hour) is one; CRON_NO_END: it never
 * ends.
 */
struct cron_span {
    int64_t from_s, until_s;
};
bool cron_find_span(const struct cron *c, const struct zone *z, int64_t for_s, int64_t at_s, int64_t ahead_s,
                    struct cron_span *ret);
