/*
 * host_report.c: see host_report.h. `cpu` and `memory` are what alerts look at: the control group's number
 * when it has a limit, else the host's, and the note says which. The numbers of a limit are there as long as
 * the limit is.
 */
#include "watch/host_report.h"

#include "base/units.h"

#include <stdio.h>

static const struct subject machine;

static void put_cpu(const struct host_sample *s, struct board *b)
{
    if (s->cpu_scope == SAMPLE_SCOPE_CGROUP)
        board_put_note(b, METRIC_CPU, &machine, host_sample_cpu(s),
                       "of the %.2f CPUs that control group %s may use", s->cgroup.cpu_group_cpus,
                       s->cgroup.cpu_group);
    else
        board_put_note(b, METRIC_CPU, &machine, host_sample_cpu(s), "of %u CPUs", s->cpu.cpu_count);
    board_put(b, METRIC_CPU_IOWAIT, &machine, s->cpu.iowait_percent);
    board_put(b, METRIC_CPU_STEAL, &machine, s->cpu.steal_percent);
}

static void put_memory(const struct host_sample *s, struct board *b)
{
    char of[UNITS_TEXT_BYTES], left[UNITS_TEXT_BYTES];
    if (s->memory_scope == SAMPLE_SCOPE_CGROUP)
        board_put_note(b, METRIC_MEMORY, &machine, host_sample_memory(s),
                       "of the %s that control group %s may use",
                       units_format_size(of, s->cgroup.memory_group_limit_bytes), s->cgroup.memory_group);
    else
        board_put_note(b, METRIC_MEMORY, &machine, host_sample_memory(s), "of %s; %s available",
                       units_format_size(of, s->memory.total_bytes),
                       units_format_size(left, s->memory.available_bytes));
    board_put(b, METRIC_SWAP, &machine, s->swap.percent);
}

static void put_memory_traffic(const struct host_sample *s, struct board *b)
{
    board_put(b, METRIC_SWAP_IN, &machine, s->paging.swapped_in_rate);
    board_put(b, METRIC_SWAP_OUT, &machine, s->paging.swapped_out_rate);
    board_put(b, METRIC_MAJOR_FAULTS, &machine, s->paging.major_faults_rate);
    /* In a container with a limit the machine's kills are those of its neighbours. */
    bool is_limited = s->memory_scope == SAMPLE_SCOPE_CGROUP;
    board_put(b, METRIC_OOM_KILLS, &machine,
              is_limited ? s->cgroup.oom_kills_recent : s->paging.oom_kills_recent);
}

static void put_load(const struct host_sample *s, struct board *b)
{
    struct reading each = s->load.fifteen;
    if (each.is_known && s->cpu.cpu_count)
        each.value /= s->cpu.cpu_count;
    else if (each.is_known)
        each = reading_unknown("the number of CPUs is unknown");
    board_put_note(b, METRIC_LOAD1, &machine, s->load.one, "on %u CPUs", s->cpu.cpu_count);
    board_put_note(b, METRIC_LOAD5, &machine, s->load.five, "on %u CPUs", s->cpu.cpu_count);
    board_put_note(b, METRIC_LOAD15, &machine, s->load.fifteen, "on %u CPUs", s->cpu.cpu_count);
    board_put(b, METRIC_LOAD_PER_CPU, &machine, each);
}

static void put_pressure(const struct pressures_sample *p, struct board *b)
{
    board_put(b, METRIC_CPU_PRESSURE, &machine, p->cpu.some_percent);
    board_put(b, METRIC_MEMORY_PRESSURE, &machine, p->memory.some_percent);
    board_put(b, METRIC_MEMORY_STALLED, &machine, p->memory.full_percent);
    board_put(b, METRIC_IO_PRESSURE, &machine, p->io.some_percent);
    board_put(b, METRIC_IO_STALLED, &machine, p->io.full_percent);
}

static void put_group_pressure(const struct pressures_sample *p, struct board *b)
{
    board_put(b, METRIC_CGROUP_CPU_PRESSURE, &machine, p->cpu.some_percent);
    board_put(b, METRIC_CGROUP_CPU_STALLED, &machine, p->cpu.full_percent);
    board_put(b, METRIC_CGROUP_MEMORY_PRESSURE, &machine, p->memory.some_percent);
    board_put(b, METRIC_CGROUP_MEMORY_STALLED, &machine, p->memory.full_percent);
    board_put(b, METRIC_CGROUP_IO_PRESSURE, &machine, p->io.some_percent);
    board_put(b, METRIC_CGROUP_IO_STALLED, &machine, p->io.full_percent);
}

