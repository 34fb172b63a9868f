/*
 * A TZif file holds its data twice, in 32 bits for old readers and then in 64 bits, and at its end a POSIX
 * rule for all times after the last change it lists. Only the second part and the rule are read. A zone is
 * then a list of moments at which the offset changes, going on for ever by the rule.
 *
 * The reader takes pieces from the front of the bytes; each length is checked against what is left before
 * anything is looked at, in 64 bits, so that no count can overflow.
 */
#include "base/zone.h"

#include "base/civil.h"
#include "base/macros.h"

enum { HOUR_S = 3600, OFFSET_MIN_S = -25 * HOUR_S, OFFSET_MAX_S = 26 * HOUR_S };
enum { RULE_HOURS_MAX = 167, OFFSET_HOURS_MAX = 24 };
#define RULE_MOMENT_MAX (INT64_C(1) << 55) /* far beyond any clock; keeps all sums within 64 bits */

/* --- the rule --------------------------------------------------------------------------------------- */

static bool take_char(struct str *rest, char c)
{
    if (rest->len == 0 || rest->ptr[0] != c)
        return false;
    *rest = str_n(rest->ptr + 1, rest->len - 1);
    return true;
}

static bool take_number(struct str *rest, unsigned max, unsigned *ret)
{
    enum { DIGITS_MAX = 3 };
    size_t n = 0;
    unsigned value = 0;
    for (; n < rest->len && n < DIGITS_MAX && ascii_is_digit(rest->ptr[n]); n++)
        value = value * 10 + (unsigned)(rest->ptr[n] - '0');
    if (n == 0 || value > max)
        return false;
    *rest = str_n(rest->ptr + n, rest->len - n);
    *ret = value;
    return true;
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct str *rest, unsigned hours_max, int32_t *ret_s)
{
    unsigned parts[3] = {0};
    bool is_negative = take_char(rest, '-');
    if (!is_negative)
        (void)take_char(rest, '+');
    if (!take_number(rest, hours_max, &parts[0]))
        return false;
    for (size_t i = 1; i < ARRAY_LEN(parts) && take_char(rest, ':'); i++)
        if (!take_number(rest, 59, &parts[i]))
            return false;
    int32_t seconds = (int32_t)(parts[0] * HOUR_S + parts[1] * 60 + parts[2]);
    *ret_s = is_negative ? -seconds : seconds;
    return true;
}

/* "CET", or "<+0330>" */
static bool take_name(struct str *rest)
{
    enum { NAME_BYTES_MIN = 3 };
    size_t n = 0;
    if (take_char(rest, '<')) {
        if (!str_find(*rest, '>', &n))
            return false;
        *rest = str_n(rest->ptr + n + 1, rest->len - n - 1);
        return true;
    }
    while (n < rest->len && ascii_is_letter(rest->ptr[n]))
        n++;
    *rest = str_n(rest->ptr + n, rest->len - n);
    return n >= NAME_BYTES_MIN;
}

static bool take_month_day(struct str *rest, struct zone_day *ret)
{
    ret->kind = ZONE_DAY_MONTH;
    return take_number(rest, 12, &ret->month) && ret->month >= 1 && take_char(rest, '.') &&
           take_number(rest, 5, &ret->week) && ret->week >= 1 && take_char(rest, '.') &&
           take_number(rest, 6, &ret->weekday);
}

static bool take_day(struct str *rest, struct zone_day *ret)
{
    *ret = (struct zone_day){.time_s = 2 * HOUR_S};
    bool is_good;
    if (take_char(rest, 'M')) {
        is_good = take_month_day(rest, ret);
    } else if (take_char(rest, 'J')) {
        ret->kind = ZONE_DAY_JULIAN;
        is_good = take_number(rest, 365, &ret->day) && ret->day >= 1;
    } else {
        ret->kind = ZONE_DAY_OF_YEAR;
        is_good = take_number(rest, 365, &ret->day);
    }
    return is_good && (!take_char(rest, '/') || take_time(rest, RULE_HOURS_MAX, &ret->time_s));
}

/* POSIX counts west of Greenwich; here and in the files, east is positive. */
static bool take_offset(struct str *rest, int32_t *ret_s)
{
    if (!take_time(rest, OFFSET_HOURS_MAX, ret_s))
        return false;
    *ret_s = -*ret_s;
    return true;
}

