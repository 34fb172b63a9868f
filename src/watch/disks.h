/*
 * disks.h: how full the file systems are. statvfs may hang for ever on a dead network mount, so it runs on a
 * job thread with a deadline; a file system that does not answer in time is unknown and is left alone until
 * its call returns.
 *
 * All functions run on the loop's thread.
 */
#pragma once
#include "config/model.h"
#include "net/loop.h"
#include "watch/formula.h"
#include "watch/host_sample.h"

struct disks;

#define DISKS_DEADLINE_NS   INT64_C(2000000000)  /* for one look at all of them */
#define DISKS_FIND_EVERY_NS INT64_C(10000000000) /* the list of mounted file systems is read so often */

struct disks_params {
    struct loop *loop;
    const char *root; /* in front of every path, as in host.h */
    char *scratch;    /* CGROUP_SCRATCH_BYTES, borrowed, shared */
    /* For tests; NULL: statvfs(3). Runs on a job thread. false with errno. */
    bool (*measure)(const char *path, struct disk_counts *ret_counts);
};

struct disks *disks_new(const struct disks_params *params); /* never NULL */
void disks_free(struct disks *d); /* NULL is fine; does not wait for a call that hangs */
void disks_configure(struct disks *d,
                     const struct config_strings *paths); /* none: the mounted file systems */
/* Starts a look, unless one is under way. Its numbers are there a moment later. */
void disks_refresh(struct disks *d, int64_t now_ns);
/* Of a pool one speaks for those that share its free space (pools.h), unless paths are configured. */
uint32_t disks_get_samples(const struct disks *d, struct disk_sample ret_samples[HOST_DISKS_MAX]);

/* Pure: whether file systems of that type, mounted there, store files of their own and can fill up. */
bool disks_can_fill_up(struct str type, struct str path);
/* Pure: the file systems of a mountinfo text that store files of their own and can fill up: not the kernel's
   pseudo file systems, not memory, not images that are read-only (but those that
   the kernel made read-only after an error), one mount point per device (the shortest),
   none below /dev, /proc, /sys and the stores of container engines. Overlay only as "/": the root of a
   container. Returns their number. */
uint32_t disks_select(struct str mountinfo, char ret_paths[HOST_DISKS_MAX][HOST_PATH_BYTES]);

/* Pure: adds "/" when it is not among them: the root of a chroot is no mount point, that of a sandbox may be
   of a type that nobody knows. Not when it is read-only. Returns the new number. */
uint32_t disks_add_root(struct str mountinfo, char paths[HOST_DISKS_MAX][HOST_PATH_BYTES], uint32_t count);
