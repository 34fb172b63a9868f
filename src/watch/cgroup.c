/*
 * cgroup.c: see cgroup.h.
 *
 * Finding: /proc/self/cgroup names our group for each controller, /proc/self/mountinfo the mounts that show
 * them. A controller on a version 1 line is version 1, else version 2 ("hybrid" systems mix them). Without a
 * namespace of its own a container sees its path from the host's root, while the mount shows only a part of
 * the tree: the mount's root is cut off. The levels are the directories from our group up to the mount point.
 * Found anew when /proc/self/cgroup changes.
 *
 * Measuring: each level keeps its files open. Files that do not exist (the root group has no limits) mean "no
 * limit here". The use is read only where there is a limit. Version 1 tells limits of ancestors that we
 * cannot see in memory.stat (hierarchical_memory_limit), and calls "no limit" a number near 2^63: anything
 * not below the host's memory is none.
 *
 * Kills for lack of memory are read where the nearest limit is, for that is what they are about: a service of
 * systemd in a container is limited by a group above its own. Version 1 counts those of each group alone, so
 * there it is our own.
 */
#include "watch/cgroup.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "watch/formula.h"
#include "watch/kept_file.h"
#include "watch/pressure.h"
#include "watch/procfs.h"
#include "watch/recent.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    LEVELS_MAX = 16,
    PATH_BYTES = 1024,
    GROUP_BYTES_KEPT = 4096,
    TEXT_BYTES = 16 * 1024, /* memory.stat is the longest, about 2 KiB */
};
#define FIND_EVERY_NS (10 * NS_PER_S)

struct cpu_level {
    char group[HOST_PATH_BYTES];
    struct kept_file quota, period; /* period: version 1 only */
    struct kept_file stat, usage;   /* usage: version 1 only */
    struct kept_file cpuset;
    bool has_previous;
    int64_t previous_ns;
    uint64_t usage_ns, periods, throttled;
};

struct memory_level {
    char group[HOST_PATH_BYTES];
    struct kept_file limit, used, stat;
    struct kept_file events;     /* memory.events; version 1: memory.oom_control, of our own group alone */
    uint64_t hidden_limit_bytes; /* version 1: of ancestors that we cannot see; 0: none */
};

struct pids_level {
    char group[HOST_PATH_BYTES];
    struct kept_file limit, used;
};

struct cgroup {
    char *root;    /* owned */
    char *scratch; /* borrowed */
    struct kept_file self, mounts, status;
    int64_t found_ns; /* 0: never */
    char self_text[GROUP_BYTES_KEPT];
    uint32_t affinity_count; /* 0: unknown */
    int cpu_version, memory_version;
    size_t cpu_count, memory_count;
    struct cpu_level cpu[LEVELS_MAX];       /* nearest first */
    struct memory_level memory[LEVELS_MAX]; /* nearest first */
    size_t pids_count;
    struct pids_level pids[LEVELS_MAX]; /* nearest first */
    size_t killing_level;               /* the one of memory whose kills are counted */
    struct recent oom_kills;
    struct pressures pressure; /* of our group, version 2; no files: there is none */
};

/* Where a controller's files of our group are. */
struct place {
    int version;            /* 0: not found */
    char point[PATH_BYTES]; /* mount point */
    char below[PATH_BYTES]; /* "" or "/a/b" */
};

struct cgroup *cgroup_new(const char *root, char *scratch)
{
    struct cgroup *c = NEW(struct cgroup);
    c->root = mem_strdup(root);
    c->scratch = scratch;
    kept_file_init(&c->self, root, "/proc/self/cgroup");
    kept_file_init(&c->mounts, root, "/proc/self/mountinfo");
    kept_file_init(&c->status, root, "/proc/self/status");
    return c;
}

