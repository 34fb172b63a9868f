/*
 * A container with "1.5 CPUs" is given time on all of them, but only so much: as many threads as the machine
 * has CPUs would be put to sleep in the middle of their work. So the quota counts as well, and that of every
 * group above, for each may be the tightest. cgroup v1 is not asked: Debian 12 has v2.
 */
#include "config/cpus.h"

#include "base/macros.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { CPUS_MAX = 4096, GROUP_BYTES = 4096 };

static uint32_t cpus_of_affinity(void)
{
    char bits[CPUS_MAX / 8] __attribute__((aligned(sizeof(unsigned long))));
    memset(bits, 0, sizeof(bits));
    if (sched_getaffinity(0, sizeof(bits), (cpu_set_t *)bits) != 0)
        return 1;
    return (uint32_t)CPU_COUNT_S(sizeof(bits), (cpu_set_t *)bits);
}

uint32_t cpus_of_limit(const char *line)
{
    unsigned long long quota, period;
    if (sscanf(line, "%llu %llu", &quota, &period) != 2 || quota == 0 || period == 0 ||
        quota / period >= CPUS_MAX)
        return 0;
    return (uint32_t)((quota + period - 1) / period);
}

static bool read_line(const char *path, const char *prefix, char *out, int out_bytes)
{
    FILE *file = fopen(path, "re");
    bool is_found = false;
    while (file && !is_found && fgets(out, out_bytes, file))
        is_found = strncmp(out, prefix, strlen(prefix)) == 0;
    if (file)
        fclose(file);
    return is_found;
}

static uint32_t cpus_of_cgroup(void)
{
    char line[GROUP_BYTES], path[GROUP_BYTES + 64], limit_text[128];
    uint32_t least = 0;
    if (!read_line("/proc/self/cgroup", "0::", line, sizeof(line)))
        return 0;
    line[strcspn(line, "\n")] = '\0';
    char *group = line + 3;
    for (;;) {
        snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cpu.max", group);
        uint32_t limit = read_line(path, "", limit_text, sizeof(limit_text)) ? cpus_of_limit(limit_text) : 0;
        if (limit && (least == 0 || limit < least))
            least = limit;
        char *slash = strrchr(group, '/');
        if (!slash)
            return least;
        *slash = '\0';
    }
}

uint32_t cpus_usable(void)
{
    uint32_t affinity = MAX(cpus_of_affinity(), 1u), limit = cpus_of_cgroup();
    return limit ? MIN(affinity, limit) : affinity;
}
