/*
 * burn.h: how fast a service uses up the error budget of an objective: counters of good and bad requests by
 * the minute over three days and by the hour over the objective's period, and the rates over windows that
 * multi-window alerts look at (Google's SRE workbook, chapter 5). Pure; the time is a parameter, in
 * nanoseconds of any clock that only goes forward.
 *
 * Of one objective: total requests and bad ones. The budget is the share that may be bad, 1 - target. The
 * burn rate is the share that was bad over the budget: at 1 the budget lasts exactly for the period.
 */
#pragma once
#include "watch/reading.h"

#include <stdint.h>

/* X(ID, minutes, minutes of the long window of its pair). 6 h is the long one of 30 m, and the short one of 3
 * d. */
#define BURN_WINDOWS(X)                                                                                      \
    X(5M, 5, 60)                                                                                             \
    X(30M, 30, 360)                                                                                          \
    X(1H, 60, 60)                                                                                            \
    X(2H, 120, 1440)                                                                                         \
    X(6H, 360, 4320)                                                                                         \
    X(1D, 1440, 1440)                                                                                        \
    X(3D, 4320, 4320)

#define BURN_WINDOW_ID(id, minutes, pair) BURN_WINDOW_##id,
enum burn_window { BURN_WINDOWS(BURN_WINDOW_ID) BURN_WINDOW_COUNT };

enum { BURN_MINUTES = 3 * 24 * 60, BURN_HOURS_MAX = 30 * 24 };
#define BURN_SCALE_NS (INT64_C(30) * 24 * 3600 * 1000000000) /* the period that rates are scaled to */

struct burn_count {
    double total, bad;
};

/* About 70 KiB. */
struct burn;

struct burn *burn_new(int64_t now_ns);
void burn_free(struct burn *b); /* NULL is fine */

/* Requests since the last call; bad ones are counted in total, too. */
void burn_add(struct burn *b, uint64_t total, uint64_t bad, int64_t now_ns);
/* What was counted in a minute that began so many minutes before the present one did; 0 is the present one.
 * After a restart; adds to what is there, and leaves out what is too long ago. */
void burn_restore(struct burn *b, uint32_t minutes_ago, uint64_t total, uint64_t bad, int64_t now_ns);

/* The last so many minutes, to the nanosecond: of the oldest minute its share. At most BURN_MINUTES. */
struct burn_count burn_count(const struct burn *b, uint32_t minutes, int64_t now_ns);

struct burn_objective {
    double budget; /* the share that may be bad: 0.001 for 99.9 % */
    int64_t period_ns;
    uint32_t bad_min; /* fewer are not enough to tell that it is too fast */
};
/*
 * The burn rate over the window, scaled to a period of 30 days: where an hour at 14.4 uses 2 % of the budget
 * of 30 days, so it does here, whatever the period is. Unknown without any request; and while the rate is
 * above 1 and fewer than bad_min requests of the long window were bad.
 */
struct reading burn_rate(const struct burn *b, enum burn_window window, const struct burn_objective *o,
                         int64_t now_ns);
/* Percent of the budget that is left for the period, reckoned by the requests that there were; below 0 when
 * more was used. Unknown without any request, and while it is below 0 by fewer than bad_min. */
struct reading burn_budget_left(const struct burn *b, const struct burn_objective *o, int64_t now_ns);
/* The factor that a rate is compared with: what share of the budget may go in a window. 2 % in an hour of 30
 * days: 14.4. Not scaled. */
double burn_factor(double budget_share, int64_t period_ns, int64_t window_ns);

/* The counters of a minute, for keeping. */
struct burn_count burn_minute(const struct burn *b, uint32_t minutes_ago, int64_t now_ns);
