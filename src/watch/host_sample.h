/*
 * host_sample.h: what one look at the machine gave: the numbers, the inputs they were made from, and what
 * they describe.
 *
 * Percentages are those of psutil: cpu_percent(), virtual_memory().percent, disk_usage(path).percent, rounded
 * to one decimal. A number that could not be read is unknown, never 0. Every number belongs to a scope: the
 * host, or the control group (container) that Weir runs in. A plain value: copied freely, filled by host.h on
 * the control thread.
 */
#pragma once
#include "base/str.h"
#include "watch/reading.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    HOST_DISKS_MAX = 64,
    HOST_PATH_BYTES = 256,
};

enum sample_scope { SAMPLE_SCOPE_HOST, SAMPLE_SCOPE_CGROUP };
const char *sample_scope_name(enum sample_scope scope); /* "host", "cgroup" */

struct cpu_sample {                /* from /proc/stat, since the sample before */
    struct reading percent;        /* 100 * busy_ticks / total_ticks; unknown in the first sample */
    struct reading iowait_percent; /* waiting for disks: counts as idle in percent */
    struct reading steal_percent;  /* taken by the hypervisor: counts as busy in percent */
    uint64_t busy_ticks, total_ticks;
    uint32_t cpu_count; /* online CPUs; 0: unknown */
};

/* Where `available` came from; the kernel's own estimate is missing or 0 on some systems. */
enum memory_source {
    MEMORY_SOURCE_KERNEL,
    MEMORY_SOURCE_REBUILT,
    MEMORY_SOURCE_FREE_AND_CACHED,
    MEMORY_SOURCE_FREE
};
const char *memory_source_name(enum memory_source source);

struct memory_sample {      /* from /proc/meminfo */
    struct reading percent; /* 100 * (total - available) / total */
    uint64_t total_bytes, available_bytes;
    enum memory_source source;
};

struct swap_sample {        /* from /proc/meminfo */
    struct reading percent; /* 0 when there is no swap */
    uint64_t total_bytes, free_bytes;
};

struct load_sample { /* from /proc/loadavg */
    struct reading one, five, fifteen;
};

struct disk_sample { /* from statvfs, on a job thread */
    char path[HOST_PATH_BYTES];
    struct reading percent;        /* 100 * used / (used + available) */
    struct reading inodes_percent; /* unknown where the file system does not count them */
    uint64_t total_bytes, used_bytes, available_bytes;
};

/* The control group of this process, and its ancestors as far as they can be seen. */
struct cgroup_sample {
    int version;                   /* 1 or 2 of the memory controller; 0: none found */
    bool has_cpu_limit;            /* effective_cpus is below the number of the host's CPUs */
    struct reading effective_cpus; /* least of all quotas on the way up, the cpuset and the affinity */
    struct reading cpu_percent; /* of the limit that is nearest to being reached; unknown without a limit */
    char cpu_group[HOST_PATH_BYTES];  /* the group that carries that limit */
    double cpu_group_cpus;            /* its limit in CPUs */
    struct reading throttled_percent; /* periods in which that group was held back, since the sample before */
    bool has_memory_limit;
    uint64_t memory_limit_bytes; /* least of all on the way up */
    struct reading
        memory_percent; /* of the limit that is nearest to being reached; unknown without a limit */
    char memory_group[HOST_PATH_BYTES];                         /* the group that carries that limit */
    uint64_t memory_group_limit_bytes, memory_group_used_bytes; /* used: without inactive file cache */
    struct reading oom_kills;                                   /* so far, in this group */
};

struct host_sample {
    int64_t taken_ns;    /* monotonic; 0: nothing sampled yet */
    int64_t interval_ns; /* to the sample before; 0 in the first */
    int64_t cost_ns;     /* CPU time that taking this sample took on the control thread */
    struct cpu_sample cpu;
    struct memory_sample memory;
    struct swap_sample swap;
    struct load_sample load;
    struct cgroup_sample cgroup;
    /* What the default alerts look at: the control group when it has a finite limit, else the host. */
    enum sample_scope cpu_scope, memory_scope;
    uint32_t disk_count;
    struct disk_sample disks[HOST_DISKS_MAX];
};

/* The reading that the alerts judge, by the scope above. */
struct reading host_sample_cpu(const struct host_sample *s);
struct reading host_sample_memory(const struct host_sample *s);
