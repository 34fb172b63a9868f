/*
 * A line is five sets of bits. The last firing before a moment is looked for backwards: day by day, and on a
 * day that fits hour by hour. Local times in order are moments in order (zone_to_utc_s), so an hour whose
 * beginning is too late is skipped as a whole.
 */
#include "base/cron.h"

#include "base/civil.h"
#include "base/macros.h"

#include <inttypes.h>

enum { FIELD_COUNT = 5, HOURS = 24, MINUTES = 60, MINUTE_S = 60, HOUR_S = 3600 };

struct field {
    const char *name;
    unsigned min, max;
    const char *const *names; /* of min, min + 1, ...; ends with NULL */
};

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                          "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};
static const struct field fields[FIELD_COUNT] = {
    {"minute", 0, 59, NULL},
    {"hour", 0, 23, NULL},
    {"day of month", 1, 31, NULL},
    {"month", 1, 12, month_names},
    {"day of week", 0, 7, weekday_names},
};
enum { WEEKDAY_FIELD = 4, SUNDAY_TOO = 7 };

static bool refuse(const struct field *f, struct str text, struct err *hint)
{
    enum { SHOWN_MAX = 24 };
    return err_set(hint, "the %s is %u to %u%s, not '%.*s'", f->name, f->min, f->max,
                   !f->names                   ? ""
                   : f->names == weekday_names ? " (0 and 7 are Sunday) or sun to sat"
                                               : " or jan to dec",
                   (int)MIN(text.len, (size_t)SHOWN_MAX), text.ptr);
}

static bool parse_number(const struct field *f, struct str text, unsigned *ret, struct err *hint)
{
    uint64_t value;
    for (unsigned i = 0; f->names && f->names[i]; i++)
        if (str_eq_nocase(text, str_of(f->names[i]))) {
            *ret = f->min + i;
            return true;
        }
    if (!str_parse_u64(text, &value) || value < f->min || value > f->max)
        return refuse(f, text, hint);
    *ret = (unsigned)value;
    return true;
}

static bool parse_span(const struct field *f, struct str text, unsigned *ret_low, unsigned *ret_high,
                       struct err *hint)
{
    struct str low;
    *ret_low = f->min;
    *ret_high = f->max;
    if (str_eq(text, STR("*")))
        return true;
    struct str rest = text;
    (void)str_split(&rest, '-', &low);
    if (low.len == text.len) {
        bool is_good = parse_number(f, text, ret_low, hint);
        *ret_high = *ret_low;
        return is_good;
    }
    if (!parse_number(f, low, ret_low, hint) || !parse_number(f, rest, ret_high, hint))
        return false;
    if (*ret_high == 0 && f->names == weekday_names)
        *ret_high = SUNDAY_TOO; /* fri-sun */
    if (*ret_low > *ret_high)
        return err_set(hint, "in the %s, the smaller one comes first, not '%.*s'", f->name, STR_ARG(text));
    return true;
}

/* One part between commas: a span, and maybe a step. */
static bool parse_part(const struct field *f, struct str text, uint64_t *bits, struct err *hint)
{
    size_t slash = text.len, dash;
    uint64_t step = 1;
    unsigned low, high;
    bool has_step = str_find(text, '/', &slash);
    struct str span = str_n(text.ptr, slash);
    if (!parse_span(f, span, &low, &high, hint))
        return false;
    if (has_step && (!str_parse_u64(str_n(text.ptr + slash + 1, text.len - slash - 1), &step) || step == 0 ||
                     step > f->max))
        return err_set(hint, "a step of the %s is 1 to %u, such as */2", f->name, f->max);
    if (has_step && low == high && !str_find(span, '-', &dash))
        return err_set(hint, "a step follows * or a range: %.*s-%u/%" PRIu64, STR_ARG(span), f->max, step);
    for (uint64_t n = low; n <= high; n += step)
        *bits |= UINT64_C(1) << n;
    return true;
}

static bool parse_field(const struct field *f, struct str text, uint64_t *bits, struct err *hint)
{
    struct str part;
    while (str_split(&text, ',', &part))
        if (!parse_part(f, part, bits, hint))
            return false;
    return true;
}

/* Fields between any number of blanks; all that there are, even if too many. */
static size_t split_fields(struct str text, struct str out[FIELD_COUNT])
{
    size_t count = 0, n;
    for (text = str_trim(text); text.len; text = str_trim(str_n(text.ptr + n, text.len - n))) {
        for (n = 0; n < text.len && text.ptr[n] != ' ' && text.ptr[n] != '\t'; n++)
            ;
        if (count < FIELD_COUNT)
            out[count] = str_n(text.ptr, n);
        count++;
    }
    return count;
}

