/*
 * host_metrics.c: see host_metrics.h. Prometheus' rules: base units, ratios of 0 to 1, families in one piece,
 * counters where the kernel counts (what they were a second ago is the reader's to say).
 */
#include "watch/host_metrics.h"

#include "base/macros.h"
#include "stats/exposition.h"

#include <stddef.h>
#include <stdio.h>

/* labels: with braces, escaped; "" for none. No row when the reading is unknown. */
static void put_row(struct buf *out, const char *name, const char *labels, struct reading r, double scale)
{
    if (r.is_known)
        buf_printf(out, "%s%s %.15g\n", name, labels, r.value * scale);
}

static void write_ratio_metrics(struct buf *out, const struct host_sample *s)
{
    static const char host[] = "{scope=\"host\"}", cgroup[] = "{scope=\"cgroup\"}";
    exposition_begin(out, "weir_host_cpu_usage_ratio", "gauge",
                     "Busy share of the CPUs, or of the control group's limit.");
    put_row(out, "weir_host_cpu_usage_ratio", host, s->cpu.percent, 0.01);
    put_row(out, "weir_host_cpu_usage_ratio", cgroup, s->cgroup.cpu_percent, 0.01);
    exposition_begin(out, "weir_host_cpus", "gauge", "CPUs that can be used.");
    if (s->cpu.cpu_count)
        put_row(out, "weir_host_cpus", host, reading_known(s->cpu.cpu_count), 1);
    put_row(out, "weir_host_cpus", cgroup, s->cgroup.effective_cpus, 1);
    exposition_begin(out, "weir_host_cpu_iowait_ratio", "gauge",
                     "Share of CPU time spent idle while waiting for disks.");
    put_row(out, "weir_host_cpu_iowait_ratio", host, s->cpu.iowait_percent, 0.01);
    exposition_begin(out, "weir_host_cpu_steal_ratio", "gauge", "Share of CPU time taken by the hypervisor.");
    put_row(out, "weir_host_cpu_steal_ratio", host, s->cpu.steal_percent, 0.01);
    exposition_begin(out, "weir_host_cpu_throttled_ratio", "gauge",
                     "Share of periods in which the control group was held back at its CPU limit.");
    put_row(out, "weir_host_cpu_throttled_ratio", cgroup, s->cgroup.throttled_percent, 0.01);
    exposition_begin(out, "weir_host_memory_usage_ratio", "gauge",
                     "Share of memory that is not available, or used of the control group's limit.");
    put_row(out, "weir_host_memory_usage_ratio", host, s->memory.percent, 0.01);
    put_row(out, "weir_host_memory_usage_ratio", cgroup, s->cgroup.memory_percent, 0.01);
}

static void write_memory_metrics(struct buf *out, const struct host_sample *s)
{
    bool is_known = s->memory.percent.is_known;
    exposition_begin(out, "weir_host_memory_size_bytes", "gauge",
                     "Memory there is, or the control group's tightest limit.");
    if (is_known)
        buf_printf(out, "weir_host_memory_size_bytes{scope=\"host\"} %llu\n",
                   (unsigned long long)s->memory.total_bytes);
    if (s->cgroup.has_memory_limit)
        buf_printf(out, "weir_host_memory_size_bytes{scope=\"cgroup\"} %llu\n",
                   (unsigned long long)s->cgroup.memory_limit_bytes);
    exposition_begin(out, "weir_host_memory_available_bytes", "gauge",
                     "Memory that can be had without swapping.");
    if (is_known)
        buf_printf(out, "weir_host_memory_available_bytes{scope=\"host\"} %llu\n",
                   (unsigned long long)s->memory.available_bytes);
    exposition_begin(out, "weir_host_swap_usage_ratio", "gauge", "Used share of the swap space.");
    put_row(out, "weir_host_swap_usage_ratio", "{scope=\"host\"}", s->swap.percent, 0.01);
    exposition_begin(out, "weir_host_oom_kills_total", "counter",
                     "Processes killed for lack of memory, of the whole host or of the control group.");
    put_row(out, "weir_host_oom_kills_total", "{scope=\"host\"}", s->paging.oom_kills, 1);
    put_row(out, "weir_host_oom_kills_total", "{scope=\"cgroup\"}", s->cgroup.oom_kills, 1);
}

struct disk_family {
    const char *name, *help;
    struct reading (*get)(const struct disk_sample *d);
    double scale;
};

