#include "supervisor/restart.h"

#include "base/macros.h"

int64_t restart_delay_ns(struct restart *r, int64_t lived_ns)
{
    if (lived_ns >= RESTART_QUICK_NS)
        r->quick_deaths = 0;
    else
        r->quick_deaths++;
    if (r->quick_deaths < RESTART_QUICK_DEATHS_MAX)
        return 0;
    unsigned doublings = MIN(r->quick_deaths - RESTART_QUICK_DEATHS_MAX, 16u);
    return MIN(RESTART_DELAY_MIN_NS << doublings, RESTART_DELAY_MAX_NS);
}
