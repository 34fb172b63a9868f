/*
 * model.h: what is simulated: the servers, the objective, and the clock. The defaults are the standard study.
 */
#pragma once
#include <stdint.h>

/* The virtual clock begins here, not at 0, which parts of the program take for "never". */
#define SIM_START_NS INT64_C(1000000000000)

struct sim_model {
    uint32_t concurrency;              /* requests that a server works on at once */
    double service_mean_s, service_cv; /* lognormal service time: mean and coefficient of variation */
    int64_t objective_ns;              /* a response later than this after the arrival counts against it */
    uint32_t servers_min, servers_max; /* bounds of every policy; max >= 1 */
    uint32_t queue_length;             /* requests that may wait; 0: no limit but SITE_QUEUE_MAX */
    int64_t queue_timeout_ns;          /* a request that waited so long is given up; 0: never */
    int64_t provider_delay_ns;         /* from Weir's call of the provider to its effect */
    int64_t wall_start_ns;             /* since 1970, as the load begins; 0: a Monday at 0:00 UTC */
    uint64_t seed;                     /* not 0 */
};

/* Requests a second that one server carries when it is busy all the time. */
static inline double sim_model_server_rate(const struct sim_model *m)
{
    return m->concurrency / m->service_mean_s;
}