static void write_disk_family(struct buf *out, const struct host_sample *s, const struct disk_family *f)
{
    exposition_begin(out, f->name, "gauge", f->help);
    for (uint32_t i = 0; i < s->disk_count; i++) {
        struct reading r = f->get(&s->disks[i]);
        if (!r.is_known)
            continue;
        buf_printf(out, "%s{path=\"", f->name);
        exposition_put_label(out, s->disks[i].path);
        buf_printf(out, "\",scope=\"host\"} %.15g\n", r.value * f->scale);
    }
}

static struct reading get_usage(const struct disk_sample *d)
{
    return d->percent;
}

static struct reading get_inodes(const struct disk_sample *d)
{
    return d->inodes_percent;
}

static struct reading get_size(const struct disk_sample *d)
{
    return d->percent.is_known ? reading_known((double)d->total_bytes) : d->percent;
}

static struct reading get_free(const struct disk_sample *d)
{
    return d->percent.is_known ? reading_known((double)d->available_bytes) : d->percent;
}

static struct reading get_full_in(const struct disk_sample *d)
{
    return d->full_in_s;
}

static struct reading get_read_only(const struct disk_sample *d)
{
    return d->read_only;
}

static void write_disk_metrics(struct buf *out, const struct host_sample *s)
{
    static const struct disk_family families[] = {
        {"weir_host_disk_usage_ratio", "Used share of what users may use of a file system.", get_usage, 0.01},
        {"weir_host_disk_inodes_usage_ratio", "Used share of a file system's inodes.", get_inodes, 0.01},
        {"weir_host_disk_size_bytes", "Size of a file system.", get_size, 1},
        {"weir_host_disk_available_bytes", "Bytes of a file system that users may still use.", get_free, 1},
        {"weir_host_disk_full_in_seconds",
         "Time until a file system is full if it goes on as in the last hours; a year for later and never.",
         get_full_in, 1},
        {"weir_host_disk_read_only", "1 for a file system that the kernel made read-only after an error.",
         get_read_only, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(families); i++)
        write_disk_family(out, s, &families[i]);
}

/* ---- single numbers ---- */

static struct reading reading_at(const void *sample, size_t offset)
{
    return *(const struct reading *)((const char *)sample + offset);
}

struct family {
    const char *name, *type, *help;
    size_t offset; /* of the reading in a sample */
    double scale;
};

static void write_single_metrics(struct buf *out, const struct host_sample *s)
{
#define AT(member) offsetof(struct host_sample, member)
    static const struct family families[] = {
        {"weir_host_load1", "gauge", "Load average of one minute.", AT(load.one), 1},
        {"weir_host_load5", "gauge", "Load average of five minutes.", AT(load.five), 1},
        {"weir_host_load15", "gauge", "Load average of 15 minutes.", AT(load.fifteen), 1},
        {"weir_host_swap_in_bytes_total", "counter", "Bytes read back from the swap space since boot.",
         AT(paging.swapped_in_bytes), 1},
        {"weir_host_swap_out_bytes_total", "counter", "Bytes written to the swap space since boot.",
         AT(paging.swapped_out_bytes), 1},
        {"weir_host_tcp_segments_sent_total", "counter", "TCP segments sent.", AT(tcp.segments_sent), 1},
        {"weir_host_tcp_segments_retransmitted_total", "counter", "TCP segments that had to be sent again.",
         AT(tcp.segments_retransmitted), 1},
        {"weir_host_tcp_listen_overflows_total", "counter",
         "Connections that found the accept queue of a listening socket full.", AT(tcp.listen_overflows), 1},
        {"weir_host_tcp_listen_drops_total", "counter",
         "Connections dropped before they were accepted, for any reason.", AT(tcp.listen_drops), 1},
        {"weir_host_tcp_connections", "gauge", "TCP sockets in use, without those in TIME_WAIT.",
         AT(sockets.tcp_open), 1},
        {"weir_host_tcp_time_wait", "gauge", "TCP sockets in TIME_WAIT.", AT(sockets.tcp_time_wait), 1},
        {"weir_host_tcp_orphans", "gauge", "TCP sockets that no process holds any more.",
         AT(sockets.tcp_orphans), 1},
        {"weir_host_tcp_memory_bytes", "gauge", "Memory in TCP's buffers.", AT(sockets.tcp_memory_bytes), 1},
        {"weir_host_sockets", "gauge", "Sockets in use, of all kinds.", AT(sockets.used), 1},
        {"weir_host_conntrack_entries", "gauge", "Connections that the firewall follows.",
         AT(conntrack.count), 1},
        {"weir_host_conntrack_limit", "gauge", "Connections that the firewall can follow.", AT(conntrack.max),
         1},
        {"weir_host_ephemeral_ports_usage_ratio", "gauge",
         "Local ports in use towards the busiest destination, of the range for outgoing connections.",
         AT(ports.percent), 0.01},
        {"weir_host_open_files", "gauge", "Open files of the whole host.", AT(files.open), 1},
        {"weir_host_open_files_limit", "gauge", "Open files that the host's kernel allows.", AT(files.max),
         1},
        {"weir_host_clock_synchronised", "gauge", "1 while something (NTP, PTP) disciplines the clock.",
         AT(clock.is_synchronised), 1},
        {"weir_host_clock_offset_seconds", "gauge", "What the kernel still corrects the clock by; signed.",
         AT(clock.offset_s), 1},
        {"weir_host_clock_error_bound_seconds", "gauge",
         "How far the clock may be off at most, as the kernel reckons.", AT(clock.error_bound_s), 1},
        {"weir_worker_restarts_total", "counter", "Times that the worker was started anew after it had died.",
         AT(own.restarts), 1},
        {"weir_worker_open_files_limit", "gauge", "Open files that the worker may have (RLIMIT_NOFILE).",
         AT(own.files_limit), 1},
    };
#undef AT
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        const struct family *f = &families[i];
        exposition_begin(out, f->name, f->type, f->help);
        put_row(out, f->name, "", reading_at(s, f->offset), f->scale);
    }
}

