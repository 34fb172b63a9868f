/*
 * zone.h: time zones: what a file of the tz database (TZif, RFC 8536) says, and from UTC to local time and
 * back. Pure: bytes in, a value out; any bytes are fine. Seconds are those since 1970, as people count them:
 * local ones as if the local clock were UTC.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"

/* One day of the year and a time on it, as in `M3.5.0/2`. */
struct zone_day {
    enum { ZONE_DAY_MONTH, ZONE_DAY_JULIAN, ZONE_DAY_OF_YEAR } kind;
    unsigned month, week, weekday; /* MONTH: 1..12, 1..5 (5: the last), 0 = Sunday */
    unsigned day;                  /* JULIAN: 1..365, never February 29; OF_YEAR: 0..365 */
    int32_t time_s;                /* local, may be before or after the day */
};

/* What holds after the last change that the file lists: a POSIX TZ rule. */
struct zone_rule {
    bool is_given, has_summer;
    int32_t offset_s, summer_offset_s; /* added to UTC */
    struct zone_day summer_begins, summer_ends;
};

/* All zero: UTC. */
struct zone {
    int32_t first_offset_s; /* before the first change */
    size_t change_count;
    const int64_t *change_s; /* UTC, ascending; in the arena */
    const int32_t *offset_s; /* from that change on */
    struct zone_rule rule;
};

enum { ZONE_FILE_BYTES_MAX = 64 << 10 }; /* the largest of the tz database has 4 KiB */

/* False, with the reason, for what is no TZif file of version 2 or later; *ret is unchanged then. */
bool zone_parse(struct arena *arena, struct str bytes, struct zone *ret, struct err *err);
/* The same for the rule alone: "CET-1CEST,M3.5.0,M10.5.0/3". */
bool zone_parse_rule(struct str text, struct zone_rule *ret);

int32_t zone_offset_s(const struct zone *z, int64_t utc_s);
/*
 * The first moment at which the local clock shows local_s or more: of a time that comes twice, the first;
 * for one that is left out, the moment of the change.
 */
int64_t zone_to_utc_s(const struct zone *z, int64_t local_s);
