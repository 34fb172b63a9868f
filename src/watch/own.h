/*
 * own.h: what Weir itself uses: the worker (this process) and the supervisor (its parent, when that has
 * started it). One thread.
 */
#pragma once
#include "watch/host_sample.h"

struct own;

struct own_params {
    const char *root;   /* in front of /proc */
    int supervisor_pid; /* 0: there is none */
    int restarts;       /* of the worker so far; -1: unknown */
};

struct own *own_new(const struct own_params *params); /* never NULL */
void own_free(struct own *o);                         /* NULL is fine */
void own_take(struct own *o, int64_t now_ns, struct own_sample *ret_sample);