static void forget_levels(struct cgroup *c)
{
    for (size_t i = 0; i < c->cpu_count; i++) {
        struct cpu_level *l = &c->cpu[i];
        kept_file_fini(&l->quota);
        kept_file_fini(&l->period);
        kept_file_fini(&l->stat);
        kept_file_fini(&l->usage);
        kept_file_fini(&l->cpuset);
    }
    for (size_t i = 0; i < c->memory_count; i++) {
        struct memory_level *l = &c->memory[i];
        kept_file_fini(&l->limit);
        kept_file_fini(&l->used);
        kept_file_fini(&l->stat);
        kept_file_fini(&l->events);
    }
    for (size_t i = 0; i < c->pids_count; i++) {
        kept_file_fini(&c->pids[i].limit);
        kept_file_fini(&c->pids[i].used);
    }
    pressures_fini(&c->pressure);
    c->cpu_count = c->memory_count = c->pids_count = 0;
    memset(c->cpu, 0, sizeof(c->cpu));
    memset(c->memory, 0, sizeof(c->memory));
    memset(c->pids, 0, sizeof(c->pids));
    c->pressure = (struct pressures){0};
    c->oom_kills = (struct recent){0};
    c->killing_level = 0;
}

void cgroup_free(struct cgroup *c)
{
    if (c == NULL)
        return;
    forget_levels(c);
    kept_file_fini(&c->self);
    kept_file_fini(&c->mounts);
    kept_file_fini(&c->status);
    free(c->root);
    free(c);
}

static bool is_below(struct str path, struct str ancestor)
{
    if (!str_starts_with(path, ancestor))
        return false;
    return path.len == ancestor.len || path.ptr[ancestor.len] == '/';
}

struct str cgroup_path_below_mount(struct str group, struct str mount_root)
{
    if (str_eq(mount_root, STR("/")))
        mount_root.len = 0;
    /* "/.." is what a namespace shows for a group outside of it. */
    if (!is_below(group, mount_root) || str_starts_with(group, STR("/..")))
        return STR("");
    group = str_n(group.ptr + mount_root.len, group.len - mount_root.len);
    return str_eq(group, STR("/")) ? STR("") : group;
}

/* The line of the controller, version 1 before version 2. */
static bool find_group(struct str self_text, struct str controller, struct str *ret_group, int *ret_version)
{
    bool has_unified = false;
    struct cgroup_line line;
    while (procfs_next_cgroup(&self_text, &line)) {
        if (procfs_has_option(line.controllers, controller)) {
            *ret_group = line.path;
            *ret_version = 1;
            return true;
        }
        if (line.controllers.len == 0) {
            *ret_group = line.path;
            has_unified = true;
        }
    }
    *ret_version = 2;
    return has_unified;
}

static bool shows_controller(const struct mount_line *m, struct str controller, int version)
{
    if (version == 2)
        return str_eq(m->type, STR("cgroup2"));
    return str_eq(m->type, STR("cgroup")) && procfs_has_option(m->super_options, controller);
}

/* Prefers the mount that shows the group itself over one that only shows the controller. */
static struct place find_place(struct str self_text, struct str mounts_text, struct str controller)
{
    struct place place = {0};
    struct str group;
    int version;
    if (!find_group(self_text, controller, &group, &version))
        return place;
    struct mount_line m;
    while (procfs_next_mount(&mounts_text, &m)) {
        if (!shows_controller(&m, controller, version))
            continue;
        bool shows_group = str_eq(m.root, STR("/")) || is_below(group, m.root);
        if (place.version && !shows_group)
            continue;
        if (!procfs_unescape(m.point, place.point, sizeof(place.point)))
            continue;
        place.version = version;
        str_copy(place.below, sizeof(place.below), cgroup_path_below_mount(group, m.root));
        if (shows_group)
            break;
    }
    return place;
}

/* Cuts the last component off: "/a/b" to "/a" to "". */
static void go_up(char *below)
{
    char *slash = strrchr(below, '/');
    if (slash)
        *slash = '\0';
}

static void keep(const struct cgroup *c, struct kept_file *f, const char *point, const char *below,
                 const char *name)
{
    char path[2 * PATH_BYTES + 64];
    snprintf(path, sizeof(path), "%s%s/%s", point, below, name);
    kept_file_init(f, c->root, path);
}

