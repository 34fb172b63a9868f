/*
 * worker.h: the worker process as the supervisor sees it: started, talked to over the channel, started again
 * when it dies.
 */
#pragma once
#include "base/err.h"
#include "net/channel.h"
#include "net/loop.h"
#include "supervisor/restart.h"
#include "supervisor/supervisor.h"
#include "supervisor/user.h"

#include <sys/resource.h>
#include <sys/types.h>

struct worker_events {
    void *context;
    void (*on_message)(void *context, const struct channel_message *m); /* text is borrowed for the call */
    void (*on_group)(void *context, pid_t group, bool is_there);        /* for the guard */
};

struct worker {
    struct loop *loop;
    const struct supervisor_plan *plan;
    const struct worker_events *events; /* borrowed */
    struct user user;
    bool has_user;
    struct rlimit open_files;
    pid_t pid; /* 0: none runs */
    int64_t started_ns;
    unsigned starts;        /* so far; the worker is told how often it was started anew */
    struct channel channel; /* fd -1: none */
    struct handle handle;
    struct restart restart;
    struct timer restart_timer;
    bool is_kept; /* started again when it dies */
};

/* Looks up the worker's user. */
bool worker_init(struct worker *w, struct loop *l, const struct supervisor_plan *plan,
                 const struct worker_events *events, struct err *err) MUST_USE;
void worker_fini(struct worker *w); /* the process must be gone */
/* Starts it and keeps it running until worker_release. When the start fails it is tried again later; err says
 * why. */
bool worker_start(struct worker *w, struct err *err);
/* From now on its end is its end. */
void worker_release(struct worker *w);
void worker_kill(struct worker *w);
/* A worker that does not read or that is gone is no reason to stop: the message is dropped, and a broken
 * worker killed. */
void worker_send(struct worker *w, const struct channel_message *m);
/* After it was reaped: closes the channel and starts another at once or later, if it is kept. */
void worker_on_ended(struct worker *w, const char *reason);
