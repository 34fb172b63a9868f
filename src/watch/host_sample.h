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
    HOST_CORES_MAX = 512,
    HOST_DEVICES_MAX = 64,
    HOST_INTERFACES_MAX = 32,
    HOST_NAME_BYTES = 32, /* of a device or an interface */
    HOST_POOL_BYTES = 128,
    HOST_ADDRESS_BYTES = 64,
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

struct core_sample { /* one CPU; by the same formula */
    uint32_t index;  /* its number in /proc/stat: they have gaps when CPUs are off */
    struct reading percent;
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

struct paging_sample {                                  /* from /proc/vmstat, since the sample before */
    struct reading swapped_in_rate, swapped_out_rate;   /* bytes a second */
    struct reading swapped_in_bytes, swapped_out_bytes; /* since boot */
    struct reading major_faults_rate;                   /* pages that had to be read from a disk, a second */
    struct reading oom_kills;                           /* since boot, in the whole host */
    struct reading oom_kills_recent;                    /* of these, within RECENT_WINDOW_NS (recent.h) */
};

/* How much time tasks lost for want of one resource, as the kernel measures it (PSI). */
struct pressure_sample {
    struct reading some_percent; /* of the time since the sample before at least one task waited... */
    struct reading full_percent; /* ...and no other worked */
    struct reading some_seconds, full_seconds; /* since boot, or since the group was made */
};

struct pressures_sample {
    struct pressure_sample cpu, memory, io;
};

struct load_sample { /* from /proc/loadavg */
    struct reading one, five, fifteen;
};

struct disk_sample { /* from statvfs, on a job thread */
    char path[HOST_PATH_BYTES];
    struct reading percent;        /* 100 * used / (used + available) */
    struct reading inodes_percent; /* unknown where the file system does not count them */
    uint64_t total_bytes, used_bytes, available_bytes;
    struct reading full_in_s; /* if it goes on filling as in the last hours; TREND_NEVER_S (trend.h) and more
                                 is never */
    struct reading read_only; /* 1: it was mounted to be written, and the kernel has made it read-only */
    uint32_t device_major, device_minor; /* of the block device below it; major 0: none */
    char device[HOST_NAME_BYTES];        /* its name among the device samples; "": it is not there */
    char pool[HOST_POOL_BYTES];          /* whose free space others use as well (pools.h); "": none do */
    uint32_t pool_mounts;                /* it speaks for so many of that pool; 0: for itself */
    bool is_spoken_for;                  /* by another of its pool */
};

struct device_sample { /* a block device, from /proc/diskstats, since the sample before */
    char name[HOST_NAME_BYTES];
    struct reading read_rate, write_rate;           /* bytes a second */
    struct reading reads_rate, writes_rate;         /* requests a second */
    struct reading busy_percent;                    /* of the time with a request under way */
    struct reading queue;                           /* requests under way, in the mean */
    struct reading read_latency_s, write_latency_s; /* of a request, in the mean; 0 when there was none */
    uint64_t reads, writes, read_bytes, written_bytes, read_ms, write_ms, busy_ms, queue_ms; /* since boot */
};

struct interface_sample { /* a network interface, from /proc/net/dev, since the sample before */
    char name[HOST_NAME_BYTES];
    struct reading received_rate, sent_rate; /* bytes a second */
    struct reading errors_rate, drops_rate;  /* packets a second, both directions */
    struct reading speed;                    /* of the link, bits a second; unknown when it does not tell */
    struct reading usage_percent;            /* the busier direction, of the speed */
    uint64_t received_bytes, received_packets, received_errors, received_drops; /* since boot */
    uint64_t sent_bytes, sent_packets, sent_errors, sent_drops;
};

struct tcp_sample { /* of Weir's network namespace, from /proc/net/snmp and /proc/net/netstat */
    struct reading retransmits_percent;   /* of the segments sent since the sample before */
    struct reading listen_overflows_rate; /* connections a second that found an accept queue full */
    struct reading listen_drops_rate;     /* ...or were dropped before it for any reason */
    struct reading segments_sent, segments_retransmitted, listen_overflows, listen_drops; /* since boot */
};

struct sockets_sample {                                  /* from /proc/net/sockstat and sockstat6 */
    struct reading used;                                 /* of all kinds */
    struct reading tcp_open, tcp_time_wait, tcp_orphans; /* open: both families; time_wait is not in it */
    struct reading tcp_memory_bytes;
};

struct conntrack_sample { /* connections that the firewall follows */
    struct reading percent;
    struct reading count, max;
};

struct ports_sample {       /* from the kernel's socket list (sock_diag), on a job thread */
    struct reading percent; /* ephemeral ports in use towards the busiest destination, of the range */
    uint32_t in_use, range;
    char destination[HOST_ADDRESS_BYTES]; /* "192.0.2.1:80" */
};

struct open_files_sample { /* of the whole host, from /proc/sys/fs/file-nr */
    struct reading percent;
    struct reading open, max;
};

struct clock_sample {               /* from adjtimex(2) */
    struct reading offset_s;        /* that the kernel is still correcting; signed */
    struct reading is_synchronised; /* 1: something (NTP, PTP) disciplines the clock, 0: nothing does */
    struct reading error_bound_s;   /* the clock is right to within this, as the kernel reckons */
};

struct process_sample {         /* one process of Weir's own */
    int pid;                    /* 0: there is none */
    struct reading cpu_percent; /* 100 is one core; since the sample before */
    struct reading cpu_seconds; /* since it started */
    struct reading memory_bytes, threads, open_files;
};

struct own_sample { /* Weir itself */
    struct process_sample worker, supervisor;
    struct reading files_percent; /* the worker's open files, of its RLIMIT_NOFILE */
    struct reading files_limit;
    struct reading restarts; /* of the worker, since the supervisor started */
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
    struct reading oom_kills_recent;                            /* within RECENT_WINDOW_NS (recent.h) */
    bool has_pids_limit;
    struct reading pids_percent; /* of the limit that is nearest to being reached; unknown without a limit */
    char pids_group[HOST_PATH_BYTES]; /* the group that carries that limit */
    uint64_t pids_group_limit, pids_group_used;
    struct pressures_sample pressure; /* version 2 */
};

struct host_sample {
    int64_t taken_ns;    /* monotonic; 0: nothing sampled yet */
    int64_t interval_ns; /* to the sample before; 0 in the first */
    int64_t cost_ns;     /* CPU time that taking this sample took on the control thread */
    struct cpu_sample cpu;
    struct memory_sample memory;
    struct swap_sample swap;
    struct load_sample load;
    struct paging_sample paging;
    struct pressures_sample pressure;
    struct tcp_sample tcp;
    struct sockets_sample sockets;
    struct conntrack_sample conntrack;
    struct ports_sample ports;
    struct open_files_sample files;
    struct clock_sample clock;
    struct own_sample own;
    struct cgroup_sample cgroup;
    /* What the default alerts look at: the control group when it has a finite limit, else the host. */
    enum sample_scope cpu_scope, memory_scope;
    const char *why_no_devices, *why_no_interfaces; /* constant text when they cannot be read; else NULL */
    uint32_t disk_count, device_count, interface_count, core_count;
    struct disk_sample disks[HOST_DISKS_MAX];
    struct device_sample devices[HOST_DEVICES_MAX];
    struct interface_sample interfaces[HOST_INTERFACES_MAX];
    struct core_sample cores[HOST_CORES_MAX];
};

/* The reading that the alerts judge, by the scope above. */
struct reading host_sample_cpu(const struct host_sample *s);
struct reading host_sample_memory(const struct host_sample *s);
