/*
 * reconciler.h: drives the servers of one service through their life towards the number wanted. The only
 * writer of server->state, is_healthy and max_requests. No thread, no clock, no socket: `now` and all effects
 * are parameters. Control thread.
 *
 * Inputs are facts (the provider says, a probe says, the policy wants); each call notes the fact, moves
 * servers, and at its end publishes once if the set of servers that take requests changed. The states, their
 * transitions: the table in life.h.
 */
#pragma once
#include "base/random.h"
#include "fleet/fleet.h"
#include "provider/provider.h"
#include "scale/events.h"
#include "scale/start_times.h"

struct reconciler;
struct server_pace; /* server_pace.h */
struct server_knee; /* server_knee.h */

enum probe_pace {
    PROBE_NEVER, /* forget the server: its slot may go to another soon */
    PROBE_SLOW,  /* health.interval_ns */
    PROBE_FAST,  /* health.start_interval_ns: it starts, or was taken out for refusing */
};

/* What the reconciler does to the world. None may call back into the reconciler or into scale. */
struct reconciler_effects {
    void *context;
    /*
     * The set of servers in state warming or serving changed: build, publish and wake before returning.
     * False: no new snapshot could be had; it is asked again at the next call, and no slot is given back
     * until then.
     */
    bool (*publish)(void *context);
    /* The server may have room for waiting requests now (healthy again, limit raised): queue_offer(). */
    void (*offer)(void *context, struct server *s);
    /* Watch this server at that pace from now on, at once when it is new. Each result: reconciler_on_probe().
     */
    void (*probe)(void *context, struct server *s, enum probe_pace pace);
    /* For the ledger. */
    void (*on_event)(void *context, const struct scale_event *e);
};

struct reconciler_params {
    struct fleet *fleet;                      /* borrowed */
    struct service *service;                  /* borrowed */
    const struct config_service *config;      /* borrowed until reconciler_set_config */
    struct provider *provider;                /* borrowed; NULL: listed servers, fixed or discovered */
    const struct reconciler_effects *effects; /* borrowed */
    uint64_t seed;                            /* of the back-off's jitter; not 0 */
};

struct reconciler_numbers {
    uint32_t by_state[SERVER_STATE_COUNT];
    uint32_t available;            /* take requests now */
    uint32_t there;                /* take requests now or may at any moment: unwell, or draining */
    uint32_t place_limit;          /* of one server at full share; 0: no limit */
    uint64_t starts_total;         /* servers asked for */
    uint64_t start_failures_total; /* of these: never had a good probe, unasked */
    uint64_t deaths_total;      /* ended unasked after the first good probe, or was given up as unhealthy */
    uint32_t failures_in_a_row; /* steps of the back-off; 0: fine */
    int64_t back_off_until_ns;  /* no start before; 0 or past: none */
    uint32_t narrow;            /* take requests, and work on clearly fewer at once than the others */
    uint32_t slow;              /* take requests, and are clearly slower than the others */
    struct start_summary starts[START_CLASS_COUNT];
    enum start_class next_start;   /* of a server asked for now */
    int64_t start_oldest_asked_ns; /* when the longest of the present starts was asked for; 0: none */
    bool has_adopted_coming;       /* one that is to have its first good probe was found, not asked for */
};

/* Fixed servers are created by the first reconciler_tick. */
struct reconciler *reconciler_new(const struct reconciler_params *params, int64_t now_ns);
/* Forgets the servers without touching them in the fleet or at the provider. */
void reconciler_free(struct reconciler *r); /* NULL is fine */
/* A reload: limits and timeouts count from now on; fixed servers that came are added, those that went are
 * drained. */
void reconciler_set_config(struct reconciler *r, const struct config_service *config,
                           struct provider *provider, int64_t now_ns);

/* What discovery found, the whole list: what is new is probed first, what is missing is drained. Copied. For
 * services whose configuration says `discover`. */
void reconciler_set_addresses(struct reconciler *r, const struct addr *addresses, uint32_t count,
                              int64_t now_ns);

/* What the policy and the capacity model want of a service with a provider. */
struct reconciler_want {
    uint32_t count;      /* servers */
    double capacity;     /* of one server, for the slow start; >= 1 */
    uint32_t limit;      /* requests in flight of one server; 0: none */
    uint32_t slow_start; /* without a limit: so many at first (fleet/let_in.h); 0: any number */
    uint32_t fill_to;    /* so many the oldest serving server gets before the others get any; 0: none */
    uint32_t try_to; /* rather than that, so many the oldest gets that was not tried, as long as fewer than
                        two were (server_knee.h), whatever the limit; 0: none */
};
void reconciler_want(struct reconciler *r, const struct reconciler_want *want, int64_t now_ns);
/* Deadlines, drains, back-offs, refusing flags. Every 100 ms. */
void reconciler_tick(struct reconciler *r, int64_t now_ns);
/* From now on nothing is started, stopped or replaced; deaths are still taken out of the snapshot. Weir is
 * going down. */
