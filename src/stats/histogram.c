/*
 * histogram.c: see histogram.h. Values are cut to units of 256 ns. The first group of buckets is linear (16
 * of one unit), each further group covers one power of two in 16 linear steps, as in HdrHistogram.
 */
#include "stats/histogram.h"

#include <stdbool.h>

enum { UNIT_SHIFT = HISTOGRAM_UNIT_BITS - HISTOGRAM_SUB_BITS, SUBS = 1 << HISTOGRAM_SUB_BITS };

static unsigned bucket_of(int64_t ns)
{
    uint64_t units = ns > 0 ? (uint64_t)ns >> UNIT_SHIFT : 0;
    if (units < SUBS)
        return (unsigned)units;
    unsigned top = 63 - (unsigned)__builtin_clzll(units);
    unsigned group = top - HISTOGRAM_SUB_BITS + 1;
    if (group >= HISTOGRAM_GROUPS)
        return HISTOGRAM_BUCKETS - 1;
    return (group << HISTOGRAM_SUB_BITS) + (unsigned)((units >> (group - 1)) & (SUBS - 1));
}

/* First value that no longer belongs to the bucket. */
static int64_t bucket_end_ns(unsigned bucket)
{
    unsigned group = bucket >> HISTOGRAM_SUB_BITS, sub = bucket & (SUBS - 1);
    uint64_t units = group == 0 ? sub + 1 : (uint64_t)(SUBS + sub + 1) << (group - 1);
    return (int64_t)(units << UNIT_SHIFT);
}

unsigned histogram_log_of(int64_t ns)
{
    return bucket_of(ns);
}

void histogram_record(struct histogram *h, int64_t ns)
{
    counter_add(&h->buckets[bucket_of(ns)], 1);
    counter_add(&h->sum_ns, ns > 0 ? (uint64_t)ns : 0);
}

void histogram_sum_add(struct histogram_sum *s, const struct histogram *h)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t n = counter_get(&h->buckets[i]);
        s->buckets[i] += n;
        s->count += n;
    }
    s->sum_ns += counter_get(&h->sum_ns);
}

void histogram_sum_subtract(struct histogram_sum *s, const struct histogram_sum *before)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        s->buckets[i] -= before->buckets[i];
    s->sum_ns -= before->sum_ns;
    s->count -= before->count;
}

int64_t histogram_sum_quantile_ns(const struct histogram_sum *s, double q)
{
    if (s->count == 0)
        return 0;
    uint64_t rank = (uint64_t)(q * (double)s->count), seen = 0;
    if (rank >= s->count)
        rank = s->count - 1;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += s->buckets[i];
        if (seen > rank) {
            int64_t start = i ? bucket_end_ns(i - 1) : 0;
            return start + (bucket_end_ns(i) - start) / 2;
        }
    }
    return bucket_end_ns(HISTOGRAM_BUCKETS - 1);
}

/* A bucket belongs to what its greater part is of: so the edge is at most half a bucket off. */
static bool is_below(unsigned bucket, int64_t ns)
{
    return bucket_end_ns(bucket) <= ns + (ns >> (HISTOGRAM_SUB_BITS + 1));
}

uint64_t histogram_count_above(const struct histogram *h, int64_t ns)
{
    uint64_t above = 0;
    for (unsigned i = HISTOGRAM_BUCKETS; i-- > 0 && !is_below(i, ns);)
        above += counter_get(&h->buckets[i]);
    return above;
}

uint64_t histogram_sum_count_below(const struct histogram_sum *s, int64_t ns)
{
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS && is_below(i, ns); i++)
        seen += s->buckets[i];
    return seen;
}
