/*
 * scale.h: the face of this room: all services' signals, capacity, policy and reconciler behind a few calls.
 * Control thread only, nothing here blocks. Control calls scale_tick() every 100 ms and hands on what
 * providers, probes and people say.
 *
 * No call of this header may be made from inside one of the effects.
 */
#pragma once
#include "fleet/outlook.h"
#include "scale/cpu.h"
#include "scale/reconciler.h"

enum { SCALE_TICK_MS = 100 };

struct scale;

struct scale_params {
    struct fleet *fleet;               /* borrowed */
    struct reconciler_effects effects; /* copied; see reconciler.h: publish, offer, probe, on_event */
    /* How the chances of those who wait for a service stand from now on. With effects.context; NULL is fine.
     */
    void (*foresee)(void *context, struct service *service, const struct outlook *outlook);
    uint64_t seed; /* jitter; any value */
};

struct scale *scale_new(const struct scale_params *params);
void scale_free(struct scale *s); /* servers are left as they are; NULL is fine */

/*
 * service: already in the fleet; config borrowed until the next scale_add_service of the same service or its
 * removal has ended. provider NULL: config's fixed servers, or discovered ones. Called again for a service
 * that is known it takes the new configuration (reload). The servers appear with the next tick.
 */
void scale_add_service(struct scale *s, struct service *service, const struct config_service *config,
                       struct provider *provider, int64_t now_ns);
/* No longer configured: its servers are drained and stopped; forgotten when the last is gone (scale_knows
 * turns false). */
void scale_remove_service(struct scale *s, struct service *service, int64_t now_ns);
bool scale_knows(const struct scale *s, const struct service *service);

/*
 * What a service has learned, as text that another worker can take up where this one left off: capacity,
 * start times, how its load behaves, and what was set by hand. wall_ns: the wall clock at now_ns. *ret_digest
 * is another one when anything but the passing of time has changed since. False: the service is not known.
 */
bool scale_save(struct scale *s, const struct service *service, int64_t now_ns, int64_t wall_ns,
                struct buf *out, uint64_t *ret_digest);
/*
 * Takes up such a text, best before the first tick; an event tells. Whole or not at all: false when it does
 * not fit, whatever it is. When the servers run another command or environment than then, what they carry and
 * how long they start is learned anew. A number set by hand meanwhile stands. After a short pause as many
 * servers as then are wanted until the load of now is known.
 */
bool scale_restore(struct scale *s, struct service *service, struct str text, int64_t now_ns,
                   int64_t wall_ns);

/*
 * After all services were added in a worker that may have had a predecessor: asks every provider what exists.
 * A service starts no server until scale_on_observed() of its provider: one over an engine (ops->status) is
 * waited for however long that takes, while the others go on; the supervisor for 2 s. strays: a provider that
 * tells of servers of all services, and is asked to stop those of services that are not configured; may be
 * NULL.
 */
void scale_observe(struct scale *s, struct provider *strays, int64_t now_ns);
void scale_on_observed(struct scale *s, const struct provider *provider, int64_t now_ns);

/* What time it is for people: for what comes back daily, and for schedules. Before each tick, since that
 * clock may be set; never told, the wall clock counts as unknown. */
void scale_set_wall_clock(struct scale *s, int64_t wall_ns, int64_t now_ns);
/* Reads the signals, decides, moves servers. */
void scale_tick(struct scale *s, int64_t now_ns);
/* The data plane woke control: the same as a tick, but only for services that are waking or have a refusing
 * server. */
void scale_wake(struct scale *s, int64_t now_ns);
/* Weir is going down: nothing is decided, started or stopped from now on. */
void scale_freeze(struct scale *s);

/* provider_sink's words with the time. key: "SERVICE/SERVER". */
void scale_on_started(struct scale *s, const char *key, const struct addr *address, int pid, int64_t now_ns);
void scale_on_start_failed(struct scale *s, const char *key, const char *reason, int64_t now_ns);
void scale_on_exited(struct scale *s, const char *key, const char *reason, const char *last_lines,
                     int64_t now_ns);
