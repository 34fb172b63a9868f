/*
 * provider.h: where servers come from. One file per provider behind provider_ops; the scale room knows only
 * this header.
 *
 * Everything is asynchronous: a call asks, the outcome comes later through provider_sink on the control
 * thread. A provider never decides; it keeps no wishes, only what exists.
 */
#pragma once
#include "base/err.h"
#include "config/model.h"

struct provider;

/* What the provider tells. All text is borrowed for the time of the call. Control thread. */
struct provider_sink {
    void *context;
    /* A server exists at that address (it need not answer yet). key: what start() was given; pid 0 where
     * there is none. */
    void (*on_started)(void *context, const char *key, const struct addr *address, int pid);
    /* Could not be started at all; the reason reads as a sentence. */
    void (*on_start_failed)(void *context, const char *key, const char *reason);
    /* It ended, asked for or not: "exit status 1", "killed by SIGKILL"; last_lines: the end of its output,
     * may be "". */
    void (*on_exited)(void *context, const char *key, const char *reason, const char *last_lines);
};

struct provider_ops {
    const char *name; /* as in `provider: process` */
    /* Asks for one server. key is "SERVICE/SERVER", unique; it names the server for the rest of its life. */
    bool (*start)(struct provider *p, const char *key, const struct config_service *service, struct err *err);
    /* Asks a server to end: SIGTERM, then SIGKILL after stop_timeout. Fine when it is gone already. */
    void (*stop)(struct provider *p, const char *key, int64_t stop_timeout_ns);
    /* Tells each server that exists through sink->on_started, as after a restart of the worker. */
    void (*observe)(struct provider *p);
    void (*free)(struct provider *p);
};

struct provider {
    const struct provider_ops *ops;
    const struct provider_sink *sink; /* borrowed */
};
