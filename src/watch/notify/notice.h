/*
 * notice.h: what is told about one alert: a copy of all that a message may need, so that it can be told
 * later, by another thread and by another worker. Pure.
 *
 * A new fact about alerts for people is one row here; it is then copied, kept over restarts and at hand for
 * every format.
 */
#pragma once
#include "base/json.h"
#include "net/json_value.h"
#include "rule/metric.h"
#include "watch/alert.h"

/* X(NAME): a text; never NULL, "" when there is nothing to say. */
#define NOTICE_TEXTS(X)                                                                                      \
    X(name)     /* "HostDiskHigh": the label alertname */                                                    \
    X(summary)  /* "Disk usage is high" */                                                                   \
    X(evidence) /* one sentence with the numbers */                                                          \
    X(evidence_korean)                                                                                       \
    X(changes) /* what happened just before it began: "07:20:11 ..." a line each */                          \
    X(changes_korean)                                                                                        \
    X(line)    /* all of it in a line: "ALERT: Disk usage is high! /srv is 95.0 % full ..." */               \
    X(link)    /* to it on the admin page */                                                                 \
    X(silence) /* the command that silences it: "weir silence alertname=HostDiskHigh path=/srv --for 2h" */

struct notice_label {
    char *name, *value;
};

struct notice {
    enum alert_change change; /* ALERT_FIRED or ALERT_ENDED; for the log any but ALERT_NO_CHANGE */
    enum alert_severity severity;
    uint64_t fingerprint;                   /* of the alert's labels: the same over all its episodes */
    int64_t started_wall_ns, ended_wall_ns; /* of this episode; ended 0: not over */
    double value, threshold;
    bool has_value;        /* both are numbers that say something, in... */
    enum metric_unit unit; /* ...this */
    /* When a sink could not be told in time: */
    bool is_whole_episode;    /* over, and its firing was not told before: this tells of both */
    uint32_t episodes_before; /* so many began and ended before this one and are told by this alone */
    size_t label_count;
    struct notice_label *labels; /* besides alertname and severity, in the order of their names */
#define NOTICE_TEXT_MEMBER(text) char *text;
    NOTICE_TEXTS(NOTICE_TEXT_MEMBER)
#undef NOTICE_TEXT_MEMBER
};

/* What is said about it, each as in the rows above; link and silence may be NULL. */
struct notice_words {
    const char *line, *link, *silence;
};
/* Owns its memory. */
void notice_init(struct notice *n, const struct alert *a, enum alert_change change,
                 struct notice_words words);
void notice_copy(struct notice *to, const struct notice *from);
void notice_fini(struct notice *n);

const char *notice_label(const struct notice *n, const char *name); /* NULL: it has no such label */
bool notice_is_over(const struct notice *n);

/*
 * The stable key of an episode: the same in every message and every try about it, firing and resolved, also
 * after a restart. At most NOTICE_KEY_BYTES - 1 letters, digits and hyphens.
 */
enum { NOTICE_KEY_BYTES = 40 };
char *notice_format_key(const struct notice *n, char out[NOTICE_KEY_BYTES]);

void notice_save(const struct notice *n, struct json *j); /* one object */
/* False, and *ret untouched, when it is none. */
bool notice_restore(const struct json_value *v, struct notice *ret);
