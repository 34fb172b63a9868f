/*
 * start_times.h: the last start times of a service's servers, from cold and warm apart, and their quantiles.
 * Pure.
 *
 * A start is warm when a server of the same program has served on this Weir and exists, or did so within
 * START_WARM_NS: its files are in the page cache, its image is pulled, the database knows it. Else it is
 * cold: the first one, after Weir came up, after another program was configured, after a long time without
 * servers.
 */
#pragma once
#include "base/clock.h"

#include <stdint.h>

struct keep; /* keep.h */

enum { START_TIMES_MAX = 32 };

/* What the last server leaves warm fades at nobody's fixed time. Ten minutes is what idle connections of
 * databases and pools commonly live, and short for a page cache or an image: what others push out sooner is
 * then noted as a slow warm start, what stays longer as a fast cold one, and the quantiles tell. */
#define START_WARM_NS (600 * NS_PER_S)

enum start_class { START_COLD, START_WARM, START_CLASS_COUNT };
const char *start_class_name(enum start_class c); /* "cold", "warm" */

struct start_summary {
    uint32_t count;
    int64_t fastest_ns, median_ns, p90_ns;
};

struct start_ring {
    uint32_t count, next;
    int64_t times_ns[START_TIMES_MAX];
    struct start_summary summary; /* of these: asked for far more often than they change */
};

struct start_times { /* all zero: none was seen */
    struct start_ring rings[START_CLASS_COUNT];
};

void start_times_note(struct start_times *t, enum start_class c, int64_t start_ns);

/* Of one class; while none of it was seen, the times are those of the other one, and the count is 0. */
struct start_summary start_times_summary(const struct start_times *t, enum start_class c);

void start_times_keep(struct keep *k, struct start_times *t);
