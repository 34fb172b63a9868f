/*
 * histogram.h: durations in log-linear buckets: 16 to each power of two, so a quantile is at most 6.25 %
 * (mean 3 %) off. One writer; any thread may add it into a histogram_sum and ask there.
 */
#pragma once
#include "stats/counter.h"

#include <stddef.h>

enum {
    HISTOGRAM_SUB_BITS = 4,
    HISTOGRAM_UNIT_BITS = 12, /* below 4096 ns everything is one group of linear buckets */
    HISTOGRAM_GROUPS = 28,    /* up to 2^39 ns, about 9 minutes; longer counts in the last bucket */
    HISTOGRAM_BUCKETS = HISTOGRAM_GROUPS << HISTOGRAM_SUB_BITS,
};

struct histogram {
    struct counter buckets[HISTOGRAM_BUCKETS];
    struct counter sum_ns;
};

struct histogram_sum {
    uint64_t buckets[HISTOGRAM_BUCKETS];
    uint64_t sum_ns, count;
};

/* The logarithm of a duration, to the base 2^(1/16), as the buckets have it (4 % off); for means of ratios.
 */
unsigned histogram_log_of(int64_t ns);
/* The duration that has the logarithm 0. */
static inline double histogram_log_unit_s(void)
{
    return (1 << HISTOGRAM_UNIT_BITS) * 0.5e-9;
}
void histogram_record(struct histogram *h, int64_t ns); /* owner thread; negative counts as 0 */
void histogram_sum_add(struct histogram_sum *s, const struct histogram *h);
/* Of the observations so far those longer than ns, by the same rule as histogram_sum_count_below. */
uint64_t histogram_count_above(const struct histogram *h, int64_t ns);
/* s -= before: the observations since `before` was taken. */
void histogram_sum_subtract(struct histogram_sum *s, const struct histogram_sum *before);
int64_t histogram_sum_quantile_ns(const struct histogram_sum *s, double q); /* 0 when empty; q in 0..1 */
uint64_t histogram_sum_count_below(const struct histogram_sum *s,
                                   int64_t ns); /* observations <= ns, for `le` buckets */
