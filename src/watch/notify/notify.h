/*
 * notify.h: tells alerts to people: the sinks behind one small interface.
 *
 * For users of the sinks: struct notifier. For implementers: struct notify_ops, one file and one line in
 * notify.c's table each. All functions run on the loop's thread and do not block, but for close, which may
 * take up to its time. Queues are in memory: what was not delivered when the process dies is lost.
 * notify_ops.send is the seam for a durable one.
 */
#pragma once
#include "base/buf.h"
#include "config/model.h"
#include "net/fetch.h"
#include "net/loop.h"
#include "watch/alert.h"

/* One thing to tell. All of it is borrowed for the call. */
struct notification {
    enum alert_change change; /* never ALERT_NO_CHANGE */
    const struct alert *alert;
    const char *text;         /* the line for people */
    const char *external_url; /* of the admin page; "" when there is none */
};

enum notify_outcome { NOTIFY_DELIVERED, NOTIFY_RETRIED, NOTIFY_REFUSED, NOTIFY_EXPIRED, NOTIFY_OVERFLOWED };
enum { NOTIFY_OUTCOME_COUNT = NOTIFY_OVERFLOWED + 1 };
const char *notify_outcome_name(enum notify_outcome outcome);

struct notify_counts {
    uint64_t of[NOTIFY_OUTCOME_COUNT];
    uint64_t queued; /* now */
};

struct notify_params {
    struct loop *loop;
    /* fetch() or a test's own; runs on a job thread. */
    bool (*fetch)(const struct fetch_request *request, struct fetch_response *ret_response, struct err *err);
};

/* The contract of a sink. */
struct notify_ops {
    /* Never NULL; copies what it needs. name is the sink's own for logs and metrics. */
    void *(*open)(const struct notify_params *params, const struct config_notify *config, const char *name);
    /* Takes a copy into its queue or tells at once. Changes that the sink has no form for are left out. */
    void (*send)(void *sink, const struct notification *n);
    struct notify_counts (*get_counts)(const void *sink);
    /* Delivers what is queued, taking flush_ns at most, then frees the sink. */
    void (*close)(void *sink, int64_t flush_ns);
};

extern const struct notify_ops notify_log_ops, notify_webhook_ops;

struct notifier;

struct notifier *notifier_new(const struct notify_params *params); /* with the log only */
/* The log, and the sinks of the configuration. Sinks that stay the same keep their queues; others flush
 * shortly. */
void notifier_configure(struct notifier *n, const struct config_notify *sinks, size_t count);
void notifier_send(struct notifier *n, const struct notification *what);
void notifier_write_metrics(const struct notifier *n, struct buf *out);
void notifier_free(struct notifier *n,
                   int64_t flush_ns); /* NULL is fine; flush_ns is for all sinks together */