static void add_cpu_level(struct cgroup *c, const struct place *p, const struct place *usage,
                          const struct place *cpuset)
{
    struct cpu_level *l = &c->cpu[c->cpu_count++];
    str_copy(l->group, sizeof(l->group), p->below[0] ? str_of(p->below) : STR("/"));
    keep(c, &l->stat, p->point, p->below, "cpu.stat");
    if (p->version == 2) {
        keep(c, &l->quota, p->point, p->below, "cpu.max");
        keep(c, &l->cpuset, p->point, p->below, "cpuset.cpus.effective");
        return;
    }
    keep(c, &l->quota, p->point, p->below, "cpu.cfs_quota_us");
    keep(c, &l->period, p->point, p->below, "cpu.cfs_period_us");
    keep(c, &l->usage, usage->point, p->below, "cpuacct.usage");
    /* A CPU set counts only where its group is the same one whose use we measure. */
    if (cpuset->version == 1 && strcmp(cpuset->below, p->below) == 0)
        keep(c, &l->cpuset, cpuset->point, p->below, "cpuset.effective_cpus");
}

static void add_memory_level(struct cgroup *c, const struct place *p)
{
    bool is_v2 = p->version == 2;
    struct memory_level *l = &c->memory[c->memory_count++];
    str_copy(l->group, sizeof(l->group), p->below[0] ? str_of(p->below) : STR("/"));
    keep(c, &l->limit, p->point, p->below, is_v2 ? "memory.max" : "memory.limit_in_bytes");
    keep(c, &l->used, p->point, p->below, is_v2 ? "memory.current" : "memory.usage_in_bytes");
    keep(c, &l->stat, p->point, p->below, "memory.stat");
    if (is_v2 || c->memory_count == 1)
        keep(c, &l->events, p->point, p->below, is_v2 ? "memory.events" : "memory.oom_control");
}

static void find_cpu_levels(struct cgroup *c, struct str self_text, struct str mounts_text)
{
    struct place p = find_place(self_text, mounts_text, STR("cpu"));
    struct place usage = p.version == 1 ? find_place(self_text, mounts_text, STR("cpuacct")) : p;
    struct place cpuset = p.version == 1 ? find_place(self_text, mounts_text, STR("cpuset")) : p;
    c->cpu_version = p.version;
    while (p.version && c->cpu_count < LEVELS_MAX) {
        add_cpu_level(c, &p, &usage, &cpuset);
        if (p.below[0] == '\0')
            break;
        if (strcmp(cpuset.below, p.below) == 0)
            go_up(cpuset.below);
        go_up(p.below);
    }
}

static void find_memory_levels(struct cgroup *c, struct str self_text, struct str mounts_text)
{
    struct place p = find_place(self_text, mounts_text, STR("memory"));
    c->memory_version = p.version;
    while (p.version && c->memory_count < LEVELS_MAX) {
        add_memory_level(c, &p);
        if (p.below[0] == '\0')
            break;
        go_up(p.below);
    }
}

static void find_pids_levels(struct cgroup *c, struct str self_text, struct str mounts_text)
{
    struct place p = find_place(self_text, mounts_text, STR("pids"));
    while (p.version && c->pids_count < LEVELS_MAX) {
        struct pids_level *l = &c->pids[c->pids_count++];
        str_copy(l->group, sizeof(l->group), p.below[0] ? str_of(p.below) : STR("/"));
        keep(c, &l->limit, p.point, p.below, "pids.max");
        keep(c, &l->used, p.point, p.below, "pids.current");
        if (p.below[0] == '\0')
            break;
        go_up(p.below);
    }
}

/* Of version 2, whose root group (and a host that is none) has the files of the host only. */
static void find_pressure(struct cgroup *c, struct str self_text, struct str mounts_text)
{
    char folder[2 * PATH_BYTES];
    struct place p = find_place(self_text, mounts_text, STR("")); /* no controller of version 1 is named so */
    if (p.version != 2)
        return;
    (void)snprintf(folder, sizeof(folder), "%s%s", p.point, p.below);
    pressures_init_group(&c->pressure, c->root, folder);
}

