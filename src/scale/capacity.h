/*
 * capacity.h: how many requests in flight one server of a service carries well. Given by the user
 * (max_requests, in_flight), or learned from what throughput and latency do as concurrency grows. Pure:
 * signals in, an estimate out.
 */
#pragma once
#include "scale/signals.h"

enum capacity_source {
    CAPACITY_START,        /* nothing known yet: CAPACITY_START_IN_FLIGHT */
    CAPACITY_LEARNED,      /* from throughput and latency */
    CAPACITY_IN_FLIGHT,    /* scale: {in_flight} */
    CAPACITY_MAX_REQUESTS, /* max_requests */
};
const char *capacity_source_name(
    enum capacity_source s); /* "start", "learned", "in_flight", "max_requests" */

enum { CAPACITY_START_IN_FLIGHT = 4, CAPACITY_MAX_IN_FLIGHT = 1024, CAPACITY_LEVELS = 22 };

struct capacity_limits {
    uint32_t max_requests;     /* config_service.max_requests; 0 = none */
    uint32_t target_in_flight; /* config_scale.target_in_flight; 0 = learn */
    int64_t objective_ns;      /* config_scale.objective_ns; 0 = none */
    int64_t start_time_ns;     /* of a server; 0 = not known */
};

struct capacity_estimate {
    enum capacity_source source;
    double in_flight;          /* one server's capacity; 1..CAPACITY_MAX_IN_FLIGHT */
    int64_t service_ns;        /* how long a request holds its slot on a server that is not overloaded; > 0 */
    double work_share;         /* 0..1: the part of what is in flight now that is work; the rest waits inside
                                  overloaded servers */
    bool is_saturation_seen;   /* the ceiling was met: in_flight is not just "at least" */
    bool is_bottleneck_shared; /* servers are overloaded, and more of them got no more done: do not add any */
};

/* What was seen at one level of concurrency per server. */
struct capacity_level {
    double in_flight, duration_ns; /* moving means */
    uint32_t windows;              /* how many went in; used from 3 on */
    int64_t seen_ns;               /* the last one */
};

struct capacity_model {
    struct capacity_level levels[CAPACITY_LEVELS];
    double learned; /* present estimate; 0: none */
    bool is_saturation_seen;
    double ceiling;            /* work that overloaded servers got done, each; 0: never met, or long ago */
    int64_t ceiling_ns;        /* when it was last met */
    uint32_t ceiling_servers;  /* how many there were then */
    bool is_bottleneck_shared; /* more of them did not get more done */
    double tail_ratio;         /* duration at the objective's quantile / mean duration; 0: unknown */
    bool is_base_known;        /* some level was seen that is below the knee for sure */
    double recent_ns;          /* mean time a slot was held of late */
    /* The window being filled. */
    int64_t window_ns, window_busy_ns;
    double window_concurrency_ns; /* concurrency x time */
    uint64_t window_finished, window_errors;
    uint32_t window_servers;
};

void capacity_init(struct capacity_model *m);
/* To be called with every signals once, in order of time. */
void capacity_observe(struct capacity_model *m, const struct capacity_limits *limits,
                      const struct scale_signals *g);
struct capacity_estimate capacity_get(const struct capacity_model *m, const struct capacity_limits *limits);
