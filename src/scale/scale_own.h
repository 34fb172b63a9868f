/*
 * scale_own.h: the state behind scale.h, for those who change it: scale.c, which passes values along the line
 * of a tick, and scale_heard.c, which takes in what the world says of servers. All others see a view
 * (scale_priv.h).
 */
#pragma once
#include "base/random.h"
#include "scale/collect.h"
#include "scale/cpu.h"
#include "scale/pattern.h"
#include "scale/place_time.h"
#include "scale/scale.h"
#include "scale/scale_priv.h"

struct scaled_service {
    struct service *service;
    const struct config_service *config;
    struct provider *provider; /* NULL: fixed or discovered servers */
    bool is_held;              /* its provider has not told yet what exists: nothing is decided */
    struct collector *collector;
    struct capacity_model capacity;
    struct policy_state policy;
    struct reconciler *reconciler;
    bool has_manual, is_removed;
    uint32_t manual;
    int64_t manual_until_ns; /* 0: until told otherwise */
    uint64_t manual_changes; /* by hand */
    struct scale_restored restored;
    bool has_decision, has_change;
    struct scale_signals signals;
    struct scale_decision decision, change; /* the present one; the last that changed something */
    uint64_t ups_total, downs_total;
    struct story story;
    struct per_second arrivals;
    struct pattern *pattern; /* owned */
    struct place_time place_time;
};

struct scale {
    struct fleet *fleet;
    struct reconciler_effects effects;       /* the caller's */
    struct reconciler_effects heard_effects; /* the same for reconcilers, but the story hears their events */
    void (*foresee)(void *context, struct service *service, const struct outlook *outlook);
    struct random random;
    bool is_frozen;
    int64_t held_until_ns; /* the supervisor is being asked what exists; 0: not */
    bool is_wall_known;
    int64_t wall_offset_ns;  /* wall clock less the clock that `now` comes from */
    struct provider *strays; /* is asked to stop what belongs to no service; NULL: nobody */
    struct scaled_service *services[FLEET_SERVICES_MAX]; /* by slot; NULL: unknown */
    struct server *scratch[FLEET_SERVERS_MAX];
    struct cpu_server cpu[FLEET_SERVERS_MAX]; /* by slot */
};

#define for_each_scaled(s, x)                                                                                \
    for (uint32_t x##_i = 0; x##_i < FLEET_SERVICES_MAX; x##_i++)                                            \
        for (struct scaled_service *x = (s)->services[x##_i]; x; x = NULL)

static inline struct scaled_service *scale_find(const struct scale *s, const struct service *service)
{
    struct scaled_service *x = s->services[service->slot];
    return x && x->service == service ? x : NULL;
}

struct policy_limits scale_policy_limits_of(const struct scaled_service *x);
/* Whenever servers come or go, and with each tick: how the chances of those who wait stand. */
void scale_tell_prospects(const struct scale *s, struct scaled_service *x, int64_t now_ns);
