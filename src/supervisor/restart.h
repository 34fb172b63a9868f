/* restart.h: when to start a worker again that has died. Pure. */
#pragma once
#include <stdint.h>

enum { RESTART_QUICK_DEATHS_MAX = 5 };
#define RESTART_QUICK_NS     (10 * INT64_C(1000000000)) /* a life shorter than this counts as quick death */
#define RESTART_DELAY_MIN_NS (1 * INT64_C(1000000000))
#define RESTART_DELAY_MAX_NS (16 * INT64_C(1000000000))

struct restart {
    unsigned quick_deaths; /* in a row */
};

/*
 * Tells how long to wait before the next start: nothing at first; after RESTART_QUICK_DEATHS_MAX quick deaths
 * in a row a second, then twice as long each time up to RESTART_DELAY_MAX_NS. It never gives up.
 */
int64_t restart_delay_ns(struct restart *r, int64_t lived_ns);
