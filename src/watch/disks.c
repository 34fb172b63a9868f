/*
 * disks.c: see disks.h.
 *
 * One look is one job (a batch) over copies of the paths; it notes in `at` which path it is on. When the
 * batch is late, what lies before `at` is used, the path at `at` is stuck, and the next look leaves it out.
 * The stuck job keeps its thread until the kernel lets go; then its release makes the path ordinary again. At
 * most THREADS_MAX paths can be stuck at a time.
 *
 * Ordering of `at`: the job stores it (release) after a result is written, the loop loads it (acquire) before
 * reading results.
 */
#include "watch/disks.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "net/job.h"
#include "watch/cgroup.h"
#include "watch/kept_file.h"
#include "watch/pools.h"
#include "watch/procfs.h"
#include "watch/trend.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>

enum { DISK_THREADS_MAX = 8, DISK_QUEUE_MAX = 8 };

struct batch_item {
    char path[HOST_PATH_BYTES];
    struct disk_sample result;
};

struct disk_batch {
    struct job job;
    struct list link;    /* in disks->batches */
    struct disks *disks; /* borrowed; NULL when that is gone */
    bool (*measure)(const char *path, struct disk_counts *ret_counts);
    char *root; /* owned */
    uint32_t count;
    _Atomic uint32_t at; /* items before it have their result */
    struct batch_item items[];
};

struct disk_entry {
    struct disk_sample sample;
    struct trend trend;                /* of pools_fill_level() */
    const struct disk_batch *stuck_in; /* the late job that hangs on this path */
};

struct disks {
    struct loop *loop;
    struct job_pool *pool; /* NULL: no descriptors left at start; all is unknown */
    char *root;            /* owned */
    char *scratch;
    bool (*measure)(const char *path, struct disk_counts *ret_counts);
    struct kept_file mounts;
    bool has_fixed_paths;
    int64_t found_ns;
    struct disk_batch *current; /* under way and not late */
    struct list batches;        /* all that are not released, late ones included */
    uint32_t count;
    struct disk_entry entries[HOST_DISKS_MAX];
};

/* ---- which ---- */

static bool is_one_of(struct str s, const struct str *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(s, list[i]))
            return true;
    return false;
}

static bool is_storage_type(struct str type)
{
    static const struct str others[] = {
        STR("autofs"),     STR("bdev"),       STR("binder"),    STR("binfmt_misc"), STR("bpf"),
        STR("cgroup"),     STR("cgroup2"),    STR("configfs"),  STR("debugfs"),     STR("devpts"),
        STR("devtmpfs"),   STR("efivarfs"),   STR("erofs"),     STR("fusectl"),     STR("fuse.lxcfs"),
        STR("hugetlbfs"),  STR("iso9660"),    STR("mqueue"),    STR("nsfs"),        STR("nfsd"),
        STR("proc"),       STR("pstore"),     STR("ramfs"),     STR("resctrl"),     STR("rootfs"),
        STR("rpc_pipefs"), STR("securityfs"), STR("selinuxfs"), STR("smackfs"),     STR("squashfs"),
        STR("sysfs"),      STR("tmpfs"),      STR("tracefs"),   STR("udf"),         STR("fuse.portal"),
    };
    return !is_one_of(type, others, ARRAY_LEN(others));
}

/* The stores of container engines may be file systems of their own, which fill up like others; what is
 * mounted below them is theirs. */
static bool is_below_any(struct str path)
{
    static const struct str roots[] = {
        STR("/dev"),
        STR("/proc"),
        STR("/sys"),
        STR("/run/credentials"),
        STR("/run/containerd"),
        STR("/run/user"),
        STR("/var/lib/docker"),
        STR("/var/lib/containers"),
        STR("/var/lib/containerd"),
        STR("/var/lib/kubelet"),
        STR("/snap"),
    };
    for (size_t i = 0; i < ARRAY_LEN(roots); i++)
        if (str_starts_with(path, roots[i]) && path.len > roots[i].len && path.ptr[roots[i].len] == '/')
            return true;
    return false;
}

/* Files that container engines put over single files of a container. */
static bool is_file_of_engine(struct str path)
{
    static const struct str files[] = {STR("/etc/hosts"), STR("/etc/hostname"), STR("/etc/resolv.conf"),
                                       STR("/etc/mtab")};
    return is_one_of(path, files, ARRAY_LEN(files));
}