bool zone_parse_rule(struct str text, struct zone_rule *ret)
{
    struct zone_rule rule = {.is_given = true};
    if (!take_name(&text) || !take_offset(&text, &rule.offset_s))
        return false;
    if (text.len) {
        rule.has_summer = true;
        rule.summer_offset_s = rule.offset_s + HOUR_S;
        if (!take_name(&text) || text.len == 0)
            return false;
        if (text.ptr[0] != ',' && !take_offset(&text, &rule.summer_offset_s))
            return false;
        if (!take_char(&text, ',') || !take_day(&text, &rule.summer_begins) || !take_char(&text, ',') ||
            !take_day(&text, &rule.summer_ends) || text.len)
            return false;
    }
    *ret = rule;
    return true;
}

static int64_t month_day(const struct zone_day *d, int64_t year)
{
    enum { WEEK_DAYS = 7 };
    int64_t first = civil_days((struct civil_date){.year = year, .month = d->month, .day = 1});
    unsigned day = (d->weekday + WEEK_DAYS - civil_weekday(first)) % WEEK_DAYS + (d->week - 1) * WEEK_DAYS;
    while (day >= civil_month_days(year, d->month))
        day -= WEEK_DAYS;
    return first + day;
}

/* When it comes in a year, by the local clock. */
static int64_t local_moment(const struct zone_day *d, int64_t year)
{
    enum { MARCH_FIRST = 60 }; /* as a Julian day */
    int64_t first = civil_days((struct civil_date){.year = year, .month = 1, .day = 1});
    int64_t day = first + d->day;
    if (d->kind == ZONE_DAY_MONTH)
        day = month_day(d, year);
    else if (d->kind == ZONE_DAY_JULIAN)
        day = first + d->day - 1 + (civil_is_leap(year) && d->day >= MARCH_FIRST);
    return day * CIVIL_DAY_S + d->time_s;
}

struct change {
    int64_t at_s;
    int32_t offset_s;
};

/* The changes of the year before to the year after, in no order. Where summer ends as the next begins (all
 * year), the beginning comes later here and counts. */
enum { RULE_YEARS = 3, RULE_CHANGES = 2 * RULE_YEARS };
static void rule_changes(const struct zone_rule *r, int64_t utc_s, struct change out[RULE_CHANGES])
{
    int64_t year = civil_date(civil_day_of(utc_s)).year;
    for (int i = 0; i < RULE_YEARS; i++) {
        int64_t y = year + i - 1;
        out[i] = (struct change){local_moment(&r->summer_ends, y) - r->summer_offset_s, r->offset_s};
        out[RULE_YEARS + i] =
            (struct change){local_moment(&r->summer_begins, y) - r->offset_s, r->summer_offset_s};
    }
}

static int64_t within_calendar(int64_t utc_s)
{
    return MIN(MAX(utc_s, -RULE_MOMENT_MAX), RULE_MOMENT_MAX);
}

static int32_t rule_offset(const struct zone_rule *r, int64_t utc_s)
{
    struct change changes[RULE_CHANGES], latest = {INT64_MIN, r->offset_s};
    if (!r->has_summer)
        return r->offset_s;
    rule_changes(r, utc_s, changes);
    for (size_t i = 0; i < RULE_CHANGES; i++)
        if (changes[i].at_s <= utc_s && changes[i].at_s >= latest.at_s)
            latest = changes[i];
    return latest.offset_s;
}

static int64_t rule_next(const struct zone_rule *r, int64_t utc_s)
{
    struct change changes[RULE_CHANGES];
    int64_t next = INT64_MAX;
    if (!r->has_summer)
        return next;
    rule_changes(r, utc_s, changes);
    for (size_t i = 0; i < RULE_CHANGES; i++)
        if (changes[i].at_s > utc_s)
            next = MIN(next, changes[i].at_s);
    return next;
}

/* --- from local time and back ----------------------------------------------------------------------- */

