/*
 * report.c: see report.h.
 *
 * JSON tells each number with its scope and the inputs of its formula, so that a reader who compares with
 * htop or df can see where a difference comes from. The metrics follow Prometheus' rules: base units, ratios
 * of 0 to 1, families in one piece.
 */
#include "watch/report.h"

#include "base/clock.h"
#include "base/macros.h"

#include <stdio.h>

/* ---- JSON ---- */

static void put_reading(struct json *j, const char *key, struct reading r)
{
    json_key(j, key);
    if (r.is_known)
        json_double(j, r.value);
    else
        json_null(j);
}

/* The number that matters, and why it is not there. */
static void put_percent(struct json *j, const char *scope, struct reading r)
{
    json_put_text(j, "scope", scope);
    put_reading(j, "percent", r);
    if (!r.is_known)
        json_put_text(j, "why_unknown", r.why_unknown);
}

static void write_cpu(struct json *j, const struct cpu_sample *s)
{
    json_key(j, "cpu");
    json_begin_object(j);
    put_percent(j, "host", s->percent);
    json_put_int(j, "count", s->cpu_count);
    put_reading(j, "iowait_percent", s->iowait_percent);
    put_reading(j, "steal_percent", s->steal_percent);
    json_put_int(j, "busy_ticks", (int64_t)s->busy_ticks);
    json_put_int(j, "total_ticks", (int64_t)s->total_ticks);
    json_put_text(j, "formula", "100 * busy_ticks / total_ticks, idle and iowait not being busy");
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

void report_write_host(struct json *j, const struct host_sample *s, int64_t taken_wall_ns)
{
    char time[CLOCK_RFC3339_BYTES];
    json_begin_object(j);
    if (s->taken_ns) {
        json_put_text(j, "sampled_at", clock_format_rfc3339(time, taken_wall_ns));
        json_put_double(j, "interval_seconds", (double)s->interval_ns / 1e9);
        json_put_double(j, "cost_seconds", (double)s->cost_ns / 1e9);
        write_alert_scope(j, s);
        write_cpu(j, &s->cpu);
        write_memory(j, &s->memory);
        write_swap_and_load(j, s);
        json_key(j, "disks");
        json_begin_array(j);
        for (uint32_t i = 0; i < s->disk_count; i++)
            write_disk(j, &s->disks[i]);
        json_end_array(j);
        write_cgroup(j, &s->cgroup);
    }
    json_end_object(j);
}

bool report_is_shown(const struct alert *a)
{
    return (a->life.state != ALERT_OK && a->life.state != ALERT_UNKNOWN) || a->life.is_lost;
}

static void put_wall(struct json *j, const char *key, int64_t wall_ns)
{
    char time[CLOCK_RFC3339_BYTES];
    json_put_text(j, key, wall_ns ? clock_format_rfc3339(time, wall_ns) : NULL);
}

void report_write_alert(struct json *j, const struct alert *a, int64_t now_ns)
{
    char fingerprint[32];
    const struct alert_life *l = &a->life;
    snprintf(fingerprint, sizeof(fingerprint), "%016llx", (unsigned long long)a->fingerprint);
    json_begin_object(j);
    json_put_text(j, "name", a->name);
    json_put_text(j, "summary", a->summary);
    json_put_text(j, "severity", alert_severity_name(a->severity));
    json_put_text(j, "state", alert_state_name(l->state));
    json_put_bool(j, "is_active", alert_life_is_active(l));
    json_put_text(j, "fingerprint", fingerprint);
    json_key(j, "labels");
    json_begin_object(j);
    for (size_t i = 0; i < a->label_count; i++)
        json_put_text(j, a->labels[i].name, a->labels[i].value);
    json_end_object(j);
    json_put_double(j, "state_seconds", (double)(now_ns - l->state_since_ns) / 1e9);
    put_wall(j, "started_at", a->started_wall_ns);
    put_wall(j, "ended_at", a->ended_wall_ns);
    put_reading(j, "value", l->is_known ? reading_known(l->value) : reading_unknown(NULL));
    if (!l->is_known)
        json_put_text(j, "why_unknown", a->why_unknown);
    json_put_double(j, "threshold", a->rule.above);
    json_put_double(j, "clear", a->rule.clear);
    json_put_double(j, "for_seconds", (double)a->rule.for_ns / 1e9);
    json_put_text(j, "evidence", a->evidence);
    json_end_object(j);
}

/* ---- metrics ---- */

static void begin_family(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_label(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' || *text == '"')
            buf_put_char(out, '\\');
        if (*text == '\n')
            buf_put(out, STR("\\n"));
        else
            buf_put_char(out, *text);
    }
}

static void put_row(struct buf *out, const char *name, const char *labels, struct reading r, double scale)
{
    if (r.is_known)
        buf_printf(out, "%s%s %.10g\n", name, labels, r.value * scale);
}

static void write_ratio_metrics(struct buf *out, const struct host_sample *s)
{
    static const char host[] = "{scope=\"host\"}", cgroup[] = "{scope=\"cgroup\"}";
    begin_family(out, "weir_host_cpu_usage_ratio", "gauge",
                 "Busy share of the CPUs, or of the control group's limit.");
    put_row(out, "weir_host_cpu_usage_ratio", host, s->cpu.percent, 0.01);
    put_row(out, "weir_host_cpu_usage_ratio", cgroup, s->cgroup.cpu_percent, 0.01);
    begin_family(out, "weir_host_cpus", "gauge", "CPUs that can be used.");
    if (s->cpu.cpu_count)
        put_row(out, "weir_host_cpus", host, reading_known(s->cpu.cpu_count), 1);
    put_row(out, "weir_host_cpus", cgroup, s->cgroup.effective_cpus, 1);
    begin_family(out, "weir_host_cpu_iowait_ratio", "gauge",
                 "Share of CPU time spent idle while waiting for disks.");
    put_row(out, "weir_host_cpu_iowait_ratio", host, s->cpu.iowait_percent, 0.01);
    begin_family(out, "weir_host_cpu_steal_ratio", "gauge", "Share of CPU time taken by the hypervisor.");
    put_row(out, "weir_host_cpu_steal_ratio", host, s->cpu.steal_percent, 0.01);
    begin_family(out, "weir_host_cpu_throttled_ratio", "gauge",
                 "Share of periods in which the control group was held back at its CPU limit.");
    put_row(out, "weir_host_cpu_throttled_ratio", cgroup, s->cgroup.throttled_percent, 0.01);
    begin_family(out, "weir_host_memory_usage_ratio", "gauge",
                 "Share of memory that is not available, or used of the control group's limit.");
    put_row(out, "weir_host_memory_usage_ratio", host, s->memory.percent, 0.01);
    put_row(out, "weir_host_memory_usage_ratio", cgroup, s->cgroup.memory_percent, 0.01);
}

static void write_memory_metrics(struct buf *out, const struct host_sample *s)
{
    bool is_known = s->memory.percent.is_known;
    begin_family(out, "weir_host_memory_size_bytes", "gauge",
                 "Memory there is, or the control group's tightest limit.");
    if (is_known)
        buf_printf(out, "weir_host_memory_size_bytes{scope=\"host\"} %llu\n",
                   (unsigned long long)s->memory.total_bytes);
    if (s->cgroup.has_memory_limit)
        buf_printf(out, "weir_host_memory_size_bytes{scope=\"cgroup\"} %llu\n",
                   (unsigned long long)s->cgroup.memory_limit_bytes);
    begin_family(out, "weir_host_memory_available_bytes", "gauge",
                 "Memory that can be had without swapping.");
    if (is_known)
        buf_printf(out, "weir_host_memory_available_bytes{scope=\"host\"} %llu\n",
                   (unsigned long long)s->memory.available_bytes);
    begin_family(out, "weir_host_swap_usage_ratio", "gauge", "Used share of the swap space.");
    put_row(out, "weir_host_swap_usage_ratio", "{scope=\"host\"}", s->swap.percent, 0.01);
    begin_family(out, "weir_host_oom_kills_total", "counter",
                 "Processes of the control group killed for lack of memory.");
    put_row(out, "weir_host_oom_kills_total", "{scope=\"cgroup\"}", s->cgroup.oom_kills, 1);
    begin_family(out, "weir_host_load1", "gauge", "Load average of one minute.");
    put_row(out, "weir_host_load1", "{scope=\"host\"}", s->load.one, 1);
}

struct disk_family {
    const char *name, *help;
    struct reading (*get)(const struct disk_sample *d);
    double scale;
};

static void write_disk_family(struct buf *out, const struct host_sample *s, const struct disk_family *f)
{
    begin_family(out, f->name, "gauge", f->help);
    for (uint32_t i = 0; i < s->disk_count; i++) {
        struct reading r = f->get(&s->disks[i]);
        if (!r.is_known)
            continue;
        buf_printf(out, "%s{path=\"", f->name);
        put_label(out, s->disks[i].path);
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

static void write_disk_metrics(struct buf *out, const struct host_sample *s)
{
    static const struct disk_family families[] = {
        {"weir_host_disk_usage_ratio", "Used share of what users may use of a file system.", get_usage, 0.01},
        {"weir_host_disk_inodes_usage_ratio", "Used share of a file system's inodes.", get_inodes, 0.01},
        {"weir_host_disk_size_bytes", "Size of a file system.", get_size, 1},
        {"weir_host_disk_available_bytes", "Bytes of a file system that users may still use.", get_free, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(families); i++)
        write_disk_family(out, s, &families[i]);
}

void report_write_host_metrics(struct buf *out, const struct host_sample *s)
{
    write_ratio_metrics(out, s);
    write_memory_metrics(out, s);
    write_disk_metrics(out, s);
    begin_family(out, "weir_host_sample_cpu_seconds", "gauge",
                 "CPU time that taking the latest sample of the host cost.");
    buf_printf(out, "weir_host_sample_cpu_seconds %.9f\n", (double)s->cost_ns / 1e9);
}

/* One row an alert that has something to say; the value is 1 while it is active. */
void report_write_alert_metrics(struct buf *out, const struct alert_list *list)
{
    begin_family(out, "weir_alert_active", "gauge", "1 for an alert that is firing or recovering, else 0.");
    const struct alert *a;
    for (size_t i = 0; (a = list->get(list->context, i)) != NULL; i++) {
        buf_printf(out, "weir_alert_active{alertname=\"%s\"", a->name);
        for (size_t k = 1; k < a->label_count; k++) { /* instance is the scraper's to say */
            buf_printf(out, ",%s=\"", a->labels[k].name);
            put_label(out, a->labels[k].value);
            buf_put_char(out, '"');
        }
        buf_printf(out, ",severity=\"%s\"} %d\n", alert_severity_name(a->severity),
                   alert_life_is_active(&a->life));
    }
}
