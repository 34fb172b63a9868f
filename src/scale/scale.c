/*
 * One scaled_service for each service: collector -> signals -> capacity model -> policy -> reconciler, once a
 * tick. This file only passes values along that line and remembers what people set by hand; it decides
 * nothing.
 *
 * Order within a tick: the reconciler's deadlines first (so that the signals show servers as they are), then
 * the signals, then the decision, then the reconciler moves to it.
 */
#include "scale/scale.h"

#include "scale/scale_own.h"
#include "scale/scale_priv.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"
#include "scale/bill.h"
#include "scale/capacity.h"
#include "scale/collect.h"
#include "scale/pattern.h"
#include "scale/foresee.h"
#include "scale/place_time.h"
#include "scale/retry_after.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define OBSERVE_NS       (2 * NS_PER_S)
#define AHEAD_UNKNOWN_NS (30 * NS_PER_S) /* of a schedule, while no server was seen to start */

/* --- between reconcilers and the caller's effects ---------------------------------------------------- */

static bool hand_publish(void *context)
{
    const struct scale *s = context;
    return s->effects.publish(s->effects.context);
}

static void hand_offer(void *context, struct server *server)
{
    const struct scale *s = context;
    s->effects.offer(s->effects.context, server);
}

static void hand_probe(void *context, struct server *server, enum probe_pace pace)
{
    const struct scale *s = context;
    s->effects.probe(s->effects.context, server, pace);
}

static void hear_event(void *context, const struct scale_event *e)
{
    const struct scale *s = context;
    struct scaled_service *x = scale_find(s, e->service);
    if (x)
        story_note_event(&x->story, e);
    s->effects.on_event(s->effects.context, e);
}

/* --- making and freeing ----------------------------------------------------------------------------- */

struct scale *scale_new(const struct scale_params *params)
{
    struct scale *s = NEW(struct scale);
    s->fleet = params->fleet;
    s->effects = params->effects;
    s->foresee = params->foresee;
    s->heard_effects = (struct reconciler_effects){.context = s,
                                                   .publish = hand_publish,
                                                   .offer = hand_offer,
                                                   .probe = hand_probe,
                                                   .on_event = hear_event};
    s->random.state = params->seed ? params->seed : 1;
    return s;
}

static void scaled_free(struct scaled_service *x)
{
    pattern_free(x->pattern);
    collector_free(x->collector);
    reconciler_free(x->reconciler);
    free(x);
}

void scale_free(struct scale *s)
{
    if (!s)
        return;
    for_each_scaled (s, x)
        scaled_free(x);
    free(s);
}

bool scale_knows(const struct scale *s, const struct service *service)
{
    return scale_find(s, service) != NULL;
}

/* A provider over an engine, which has its own time to tell what exists. */
static bool has_engine(const struct provider *p)
{
    return p && p->ops->status;
}

static void hold(struct scaled_service *x, bool is_held)
{
    x->is_held = is_held;
    reconciler_hold(x->reconciler, is_held);
}

void scale_add_service(struct scale *s, struct service *service, const struct config_service *config,
                       struct provider *provider, int64_t now_ns)
{
    struct scaled_service *x = scale_find(s, service);
    if (provider && !has_engine(provider))
        s->strays = provider;
    if (x) {
        if (provider != x->provider && has_engine(provider))
            hold(x, true);
        x->config = config;
        x->provider = provider;
        x->is_removed = false;
        x->has_manual = x->has_manual && provider && x->manual <= config->scale.servers_max;
        reconciler_set_config(x->reconciler, config, provider, now_ns);
        return;
    }
    x = NEW(struct scaled_service);
    x->pattern = pattern_new();
    x->service = service;
    x->config = config;
    x->provider = provider;
    x->collector = collector_new();
    capacity_init(&x->capacity);
    policy_init(&x->policy);
    struct reconciler_params params = {.fleet = s->fleet,
                                       .service = service,
                                       .config = config,
                                       .provider = provider,
                                       .effects = &s->heard_effects,
                                       .seed = random_next(&s->random) | 1};
    x->reconciler = reconciler_new(&params, now_ns);
    hold(x, has_engine(provider) || (provider && s->held_until_ns));
    if (s->is_frozen)
        reconciler_freeze(x->reconciler);
    s->services[service->slot] = x;
}

static void forget_if_empty(struct scale *s, struct scaled_service *x)
{
    if (!x->is_removed || !reconciler_is_empty(x->reconciler))
        return;
    s->services[x->service->slot] = NULL;
    scaled_free(x);
}

