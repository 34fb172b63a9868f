/*
 * exchange.h: one try to deliver one message, from the secrets to the verdict: reads them, lets the kind
 * write the request, sends it, judges the answer. Blocks: on a job thread or in a command.
 */
#pragma once
#include "watch/notify/kind.h"

/* fetch() or a test's own. */
typedef bool sink_fetch(const struct fetch_request *request, struct fetch_response *ret_response,
                        struct err *err);

/* For who wants to see each step (trial.h); text has no secrets and may have several lines. */
struct exchange_watcher {
    void (*on_step)(void *context, const char *text);
    void *context;
};

struct exchange {
    const struct config_notify *config;
    const struct alert_message *message;
    sink_fetch *fetch;
    int64_t timeout_ns;                     /* > 0 */
    const struct exchange_watcher *watcher; /* NULL: nobody looks */
};

/* Always sets *ret. */
void exchange_run(const struct exchange *x, struct sink_answer *ret);
