/*
 * capacity.h: how many requests in flight one server of a service carries well. Given by the user
 * (max_requests, in_flight), or learned from how fast requests are answered at each number in flight. Pure:
 * signals in, an estimate out.
 */
#pragma once
#include "scale/knee.h"
#include "scale/signals.h"

struct keep; /* keep.h */

enum capacity_source {
    CAPACITY_START,        /* nothing known yet: CAPACITY_START_IN_FLIGHT */
    CAPACITY_LEARNED,      /* from throughput and latency */
    CAPACITY_IN_FLIGHT,    /* scale: {in_flight} */
    CAPACITY_MAX_REQUESTS, /* max_requests */
};
const char *capacity_source_name(
    enum capacity_source s); /* "start", "learned", "in_flight", "max_requests" */

enum { CAPACITY_START_IN_FLIGHT = 4, CAPACITY_MAX_IN_FLIGHT = 3072, CAPACITY_CEILINGS = 12 };

struct capacity_limits {
    uint32_t max_requests;     /* config_service.max_requests; 0 = none */
    uint32_t target_in_flight; /* config_scale.target_in_flight; 0 = learn */
    int64_t objective_ns;      /* config_scale.objective_ns; 0 = none */
    int64_t start_time_ns;     /* of a server; 0 = not known */
};

struct capacity_estimate {
    enum capacity_source source;
    double in_flight;    /* one server's capacity; 1..CAPACITY_MAX_IN_FLIGHT */
    double low, high;    /* it lies between these with about 95 % confidence; both 0 while not learned */
    uint32_t limit;      /* requests in flight that the balancer should keep a server to; 0: none */
    uint32_t slow_start; /* as long as there is no limit a server is given at least so many at a time, and
                            more only as it gets on with them (fleet/let_in.h); 0: it is given all */
    uint32_t fill_to;    /* one server should be given so many before the others get any, to learn; 0: none */
    uint32_t try_to; /* a server that has not borne out the knee should be given so many, to do it; 0: none */
    int64_t service_ns;        /* how long a request holds its slot on a server that is not overloaded; > 0 */
    bool is_service_known;     /* some request has ended */
    double work_share;         /* 0..1: the part of what is in flight now that is work; the rest waits inside
                                  overloaded servers */
    bool is_saturation_seen;   /* the knee was met: in_flight is not just "at least" */
    bool is_bottleneck_shared; /* servers are overloaded, and more of them got no more done: do not add any */
};

/* What so many servers were seen to get done together, at least. */
struct capacity_ceiling {
    uint32_t seconds;
    double requests;       /* answered in them */
    double servers, per_s; /* moving means; per_s: requests */
    int64_t seen_ns;
};

struct capacity_model {
    struct knee_level levels[LEVEL_COUNT];
    double knee, knee_low, knee_high; /* 0: none was met */
    double calm_servers;              /* about so many servers since calm_since_ns */
    int64_t calm_since_ns;
    double full_s, full_departures; /* server-seconds while requests waited all the time, and answers then */
    double top;                     /* the highest number in flight that was seen to go well; 0: none */
    double allowed;                 /* the objective allows so many in flight; 0: any */
    double service_s; /* a request's time on a server that is not overloaded; moving; 0: unknown */
    double work_share;
    double tail_ratio; /* duration at the objective's quantile / typical duration; 0: unknown */
    double recent_ns;  /* mean time a slot was held of late */
    double answered, answered_before; /* of late, and as many as would have been at the remembered pace */
    double queued_share;              /* of the present second */
    double in_flight;                 /* of all servers, moving */
    int64_t span_ns;                  /* of the present second, with what all servers did in it */
    uint64_t finished;
    double server_s;
    double arrivals_per_s, finished_per_s; /* moving */
    int64_t overloaded_since_ns;           /* 0: it is not */
    bool is_bottleneck_shared;
    int64_t bottleneck_ns;                               /* when that was last seen */
    struct capacity_ceiling ceilings[CAPACITY_CEILINGS]; /* by the logarithm of the number of servers */
};

void capacity_init(struct capacity_model *m);
/* To be called with every signals once, in order of time. */
void capacity_observe(struct capacity_model *m, const struct capacity_limits *limits,
                      const struct scale_signals *g);
/* What was seen of a server that turns out to be unlike the others, and is not among them any more. */
void capacity_take_out(struct capacity_model *m, const struct knee_level levels[LEVEL_COUNT]);
struct capacity_estimate capacity_get(const struct capacity_model *m, const struct capacity_limits *limits);
/* What was learned, but not what belongs to the present second. */
void capacity_keep(struct keep *k, struct capacity_model *m);