void scale_remove_service(struct scale *s, struct service *service, int64_t now_ns)
{
    struct scaled_service *x = scale_find(s, service);
    if (!x)
        return;
    x->is_removed = true;
    reconciler_retire(x->reconciler, now_ns);
    forget_if_empty(s, x);
}

/* --- after a restart of the worker ------------------------------------------------------------------ */

static bool is_first_with(const struct scale *s, const struct scaled_service *of)
{
    for_each_scaled (s, x)
        if (x->provider == of->provider)
            return x == of;
    return false;
}

/* The supervisor is there, or we are not; an engine may be away for long, and is waited for. */
void scale_observe(struct scale *s, struct provider *strays, int64_t now_ns)
{
    bool is_any_asked = false;
    s->strays = strays ? strays : s->strays;
    s->held_until_ns = now_ns + OBSERVE_NS;
    for_each_scaled (s, x) {
        if (!x->provider)
            continue;
        hold(x, true);
        if (is_first_with(s, x))
            x->provider->ops->observe(x->provider);
        is_any_asked |= x->provider == strays;
    }
    if (strays && !is_any_asked)
        strays->ops->observe(strays);
}

static void end_hold(struct scale *s)
{
    s->held_until_ns = 0;
    for_each_scaled (s, x)
        if (!has_engine(x->provider))
            hold(x, false);
}

void scale_on_observed(struct scale *s, const struct provider *provider, int64_t now_ns)
{
    if (!has_engine(provider)) {
        if (s->held_until_ns == 0)
            return;
        end_hold(s);
    }
    for_each_scaled (s, x)
        if (has_engine(provider) && x->provider == provider)
            hold(x, false);
    scale_tick(s, now_ns);
}

/* --- the tick --------------------------------------------------------------------------------------- */

static struct capacity_limits capacity_limits_of(const struct scaled_service *x)
{
    const struct config_service *config = x->config;
    return (struct capacity_limits){.max_requests = config->max_requests,
                                    .target_in_flight = config->scale.target_in_flight,
                                    .objective_ns = config->scale.objective_ns,
                                    .start_time_ns = x->signals.start_time_p90_ns};
}

static struct schedule_now scheduled_of(const struct scaled_service *x)
{
    const struct config_scale *scale = &x->config->scale;
    int64_t ahead_ns = x->signals.start_times ? x->signals.start_time_p90_ns : AHEAD_UNKNOWN_NS;
    return schedule_find(scale->schedules, scale->schedule_count, x->signals.wall_ns, ahead_ns);
}

static struct bounds_limits bounds_limits_of(const struct scaled_service *x)
{
    const struct config_scale *scale = &x->config->scale;
    return (struct bounds_limits){
        .servers_min = scale->servers_min,
        .servers_max = MAX(scale->servers_max, 1),
        .spares = scale->spares,
        .step_up = scale->step.up,
        .step_down = scale->step.down,
        .step_per_ns = scale->step.per_ns,
        .cost_per_hour = scale->cost.server_hour,
        .cost_max_per_hour = scale->cost.max_per_hour,
        .bill = bill_of(x->reconciler, scale->cost.server_hour, scale->cost.max_per_hour, x->signals.now_ns),
        .scheduled = scheduled_of(x),
        .has_manual = x->has_manual,
        .manual = x->manual};
}

static struct targets_limits targets_limits_of(const struct config_scale *scale)
{
    return (struct targets_limits){.requests_per_second = scale->target_requests_per_second,
                                   .cpu_cores = scale->cpu.percent / 100 * scale->cpu.cores,
                                   .has_work = scale->target_in_flight > 0 || scale->objective_ns > 0};
}

struct policy_limits scale_policy_limits_of(const struct scaled_service *x)
{
    const struct config_scale *scale = &x->config->scale;
    return (struct policy_limits){.bounds = bounds_limits_of(x),
                                  .scale_down_after_ns =
                                      scale->scale_down_after_ns > 0 ? scale->scale_down_after_ns : -1,
                                  .queue_timeout_ns = x->config->queue_timeout_ns,
                                  .objective_ns = scale->objective_ns,
                                  .objective_quantile = scale->objective_quantile,
                                  .targets = targets_limits_of(scale),
                                  .is_advice = scale->mode == SCALE_MODE_ADVISE};
}

