/*
 * procfs.c: see procfs.h.
 *
 * Everything is a list of lines, and a line a list of words, so two small helpers (take_line, take_word)
 * carry all parsers. Words are cut at spaces and tabs; in meminfo the name is cut at the colon, because some
 * kernels print no space after it.
 */
#include "watch/procfs.h"

#include "base/macros.h"

#include <limits.h>

static bool take_line(struct str *rest, struct str *ret_line)
{
    if (rest->len == 0)
        return false;
    return str_split(rest, '\n', ret_line);
}

static struct str take_word(struct str *line)
{
    size_t start = 0;
    while (start < line->len && (line->ptr[start] == ' ' || line->ptr[start] == '\t'))
        start++;
    size_t end = start;
    while (end < line->len && line->ptr[end] != ' ' && line->ptr[end] != '\t')
        end++;
    struct str word = str_n(line->ptr + start, end - start);
    *line = str_n(line->ptr + end, line->len - end);
    return word;
}

static bool take_number(struct str *line, uint64_t *ret_value)
{
    return str_parse_u64(take_word(line), ret_value);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool parse_cpu_line(struct str line, struct cpu_ticks *ret_ticks)
{
    struct cpu_ticks ticks = {0};
    size_t found = 0;
    while (found < CPU_COLUMN_COUNT && take_number(&line, &ticks.columns[found]))
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
    while (take_line(&text, &line) && str_starts_with(line, STR("cpu"))) {
        struct str name = take_word(&line);
        if (name.len == 3)
            has_total = parse_cpu_line(line, ret_ticks);
        else if (is_digit(name.ptr[3]))
            cpus++;
    }
    *ret_cpu_count = cpus;
    return has_total;
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
    while (take_line(&text, &line)) {
        size_t colon;
        if (!str_find(line, ':', &colon))
            continue;
        key = str_n(line.ptr, colon);
        line = str_n(line.ptr + colon + 1, line.len - colon - 1);
        uint64_t kilobytes;
        if (take_number(&line, &kilobytes) && kilobytes <= UINT64_MAX / 1024)
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
    while (take_line(&text, &line))
        if (str_eq(take_word(&line), STR("low")) && take_number(&line, &low))
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
        if (!parse_decimal(take_word(&text), &averages[i]))
            return false;
    memcpy(ret_averages, averages, sizeof(averages));
    return true;
}

/* 27 1 254:0 / /mnt rw,relatime [optional fields] - ext4 /dev/vda rw: proc_pid_mountinfo(5). */
static bool parse_mount(struct str line, struct mount_line *ret_mount)
{
    struct mount_line m = {0};
    (void)take_word(&line);
    (void)take_word(&line);
    m.device = take_word(&line);
    m.root = take_word(&line);
    m.point = take_word(&line);
    (void)take_word(&line);
    struct str word = take_word(&line);
    while (word.len && !str_eq(word, STR("-")))
        word = take_word(&line);
    m.type = take_word(&line);
    m.source = take_word(&line);
    m.super_options = take_word(&line);
    if (m.point.len == 0 || m.type.len == 0)
        return false;
    *ret_mount = m;
    return true;
}

bool procfs_next_mount(struct str *rest, struct mount_line *ret_mount)
{
    struct str line;
    while (take_line(rest, &line))
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
    while (take_line(rest, &line)) {
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
    struct str state = take_word(&rest);
    for (int i = PARENT; i <= RESIDENT; i++) {
        struct str word = take_word(&rest);
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

static struct str first_line(struct str text)
{
    struct str line = {"", 0};
    (void)take_line(&text, &line);
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
    while (take_line(&text, &line))
        if (str_starts_with(line, key) && str_eq(take_word(&line), key))
            return take_number(&line, ret_value);
    return false;
}

bool procfs_parse_number(struct str text, uint64_t *ret_value)
{
    return str_parse_u64(first_line(text), ret_value);
}

bool procfs_parse_cpu_max(struct str text, uint64_t *ret_quota_us, uint64_t *ret_period_us)
{
    struct str line = first_line(text);
    struct str quota = take_word(&line);
    uint64_t quota_us = 0, period_us;
    if (!str_eq(quota, STR("max")) && (!str_parse_u64(quota, &quota_us) || quota_us == 0))
        return false;
    if (!take_number(&line, &period_us) || period_us == 0)
        return false;
    *ret_quota_us = quota_us;
    *ret_period_us = period_us;
    return true;
}
