/*
 * kind.h: what a kind of sink is: the manual for who adds one.
 *
 * A kind is one file with one `const struct sink_kind`, its declaration at the end of this header and its row
 * in kinds[] of kind.c; beside that its rows in the configuration (NOTIFY_KINDS in config/model.h, a table in
 * config/schema_notify.c). It turns alerts into what is sent, and no more: the queue, its keeping over
 * restarts, grouping, digests, pauses between tries, rate cap, time-outs, counts and logs are the same for
 * all kinds (delivery.h).
 *
 * All functions of a kind run on a job thread and get everything they need as arguments, so they are pure but
 * for `deliver`. What they are given is borrowed for the call.
 */
#pragma once
#include "base/buf.h"
#include "config/model.h"
#include "net/fetch.h"
#include "watch/notify/notice.h"
#include "watch/notify/retry.h"

/* One message: what people or programs get at once. */
struct alert_message {
    const char *receiver;         /* the sink's name */
    const char *external_url;     /* of the admin page, without a slash at the end; "": there is none */
    bool is_test;                 /* of `weir notify test`: people have to see that nothing is wrong */
    int64_t wall_ns;              /* now */
    size_t count;                 /* at least 1, at most the kind's alerts_max */
    const struct notice *notices; /* in the order in which they happened; ALERT_FIRED and ALERT_ENDED mixed */
    uint32_t left_out; /* so many more alerts came together than fit; only for kinds with has_digest */
};

size_t alert_message_count(const struct alert_message *m, enum alert_change change);
bool alert_message_is_over(const struct alert_message *m); /* nothing in it fires */
/* The worst of those that fire; of all, when nothing does. */
enum alert_severity alert_message_severity(const struct alert_message *m);

/* The sink as it is configured, with its secrets as they are at this moment. */
struct sink_setup {
    const struct config_notify *config;
    const char *url;   /* "" for kinds without one */
    const char *token; /* "": none */
};

/* An HTTP request. Begins as a POST of nothing to setup->url, without fields. */
struct outgoing {
    const char *method; /* constant */
    struct buf url, body;
    struct buf headers;       /* "Name: value\n", one a line; see outgoing_put_header() */
    const char *bearer_token; /* "": none; borrowed from the setup */
};
void outgoing_put_header(struct outgoing *out, const char *name, const char *value);

/* How a try ended. */
struct sink_answer {
    enum retry_verdict verdict;
    int status;            /* of HTTP, SMTP or an exit; 0: there was none */
    int64_t retry_after_s; /* -1: not told */
    char text[256];        /* why it was not delivered, for people: "" or half a sentence; no secrets */
};

/* Adds a receiver's words to why it was not delivered: one line, cut. Nothing for what was. */
void sink_answer_quote(struct sink_answer *a, struct str words);

struct sink_kind {
    uint32_t alerts_max; /* in one message; 1: each alert by itself. Those that come together are grouped */
    bool has_digest; /* for people: when more came together than fit, message.left_out counts the rest, which
                        is told by that. Otherwise the rest follows in further messages */
    bool is_local;   /* reaches nobody by the network: tried again soon, never kept back by the rate cap */
    /* For receivers that forget: an alert is told anew after this as long as it fires, and after its end for
     * resend_ended_ns. 0: each change is told once. */
    int64_t resend_ns, resend_ended_ns;
    /* Puts the message into out. NULL for kinds with `deliver`. */
    void (*write)(const struct alert_message *m, const struct sink_setup *setup, struct outgoing *out);
    /* May change what the status alone says (2xx: delivered; 400, 413, 422 and the like: never; all else:
     * later) and what Retry-After says; `text` holds "the receiver answered 400" already. NULL: nothing to
     * add. */
    void (*judge)(const struct fetch_response *response, struct sink_answer *answer);
    /* Instead of an HTTP request. May block for timeout_ns, > 0, and sets all of *ret. */
    void (*deliver)(const struct alert_message *m, const struct sink_setup *setup, int64_t timeout_ns,
                    struct sink_answer *ret);
};

const struct sink_kind *sink_kind(enum notify_kind kind); /* NULL for NOTIFY_LOG, which is no queue */

extern const struct sink_kind sink_webhook, sink_alertmanager, sink_slack, sink_discord, sink_teams,
    sink_telegram, sink_pagerduty, sink_ntfy, sink_mail, sink_exec, sink_syslog;
