/*
 * driver.h: what a provider has to know of its engine, and no more. A driver is a table of plain, blocking
 * functions for one engine (Docker, a swarm, somebody's API, a program): list what there is, start one, stop
 * one, or set their number. All that providers have in common is managed.h's, which runs drivers on threads
 * of its own: retries and their back-off, rate limits, deadlines, polling, what belongs to whom after a
 * restart, and the words for the ledger.
 *
 * A driver keeps no truth. What exists is what list() says; what start() and stop() return is a hint that
 * makes the next list() come sooner.
 *
 * Threads: `call` functions (list, start, stop, set_count) are called one at a time on one thread; wait()
 * may run beside them on another. Both get the same driver, so what both use must not change after open().
 */
#pragma once
#include "base/addr.h"
#include "base/err.h"
#include "base/macros.h"
#include "config/model.h"
#include "provider/provider.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct driver; /* the driver's own */

enum {
    INSTANCE_ID_BYTES = 128,  /* a container's id, a task's, an instance's */
    INSTANCE_KEY_BYTES = 112, /* "SERVICE/SERVER" */
    INSTANCE_DETAIL_BYTES = 256,
    INSTANCES_MAX = 2048, /* of one service; more is an error of list() */
};

enum instance_state {
    INSTANCE_PENDING,  /* asked for, and not there yet: it may get an address later */
    INSTANCE_RUNNING,  /* it runs; whether it answers is for probes to say */
    INSTANCE_STOPPING, /* the engine is ending it, whoever asked for that: it must get nothing new */
    INSTANCE_ENDED,    /* it runs no more, but is still listed; `detail` says why */
};

#define INSTANCE_PRICE_MAX 1e9 /* what is told beyond it is no price */

/* One server as its engine knows it. A plain value. */
struct instance {
    char id[INSTANCE_ID_BYTES];   /* the engine's name for it: unique, never used twice */
    char key[INSTANCE_KEY_BYTES]; /* what start() was given; "" where the engine can't keep it */
    enum instance_state state;
    bool has_address;
    struct addr address; /* where it takes requests */
    int64_t started_ns;  /* wall clock; 0: not told */
    int pid;             /* its first process, if that is on this host; 0: not told */
    double price;        /* of an hour, up to INSTANCE_PRICE_MAX; 0: not told */
    bool is_unwell;      /* the engine's own health check says so, `detail` what; it only is told to people */
    char detail[INSTANCE_DETAIL_BYTES]; /* in the engine's own words: "exit code 137, out of memory" */
};

struct instance_list {
    uint32_t count;
    struct instance *items; /* owned by whoever called list(), from mem.h */
};

/* Cuts to what an instance holds, and makes control characters blanks: engines say what they like. */
void instance_set_detail(struct instance *i, const char *format, ...) PRINTF_LIKE(2, 3);
bool instance_list_has(const struct instance_list *list, const char *id);
/* Wall clock, from seconds since 1970 as an engine tells them; 0 for what no clock of a server shows. */
int64_t instance_time_ns(double seconds);

struct driver_failure {
    enum driver_fault fault;
    int64_t retry_after_ns; /* the engine said so; 0: it said nothing */
    bool is_harmless; /* nothing is wrong: it is at work on what people asked of it, and does this later */
    char text[PROVIDER_TEXT_BYTES]; /* a sentence with the engine's own words, without secrets */
};
/* Makes control characters blanks. Returns false, so that `return driver_fail(…)` reads well. */
bool driver_fail(struct driver_failure *f, enum driver_fault fault, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Limits of one call. */
struct driver_call {
    int64_t deadline_ns;             /* monotonic; the driver returns a failure by then */
    const atomic_bool *is_cancelled; /* Weir is going down: return soon */
};

/*
 * What a driver can do; with the words for people (`weir provider test`). What can be told of a server need
 * not be told of each: an API may know no price.
 *
 * STARTS_ONE: start(), for one server under a key of ours, else set_count(); never without STOPS_CHOSEN:
 * stop(), for the one that we name, else the engine chooses. KEEPS_KEYS: list() has the key that start() was
 * given, after our death, too. TELLS_ADDRESSES: every driver must, so far. TELLS_CHANGES: wait().
 * TELLS_PROCESSES: CPU and memory are read then. TELLS_PRICES: of two servers that may go the dearer goes.
 */
#define DRIVER_CAPABILITIES(X)                                                                               \
    X(STARTS_ONE, 0, "start one")                                                                            \
    X(STOPS_CHOSEN, 1, "stop the one that is chosen")                                                        \
    X(TELLS_ADDRESSES, 2, "tell addresses")                                                                  \
    X(TELLS_STARTS, 3, "tell when servers were started")                                                     \
    X(TELLS_CHANGES, 4, "tell changes at once")                                                              \
    X(KEEPS_KEYS, 5, "keep names while Weir is away")                                                        \
    X(TELLS_PROCESSES, 6, "tell processes of this host")                                                     \
    X(TELLS_PRICES, 7, "tell prices")                                                                        \
    X(TELLS_HEALTH, 8, "tell what its own health checks find")
#define DRIVER_CAPABILITY_ENUM(upper, bit, words) DRIVER_##upper = 1 << (bit),
enum { DRIVER_CAPABILITIES(DRIVER_CAPABILITY_ENUM) };

struct driver_ops {
    const char *name; /* as in `provider: docker` */
    uint32_t capabilities;

    /* service: borrowed for the driver's life. owner: a short text that is the same after each restart of
     * this Weir and another for every other Weir on the engine: marks what is ours. Does no I/O; fails only
     * for what `weir check` could not see. */
    struct driver *(*open)(const struct config_service *service, const char *owner, struct err *err);
    void (*close)(struct driver *d);

    /* Every instance of the service that is ours, ended ones among them while the engine lists them.
     * *ret_list is set on success only. A list that is not surely whole is a failure, never a shorter list.
     */
    bool (*list)(struct driver *d, const struct driver_call *call, struct instance_list *ret_list,
                 struct driver_failure *f);
    /* Starts one server for `key`. Idempotent: where that key's server exists already it is returned, unless
     * it has ended: then what is left of it is removed, and a new one started. A failure does not say that
     * nothing was started; list() will tell. */
    bool (*start)(struct driver *d, const struct driver_call *call, const char *key,
                  struct instance *ret_instance, struct driver_failure *f);
    /* Asks one to end, and removes what is left of one that has ended; fine when it is gone. Need not wait
     * for the end: list() tells, and the call comes again, with stop_timeout_ns 0, when the server is still
     * there after its time, and for what is listed as ended. An engine that counts wants one less from then
     * on. Without DRIVER_STOPS_CHOSEN: NULL. */
    bool (*stop)(struct driver *d, const struct driver_call *call, const struct instance *instance,
                 int64_t stop_timeout_ns, struct driver_failure *f);
    /* So many servers in all: absolute, so that saying it twice does no harm. count_before: the number
     * that was said or seen last. NULL with DRIVER_STARTS_ONE. */
    bool (*set_count)(struct driver *d, const struct driver_call *call, uint32_t count, uint32_t count_before,
                      struct driver_failure *f);
    /* Blocks until something may have changed (true), or the deadline (true), or a failure. NULL: polled. */
    bool (*wait)(struct driver *d, const struct driver_call *call, struct driver_failure *f);
};
