#include "base/clock.h"

#include "base/civil.h"

#include <stdio.h>

enum { YEAR_MAX = 2261 }; /* the last that an int64_t of nanoseconds reaches whole */

char *clock_format_rfc3339(char out[CLOCK_RFC3339_BYTES], int64_t wall_ns)
{
    time_t seconds = wall_ns / NS_PER_S;
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t n = strftime(out, CLOCK_RFC3339_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, CLOCK_RFC3339_BYTES - n, ".%03uZ", (unsigned)(wall_ns % NS_PER_S / NS_PER_MS) % 1000);
    return out;
}

/* Exactly `digits` decimal digits, which are taken from *rest. */
static bool take_number(struct str *rest, size_t digits, unsigned min, unsigned max, unsigned *ret)
{
    uint64_t value;
    if (rest->len < digits || !str_parse_u64(str_n(rest->ptr, digits), &value) || value < min || value > max)
        return false;
    *ret = (unsigned)value;
    *rest = str_n(rest->ptr + digits, rest->len - digits);
    return true;
}

static bool take_char(struct str *rest, char c)
{
    if (rest->len == 0 || ascii_lower(rest->ptr[0]) != c)
        return false;
    *rest = str_n(rest->ptr + 1, rest->len - 1);
    return true;
}

/* Nothing, or a point and digits; those beyond nanoseconds are left out. */
static bool take_fraction(struct str *rest, int64_t *ret_ns)
{
    *ret_ns = 0;
    if (!take_char(rest, '.'))
        return true;
    unsigned digit;
    if (!take_number(rest, 1, 0, 9, &digit))
        return false;
    int64_t unit_ns = NS_PER_S;
    do {
        unit_ns /= 10;
        *ret_ns += digit * unit_ns;
    } while (take_number(rest, 1, 0, 9, &digit));
    return true;
}

static bool take_offset(struct str *rest, int64_t *ret_s)
{
    unsigned hours, minutes;
    *ret_s = 0;
    if (take_char(rest, 'z'))
        return true;
    bool is_west = take_char(rest, '-');
    if (!is_west && !take_char(rest, '+'))
        return false;
    if (!take_number(rest, 2, 0, 23, &hours) || !take_char(rest, ':') ||
        !take_number(rest, 2, 0, 59, &minutes))
        return false;
    *ret_s = (int64_t)(hours * 3600 + minutes * 60) * (is_west ? -1 : 1);
    return true;
}

bool clock_parse_rfc3339(struct str text, int64_t *ret_wall_ns)
{
    unsigned year, month, day, hour, minute, second;
    int64_t fraction_ns, offset_s;
    if (!take_number(&text, 4, 1970, YEAR_MAX, &year) || !take_char(&text, '-') ||
        !take_number(&text, 2, 1, 12, &month) || !take_char(&text, '-') ||
        !take_number(&text, 2, 1, civil_month_days(year, month), &day))
        return false;
    if (!take_char(&text, 't') && !take_char(&text, ' '))
        return false;
    if (!take_number(&text, 2, 0, 23, &hour) || !take_char(&text, ':') ||
        !take_number(&text, 2, 0, 59, &minute) || !take_char(&text, ':') ||
        !take_number(&text, 2, 0, 60, &second)) /* a leap second is the next one's first */
        return false;
    if (!take_fraction(&text, &fraction_ns) || !take_offset(&text, &offset_s) || text.len)
        return false;
    int64_t days = civil_days((struct civil_date){.year = year, .month = month, .day = day});
    int64_t seconds = days * CIVIL_DAY_S + (int64_t)(hour * 3600 + minute * 60 + second) - offset_s;
    *ret_wall_ns = seconds * NS_PER_S + fraction_ns;
    return true;
}
