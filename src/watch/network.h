/*
 * network.h: interfaces, TCP, sockets and the connection table, of the network namespace that Weir is in,
 * from /proc/net and /proc/sys. Control thread; the speed of links is asked for on a job thread, as the
 * kernel may wait for a driver there.
 */
#pragma once
#include "net/job.h"
#include "net/loop.h"
#include "watch/host_sample.h"

struct network;

struct network_params {
    const char *root;      /* in front of /proc and /sys */
    char *scratch;         /* CGROUP_SCRATCH_BYTES, borrowed, shared with others between calls */
    struct job_pool *jobs; /* borrowed; NULL: speeds stay unknown. To be freed after the network */
};

struct network *network_new(const struct network_params *params); /* never NULL */
void network_free(struct network *n);                             /* NULL is fine */
/* Fills tcp, sockets, conntrack, interfaces. *ret_why as in devices_take, of the interfaces. */
void network_take(struct network *n, int64_t now_ns, struct host_sample *s, const char **ret_why);
