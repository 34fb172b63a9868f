/* cpus.h: how many CPUs this process may use. Any thread. */
#pragma once
#include <stdint.h>

/*
 * The smaller of the scheduler's affinity (sched_getaffinity) and the CPU limit of the cgroup (v2 cpu.max, of
 * the process's own group or one above it) rounded up; at least 1. What cannot be read does not limit.
 */
uint32_t cpus_usable(void);
/* The limit that a line of cpu.max such as "150000 100000" means, rounded up; 0 for "max" and for what is not
 * understood. Pure. */
uint32_t cpus_of_limit(const char *line);
