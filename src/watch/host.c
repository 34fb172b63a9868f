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
#include "net/job.h"
#include "watch/cgroup.h"
#include "watch/devices.h"
#include "watch/kept_file.h"
#include "watch/network.h"
#include "watch/own.h"
#include "watch/paging.h"
#include "watch/ports.h"
#include "watch/pressure.h"
#include "watch/procfs.h"
#include "watch/procfs_net.h"
#include "watch/timekeeping.h"

#include <stdlib.h>
#include <unistd.h>

enum { JOB_THREADS_MAX = 2, JOB_QUEUE_MAX = 2 }; /* one that counts sockets, one that asks links */

struct core {
    uint32_t index;
    struct cpu_ticks ticks;
};

struct host {
    char *scratch; /* owned */
    struct kept_file stat, meminfo, loadavg, zoneinfo, file_count;
    struct job_pool *jobs; /* NULL: no descriptors left at start; what needs it is unknown */
    struct cgroup *cgroup;
    struct disks *disks;
    struct devices *devices;
    struct network *network;
    struct ports *ports;
    struct own *own;
    struct paging paging;
    struct pressures pressure;
    uint64_t page_bytes;
    int64_t taken_ns; /* the sample before; 0: none */
    bool has_ticks;   /* of the sample before */
    struct cpu_ticks ticks;
    uint32_t core_count;
    struct core cores[HOST_CORES_MAX]; /* of the sample before */
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
    kept_file_init(&h->file_count, params->root, "/proc/sys/fs/file-nr");
    h->jobs = job_pool_new(&(struct job_pool_params){
        .loop = params->loop, .name = "host", .threads_max = JOB_THREADS_MAX, .queue_max = JOB_QUEUE_MAX});
    h->cgroup = cgroup_new(params->root, h->scratch);
    h->disks = disks_new(&(struct disks_params){
        .loop = params->loop, .root = params->root, .scratch = h->scratch, .measure = params->measure_disk});
    h->devices = devices_new(params->root, h->scratch);
    h->network =
        network_new(&(struct network_params){.root = params->root, .scratch = h->scratch, .jobs = h->jobs});
    h->ports = ports_new(&(struct ports_params){.root = params->root, .jobs = h->jobs});
    h->own = own_new(&(struct own_params){
        .root = params->root, .supervisor_pid = params->supervisor_pid, .restarts = params->restarts});
    paging_init(&h->paging, params->root);
    pressures_init_host(&h->pressure, params->root);
    return h;
}

void host_free(struct host *h)
{
    if (h == NULL)
        return;
    ports_free(h->ports);
    network_free(h->network);
    job_pool_free(h->jobs, 0);
    disks_free(h->disks);
    devices_free(h->devices);
    cgroup_free(h->cgroup);
    own_free(h->own);
    paging_fini(&h->paging);
    pressures_fini(&h->pressure);
    kept_file_fini(&h->file_count);
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
    uint32_t count = disks_get_samples(h->disks, ret_samples);
    devices_name(h->devices, ret_samples, count);
    return count;
}

static bool read_text(struct host *h, struct kept_file *f, struct str *ret_text, const char **ret_why)
{
    return kept_file_read(f, h->scratch, CGROUP_SCRATCH_BYTES, ret_text, ret_why);
}

static void set_cpu_unknown(struct cpu_sample *s, const char *why)
{
    s->percent = s->iowait_percent = s->steal_percent = reading_unknown(why);
}

/* Where the one before has this CPU, that is nearly always at the same place. */
static const struct core *find_core(const struct core *cores, uint32_t count, uint32_t index,
                                    uint32_t expected)
{
    if (expected < count && cores[expected].index == index)
        return &cores[expected];
    for (uint32_t i = 0; i < count; i++)
        if (cores[i].index == index)
            return &cores[i];
    return NULL;
}

