/*
 * alert.h: the life of one alert: ok -> pending -> firing -> recovering -> resolved, with "unknown" beside
 * it. Pure.
 *
 * Fed with one reading per tick and the time; answers with what happened, if anything. Missing data never
 * resolves an alert: a firing one stays firing and says that its value is unknown.
 */
#pragma once
#include "watch/host_sample.h"

#include <stddef.h>

/* X(ID, name): the name is used in the API, the metrics and the manual. */
#define ALERT_STATES(X)                                                                                      \
    X(UNKNOWN, "unknown")       /* no reading yet, or none any more */                                       \
    X(OK, "ok")                 /* at or below the threshold */                                              \
    X(PENDING, "pending")       /* above it, not yet for long enough */                                      \
    X(FIRING, "firing")         /* told */                                                                   \
    X(RECOVERING, "recovering") /* below the clear threshold, not yet for long enough; still an alert */     \
    X(RESOLVED, "resolved")     /* told that it is over; becomes ok after a while */

#define ALERT_STATE_ID(id, name) ALERT_##id,
enum alert_state { ALERT_STATES(ALERT_STATE_ID) ALERT_STATE_COUNT };
const char *alert_state_name(enum alert_state state);

enum alert_severity { ALERT_CRITICAL, ALERT_WARNING, ALERT_NOTICE };
const char *alert_severity_name(enum alert_severity severity);

/* When an alert begins and ends. */
struct alert_rule {
    double above;             /* fires when the value was greater than this... */
    int64_t for_ns;           /* ...on the mean over this time, and still is not clear; 0: at once */
    double clear;             /* recovers when the value is at most this... */
    int64_t hold_ns;          /* ...for this time; longer when the alert flaps */
    bool is_unknown_ordinary; /* no reading is nothing to tell people about: too little traffic */
};

/* What a step brought. Most bring nothing. */
#define ALERT_LOST_AFTER_NS   INT64_C(30000000000)   /* without a reading: ALERT_LOST_SIGHT */
#define ALERT_RESOLVED_FOR_NS INT64_C(300000000000)  /* resolved is shown so long */
#define ALERT_FLAP_WINDOW_NS  INT64_C(1800000000000) /* each firing in it doubles the hold... */
#define ALERT_FLAP_HOLD_NS    INT64_C(10000000000)   /* ...which is at least this then... */
#define ALERT_HOLD_MAX_NS     INT64_C(600000000000)  /* ...and at most this */

enum alert_change { ALERT_NO_CHANGE, ALERT_FIRED, ALERT_ENDED, ALERT_LOST_SIGHT, ALERT_SEES_AGAIN };

enum { ALERT_FIRINGS_KEPT = 8 };

struct alert_life { /* all zero is the start: unknown */
    enum alert_state state;
    int64_t state_since_ns;
    int64_t last_step_ns;
    double value; /* the last known reading */
    bool is_known;
    int64_t unknown_since_ns; /* while !is_known */
    bool is_lost;             /* ALERT_LOST_SIGHT was given */
    double pending_sum;       /* readings since it became pending, weighted by seconds */
    double pending_s;
    double mean;            /* at firing: the mean that fired it */
    int64_t above_since_ns; /* when it became pending before it fired */
    int64_t firing_since_ns;
    int64_t firings_ns[ALERT_FIRINGS_KEPT]; /* ring of the latest times it fired: flap damping */
    uint32_t firing_count;
};

enum alert_change alert_life_step(struct alert_life *l, const struct alert_rule *rule, struct reading r,
                                  int64_t now_ns);
/* The subject is gone (a service was removed, a disk unmounted): ALERT_ENDED when it was firing. */
enum alert_change alert_life_end(struct alert_life *l, int64_t now_ns);
bool alert_life_is_active(const struct alert_life *l); /* firing or recovering */

enum {
    ALERT_LABELS_MAX = 2,
    ALERT_VALUE_BYTES = 256,
    ALERT_TEXT_BYTES = 768,
};

struct alert_label {
    const char *name; /* constant */
    char value[ALERT_VALUE_BYTES];
};

struct alert {
    const char *name;    /* constant: "HostCpuHigh"; the label alertname */
    const char *summary; /* constant: "CPU usage is high" */
    enum alert_severity severity;
    size_t label_count;
    struct alert_label labels[ALERT_LABELS_MAX]; /* besides alertname and severity */
    uint64_t fingerprint;                        /* of all labels: the identity over the whole life */
    struct alert_rule rule;
    struct alert_life life;
    int64_t started_wall_ns, ended_wall_ns; /* of the latest firing; 0: never, or not over */
    const char *why_unknown;                /* while life.is_known is false; may be NULL */
    char evidence[ALERT_TEXT_BYTES];        /* one sentence, as of the latest step */
};

/* instance: the host's name, a label of every alert; cut at ALERT_VALUE_BYTES. */
void alert_init(struct alert *a, const char *name, const char *summary, enum alert_severity severity,
                struct str instance);
void alert_add_label(struct alert *a, const char *name, struct str value); /* in the order of their names */

/* One step with everything that belongs to it: life, why_unknown, wall-clock times (now_ns corresponds to
 * wall_ns). */
enum alert_change alert_step(struct alert *a, struct reading r, int64_t now_ns, int64_t wall_ns);
enum alert_change alert_end(struct alert *a, int64_t now_ns, int64_t wall_ns); /* see alert_life_end */

/* The line for people: "ALERT: CPU usage is high! <evidence>", "RESOLVED: CPU usage is high: <evidence>". */
char *alert_format_line(const struct alert *a, enum alert_change change, char *out, size_t out_bytes);
