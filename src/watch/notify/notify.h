/*
 * notify.h: tells alerts to people: the log, and the sinks of the configuration. To add a kind of sink see
 * kind.h; what all kinds have in common is in delivery.h.
 *
 * All functions run on the loop's thread and do not block, but for notifier_free, which may take up to its
 * time.
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
    const char *text; /* the line for people */
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
    const char *external_url; /* of the admin page, without a slash at the end; "" or NULL: none; copied */
    /* fetch() or a test's own; runs on a job thread. */
    bool (*fetch)(const struct fetch_request *request, struct fetch_response *ret_response, struct err *err);
};

struct notifier;

struct notifier *notifier_new(const struct notify_params *params); /* with the log only */
/* The log, and the sinks of the configuration. Sinks that stay the same keep their queues; others flush
 * shortly. */
void notifier_configure(struct notifier *n, const struct config_notify *sinks, size_t count);
/* The log is told of every change, the sinks of firing and resolved. */
void notifier_send(struct notifier *n, const struct notification *what);
void notifier_write_metrics(const struct notifier *n, struct buf *out);
void notifier_free(struct notifier *n,
                   int64_t flush_ns); /* NULL is fine; flush_ns is for all sinks together */