/* How many of the listed changes have happened. */
static size_t changes_until(const struct zone *z, int64_t utc_s)
{
    size_t low = 0, high = z->change_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (z->change_s[middle] <= utc_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int32_t zone_offset_s(const struct zone *z, int64_t utc_s)
{
    size_t n = changes_until(z, within_calendar(utc_s));
    if (n == z->change_count && z->rule.is_given)
        return rule_offset(&z->rule, within_calendar(utc_s));
    return n ? z->offset_s[n - 1] : z->first_offset_s;
}

static int64_t next_change_s(const struct zone *z, int64_t utc_s)
{
    size_t n = changes_until(z, utc_s);
    return n < z->change_count ? z->change_s[n] : rule_next(&z->rule, utc_s);
}

/* From well before, change by change: between two of them the local clock just goes on. */
int64_t zone_to_utc_s(const struct zone *z, int64_t local_s)
{
    int64_t local = within_calendar(local_s), from = local - OFFSET_MAX_S - 1;
    for (;;) {
        int64_t at = MAX(local - zone_offset_s(z, from), from), next = next_change_s(z, from);
        if (at < next)
            return at;
        from = next;
    }
}

/* --- the file --------------------------------------------------------------------------------------- */

struct header {
    uint64_t ut_flags, standard_flags, leaps, changes, types, name_bytes;
};
enum { HEADER_BYTES = 44, COUNTS_AT = 20, TYPE_BYTES = 6, OLD_TIME_BYTES = 4, TIME_BYTES = 8 };

static uint64_t big_endian(const char *p, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | (unsigned char)p[i];
    return value;
}

static bool take_bytes(struct str *rest, uint64_t bytes, struct str *ret)
{
    if (bytes > rest->len)
        return false;
    *ret = str_n(rest->ptr, (size_t)bytes);
    *rest = str_n(rest->ptr + bytes, rest->len - (size_t)bytes);
    return true;
}

static bool take_header(struct str *rest, struct header *ret)
{
    struct str bytes;
    if (!take_bytes(rest, HEADER_BYTES, &bytes) || !str_starts_with(bytes, STR("TZif")) || bytes.ptr[4] < '2')
        return false;
    const char *p = bytes.ptr + COUNTS_AT;
    *ret = (struct header){big_endian(p, 4),      big_endian(p + 4, 4),  big_endian(p + 8, 4),
                           big_endian(p + 12, 4), big_endian(p + 16, 4), big_endian(p + 20, 4)};
    return true;
}

static bool skip_old_data(struct str *rest)
{
    struct header h;
    struct str skipped;
    return take_header(rest, &h) &&
           take_bytes(rest,
                      h.changes * (OLD_TIME_BYTES + 1) + h.types * TYPE_BYTES + h.name_bytes +
                          h.leaps * (OLD_TIME_BYTES + 4) + h.standard_flags + h.ut_flags,
                      &skipped);
}

static bool read_type(struct str types, uint64_t index, int32_t *ret_offset_s)
{
    if (index >= types.len / TYPE_BYTES)
        return false;
    *ret_offset_s = (int32_t)(uint32_t)big_endian(types.ptr + index * TYPE_BYTES, 4);
    return *ret_offset_s >= OFFSET_MIN_S && *ret_offset_s <= OFFSET_MAX_S;
}

static bool read_changes(struct arena *arena, struct str times, struct str indexes, struct str types,
                         struct zone *z)
{
    int64_t *change_s = ARENA_ARRAY(arena, int64_t, indexes.len + 1);
    int32_t *offset_s = ARENA_ARRAY(arena, int32_t, indexes.len + 1);
    for (size_t i = 0; i < indexes.len; i++) {
        change_s[i] = within_calendar((int64_t)big_endian(times.ptr + i * TIME_BYTES, TIME_BYTES));
        if ((i && change_s[i] <= change_s[i - 1]) ||
            !read_type(types, (unsigned char)indexes.ptr[i], &offset_s[i]))
            return false;
    }
    z->change_count = indexes.len;
    z->change_s = change_s;
    z->offset_s = offset_s;
    return read_type(types, 0, &z->first_offset_s);
}

static bool read_footer(struct str rest, struct zone_rule *ret)
{
    size_t end;
    if (!take_char(&rest, '\n') || !str_find(rest, '\n', &end))
        return false;
    return end == 0 || zone_parse_rule(str_n(rest.ptr, end), ret);
}

bool zone_parse(struct arena *arena, struct str bytes, struct zone *ret, struct err *err)
{
    struct header h;
    struct zone z = {0};
    struct str times, indexes, types, skipped;
    if (bytes.len > ZONE_FILE_BYTES_MAX)
        return err_set(err, "too large for a time zone file");
    if (!skip_old_data(&bytes) || !take_header(&bytes, &h))
        return err_set(err, "no time zone file of version 2 or later (TZif)");
    if (h.leaps)
        return err_set(err, "it counts leap seconds; use the zone without 'right/'");
    if (!take_bytes(&bytes, h.changes * TIME_BYTES, &times) || !take_bytes(&bytes, h.changes, &indexes) ||
        !take_bytes(&bytes, h.types * TYPE_BYTES, &types) ||
        !take_bytes(&bytes, h.name_bytes + h.standard_flags + h.ut_flags, &skipped))
        return err_set(err, "the time zone file ends too early");
    if (!read_changes(arena, times, indexes, types, &z) || !read_footer(bytes, &z.rule))
        return err_set(err, "the time zone file is broken");
    *ret = z;
    return true;
}
