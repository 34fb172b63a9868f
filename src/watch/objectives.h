/*
 * objectives.h: what services promise (`objectives:`) and how their error budgets fare: counts requests,
 * errors and slow requests of each, puts burn rates and what is left of the budgets on the board, and says
 * which minutes are to be kept. Pure; the time is a parameter.
 *
 * A service has up to two objectives: availability (bad: answered with 5xx) and latency (bad: slower than
 * stated). Without one stated nothing is counted.
 */
#pragma once
#include "base/buf.h"
#include "base/json.h"
#include "config/model.h"
#include "watch/board.h"

/* X(ID, name): the label `objective`. */
#define OBJECTIVE_KINDS(X)                                                                                   \
    X(AVAILABILITY, "availability")                                                                          \
    X(LATENCY, "latency")
#define OBJECTIVE_KIND_ID(id, name) OBJECTIVE_##id,
enum objective_kind { OBJECTIVE_KINDS(OBJECTIVE_KIND_ID) OBJECTIVE_KIND_COUNT };

/* Of one service, each tick. Totals since the worker started; may restart at 0. */
struct objectives_input {
    struct str service;
    const struct config_objectives *config;
    int64_t latency_ns; /* that is promised, and for which share; 0: none */
    double latency_quantile;
    uint64_t requests_total, errors_total, slow_total; /* slow: longer than latency_ns */
};

struct objectives;

/* wall_ns is the same moment as now_ns: minutes begin with those of the wall clock as it is now. */
struct objectives *objectives_new(int64_t now_ns, int64_t wall_ns);
void objectives_free(struct objectives *o); /* NULL is fine */

/* Once a tick and service. What changes (another limit) begins anew. */
void objectives_count(struct objectives *o, const struct objectives_input *input, int64_t now_ns);
/* After all of a tick: services that were not counted are gone. */
void objectives_end_tick(struct objectives *o);
void objectives_report(const struct objectives *o, struct board *b, int64_t now_ns);

/* Adds `objectives`, an array, to an open object. */
void objectives_write(const struct objectives *o, struct str service, struct json *j, int64_t now_ns);
void objectives_write_metrics(const struct objectives *o, struct buf *out, int64_t now_ns);

/* ---- what outlives the worker: numbers by the minute ---- */

enum { OBJECTIVE_SERIES_MAX = 3, OBJECTIVE_SERIES_BYTES = 48 };

struct objective_point {
    struct str service;
    const char *series;
    int64_t minute; /* of the wall clock, since 1970 */
    double value;
};

/* The names of a service's series, "" for those it has not. A latency of another limit is another series. */
void objectives_series(const struct objectives *o, struct str service,
                       char ret_names[OBJECTIVE_SERIES_MAX][OBJECTIVE_SERIES_BYTES]);
/* One minute that was kept; adds to what was counted since. */
void objectives_restore(struct objectives *o, const struct objective_point *point, int64_t now_ns,
                        int64_t wall_ns);
/* Nothing of the service is given to put() before this: ignorance would take the place of what is known. */
void objectives_note_restored(struct objectives *o, struct str service);
/* Calls put for the minutes that were counted since the last call, the present one included, which comes
 * again. */
void objectives_save(struct objectives *o, int64_t now_ns, int64_t wall_ns,
                     void (*put)(void *context, const struct objective_point *point), void *context);
