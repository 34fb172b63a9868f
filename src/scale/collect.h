/*
 * collect.h: reads the data threads' cells and the exact counts of a service into signals, keeping the totals
 * of the time before. The one file of this room that looks at the data plane. Control thread; costs a few
 * counters per server and thread, and once a second the service's two histograms.
 */
#pragma once
#include "fleet/fleet.h"
#include "scale/server_knee.h"
#include "scale/server_pace.h"
#include "scale/signals.h"

struct collector; /* one a service */

struct collector *collector_new(void);
void collector_free(struct collector *c); /* NULL is fine */

/*
 * Fills everything but the start times. The first call returns totals of 0 and remembers where the counters
 * stand. Servers that come and go in between are followed by their id.
 */
struct collect_request {
    const struct service *service;
    uint32_t thread_count;         /* how many cells each has */
    struct server *const *servers; /* the service's servers */
    uint32_t server_count;
    double quantile;    /* 0..1 */
    bool is_learning;   /* it is not stated on how many requests servers work at once: narrow ones are told */
    bool is_knee_known; /* and now they are held against each other; else what is known of them stays */
    int64_t objective_ns; /* a response later than this is late; 0: none is stated */
};
void collector_read(struct collector *c, const struct collect_request *request, int64_t now_ns,
                    struct scale_signals *ret_signals);

/* Of server `index` of the last request; borrowed until the next one. It is new with signals that have
 * levels. */
const struct server_pace *collector_pace(const struct collector *c, uint32_t index);
const struct server_knee *collector_knee(const struct collector *c, uint32_t index);

/* How requests fared; the totals count from the first reading on, read once a second. For the story. */
struct collect_outcomes {
    uint64_t answered, late;
    uint64_t refused;        /* by Weir itself: no server, queue full, waited too long, or would have */
    uint64_t aborted;        /* by the client */
    int64_t wait_longest_ns; /* of those that left the queue between the last two such readings */
};
const struct collect_outcomes *collector_outcomes(const struct collector *c); /* borrowed */
