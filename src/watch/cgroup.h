/*
 * cgroup.h: the control group (container) of this process, versions 1 and 2: its limits and how much of them
 * is used.
 *
 * A limit may sit on any ancestor (Kubernetes and ECS put it on the parent), and what counts against it is
 * the use of the group that carries it. So every visible level with a limit is measured, and the one nearest
 * to its limit is told. Control thread only; reads files, never blocks.
 */
#pragma once
#include "watch/host_sample.h"

struct cgroup;

/* What the host has: a limit above that is none. 0: unknown. */
struct cgroup_host {
    uint32_t cpu_count;
    uint64_t memory_bytes;
};

enum { CGROUP_SCRATCH_BYTES = 1 << 20 }; /* untouched pages cost nothing */

/* scratch: CGROUP_SCRATCH_BYTES, borrowed for good, shared with others between calls. Never NULL. */
struct cgroup *cgroup_new(const char *root, char *scratch);
void cgroup_free(struct cgroup *c);
/* CPU shares are since the call before, by now_ns; unknown in the first. */
void cgroup_take_sample(struct cgroup *c, const struct cgroup_host *host, int64_t now_ns,
                        struct cgroup_sample *ret_sample);

/* Pure, for tests: the path of a group below the mount that shows it ("" is the mount point itself), from the
   group's path in /proc/self/cgroup and the mount's root in mountinfo. */
struct str cgroup_path_below_mount(struct str group, struct str mount_root);