static void put_group(const struct cgroup_sample *c, struct board *b)
{
    char of[UNITS_TEXT_BYTES];
    if (c->version == 0)
        return;
    if (c->has_cpu_limit) {
        board_put_note(b, METRIC_CGROUP_CPU, &machine, c->cpu_percent, "of %.2f CPUs, the limit of %s",
                       c->cpu_group_cpus, c->cpu_group);
        board_put_note(b, METRIC_CGROUP_THROTTLED, &machine, c->throttled_percent,
                       "at %.2f CPUs, the limit of %s", c->cpu_group_cpus, c->cpu_group);
    }
    if (c->has_memory_limit)
        board_put_note(b, METRIC_CGROUP_MEMORY, &machine, c->memory_percent, "of %s, the limit of %s",
                       units_format_size(of, c->memory_group_limit_bytes), c->memory_group);
    if (c->has_pids_limit)
        board_put_note(b, METRIC_CGROUP_PIDS, &machine, c->pids_percent, "%llu of %llu, the limit of %s",
                       (unsigned long long)c->pids_group_used, (unsigned long long)c->pids_group_limit,
                       c->pids_group);
    board_put(b, METRIC_CGROUP_OOM_KILLS, &machine, c->oom_kills_recent);
    put_group_pressure(&c->pressure, b);
}

static void put_tables(const struct host_sample *s, struct board *b)
{
    board_put_note(b, METRIC_OPEN_FILES, &machine, s->files.percent, "%.0f of %.0f", s->files.open.value,
                   s->files.max.value);
    board_put_note(b, METRIC_CONNTRACK, &machine, s->conntrack.percent, "%.0f of %.0f connections",
                   s->conntrack.count.value, s->conntrack.max.value);
    if (s->ports.in_use)
        board_put_note(b, METRIC_EPHEMERAL_PORTS, &machine, s->ports.percent, "%u of %u ports, towards %s",
                       s->ports.in_use, s->ports.range, s->ports.destination);
    else
        board_put(b, METRIC_EPHEMERAL_PORTS, &machine, s->ports.percent);
}

static void put_tcp(const struct host_sample *s, struct board *b)
{
    board_put(b, METRIC_SOCKETS, &machine, s->sockets.used);
    board_put(b, METRIC_TCP_CONNECTIONS, &machine, s->sockets.tcp_open);
    board_put(b, METRIC_TCP_TIME_WAIT, &machine, s->sockets.tcp_time_wait);
    board_put(b, METRIC_TCP_RETRANSMITS, &machine, s->tcp.retransmits_percent);
    board_put(b, METRIC_LISTEN_OVERFLOWS, &machine, s->tcp.listen_overflows_rate);
    board_put(b, METRIC_LISTEN_DROPS, &machine, s->tcp.listen_drops_rate);
}

static void put_clock(const struct clock_sample *c, struct board *b)
{
    struct reading offset = c->offset_s;
    if (offset.value < 0)
        offset.value = -offset.value;
    board_put_note(b, METRIC_CLOCK_OFFSET, &machine, offset, "the clock is %s",
                   c->offset_s.value < 0 ? "ahead" : "behind");
    board_put(b, METRIC_CLOCK_ERROR, &machine, c->error_bound_s);
    board_put(b, METRIC_CLOCK_SYNCHRONISED, &machine, c->is_synchronised);
}

static void put_core(const struct core_sample *c, struct board *b)
{
    char name[16];
    (void)snprintf(name, sizeof(name), "%u", c->index);
    board_put(b, METRIC_CPU_CORE, &(struct subject){.names = {name}}, c->percent);
}

