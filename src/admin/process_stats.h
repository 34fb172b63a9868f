/* process_stats.h: the numbers of this process that every Prometheus target shows. Reads /proc/self; any
 * thread. */
#pragma once
#include <stdbool.h>

struct process_stats {
    double cpu_s, resident_bytes, open_fds, start_time_s;
};

/* false when /proc cannot be read. */
bool process_stats_read(struct process_stats *ret_stats);
