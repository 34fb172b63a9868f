/*
 * date.c: IMF-fixdate without the C library's calendar, which takes locks and looks at the time zone. Days
 * are counted from March, so that the leap day is the last of its year: then the months' lengths follow one
 * formula.
 */
#include "http/date.h"

#include "base/macros.h"

#include <string.h>

struct day {
    unsigned year, month, day; /* month 0..11 from January, day 1..31 */
};

static struct day day_of(int64_t days_since_1970)
{
    enum { DAYS_TO_1970 = 719468, DAYS_PER_ERA = 146097 }; /* from 1 March of year 0; 400 years repeat */
    int64_t days = days_since_1970 + DAYS_TO_1970;
    unsigned era = (unsigned)(days / DAYS_PER_ERA), of_era = (unsigned)(days % DAYS_PER_ERA);
    unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month_from_march = (5 * of_year + 2) / 153;
    struct day d = {
        .year = era * 400 + year_of_era,
        .month = (month_from_march + 2) % 12,
        .day = of_year - (153 * month_from_march + 2) / 5 + 1,
    };
    d.year += d.month < 2;
    return d;
}

static void put_two(char *out, unsigned value)
{
    out[0] = (char)('0' + value / 10);
    out[1] = (char)('0' + value % 10);
}

char *http_date_format(char out[HTTP_DATE_BYTES + 1], int64_t wall_s)
{
    static const char weekdays[] = "ThuFriSatSunMonTueWed"; /* 1 January 1970 was a Thursday */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    enum { DAY_S = 86400 };
    ASSERT(wall_s >= 0 && wall_s < INT64_C(253402300800));
    struct day d = day_of(wall_s / DAY_S);
    unsigned second = (unsigned)(wall_s % DAY_S);
    memcpy(out, "Thu, 01 Jan 1970 00:00:00 GMT", HTTP_DATE_BYTES + 1);
    memcpy(out, weekdays + wall_s / DAY_S % 7 * 3, 3);
    put_two(out + 5, d.day);
    memcpy(out + 8, months + d.month * 3, 3);
    put_two(out + 12, d.year / 100);
    put_two(out + 14, d.year % 100);
    put_two(out + 17, second / 3600);
    put_two(out + 20, second / 60 % 60);
    put_two(out + 23, second % 60);
    return out;
}