/* February 30 never comes. */
static bool can_fire(const struct cron *c)
{
    enum { LEAP_YEAR = 2000 };
    if (!c->is_day_restricted || c->is_weekday_restricted)
        return true;
    for (unsigned month = 1; month <= 12; month++)
        for (unsigned day = 1; day <= civil_month_days(LEAP_YEAR, month); day++)
            if (c->months >> month & 1 && c->days >> day & 1)
                return true;
    return false;
}

bool cron_parse(struct str text, struct cron *ret, struct err *hint)
{
    struct str texts[FIELD_COUNT];
    uint64_t bits[FIELD_COUNT] = {0};
    size_t count = split_fields(text, texts);
    if (count != FIELD_COUNT)
        return err_set(hint,
                       "minute, hour, day of month, month, day of week: \"0 8 * * 1-5\" is 8:00 on workdays");
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (!parse_field(&fields[i], texts[i], &bits[i], hint))
            return false;
    uint64_t weekdays = bits[WEEKDAY_FIELD];
    struct cron c = {.minutes = bits[0],
                     .hours = (uint32_t)bits[1],
                     .days = (uint32_t)bits[2],
                     .months = (uint32_t)bits[3],
                     .weekdays = (uint32_t)((weekdays | weekdays >> SUNDAY_TOO) & 0x7F),
                     .is_day_restricted = texts[2].ptr[0] != '*',
                     .is_weekday_restricted = texts[WEEKDAY_FIELD].ptr[0] != '*'};
    if (!can_fire(&c))
        return err_set(hint, "no such month has that day");
    *ret = c;
    return true;
}

/* days: since 1970-01-01, by the calendar of its zone. */
static bool fires_on(const struct cron *c, int64_t days)
{
    struct civil_date date = civil_date(days);
    bool is_day = c->days >> date.day & 1, is_weekday = c->weekdays >> civil_weekday(days) & 1;
    bool is_either = c->is_day_restricted && c->is_weekday_restricted;
    return (c->months >> date.month & 1) && (is_either ? is_day || is_weekday : is_day && is_weekday);
}

/* The last time of a day that is not after at_s. */
static bool last_of_day(const struct cron *c, const struct zone *z, int64_t days, int64_t at_s,
                        int64_t *ret_s)
{
    for (int hour = HOURS - 1; hour >= 0; hour--) {
        int64_t local_s = days * CIVIL_DAY_S + hour * HOUR_S;
        if (!(c->hours >> hour & 1) || zone_to_utc_s(z, local_s) > at_s)
            continue;
        for (int minute = MINUTES - 1; minute >= 0; minute--) {
            if (!(c->minutes >> minute & 1))
                continue;
            *ret_s = zone_to_utc_s(z, local_s + minute * MINUTE_S);
            if (*ret_s <= at_s)
                return true;
        }
    }
    return false;
}

/* What a day has falls within that day of the local clock, but for a clock that leaps over its end. */
bool cron_last(const struct cron *c, const struct zone *z, int64_t after_s, int64_t at_s, int64_t *ret_s)
{
    int64_t first_day = civil_day_of(after_s + zone_offset_s(z, after_s)) - 1;
    int64_t day = civil_day_of(at_s + zone_offset_s(z, at_s)) + 1;
    for (; day >= first_day; day--)
        if (fires_on(c, day) && last_of_day(c, z, day, at_s, ret_s))
            return *ret_s > after_s;
    return false;
}

enum { JOINED_MAX = 24 }; /* beginnings looked at for an end; more have none */

static int64_t end_of(const struct cron *c, const struct zone *z, int64_t for_s, int64_t begin_s)
{
    int64_t end_s = begin_s + for_s;
    for (int i = 0; i < JOINED_MAX; i++) {
        int64_t later_s;
        if (!cron_last(c, z, begin_s, end_s, &later_s))
            return end_s;
        begin_s = later_s;
        end_s = begin_s + for_s;
    }
    return CRON_NO_END;
}

bool cron_find_span(const struct cron *c, const struct zone *z, int64_t for_s, int64_t at_s, int64_t ahead_s,
                    struct cron_span *ret)
{
    int64_t begin_s;
    if (!cron_last(c, z, at_s - for_s, at_s, &begin_s) && !cron_last(c, z, at_s, at_s + ahead_s, &begin_s))
        return false;
    *ret = (struct cron_span){.from_s = begin_s, .until_s = end_of(c, z, for_s, begin_s)};
    return true;
}
