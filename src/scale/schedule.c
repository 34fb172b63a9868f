/*
 * A schedule holds at a moment when it last began less than `for` ago. Looking from one start time ahead
 * shows a beginning that is still to come; its minimum holds already, its maximum not before its time.
 * One that begins again before it has ended (each hour, for an hour) is told as one.
 */
#include "scale/schedule.h"

#include "base/civil.h"
#include "base/clock.h"
#include "base/macros.h"

#include <stdio.h>

/* Whether it holds at a moment, or begins within ahead_s after it. */
static bool find_one(const struct config_schedule *s, int64_t at_s, int64_t ahead_s,
                     struct schedule_side *ret)
{
    struct cron_span span;
    if (!cron_find_span(&s->from.times, &s->zone.rules, s->for_ns / NS_PER_S, at_s, ahead_s, &span))
        return false;
    *ret = (struct schedule_side){.from_s = span.from_s, .until_s = span.until_s, .by = s};
    return true;
}

static void take_least(struct schedule_side *least, struct schedule_side side)
{
    side.servers = side.by->servers_min;
    bool is_longer = side.servers == least->servers && side.until_s > least->until_s;
    if (side.servers && (side.servers > least->servers || is_longer))
        *least = side;
}

static void take_most(struct schedule_side *most, struct schedule_side side)
{
    side.servers = side.by->servers_max;
    bool is_longer = side.servers == most->servers && side.until_s > most->until_s;
    if (side.servers && (most->servers == 0 || side.servers < most->servers || is_longer))
        *most = side;
}

struct schedule_now schedule_find(const struct config_schedule *schedules, size_t count, int64_t wall_ns,
                                  int64_t ahead_ns)
{
    struct schedule_now now = {.at_s = wall_ns / NS_PER_S};
    int64_t ahead_s = (MIN(MAX(ahead_ns, 0), SCHEDULE_AHEAD_NS_MAX) + NS_PER_S - 1) / NS_PER_S;
    for (size_t i = 0; i < count && wall_ns > 0; i++) {
        struct schedule_side side;
        if (!find_one(&schedules[i], now.at_s, ahead_s, &side))
            continue;
        take_least(&now.least, side);
        if (side.from_s <= now.at_s)
            take_most(&now.most, side);
    }
    if (now.most.servers)
        now.most.servers = MAX(now.most.servers, now.least.servers);
    return now;
}

/* --- in words --------------------------------------------------------------------------------------- */

/* "18:00", with the date where it is another day than `day`. */
static int put_time(char *out, size_t room, const struct schedule_side *side, int64_t at_s, int64_t day)
{
    int64_t local_s = at_s + zone_offset_s(&side->by->zone.rules, at_s), local_day = civil_day_of(local_s);
    int minute = (int)((local_s - local_day * CIVIL_DAY_S) / 60), n = 0;
    struct civil_date date = civil_date(local_day);
    if (local_day != day)
        n = snprintf(out, room, "%04d-%02u-%02u ", (int)date.year, date.month, date.day);
    return n + snprintf(out + n, room - (size_t)n, "%02d:%02d", minute / 60, minute % 60);
}

static int put_side(char *out, size_t room, const char *what, const struct schedule_side *side, int64_t at_s)
{
    const struct zone *zone = &side->by->zone.rules;
    int64_t today = civil_day_of(at_s + zone_offset_s(zone, at_s));
    bool is_ahead = side->from_s > at_s;
    int n = snprintf(out, room, "%s %u", what, side->servers);
    if (is_ahead) {
        n += snprintf(out + n, room - (size_t)n, " from ");
        n += put_time(out + n, room - (size_t)n, side, side->from_s, today);
    }
    if (side->until_s != SCHEDULE_NO_END) {
        n += snprintf(out + n, room - (size_t)n, is_ahead ? " to " : " until ");
        n += put_time(out + n, room - (size_t)n, side, side->until_s, today);
    }
    return n + snprintf(out + n, room - (size_t)n, " (%.*s)", STR_ARG(side->by->zone.name));
}

/* Numbers of servers have 4 digits, zones 48 bytes, times 16: two sides fit. */
char *schedule_format(char out[SCHEDULE_TEXT_BYTES], const struct schedule_now *now)
{
    int n = 0;
    out[0] = '\0';
    if (now->least.servers)
        n = put_side(out, SCHEDULE_TEXT_BYTES, "at least", &now->least, now->at_s);
    if (n && now->most.servers)
        n += snprintf(out + n, SCHEDULE_TEXT_BYTES - (size_t)n, ", ");
    if (now->most.servers)
        n += put_side(out + n, SCHEDULE_TEXT_BYTES - (size_t)n, "at most", &now->most, now->at_s);
    ASSERT(n < SCHEDULE_TEXT_BYTES);
    return out;
}