void reconciler_freeze(struct reconciler *r);
/* While held, no server is started (what exists is being told: observe); facts are taken and want is
 * remembered. */
void reconciler_hold(struct reconciler *r, bool is_held);
/* While the engine that servers come from is away, none is started, and a start that was asked for has time;
 * servers that run are what they were. */
void reconciler_note_engine(struct reconciler *r, bool is_away, int64_t now_ns);
/* The service was removed from the configuration: drain and stop all. reconciler_is_empty() tells the end. */
void reconciler_retire(struct reconciler *r, int64_t now_ns);
/* People said to go on: the next start does not wait. */
void reconciler_end_back_off(struct reconciler *r);
bool reconciler_is_empty(const struct reconciler *r);

/* Facts. name is the part of the provider's key behind the slash. An unknown name that started is adopted. */
void reconciler_on_started(struct reconciler *r, struct str name, const struct addr *address, int pid,
                           int64_t now_ns);
/* What the engine tells of it; a server that is not known is ignored. */
void reconciler_on_facts(struct reconciler *r, struct str name, const struct provider_facts *facts,
                         int64_t now_ns);
/* One that nobody asked for here is on its way, and has no address yet. */
void reconciler_on_coming(struct reconciler *r, struct str name, int64_t now_ns);
/* The engine is ending it unasked: it gets nothing new, and cannot come back. */
void reconciler_on_stopping(struct reconciler *r, struct str name, const char *reason, int64_t now_ns);
/* It was to be stopped, but the engine ended another: it is probed, and serves again. False: it had failed,
 * or had no address yet, and does not come back under this name. */
bool reconciler_on_spared(struct reconciler *r, struct str name, const char *reason, int64_t now_ns);
void reconciler_on_start_failed(struct reconciler *r, struct str name, const char *reason, int64_t now_ns);
void reconciler_on_exited(struct reconciler *r, struct str name, const char *reason, const char *last_lines,
                          int64_t now_ns);
/* detail: "status 500", "connection refused"; for the story. A server that is not (or no longer) probed is
 * ignored. */
void reconciler_on_probe(struct reconciler *r, struct server *s, bool is_good, const char *detail,
                         int64_t now_ns);

/* How fast it answers beside the others, once a second. */
void reconciler_note_pace(struct reconciler *r, const struct server *s, const struct server_pace *pace,
                          int64_t now_ns);

/* On how many requests it works at once, beside what was learned of all; once a second. True when it is new
 * that it is narrow, or that it is not. */
bool reconciler_note_knee(struct reconciler *r, const struct server *s, const struct server_knee *knee,
                          double knee_of_all, int64_t now_ns);
/* Of the servers that are up, if most carry `of_one`. */
double reconciler_mean_capacity(const struct reconciler *r, double of_one);

/*
 * By hand. Drain: nothing new is sent; another server takes its place if one is needed. A fixed server then
 * stays drained until `ready`; one from a provider can be made ready again for drain_timeout, and is stopped
 * after that. False with a reason: 409.
 */
bool reconciler_drain(struct reconciler *r, struct server *s, int64_t now_ns, struct err *err);
bool reconciler_ready(struct reconciler *r, struct server *s, int64_t now_ns, struct err *err);

struct start_times *reconciler_start_times(struct reconciler *r); /* borrowed; to be kept and restored */
struct reconciler_numbers reconciler_numbers(const struct reconciler *r);
/* Borrows up to `max` of its servers, oldest first; returns how many. */
uint32_t reconciler_servers(const struct reconciler *r, struct server **ret_servers, uint32_t max);
/* The process that the provider told of; 0: none, or not one of its servers. */
int reconciler_pid(const struct reconciler *r, const struct server *s);
/* What its last probe said, if that was bad; "": it was good, or there was none. Until the next one. */
const char *reconciler_bad_probe(const struct reconciler *r, const struct server *s);
/* It has taken requests for as long as its start took (within limits): what it does now is work for them. */
bool reconciler_is_settled(const struct reconciler *r, const struct server *s, int64_t now_ns);
/* Adds pid, since_seconds, reason, … of a server to an open object. */
void reconciler_write_server(const struct reconciler *r, const struct server *s, int64_t now_ns,
                             struct json *j);
