/*
 * policy_ops.h: the border between the simulated world and a policy that decides how many servers there shall
 * be. One file per policy; settings.c lists them and the settings that each is tried with.
 *
 * A policy is asked at the end of every period_s seconds. It sees nothing but this view: the history (of
 * which it takes a part as old as its own metrics are), and its own past wishes. It answers how many servers
 * it wants; the lane starts and drains them, at once and without a mistake.
 */
#pragma once
#include "base/buf.h"
#include "scale/simulate/history.h"
#include "scale/simulate/load.h"
#include "scale/simulate/site.h"

enum sim_metric {
    SIM_METRIC_NONE,
    SIM_METRIC_CPU,       /* busy places / places, at most 1 */
    SIM_METRIC_REQUESTS,  /* arrivals a second */
    SIM_METRIC_IN_FLIGHT, /* in service or waiting */
};
const char *sim_metric_name(enum sim_metric m);

/* One way to set a policy up. Unused numbers are 0. */
struct sim_setting {
    const struct sim_policy_ops *ops;
    enum sim_metric metric;
    double target;      /* share of a server's true capacity */
    uint32_t down_s;    /* how long it hesitates to go down: window, delay or cooldown, in its own sense */
    double up_factor;   /* Knative's max-scale-up-rate */
    uint32_t warm_up_s; /* AWS */
    bool is_stepwise;   /* AWS step scaling instead of target tracking */
};

struct sim_view {
    uint32_t now_s;  /* seconds since the begin */
    uint32_t wanted; /* what the policy answered last; at first, the servers there are */
    uint32_t serving, starting;
    const struct history *history;
    const struct site *site; /* for sim_view_… alone */
    const struct sim_setting *setting;
    const struct sim_model *model;
    const struct load *load; /* the future: for the oracle and the static ones, which know it */
    uint32_t start_s;        /* how long a server starts */
};

struct sim_policy_ops {
    const char *name;
    uint32_t period_s;
    size_t state_bytes;                                        /* of its memory, zeroed at first */
    uint32_t (*decide)(void *state, const struct sim_view *v); /* any number; bounded by the lane */
    /* Adds what tells this setting from the policy's others: "cpu 70%, down 300s". */
    void (*describe)(const struct sim_setting *s, struct buf *out);
    bool is_weir;  /* weir_world.h drives it instead */
    bool is_fixed; /* it never starts a server, so the start time does not matter to it */
};

/* Servers that have served for at least age_s. */
uint32_t sim_view_serving_for(const struct sim_view *v, uint32_t age_s);
/* Servers, starting or serving, that were asked for less than age_s ago. */
uint32_t sim_view_asked_within(const struct sim_view *v, uint32_t age_s);

extern const struct sim_policy_ops policy_weir, policy_hpa, policy_keda, policy_knative, policy_aws,
    policy_nomad, policy_static, policy_oracle;