/* Servers of s->scratch, as they were read. */
static void note_servers(struct scale *s, struct scaled_service *x, uint32_t count, int64_t now_ns)
{
    for (uint32_t i = 0; i < count && x->signals.levels; i++) {
        const struct server_knee *knee = collector_knee(x->collector, i);
        reconciler_note_pace(x->reconciler, s->scratch[i], collector_pace(x->collector, i), now_ns);
        if (reconciler_note_knee(x->reconciler, s->scratch[i], knee, x->capacity.knee, now_ns) &&
            knee->knee > 0)
            capacity_take_out(&x->capacity, knee->levels);
    }
}

/* On how many requests servers work at once is learned, and counts. */
static bool is_learning(const struct scaled_service *x)
{
    struct capacity_limits limits = capacity_limits_of(x);
    struct capacity_estimate e = capacity_get(&x->capacity, &limits);
    return x->provider && (e.source == CAPACITY_LEARNED || e.source == CAPACITY_START);
}

/* What has come back before, and is due within the time that a server asked for now takes to start. */
static void look_for_pattern(struct scaled_service *x)
{
    struct scale_signals *g = &x->signals;
    struct pattern_sample sample = {.requests = g->arrivals,
                                    .ready_per_s = x->has_decision ? x->decision.ready_per_s : 0,
                                    .horizon_ns = g->start_time_p90_ns,
                                    .wall_ns = g->wall_ns};
    pattern_note(x->pattern, &sample);
    g->foreseen_per_s = pattern_ahead(x->pattern, g->wall_ns);
}

static void read_signals(struct scale *s, struct scaled_service *x, int64_t now_ns)
{
    double quantile = x->config->scale.objective_quantile;
    struct collect_request request = {
        .service = x->service,
        .thread_count = s->fleet->thread_count,
        .servers = s->scratch,
        .server_count = reconciler_servers(x->reconciler, s->scratch, FLEET_SERVERS_MAX),
        .quantile = quantile > 0 && quantile < 1 ? quantile : 0.99,
        .is_learning = is_learning(x),
        .is_knee_known = x->capacity.knee > 0,
        .objective_ns = x->config->scale.objective_ns,
    };
    collector_read(x->collector, &request, now_ns, &x->signals);
    x->signals.wall_ns = s->is_wall_known ? now_ns + s->wall_offset_ns : 0;
    note_servers(s, x, request.server_count, now_ns);
    cpu_add_up(s->cpu, s->scratch, request.server_count, now_ns, &x->signals);
    per_second_note(&x->arrivals, x->signals.arrivals, now_ns);
    place_time_note(&x->place_time, x->signals.finished, x->signals.busy_ns, now_ns);
    struct reconciler_numbers n = reconciler_numbers(x->reconciler);
    x->signals.start_times = n.starts[START_COLD].count + n.starts[START_WARM].count;
    x->signals.start_time_median_ns = n.starts[n.next_start].median_ns;
    x->signals.start_time_p90_ns = n.starts[n.next_start].p90_ns;
    x->signals.start_time_cold_p90_ns = n.starts[START_COLD].p90_ns;
    x->signals.start_oldest_age_ns = n.start_oldest_asked_ns ? MAX(now_ns - n.start_oldest_asked_ns, 0) : 0;
    look_for_pattern(x);
}

static void tell_decision(struct scale *s, struct scaled_service *x)
{
    const struct scale_decision *d = &x->decision;
    bool is_up = d->target > d->target_before;
    x->change = *d;
    x->has_change = true;
    if (is_up)
        x->ups_total++;
    else
        x->downs_total++;
    struct scale_event e = {.kind = is_up ? SCALE_EVENT_SCALE_UP : SCALE_EVENT_SCALE_DOWN,
                            .now_ns = d->at_ns,
                            .service = x->service,
                            .reason = d->reason,
                            .last_lines = "",
                            .decision = d};
    s->effects.on_event(s->effects.context, &e);
}

static void tell_advice(struct scale *s, const struct scaled_service *x)
{
    struct scale_event e = {.kind = SCALE_EVENT_SCALE_ADVICE,
                            .now_ns = x->decision.at_ns,
                            .service = x->service,
                            .reason = x->decision.reason,
                            .last_lines = "",
                            .decision = &x->decision};
    s->effects.on_event(s->effects.context, &e);
}

static void note_story(struct scaled_service *x)
{
    const struct collect_outcomes *o = collector_outcomes(x->collector);
    story_note(&x->story, &(struct story_moment){
                              .signals = &x->signals,
                              .decision = &x->decision,
                              .arrivals_per_s = per_second_recent(&x->arrivals, x->signals.now_ns),
                              .wait_longest_ns = o->wait_longest_ns,
                              .outcomes = {.answered = o->answered,
                                           .late = o->late,
                                           .refused = o->refused,
                                           .aborted = o->aborted},
                          });
}