static void find_levels(struct cgroup *c, struct str self_text)
{
    struct str mounts_text;
    const char *why;
    forget_levels(c);
    str_copy(c->self_text, sizeof(c->self_text), self_text);
    if (!kept_file_read(&c->mounts, c->scratch, CGROUP_SCRATCH_BYTES, &mounts_text, &why))
        return;
    self_text = str_of(c->self_text);
    find_cpu_levels(c, self_text, mounts_text);
    find_memory_levels(c, self_text, mounts_text);
    find_pids_levels(c, self_text, mounts_text);
    find_pressure(c, self_text, mounts_text);
}

static uint32_t read_affinity(struct cgroup *c)
{
    struct str text, line;
    const char *why;
    uint32_t count;
    if (!kept_file_read(&c->status, c->scratch, CGROUP_SCRATCH_BYTES, &text, &why))
        return 0;
    while (text.len && str_split(&text, '\n', &line)) {
        struct str key = STR("Cpus_allowed_list:");
        if (str_starts_with(line, key))
            return procfs_count_cpus(str_trim(str_n(line.ptr + key.len, line.len - key.len)), &count) ? count
                                                                                                      : 0;
    }
    return 0;
}

static bool read_number(struct kept_file *f, uint64_t *ret_value)
{
    char text[64];
    struct str s;
    const char *why;
    return kept_file_read(f, text, sizeof(text), &s, &why) && procfs_parse_number(s, ret_value);
}

static void read_hidden_limit(struct cgroup *c)
{
    struct str text;
    const char *why;
    struct memory_level *own = &c->memory[0];
    if (c->memory_version != 1 || c->memory_count == 0)
        return;
    own->hidden_limit_bytes = 0;
    if (kept_file_read(&own->stat, c->scratch, TEXT_BYTES, &text, &why))
        (void)procfs_find_number(text, STR("hierarchical_memory_limit"), &own->hidden_limit_bytes);
    for (size_t i = 0; i < c->memory_count; i++) {
        uint64_t limit;
        if (read_number(&c->memory[i].limit, &limit) && limit <= own->hidden_limit_bytes)
            own->hidden_limit_bytes = 0; /* it can be seen, and is measured where it is */
    }
}

/* What changes seldom: where we are, the affinity, limits of ancestors out of sight. */
static void refresh(struct cgroup *c, int64_t now_ns)
{
    char text[GROUP_BYTES_KEPT];
    struct str self_text;
    const char *why;
    if (c->found_ns && now_ns - c->found_ns < FIND_EVERY_NS)
        return;
    c->found_ns = MAX(now_ns, 1);
    c->affinity_count = read_affinity(c);
    if (!kept_file_read(&c->self, text, sizeof(text) - 1, &self_text, &why))
        forget_levels(c);
    else if (c->cpu_count + c->memory_count == 0 || !str_eq(self_text, str_of(c->self_text)))
        find_levels(c, self_text);
    read_hidden_limit(c);
}

static double read_quota_cpus(struct cpu_level *l)
{
    char text[64];
    struct str s;
    const char *why;
    uint64_t quota_us = 0, period_us = 0;
    if (l->period.path) { /* version 1; -1 is no limit and no number for us */
        if (!read_number(&l->quota, &quota_us) || !read_number(&l->period, &period_us))
            return 0;
    } else if (!kept_file_read(&l->quota, text, sizeof(text), &s, &why) ||
               !procfs_parse_cpu_max(s, &quota_us, &period_us)) {
        return 0;
    }
    return period_us ? (double)quota_us / (double)period_us : 0;
}

/* The level's own limit in CPUs, or 0. */
static double read_cpu_limit(struct cpu_level *l, uint32_t host_cpu_count)
{
    char text[4096];
    struct str s;
    const char *why;
    uint32_t count;
    double limit = read_quota_cpus(l);
    if (kept_file_read(&l->cpuset, text, sizeof(text), &s, &why) && procfs_count_cpus(s, &count) &&
        (limit == 0 || count < limit))
        limit = count;
    return host_cpu_count == 0 || limit < host_cpu_count ? limit : 0;
}

struct cpu_use {
    struct reading percent, throttled;
};

static struct reading throttled_since(const struct cpu_level *l, uint64_t periods, uint64_t throttled)
{
    if (periods < l->periods || throttled < l->throttled)
        return reading_unknown("the counters ran backwards");
    return reading_known(formula_percent(throttled - l->throttled, periods - l->periods));
}

