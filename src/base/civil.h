/*
 * civil.h: days of the Gregorian calendar, counted from 1970-01-01, in both directions. Pure; for years that
 * an int64_t of seconds can reach.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define CIVIL_DAY_S INT64_C(86400)

struct civil_date {
    int64_t year;
    unsigned month, day; /* 1..12, 1..31 */
};

int64_t civil_days(struct civil_date date);
struct civil_date civil_date(int64_t days);
unsigned civil_weekday(int64_t days); /* 0 = Sunday */
bool civil_is_leap(int64_t year);
unsigned civil_month_days(int64_t year, unsigned month); /* 28..31 */
/* Whole days before the moment: rounds down before 1970, too. */
int64_t civil_day_of(int64_t seconds);