static void write_group_metrics(struct buf *out, const struct host_sample *s)
{
    exposition_begin(out, "weir_host_pids_usage_ratio", "gauge",
                     "Processes and threads of the control group, of the limit that is nearest.");
    put_row(out, "weir_host_pids_usage_ratio", "{scope=\"cgroup\"}", s->cgroup.pids_percent, 0.01);
}

static void write_core_metrics(struct buf *out, const struct host_sample *s)
{
    char labels[64];
    exposition_begin(out, "weir_host_cpu_core_usage_ratio", "gauge", "Busy share of one CPU.");
    for (uint32_t i = 0; i < s->core_count; i++) {
        (void)snprintf(labels, sizeof(labels), "{cpu=\"%u\",scope=\"host\"}", s->cores[i].index);
        put_row(out, "weir_host_cpu_core_usage_ratio", labels, s->cores[i].percent, 0.01);
    }
}

/* ---- pressure ---- */

static void put_pressure(struct buf *out, const char *scope, const char *resource,
                         const struct pressure_sample *p)
{
    static const char name[] = "weir_host_pressure_seconds_total";
    char labels[96];
    (void)snprintf(labels, sizeof(labels), "{kind=\"some\",resource=\"%s\",scope=\"%s\"}", resource, scope);
    put_row(out, name, labels, p->some_seconds, 1);
    (void)snprintf(labels, sizeof(labels), "{kind=\"full\",resource=\"%s\",scope=\"%s\"}", resource, scope);
    put_row(out, name, labels, p->full_seconds, 1);
}

static void write_pressure_metrics(struct buf *out, const struct host_sample *s)
{
    const struct pressures_sample *const samples[] = {&s->pressure, &s->cgroup.pressure};
    static const char *const scopes[] = {"host", "cgroup"};
    exposition_begin(out, "weir_host_pressure_seconds_total", "counter",
                     "Time in which some task, or all that could work (full), waited for a resource.");
    for (size_t i = 0; i < ARRAY_LEN(scopes); i++) {
        put_pressure(out, scopes[i], "cpu", &samples[i]->cpu);
        put_pressure(out, scopes[i], "memory", &samples[i]->memory);
        put_pressure(out, scopes[i], "io", &samples[i]->io);
    }
}

/* ---- block devices and interfaces: counters ---- */

struct counter_family {
    const char *name, *help;
    size_t offset; /* of the uint64_t in a sample */
    double scale;
};

static double counter_at(const void *sample, size_t offset)
{
    return (double)*(const uint64_t *)((const char *)sample + offset);
}

