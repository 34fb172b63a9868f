#include "scale/place_time.h"

#include "base/clock.h"
#include "base/macros.h"

#define STRETCH_NS (5 * NS_PER_S)

void place_time_note(struct place_time *p, uint64_t finished, int64_t busy_ns, int64_t now_ns)
{
    if (p->began_ns == 0)
        p->began_ns = now_ns;
    p->finished += finished;
    p->busy_ns += busy_ns;
    if (now_ns - p->began_ns < STRETCH_NS || p->finished < PLACE_TIME_REQUESTS_MIN)
        return;
    p->means_ns[p->next] = MAX(p->busy_ns / (int64_t)p->finished, 1);
    p->next = (p->next + 1) % PLACE_TIME_STRETCHES;
    p->count = MIN(p->count + 1, PLACE_TIME_STRETCHES);
    p->began_ns = now_ns;
    p->finished = 0;
    p->busy_ns = 0;
}

int64_t place_time_shortest_ns(const struct place_time *p)
{
    int64_t shortest_ns = p->count ? p->means_ns[0] : 0;
    for (uint32_t i = 1; i < p->count; i++)
        shortest_ns = MIN(shortest_ns, p->means_ns[i]);
    return shortest_ns;
}
