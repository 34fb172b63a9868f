/* scale_priv.h: what the other files of the room's face may see of a service: scale_write.c a view,
 * scale_keep.c what it saves and restores. All is borrowed, good until the next call of scale.h. */
#pragma once
#include "scale/pattern.h"
#include "scale/per_second.h"
#include "scale/scale.h"
#include "scale/story.h"

/* All zero: nothing was. */
struct scale_restored {
    bool is_restored;
    int64_t at_ns, age_ns; /* when; how old it was then */
};

struct scale_view {
    const struct service *service;
    const struct config_service *config;
    const struct provider *provider; /* NULL: fixed or discovered servers */
    bool is_held;                    /* it has not told yet what exists */
    struct reconciler_numbers numbers;
    struct capacity_estimate capacity;
    struct bounds_limits bounds; /* as people stated them */
    bool has_manual;
    uint32_t manual;
    int64_t manual_until_ns;                        /* 0: until told otherwise */
    const struct scale_decision *decision, *change; /* NULL: none yet */
    uint64_t ups_total, downs_total;
    const struct scale_signals *signals;
    const struct scale_restored *restored;
    const struct story *story;
    const struct per_second *arrivals;
    const struct pattern *pattern;
};

bool scale_view_of(const struct scale *s, const struct service *service, struct scale_view *ret_view);

/* What outlives the worker, in place, and what is needed to tell of it. */
struct scale_kept {
    const struct service *service;
    const struct config_service *config;
    bool is_scaled; /* servers come from a provider */
    struct capacity_model *capacity;
    struct policy_state *policy;
    struct reconciler *reconciler; /* for the start times */
    bool *has_manual;
    uint32_t *manual;
    int64_t *manual_until_ns;
    uint64_t manual_changes; /* by hand, since the worker started */
    struct scale_restored *restored;
    struct capacity_limits capacity_limits;
    struct policy_limits policy_limits;
    const struct reconciler_effects *effects;
};

bool scale_kept_of(struct scale *s, const struct service *service, struct scale_kept *ret_kept);
/* Borrows the services that are known, in the order of their slots; returns how many. */
uint32_t scale_services(const struct scale *s, const struct service *ret_services[FLEET_SERVICES_MAX]);
