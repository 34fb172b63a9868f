/*
 * host.c: see host.h. A thin shell: reads the texts, procfs.h understands them, formula.h does the sums.
 *
 * A file that cannot be read (systemd's ProcSubset=pid hides /proc/stat and /proc/meminfo) makes its numbers
 * unknown, with the kernel's reason. The alerts look at the control group when it has a finite limit: inside
 * a container the host's numbers say nothing about how near the end is.
 */
#include "watch/host.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "watch/cgroup.h"
#include "watch/kept_file.h"
#include "watch/procfs.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct host {
    char *scratch; /* owned */
    struct kept_file stat, meminfo, loadavg, zoneinfo;
    struct cgroup *cgroup;
    struct disks *disks;
    uint64_t page_bytes;
    int64_t taken_ns; /* the sample before; 0: none */
    bool has_ticks;   /* of the sample before */
    struct cpu_ticks ticks;
};

struct host *host_new(const struct host_params *params)
{
    struct host *h = NEW(struct host);
    h->scratch = mem_alloc(CGROUP_SCRATCH_BYTES);
    h->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    kept_file_init(&h->stat, params->root, "/proc/stat");
    kept_file_init(&h->meminfo, params->root, "/proc/meminfo");
    kept_file_init(&h->loadavg, params->root, "/proc/loadavg");
    kept_file_init(&h->zoneinfo, params->root, "/proc/zoneinfo");
    h->cgroup = cgroup_new(params->root, h->scratch);
    h->disks = disks_new(&(struct disks_params){
        .loop = params->loop, .root = params->root, .scratch = h->scratch, .measure = params->measure_disk});
    return h;
}

void host_free(struct host *h)
{
    if (h == NULL)
        return;
    disks_free(h->disks);
    cgroup_free(h->cgroup);
    kept_file_fini(&h->stat);
    kept_file_fini(&h->meminfo);
    kept_file_fini(&h->loadavg);
    kept_file_fini(&h->zoneinfo);
    free(h->scratch);
    free(h);
}

void host_configure(struct host *h, const struct config_strings *disk_paths)
{
    disks_configure(h->disks, disk_paths);
}

uint32_t host_get_disks(const struct host *h, struct disk_sample ret_samples[HOST_DISKS_MAX])
{
    return disks_get_samples(h->disks, ret_samples);
}

static bool read_text(struct host *h, struct kept_file *f, struct str *ret_text, const char **ret_why)
{
    return kept_file_read(f, h->scratch, CGROUP_SCRATCH_BYTES, ret_text, ret_why);
}

static void set_cpu_unknown(struct cpu_sample *s, const char *why)
{
    s->percent = s->iowait_percent = s->steal_percent = reading_unknown(why);
}

static void take_cpu(struct host *h, struct cpu_sample *s)
{
    struct str text;
    struct cpu_ticks ticks;
    const char *why = "/proc/stat has no line for the CPUs";
    if (!read_text(h, &h->stat, &text, &why) || !procfs_parse_stat(text, &ticks, &s->cpu_count)) {
        h->has_ticks = false;
        set_cpu_unknown(s, why);
        return;
    }
    if (h->has_ticks)
        formula_cpu(&h->ticks, &ticks, s);
    else
        set_cpu_unknown(s, "this is the first sample: two are needed");
    h->ticks = ticks;
    h->has_ticks = true;
}

static uint64_t read_zoneinfo_low(struct host *h)
{
    struct str text;
    const char *why;
    return read_text(h, &h->zoneinfo, &text, &why) ? procfs_parse_zoneinfo_low(text) : UINT64_MAX;
}

static void take_memory(struct host *h, struct memory_sample *memory, struct swap_sample *swap)
{
    struct str text;
    struct meminfo info;
    const char *why = "/proc/meminfo does not tell MemTotal and MemFree";
    if (!read_text(h, &h->meminfo, &text, &why) || !procfs_parse_meminfo(text, &info)) {
        memory->percent = swap->percent = reading_unknown(why);
        return;
    }
    uint64_t low_pages = formula_needs_zoneinfo(&info) ? read_zoneinfo_low(h) : 0;
    formula_memory(&info, low_pages, h->page_bytes, memory);
    formula_swap(&info, swap);
}

static void take_load(struct host *h, struct load_sample *s)
{
    struct str text;
    double averages[3];
    const char *why = "/proc/loadavg is not three numbers";
    if (!read_text(h, &h->loadavg, &text, &why) || !procfs_parse_loadavg(text, averages)) {
        s->one = s->five = s->fifteen = reading_unknown(why);
        return;
    }
    s->one = reading_known(averages[0]);
    s->five = reading_known(averages[1]);
    s->fifteen = reading_known(averages[2]);
}

static int64_t thread_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

void host_take_sample(struct host *h, int64_t now_ns, struct host_sample *ret_sample)
{
    int64_t began_ns = thread_cpu_ns();
    struct host_sample *s = ret_sample;
    *s = (struct host_sample){.taken_ns = MAX(now_ns, 1),
                              .interval_ns = h->taken_ns ? now_ns - h->taken_ns : 0};
    h->taken_ns = s->taken_ns;
    take_cpu(h, &s->cpu);
    take_memory(h, &s->memory, &s->swap);
    take_load(h, &s->load);
    struct cgroup_host limits = {.cpu_count = s->cpu.cpu_count, .memory_bytes = s->memory.total_bytes};
    cgroup_take_sample(h->cgroup, &limits, now_ns, &s->cgroup);
    s->cpu_scope = s->cgroup.has_cpu_limit ? SAMPLE_SCOPE_CGROUP : SAMPLE_SCOPE_HOST;
    s->memory_scope = s->cgroup.has_memory_limit ? SAMPLE_SCOPE_CGROUP : SAMPLE_SCOPE_HOST;
    disks_refresh(h->disks, now_ns);
    s->disk_count = disks_get_samples(h->disks, s->disks);
    s->cost_ns = thread_cpu_ns() - began_ns;
}
