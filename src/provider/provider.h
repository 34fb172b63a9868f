/*
 * provider.h: where servers come from. One file per provider behind provider_ops; the scale room knows only
 * this header.
 *
 * Everything is asynchronous: a call asks, the outcome comes later through provider_sink on the control
 * thread, never from inside the call. A provider never decides; it keeps no wishes beyond what it was asked
 * for and has not done yet, only what exists.
 */
#pragma once
#include "base/addr.h"
#include "base/err.h"
#include "base/macros.h"
#include "config/model.h"

#include <stdbool.h>
#include <stdint.h>

struct provider;

#define DRIVER_NAME(upper, lower, help) #lower,

/* What to do about a failure of an engine. Name, and what it means for people. */
#define DRIVER_FAULTS(X)                                                                                     \
    X(RETRYABLE, retryable, "the engine is away or busy: it is asked again, ever more rarely")               \
    X(CONFIGURATION, configuration, "what is configured can't work: asked again rarely, people must act")    \
    X(QUOTA, quota, "the engine gives no more: what there is stays")                                         \
    X(CREDENTIALS, credentials, "the engine does not accept who we are: people must act")
#define DRIVER_FAULT_ENUM(upper, lower, help) DRIVER_FAULT_##upper,
enum driver_fault { DRIVER_FAULTS(DRIVER_FAULT_ENUM) DRIVER_FAULT_COUNT };
static inline const char *driver_fault_name(enum driver_fault fault)
{
    static const char *const names[DRIVER_FAULT_COUNT] = {DRIVER_FAULTS(DRIVER_NAME)};
    ASSERT((unsigned)fault < DRIVER_FAULT_COUNT);
    return names[fault];
}

/* The calls that are made to an engine. */
#define DRIVER_CALLS(X)                                                                                      \
    X(LIST, list, "which servers there are")                                                                 \
    X(START, start, "start one")                                                                             \
    X(STOP, stop, "stop one")                                                                                \
    X(SET_COUNT, set_count, "so many in all")                                                                \
    X(WAIT, wait, "tell when something changes")
#define DRIVER_CALL_ENUM(upper, lower, help) DRIVER_CALL_##upper,
enum driver_call_kind { DRIVER_CALLS(DRIVER_CALL_ENUM) DRIVER_CALL_COUNT };
static inline const char *driver_call_name(enum driver_call_kind kind)
{
    static const char *const names[DRIVER_CALL_COUNT] = {DRIVER_CALLS(DRIVER_NAME)};
    ASSERT((unsigned)kind < DRIVER_CALL_COUNT);
    return names[kind];
}

enum { PROVIDER_TEXT_BYTES = 512, PROVIDER_WORDS_BYTES = 128 };

/* What is wrong with an engine. A plain value. */
struct provider_trouble {
    enum driver_call_kind call;
    enum driver_fault fault;
    bool is_away;     /* it can't be known or done anything: no start is to be asked for */
    bool is_harmless; /* nobody has to act: the engine is at work on what people asked of it */
    uint32_t failures_in_a_row;
    int64_t since_ns, last_ns;      /* the first and the last of these failures; monotonic */
    char text[PROVIDER_TEXT_BYTES]; /* the engine's own words */
};

/* What is known of an engine, for people and metrics. A plain value. */
struct provider_status {
    bool has_listed;        /* it has told at least once which servers there are */
    int64_t listed_ns;      /* when it told last; monotonic */
    uint32_t listed_count;  /* so many it told */
    uint32_t waiting_count; /* starts and stops that were asked for and are not seen yet */
    bool has_trouble;       /* now */
    bool has_failed;        /* at any time */
    struct provider_trouble trouble, last_failure;
    int64_t next_call_ns; /* no call before; past: none is held back */
    uint64_t calls_total[DRIVER_CALL_COUNT], failed_calls_total[DRIVER_CALL_COUNT];
    uint64_t failures_total[DRIVER_FAULT_COUNT];
};

/* What an engine tells of a server beside its address; nothing of it decides whether the server gets
 * requests. A plain value. */
struct provider_facts {
    int pid;        /* its first process, when that is on this host and in our sight; 0: none known */
    double price;   /* of an hour, in whatever currency; 0: not told */
    bool is_unwell; /* the engine's own health check says so */
    char words[PROVIDER_WORDS_BYTES]; /* with is_unwell: the engine's own; may be "" */
};

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

    /* What follows is told by providers over engines only (managed.h). */

    /* A server that nobody asked this provider for is on its way, and has no address yet. */
    void (*on_coming)(void *context, const char *key);
    /* The engine is ending it, and nobody asked for this one: it must get nothing new. on_exited follows. */
    void (*on_stopping)(void *context, const char *key, const char *reason);
    /* stop() was asked for this one, but the engine ended another: it is wanted again. False: it can't be
     * taken back; then on_exited follows, and its server is told under another key. */
    bool (*on_spared)(void *context, const char *key, const char *reason);
    /* Every server that exists has been told, after observe(). */
    void (*on_observed)(void *context, struct provider *p);
    /* Calls fail; told again when what is wrong becomes something else. */
    void (*on_trouble)(void *context, struct provider *p, const struct provider_trouble *trouble);
    /* They succeed again, or are not needed any more; for_ns: how long the trouble was. */
    void (*on_recovered)(void *context, struct provider *p, int64_t for_ns);
    /* After on_started, where there is something to tell, and again when it changes. May be NULL. */
    void (*on_facts)(void *context, const char *key, const struct provider_facts *facts);
};

struct provider_ops {
    const char *name; /* as in `provider: process` */
    /* Asks for one server. key is "SERVICE/SERVER", unique; it names the server for the rest of its life. */
    bool (*start)(struct provider *p, const char *key, const struct config_service *service, struct err *err);
    /* Asks a server to end: SIGTERM, then SIGKILL after stop_timeout. Fine when it is gone already. */
    void (*stop)(struct provider *p, const char *key, int64_t stop_timeout_ns);
    /* Tells each server that exists through sink->on_started, as after a restart of the worker. */
    void (*observe)(struct provider *p);
    /* NULL: a provider without an engine (process). */
    void (*status)(const struct provider *p, struct provider_status *ret_status);
    void (*free)(struct provider *p);
};

struct provider {
    const struct provider_ops *ops;
    const struct provider_sink *sink; /* borrowed */
};
