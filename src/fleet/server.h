/*
 * server.h: a server that requests are sent to: identity, life, and the exact count of requests in flight.
 *
 * Servers live in the slots of one fixed table (fleet.h), so a pointer to one is always readable. Who writes
 * what:
 * - the control thread: everything until the server is shown in a snapshot; state and max_requests afterwards
 * - any thread: in_flight (compare-and-swap), is_refusing, first_answer_ns (once)
 * - data thread T: cells[T]
 */
#pragma once
#include "base/str.h"
#include "base/addr.h"
#include "fleet/let_in.h"
#include "stats/cells.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The life of a server. Only the reconciler (scale) moves a server from one state to the next. */
#define SERVER_STATES(X)                                                                                     \
    X(REQUESTED, requested, "the provider was asked for it")                                                 \
    X(STARTING, starting, "it exists; no good probe yet")                                                    \
    X(WARMING, warming, "first good probe; share of traffic grows")                                          \
    X(SERVING, serving, "gets its full share")                                                               \
    X(DRAINING, draining, "gets nothing new; its requests end")                                              \
    X(STOPPING, stopping, "the provider was asked to stop it")                                               \
    X(GONE, gone, "it exists no longer")                                                                     \
    X(FAILED, failed, "did not start, or died; waits for its back-off")
#define SERVER_STATE_ENUM(upper, lower, help) SERVER_##upper,
enum server_state { SERVER_STATES(SERVER_STATE_ENUM) SERVER_STATE_COUNT };
const char *server_state_name(enum server_state s);
static inline bool server_state_takes_requests(enum server_state s)
{
    return s == SERVER_WARMING || s == SERVER_SERVING;
}

enum { SERVER_NAME_BYTES = 64 };

struct service;

struct server {
    /* Fixed while the slot is in use. */
    uint32_t slot;
    uint64_t id;            /* never used again; 0: the slot is free */
    uint64_t removed_epoch; /* 0: in use; else the last epoch that could name it (fleet_remove_server) */
    char name[SERVER_NAME_BYTES]; /* "shop-3" or "10.0.0.1:8000" */
    struct service *service;
    struct addr address;

    /* Written by control, read by all. */
    _Atomic int state;            /* enum server_state */
    _Atomic int is_healthy;       /* active probes' verdict */
    _Atomic int32_t max_requests; /* 0 = no limit */
    _Atomic int32_t
        slow_start; /* while max_requests is 0: let_in is the limit, and at least this; 0: no limit */
    _Atomic int32_t fill_to; /* requests it is given before others get any, if it is its service's `filled` */

    /* Written once by whichever data thread sees it first. */
    _Atomic int64_t first_answer_ns; /* how long its first good answer took; 0: there was none yet */

    /* Written by all: alone on its cache line. */
    _Alignas(64) _Atomic int32_t in_flight;
    _Atomic int is_refusing; /* a data thread saw a refused connection; control clears it on a good probe */
    char padding_[56];

    struct let_in let_in; /* how many of those who wait it gets while it has no limit */

    struct server_cells *cells[THREADS_MAX]; /* NULL beyond the thread count */
};

static inline bool server_can_take(const struct server *s) /* eligible now, limits aside */
{
    return server_state_takes_requests(
               (enum server_state)atomic_load_explicit(&s->state, memory_order_relaxed)) &&
           atomic_load_explicit(&s->is_healthy, memory_order_relaxed) &&
           !atomic_load_explicit(&s->is_refusing, memory_order_relaxed);
}

/* Requests in flight that it may have now; 0: any number. */
static inline int32_t server_limit(const struct server *s)
{
    int32_t limit = atomic_load_explicit(&s->max_requests, memory_order_relaxed);
    int32_t least = limit ? 0 : atomic_load_explicit(&s->slow_start, memory_order_relaxed);
    return least ? let_in_max(&s->let_in, least) : limit;
}

/* Takes one of the server's places (server_limit), or fails. Exact over all threads. Any thread. */
bool server_slot_take(struct server *s);
/* Any thread. Whoever releases must let the service's queue move: use queue_release() of proxy/queue.h. */
void server_slot_release(struct server *s);
/* Sequentially consistent, so that who has just queued cannot miss a slot that was just given back
 * (proxy/queue.c). */
static inline int32_t server_in_flight(const struct server *s)
{
    return atomic_load_explicit(&s->in_flight, memory_order_seq_cst);
}
