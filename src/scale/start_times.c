#include "scale/start_times.h"

#include "base/macros.h"
#include "scale/keep.h"

#include <stdlib.h>
#include <string.h>

void start_times_note(struct start_times *t, int64_t start_ns)
{
    t->times_ns[t->next] = MAX(start_ns, 0);
    t->next = (t->next + 1) % START_TIMES_MAX;
    t->count = MIN(t->count + 1, START_TIMES_MAX);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t start_times_quantile_ns(const struct start_times *t, double q)
{
    if (t->count == 0)
        return 0;
    int64_t sorted[START_TIMES_MAX];
    memcpy(sorted, t->times_ns, t->count * sizeof(sorted[0]));
    qsort(sorted, t->count, sizeof(sorted[0]), compare);
    uint32_t rank = (uint32_t)(q * t->count);
    return sorted[MIN(rank, t->count - 1)];
}

void start_times_keep(struct keep *k, struct start_times *t)
{
    k->section = "start_times";
    keep_u32(k, "count", &t->count, 0, START_TIMES_MAX);
    keep_u32(k, "next", &t->next, 0, START_TIMES_MAX - 1);
    keep_i64s(k, "times_ns", t->times_ns, START_TIMES_MAX, 0, INT64_MAX);
}