static void decide(struct scale *s, struct scaled_service *x, int64_t now_ns)
{
    struct capacity_limits capacity_limits = capacity_limits_of(x);
    struct policy_limits policy_limits = scale_policy_limits_of(x);
    capacity_observe(&x->capacity, &capacity_limits, &x->signals);
    if (!x->provider || x->is_removed || s->is_frozen || x->is_held)
        return;
    struct capacity_estimate capacity = capacity_get(&x->capacity, &capacity_limits);
    capacity.in_flight = reconciler_mean_capacity(x->reconciler, capacity.in_flight);
    x->decision = scale_decide(&x->policy, &policy_limits, &capacity, &x->signals);
    x->has_decision = true;
    note_story(x);
    if (x->decision.is_change)
        tell_decision(s, x);
    if (x->decision.is_advice_change)
        tell_advice(s, x);
    struct reconciler_want want = {.count = x->decision.target,
                                   .capacity = capacity.in_flight,
                                   .limit = capacity.limit,
                                   .slow_start = policy_limits.is_advice ? 0 : capacity.slow_start,
                                   .fill_to = policy_limits.is_advice ? 0 : capacity.fill_to,
                                   .try_to = policy_limits.is_advice ? 0 : capacity.try_to};
    reconciler_want(x->reconciler, &want, now_ns);
}

/* How many servers there may be, for all that is known now; a number set by hand may end. */
static uint32_t up_max(const struct scale *s, const struct scaled_service *x)
{
    if (s->is_frozen || x->is_removed)
        return 0;
    if (x->has_manual && (x->manual > 0 || x->manual_until_ns == 0))
        return x->manual;
    if (x->config->scale.mode == SCALE_MODE_ADVISE) /* the number is left as it is, but for the last server */
        return MAX(x->policy.target, MAX(x->config->scale.servers_min, 1));
    return x->config->scale.servers_max;
}

static uint32_t coming_of(const struct reconciler_numbers *n)
{
    return n->by_state[SERVER_REQUESTED] + n->by_state[SERVER_STARTING];
}

/* What the data threads tell those whom they turn away. */
static void publish_retry_after(struct scaled_service *x, const struct reconciler_numbers *n, int64_t now_ns)
{
    struct retry_after_facts facts = {
        .has_available = n->available > 0,
        .start_time_ns = n->starts[n->next_start].p90_ns,
        .start_age_ns = n->start_oldest_asked_ns ? MAX(now_ns - n->start_oldest_asked_ns, 0) : 0,
        .back_off_ns = MAX(n->back_off_until_ns - now_ns, 0),
        .is_starting = coming_of(n) > 0,
    };
    atomic_store_explicit(&x->service->retry_after_s, retry_after_s(&facts), memory_order_relaxed);
}

/* What the queue judges by whether waiting has any prospect. Fixed servers may come and go as they like. */
static struct outlook outlook_of(const struct scale *s, const struct scaled_service *x,
                                 const struct reconciler_numbers *n, int64_t now_ns)
{
    if (!x->provider || x->is_held)
        return (struct outlook){0};
    bool is_off_for_now = x->has_manual && x->manual == 0;
    struct foresee_facts facts = {
        .there = n->there,
        .coming = coming_of(n),
        .up_max = up_max(s, x),
        .place_limit = n->place_limit,
        .is_one_imminent = n->has_adopted_coming,
        .start_ns = n->starts[n->next_start].fastest_ns,
        .asked_ns = n->start_oldest_asked_ns,
        .not_before_ns = is_off_for_now ? x->manual_until_ns : n->back_off_until_ns,
        .place_ns = place_time_shortest_ns(&x->place_time),
    };
    return foresee(&facts, now_ns);
}

/* First what the refused are told, then who they are. */
void scale_tell_prospects(const struct scale *s, struct scaled_service *x, int64_t now_ns)
{
    struct reconciler_numbers n = reconciler_numbers(x->reconciler);
    publish_retry_after(x, &n, now_ns);
    struct outlook outlook = outlook_of(s, x, &n, now_ns);
    if (s->foresee)
        s->foresee(s->effects.context, x->service, &outlook);
}

