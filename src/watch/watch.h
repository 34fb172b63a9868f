/*
 * watch.h: the room's face: samples the host every second, judges it and the services, and tells people.
 *
 * Everything here runs on the thread of params.loop (control) and never blocks: statvfs and the webhooks run
 * on job threads of watch's own. The host is read from /proc and the control group files (host.h), judged by
 * rules.h, remembered in alerts (alert.h) and told to the sinks (notify/notify.h) and to params.on_alert.
 */
#pragma once
#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "config/model.h"
#include "net/loop.h"
#include "stats/histogram.h"
#include "watch/alert.h"
#include "watch/board.h"
#include "watch/host_sample.h"
#include "watch/objectives.h"
#include "watch/silence.h"

/* What control tells about a service each tick; watch knows nothing else of services. */
struct watch_service_input {
    struct str name;          /* borrowed for the call */
    uint32_t servers_healthy; /* take requests now */
    uint32_t servers_wanted; /* fixed ones and those that scaling wants; 0: intentionally at zero, no alert */
    const char *server_trouble; /* "shop-1: status 500", of one that does not take requests; NULL or "":
                                   nobody knows. Borrowed for the call */
    int64_t
        start_grace_ns; /* how long it may take from wanted to the first healthy one; 0: WATCH_START_GRACE_NS.
                           scale.start_timeout is the natural choice for started servers */
    const char *provider_trouble; /* what is wrong with the engine that its servers come from; "": nothing;
                                     NULL: there is no engine. Borrowed for the call */
    bool has_source;              /* its servers are discovered */
    int64_t source_failing_ns;    /* how long the source of its servers (discover) has failed; 0: it works */
    const char *source_error;     /* what it said last; borrowed for the call; NULL: nothing */
    uint64_t requests_total; /* finished with a final status, since the worker started; may restart at 0 */
    uint64_t errors_total;   /* ...of these the 5xx, Weir's own included */
    const struct config_objectives *objectives; /* what it promises; NULL: nothing is counted */
    int64_t latency_ns;                         /* that it promises, and for which share; 0: none */
    double latency_quantile;
    uint64_t slow_total;                   /* of requests_total those that took longer */
    const struct histogram_sum *durations; /* of all requests since the worker started; NULL: not known.
                                              Borrowed for the call */
    const struct histogram_sum *answers;   /* of all requests since the worker started, from sending one to a
                                              server to the head of its response; NULL: not known. Borrowed */
    uint32_t queue_length, queue_length_max; /* requests that wait, and how many may; 0: there is no queue */
    int64_t queue_age_ns;                    /* how long the first of them has waited */
    bool is_scaled;                          /* Weir decides how many servers there are */
    uint32_t servers_short;                  /* those that it needs beyond the most that it may have */
    const char *scale_reason;                /* why it needs so many; borrowed for the call; NULL: nothing */
};

#define WATCH_START_GRACE_NS   (10 * INT64_C(1000000000))
#define WATCH_RESTART_GRACE_NS (5 * INT64_C(1000000000)) /* of services that are scaled */

/* An alert began, ended, or can no longer be judged (and again). */
struct watch_alert_event {
    enum alert_change change;  /* never ALERT_NO_CHANGE */
    const struct alert *alert; /* borrowed for the call */
    const char *text; /* the line the log gets: "ALERT: CPU usage is high! 93.4 % of ..."; borrowed */
};

struct watch_params {
    struct loop *loop;
    const struct config_watch *config;  /* copied, but for probes and hosts: these stay borrowed for good */
    const struct config_notify *notify; /* copied; the log is always a sink besides these */
    size_t notify_count;
    const char *root; /* prefix of /proc and /sys for tests; NULL or "": the real ones; copied */
    const char *
        external_url; /* of the admin page, for links in notifications: "http://127.0.0.1:9900"; NULL: none */
    /* For control's ledger; NULL: none. Called inside watch_tick. */
    void (*on_alert)(void *context, const struct watch_alert_event *event);
    /* Puts on the board what the caller knows itself; NULL: nothing. Called inside watch_tick. */
    void (*report)(void *context, struct board *board);
    /* What happened shortly before the alert began, to its subject or to all. false: nobody knows. May be
     * NULL. */
    bool (*find_past)(void *context, const struct alert *a, int64_t began_ns, struct alert_past *ret_past);
    void *context;
    int supervisor_pid; /* 0: there is none */
    int restarts;       /* of the worker so far; -1: unknown */
};