static void take_cores(struct host *h, struct str stat_text, struct host_sample *s)
{
    static struct core cores[HOST_CORES_MAX]; /* of the one control thread: too large for a stack */
    struct cpu_sample sample;
    uint32_t count = 0, index;
    struct cpu_ticks ticks;
    while (count < HOST_CORES_MAX && procfs_next_cpu(&stat_text, &index, &ticks)) {
        const struct core *before = find_core(h->cores, h->core_count, index, count);
        sample.percent = reading_unknown(formula_first_sample);
        if (before)
            formula_cpu(&before->ticks, &ticks, &sample);
        s->cores[count] = (struct core_sample){.index = index, .percent = sample.percent};
        cores[count++] = (struct core){.index = index, .ticks = ticks};
    }
    memcpy(h->cores, cores, count * sizeof(cores[0]));
    s->core_count = h->core_count = count;
}

static void take_cpu(struct host *h, struct host_sample *s)
{
    struct str text;
    struct cpu_ticks ticks;
    const char *why = "/proc/stat has no line for the CPUs";
    if (!read_text(h, &h->stat, &text, &why) || !procfs_parse_stat(text, &ticks, &s->cpu.cpu_count)) {
        h->has_ticks = false;
        h->core_count = 0;
        set_cpu_unknown(&s->cpu, why);
        return;
    }
    if (h->has_ticks)
        formula_cpu(&h->ticks, &ticks, &s->cpu);
    else
        set_cpu_unknown(&s->cpu, formula_first_sample);
    h->ticks = ticks;
    h->has_ticks = true;
    take_cores(h, text, s);
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

static void take_files(struct host *h, struct open_files_sample *s)
{
    char buffer[128]; /* small: for files of /proc/sys the kernel clears as much memory as is asked for */
    struct str text;
    uint64_t open, max;
    const char *why = "/proc/sys/fs/file-nr is not three numbers";
    if (!kept_file_read(&h->file_count, buffer, sizeof(buffer), &text, &why) ||
        !procfs_parse_file_count(text, &open, &max)) {
        s->percent = s->open = s->max = reading_unknown(why);
        return;
    }
    s->open = reading_known((double)open);
    s->max = reading_known((double)max);
    s->percent = reading_known(formula_percent(open, max));
}

static void take_group(struct host *h, int64_t now_ns, struct host_sample *s)
{
    struct cgroup_host limits = {.cpu_count = s->cpu.cpu_count, .memory_bytes = s->memory.total_bytes};
    cgroup_take_sample(h->cgroup, &limits, now_ns, &s->cgroup);
    s->cpu_scope = s->cgroup.has_cpu_limit ? SAMPLE_SCOPE_CGROUP : SAMPLE_SCOPE_HOST;
    s->memory_scope = s->cgroup.has_memory_limit ? SAMPLE_SCOPE_CGROUP : SAMPLE_SCOPE_HOST;
}

void host_take_sample(struct host *h, int64_t now_ns, struct host_sample *ret_sample)
{
    int64_t began_ns = clock_thread_cpu_ns();
    struct host_sample *s = ret_sample;
    *s = (struct host_sample){.taken_ns = MAX(now_ns, 1),
                              .interval_ns = h->taken_ns ? now_ns - h->taken_ns : 0};
    h->taken_ns = s->taken_ns;
    take_cpu(h, s);
    take_memory(h, &s->memory, &s->swap);
    take_load(h, &s->load);
    paging_take(&h->paging, h->scratch, CGROUP_SCRATCH_BYTES, now_ns, &s->paging);
    pressures_take(&h->pressure, now_ns, &s->pressure);
    take_group(h, now_ns, s);
    disks_refresh(h->disks, now_ns);
    s->disk_count = disks_get_samples(h->disks, s->disks);
    s->device_count =
        devices_take(h->devices, now_ns, s->disks, s->disk_count, s->devices, &s->why_no_devices);
    devices_name(h->devices, s->disks, s->disk_count);
    network_take(h->network, now_ns, s, &s->why_no_interfaces);
    ports_refresh(h->ports, now_ns);
    s->ports = ports_get_sample(h->ports);
    take_files(h, &s->files);
    timekeeping_take(&s->clock);
    own_take(h->own, now_ns, &s->own);
    s->cost_ns = clock_thread_cpu_ns() - began_ns;
}
