/* A ring by second. Seconds without a call had no requests: they are emptied when they are passed over. */
#include "scale/per_second.h"

#include "base/clock.h"
#include "base/macros.h"

static uint32_t *cell(struct per_second *p, int64_t second)
{
    return &p->counts[second % PER_SECOND_KEPT];
}

void per_second_note(struct per_second *p, uint64_t count, int64_t now_ns)
{
    int64_t second = now_ns / NS_PER_S;
    ASSERT(second >= 0);
    if (!p->is_started)
        p->first = p->last = second;
    p->is_started = true;
    for (int64_t i = MAX(p->last + 1, second - PER_SECOND_KEPT + 1); i <= second; i++)
        *cell(p, i) = 0;
    p->last = MAX(p->last, second);
    uint64_t sum = *cell(p, p->last) + MIN(count, (uint64_t)UINT32_MAX);
    *cell(p, p->last) = (uint32_t)MIN(sum, (uint64_t)UINT32_MAX);
}

int64_t per_second_oldest(const struct per_second *p)
{
    return MAX(p->first, p->last - PER_SECOND_KEPT + 1);
}

uint32_t per_second_get(const struct per_second *p, int64_t second)
{
    ASSERT(p->is_started && second >= per_second_oldest(p) && second <= p->last);
    return p->counts[second % PER_SECOND_KEPT];
}

double per_second_recent(const struct per_second *p, int64_t now_ns)
{
    int64_t from = MAX(p->last - 1, per_second_oldest(p));
    double seconds = (double)(now_ns - from * NS_PER_S) / (double)NS_PER_S, sum = 0;
    if (!p->is_started || seconds <= 0)
        return 0;
    for (int64_t i = from; i <= p->last; i++)
        sum += per_second_get(p, i);
    return sum / seconds;
}
