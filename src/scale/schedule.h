/*
 * schedule.h: what the schedules that people stated (`scale: {schedule}`) ask for at a moment. Pure. Times
 * are seconds since 1970 in UTC.
 */
#pragma once
#include "config/model.h"

#define SCHEDULE_NO_END CRON_NO_END

/* One side of it: a number of servers, and by which schedule, from when until when. */
struct schedule_side {
    uint32_t servers;                 /* 0: nothing is asked for */
    int64_t from_s, until_s;          /* SCHEDULE_NO_END: it begins again and again before it has ended */
    const struct config_schedule *by; /* of the configuration; NULL with 0 servers */
};

/* All zero: no schedule holds. */
struct schedule_now {
    int64_t at_s;
    struct schedule_side least, most; /* least may begin after at_s: servers are asked for ahead */
};

#define SCHEDULE_AHEAD_NS_MAX (INT64_C(3600) * 1000000000)

/*
 * wall_ns: the wall clock, 0: unknown, then nothing holds. ahead_ns: how long a server takes to start; a
 * minimum holds so much earlier. Of several the largest minimum and the smallest maximum; a maximum below the
 * minimum is raised to it.
 */
struct schedule_now schedule_find(const struct config_schedule *schedules, size_t count, int64_t wall_ns,
                                  int64_t ahead_ns);

enum { SCHEDULE_TEXT_BYTES = 200 };
/* "at least 4 until 18:00 (Europe/Berlin)"; before it begins "at least 4 from 08:00 to 18:00 (...)". */
char *schedule_format(char out[SCHEDULE_TEXT_BYTES], const struct schedule_now *now);
