/*
 * host_json.c: see host_json.h.
 *
 * Each number comes with its scope and the inputs of its formula, so that a reader who compares with htop or
 * df can see where a difference comes from.
 */
#include "watch/host_json.h"

#include "base/clock.h"
#include "base/macros.h"

#include <stddef.h>

static void put_reading(struct json *j, const char *key, struct reading r)
{
    json_put_double_if(j, key, r.is_known, r.value);
}

/* A reading inside a sample, by its place. */
struct field {
    const char *key;
    size_t offset;
};

static struct reading reading_at(const void *sample, size_t offset)
{
    return *(const struct reading *)((const char *)sample + offset);
}

static void put_fields(struct json *j, const void *sample, const struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put_reading(j, fields[i].key, reading_at(sample, fields[i].offset));
}

/* The number that matters, and why it is not there. */
static void put_percent(struct json *j, const char *scope, struct reading r)
{
    json_put_text(j, "scope", scope);
    put_reading(j, "percent", r);
    if (!r.is_known)
        json_put_text(j, "why_unknown", r.why_unknown);
}

static void write_cpu(struct json *j, const struct host_sample *host)
{
    const struct cpu_sample *s = &host->cpu;
    json_key(j, "cpu");
    json_begin_object(j);
    put_percent(j, "host", s->percent);
    json_put_int(j, "count", s->cpu_count);
    put_reading(j, "iowait_percent", s->iowait_percent);
    put_reading(j, "steal_percent", s->steal_percent);
    json_put_int(j, "busy_ticks", (int64_t)s->busy_ticks);
    json_put_int(j, "total_ticks", (int64_t)s->total_ticks);
    json_put_text(j, "formula", "100 * busy_ticks / total_ticks, idle and iowait not being busy");
    json_key(j, "cores");
    json_begin_array(j);
    for (uint32_t i = 0; i < host->core_count; i++) {
        json_begin_object(j);
        json_put_int(j, "cpu", host->cores[i].index);
        put_reading(j, "percent", host->cores[i].percent);
        json_end_object(j);
    }
    json_end_array(j);
    json_end_object(j);
}

static void write_memory(struct json *j, const struct memory_sample *s)
{
    json_key(j, "memory");
    json_begin_object(j);
    put_percent(j, "host", s->percent);
    if (s->percent.is_known) {
        json_put_int(j, "total_bytes", (int64_t)s->total_bytes);
        json_put_int(j, "available_bytes", (int64_t)s->available_bytes);
        json_put_text(j, "available_from", memory_source_name(s->source));
    }
    json_put_text(j, "formula", "100 * (total_bytes - available_bytes) / total_bytes");
    json_end_object(j);
}

static void write_swap_and_load(struct json *j, const struct host_sample *s)
{
    json_key(j, "swap");
    json_begin_object(j);
    put_percent(j, "host", s->swap.percent);
    if (s->swap.percent.is_known) {
        json_put_int(j, "total_bytes", (int64_t)s->swap.total_bytes);
        json_put_int(j, "free_bytes", (int64_t)s->swap.free_bytes);
    }
    json_end_object(j);
    json_key(j, "load");
    json_begin_object(j);
    json_put_text(j, "scope", "host");
    put_reading(j, "one", s->load.one);
    put_reading(j, "five", s->load.five);
    put_reading(j, "fifteen", s->load.fifteen);
    json_end_object(j);
}

static void write_paging(struct json *j, const struct paging_sample *s)
{
    static const struct field fields[] = {
        {"swapped_in_bytes_per_second", offsetof(struct paging_sample, swapped_in_rate)},
        {"swapped_out_bytes_per_second", offsetof(struct paging_sample, swapped_out_rate)},
        {"swapped_in_bytes", offsetof(struct paging_sample, swapped_in_bytes)},
        {"swapped_out_bytes", offsetof(struct paging_sample, swapped_out_bytes)},
        {"major_faults_per_second", offsetof(struct paging_sample, major_faults_rate)},
        {"oom_kills", offsetof(struct paging_sample, oom_kills)},
        {"oom_kills_recent", offsetof(struct paging_sample, oom_kills_recent)},
    };
    json_key(j, "paging");
    json_begin_object(j);
    json_put_text(j, "scope", "host");
    put_fields(j, s, fields, ARRAY_LEN(fields));
    json_end_object(j);
}

static void write_pressure_of(struct json *j, const char *resource, const struct pressure_sample *s)
{
    json_key(j, resource);
    json_begin_object(j);
    put_reading(j, "some_percent", s->some_percent);
    put_reading(j, "full_percent", s->full_percent);
    if (!s->some_percent.is_known)
        json_put_text(j, "why_unknown", s->some_percent.why_unknown);
    json_end_object(j);
}