static void tell_manual(struct scale *s, struct scaled_service *x, const char *reason, int64_t now_ns)
{
    struct scale_event e = {.kind = SCALE_EVENT_SCALE_MANUAL,
                            .now_ns = now_ns,
                            .service = x->service,
                            .reason = reason,
                            .last_lines = ""};
    s->effects.on_event(s->effects.context, &e);
    reconciler_end_back_off(x->reconciler);
}

/* A number that was set by hand for some time only goes back to the policy. */
static void end_manual(struct scale *s, struct scaled_service *x, int64_t now_ns)
{
    if (!x->has_manual || x->manual_until_ns == 0 || now_ns < x->manual_until_ns || s->is_frozen)
        return;
    x->has_manual = false;
    tell_manual(s, x, "the time set by hand is over: given back to the policy", now_ns);
}

static void tick_service(struct scale *s, struct scaled_service *x, int64_t now_ns)
{
    end_manual(s, x, now_ns);
    reconciler_tick(x->reconciler, now_ns);
    read_signals(s, x, now_ns);
    decide(s, x, now_ns);
    scale_tell_prospects(s, x, now_ns);
    if (x->signals.available > 0)
        atomic_store_explicit(&x->service->is_waking, 0, memory_order_relaxed);
    forget_if_empty(s, x);
}

void scale_set_wall_clock(struct scale *s, int64_t wall_ns, int64_t now_ns)
{
    s->is_wall_known = true;
    s->wall_offset_ns = wall_ns - now_ns;
}

void scale_tick(struct scale *s, int64_t now_ns)
{
    if (s->held_until_ns && now_ns >= s->held_until_ns)
        end_hold(s);
    for_each_scaled (s, x)
        tick_service(s, x, now_ns);
}

static bool needs_a_look(struct scale *s, const struct scaled_service *x)
{
    if (atomic_load_explicit(&x->service->is_waking, memory_order_relaxed))
        return true;
    uint32_t count = reconciler_servers(x->reconciler, s->scratch, FLEET_SERVERS_MAX);
    for (uint32_t i = 0; i < count; i++)
        if (atomic_load_explicit(&s->scratch[i]->is_refusing, memory_order_relaxed))
            return true;
    return false;
}

void scale_wake(struct scale *s, int64_t now_ns)
{
    for_each_scaled (s, x)
        if (needs_a_look(s, x))
            tick_service(s, x, now_ns);
}

void scale_freeze(struct scale *s)
{
    s->is_frozen = true;
    for_each_scaled (s, x)
        reconciler_freeze(x->reconciler);
}

/* --- by hand ---------------------------------------------------------------------------------------- */

static struct scaled_service *find_scaled(struct scale *s, struct service *service, struct err *err)
{
    struct scaled_service *x = scale_find(s, service);
    if (x && x->provider && !x->is_removed && !s->is_frozen)
        return x;
    if (s->is_frozen)
        (void)err_set(err, "Weir is shutting down");
    else if (x && !x->provider)
        (void)err_set(err, "%s has %s", service->name,
                      x->config->discover.source == DISCOVER_NONE
                          ? "fixed servers: their number is in the configuration"
                          : "discovered servers: their number is what its source says");
    else
        (void)err_set(err, "%s is not scaled", service->name);
    return NULL;
}

bool scale_set_replicas(struct scale *s, struct service *service, uint32_t count, int64_t for_ns,
                        int64_t now_ns, struct err *err)
{
    ASSERT(for_ns >= 0);
    struct scaled_service *x = find_scaled(s, service, err);
    if (!x)
        return false;
    if (count > x->config->scale.servers_max)
        return err_set(err, "%u is more than the maximum of %u servers", count, x->config->scale.servers_max);
    char reason[96], text[UNITS_TEXT_BYTES];
    (void)snprintf(reason, sizeof(reason), "set to %u by hand%s%s", count, for_ns ? " for " : "",
                   for_ns ? units_format_duration(text, for_ns) : "");
    x->has_manual = true;
    x->manual = count;
    x->manual_until_ns = for_ns ? now_ns + for_ns : 0;
    x->manual_changes++;
    tell_manual(s, x, reason, now_ns);
    tick_service(s, x, now_ns);
    return true;
}

bool scale_clear_replicas(struct scale *s, struct service *service, int64_t now_ns, struct err *err)
{
    struct scaled_service *x = find_scaled(s, service, err);
    if (!x)
        return false;
    x->has_manual = false;
    x->manual_changes++;
    tell_manual(s, x, "given back to the policy", now_ns);
    tick_service(s, x, now_ns);
    return true;
}

