/* start_times.h: the last start times of a service's servers, and their quantiles. Pure. */
#pragma once
#include <stdint.h>

struct keep; /* keep.h */

enum { START_TIMES_MAX = 32 };

struct start_times {
    uint32_t count, next;
    int64_t times_ns[START_TIMES_MAX];
};

void start_times_note(struct start_times *t, int64_t start_ns);
int64_t start_times_quantile_ns(const struct start_times *t, double q); /* 0 when empty */
void start_times_keep(struct keep *k, struct start_times *t);
