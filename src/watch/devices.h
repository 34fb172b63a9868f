/*
 * devices.h: what block devices do, from /proc/diskstats: whole disks, and those parts of disks that a
 * watched file system is on. One thread.
 */
#pragma once
#include "watch/host_sample.h"

struct devices;

/* scratch: CGROUP_SCRATCH_BYTES, borrowed, shared with others between calls. Never NULL. */
struct devices *devices_new(const char *root, char *scratch);
void devices_free(struct devices *d);
/* disks: also the parts of disks that these are on are told. *ret_why: constant text when there are none
   because they cannot be read, else NULL. Returns their number. */
uint32_t devices_take(struct devices *d, int64_t now_ns, const struct disk_sample *disks, uint32_t disk_count,
                      struct device_sample ret_samples[HOST_DEVICES_MAX], const char **ret_why);
/* Fills in the name of the device below each, as the last look found it. */
void devices_name(const struct devices *d, struct disk_sample *disks, uint32_t disk_count);
