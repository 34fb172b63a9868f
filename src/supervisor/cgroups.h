/*
 * cgroups.h: how much memory and CPU one server may have, by a control group of its own below that of Weir:
 * version 2 where the controllers are there, else version 1. Where the host does not allow it servers run
 * without limits, and that is told.
 *
 * Version 2 wants groups that hold either processes or groups: Weir then moves itself into a leaf, which only
 * works while it is alone in its group (systemd: Delegate=yes).
 */
#pragma once
#include "base/err.h"
#include "base/macros.h"
#include "supervisor/supervisor.h"

#include <limits.h>
#include <stddef.h>

enum {
    CGROUPS_NAME_BYTES = 192,
    CGROUPS_PATH_BYTES = PATH_MAX + CGROUPS_NAME_BYTES + 64,
    CGROUPS_JOIN_BYTES = CGROUPS_PATH_BYTES + 16
};

/* Where groups are made. One thread. */
struct cgroups {
    bool is_v2, has_leaf;
    char memory[PATH_MAX],
        cpu[PATH_MAX]; /* the folder of Weir's own group; "": such limits are not possible */
    unsigned serial;   /* of the group made last */
    size_t ended_count;
    char (*ended)[CGROUPS_NAME_BYTES]; /* owned; groups of servers that have ended, not removed yet */
};

/* One server's. Zeroed: it has none. */
struct server_cgroup {
    char name[CGROUPS_NAME_BYTES];
    size_t join_count;
    char joins[2][CGROUPS_JOIN_BYTES]; /* the files into which the child writes 0 */
    uint64_t memory_bytes;             /* 0: no limit */
};

/*
 * Finds out what the host allows of `wanted`, before anything else is forked, and removes groups that a
 * killed Weir left behind. root: "" but in tests. False with err when any of it is not allowed; the rest, if
 * there is any, works all the same.
 */
bool cgroups_init(struct cgroups *l, const char *root, const struct supervisor_limits *wanted,
                  struct err *err) MUST_USE;
void cgroups_fini(struct cgroups *l); /* removes what is left of its groups, and leaves the leaf */
/* Makes the group. What the host does not allow of the limits is left out. */
bool cgroups_make(struct cgroups *l, const char *server, const struct supervisor_limits *limits,
                  struct server_cgroup *ret_group, struct err *err) MUST_USE;
/* Has the kernel killed a process of the group for want of memory? */
bool cgroups_is_out_of_memory(const struct cgroups *l, const struct server_cgroup *g);
/* After the server's end. A group in which something still lives is removed at a later call. */
void cgroups_remove(struct cgroups *l, struct server_cgroup *g);
