/*
 * load.h: a trace as a rate for each second of the simulation: smoothed, interpolated, scaled. Pure.
 */
#pragma once
#include "scale/simulate/trace.h"

#include <stdint.h>

enum {
    LOAD_SMOOTH_S = 10,
    LOAD_RATE_MAX = 1000000, /* requests a second: all of a few seconds are kept in memory */
};

struct load {
    uint32_t seconds;  /* >= 1 */
    float *rate;       /* owned; requests a second, mean over each second */
    double factor;     /* what the trace's rate was multiplied by */
    double mean, peak; /* requests a second: over all, and over the busiest 60 s */
};

/*
 * Bins narrower than LOAD_SMOOTH_S are smoothed over that time (centred); between the middles of bins the
 * rate is linear. peak_rate: the busiest 60 s are scaled to so many requests a second; 0: as recorded.
 */
bool load_build(const struct trace *t, double peak_rate, struct load *ret_load, struct err *err) MUST_USE;
void load_fini(struct load *l);
double trace_mean_rate(const struct trace *t); /* as recorded, requests a second */
