/*
 * week.h: hours of the day and days of the week, as people state when something holds: "09:00-18:00" on
 * "mon-fri". Pure.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct week_hours {
    uint16_t from, to; /* minutes of the local day, 0..1440; to <= from: over midnight; both 0: all day */
};

enum { WEEK_ALL_DAYS = 0x7F }; /* a bit a day, bit 0 = Sunday */

/* On failure *ret is unchanged and *ret_problem is a constant phrase. */
bool week_parse_hours(struct str text, struct week_hours *ret, const char **ret_problem);
bool week_parse_days(struct str text, uint8_t *ret, const char **ret_problem); /* "mon-fri", "sat,sun" */

enum { WEEK_TEXT_BYTES = 32 };
char *week_format_hours(char out[WEEK_TEXT_BYTES], struct week_hours hours);
char *week_format_days(char out[WEEK_TEXT_BYTES], uint8_t days); /* "mon,tue" */

/* local_s: seconds since 1970 as the local clock shows them. Hours over midnight belong to the day on which
 * they begin. */
bool week_holds(struct week_hours hours, uint8_t days, int64_t local_s);
