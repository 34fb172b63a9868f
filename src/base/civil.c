/*
 * Years begin in March here, so that the leap day is the last of its year and the days before a month follow
 * one line: 306 days for the ten months from March to December. 400 years have always the same days.
 */
#include "base/civil.h"

enum { ERA_YEARS = 400, ERA_DAYS = 146097, CENTURY_DAYS = 36524, FOUR_YEARS_DAYS = 1461, YEAR_DAYS = 365 };
enum { DAYS_TO_1970 = 719468 }; /* from 0000-03-01 */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static unsigned days_before_month(unsigned months_since_march)
{
    return (153 * months_since_march + 2) / 5;
}

int64_t civil_days(struct civil_date date)
{
    int64_t year = date.year - (date.month <= 2), era = floor_div(year, ERA_YEARS);
    int64_t of_era = year - era * ERA_YEARS;
    int64_t of_year = days_before_month((date.month + 9) % 12) + date.day - 1;
    return era * ERA_DAYS + of_era * YEAR_DAYS + of_era / 4 - of_era / 100 + of_year - DAYS_TO_1970;
}

struct civil_date civil_date(int64_t days)
{
    int64_t shifted = days + DAYS_TO_1970, era = floor_div(shifted, ERA_DAYS);
    int64_t of_era = shifted - era * ERA_DAYS;
    int64_t leap_days = of_era / (FOUR_YEARS_DAYS - 1) - of_era / CENTURY_DAYS + of_era / (ERA_DAYS - 1);
    int64_t year = (of_era - leap_days) / YEAR_DAYS;
    unsigned of_year = (unsigned)(of_era - (year * YEAR_DAYS + year / 4 - year / 100));
    unsigned month = (5 * of_year + 2) / 153;
    return (struct civil_date){.year = era * ERA_YEARS + year + (month >= 10),
                               .month = month < 10 ? month + 3 : month - 9,
                               .day = of_year - days_before_month(month) + 1};
}

unsigned civil_weekday(int64_t days)
{
    enum { WEEKDAY_OF_1970 = 4, WEEK_DAYS = 7 };
    int64_t n = (days + WEEKDAY_OF_1970) % WEEK_DAYS;
    return (unsigned)(n < 0 ? n + WEEK_DAYS : n);
}

bool civil_is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

unsigned civil_month_days(int64_t year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && civil_is_leap(year));
}

int64_t civil_day_of(int64_t seconds)
{
    return floor_div(seconds, CIVIL_DAY_S);
}
