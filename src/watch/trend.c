/*
 * trend.c: see trend.h.
 *
 * At most 72 points are kept. They begin 10 s apart; when the array is full every second one goes and the
 * spacing doubles, until it is long enough that the window holds all; from then on the oldest go. So the
 * slope is of 36 to 72 points over all the data there is, and costs 2556 differences at most, once a spacing.
 */
#include "watch/trend.h"

#include "base/clock.h"
#include "base/macros.h"

#include <stdlib.h>
#include <string.h>

#define SPACING_FIRST_NS (10 * NS_PER_S)
#define SPACING_LAST_NS  (TREND_WINDOW_NS / TREND_POINTS_MAX)

enum { PAIRS_MAX = TREND_POINTS_MAX * (TREND_POINTS_MAX - 1) / 2 };

static void thin_out(struct trend *t)
{
    uint32_t kept = 0;
    for (uint32_t i = t->count % 2 ? 0 : 1; i < t->count; i += 2) /* the newest stays */
        t->points[kept++] = t->points[i];
    t->count = kept;
    t->spacing_ns = MIN(2 * t->spacing_ns, SPACING_LAST_NS);
}

static void drop_oldest(struct trend *t, uint32_t count)
{
    t->count -= count;
    memmove(t->points, t->points + count, t->count * sizeof(t->points[0]));
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median_slope(const struct trend *t)
{
    double slopes[PAIRS_MAX];
    size_t n = 0;
    for (uint32_t i = 0; i < t->count; i++)
        for (uint32_t k = i + 1; k < t->count; k++) {
            const struct trend_point *a = &t->points[i], *b = &t->points[k];
            slopes[n++] = (b->value - a->value) / ((double)(b->at_ns - a->at_ns) / (double)NS_PER_S);
        }
    if (n == 0)
        return 0;
    qsort(slopes, n, sizeof(slopes[0]), compare);
    return n % 2 ? slopes[n / 2] : (slopes[n / 2 - 1] + slopes[n / 2]) / 2;
}

void trend_add(struct trend *t, double value, int64_t now_ns)
{
    if (t->spacing_ns == 0)
        t->spacing_ns = SPACING_FIRST_NS;
    if (t->count && now_ns - t->points[t->count - 1].at_ns < t->spacing_ns)
        return;
    uint32_t old = 0;
    while (old < t->count && now_ns - t->points[old].at_ns > TREND_WINDOW_NS)
        old++;
    drop_oldest(t, old);
    if (t->count == TREND_POINTS_MAX && t->spacing_ns < SPACING_LAST_NS)
        thin_out(t);
    if (t->count == TREND_POINTS_MAX)
        drop_oldest(t, 1);
    t->points[t->count++] = (struct trend_point){.at_ns = now_ns, .value = value};
    t->slope = median_slope(t);
}

struct reading trend_seconds_left(const struct trend *t, double left, int64_t now_ns)
{
    int64_t span_ns = t->count ? t->points[t->count - 1].at_ns - t->points[0].at_ns : 0;
    bool is_stale = t->count && now_ns - t->points[t->count - 1].at_ns > 2 * SPACING_LAST_NS;
    if (span_ns < TREND_LEAST_NS || is_stale)
        return reading_unknown("there is too little data yet to see a trend");
    double reach_s = (double)span_ns / (double)NS_PER_S * TREND_REACH;
    double seconds = t->slope > 0 ? MIN(left / t->slope, TREND_NEVER_S) : TREND_NEVER_S;
    bool is_whole = span_ns >= TREND_WINDOW_NS - 2 * SPACING_LAST_NS;
    if (seconds > reach_s && !is_whole && seconds < TREND_NEVER_S)
        return reading_unknown("there is too little data yet to look so far ahead");
    return reading_known(seconds);
}
