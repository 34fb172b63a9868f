/*
 * formula.h: the sums that turn counters into percentages, the same as psutil's. Pure.
 *
 * Sources: psutil 5.9 __init__.py (cpu_percent, _cpu_tot_time, _cpu_busy_time), _pslinux.py (virtual_memory,
 * calculate_avail_vmem, swap_memory), _psposix.py (disk_usage), _common.py (usage_percent).
 */
#pragma once
#include "watch/host_sample.h"
#include "watch/procfs.h"

double formula_round_tenth(double value); /* as Python's round(value, 1), which is as printf's "%.1f" */
double formula_percent(uint64_t used, uint64_t total); /* rounded; 0 when total is 0 */

/* Fields that ran backwards count as 0. Guest time is inside user time, iowait counts as idle, steal as busy.
   percent is unknown when the counters stood still. cpu_count is left alone. */
void formula_cpu(const struct cpu_ticks *before, const struct cpu_ticks *now, struct cpu_sample *ret_sample);

/* zoneinfo_low_pages: from /proc/zoneinfo, or UINT64_MAX when that cannot be read. Only looked at when
   formula_needs_zoneinfo(): the kernel's MemAvailable is missing or 0. */
bool formula_needs_zoneinfo(const struct meminfo *m);
void formula_memory(const struct meminfo *m, uint64_t zoneinfo_low_pages, uint64_t page_bytes,
                    struct memory_sample *ret_sample);
void formula_swap(const struct meminfo *m, struct swap_sample *ret_sample);

/* What a counter grew by, a second; unknown when it ran backwards or no time has passed. */
struct reading formula_rate(uint64_t before, uint64_t now, int64_t elapsed_ns);
/* The same as a share of time, for counters of time; at most 100. now and before in units of unit_ns. */
struct reading formula_time_share(uint64_t before, uint64_t now, int64_t unit_ns, int64_t elapsed_ns);
extern const char formula_first_sample[]; /* why a rate is unknown in the first sample */

/* The numbers of statvfs(3), in blocks of fragment_bytes (f_frsize, not f_bsize). */
struct disk_counts {
    uint64_t fragment_bytes, blocks, blocks_free, blocks_available;
    uint64_t inodes, inodes_free;
};
void formula_disk(const struct disk_counts *c, struct disk_sample *ret_sample); /* path is left alone */
