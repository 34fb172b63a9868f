/*
 * Counts are made into a rate before anything is drawn from them: multiplying sparse counts would multiply
 * their chance, too, and make bursts that never happened. A window of exactly LOAD_SMOOTH_S seconds around
 * each bin (the two bins at its ends count in part), cut at the ends of the trace.
 */
#include "scale/simulate/load.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

double trace_mean_rate(const struct trace *t)
{
    double sum = 0;
    for (size_t i = 0; i < t->bin_count; i++)
        sum += t->requests[i];
    return sum / ((double)t->bin_count * t->bin_s);
}

/* Requests up to the time at_s, requests within a bin spread evenly; before[i]: those of bins before i. */
static double requests_until(const struct trace *t, const double *before, double at_s)
{
    double at = fmin(fmax(at_s / t->bin_s, 0), (double)t->bin_count);
    size_t bin = (size_t)at;
    return before[bin] + (bin < t->bin_count ? (at - (double)bin) * t->requests[bin] : 0);
}

/* The rate in the middle of each bin. */
static double *bin_rates(const struct trace *t)
{
    double *before = NEW_ARRAY(double, t->bin_count + 1), *rates = NEW_ARRAY(double, t->bin_count);
    double length_s = (double)t->bin_count * t->bin_s, width_s = fmax(LOAD_SMOOTH_S, t->bin_s);
    for (size_t i = 0; i < t->bin_count; i++)
        before[i + 1] = before[i] + t->requests[i];
    for (size_t i = 0; i < t->bin_count; i++) {
        double middle = ((double)i + 0.5) * t->bin_s;
        double from = fmax(middle - width_s / 2, 0), to = fmin(middle + width_s / 2, length_s);
        rates[i] = (requests_until(t, before, to) - requests_until(t, before, from)) / (to - from);
    }
    free(before);
    return rates;
}

static double rate_at(const struct trace *t, const double *rates, double at_s)
{
    double at = at_s / t->bin_s - 0.5;
    if (at <= 0)
        return rates[0];
    size_t bin = (size_t)at;
    if (bin + 1 >= t->bin_count)
        return rates[t->bin_count - 1];
    double share = at - (double)bin;
    return rates[bin] * (1 - share) + rates[bin + 1] * share;
}

static double busiest_minute(const struct load *l)
{
    double sum = 0, best = 0;
    uint32_t width = l->seconds < 60 ? l->seconds : 60;
    for (uint32_t i = 0; i < l->seconds; i++) {
        sum += (double)l->rate[i] - (i >= width ? (double)l->rate[i - width] : 0);
        if (i + 1 >= width)
            best = fmax(best, sum / width);
    }
    return best;
}

static double busiest_second(const struct load *l)
{
    double best = 0;
    for (uint32_t i = 0; i < l->seconds; i++)
        best = fmax(best, (double)l->rate[i]);
    return best;
}

bool load_build(const struct trace *t, double peak_rate, struct load *ret_load, struct err *err)
{
    struct load l = {.seconds = (uint32_t)fmax(ceil((double)t->bin_count * t->bin_s - 1e-9), 1), .factor = 1};
    double *rates = bin_rates(t), sum = 0;
    l.rate = NEW_ARRAY(float, l.seconds);
    for (uint32_t i = 0; i < l.seconds; i++)
        l.rate[i] = (float)rate_at(t, rates, i + 0.5);
    free(rates);
    l.peak = busiest_minute(&l);
    if (l.peak <= 0) {
        load_fini(&l);
        return err_set(err, "the trace has no requests");
    }
    if (peak_rate > 0)
        l.factor = peak_rate / l.peak;
    double most = busiest_second(&l) * l.factor;
    if (!(most <= LOAD_RATE_MAX)) {
        load_fini(&l);
        return err_set(err, "%.3g requests in its busiest second; the limit is %d: see --peak-servers", most,
                       LOAD_RATE_MAX);
    }
    for (uint32_t i = 0; i < l.seconds; i++) {
        l.rate[i] = (float)((double)l.rate[i] * l.factor);
        sum += (double)l.rate[i];
    }
    l.peak *= l.factor;
    l.mean = sum / l.seconds;
    *ret_load = l;
    return true;
}

void load_fini(struct load *l)
{
    free(l->rate);
    *l = (struct load){0};
}
