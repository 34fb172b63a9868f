/*
 * lane.h: one policy with one setting and one start time on its own site, carried through the common load.
 */
#pragma once
#include "config/model.h"
#include "scale/simulate/policy_ops.h"

struct lane;

struct lane_params {
    const struct sim_setting *setting;   /* borrowed */
    const struct sim_model *model;       /* borrowed */
    const struct load *load;             /* borrowed */
    const struct config_service *config; /* Weir's; borrowed */
    uint32_t start_s;
    bool follows_all; /* every request is followed, even where that can change nothing */
    uint32_t bin_s;   /* > 0: points for a drawing are kept, one for so many seconds */
};

struct lane_result {
    double violations; /* share of requests */
    double server_hours, wait_max_s;
    uint64_t requests, refused, changes;
    double followed; /* share of seconds whose requests were followed */
};

/* What happened in bin_s seconds. */
struct lane_point {
    float arrivals;         /* a second */
    float servers, serving; /* means; all that cost, and those that took requests */
    float late;             /* share of requests */
    float response_max_s;
};

struct lane *lane_new(const struct lane_params *params);
void lane_free(struct lane *l); /* NULL is fine */
void lane_run(struct lane *l,
              const struct arrivals *a); /* over the present stretch; each stretch once, in order */
void lane_finish(struct lane *l, struct lane_result *ret_result); /* call once, after the last stretch */
/* The points so far; borrowed. */
const struct lane_point *lane_points(const struct lane *l, uint32_t *ret_count);
