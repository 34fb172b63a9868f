/*
 * Totals at the end of each tenth of a second lie in a ring, so the mean of a window is one subtraction.
 *
 * A shorter window of w seconds contradicts a longer one with the mean m when its own mean is further from m
 * than `deviations` standard deviations of a Poisson rate, sqrt(dispersion x m / w). The dispersion is
 * learned from neighbouring seconds, since real arrivals come in bunches.
 */
#include "scale/demand.h"

#include "base/clock.h"
#include "base/macros.h"
#include "scale/keep.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define STEP_NS (DEMAND_STEP_MS * NS_PER_MS)
enum { STEPS_PER_S = 1000 / DEMAND_STEP_MS };

/* Eight windows are compared ten times a second: three would be exceeded by chance all the time. */
static const double deviations = 4;
static const double dispersion_memory_s = 300, dispersion_max = 10;

void demand_init(struct demand *d)
{
    memset(d, 0, sizeof(*d));
    d->dispersion = 1;
}

static uint64_t total_before(const struct demand *d, uint32_t steps)
{
    return d->totals[(d->step - steps) % DEMAND_STEPS];
}

static void learn_dispersion(struct demand *d)
{
    double now = (double)(d->total - total_before(d, STEPS_PER_S));
    double before = (double)(total_before(d, STEPS_PER_S) - total_before(d, 2 * STEPS_PER_S));
    if (now + before == 0)
        return;
    double sample = fmin((now - before) * (now - before) / (now + before), dispersion_max);
    d->dispersion = fmax(d->dispersion + (sample - d->dispersion) / dispersion_memory_s, 1);
}

void demand_note(struct demand *d, uint64_t arrivals, int64_t now_ns)
{
    int64_t step = now_ns / STEP_NS;
    if (d->step == 0 || step - d->step > DEMAND_STEPS) {
        d->step = step - 1;
        d->steps = 0;
    }
    d->totals[d->step % DEMAND_STEPS] = d->total;
    d->total += arrivals;
    while (d->step < step) {
        d->step++;
        d->steps = MIN(d->steps + 1, DEMAND_STEPS - 1U);
        d->totals[d->step % DEMAND_STEPS] = d->total;
        if (d->step % STEPS_PER_S == 0 && d->steps >= 2 * STEPS_PER_S)
            learn_dispersion(d);
    }
    d->totals[d->step % DEMAND_STEPS] = d->total;
}

static double mean_of(const struct demand *d, uint32_t steps)
{
    return (double)(d->total - total_before(d, steps)) * STEPS_PER_S / steps;
}

double demand_rate(const struct demand *d, int64_t window_min_ns)
{
    double means[DEMAND_WINDOWS], rate = 0;
    for (unsigned i = 0; i < DEMAND_WINDOWS; i++) {
        uint32_t steps = STEPS_PER_S << i;
        if (steps > d->steps)
            break;
        means[i] = mean_of(d, steps);
        for (unsigned k = 0; k < i; k++) {
            bool is_compared = (INT64_C(1) << k) * NS_PER_S >= window_min_ns;
            double share = 1 - 1.0 / (1U << (i - k)); /* the shorter one is part of the longer */
            double deviation = sqrt(d->dispersion * fmax(means[i], means[k]) * share / (1U << k));
            if (is_compared && fabs(means[k] - means[i]) > deviations * deviation)
                return rate;
        }
        rate = means[i];
    }
    return rate;
}

void demand_keep(struct keep *k, struct demand *d)
{
    k->section = "demand";
    keep_double(k, "dispersion", &d->dispersion, 1, 2 * dispersion_max);
}
