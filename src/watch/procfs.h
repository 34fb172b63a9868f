/*
 * procfs.h: reads the texts of /proc and of control groups. Pure: text in, numbers out; nothing is allocated.
 *
 * Sources: proc(5), cgroups(7), Documentation/admin-guide/cgroup-v{1,2} of Linux. Fields that a kernel does
 * not print are told apart from 0. Each parser is made for text that may be cut off or come from a strange
 * kernel: it never reads past the end and answers false when what it needs is not there.
 */
#pragma once
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* The columns of the `cpu` line; older kernels print fewer, the rest stays 0. */
enum cpu_column {
    CPU_USER,
    CPU_NICE,
    CPU_SYSTEM,
    CPU_IDLE,
    CPU_IOWAIT,
    CPU_IRQ,
    CPU_SOFTIRQ,
    CPU_STEAL,
    CPU_GUEST,
    CPU_GUEST_NICE,
    CPU_COLUMN_COUNT
};

struct cpu_ticks {
    uint64_t columns[CPU_COLUMN_COUNT];
};

/* ret_cpu_count: the number of `cpuN` lines, that is, of online CPUs. */
bool procfs_parse_stat(struct str text, struct cpu_ticks *ret_ticks, uint32_t *ret_cpu_count);
/* One `cpuN` line of the same text after the other. */
bool procfs_next_cpu(struct str *rest, uint32_t *ret_index, struct cpu_ticks *ret_ticks);

/* X(field, key): bytes. */
#define MEMINFO_FIELDS(X)                                                                                    \
    X(total, "MemTotal")                                                                                     \
    X(free, "MemFree")                                                                                       \
    X(available, "MemAvailable")                                                                             \
    X(cached, "Cached")                                                                                      \
    X(active_file, "Active(file)")                                                                           \
    X(inactive_file, "Inactive(file)")                                                                       \
    X(slab_reclaimable, "SReclaimable")                                                                      \
    X(swap_total, "SwapTotal")                                                                               \
    X(swap_free, "SwapFree")

struct meminfo {
#define MEMINFO_MEMBER(field, key)                                                                           \
    bool has_##field;                                                                                        \
    uint64_t field;
    MEMINFO_FIELDS(MEMINFO_MEMBER)
#undef MEMINFO_MEMBER
};

bool procfs_parse_meminfo(struct str text, struct meminfo *ret_info); /* false without MemTotal and MemFree */
uint64_t procfs_parse_zoneinfo_low(struct str text); /* sum of the zones' low watermarks, in pages */
bool procfs_parse_loadavg(struct str text, double ret_averages[3]);

/* One line of /proc/self/mountinfo; the parts are as printed: \040 stands for a space (procfs_unescape). */
struct mount_line {
    struct str device; /* "254:0" */
    struct str root;   /* what part of the file system is mounted */
    struct str point;
    struct str options; /* of this mount point alone */
    struct str type;
    struct str source;
    struct str
        super_options; /* read-only of the file system itself; for v1 control groups, the controllers */
};
bool procfs_next_mount(struct str *rest, struct mount_line *ret_mount); /* skips lines it cannot read */
bool procfs_unescape(struct str text, char *out, size_t out_bytes);     /* false: too long */
bool procfs_has_option(struct str options, struct str option);          /* in a list with commas */

/* One line of /proc/self/cgroup: controllers "" is version 2. */
struct cgroup_line {
    struct str controllers, path;
};
bool procfs_next_cgroup(struct str *rest, struct cgroup_line *ret_line);

/* /proc/PID/stat of one process. Times are in clock ticks. */
struct process_line {
    int parent, group;       /* process ids */
    bool is_zombie;          /* it has ended, and its parent was not told yet */
    uint64_t own_ticks;      /* CPU of its threads, ended ones included */
    uint64_t children_ticks; /* of children that ended and were waited for, and of theirs */
    uint64_t started_ticks;  /* since boot: with the process id it names the process for ever */
    uint64_t resident_pages;
    uint32_t threads;
};
bool procfs_parse_process(struct str text, struct process_line *ret_line);

/* /proc/pressure/RESOURCE, or RESOURCE.pressure of a control group: microseconds since boot. */
struct pressure_text {
    bool has_full; /* older kernels have no such line for the CPU */
    uint64_t some_us, full_us;
};
bool procfs_parse_pressure(struct str text, struct pressure_text *ret_pressure);

/* One line of /proc/diskstats: a block device, whole or a part of one. Since boot; sectors are of 512 bytes.
 */
struct device_line {
    uint32_t major, minor;
    struct str name;
    uint64_t reads, read_sectors, read_ms;
    uint64_t writes, written_sectors, write_ms;
    uint64_t busy_ms, queue_ms; /* queue: each request counts for itself */
};
bool procfs_next_device(struct str *rest, struct device_line *ret_line); /* skips lines it cannot read */
bool procfs_parse_device_number(struct str text, uint32_t *ret_major, uint32_t *ret_minor); /* "254:0" */

bool procfs_count_cpus(struct str list, uint32_t *ret_count);                  /* "0-3,5" is 5 */
bool procfs_find_number(struct str text, struct str key, uint64_t *ret_value); /* the line "key 12" */
bool procfs_parse_number(struct str text, uint64_t *ret_value); /* a file that holds one number */
/* "max 100000" (no limit: ret_quota_us 0) or "50000 100000". */
bool procfs_parse_cpu_max(struct str text, uint64_t *ret_quota_us, uint64_t *ret_period_us);
