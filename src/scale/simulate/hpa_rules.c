/*
 * Of the events that limit changes only those younger than a policy's period (15 s, both defaults) count, and
 * the controller looks once every 15 s: so each look has the whole limit anew, and no events are kept.
 */
#include "scale/simulate/hpa_rules.h"

#include "base/macros.h"

#include <math.h>

static const double tolerance = 0.1;

uint32_t hpa_average_value(double total, double per_server, uint32_t current)
{
    if (current && fabs(1 - total / (per_server * current)) <= tolerance)
        return current;
    return (uint32_t)ceil(total / per_server - 1e-9);
}

static uint32_t most_recommended(const struct hpa_state *h, uint32_t window_s)
{
    uint32_t most = 0, looks = MIN(window_s / HPA_PERIOD_S + 1, HPA_WINDOW_SLOTS);
    for (uint32_t i = 0; i < MIN(looks, h->count); i++)
        most = MAX(most, h->recommended[(h->count - 1 - i) % HPA_WINDOW_SLOTS]);
    return most;
}

uint32_t hpa_stabilise(struct hpa_state *h, uint32_t recommended, uint32_t current, uint32_t down_s)
{
    h->recommended[h->count++ % HPA_WINDOW_SLOTS] = recommended;
    uint32_t down_to = most_recommended(h, down_s);
    if (recommended > current)
        return MIN(recommended, MAX(current + 4, 2 * current));
    return down_to < current ? down_to : current;
}