struct watch;

/* Never NULL. Files that cannot be read are unknown numbers, not errors. */
struct watch *watch_new(const struct watch_params *params);
/* Gives what is still queued for the webhooks up to flush_ns to leave, then stops the threads. NULL is fine.
 */
void watch_free(struct watch *w, int64_t flush_ns);

/* Stops telling people: what is queued gets up to flush_ns to leave. Then only watch_save() and watch_free().
 */
void watch_close(struct watch *w, int64_t flush_ns);

/*
 * What outlives the worker: documents by keys that no service has. on_change: something has changed that
 * should be kept soon; called inside any function of watch. Without watch_set_keeping() nothing waits for
 * being kept.
 */
void watch_set_keeping(struct watch *w, void (*on_change)(void *context), void *context);
bool watch_has_changed(const struct watch *w); /* since the last watch_save() */
void watch_save(struct watch *w, void (*put)(void *context, const char *key, struct str text), void *context);
/* What the last watch_save() gave is on the disk, all of it; or it is not, and is given again by the next. */
void watch_kept(struct watch *w, bool is_kept);
/* Before the first tick, if possible. False: it is no document of watch's. */
bool watch_restore(struct watch *w, struct str key, struct str text);

/* Once per config_watch.interval_ns. Services missing from the list are gone: their alerts end. */
void watch_tick(struct watch *w, int64_t now_ns, const struct watch_service_input *services,
                size_t service_count);
/* A server's process died although nobody stopped it. reason: "exit status 1: ImportError: ..." */
void watch_note_server_death(struct watch *w, struct str service, struct str server, struct str reason,
                             int64_t now_ns);

/* All readings of the latest tick. */
const struct board *watch_board(const struct watch *w);
const struct host_sample *watch_host(const struct watch *w); /* taken_ns is 0 before the first tick */
/* All alerts, ok ones included, in a stable order; NULL after the last. */
const struct alert *watch_alert(const struct watch *w, size_t index);
size_t watch_alerts_firing(const struct watch *w);
struct silences *watch_silences(struct watch *w);     /* to look at, to add to and to end */
struct objectives *watch_objectives(struct watch *w); /* to look at, and to keep */

/* One object: {"cpu": {...}, "memory": {...}, "swap", "load", "disks": [...], "cgroup", "scope": {...}, ...}.
 */
void watch_write_host_json(const struct watch *w, struct json *j);
/* One array, see remote/hosts.h. */
/* The name of the watched machine that has this address; "": none of them, as far as is known. */
const char *watch_host_at(const struct watch *w, const struct addr *a);
void watch_write_hosts_json(const struct watch *w, struct json *j);
/* One object, see remote/readings.h. */
void watch_write_readings_json(const struct watch *w, struct str host, struct json *j);
/* One array, see probe/probes.h. */
void watch_write_probes_json(const struct watch *w, struct json *j);
/* One array: [{"name", "severity", "state", "labels", "fingerprint", "since", "value", "threshold",
   "evidence", ...}]. Alerts that are ok or were never known are left out, unless is_all. */
void watch_write_alerts_json(const struct watch *w, struct json *j, bool is_all);
/* Adds `sinks` and `test` to an open object: who is told, how it goes, and the latest test of a sink. */
void watch_write_sinks_json(const struct watch *w, struct json *j);
/* Sends a test message to a sink; false with the reason. */
bool watch_test_sink(struct watch *w, struct str name, struct err *err);
/* Whole families with HELP and TYPE: weir_host_*, weir_alert_active, weir_notifications_*. Unknown numbers
 * have no row. */
void watch_write_metrics(const struct watch *w, struct buf *out);
