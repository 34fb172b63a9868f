/*
 * admin.h: the admin listener: JSON API, Prometheus metrics, health of Weir itself, the page. Runs on
 * control's loop.
 *
 * It reads the fleet and the proxy's counters itself; what it cannot see (events, alerts, host, decisions) it
 * asks of control through admin_ops. Every function of admin_ops runs on the control thread and must not
 * block.
 */
#pragma once
#include "admin/history_query.h"
#include "base/err.h"
#include "base/json.h"
#include "config/model.h"
#include "fleet/fleet.h"
#include "net/json_value.h"
#include "net/loop.h"

struct admin_usage {
    double cpu_percent; /* 100 is one core */
    uint64_t memory_bytes;
};

struct admin_ops {
    void *context;
    /* Writes one object: {"events": […], "next_after": N, "dropped": N}. after 0: the newest count_max. */
    void (*write_events)(void *context, struct json *j, uint64_t after_sequence, uint32_t count_max);
    /* One array. is_all: with those that are ok, or not known yet. */
    void (*write_alerts)(void *context, struct json *j, bool is_all);
    /* One array; the JSON of one that was added or ended, an object. */
    void (*write_silences)(void *context, struct json *j);
    bool (*add_silence)(void *context, const struct json_value *body, struct json *j, struct err *err);
    bool (*end_silence)(void *context, struct str id, struct json *j, struct err *err);
    void (*write_host)(void *context, struct json *j);   /* one object */
    void (*write_probes)(void *context, struct json *j); /* one array */
    /* What came of a metric over time. True: admin_answer_later() is called with the ticket, once. False:
     * answered with that status and the reason. */
    bool (*ask_history)(void *context, const struct history_query *query, uint64_t ticket, int *ret_status,
                        struct err *err);
    void (*write_sinks)(void *context, struct json *j); /* adds `sinks` and `test` to an open object */
    void (*write_hosts)(void *context, struct json *j); /* one array */
    void (*write_readings)(void *context, struct str host, struct json *j); /* one object; "": of this one */
    /* Writes one value: scale's object of a service (target, minimum, maximum, manual, …) or null. */
    void (*write_service_scale)(void *context, struct json *j, const struct service *s);
    /* Writes one value: where its servers are discovered, or null. */
    void (*write_service_discovery)(void *context, struct json *j, const struct service *s);
    /* Adds `objectives`, an array, to an open object. */
    void (*write_service_objectives)(void *context, struct json *j, const struct service *s);
    /* Add to an open object, for explain and record: why there are so many servers, with at most count_max
     * episodes; what came each second from the second `from` on. */
    void (*write_explanation)(void *context, struct json *j, const struct service *s, uint32_t count_max);
    void (*write_arrivals)(void *context, struct json *j, const struct service *s, uint64_t from);
    /* Adds what only control knows of a server (pid, usage, …) to an open object. */
    void (*write_server_life)(void *context, struct json *j, const struct server *s);
    /* Adds `usage`, what all servers of a service use of the machine, to an open object. */
    void (*write_service_usage)(void *context, struct json *j, const struct service *s);
    /* What a server uses of the machine; false: it is not known. */
    bool (*server_usage)(void *context, const struct server *s, struct admin_usage *ret_usage);
    /* Adds the Prometheus rows of host, scale and alerts, whole families at a time. */
    void (*write_metrics)(void *context, struct buf *out);
    /* Changes; false with a reason that reads as a sentence: answered with 409. */
    /* for_ns: then back to automatic; 0: until told otherwise. */
    bool (*set_replicas)(void *context, struct service *s, uint32_t count, int64_t for_ns, struct err *err);
    bool (*clear_replicas)(void *context, struct service *s, struct err *err); /* back to automatic */
    bool (*drain_server)(void *context, struct server *s, struct err *err);
    bool (*ready_server)(void *context, struct server *s, struct err *err);
    bool (*test_sink)(void *context, struct str name, struct err *err); /* sends a test message, later */
    bool (*is_ready)(void *context, const char **ret_why_not);          /* /readyz */
    const struct thread_cells *(*thread_cells)(void *context, uint32_t thread); /* NULL: none yet */
};

struct admin;
/*
 * listener_fd: inherited from the supervisor, borrowed, non-blocking. token: copied; "" = none needed. ops:
 * copied. NULL with err when the loop refuses the descriptor.
 */
struct admin *admin_new(struct loop *loop, int listener_fd, struct str token, struct fleet *fleet,
                        const struct admin_ops *ops, struct err *err);
/* The answer to a request that was deferred: one JSON value. Not on a turn of admin_ops. Whose connection has
 * gone meanwhile, or who waited for too long, gets none. */
void admin_answer_later(struct admin *a, uint64_t ticket, int status, struct str json);
/* Closes its connections and leaves the loop; answers that are not yet written are lost. NULL is fine. */
void admin_free(struct admin *a);