/* Against the limit, since the call before. */
static struct cpu_use measure_cpu(struct cpu_level *l, double limit_cpus, int64_t now_ns)
{
    char text[TEXT_BYTES];
    struct str stat;
    struct reading unknown = reading_unknown("cpu.stat cannot be read");
    struct cpu_use use = {unknown, unknown};
    uint64_t usage_ns = 0, periods = 0, throttled = 0;
    bool had_previous = l->has_previous;
    l->has_previous = false;
    if (!kept_file_read(&l->stat, text, sizeof(text), &stat, &use.percent.why_unknown))
        return use;
    (void)procfs_find_number(stat, STR("nr_periods"), &periods);
    (void)procfs_find_number(stat, STR("nr_throttled"), &throttled);
    bool has_usage = l->usage.path ? read_number(&l->usage, &usage_ns)
                                   : procfs_find_number(stat, STR("usage_usec"), &usage_ns);
    if (!has_usage)
        return use;
    if (!l->usage.path)
        usage_ns *= 1000;
    use.percent = use.throttled = reading_unknown(formula_first_sample);
    if (had_previous && now_ns > l->previous_ns) {
        double used = usage_ns > l->usage_ns ? (double)(usage_ns - l->usage_ns) : 0;
        double possible = (double)(now_ns - l->previous_ns) * limit_cpus;
        use.percent = reading_known(formula_round_tenth(used / possible * 100));
        use.throttled = throttled_since(l, periods, throttled);
    }
    l->has_previous = true;
    l->previous_ns = now_ns;
    l->usage_ns = usage_ns;
    l->periods = periods;
    l->throttled = throttled;
    return use;
}

static void take_cpu_sample(struct cgroup *c, const struct cgroup_host *host, int64_t now_ns,
                            struct cgroup_sample *s)
{
    double effective = host->cpu_count;
    s->cpu_percent = s->throttled_percent = reading_unknown("there is no CPU limit");
    for (size_t i = 0; i < c->cpu_count; i++) {
        struct cpu_level *l = &c->cpu[i];
        double limit = read_cpu_limit(l, host->cpu_count);
        if (limit == 0)
            continue;
        struct cpu_use use = measure_cpu(l, limit, now_ns);
        bool is_nearer =
            use.percent.is_known && (!s->cpu_percent.is_known || use.percent.value > s->cpu_percent.value);
        if (is_nearer || !s->has_cpu_limit) {
            s->cpu_percent = use.percent;
            s->throttled_percent = use.throttled;
            s->cpu_group_cpus = limit;
            str_copy(s->cpu_group, sizeof(s->cpu_group), str_of(l->group));
        }
        s->has_cpu_limit = true;
        effective = effective == 0 ? limit : MIN(effective, limit);
    }
    if (c->affinity_count && (effective == 0 || c->affinity_count < effective))
        effective = c->affinity_count;
    s->effective_cpus =
        effective > 0 ? reading_known(effective) : reading_unknown("the number of CPUs is unknown");
}

/* The level's own limit in bytes, or 0. */
static uint64_t read_memory_limit(struct memory_level *l, uint64_t host_bytes)
{
    uint64_t limit = 0;
    if (!read_number(&l->limit, &limit)) /* "max" is no number */
        limit = 0;
    if (l->hidden_limit_bytes && (limit == 0 || l->hidden_limit_bytes < limit))
        limit = l->hidden_limit_bytes;
    uint64_t most = host_bytes ? host_bytes : UINT64_C(1) << 60;
    return limit < most ? limit : 0;
}

/* As the kubelet counts: use without the file cache that would be dropped first. */
static bool read_memory_used(struct memory_level *l, struct str inactive_key, uint64_t *ret_bytes)
{
    char text[TEXT_BYTES];
    struct str stat;
    const char *why;
    uint64_t used, inactive = 0;
    if (!read_number(&l->used, &used))
        return false;
    if (kept_file_read(&l->stat, text, sizeof(text), &stat, &why))
        (void)procfs_find_number(stat, inactive_key, &inactive);
    *ret_bytes = used > inactive ? used - inactive : 0;
    return true;
}

