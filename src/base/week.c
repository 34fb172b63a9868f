/* week.c: see week.h. */
#include "base/week.h"

#include "base/civil.h"

#include <stdio.h>

enum { DAY_MINUTES = 24 * 60 };

static const char *const day_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

/* "09:00", "9:00", "24:00" */
static bool parse_time(struct str text, uint16_t *ret)
{
    uint64_t hour, minute;
    struct str part;
    if (!str_split(&text, ':', &part) || !str_parse_u64(part, &hour) || text.len != 2 ||
        !str_parse_u64(text, &minute) || minute > 59 || hour * 60 + minute > DAY_MINUTES)
        return false;
    *ret = (uint16_t)(hour * 60 + minute);
    return true;
}

bool week_parse_hours(struct str text, struct week_hours *ret, const char **ret_problem)
{
    struct week_hours hours;
    struct str from;
    *ret_problem = "two times of the day, such as \"09:00-18:00\"";
    if (!str_split(&text, '-', &from) || !parse_time(str_trim(from), &hours.from) ||
        !parse_time(str_trim(text), &hours.to))
        return false;
    if (hours.from == hours.to || hours.from == DAY_MINUTES) {
        *ret_problem = "they end before they begin, or last no time at all";
        return false;
    }
    *ret = hours;
    return true;
}

static bool parse_day(struct str text, unsigned *ret)
{
    for (unsigned i = 0; i < 7; i++)
        if (str_eq_nocase(str_trim(text), str_of(day_names[i]))) {
            *ret = i;
            return true;
        }
    return false;
}

bool week_parse_days(struct str text, uint8_t *ret, const char **ret_problem)
{
    unsigned days = 0, first, last;
    struct str part, from;
    *ret_problem = "days by their first three letters, such as mon-fri or sat,sun";
    while (str_split(&text, ',', &part)) {
        size_t dash;
        bool is_range = str_find(part, '-', &dash);
        (void)str_split(&part, '-', &from);
        if (!parse_day(from, &first) || (is_range && !parse_day(part, &last)))
            return false;
        if (!is_range)
            last = first;
        for (unsigned day = first;; day = (day + 1) % 7) {
            days |= 1u << day;
            if (day == last)
                break;
        }
    }
    if (days == 0)
        return false;
    *ret = (uint8_t)days;
    return true;
}

char *week_format_hours(char out[WEEK_TEXT_BYTES], struct week_hours hours)
{
    snprintf(out, WEEK_TEXT_BYTES, "%02u:%02u-%02u:%02u", hours.from / 60u, hours.from % 60u, hours.to / 60u,
             hours.to % 60u);
    return out;
}

char *week_format_days(char out[WEEK_TEXT_BYTES], uint8_t days)
{
    size_t len = 0;
    out[0] = '\0';
    for (unsigned i = 1; i <= 7; i++)
        if (days >> (i % 7) & 1)
            len +=
                (size_t)snprintf(out + len, WEEK_TEXT_BYTES - len, "%s%s", len ? "," : "", day_names[i % 7]);
    return out;
}

bool week_holds(struct week_hours hours, uint8_t days, int64_t local_s)
{
    int64_t day = civil_day_of(local_s);
    int64_t minute = (local_s - day * CIVIL_DAY_S) / 60;
    bool is_all_day = hours.from == 0 && hours.to == 0;
    bool is_over_midnight = !is_all_day && hours.to <= hours.from;
    if (is_over_midnight && minute < hours.to)
        day--; /* it began yesterday */
    else if (!is_all_day && (minute < hours.from || (!is_over_midnight && minute >= hours.to)))
        return false;
    return days >> civil_weekday(day) & 1;
}