void scale_on_coming(struct scale *s, const char *key, int64_t now_ns);
void scale_on_facts(struct scale *s, const char *key, const struct provider_facts *facts, int64_t now_ns);
void scale_on_stopping(struct scale *s, const char *key, const char *reason, int64_t now_ns);
bool scale_on_spared(struct scale *s, const char *key, const char *reason, int64_t now_ns);
void scale_on_trouble(struct scale *s, const struct provider *provider,
                      const struct provider_trouble *trouble, int64_t now_ns);
void scale_on_recovered(struct scale *s, const struct provider *provider, int64_t for_ns, int64_t now_ns);
/* The outcome of one probe of a server that effects.probe asked for. */
void scale_on_probe(struct scale *s, struct server *server, bool is_good, const char *detail, int64_t now_ns);

/* What discovery found for a service whose configuration says `discover`: the whole list, copied. */
void scale_set_addresses(struct scale *s, struct service *service, const struct addr *addresses,
                         uint32_t count, int64_t now_ns);
/* What a server has used, about once a second, where somebody can tell. A reading that is told again changes
 * nothing. */
void scale_on_usage(struct scale *s, const struct server *server, const struct scale_usage *usage);

/* By hand; false with a reason. count: 0..MAX, below MIN too; refused for fixed servers. for_ns: then the
 * policy decides again, and an event tells so; 0: until told otherwise. */
bool scale_set_replicas(struct scale *s, struct service *service, uint32_t count, int64_t for_ns,
                        int64_t now_ns, struct err *err);
bool scale_clear_replicas(struct scale *s, struct service *service, int64_t now_ns, struct err *err);
bool scale_drain_server(struct scale *s, struct server *server, int64_t now_ns, struct err *err);
bool scale_ready_server(struct scale *s, struct server *server, int64_t now_ns, struct err *err);

/* The process of a server that runs on this host; 0: none is known. */
int scale_pid(const struct scale *s, const struct server *server);
/* What its last probe said, if that was bad; else "". Until the next one. */
const char *scale_bad_probe(const struct scale *s, const struct server *server);
/* Copies the last signals and the last decision; false before the first tick. For the simulator, explain and
 * tests. */
bool scale_last(const struct scale *s, const struct service *service, struct scale_signals *ret_signals,
                struct scale_decision *ret_decision);

/*
 * Adds to an open object: provider, servers_min, servers_max, target, needed, advised (number or null),
 * manual (number or null), manual_seconds_left (number or null), available, states {…}, capacity {in_flight,
 * source, service_seconds}, start_seconds {median, p90, count, next, cold, warm}, starts, start_failures,
 * deaths, back_off_seconds, now {numbers of the present decision}, last_change {numbers of the last decision
 * that changed something, or null}.
 */
void scale_write_service(const struct scale *s, const struct service *service, int64_t now_ns,
                         struct json *j);
/*
 * Adds to an open object what `weir explain` tells: objective, seen {present load and latency},
 * unchanged_seconds, restored {ago_seconds, age_seconds} or null, why, episodes_total, episodes [newest
 * first, at most `count_max`] (docs/reference/api.md). wall_ns: the wall clock at now_ns.
 */
void scale_write_explanation(const struct scale *s, const struct service *service, uint32_t count_max,
                             int64_t now_ns, int64_t wall_ns, struct json *j);
/*
 * What comes back is found in what came each minute of the last weeks (pattern.h), in requests a second; the
 * caller keeps it beyond this worker. Gives the minutes that are known after `after` (since 1970, UTC),
 * oldest first, at most `max`; returns how many.
 */
struct scale_minute {
    int64_t minute;
    double rate;
};
uint32_t scale_history(const struct scale *s, const struct service *service, int64_t after, uint32_t max,
                       struct scale_minute ret_minutes[]);
void scale_history_restore(struct scale *s, const struct service *service, struct scale_minute minute);
/*
 * Adds to an open object what came each second: first_second, when counting began; from_second, the first of
 * the following; requests [one number a second, up to the last that is over]. from: the second to begin with;
 * those that are forgotten are left out. For a service that is not known all are null and empty.
 */
void scale_write_arrivals(const struct scale *s, const struct service *service, int64_t from, struct json *j);
/* Adds to an open object: pid, since_seconds, reason, … */
void scale_write_server(const struct scale *s, const struct server *server, int64_t now_ns, struct json *j);
/* Prometheus rows of this room, whole families. */
void scale_write_metrics(const struct scale *s, struct buf *out);
