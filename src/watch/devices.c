/*
 * devices.c: see devices.h.
 *
 * A whole disk is one that /sys/block names, as for psutil and iostat; that is asked once for each name. Loop
 * devices, RAM disks and floppies are left out: what they do, the disk below them does too.
 *
 * Utilisation is the share of time with a request under way. A device that serves many at once (NVMe, RAID)
 * can be at 100 % and have plenty left: the queue and the latency tell more.
 */
#include "watch/devices.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "watch/cgroup.h"
#include "watch/formula.h"
#include "watch/kept_file.h"
#include "watch/procfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    SECTOR_BYTES = 512,
    KNOWN_MAX = 512, /* devices, parts of disks included; more are not looked at */
};

struct device {
    char name[HOST_NAME_BYTES];
    uint32_t major, minor;
    bool is_whole;
    bool is_there; /* in the present look */
    bool has_previous;
    struct device_sample previous;
};

struct devices {
    char *root; /* owned */
    char *scratch;
    struct kept_file stats;
    int64_t taken_ns; /* the look before; 0: none */
    uint32_t count;
    struct device devices[KNOWN_MAX]; /* in the kernel's order */
};

struct devices *devices_new(const char *root, char *scratch)
{
    struct devices *d = NEW(struct devices);
    d->root = mem_strdup(root);
    d->scratch = scratch;
    kept_file_init(&d->stats, root, "/proc/diskstats");
    return d;
}

void devices_free(struct devices *d)
{
    if (d == NULL)
        return;
    kept_file_fini(&d->stats);
    free(d->root);
    free(d);
}

/* ---- which ---- */

static bool is_pseudo(struct str name)
{
    static const struct str prefixes[] = {STR("loop"), STR("ram"), STR("fd")};
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        if (str_starts_with(name, prefixes[i]))
            return true;
    return false;
}

/* A name with a slash (cciss/c0d0) has an exclamation mark there. */
static bool is_in_sys_block(const char *root, const char *name)
{
    char path[4096];
    int at = snprintf(path, sizeof(path), "%s/sys/block/", root);
    (void)snprintf(path + at, sizeof(path) - (size_t)at, "%s", name);
    for (char *p = path + at; *p; p++)
        if (*p == '/')
            *p = '!';
    return access(path, F_OK) == 0;
}

static bool is_below_a_disk(const struct device_line *line, const struct disk_sample *disks, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (disks[i].device_major == line->major && disks[i].device_minor == line->minor)
            return line->major != 0;
    return false;
}

/* expected: where it should be, as the order seldom changes. NULL: there are too many. */
static struct device *find_or_add(struct devices *d, struct str name, uint32_t expected)
{
    if (expected < d->count && str_eq(str_of(d->devices[expected].name), name))
        return &d->devices[expected];
    for (uint32_t i = 0; i < d->count; i++)
        if (str_eq(str_of(d->devices[i].name), name))
            return &d->devices[i];
    if (d->count == KNOWN_MAX)
        return NULL;
    struct device *device = &d->devices[d->count++];
    *device = (struct device){0};
    str_copy(device->name, sizeof(device->name), name);
    device->is_whole = is_in_sys_block(d->root, device->name);
    return device;
}

static void forget_missing(struct devices *d)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < d->count; i++)
        if (d->devices[i].is_there)
            d->devices[kept++] = d->devices[i];
    d->count = kept;
}

/* ---- sums ---- */

static void set_rates_unknown(struct device_sample *s, const char *why)
{
    struct reading unknown = reading_unknown(why);
    s->read_rate = s->write_rate = s->reads_rate = s->writes_rate = unknown;
    s->busy_percent = s->queue = s->read_latency_s = s->write_latency_s = unknown;
}

static struct reading latency(uint64_t ms_before, uint64_t ms, uint64_t count_before, uint64_t count)
{
    if (ms < ms_before || count < count_before)
        return reading_unknown("the counter ran backwards");
    return reading_known(
        count == count_before ? 0 : (double)(ms - ms_before) / 1e3 / (double)(count - count_before));
}

static void take_rates(const struct device_sample *before, int64_t elapsed_ns, struct device_sample *s)
{
    s->read_rate = formula_rate(before->read_bytes, s->read_bytes, elapsed_ns);
    s->write_rate = formula_rate(before->written_bytes, s->written_bytes, elapsed_ns);
    s->reads_rate = formula_rate(before->reads, s->reads, elapsed_ns);
    s->writes_rate = formula_rate(before->writes, s->writes, elapsed_ns);
    s->busy_percent = formula_time_share(before->busy_ms, s->busy_ms, NS_PER_MS, elapsed_ns);
    s->queue = formula_rate(before->queue_ms, s->queue_ms, elapsed_ns);
    s->queue.value /= 1e3; /* milliseconds of waiting in a second */
    s->read_latency_s = latency(before->read_ms, s->read_ms, before->reads, s->reads);
    s->write_latency_s = latency(before->write_ms, s->write_ms, before->writes, s->writes);
}

static void take_device(struct device *device, const struct device_line *line, int64_t elapsed_ns,
                        struct device_sample *s)
{
    *s = (struct device_sample){.reads = line->reads,
                                .writes = line->writes,
                                .read_bytes = line->read_sectors * SECTOR_BYTES,
                                .written_bytes = line->written_sectors * SECTOR_BYTES,
                                .read_ms = line->read_ms,
                                .write_ms = line->write_ms,
                                .busy_ms = line->busy_ms,
                                .queue_ms = line->queue_ms};
    str_copy(s->name, sizeof(s->name), line->name);
    if (device->has_previous)
        take_rates(&device->previous, elapsed_ns, s);
    else
        set_rates_unknown(s, formula_first_sample);
    device->previous = *s;
    device->has_previous = true;
}

uint32_t devices_take(struct devices *d, int64_t now_ns, const struct disk_sample *disks, uint32_t disk_count,
                      struct device_sample ret_samples[HOST_DEVICES_MAX], const char **ret_why)
{
    struct str text;
    struct device_line line;
    uint32_t count = 0;
    *ret_why = NULL;
    if (!kept_file_read(&d->stats, d->scratch, CGROUP_SCRATCH_BYTES, &text, ret_why)) {
        d->count = 0;
        return 0;
    }
    for (uint32_t i = 0; i < d->count; i++)
        d->devices[i].is_there = false;
    for (uint32_t at = 0; procfs_next_device(&text, &line);) {
        bool is_mounted = is_below_a_disk(&line, disks, disk_count);
        if (line.name.len >= HOST_NAME_BYTES || (is_pseudo(line.name) && !is_mounted))
            continue;
        struct device *device = find_or_add(d, line.name, at++);
        if (device == NULL)
            continue;
        device->is_there = true;
        device->major = line.major;
        device->minor = line.minor;
        if ((!device->is_whole && !is_mounted) || count == HOST_DEVICES_MAX)
            continue;
        take_device(device, &line, now_ns - d->taken_ns, &ret_samples[count++]);
    }
    forget_missing(d);
    d->taken_ns = now_ns;
    return count;
}

void devices_name(const struct devices *d, struct disk_sample *disks, uint32_t disk_count)
{
    for (uint32_t i = 0; i < disk_count; i++) {
        disks[i].device[0] = '\0';
        for (uint32_t k = 0; k < d->count && disks[i].device_major; k++)
            if (d->devices[k].major == disks[i].device_major && d->devices[k].minor == disks[i].device_minor)
                memcpy(disks[i].device, d->devices[k].name, sizeof(disks[i].device));
    }
}