static void put_space(const struct disk_sample *d, const struct subject *subject, struct board *b)
{
    char of[UNITS_TEXT_BYTES], left[UNITS_TEXT_BYTES];
    (void)units_format_size(left, d->available_bytes);
    (void)units_format_size(of, d->total_bytes);
    if (d->pool_mounts) {
        board_put_note(b, METRIC_DISK, subject, d->percent, "%s of %s left on %s, which %u mounts share",
                       left, of, d->pool, d->pool_mounts);
        board_put_note(b, METRIC_DISK_FULL_IN, subject, d->full_in_s, "%s left on %s, which %u mounts share",
                       left, d->pool, d->pool_mounts);
        return;
    }
    board_put_note(b, METRIC_DISK, subject, d->percent, "%s of %s left", left, of);
    board_put_note(b, METRIC_DISK_FULL_IN, subject, d->full_in_s, "%s left", left);
}

static void put_disk(const struct disk_sample *d, struct board *b)
{
    struct subject subject = {.names = {d->path}};
    put_space(d, &subject, b);
    board_put(b, METRIC_DISK_INODES, &subject, d->inodes_percent);
    board_put(b, METRIC_DISK_FREE, &subject,
              d->percent.is_known ? reading_known((double)d->available_bytes) : d->percent);
    board_put(b, METRIC_DISK_READ_ONLY, &subject, d->read_only);
}

static void put_device(const struct device_sample *d, struct board *b)
{
    struct subject subject = {.names = {d->name}};
    board_put(b, METRIC_DISK_READ, &subject, d->read_rate);
    board_put(b, METRIC_DISK_WRITTEN, &subject, d->write_rate);
    board_put(b, METRIC_DISK_READS, &subject, d->reads_rate);
    board_put(b, METRIC_DISK_WRITES, &subject, d->writes_rate);
    board_put(b, METRIC_DISK_BUSY, &subject, d->busy_percent);
    board_put(b, METRIC_DISK_QUEUE, &subject, d->queue);
    board_put(b, METRIC_DISK_READ_LATENCY, &subject, d->read_latency_s);
    board_put(b, METRIC_DISK_WRITE_LATENCY, &subject, d->write_latency_s);
}

static void put_interface(const struct interface_sample *i, struct board *b)
{
    struct subject subject = {.names = {i->name}};
    board_put(b, METRIC_NET_RECEIVED, &subject, i->received_rate);
    board_put(b, METRIC_NET_SENT, &subject, i->sent_rate);
    board_put_note(b, METRIC_NET_USAGE, &subject, i->usage_percent, "of %.0f Mbit/s", i->speed.value / 1e6);
    board_put(b, METRIC_NET_ERRORS, &subject, i->errors_rate);
    board_put(b, METRIC_NET_DROPS, &subject, i->drops_rate);
}

static void put_process(const char *name, const struct process_sample *p, struct board *b)
{
    struct subject subject = {.names = {name}};
    if (p->pid == 0)
        return;
    board_put(b, METRIC_PROCESS_CPU, &subject, p->cpu_percent);
    board_put(b, METRIC_PROCESS_MEMORY, &subject, p->memory_bytes);
    board_put(b, METRIC_PROCESS_FILES, &subject, p->open_files);
    board_put(b, METRIC_PROCESS_THREADS, &subject, p->threads);
}

static void put_own(const struct own_sample *o, struct board *b)
{
    struct subject worker = {.names = {"worker"}};
    put_process("worker", &o->worker, b);
    put_process("supervisor", &o->supervisor, b);
    board_put_note(b, METRIC_PROCESS_FILES_USAGE, &worker, o->files_percent, "of %.0f", o->files_limit.value);
    board_put(b, METRIC_PROCESS_RESTARTS, &worker, o->restarts);
}

void host_report(const struct host_sample *s, struct board *b)
{
    put_cpu(s, b);
    put_memory(s, b);
    put_memory_traffic(s, b);
    put_load(s, b);
    put_pressure(&s->pressure, b);
    put_group(&s->cgroup, b);
    put_tables(s, b);
    put_tcp(s, b);
    put_clock(&s->clock, b);
    for (uint32_t i = 0; i < s->core_count; i++)
        put_core(&s->cores[i], b);
    for (uint32_t i = 0; i < s->disk_count; i++)
        put_disk(&s->disks[i], b);
    for (uint32_t i = 0; i < s->device_count; i++)
        put_device(&s->devices[i], b);
    for (uint32_t i = 0; i < s->interface_count; i++)
        put_interface(&s->interfaces[i], b);
    if (s->own.worker.pid)
        put_own(&s->own, b);
}
