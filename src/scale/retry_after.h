/*
 * retry_after.h: when a client that is turned away should come back: when there is likely to be room. Pure.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define RETRY_AFTER_UNKNOWN_S 5 /* while no server was seen to start */
#define RETRY_AFTER_BUSY_S    1 /* servers take requests: room comes with each answer */
#define RETRY_AFTER_MAX_S     120

struct retry_after_facts {
    bool has_available;    /* some server takes requests */
    bool is_starting;      /* a server was asked for and is not there yet */
    int64_t start_time_ns; /* 90th percentile of what was seen; 0: unknown */
    int64_t start_age_ns;  /* how long the longest of the present starts has taken */
    int64_t back_off_ns;   /* until the next start may be tried; 0: now */
};

/* Whole seconds, rounded up, 1..RETRY_AFTER_MAX_S: what is left of the start. One that is overdue is given as
 * long again as it is late. */
uint32_t retry_after_s(const struct retry_after_facts *f);
