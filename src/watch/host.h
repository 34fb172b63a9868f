/*
 * host.h: the collector of the machine's numbers: /proc, the control group, the file systems and block
 * devices, the network, the clock, and Weir itself.
 *
 * Reads small kernel files through kept descriptors; what may block (statvfs, the speed of a link, the list
 * of all sockets) runs on job threads. One sample costs some hundred microseconds of CPU; it measures that
 * itself. One thing that cannot be read leaves all others as they are. Control thread only.
 */
#pragma once
#include "watch/disks.h"

struct host;

struct host_params {
    struct loop *loop;
    const char *root; /* in front of /proc and /sys; "": the real ones */
    bool (*measure_disk)(const char *path, struct disk_counts *ret_counts); /* NULL: statvfs(3) */
    int supervisor_pid, restarts;                                           /* as in own.h */
};

struct host *host_new(const struct host_params *params); /* never NULL */
void host_free(struct host *h);                          /* NULL is fine */
void host_configure(struct host *h,
                    const struct config_strings *disk_paths); /* none: the mounted file systems */
/* Rates are since the call before, so in the first they are unknown. */
void host_take_sample(struct host *h, int64_t now_ns, struct host_sample *ret_sample);
/* The disks as of now: a sample holds what the look of the sample before found. */
uint32_t host_get_disks(const struct host *h, struct disk_sample ret_samples[HOST_DISKS_MAX]);
