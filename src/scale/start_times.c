/* One start of a class is enough to go by: the classes differ by more than starts of one class do, and what
 * a single one tells is replaced by the next. */
#include "scale/start_times.h"

#include "base/macros.h"
#include "scale/keep.h"

#include <stdlib.h>
#include <string.h>

const char *start_class_name(enum start_class c)
{
    return c == START_COLD ? "cold" : "warm";
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void sum_up(struct start_ring *ring)
{
    int64_t sorted[START_TIMES_MAX];
    ring->summary = (struct start_summary){0};
    if (ring->count == 0)
        return;
    memcpy(sorted, ring->times_ns, ring->count * sizeof(sorted[0]));
    qsort(sorted, ring->count, sizeof(sorted[0]), compare);
    ring->summary = (struct start_summary){.count = ring->count,
                                           .fastest_ns = sorted[0],
                                           .median_ns = sorted[ring->count / 2],
                                           .p90_ns = sorted[(uint32_t)(0.9 * ring->count)]};
}

void start_times_note(struct start_times *t, enum start_class c, int64_t start_ns)
{
    struct start_ring *ring = &t->rings[c];
    ring->times_ns[ring->next] = MAX(start_ns, 0);
    ring->next = (ring->next + 1) % START_TIMES_MAX;
    ring->count = MIN(ring->count + 1, START_TIMES_MAX);
    sum_up(ring);
}

struct start_summary start_times_summary(const struct start_times *t, enum start_class c)
{
    enum start_class other = c == START_COLD ? START_WARM : START_COLD;
    struct start_summary s = t->rings[t->rings[c].count ? c : other].summary;
    s.count = t->rings[c].count;
    return s;
}

static void ring_keep(struct keep *k, const char *section, struct start_ring *ring)
{
    k->section = section;
    keep_u32(k, "count", &ring->count, 0, START_TIMES_MAX);
    keep_u32(k, "next", &ring->next, 0, START_TIMES_MAX - 1);
    keep_i64s(k, "times_ns", ring->times_ns, START_TIMES_MAX, 0, INT64_MAX);
    sum_up(ring);
}

void start_times_keep(struct keep *k, struct start_times *t)
{
    ring_keep(k, "cold_starts", &t->rings[START_COLD]);
    ring_keep(k, "warm_starts", &t->rings[START_WARM]);
}