static void count_kills_of(struct cgroup *c, size_t level)
{
    if (c->memory_version == 1 || c->killing_level == level)
        return;
    c->killing_level = level;
    c->oom_kills = (struct recent){0}; /* another counter */
}

static void take_memory_sample(struct cgroup *c, const struct cgroup_host *host, struct cgroup_sample *s)
{
    struct str inactive_key = c->memory_version == 2 ? STR("inactive_file") : STR("total_inactive_file");
    s->memory_percent = reading_unknown("there is no memory limit");
    for (size_t i = 0; i < c->memory_count; i++) {
        struct memory_level *l = &c->memory[i];
        uint64_t used = 0, limit = read_memory_limit(l, host->memory_bytes);
        if (limit == 0)
            continue;
        if (!s->has_memory_limit)
            count_kills_of(c, i);
        struct reading percent = reading_unknown("the use of the control group cannot be read");
        if (read_memory_used(l, inactive_key, &used))
            percent = reading_known(formula_percent(used, limit));
        bool is_nearer =
            percent.is_known && (!s->memory_percent.is_known || percent.value > s->memory_percent.value);
        if (is_nearer || !s->has_memory_limit) {
            s->memory_percent = percent;
            s->memory_group_limit_bytes = limit;
            s->memory_group_used_bytes = used;
            str_copy(s->memory_group, sizeof(s->memory_group), str_of(l->group));
        }
        s->memory_limit_bytes = s->has_memory_limit ? MIN(s->memory_limit_bytes, limit) : limit;
        s->has_memory_limit = true;
    }
    if (!s->has_memory_limit)
        count_kills_of(c, 0);
}

static struct reading read_oom_kills(struct cgroup *c)
{
    char text[1024];
    struct str s;
    uint64_t kills;
    const char *why;
    if (c->memory_count == 0)
        return reading_unknown("there is no control group for memory");
    if (!kept_file_read(&c->memory[c->killing_level].events, text, sizeof(text), &s, &why))
        return reading_unknown(why);
    if (!procfs_find_number(s, STR("oom_kill"), &kills))
        return reading_unknown("the kernel does not count them");
    return reading_known((double)kills);
}

static void take_pids_sample(struct cgroup *c, struct cgroup_sample *s)
{
    s->pids_percent = reading_unknown("there is no limit of processes");
    for (size_t i = 0; i < c->pids_count; i++) {
        struct pids_level *l = &c->pids[i];
        uint64_t used = 0, limit;
        if (!read_number(&l->limit, &limit)) /* "max" is no number */
            continue;
        struct reading percent = reading_unknown("the processes of the control group cannot be counted");
        if (read_number(&l->used, &used))
            percent = reading_known(limit ? formula_percent(used, limit) : 100);
        bool is_nearer =
            percent.is_known && (!s->pids_percent.is_known || percent.value > s->pids_percent.value);
        if (is_nearer || !s->has_pids_limit) {
            s->pids_percent = percent;
            s->pids_group_limit = limit;
            s->pids_group_used = used;
            str_copy(s->pids_group, sizeof(s->pids_group), str_of(l->group));
        }
        s->has_pids_limit = true;
    }
}

static void take_pressure(struct cgroup *c, int64_t now_ns, struct cgroup_sample *s)
{
    if (c->pressure.cpu.file.path)
        pressures_take(&c->pressure, now_ns, &s->pressure);
    else
        pressures_set_unknown(&s->pressure, "only control groups of version 2 tell it");
}

void cgroup_take_sample(struct cgroup *c, const struct cgroup_host *host, int64_t now_ns,
                        struct cgroup_sample *ret_sample)
{
    refresh(c, now_ns);
    *ret_sample = (struct cgroup_sample){.version = c->memory_version ? c->memory_version : c->cpu_version};
    take_cpu_sample(c, host, now_ns, ret_sample);
    take_memory_sample(c, host, ret_sample);
    take_pids_sample(c, ret_sample);
    ret_sample->oom_kills = read_oom_kills(c);
    ret_sample->oom_kills_recent = recent_add(&c->oom_kills, ret_sample->oom_kills, now_ns);
    take_pressure(c, now_ns, ret_sample);
}
