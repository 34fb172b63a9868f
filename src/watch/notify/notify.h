/*
 * notify.h: tells alerts to people: the log, and the sinks of the configuration. To add a kind of sink see
 * kind.h; what all kinds have in common is in delivery.h.
 *
 * All functions run on the loop's thread and do not block, but for notifier_close(), which may take up to its
 * time.
 */
#pragma once
#include "base/buf.h"
#include "base/json.h"
#include "config/model.h"
#include "config/reader.h"
#include "net/fetch.h"
#include "net/loop.h"
#include "watch/alert.h"
#include "watch/board.h"

/* One thing to tell. All of it is borrowed for the call. */
struct notification {
    enum alert_change change; /* never ALERT_NO_CHANGE */
    const struct alert *alert;
    const char *text;    /* the line for people */
    const char *link;    /* to the alert on the admin page; "": there is none */
    const char *silence; /* the command that silences it; both may be NULL */
};

struct notify_params {
    struct loop *loop;
    const char *external_url; /* of the admin page, without a slash at the end; "" or NULL: none; copied */
    /* fetch() or a test's own; runs on a job thread. */
    bool (*fetch)(const struct fetch_request *request, struct fetch_response *ret_response, struct err *err);
};

struct notifier;

struct notifier *notifier_new(const struct notify_params *params); /* with the log only */
/* The sinks of the configuration, copied. Once. */
void notifier_open(struct notifier *n, const struct config_notify *sinks, size_t count);
/* The log is told of every change, the sinks of firing and resolved alerts as their `only` says. */
void notifier_send(struct notifier *n, const struct notification *what);
/* Once a second or so: hours begin and end. */
void notifier_tick(struct notifier *n, int64_t now_ns, int64_t wall_ns);

void notifier_write_metrics(const struct notifier *n, struct buf *out);
/* One array: a sink each, with its kind, what waits, counts, and since when it fails. No secrets. */
void notifier_write_json(const struct notifier *n, struct json *j);

/* How it is with one alert and one sink. X(ID, name): as in the API. */
#define SINK_STANDINGS(X)                                                                                    \
    X(TOLD, "told")         /* it knows that the alert fires */                                              \
    X(WAITING, "waiting")   /* it has still to be told: the message is on its way, or the sink is away */    \
    X(CLOSED, "closed")     /* it is told when its hours begin, if the alert still fires then */             \
    X(READY, "ready")       /* it is told when the alert fires */                                            \
    X(SILENCED, "silenced") /* it is not told while a silence holds */                                       \
    X(HIDDEN, "hidden")     /* it is not told while another alert explains this one */                       \
    X(BARRED, "barred")     /* it is not told of such alerts; why says the reason */                         \
    X(MISSED, "missed")     /* it was not told that this alert fires: new since, or the message was lost */
#define SINK_STANDING_ID(id, name) SINK_##id,
enum sink_standing { SINK_STANDINGS(SINK_STANDING_ID) SINK_STANDING_COUNT };
const char *sink_standing_name(enum sink_standing standing);

struct sink_report {
    const char *name; /* borrowed */
    enum sink_standing standing;
    const char *why;      /* constant; NULL but for SINK_BARRED */
    int64_t told_wall_ns; /* of SINK_TOLD: when; else 0 */
};
/* Every sink but the log; returns how many. is_silenced: by somebody; a->hidden counts, too. */
size_t notifier_report(const struct notifier *n, const struct alert *a, bool is_silenced,
                       struct sink_report ret[CONFIG_SINKS_MAX]);

/* Readings about each sink; between board_begin() and board_end(). */
void notifier_put_readings(const struct notifier *n, struct board *b);

/* A test message to one sink, on a thread of its own (trial.h). False with the reason. */
bool notifier_start_test(struct notifier *n, struct str name, struct err *err) MUST_USE;
void notifier_write_test(const struct notifier *n, struct json *j); /* of the latest; see live_trial.h */

/*
 * Delivers what is queued, taking flush_ns at most for all sinks together, and stops the threads. Afterwards
 * only notifier_save() and notifier_free() may be called.
 */
void notifier_close(struct notifier *n, int64_t flush_ns);
void notifier_free(struct notifier *n); /* closes it, without a flush, when it is not closed; NULL is fine */

/*
 * ---- what outlives the worker ----
 *
 * A sink's document has the key "notify:NAME" and holds what waits for it and which firing alerts it was told
 * of. While somebody keeps the documents (notifier_set_keeping), a message leaves only when its document was
 * kept, so that what fired and what is still to be told of it are on the disk together; a disk that is slow
 * or full delays it by OUTBOX_HOLD_NS at most. After a restart: notifier_open(), notifier_restore() for
 * each document, then whatever sends. What was delivered just before the end and not kept as delivered is
 * told again, with the same key of its episode.
 */
void notifier_set_keeping(struct notifier *n, bool is_keeping);
/* A delivery has changed a document: keep it soon, so that it is not told again. NULL: nobody wants to know.
 */
void notifier_on_change(struct notifier *n, void (*on_change)(void *context), void *context);
bool notifier_has_changed(const struct notifier *n); /* since the last notifier_save() */
/* Calls put for each document that has changed, in one go; all are borrowed for the call. A text that is ""
 * is that of a sink that there is no more. */
void notifier_save(struct notifier *n, int64_t now_ns, int64_t wall_ns,
                   void (*put)(void *context, const char *key, struct str text), void *context);
/* What the last notifier_save() gave is on the disk; or it is not, and is given again by the next. */
void notifier_kept(struct notifier *n, bool is_kept);
/* A document that was read. False: it is none of ours, or there is no such sink (any more). */
bool notifier_restore(struct notifier *n, struct str key, struct str text, int64_t now_ns, int64_t wall_ns);
/* Once, when all alerts are known again after a restart: whoever was told that an alert fires which does not
 * fire any more is told that it is over. */
void notifier_settle(struct notifier *n, bool (*is_firing)(void *context, uint64_t fingerprint),
                     void *context, int64_t wall_ns);
