/*
 * policy.h: how many servers a service needs, and why. Pure: signals, capacity, limits and `now` in, one
 * decision with all its numbers out. docs/explanation/scaling.md explains the formula.
 *
 *   needed = (work + growth + free places) / capacity  +  waiting x service time / (capacity x time to clear)
 *
 * is the number of servers altogether; servers that exist or are starting are part of it, so nothing is asked
 * for twice.
 */
#pragma once
#include "scale/bounds.h"
#include "scale/capacity.h"
#include "scale/demand.h"
#include "scale/forecast.h"
#include "scale/hold.h"
#include "scale/idle.h"
#include "scale/signals.h"
#include "scale/targets.h"

struct policy_limits {
    struct bounds_limits bounds;
    int64_t scale_down_after_ns; /* stable window; 0 = at once, < 0 = break-even with starting again */
    int64_t queue_timeout_ns;    /* a request that waited so long is given up */
    int64_t objective_ns;        /* config_scale; 0 = none */
    double objective_quantile;   /* 0..1; 0 = none */
    struct targets_limits targets;
    bool is_advice; /* decide and tell, but leave the target as it is */
};

enum { SCALE_REASON_BYTES = 448 };

struct scale_decision {
    int64_t at_ns;
    uint32_t target; /* servers wanted: MIN..MAX, or what was set by hand */
    uint32_t target_before;
    bool is_change; /* target != target_before: worth an event */
    enum scale_bound bound;
    /* What the policy would want, and what held that. The same as above, unless it only advises. */
    uint32_t advised;
    enum scale_bound advised_bound;
    bool is_advice;        /* it only advises */
    bool is_advice_change; /* another advice than before: worth an event */

    /* needed = ceil(base + forecast + burst + backlog), in servers, before any bound */
    uint32_t needed;
    double base, burst, forecast, backlog;
    double ready_per_s;   /* requests that servers wanted without a pattern (pattern.h) could answer; 0: not
                             known */
    enum scale_term term; /* what base comes from: the work, or a target that asks for more */
    struct targets_need targets; /* all that were stated */

    /* What they were computed from. */
    double work;      /* requests in flight that are steady work */
    double waiting;   /* requests queued, and those that wait inside overloaded servers: one-off work */
    int64_t clear_ns; /* the time in which the waiting are to be gone */
    struct capacity_estimate capacity;
    uint32_t up;                     /* servers requested, starting, warming, serving */
    uint32_t coming;                 /* of these: requested or starting */
    int64_t idle_hold_ns;            /* bound SCALE_BOUND_IDLE: how long after the last request; else 0 */
    char reason[SCALE_REASON_BYTES]; /* a sentence for people */
    uint32_t reason_held_at;         /* where in it the words for the bound begin; 0: held by nothing */
};

struct policy_state {
    bool is_started;
    uint32_t target;
    bool is_advising;
    uint32_t advised; /* while it is advising: what it would want, as if it were done */
    double work;      /* moving mean of the work in flight */
    struct demand demand;
    struct stable_window window; /* of a stated scale_down_after */
    struct hold hold;            /* where none is stated */
    struct step_history steps;
    struct forecast forecast;
    struct idle idle;
    struct targets_state targets;
};

void policy_init(struct policy_state *p);
/*
 * These servers exist already (adopted after a restart): what is there counts as needed until the stable
 * window has passed, since the history that asked for them is lost.
 */
void policy_note_existing(struct policy_state *p, const struct policy_limits *limits, uint32_t servers,
                          int64_t now_ns);
/* Decides. g->now_ns must not go back. */
struct scale_decision scale_decide(struct policy_state *p, const struct policy_limits *limits,
                                   const struct capacity_estimate *capacity, const struct scale_signals *g);
/* What is known of the load, and what was advised last; not the target (scale_restore sees to that). */
void policy_keep(struct keep *k, struct policy_state *p);
