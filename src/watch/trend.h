/*
 * trend.h: when a file system will be full, if it goes on filling as it did in the last hours.
 *
 * The slope is the median of the slopes between all pairs of points (Theil and Sen), which a burst, a log
 * that is rotated or a file that comes and goes does not move. Looking far ahead from little data is
 * guessing, so a forecast reaches at most TREND_REACH times as far as the data goes back.
 *
 * Pure; all zero is the start.
 */
#pragma once
#include "watch/reading.h"

#include <stdint.h>

#define TREND_WINDOW_NS (INT64_C(6) * 3600 * 1000000000)
#define TREND_LEAST_NS  (INT64_C(5) * 60 * 1000000000) /* with less data nothing is said */
#define TREND_NEVER_S   31536000.0 /* a year: what takes longer, or never comes, is told as this */

enum {
    TREND_POINTS_MAX = 72,
    TREND_REACH = 8,
};

struct trend {
    int64_t spacing_ns; /* between points; grows until TREND_POINTS_MAX of them are the window */
    uint32_t count;
    struct trend_point {
        int64_t at_ns;
        double value;
    } points[TREND_POINTS_MAX]; /* oldest first */
    double slope;               /* a second; of the points */
};

/* Call as often as there is a new value; most calls only compare times. */
void trend_add(struct trend *t, double value, int64_t now_ns);
/* Seconds until `left` more have come, from 0 to TREND_NEVER_S. */
struct reading trend_seconds_left(const struct trend *t, double left, int64_t now_ns);