static void write_device_metrics(struct buf *out, const struct host_sample *s)
{
#define AT(member) offsetof(struct device_sample, member)
    static const struct counter_family families[] = {
        {"weir_host_device_read_bytes_total", "Bytes read from a block device.", AT(read_bytes), 1},
        {"weir_host_device_written_bytes_total", "Bytes written to a block device.", AT(written_bytes), 1},
        {"weir_host_device_reads_total", "Read requests that a block device has finished.", AT(reads), 1},
        {"weir_host_device_writes_total", "Write requests that a block device has finished.", AT(writes), 1},
        {"weir_host_device_read_seconds_total", "Time that read requests took, added up.", AT(read_ms), 1e-3},
        {"weir_host_device_write_seconds_total", "Time that write requests took, added up.", AT(write_ms),
         1e-3},
        {"weir_host_device_busy_seconds_total", "Time with a request under way.", AT(busy_ms), 1e-3},
        {"weir_host_device_queue_seconds_total", "Time that requests were under way, each for itself.",
         AT(queue_ms), 1e-3},
    };
#undef AT
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        const struct counter_family *f = &families[i];
        exposition_begin(out, f->name, "counter", f->help);
        for (uint32_t k = 0; k < s->device_count; k++) {
            buf_printf(out, "%s{device=\"", f->name);
            exposition_put_label(out, s->devices[k].name);
            buf_printf(out, "\",scope=\"host\"} %.15g\n", counter_at(&s->devices[k], f->offset) * f->scale);
        }
    }
}

struct direction_family {
    const char *name, *help;
    size_t received, sent; /* offsets, as above */
};

static void put_direction(struct buf *out, const char *name, const struct interface_sample *i,
                          const char *direction, size_t offset)
{
    buf_printf(out, "%s{direction=\"%s\",interface=\"", name, direction);
    exposition_put_label(out, i->name);
    buf_printf(out, "\"} %.15g\n", counter_at(i, offset));
}

static void write_interface_metrics(struct buf *out, const struct host_sample *s)
{
#define AT(member)                                                                                           \
    offsetof(struct interface_sample, received_##member), offsetof(struct interface_sample, sent_##member)
    static const struct direction_family families[] = {
        {"weir_host_network_bytes_total", "Bytes that a network interface moved.", AT(bytes)},
        {"weir_host_network_packets_total", "Packets that a network interface moved.", AT(packets)},
        {"weir_host_network_errors_total", "Packets with errors at a network interface.", AT(errors)},
        {"weir_host_network_drops_total", "Packets dropped at a network interface.", AT(drops)},
    };
#undef AT
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        const struct direction_family *f = &families[i];
        exposition_begin(out, f->name, "counter", f->help);
        for (uint32_t k = 0; k < s->interface_count; k++) {
            put_direction(out, f->name, &s->interfaces[k], "received", f->received);
            put_direction(out, f->name, &s->interfaces[k], "sent", f->sent);
        }
    }
    exposition_begin(out, "weir_host_network_speed_bytes", "gauge",
                     "Bytes a second that the link of a network interface can move, each way.");
    for (uint32_t k = 0; k < s->interface_count; k++) {
        if (!s->interfaces[k].speed.is_known)
            continue;
        buf_put(out, STR("weir_host_network_speed_bytes{interface=\""));
        exposition_put_label(out, s->interfaces[k].name);
        buf_printf(out, "\"} %.15g\n", s->interfaces[k].speed.value / 8);
    }
}

/* ---- Weir itself ---- */

static void write_process_metrics(struct buf *out, const struct own_sample *s)
{
#define AT(member) offsetof(struct process_sample, member)
    static const struct family families[] = {
        {"weir_process_cpu_seconds_total", "counter", "CPU time that a process of Weir has used.",
         AT(cpu_seconds), 1},
        {"weir_process_memory_bytes", "gauge", "Resident memory of a process of Weir.", AT(memory_bytes), 1},
        {"weir_process_threads", "gauge", "Threads of a process of Weir.", AT(threads), 1},
        {"weir_process_open_files", "gauge", "Open files of a process of Weir.", AT(open_files), 1},
    };
#undef AT
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        const struct family *f = &families[i];
        exposition_begin(out, f->name, f->type, f->help);
        put_row(out, f->name, "{process=\"worker\"}", reading_at(&s->worker, f->offset), f->scale);
        put_row(out, f->name, "{process=\"supervisor\"}", reading_at(&s->supervisor, f->offset), f->scale);
    }
}

void host_metrics_write(struct buf *out, const struct host_sample *s)
{
    write_ratio_metrics(out, s);
    write_memory_metrics(out, s);
    write_single_metrics(out, s);
    write_group_metrics(out, s);
    write_core_metrics(out, s);
    write_pressure_metrics(out, s);
    write_disk_metrics(out, s);
    write_device_metrics(out, s);
    write_interface_metrics(out, s);
    write_process_metrics(out, &s->own);
    exposition_begin(out, "weir_host_sample_cpu_seconds", "gauge",
                     "CPU time that taking the latest sample of the host cost.");
    buf_printf(out, "weir_host_sample_cpu_seconds %.9f\n", (double)s->cost_ns / 1e9);
}
