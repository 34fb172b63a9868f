/*
 * recent.h: how much a counter grew within the last RECENT_WINDOW_NS, for what is rare and must not be missed
 * (a process killed for lack of memory). Pure; all zero is the start.
 */
#pragma once
#include "watch/reading.h"

#include <stdint.h>

#define RECENT_WINDOW_NS (INT64_C(30) * 60 * 1000000000)

enum { RECENT_SLOTS = 31 }; /* one a minute, and the present one */

struct recent {
    bool has_counter;
    uint64_t counter;             /* as seen last */
    int64_t slot;                 /* the present minute */
    uint64_t grown[RECENT_SLOTS]; /* ring, by minute */
};

/* A counter that ran backwards begins anew. The first look counts nothing: it is not known when that was. */
struct reading recent_add(struct recent *r, struct reading counter, int64_t now_ns);