/* Made read-only by the kernel, after an error. Newer kernels say so; for others: whoever mounts it so, or
 * makes it so later, sets the option of the mount point too, the kernel does not. */
static bool has_failed(const struct mount_line *m)
{
    if (procfs_has_option(m->super_options, STR("emergency_ro")) ||
        procfs_has_option(m->super_options, STR("shutdown")))
        return true;
    return procfs_has_option(m->super_options, STR("ro")) && procfs_has_option(m->options, STR("rw"));
}

bool disks_can_fill_up(struct str type, struct str path)
{
    if (!is_storage_type(type) || is_below_any(path) || is_file_of_engine(path))
        return false;
    bool is_overlay = str_eq(type, STR("overlay")) || str_eq(type, STR("fuse.fuse-overlayfs"));
    return !is_overlay || str_eq(path, STR("/"));
}

static bool is_wanted(const struct mount_line *m)
{
    bool is_image = procfs_has_option(m->super_options, STR("ro")) && !has_failed(m);
    return !is_image && disks_can_fill_up(m->type, m->point);
}

uint32_t disks_select(struct str mountinfo, char ret_paths[HOST_DISKS_MAX][HOST_PATH_BYTES])
{
    struct str devices[HOST_DISKS_MAX];
    uint32_t count = 0;
    struct mount_line m;
    while (procfs_next_mount(&mountinfo, &m)) {
        char path[HOST_PATH_BYTES];
        if (!is_wanted(&m) || !procfs_unescape(m.point, path, sizeof(path)))
            continue;
        uint32_t i = 0;
        while (i < count && !str_eq(devices[i], m.device))
            i++;
        bool is_new = i == count;
        if (is_new && count == HOST_DISKS_MAX)
            continue;
        if (!is_new && strlen(path) >= strlen(ret_paths[i]))
            continue;
        devices[i] = m.device;
        memcpy(ret_paths[i], path, sizeof(path));
        count += is_new;
    }
    return count;
}

uint32_t disks_add_root(struct str mountinfo, char paths[HOST_DISKS_MAX][HOST_PATH_BYTES], uint32_t count)
{
    struct mount_line m;
    bool is_image = false;
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(paths[i], "/") == 0)
            return count;
    while (procfs_next_mount(&mountinfo, &m))
        if (str_eq(m.point, STR("/")))
            is_image = procfs_has_option(m.super_options, STR("ro"));
    if (is_image || count == HOST_DISKS_MAX)
        return count;
    str_copy(paths[count], HOST_PATH_BYTES, STR("/"));
    return count + 1;
}

static struct disk_entry *find_entry(struct disks *d, const char *path)
{
    for (uint32_t i = 0; i < d->count; i++)
        if (strcmp(d->entries[i].sample.path, path) == 0)
            return &d->entries[i];
    return NULL;
}

static void set_unknown(struct disk_sample *s, const char *why)
{
    s->percent = s->inodes_percent = s->full_in_s = reading_unknown(why);
}

/* Entries whose path stays keep their numbers and stay stuck. */
static void set_paths(struct disks *d, char paths[HOST_DISKS_MAX][HOST_PATH_BYTES], uint32_t count)
{
    struct disk_entry *entries = NEW_ARRAY(struct disk_entry, HOST_DISKS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct disk_entry *old = find_entry(d, paths[i]);
        if (old) {
            entries[i] = *old;
            continue;
        }
        memcpy(entries[i].sample.path, paths[i], HOST_PATH_BYTES);
        set_unknown(&entries[i].sample, "not measured yet");
        entries[i].sample.read_only = entries[i].sample.percent;
    }
    memcpy(d->entries, entries, sizeof(d->entries));
    d->count = count;
    free(entries);
}

static bool is_on(struct str path, struct str point)
{
    if (point.len == 1)
        return true;
    return str_starts_with(path, point) && (path.len == point.len || path.ptr[point.len] == '/');
}