bool scale_drain_server(struct scale *s, struct server *server, int64_t now_ns, struct err *err)
{
    struct scaled_service *x = scale_find(s, server->service);
    if (!x)
        return err_set(err, "%s belongs to no service that is scaled", server->name);
    return reconciler_drain(x->reconciler, server, now_ns, err);
}

bool scale_ready_server(struct scale *s, struct server *server, int64_t now_ns, struct err *err)
{
    struct scaled_service *x = scale_find(s, server->service);
    if (!x)
        return err_set(err, "%s belongs to no service that is scaled", server->name);
    return reconciler_ready(x->reconciler, server, now_ns, err);
}

/* --- history ------------------------------------------------------------------------------------------ */

uint32_t scale_history(const struct scale *s, const struct service *service, int64_t after, uint32_t max,
                       struct scale_minute ret_minutes[])
{
    const struct scaled_service *x = scale_find(s, service);
    uint32_t count = 0;
    if (!x)
        return 0;
    for (int64_t m = MAX(after + 1, x->pattern->first); m <= x->pattern->minute && count < max; m++)
        if (pattern_get(x->pattern, m, &ret_minutes[count].rate))
            ret_minutes[count++].minute = m;
    return count;
}

void scale_history_restore(struct scale *s, const struct service *service, struct scale_minute minute)
{
    struct scaled_service *x = scale_find(s, service);
    if (x)
        pattern_restore(x->pattern, minute.minute, minute.rate);
}

/* --- what can be seen ------------------------------------------------------------------------------- */

bool scale_last(const struct scale *s, const struct service *service, struct scale_signals *ret_signals,
                struct scale_decision *ret_decision)
{
    const struct scaled_service *x = scale_find(s, service);
    if (!x || !x->has_decision)
        return false;
    *ret_signals = x->signals;
    *ret_decision = x->decision;
    return true;
}

bool scale_view_of(const struct scale *s, const struct service *service, struct scale_view *ret_view)
{
    const struct scaled_service *x = scale_find(s, service);
    if (!x)
        return false;
    struct capacity_limits limits = capacity_limits_of(x);
    *ret_view = (struct scale_view){
        .service = x->service,
        .config = x->config,
        .provider = x->provider,
        .is_held = x->is_held,
        .numbers = reconciler_numbers(x->reconciler),
        .capacity = capacity_get(&x->capacity, &limits),
        .bounds = bounds_limits_of(x),
        .has_manual = x->has_manual,
        .manual = x->manual,
        .manual_until_ns = x->manual_until_ns,
        .decision = x->has_decision ? &x->decision : NULL,
        .change = x->has_change ? &x->change : NULL,
        .ups_total = x->ups_total,
        .downs_total = x->downs_total,
        .signals = &x->signals,
        .restored = &x->restored,
        .story = &x->story,
        .arrivals = &x->arrivals,
        .pattern = x->pattern,
    };
    return true;
}

bool scale_kept_of(struct scale *s, const struct service *service, struct scale_kept *ret_kept)
{
    struct scaled_service *x = scale_find(s, service);
    if (!x)
        return false;
    *ret_kept = (struct scale_kept){
        .service = x->service,
        .config = x->config,
        .is_scaled = x->provider != NULL,
        .capacity = &x->capacity,
        .policy = &x->policy,
        .reconciler = x->reconciler,
        .has_manual = &x->has_manual,
        .manual = &x->manual,
        .manual_until_ns = &x->manual_until_ns,
        .manual_changes = x->manual_changes,
        .restored = &x->restored,
        .capacity_limits = capacity_limits_of(x),
        .policy_limits = scale_policy_limits_of(x),
        .effects = &s->effects,
    };
    return true;
}

uint32_t scale_services(const struct scale *s, const struct service *ret_services[FLEET_SERVICES_MAX])
{
    uint32_t count = 0;
    for_each_scaled (s, x)
        ret_services[count++] = x->service;
    return count;
}

int scale_pid(const struct scale *s, const struct server *server)
{
    const struct scaled_service *x = scale_find(s, server->service);
    return x ? reconciler_pid(x->reconciler, server) : 0;
}

const char *scale_bad_probe(const struct scale *s, const struct server *server)
{
    const struct scaled_service *x = scale_find(s, server->service);
    return x ? reconciler_bad_probe(x->reconciler, server) : "";
}

void scale_write_server(const struct scale *s, const struct server *server, int64_t now_ns, struct json *j)
{
    const struct scaled_service *x = scale_find(s, server->service);
    if (x)
        reconciler_write_server(x->reconciler, server, now_ns, j);
}
