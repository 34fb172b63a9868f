/*
 * proc(5): field 14 and 15 of /proc/self/stat are CPU ticks, 22 the start in ticks after boot, 24 resident
 * pages. The command in field 2 may contain anything, so fields are counted from the last ')'. Linux 6.2 and
 * later tell the number of open descriptors as the size of /proc/self/fd, which costs nothing with 100,000
 * connections; older ones have it counted.
 */
#include "admin/process_stats.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static double boot_time_s(void)
{
    double boot_s = 0;
    char line[256];
    FILE *f = fopen("/proc/stat", "re");
    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "btime %lf", &boot_s) == 1)
            break;
    if (f)
        fclose(f);
    return boot_s;
}

static double count_open_fds(void)
{
    struct stat st;
    if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
        return (double)st.st_size;
    double count = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d))
        count++;
    if (d)
        closedir(d);
    return count > 3 ? count - 3 : 0; /* ".", ".." and the directory itself */
}

bool process_stats_read(struct process_stats *ret_stats)
{
    char text[1024];
    FILE *f = fopen("/proc/self/stat", "re");
    if (!f)
        return false;
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    unsigned long long user, system, start;
    long resident_pages;
    const char *after_name = strrchr(text, ')');
    if (!after_name ||
        sscanf(after_name + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %llu %*u %ld",
               &user, &system, &start, &resident_pages) != 4)
        return false;
    double ticks_per_s = (double)sysconf(_SC_CLK_TCK);
    *ret_stats =
        (struct process_stats){.cpu_s = (double)(user + system) / ticks_per_s,
                               .resident_bytes = (double)resident_pages * (double)sysconf(_SC_PAGESIZE),
                               .open_fds = count_open_fds(),
                               .start_time_s = boot_time_s() + (double)start / ticks_per_s};
    return true;
}