static void write_pressure(struct json *j, const char *scope, const struct pressures_sample *s)
{
    json_key(j, "pressure");
    json_begin_object(j);
    json_put_text(j, "scope", scope);
    write_pressure_of(j, "cpu", &s->cpu);
    write_pressure_of(j, "memory", &s->memory);
    write_pressure_of(j, "io", &s->io);
    json_end_object(j);
}

static void put_flag(struct json *j, const char *key, struct reading r)
{
    json_key(j, key);
    if (r.is_known)
        json_bool(j, r.value != 0);
    else
        json_null(j);
}

static void write_disk(struct json *j, const struct disk_sample *s)
{
    json_begin_object(j);
    json_put_text(j, "path", s->path);
    put_percent(j, "host", s->percent);
    if (s->percent.is_known) {
        json_put_int(j, "total_bytes", (int64_t)s->total_bytes);
        json_put_int(j, "used_bytes", (int64_t)s->used_bytes);
        json_put_int(j, "free_bytes", (int64_t)s->available_bytes);
    }
    put_reading(j, "inodes_percent", s->inodes_percent);
    json_put_text(j, "formula", "100 * used_bytes / (used_bytes + free_bytes)");
    put_reading(j, "full_in_seconds", s->full_in_s);
    if (!s->full_in_s.is_known)
        json_put_text(j, "why_full_in_unknown", s->full_in_s.why_unknown);
    put_flag(j, "is_read_only", s->read_only);
    json_put_text(j, "device", s->device[0] ? s->device : NULL);
    if (s->pool_mounts) {
        json_put_text(j, "pool", s->pool);
        json_put_int(j, "pool_mounts", s->pool_mounts);
    }
    json_end_object(j);
}

static void write_device(struct json *j, const struct device_sample *s)
{
    static const struct field fields[] = {
        {"read_bytes_per_second", offsetof(struct device_sample, read_rate)},
        {"written_bytes_per_second", offsetof(struct device_sample, write_rate)},
        {"reads_per_second", offsetof(struct device_sample, reads_rate)},
        {"writes_per_second", offsetof(struct device_sample, writes_rate)},
        {"busy_percent", offsetof(struct device_sample, busy_percent)},
        {"queue", offsetof(struct device_sample, queue)},
        {"read_latency_seconds", offsetof(struct device_sample, read_latency_s)},
        {"write_latency_seconds", offsetof(struct device_sample, write_latency_s)},
    };
    json_begin_object(j);
    json_put_text(j, "name", s->name);
    json_put_text(j, "scope", "host");
    put_fields(j, s, fields, ARRAY_LEN(fields));
    json_put_int(j, "reads", (int64_t)s->reads);
    json_put_int(j, "writes", (int64_t)s->writes);
    json_put_int(j, "read_bytes", (int64_t)s->read_bytes);
    json_put_int(j, "written_bytes", (int64_t)s->written_bytes);
    json_put_int(j, "read_ms", (int64_t)s->read_ms);
    json_put_int(j, "write_ms", (int64_t)s->write_ms);
    json_put_int(j, "busy_ms", (int64_t)s->busy_ms);
    json_end_object(j);
}

static void write_interface(struct json *j, const struct interface_sample *s)
{
    static const struct field fields[] = {
        {"received_bytes_per_second", offsetof(struct interface_sample, received_rate)},
        {"sent_bytes_per_second", offsetof(struct interface_sample, sent_rate)},
        {"errors_per_second", offsetof(struct interface_sample, errors_rate)},
        {"drops_per_second", offsetof(struct interface_sample, drops_rate)},
        {"speed_bits_per_second", offsetof(struct interface_sample, speed)},
        {"usage_percent", offsetof(struct interface_sample, usage_percent)},
    };
    json_begin_object(j);
    json_put_text(j, "name", s->name);
    put_fields(j, s, fields, ARRAY_LEN(fields));
    json_put_int(j, "received_bytes", (int64_t)s->received_bytes);
    json_put_int(j, "received_packets", (int64_t)s->received_packets);
    json_put_int(j, "received_errors", (int64_t)s->received_errors);
    json_put_int(j, "received_drops", (int64_t)s->received_drops);
    json_put_int(j, "sent_bytes", (int64_t)s->sent_bytes);
    json_put_int(j, "sent_packets", (int64_t)s->sent_packets);
    json_put_int(j, "sent_errors", (int64_t)s->sent_errors);
    json_put_int(j, "sent_drops", (int64_t)s->sent_drops);
    json_end_object(j);
}

