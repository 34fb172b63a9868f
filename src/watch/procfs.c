/*
 * procfs.c: see procfs.h.
 *
 * Everything is a list of lines, and a line a list of words, so the helpers of words.h carry all parsers. In
 * meminfo the name is cut at the colon, because some kernels print no space after it.
 */
#include "watch/procfs.h"

#include "base/macros.h"
#include "watch/words.h"

#include <limits.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool parse_cpu_line(struct str line, struct cpu_ticks *ret_ticks)
{
    struct cpu_ticks ticks = {0};
    size_t found = 0;
    while (found < CPU_COLUMN_COUNT && words_next_number(&line, &ticks.columns[found]))
        found++;
    if (found <= CPU_IDLE)
        return false;
    *ret_ticks = ticks;
    return true;
}

bool procfs_parse_stat(struct str text, struct cpu_ticks *ret_ticks, uint32_t *ret_cpu_count)
{
    bool has_total = false;
    uint32_t cpus = 0;
    struct str line;
    while (words_next_line(&text, &line) && str_starts_with(line, STR("cpu"))) {
        struct str name = words_next(&line);
        if (name.len == 3)
            has_total = parse_cpu_line(line, ret_ticks);
        else if (is_digit(name.ptr[3]))
            cpus++;
    }
    *ret_cpu_count = cpus;
    return has_total;
}

bool procfs_next_cpu(struct str *rest, uint32_t *ret_index, struct cpu_ticks *ret_ticks)
{
    struct str line;
    while (words_next_line(rest, &line) && str_starts_with(line, STR("cpu"))) {
        struct str name = words_next(&line);
        uint64_t index;
        if (name.len == 3 || !str_parse_u64(str_n(name.ptr + 3, name.len - 3), &index) || index > UINT16_MAX)
            continue;
        if (!parse_cpu_line(line, ret_ticks))
            continue;
        *ret_index = (uint32_t)index;
        return true;
    }
    return false;
}

static void set_meminfo(struct meminfo *info, struct str key, uint64_t bytes)
{
#define MEMINFO_SET(field, name)                                                                             \
    if (str_eq(key, STR(name))) {                                                                            \
        info->has_##field = true;                                                                            \
        info->field = bytes;                                                                                 \
        return;                                                                                              \
    }
    MEMINFO_FIELDS(MEMINFO_SET)
#undef MEMINFO_SET
}

bool procfs_parse_meminfo(struct str text, struct meminfo *ret_info)
{
    struct meminfo info = {0};
    struct str line, key;
    while (words_next_line(&text, &line)) {
        size_t colon;
        if (!str_find(line, ':', &colon))
            continue;
        key = str_n(line.ptr, colon);
        line = str_n(line.ptr + colon + 1, line.len - colon - 1);
        uint64_t kilobytes;
        if (words_next_number(&line, &kilobytes) && kilobytes <= UINT64_MAX / 1024)
            set_meminfo(&info, key, kilobytes * 1024);
    }
    if (!info.has_total || !info.has_free || info.total == 0)
        return false;
    *ret_info = info;
    return true;
}

uint64_t procfs_parse_zoneinfo_low(struct str text)
{
    uint64_t pages = 0, low;
    struct str line;
    while (words_next_line(&text, &line))
        if (str_eq(words_next(&line), STR("low")) && words_next_number(&line, &low))
            pages += low;
    return pages;
}

static bool parse_decimal(struct str word, double *ret_value)
{
    size_t dot;
    uint64_t whole, part = 0;
    double scale = 1;
    struct str fraction = {"", 0};
    if (str_find(word, '.', &dot)) {
        fraction = str_n(word.ptr + dot + 1, word.len - dot - 1);
        word.len = dot;
    }
    if (!str_parse_u64(word, &whole) || (fraction.len && !str_parse_u64(fraction, &part)))
        return false;
    for (size_t i = 0; i < fraction.len; i++)
        scale *= 10;
    *ret_value = (double)whole + (double)part / scale;
    return true;
}

bool procfs_parse_loadavg(struct str text, double ret_averages[3])
{
    double averages[3];
    for (int i = 0; i < 3; i++)
        if (!parse_decimal(words_next(&text), &averages[i]))
            return false;
    memcpy(ret_averages, averages, sizeof(averages));
    return true;
}

