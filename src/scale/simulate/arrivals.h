/*
 * arrivals.h: the requests of the simulated load, one stretch of seconds after the other: when each comes and
 * how long it keeps a server busy. All policies get the same requests, so that they differ in nothing but
 * what they do.
 *
 * Beside the requests, each second tells how a site with ever enough servers would have fared, where nobody
 * waits: as long as a policy's site has as many places as that one uses, it fares exactly the same, and need
 * not be simulated (lane.h).
 */
#pragma once
#include "base/random.h"
#include "scale/simulate/load.h"
#include "scale/simulate/model.h"

enum { ARRIVALS_STRETCH_S = 10 };

struct arrival {
    int64_t at_ns, service_ns;
};

struct arrivals_second {
    uint32_t first, count; /* in arrivals.items */
    uint32_t ends,
        end_count;   /* in arrivals.ends: when the requests in service as the second begins will end */
    uint32_t most;   /* most in service at any moment of the second */
    int64_t busy_ns; /* their number, integrated over the second */
    uint32_t late;   /* requests of this second that miss the objective without any waiting */
    int64_t service_max_ns;
};

struct arrivals {
    const struct load *load;       /* borrowed */
    const struct sim_model *model; /* borrowed */
    struct random random;
    double mu, sigma, spare_normal;
    bool has_spare_normal;
    double gap; /* until the next arrival, in expected requests */
    uint32_t next_second;

    /* The present stretch. */
    uint32_t begin_second, second_count;
    struct arrivals_second seconds[ARRIVALS_STRETCH_S];
    uint32_t item_count, item_capacity, end_count, end_capacity;
    struct arrival *items; /* owned */
    int64_t *ends;         /* owned */

    uint32_t serving_count, serving_capacity;
    int64_t *serving; /* owned; heap of ends, the earliest first */
};

void arrivals_init(struct arrivals *a, const struct load *load, const struct sim_model *model);
void arrivals_fini(struct arrivals *a);
/* Goes to the next stretch; false at the end of the load. */
bool arrivals_next(struct arrivals *a);
/* Draws one service time; for tests, too. */
int64_t arrivals_draw_service_ns(struct arrivals *a);
