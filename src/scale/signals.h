/*
 * signals.h: what is known about one service at one moment: all that the capacity model and the policy may
 * look at. A plain value: collect.h fills it from the data threads' cells, the tests and a
 * simulator by hand.
 *
 * "The span" is the time since the signals before these (100 ms in a running Weir, any length > 0 elsewhere).
 */
#pragma once
#include "fleet/server.h"

/*
 * What servers in state serving did in the last second or so, by their requests in flight: how long they had
 * so many (seen at each reading), how often a request was answered there, and how long requests took that
 * were sent there.
 */
struct scale_levels {
    int64_t time_ns[LEVEL_COUNT];
    uint64_t samples; /* how many looks time_ns stands for */
    uint64_t departures[LEVEL_COUNT];
    uint64_t admissions[LEVEL_COUNT], admission_ns[LEVEL_COUNT],
        admission_logs[LEVEL_COUNT]; /* see server_cells */
    uint64_t errors;                 /* of all servers, meanwhile */
};

struct scale_signals {
    int64_t now_ns;  /* monotonic, or the simulator's clock */
    int64_t wall_ns; /* the wall clock at now_ns, since 1970 in UTC; 0: not known. It may step. */
    int64_t span_ns; /* what the totals below cover; 0 only in the first signals of a service, whose totals
                        are 0 */

    /* At now_ns. */
    uint32_t in_flight;                   /* requests that hold a server's slot */
    uint32_t queued;                      /* requests that wait for one */
    int64_t queue_oldest_age_ns;          /* how long the first of them has waited; 0 when none does */
    uint32_t servers[SERVER_STATE_COUNT]; /* of each state */
    uint32_t available; /* servers that take requests now: warming or serving, healthy, not refusing */

    /* Over the span. */
    double concurrency; /* mean requests in flight; from the time they took when they were short, else
                           in_flight */
    uint64_t arrivals;  /* requests routed to the service */
    double
        foreseen_per_s; /* arrivals that come back, by a pattern, within a start time (pattern.h); 0: none */
    uint64_t finished;  /* requests that gave their slot back, in whatever way */
    uint64_t errors;    /* those of them that failed: 5xx, no connection, broken, timed out */
    uint64_t aborts;    /* requests whose client left before it had its answer, waiting or worked on */
    int64_t busy_ns;    /* time those that finished held their slots, added up */

    /* Between the last two readings of the servers' CPU, a second or so. */
    uint32_t cpu_servers; /* servers that take requests or drain; 0: it is not known of any (cpu.h) */
    double cpu_cores;     /* that they use together */

    /* Over the last 5 to 10 s, first byte of the request to last byte of the response; 0 while nothing
     * finished. */
    int64_t duration_mean_ns;
    int64_t duration_quantile_ns; /* at the objective's quantile; p99 when none is stated */
    int64_t wait_quantile_ns;     /* time in the queue of those that had to wait, same quantile */

    const struct scale_levels *levels; /* NULL in most signals: once a second; valid during the call */

    /* From asking for a server to its first good probe, as the reconciler saw it; 0 before the first. */
    uint32_t start_times;                            /* 0..32 of each class (start_times.h) */
    int64_t start_time_median_ns, start_time_p90_ns; /* of a server asked for now, cold or warm */
    int64_t start_time_cold_p90_ns;                  /* when all servers have been gone for long */
    int64_t start_oldest_age_ns; /* how long the longest of the present starts has taken; 0: none */
};

/* Servers that exist or are coming and are meant to carry requests: requested, starting, warming, serving. */
static inline uint32_t scale_signals_up(const struct scale_signals *g)
{
    return g->servers[SERVER_REQUESTED] + g->servers[SERVER_STARTING] + g->servers[SERVER_WARMING] +
           g->servers[SERVER_SERVING];
}

/* Those of them that are coming: asked for, and no good probe yet. */
static inline uint32_t scale_signals_coming(const struct scale_signals *g)
{
    return g->servers[SERVER_REQUESTED] + g->servers[SERVER_STARTING];
}
