/* recent.c: see recent.h. A ring of minutes: what is older than the window is zeroed as time passes. */
#include "watch/recent.h"

#include "base/clock.h"
#include "base/macros.h"

#include <assert.h>
#include <string.h>

#define SLOT_NS (60 * NS_PER_S)
static_assert(RECENT_WINDOW_NS == (RECENT_SLOTS - 1) * SLOT_NS, "the ring is the window");

static void pass_time(struct recent *r, int64_t slot)
{
    if (slot - r->slot >= RECENT_SLOTS)
        memset(r->grown, 0, sizeof(r->grown));
    else
        for (int64_t s = r->slot + 1; s <= slot; s++)
            r->grown[s % RECENT_SLOTS] = 0;
    r->slot = MAX(slot, r->slot);
}

struct reading recent_add(struct recent *r, struct reading counter, int64_t now_ns)
{
    uint64_t sum = 0, now;
    pass_time(r, now_ns / SLOT_NS);
    if (!counter.is_known)
        return counter;
    now = (uint64_t)counter.value;
    if (r->has_counter && now > r->counter)
        r->grown[r->slot % RECENT_SLOTS] += now - r->counter;
    r->has_counter = true;
    r->counter = now;
    for (int i = 0; i < RECENT_SLOTS; i++)
        sum += r->grown[i];
    return reading_known((double)sum);
}
