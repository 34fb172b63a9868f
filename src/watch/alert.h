/*
 * alert.h: the life of one alert: ok -> pending -> firing -> recovering -> resolved, with "unknown" beside
 * it. Pure.
 *
 * Fed with one reading per tick and the time; answers with what happened, if anything. Missing data never
 * resolves an alert: a firing one stays firing and says that its value is unknown.
 */
#pragma once
#include "rule/rule.h"
#include "watch/reading.h"
#include "watch/sparkline.h"

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

enum { ALERT_LIMITS_MAX = RULE_CONDITIONS_MAX };

/* A number passes it, is clear of it, or is between the two. */
struct alert_limit {
    bool is_below;    /* passed by less than the threshold, clear at `clear` or more; else the other way */
    double threshold; /* passed when beyond it */
    double clear;     /* clear when at it, or on its other side */
};

/* When an alert begins and ends. */
struct alert_rule {
    size_t limit_count; /* all must be passed; one that is clear is enough for the end */
    struct alert_limit limits[ALERT_LIMITS_MAX];
    int64_t for_ns;            /* passed on the mean over this time, and still not clear; 0: at once */
    int64_t hold_ns;           /* recovers when it was clear for this time; longer when the alert flaps... */
    int64_t keep_ns;           /* ...and not passed for this time */
    enum rule_unknown unknown; /* what no reading means */
};

/* What a step brought. Most bring nothing. */
#define ALERT_LOST_AFTER_NS    INT64_C(30000000000)   /* without a reading: ALERT_LOST_SIGHT */
#define ALERT_RESOLVED_FOR_NS  INT64_C(300000000000)  /* resolved is shown so long */
#define ALERT_FLAP_WINDOW_NS   INT64_C(1800000000000) /* each firing in it doubles the hold... */
#define ALERT_FLAP_HOLD_NS     INT64_C(10000000000)   /* ...which is at least this then... */
#define ALERT_FLAPPING_HOLD_NS INT64_C(1800000000000) /* ...and this when it flaps */
enum { ALERT_FLAPPING_AT = 4 };                       /* firings in the window */

enum alert_change { ALERT_NO_CHANGE, ALERT_FIRED, ALERT_ENDED, ALERT_LOST_SIGHT, ALERT_SEES_AGAIN };

enum { ALERT_FIRINGS_KEPT = 8 };

struct alert_life { /* all zero is the start: unknown */
    enum alert_state state;
    int64_t state_since_ns;
    int64_t last_step_ns;
    double values[ALERT_LIMITS_MAX]; /* the last known readings */
    bool is_known;
    int64_t unknown_since_ns;              /* while !is_known */
    bool is_lost;                          /* ALERT_LOST_SIGHT was given */
    double pending_sums[ALERT_LIMITS_MAX]; /* readings since it became pending, weighted by seconds */
    double pending_s;
    int64_t pending_clear_since_ns; /* while pending: since when it has been clear; 0: it is not */
    double means[ALERT_LIMITS_MAX]; /* at firing: the means that fired it */
    bool is_blind;                  /* it fired for want of readings, and there was none since */
    int64_t passed_since_ns;        /* when it became pending before it fired */
    int64_t passed_last_ns;         /* while active: when the limits were last passed */
    int64_t firing_since_ns;
    int64_t firings_ns[ALERT_FIRINGS_KEPT]; /* ring of the latest times it fired: flap damping */
    uint32_t firing_count;
};

/* readings: one for each limit. */
enum alert_change alert_life_step(struct alert_life *l, const struct alert_rule *rule,
                                  const struct reading *readings, int64_t now_ns);
/* The subject is gone (a service was removed, a disk unmounted): ALERT_ENDED when it was firing. */
enum alert_change alert_life_end(struct alert_life *l, int64_t now_ns);
bool alert_life_is_active(const struct alert_life *l); /* firing or recovering */
/* It fired so often lately that it ends only after half an hour without a firing. */
bool alert_life_is_flapping(const struct alert_life *l, int64_t now_ns);

enum {
    ALERT_LABELS_MAX = 8,
    ALERT_VALUE_BYTES = 256,
    ALERT_TEXT_BYTES = 768,
    ALERT_HIDDEN_BYTES = 192,
    ALERT_PAST_EVENTS_MAX = 5,
    ALERT_PAST_TEXT_BYTES = 384,
};

struct alert_label {
    const char *name; /* constant */
    char value[ALERT_VALUE_BYTES];
};

/* What happened to the subject, or to all of Weir, shortly before the alert began. */
struct alert_past {
    size_t count;
    struct alert_past_event {
        int64_t wall_ns;
        char text[ALERT_PAST_TEXT_BYTES], text_korean[ALERT_PAST_TEXT_BYTES];
    } events[ALERT_PAST_EVENTS_MAX]; /* the oldest first */
};

struct alert {
    const char *name;    /* constant: "HostCpuHigh"; the label alertname */
    const char *summary; /* constant: "CPU usage is high" */
    const char *when;    /* constant: the rule as text; "" when there is none */
    enum alert_severity severity;
    enum metric_unit unit; /* of the rule's first number */
    bool is_elsewhere;     /* about another machine than the one that Weir runs on: `instance` says which */
    size_t label_count;
    struct alert_label labels[ALERT_LABELS_MAX]; /* besides alertname and severity, in the order of names */
    uint64_t fingerprint;                        /* of all labels: the identity over the whole life */
    struct alert_rule rule;
    struct alert_life life;
    int64_t started_wall_ns, ended_wall_ns; /* of the latest firing; 0: never, or not over */
    const char *why_unknown;                /* while life.is_known is false; may be NULL */
    char evidence[ALERT_TEXT_BYTES];        /* one sentence, as of the latest step */
    char evidence_korean[ALERT_TEXT_BYTES]; /* the same in Korean */
    struct sparkline spark;                 /* the first number's course */
    const struct alert_past *past;          /* NULL: it has not fired yet, or nobody knows */
    char hidden[ALERT_HIDDEN_BYTES]; /* what explains it, and how: people are not told; "" for nothing */
};

/* instance: the host's name, a label of every alert; cut at ALERT_VALUE_BYTES. */
void alert_init(struct alert *a, const char *name, const char *summary, enum alert_severity severity,
                struct str instance);
/* In any order; of ALERT_LABELS_MAX at most. A label of this name is replaced. */
void alert_add_label(struct alert *a, const char *name, struct str value);
const char *alert_label(const struct alert *a, const char *name); /* NULL: it has none of this name */

/* One step with everything that belongs to it: life, why_unknown, wall-clock times (now_ns corresponds to
 * wall_ns). readings: one for each limit of the rule. */
enum alert_change alert_step(struct alert *a, const struct reading *readings, int64_t now_ns,
                             int64_t wall_ns);
enum alert_change alert_end(struct alert *a, int64_t now_ns, int64_t wall_ns); /* see alert_life_end */

/* "of /srv", "of shop-1": whom it is about beside the machine; "" for the machine itself. */
char *alert_format_subject(const struct alert *a, char *out, size_t out_bytes);
/* The line for people: "ALERT: CPU usage is high! <evidence>", "RESOLVED: CPU usage is high: <evidence>";
 * with the machine when it is another one: "ALERT: CPU usage is high (web-2)! ...". */
char *alert_format_line(const struct alert *a, enum alert_change change, char *out, size_t out_bytes);