/* Why a list is empty is said when it cannot be read. */
static void write_devices_and_interfaces(struct json *j, const struct host_sample *s)
{
    json_key(j, "devices");
    json_begin_array(j);
    for (uint32_t i = 0; i < s->device_count; i++)
        write_device(j, &s->devices[i]);
    json_end_array(j);
    if (s->why_no_devices)
        json_put_text(j, "why_no_devices", s->why_no_devices);
    json_key(j, "interfaces");
    json_begin_array(j);
    for (uint32_t i = 0; i < s->interface_count; i++)
        write_interface(j, &s->interfaces[i]);
    json_end_array(j);
    if (s->why_no_interfaces)
        json_put_text(j, "why_no_interfaces", s->why_no_interfaces);
}

static void write_tcp(struct json *j, const struct host_sample *s)
{
    static const struct field fields[] = {
        {"retransmits_percent", offsetof(struct host_sample, tcp.retransmits_percent)},
        {"listen_overflows_per_second", offsetof(struct host_sample, tcp.listen_overflows_rate)},
        {"listen_drops_per_second", offsetof(struct host_sample, tcp.listen_drops_rate)},
        {"segments_sent", offsetof(struct host_sample, tcp.segments_sent)},
        {"segments_retransmitted", offsetof(struct host_sample, tcp.segments_retransmitted)},
        {"listen_overflows", offsetof(struct host_sample, tcp.listen_overflows)},
        {"listen_drops", offsetof(struct host_sample, tcp.listen_drops)},
        {"connections", offsetof(struct host_sample, sockets.tcp_open)},
        {"time_wait", offsetof(struct host_sample, sockets.tcp_time_wait)},
        {"orphans", offsetof(struct host_sample, sockets.tcp_orphans)},
        {"memory_bytes", offsetof(struct host_sample, sockets.tcp_memory_bytes)},
    };
    json_key(j, "tcp");
    json_begin_object(j);
    put_fields(j, s, fields, ARRAY_LEN(fields));
    json_end_object(j);
    put_reading(j, "sockets", s->sockets.used);
}

static void write_tables(struct json *j, const struct host_sample *s)
{
    json_key(j, "ephemeral_ports");
    json_begin_object(j);
    put_percent(j, "host", s->ports.percent);
    if (s->ports.percent.is_known) {
        json_put_int(j, "in_use", s->ports.in_use);
        json_put_int(j, "range", s->ports.range);
        json_put_text(j, "destination", s->ports.destination[0] ? s->ports.destination : NULL);
        json_put_text(j, "formula",
                      "100 * in_use / range, in_use being those towards the busiest destination");
    }
    json_end_object(j);
    json_key(j, "conntrack");
    json_begin_object(j);
    put_percent(j, "host", s->conntrack.percent);
    put_reading(j, "count", s->conntrack.count);
    put_reading(j, "max", s->conntrack.max);
    json_end_object(j);
    json_key(j, "open_files");
    json_begin_object(j);
    put_percent(j, "host", s->files.percent);
    put_reading(j, "open", s->files.open);
    put_reading(j, "max", s->files.max);
    json_end_object(j);
}

static void write_clock(struct json *j, const struct clock_sample *s)
{
    json_key(j, "clock");
    json_begin_object(j);
    put_flag(j, "is_synchronised", s->is_synchronised);
    put_reading(j, "offset_seconds", s->offset_s);
    put_reading(j, "error_bound_seconds", s->error_bound_s);
    if (!s->offset_s.is_known)
        json_put_text(j, "why_unknown", s->offset_s.why_unknown);
    json_end_object(j);
}

static void write_process(struct json *j, const char *name, const struct process_sample *s)
{
    static const struct field fields[] = {
        {"cpu_percent", offsetof(struct process_sample, cpu_percent)},
        {"cpu_seconds", offsetof(struct process_sample, cpu_seconds)},
        {"memory_bytes", offsetof(struct process_sample, memory_bytes)},
        {"threads", offsetof(struct process_sample, threads)},
        {"open_files", offsetof(struct process_sample, open_files)},
    };
    json_key(j, name);
    if (s->pid == 0) {
        json_null(j);
        return;
    }
    json_begin_object(j);
    json_put_int(j, "pid", s->pid);
    put_fields(j, s, fields, ARRAY_LEN(fields));
    if (!s->memory_bytes.is_known)
        json_put_text(j, "why_unknown", s->memory_bytes.why_unknown);
    json_end_object(j);
}

