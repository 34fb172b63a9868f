/*
 * demand.h: how many requests a second arrive, told apart from chance. Pure: counts in, a rate out.
 *
 * The mean over the longest of a row of windows (1 s, 2 s, 4 s, …) that no shorter one contradicts: while the
 * load is steady the mean is long and calm, and a change that chance does not explain is followed within the
 * window that shows it.
 */
#pragma once
#include <stdint.h>

struct keep; /* keep.h */

enum {
    DEMAND_STEP_MS = 100,
    DEMAND_WINDOWS = 8, /* 1, 2, 4, … 128 s */
    DEMAND_STEPS = 1280 + 1,
};

struct demand {
    int64_t step;   /* number of the newest, in DEMAND_STEP_MS of the caller's clock; 0: none yet */
    uint32_t steps; /* known so far, up to DEMAND_STEPS */
    uint64_t total; /* arrivals up to now */
    uint64_t totals[DEMAND_STEPS]; /* ring by step: `total` at its end */
    double dispersion; /* variance of a second's arrivals as a multiple of the mean's; >= 1; chance: 1 */
};

void demand_init(struct demand *d);
/* arrivals since the call before, which ended at now_ns. Steps without a call count as quiet ones. */
void demand_note(struct demand *d, uint64_t arrivals, int64_t now_ns);
/* Requests a second, from windows of at least window_min_ns. 0 before the first second is over. */
double demand_rate(const struct demand *d, int64_t window_min_ns);
/* How much arrivals vary; not how many came of late. */
void demand_keep(struct keep *k, struct demand *d);