/* 27 1 254:0 / /mnt rw,relatime [optional fields] - ext4 /dev/vda rw: proc_pid_mountinfo(5). */
static bool parse_mount(struct str line, struct mount_line *ret_mount)
{
    struct mount_line m = {0};
    (void)words_next(&line);
    (void)words_next(&line);
    m.device = words_next(&line);
    m.root = words_next(&line);
    m.point = words_next(&line);
    m.options = words_next(&line);
    struct str word = words_next(&line);
    while (word.len && !str_eq(word, STR("-")))
        word = words_next(&line);
    m.type = words_next(&line);
    m.source = words_next(&line);
    m.super_options = words_next(&line);
    if (m.point.len == 0 || m.type.len == 0)
        return false;
    *ret_mount = m;
    return true;
}

bool procfs_next_mount(struct str *rest, struct mount_line *ret_mount)
{
    struct str line;
    while (words_next_line(rest, &line))
        if (parse_mount(line, ret_mount))
            return true;
    return false;
}

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

bool procfs_unescape(struct str text, char *out, size_t out_bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; n++) {
        if (n + 1 >= out_bytes)
            return false;
        const char *p = text.ptr + i;
        bool is_escape =
            *p == '\\' && text.len - i >= 4 && is_octal(p[1]) && is_octal(p[2]) && is_octal(p[3]);
        out[n] = is_escape ? (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0')) : *p;
        i += is_escape ? 4 : 1;
    }
    if (n >= out_bytes)
        return false;
    out[n] = '\0';
    return true;
}

bool procfs_has_option(struct str options, struct str option)
{
    struct str part;
    while (options.len && str_split(&options, ',', &part))
        if (str_eq(part, option))
            return true;
    return false;
}

bool procfs_next_cgroup(struct str *rest, struct cgroup_line *ret_line)
{
    struct str line;
    while (words_next_line(rest, &line)) {
        size_t first, second;
        if (!str_find(line, ':', &first))
            continue;
        struct str after = str_n(line.ptr + first + 1, line.len - first - 1);
        if (!str_find(after, ':', &second))
            continue;
        ret_line->controllers = str_n(after.ptr, second);
        ret_line->path = str_n(after.ptr + second + 1, after.len - second - 1);
        return true;
    }
    return false;
}

/* "4711 (name) S 1 4711 …": proc_pid_stat(5). The name may hold anything, so it ends at the last bracket. */
bool procfs_parse_process(struct str text, struct process_line *ret_line)
{
    enum {
        PARENT = 4,
        GROUP = 5,
        USER_TIME = 14,
        CHILDREN_TIME = 16,
        THREADS = 20,
        STARTED = 22,
        RESIDENT = 24
    };
    uint64_t numbers[RESIDENT + 1] = {0};
    const char *close = memrchr(text.ptr, ')', text.len);
    if (!close)
        return false;
    struct str rest = str_n(close + 1, text.len - (size_t)(close + 1 - text.ptr));
    struct str state = words_next(&rest);
    for (int i = PARENT; i <= RESIDENT; i++) {
        struct str word = words_next(&rest);
        bool is_negative = str_starts_with(word, STR("-")); /* no terminal, a nice value: of no interest */
        if (!is_negative && !str_parse_u64(word, &numbers[i]))
            return false;
    }
    bool is_possible =
        numbers[PARENT] <= INT_MAX && numbers[GROUP] <= INT_MAX && numbers[THREADS] <= UINT32_MAX;
    if (state.len != 1 || !is_possible)
        return false;
    *ret_line = (struct process_line){.parent = (int)numbers[PARENT],
                                      .group = (int)numbers[GROUP],
                                      .is_zombie = state.ptr[0] == 'Z' || state.ptr[0] == 'X',
                                      .own_ticks = numbers[USER_TIME] + numbers[USER_TIME + 1],
                                      .children_ticks = numbers[CHILDREN_TIME] + numbers[CHILDREN_TIME + 1],
                                      .started_ticks = numbers[STARTED],
                                      .resident_pages = numbers[RESIDENT],
                                      .threads = (uint32_t)numbers[THREADS]};
    return true;
}

/* "some avg10=0.12 avg60=0.05 avg300=0.01 total=12345": Documentation/accounting/psi.rst. */
static bool parse_pressure_line(struct str line, uint64_t *ret_us)
{
    struct str word, key = STR("total=");
    while ((word = words_next(&line)).len)
        if (str_starts_with(word, key))
            return str_parse_u64(str_n(word.ptr + key.len, word.len - key.len), ret_us);
    return false;
}

