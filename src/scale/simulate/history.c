/* Running sums, so that the mean over any stretch is one subtraction. */
#include "scale/simulate/history.h"

#include "base/macros.h"

void history_note(struct history *h, const struct history_mean *second)
{
    static const struct history_mean nothing;
    const struct history_mean *before = h->seconds ? &h->sums[(h->seconds - 1) % HISTORY_S] : &nothing;
    h->sums[h->seconds % HISTORY_S] = (struct history_mean){
        .arrivals = before->arrivals + second->arrivals,
        .running = before->running + second->running,
        .in_system = before->in_system + second->in_system,
        .serving = before->serving + second->serving,
    };
    h->seconds++;
}

static struct history_mean sum_until(const struct history *h, uint32_t second)
{
    return second ? h->sums[(second - 1) % HISTORY_S] : (struct history_mean){0};
}

bool history_get(const struct history *h, uint32_t age_s, uint32_t length_s, struct history_mean *ret_mean)
{
    ASSERT(age_s + length_s < HISTORY_S);
    if (age_s >= h->seconds)
        return false;
    uint32_t end = h->seconds - age_s, begin = end > length_s ? end - length_s : 0;
    struct history_mean a = sum_until(h, begin), b = sum_until(h, end);
    double length = end - begin;
    *ret_mean = (struct history_mean){.arrivals = (b.arrivals - a.arrivals) / length,
                                      .running = (b.running - a.running) / length,
                                      .in_system = (b.in_system - a.in_system) / length,
                                      .serving = (b.serving - a.serving) / length};
    return true;
}