/* Who names paths wants to hear of each. */
static void note_mount(const struct disks *d, struct disk_sample *s, const struct mount_line *m)
{
    uint32_t major = 0, minor = 0;
    (void)procfs_parse_device_number(m->device, &major, &minor);
    s->device_major = major;
    s->device_minor = minor;
    s->read_only = reading_known(has_failed(m));
    pools_name(d->has_fixed_paths ? STR("") : m->type, m->source, s->pool);
}

/* What each path is mounted from: the mount with the longest name that it lies on; of equals the last. */
static void note_mounts(struct disks *d, struct str mountinfo)
{
    size_t longest[HOST_DISKS_MAX] = {0};
    struct mount_line m;
    for (uint32_t i = 0; i < d->count; i++)
        d->entries[i].sample.read_only = reading_unknown("it is not among the mounts");
    while (procfs_next_mount(&mountinfo, &m)) {
        char point[HOST_PATH_BYTES];
        if (!procfs_unescape(m.point, point, sizeof(point)))
            continue;
        size_t len = strlen(point);
        for (uint32_t i = 0; i < d->count; i++) {
            if (len < longest[i] || !is_on(str_of(d->entries[i].sample.path), str_n(point, len)))
                continue;
            longest[i] = len;
            note_mount(d, &d->entries[i].sample, &m);
        }
    }
}

static void find_mounted(struct disks *d, int64_t now_ns)
{
    char paths[HOST_DISKS_MAX][HOST_PATH_BYTES];
    struct str text;
    const char *why;
    if (d->found_ns && now_ns - d->found_ns < DISKS_FIND_EVERY_NS)
        return;
    d->found_ns = MAX(now_ns, 1);
    if (!kept_file_read(&d->mounts, d->scratch, CGROUP_SCRATCH_BYTES, &text, &why)) {
        for (uint32_t i = 0; i < d->count; i++)
            d->entries[i].sample.read_only = reading_unknown(why);
        return;
    }
    if (!d->has_fixed_paths)
        set_paths(d, paths, disks_add_root(text, paths, disks_select(text, paths)));
    note_mounts(d, text);
}

/* ---- on the job thread ---- */

static bool measure_with_statvfs(const char *path, struct disk_counts *ret_counts)
{
    struct statvfs s;
    if (statvfs(path, &s) != 0)
        return false;
    *ret_counts = (struct disk_counts){
        .fragment_bytes = s.f_frsize,
        .blocks = s.f_blocks,
        .blocks_free = s.f_bfree,
        .blocks_available = s.f_bavail,
        .inodes = s.f_files,
        .inodes_free = s.f_ffree,
    };
    return true;
}

static void measure_item(const struct disk_batch *b, struct batch_item *item)
{
    char path[4096 + HOST_PATH_BYTES];
    struct disk_counts counts;
    snprintf(path, sizeof(path), "%s%s", b->root, item->path);
    memcpy(item->result.path, item->path, sizeof(item->path));
    if (b->measure(path, &counts))
        formula_disk(&counts, &item->result);
    else
        set_unknown(&item->result, strerrordesc_np(errno));
}

static void run_batch(struct job *j)
{
    struct disk_batch *b = container_of(j, struct disk_batch, job);
    for (uint32_t i = 0; i < b->count; i++) {
        measure_item(b, &b->items[i]);
        atomic_store_explicit(&b->at, i + 1, memory_order_release);
    }
}

/* ---- back on the loop ---- */

/* What the mount table told of it stays. */
static void take_result(struct disk_entry *e, const struct disk_sample *result, int64_t now_ns)
{
    struct disk_sample *s = &e->sample;
    s->percent = result->percent;
    s->inodes_percent = result->inodes_percent;
    s->total_bytes = result->total_bytes;
    s->used_bytes = result->used_bytes;
    s->available_bytes = result->available_bytes;
    s->full_in_s = result->percent;
    if (!result->percent.is_known)
        return;
    trend_add(&e->trend, pools_fill_level(s), now_ns);
    s->full_in_s = trend_seconds_left(&e->trend, (double)result->available_bytes, now_ns);
}

static void settle_pools(struct disks *d)
{
    struct disk_sample *samples[HOST_DISKS_MAX];
    for (uint32_t i = 0; i < d->count; i++)
        samples[i] = &d->entries[i].sample;
    pools_settle(samples, d->count);
}

