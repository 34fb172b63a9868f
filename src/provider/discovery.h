/*
 * discovery.h: servers that others start: where they are found. One file per source behind discovery_ops;
 * what all sources have in common (the last good list is kept, an address counts once, `max`, what is told
 * and how often) is held_list.h's, which discovery_open() puts behind each.
 *
 * A source hands over whole lists, never differences: what it missed while it was away is then made good by
 * the next list. Everything is asynchronous on the loop of the parameters. Control thread only.
 */
#pragma once
#include "base/err.h"
#include "base/json.h"
#include "config/model.h"
#include "net/job.h"
#include "net/loop.h"
#include "provider/held_list.h"

/* ---- for sources ---- */

/* What a source tells. All is borrowed for the time of the call. */
struct discovery_sink {
    void *context;
    void (*on_list)(void *context, const struct found_list *list); /* the whole list */
    void (*on_same)(void *context); /* the last list is still true; not after a failure */
    /* It could not be had; the reason reads as a sentence and names the place. Told with every failure. */
    void (*on_failed)(void *context, const char *reason);
};

struct discovery_params {
    struct loop *loop;                    /* borrowed */
    struct job_pool *jobs;                /* borrowed; for what blocks: reading files */
    const struct config_discover *config; /* borrowed for the source's life */
    const char *service;                  /* its name; likewise */
    uint64_t seed;                        /* jitter; not 0 */
};

struct discovery_source; /* a source's own: its first member is a struct discovery_source_head */

struct discovery_ops {
    const char *name; /* as in `discover: {file: …}` */
    /* Begins at once, but tells nothing before it returns. sink: borrowed. Fails only for what no later try
     * can mend (no descriptor); everything else is on_failed. */
    struct discovery_source *(*open)(const struct discovery_params *params, const struct discovery_sink *sink,
                                     struct err *err);
    void (*close)(struct discovery_source *source); /* tells nothing any more */
};

extern const struct discovery_ops discover_file_ops, discover_dns_ops, discover_srv_ops, discover_docker_ops;

/* ---- for control ---- */

struct discovery;

/* ops: of the held list, see there; copied. NULL with err when the source cannot begin. */
struct discovery *discovery_open(const struct discovery_params *params, const struct held_list_ops *ops,
                                 struct err *err);
void discovery_close(struct discovery *d); /* NULL is fine */
/* Whether the first list is still awaited: requests may wait for it. */
bool discovery_is_looking(const struct discovery *d);
const struct held_list *discovery_held(const struct discovery *d);
const char *discovery_source_name(const struct discovery *d); /* "file" */
/* Adds to an open object: source, place, servers, left_out, age_seconds, … (docs/reference/api.md). */
void discovery_write(const struct discovery *d, int64_t now_ns, struct json *j);