static void write_own(struct json *j, const struct own_sample *s)
{
    json_key(j, "weir");
    json_begin_object(j);
    write_process(j, "worker", &s->worker);
    write_process(j, "supervisor", &s->supervisor);
    put_reading(j, "worker_restarts", s->restarts);
    put_reading(j, "open_files_percent", s->files_percent);
    put_reading(j, "open_files_limit", s->files_limit);
    json_end_object(j);
}

static void write_cgroup_cpu(struct json *j, const struct cgroup_sample *s)
{
    json_key(j, "cpu");
    json_begin_object(j);
    put_percent(j, "cgroup", s->cpu_percent);
    json_put_bool(j, "is_limited", s->has_cpu_limit);
    put_reading(j, "effective_cpus", s->effective_cpus);
    if (s->has_cpu_limit) {
        json_put_text(j, "group", s->cpu_group);
        json_put_double(j, "limit_cpus", s->cpu_group_cpus);
        put_reading(j, "throttled_percent", s->throttled_percent);
    }
    json_end_object(j);
}

static void write_cgroup_memory(struct json *j, const struct cgroup_sample *s)
{
    json_key(j, "memory");
    json_begin_object(j);
    put_percent(j, "cgroup", s->memory_percent);
    json_put_bool(j, "is_limited", s->has_memory_limit);
    if (s->has_memory_limit) {
        json_put_int(j, "tightest_limit_bytes", (int64_t)s->memory_limit_bytes);
        json_put_text(j, "group", s->memory_group);
        json_put_int(j, "limit_bytes", (int64_t)s->memory_group_limit_bytes);
        json_put_int(j, "used_bytes", (int64_t)s->memory_group_used_bytes);
        json_put_text(j, "formula", "100 * used_bytes / limit_bytes, inactive file cache not being used");
    }
    put_reading(j, "oom_kills", s->oom_kills);
    put_reading(j, "oom_kills_recent", s->oom_kills_recent);
    json_end_object(j);
}

static void write_cgroup_pids(struct json *j, const struct cgroup_sample *s)
{
    json_key(j, "pids");
    json_begin_object(j);
    put_percent(j, "cgroup", s->pids_percent);
    json_put_bool(j, "is_limited", s->has_pids_limit);
    if (s->has_pids_limit) {
        json_put_text(j, "group", s->pids_group);
        json_put_int(j, "limit", (int64_t)s->pids_group_limit);
        json_put_int(j, "used", (int64_t)s->pids_group_used);
    }
    json_end_object(j);
}

static void write_cgroup(struct json *j, const struct cgroup_sample *s)
{
    json_key(j, "cgroup");
    if (s->version == 0) {
        json_null(j);
        return;
    }
    json_begin_object(j);
    json_put_int(j, "version", s->version);
    write_cgroup_cpu(j, s);
    write_cgroup_memory(j, s);
    write_cgroup_pids(j, s);
    write_pressure(j, "cgroup", &s->pressure);
    json_end_object(j);
}

/* What the alerts look at, and why. */
static void write_alert_scope(struct json *j, const struct host_sample *s)
{
    json_key(j, "alert_scope");
    json_begin_object(j);
    json_put_text(j, "cpu", sample_scope_name(s->cpu_scope));
    json_put_text(j, "memory", sample_scope_name(s->memory_scope));
    json_put_text(j, "disk", "host");
    json_put_text(j, "reason",
                  s->cpu_scope == SAMPLE_SCOPE_CGROUP || s->memory_scope == SAMPLE_SCOPE_CGROUP
                      ? "Weir runs in a control group with a limit, and that is what can run out"
                      : "there is no control group limit below what the host has");
    json_end_object(j);
}

void host_json_write(struct json *j, const struct host_sample *s, int64_t taken_wall_ns)
{
    char time[CLOCK_RFC3339_BYTES];
    json_begin_object(j);
    if (s->taken_ns) {
        json_put_text(j, "sampled_at", clock_format_rfc3339(time, taken_wall_ns));
        json_put_double(j, "interval_seconds", (double)s->interval_ns / 1e9);
        json_put_double(j, "cost_seconds", (double)s->cost_ns / 1e9);
        write_alert_scope(j, s);
        write_cpu(j, s);
        write_memory(j, &s->memory);
        write_swap_and_load(j, s);
        write_paging(j, &s->paging);
        write_pressure(j, "host", &s->pressure);
        json_key(j, "disks");
        json_begin_array(j);
        for (uint32_t i = 0; i < s->disk_count; i++)
            write_disk(j, &s->disks[i]);
        json_end_array(j);
        write_devices_and_interfaces(j, s);
        write_tcp(j, s);
        write_tables(j, s);
        write_clock(j, &s->clock);
        write_own(j, &s->own);
        write_cgroup(j, &s->cgroup);
    }
    json_end_object(j);
}
