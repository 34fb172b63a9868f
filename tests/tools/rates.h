/*
 * rates.h: recorded load: `t_seconds,requests` lines become a rate, and a rate becomes arrivals.
 */
#pragma once
#include "base/err.h"
#include "base/random.h"

#include <stdint.h>

struct rates {
    double bin_s;
    uint32_t bin_count;
    double *rate; /* owned; requests a second in the middle of each bin */
};

/* An optional head line, then lines with rising stamps of equal distance. False with a sentence. */
bool rates_read(const char *path, struct rates *ret_rates, struct err *err) MUST_USE;
void rates_fini(struct rates *r);
/* Linear between the middles of bins, as `weir simulate` has it for bins of 10 s or more. */
double rates_at(const struct rates *r, double at_s);
/* When requests come, by a Poisson process, in order; owned by the caller. */
int64_t *rates_draw_arrivals(const struct rates *r, struct random *random, uint32_t *ret_count);