bool procfs_parse_pressure(struct str text, struct pressure_text *ret_pressure)
{
    struct pressure_text p = {0};
    bool has_some = false;
    struct str line;
    while (words_next_line(&text, &line)) {
        struct str kind = words_next(&line);
        if (str_eq(kind, STR("some")))
            has_some = parse_pressure_line(line, &p.some_us);
        else if (str_eq(kind, STR("full")))
            p.has_full = parse_pressure_line(line, &p.full_us);
    }
    if (has_some)
        *ret_pressure = p;
    return has_some;
}

/* "254 0 vda 29365 5513 …": Documentation/admin-guide/iostats.rst. */
static bool parse_device(struct str line, struct device_line *ret_line)
{
    enum { READS, READS_MERGED, READ_SECTORS, READ_MS, WRITES, WRITES_MERGED, WRITTEN_SECTORS, WRITE_MS };
    enum { IN_FLIGHT = WRITE_MS + 1, BUSY_MS, QUEUE_MS, COLUMN_COUNT };
    uint64_t major, minor, columns[COLUMN_COUNT];
    if (!words_next_number(&line, &major) || !words_next_number(&line, &minor))
        return false;
    struct str name = words_next(&line);
    for (int i = 0; i < COLUMN_COUNT; i++)
        if (!words_next_number(&line, &columns[i]))
            return false;
    if (major > UINT32_MAX || minor > UINT32_MAX)
        return false;
    *ret_line = (struct device_line){.major = (uint32_t)major,
                                     .minor = (uint32_t)minor,
                                     .name = name,
                                     .reads = columns[READS],
                                     .read_sectors = columns[READ_SECTORS],
                                     .read_ms = columns[READ_MS],
                                     .writes = columns[WRITES],
                                     .written_sectors = columns[WRITTEN_SECTORS],
                                     .write_ms = columns[WRITE_MS],
                                     .busy_ms = columns[BUSY_MS],
                                     .queue_ms = columns[QUEUE_MS]};
    return true;
}

bool procfs_next_device(struct str *rest, struct device_line *ret_line)
{
    struct str line;
    while (words_next_line(rest, &line))
        if (parse_device(line, ret_line))
            return true;
    return false;
}

bool procfs_parse_device_number(struct str text, uint32_t *ret_major, uint32_t *ret_minor)
{
    struct str before, after;
    uint64_t major, minor;
    if (!words_split_at(text, ':', &before, &after) || !str_parse_u64(before, &major) ||
        !str_parse_u64(after, &minor) || major > UINT32_MAX || minor > UINT32_MAX)
        return false;
    *ret_major = (uint32_t)major;
    *ret_minor = (uint32_t)minor;
    return true;
}

static struct str first_line(struct str text)
{
    struct str line = {"", 0};
    (void)words_next_line(&text, &line);
    return str_trim(line);
}

bool procfs_count_cpus(struct str list, uint32_t *ret_count)
{
    list = first_line(list);
    uint64_t count = 0;
    struct str range;
    while (list.len && str_split(&list, ',', &range)) {
        size_t dash;
        uint64_t from, to;
        bool is_range = str_find(range, '-', &dash);
        if (!str_parse_u64(is_range ? str_n(range.ptr, dash) : range, &from))
            return false;
        to = from;
        if (is_range && !str_parse_u64(str_n(range.ptr + dash + 1, range.len - dash - 1), &to))
            return false;
        if (to < from || to > UINT16_MAX)
            return false;
        count += to - from + 1;
    }
    if (count == 0 || count > UINT16_MAX)
        return false;
    *ret_count = (uint32_t)count;
    return true;
}

bool procfs_find_number(struct str text, struct str key, uint64_t *ret_value)
{
    struct str line;
    while (words_next_line(&text, &line))
        if (str_starts_with(line, key) && str_eq(words_next(&line), key))
            return words_next_number(&line, ret_value);
    return false;
}

bool procfs_parse_number(struct str text, uint64_t *ret_value)
{
    return str_parse_u64(first_line(text), ret_value);
}

bool procfs_parse_cpu_max(struct str text, uint64_t *ret_quota_us, uint64_t *ret_period_us)
{
    struct str line = first_line(text);
    struct str quota = words_next(&line);
    uint64_t quota_us = 0, period_us;
    if (!str_eq(quota, STR("max")) && (!str_parse_u64(quota, &quota_us) || quota_us == 0))
        return false;
    if (!words_next_number(&line, &period_us) || period_us == 0)
        return false;
    *ret_quota_us = quota_us;
    *ret_period_us = period_us;
    return true;
}
