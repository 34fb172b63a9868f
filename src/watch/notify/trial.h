/*
 * trial.h: `weir notify test`: a sink is told a test alert and its end, really, and each step is told: where
 * the secrets come from, what is sent, how long the answer took, what it was. No secret is shown.
 */
#pragma once
#include "watch/notify/exchange.h"

struct trial {
    const struct config_notify *config;
    const char *external_url; /* "": none */
    sink_fetch *fetch;
    /* A line without its end; borrowed. */
    void (*on_line)(void *context, const char *line);
    void *context;
};

/* Blocks. Whether both messages arrived. */
bool trial_run(const struct trial *t);

/* For a command: the sink of this name, or all, with the lines on standard output. Whether all went well. */
bool notify_trial(const struct config_notify *sinks, size_t count, const char *name);