static void on_batch(struct job *j, enum job_outcome outcome)
{
    struct disk_batch *b = container_of(j, struct disk_batch, job);
    struct disks *d = b->disks;
    uint32_t at = atomic_load_explicit(&b->at, memory_order_acquire);
    if (d == NULL)
        return;
    d->current = NULL;
    for (uint32_t i = 0; i < at; i++) {
        struct disk_entry *e = find_entry(d, b->items[i].path);
        if (e)
            take_result(e, &b->items[i].result, loop_now_ns(d->loop));
    }
    struct disk_entry *stuck = outcome == JOB_LATE && at < b->count ? find_entry(d, b->items[at].path) : NULL;
    if (stuck) {
        stuck->stuck_in = b;
        set_unknown(&stuck->sample, "the file system does not answer");
    }
    settle_pools(d);
}

static void release_batch(struct job *j)
{
    struct disk_batch *b = container_of(j, struct disk_batch, job);
    for (uint32_t i = 0; b->disks && i < b->disks->count; i++)
        if (b->disks->entries[i].stuck_in == b)
            b->disks->entries[i].stuck_in = NULL;
    if (b->disks)
        list_remove(&b->link);
    free(b->root);
    free(b);
}

static struct disk_batch *new_batch(struct disks *d)
{
    struct disk_batch *b = mem_alloc(sizeof(*b) + d->count * sizeof(b->items[0]));
    b->job = (struct job){.run = run_batch, .on_done = on_batch, .release = release_batch};
    b->disks = d;
    list_push_back(&d->batches, &b->link);
    b->measure = d->measure;
    b->root = mem_strdup(d->root);
    for (uint32_t i = 0; i < d->count; i++)
        if (!d->entries[i].stuck_in)
            memcpy(b->items[b->count++].path, d->entries[i].sample.path, HOST_PATH_BYTES);
    return b;
}

static void mark_all_unknown(struct disks *d, const char *why)
{
    for (uint32_t i = 0; i < d->count; i++)
        set_unknown(&d->entries[i].sample, why);
}

void disks_refresh(struct disks *d, int64_t now_ns)
{
    find_mounted(d, now_ns);
    if (d->current)
        return;
    struct disk_batch *b = new_batch(d);
    if (b->count > 0 && d->pool && job_submit(d->pool, &b->job, now_ns + DISKS_DEADLINE_NS)) {
        d->current = b;
        return;
    }
    if (b->count > 0)
        mark_all_unknown(d, "no thread can be started to look");
    release_batch(&b->job);
}

uint32_t disks_get_samples(const struct disks *d, struct disk_sample ret_samples[HOST_DISKS_MAX])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < d->count; i++)
        if (!d->entries[i].sample.is_spoken_for)
            ret_samples[count++] = d->entries[i].sample;
    return count;
}

void disks_configure(struct disks *d, const struct config_strings *paths)
{
    char fixed[HOST_DISKS_MAX][HOST_PATH_BYTES];
    d->has_fixed_paths = paths->count > 0;
    d->found_ns = 0;
    uint32_t count = (uint32_t)MIN(paths->count, (size_t)HOST_DISKS_MAX);
    for (uint32_t i = 0; i < count; i++)
        str_copy(fixed[i], sizeof(fixed[i]), paths->items[i]);
    if (d->has_fixed_paths)
        set_paths(d, fixed, count);
}

struct disks *disks_new(const struct disks_params *params)
{
    struct disks *d = NEW(struct disks);
    list_init(&d->batches);
    d->loop = params->loop;
    d->root = mem_strdup(params->root);
    d->scratch = params->scratch;
    d->measure = params->measure ? params->measure : measure_with_statvfs;
    kept_file_init(&d->mounts, params->root, "/proc/self/mountinfo");
    d->pool = job_pool_new(&(struct job_pool_params){
        .loop = params->loop, .name = "disks", .threads_max = DISK_THREADS_MAX, .queue_max = DISK_QUEUE_MAX});
    return d;
}

void disks_free(struct disks *d)
{
    if (d == NULL)
        return;
    while (!list_is_empty(&d->batches)) /* a job that hangs outlives us */
        container_of(list_pop_front(&d->batches), struct disk_batch, link)->disks = NULL;
    job_pool_free(d->pool, 0);
    kept_file_fini(&d->mounts);
    free(d->root);
    free(d);
}
