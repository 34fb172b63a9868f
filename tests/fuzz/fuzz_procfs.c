/*
 * Any bytes as each of the texts of /proc and of control groups. What must hold: nothing crashes, hangs or
 * reads beyond the end; names lie inside the text; what is told can be told.
 */
#include "base/macros.h"
#include "watch/procfs.h"
#include "watch/procfs_net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct str text, struct str part)
{
    ASSERT(part.len == 0 || (part.ptr >= text.ptr && part.ptr + part.len <= text.ptr + text.len));
}

static void check_cpus(struct str text)
{
    struct cpu_ticks ticks;
    uint32_t count, found = 0, index;
    struct str rest = text;
    (void)procfs_parse_stat(text, &ticks, &count);
    while (procfs_next_cpu(&rest, &index, &ticks))
        found++;
    ASSERT(found <= count);
}

static void check_tables(struct str text)
{
    struct str rest = text;
    struct mount_line mount;
    char path[64];
    while (procfs_next_mount(&rest, &mount)) {
        check_inside(text, mount.point);
        check_inside(text, mount.super_options);
        if (procfs_unescape(mount.point, path, sizeof(path)))
            ASSERT(strlen(path) <= mount.point.len);
        (void)procfs_has_option(mount.super_options, STR("ro"));
    }
    struct cgroup_line group;
    for (rest = text; procfs_next_cgroup(&rest, &group);)
        check_inside(text, group.path);
    struct device_line device;
    for (rest = text; procfs_next_device(&rest, &device);)
        check_inside(text, device.name);
    struct interface_line interface;
    for (rest = text; procfs_next_interface(&rest, &interface);) {
        check_inside(text, interface.name);
        ASSERT(interface.name.len > 0);
    }
}

static void check_numbers(struct str text)
{
    struct meminfo info;
    double averages[3];
    uint64_t a, b;
    uint32_t count, other;
    uint16_t first, last;
    struct pressure_text pressure;
    struct process_line process;
    if (procfs_parse_meminfo(text, &info))
        ASSERT(info.total > 0);
    if (procfs_parse_loadavg(text, averages))
        ASSERT(averages[0] >= 0 && averages[1] >= 0 && averages[2] >= 0);
    (void)procfs_parse_zoneinfo_low(text);
    (void)procfs_parse_pressure(text, &pressure);
    if (procfs_parse_process(text, &process))
        ASSERT(process.parent >= 0 && process.group >= 0);
    if (procfs_count_cpus(text, &count))
        ASSERT(count > 0 && count <= UINT16_MAX);
    (void)procfs_find_number(text, STR("oom_kill"), &a);
    (void)procfs_parse_number(text, &a);
    if (procfs_parse_cpu_max(text, &a, &b))
        ASSERT(b > 0);
    (void)procfs_parse_device_number(text, &count, &other);
    if (procfs_parse_port_range(text, &first, &last))
        ASSERT(first <= last);
    if (procfs_parse_file_count(text, &a, &b))
        ASSERT(b > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t value;
    struct str text = str_n((const char *)data, size);
    check_cpus(text);
    check_tables(text);
    check_numbers(text);
    (void)procfs_find_column(text, STR("Tcp"), STR("OutSegs"), &value);
    (void)procfs_find_pair(text, STR("TCP"), STR("inuse"), &value);
    return 0;
}
