/*
 * rules.c: see rules.h.
 *
 * Every alert is stepped once per tick with a reading and then, while it matters to somebody, gets its
 * sentence of evidence. Alerts exist from the moment their subject is known (a disk, a service) until it is
 * gone, which ends them if they fire: a subject that was taken away is not missing data.
 *
 * Thresholds compare as psutil's users do: the value rounded to one decimal must be greater.
 */
#include "watch/rules.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "base/units.h"
#include "watch/service_rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define HOLD_NS                                                                                              \
    (10 * NS_PER_S) /* clear for so long before it is over; the host's numbers wait for HOST_HOLD_NS */
#define HOST_HOLD_NS       (60 * NS_PER_S)
#define RATE_WINDOW_NS_MIN NS_PER_S
enum { SERVICE_ALERTS = 5 };      /* of each service */
enum { STEAL_WORTH_TELLING = 1 }; /* percent: the remedy is another one then */

struct service_alerts {
    char name[64];
    bool is_seen; /* in this tick's list */
    struct alert down, crashing, errors, lost, provider;
    struct presence presence;
    struct deaths deaths;
    struct rate_window requests;
    uint32_t servers_wanted; /* of the latest tick, for the evidence */
};

struct disk_alert {
    bool is_seen;
    struct alert alert;
};

struct rules {
    char instance[ALERT_VALUE_BYTES];
    void (*on_change)(void *context, const struct alert *a, enum alert_change change, struct rules_time t);
    void *context;
    /* From the configuration; disk_paths is not used here. */
    struct config_threshold cpu_threshold, memory_threshold, disk_threshold, error_threshold;
    uint32_t requests_min, crash_count;
    int64_t crash_window_ns, source_patience_ns;
    struct alert cpu, memory;
    uint32_t disk_count;
    struct disk_alert *disks[HOST_DISKS_MAX]; /* owned */
    size_t service_count, service_capacity;
    struct service_alerts **services; /* owned */
};

/* ---- life ---- */

struct rules *rules_new(const struct rules_params *params)
{
    struct rules *r = NEW(struct rules);
    str_copy(r->instance, sizeof(r->instance), params->instance);
    r->on_change = params->on_change;
    r->context = params->context;
    struct str instance = str_of(r->instance);
    alert_init(&r->cpu, "HostCpuHigh", "CPU usage is high", ALERT_WARNING, instance);
    alert_init(&r->memory, "HostMemoryHigh", "Memory usage is high", ALERT_WARNING, instance);
    return r;
}

void rules_free(struct rules *r)
{
    if (r == NULL)
        return;
    for (uint32_t i = 0; i < r->disk_count; i++)
        free(r->disks[i]);
    for (size_t i = 0; i < r->service_count; i++)
        free(r->services[i]);
    free(r->services);
    free(r);
}

/* ---- steps ---- */

static void say(struct alert *a, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(struct alert *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(a->evidence, sizeof(a->evidence), format, args);
    va_end(args);
}

/* Whole seconds, as people count: "1h2m3s", "5m", "0s". */
static char *format_span(char out[UNITS_TEXT_BYTES], int64_t ns)
{
    long long seconds = MAX(ns, 0) / NS_PER_S, hours = seconds / 3600, minutes = seconds / 60 % 60;
    char *end = out;
    *end = '\0';
    if (hours)
        end += snprintf(end, 12, "%lldh", hours);
    if (minutes)
        end += snprintf(end, 8, "%lldm", minutes);
    if (seconds % 60 || seconds == 0)
        snprintf(end, 8, "%llds", seconds % 60);
    return out;
}

static bool is_worth_a_sentence(const struct alert *a)
{
    return a->life.state != ALERT_OK && a->life.state != ALERT_UNKNOWN;
}

static void tell(struct rules *r, struct alert *a, enum alert_change change, struct rules_time t)
{
    if (change != ALERT_NO_CHANGE)
        r->on_change(r->context, a, change, t);
}

static void end(struct rules *r, struct alert *a, const char *why, struct rules_time t)
{
    enum alert_change change = alert_end(a, t.now_ns, t.wall_ns);
    if (change != ALERT_NO_CHANGE)
        say(a, "%s", why);
    tell(r, a, change, t);
}

/* "93.4 %" of what fired, or of now. */
static double shown_value(const struct alert *a, enum alert_change change)
{
    return change == ALERT_FIRED ? a->life.mean : a->life.value;
}

/* " for 5m (threshold 90 %, clears at 80 %)", or how it ended. */
static char *format_course(const struct alert *a, enum alert_change change, struct rules_time t, char *out,
                           size_t out_bytes)
{
    char span[UNITS_TEXT_BYTES];
    const struct alert_life *l = &a->life;
    if (change == ALERT_ENDED || l->state == ALERT_RESOLVED) {
        snprintf(out, out_bytes, "now, at most %g %%, after %s", a->rule.clear,
                 format_span(span, l->state_since_ns - l->firing_since_ns));
        return out;
    }
    int64_t since_ns = l->state == ALERT_PENDING ? l->state_since_ns : l->above_since_ns;
    snprintf(out, out_bytes, "for %s (threshold %g %%, clears at %g %%)",
             format_span(span, t.now_ns - since_ns), a->rule.above, a->rule.clear);
    return out;
}

static struct alert_rule rule_of(const struct config_threshold *threshold)
{
    return (struct alert_rule){
        .above = threshold->above,
        .for_ns = threshold->for_ns,
        .clear = threshold->clear,
        .hold_ns = MIN(threshold->for_ns, HOST_HOLD_NS),
    };
}

/* ---- host ---- */

static void describe_cpu(struct alert *a, const struct host_sample *s, enum alert_change change,
                         struct rules_time t)
{
    char course[128];
    double percent = shown_value(a, change);
    format_course(a, change, t, course, sizeof(course));
    if (s->cpu_scope == SAMPLE_SCOPE_CGROUP)
        say(a, "%.1f %% of the %.2f CPUs that control group %s may use %s", percent, s->cgroup.cpu_group_cpus,
            s->cgroup.cpu_group, course);
    else if (s->cpu.steal_percent.is_known && s->cpu.steal_percent.value >= STEAL_WORTH_TELLING)
        say(a, "%.1f %% of %u CPUs %s; the hypervisor took %.1f %%", percent, s->cpu.cpu_count, course,
            s->cpu.steal_percent.value);
    else
        say(a, "%.1f %% of %u CPUs %s", percent, s->cpu.cpu_count, course);
}

static void describe_memory(struct alert *a, const struct host_sample *s, enum alert_change change,
                            struct rules_time t)
{
    char course[128], of[UNITS_TEXT_BYTES], left[UNITS_TEXT_BYTES];
    double percent = shown_value(a, change);
    format_course(a, change, t, course, sizeof(course));
    if (s->memory_scope == SAMPLE_SCOPE_CGROUP)
        say(a, "%.1f %% of the %s that control group %s may use %s", percent,
            units_format_size(of, s->cgroup.memory_group_limit_bytes), s->cgroup.memory_group, course);
    else
        say(a, "%.1f %% of %s %s; %s available", percent, units_format_size(of, s->memory.total_bytes),
            course, units_format_size(left, s->memory.available_bytes));
}

static void step_cpu(struct rules *r, const struct host_sample *s, struct rules_time t)
{
    enum alert_change change = alert_step(&r->cpu, host_sample_cpu(s), t.now_ns, t.wall_ns);
    if (is_worth_a_sentence(&r->cpu) && r->cpu.life.is_known)
        describe_cpu(&r->cpu, s, change, t);
    tell(r, &r->cpu, change, t);
}

static void step_memory(struct rules *r, const struct host_sample *s, struct rules_time t)
{
    enum alert_change change = alert_step(&r->memory, host_sample_memory(s), t.now_ns, t.wall_ns);
    if (is_worth_a_sentence(&r->memory) && r->memory.life.is_known)
        describe_memory(&r->memory, s, change, t);
    tell(r, &r->memory, change, t);
}

static struct disk_alert *find_disk(struct rules *r, const char *path)
{
    for (uint32_t i = 0; i < r->disk_count; i++)
        if (strcmp(r->disks[i]->alert.labels[1].value, path) == 0)
            return r->disks[i];
    if (r->disk_count == HOST_DISKS_MAX)
        return NULL;
    struct disk_alert *d = NEW(struct disk_alert);
    alert_init(&d->alert, "HostDiskHigh", "Disk usage is high", ALERT_WARNING, str_of(r->instance));
    alert_add_label(&d->alert, "path", str_of(path));
    d->alert.rule = rule_of(&r->disk_threshold);
    r->disks[r->disk_count++] = d;
    return d;
}

static void step_disk(struct rules *r, const struct disk_sample *s, struct rules_time t)
{
    char course[128], left[UNITS_TEXT_BYTES], of[UNITS_TEXT_BYTES];
    struct disk_alert *d = find_disk(r, s->path);
    if (d == NULL)
        return;
    struct alert *a = &d->alert;
    d->is_seen = true;
    enum alert_change change = alert_step(a, s->percent, t.now_ns, t.wall_ns);
    if (is_worth_a_sentence(a) && a->life.is_known)
        say(a, "%s is %.1f %% full %s; %s of %s left", s->path, shown_value(a, change),
            format_course(a, change, t, course, sizeof(course)), units_format_size(left, s->available_bytes),
            units_format_size(of, s->total_bytes));
    tell(r, a, change, t);
}

/* Room first: find_disk needs a free place when all are taken. */
static void drop_disks_not_in(struct rules *r, const struct host_sample *s, struct rules_time t)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < r->disk_count; i++) {
        struct disk_alert *d = r->disks[i];
        d->is_seen = false;
        for (uint32_t k = 0; k < s->disk_count && r->disk_threshold.is_enabled; k++)
            d->is_seen |= strcmp(d->alert.labels[1].value, s->disks[k].path) == 0;
        if (d->is_seen) {
            r->disks[kept++] = d;
            continue;
        }
        end(r, &d->alert, "it is not watched any more (not mounted, or taken out of the configuration)", t);
        free(d);
    }
    r->disk_count = kept;
}

void rules_step_host(struct rules *r, const struct host_sample *s, struct rules_time t)
{
    if (r->cpu_threshold.is_enabled)
        step_cpu(r, s, t);
    if (r->memory_threshold.is_enabled)
        step_memory(r, s, t);
    drop_disks_not_in(r, s, t);
    for (uint32_t i = 0; i < s->disk_count && r->disk_threshold.is_enabled; i++)
        step_disk(r, &s->disks[i], t);
}

/* ---- services ---- */

static void set_service_rules(const struct rules *r, struct service_alerts *s)
{
    s->down.rule = (struct alert_rule){.above = 0, .clear = 0, .hold_ns = 0};
    s->crashing.rule = (struct alert_rule){.above = (double)r->crash_count - 1, .clear = 0, .hold_ns = 0};
    s->lost.rule = (struct alert_rule){.above = 0, .clear = 0, .hold_ns = 0};
    s->provider.rule = (struct alert_rule){.above = 0, .clear = 0, .hold_ns = HOLD_NS};
    s->errors.rule = (struct alert_rule){
        .above = r->error_threshold.above,
        .clear = r->error_threshold.clear,
        .hold_ns = HOLD_NS,
        .is_unknown_ordinary = true,
    };
}

static struct service_alerts *add_service(struct rules *r, struct str name)
{
    if (r->service_count == r->service_capacity) {
        r->service_capacity = MAX(2 * r->service_capacity, (size_t)8);
        r->services = mem_realloc(r->services, r->service_capacity * sizeof(struct service_alerts *));
    }
    struct service_alerts *s = NEW(struct service_alerts);
    struct str instance = str_of(r->instance);
    str_copy(s->name, sizeof(s->name), name);
    alert_init(&s->down, "ServiceDown", "A service has no healthy server", ALERT_CRITICAL, instance);
    alert_init(&s->crashing, "ServerCrashing", "A server keeps crashing", ALERT_WARNING, instance);
    alert_init(&s->errors, "ErrorRateHigh", "The error rate is high", ALERT_CRITICAL, instance);
    alert_init(&s->lost, "DiscoveryFailing", "Finding a service's servers fails", ALERT_WARNING, instance);
    alert_add_label(&s->lost, "service", name);
    alert_init(&s->provider, "ProviderFailing", "Servers cannot be started or stopped", ALERT_WARNING,
               instance);
    alert_add_label(&s->down, "service", name);
    alert_add_label(&s->crashing, "service", name);
    alert_add_label(&s->errors, "service", name);
    alert_add_label(&s->provider, "service", name);
    set_service_rules(r, s);
    r->services[r->service_count++] = s;
    return s;
}

/* Services come in the same order tick after tick, so the hint is nearly always right. */
static struct service_alerts *find_service(struct rules *r, struct str name, size_t hint)
{
    if (hint < r->service_count && str_eq(str_of(r->services[hint]->name), name))
        return r->services[hint];
    for (size_t i = 0; i < r->service_count; i++)
        if (str_eq(str_of(r->services[i]->name), name))
            return r->services[i];
    return add_service(r, name);
}

static void step_down(struct rules *r, struct service_alerts *s, const struct watch_service_input *input,
                      struct rules_time t)
{
    char span[UNITS_TEXT_BYTES];
    struct alert *a = &s->down;
    struct reading reading = presence_step(&s->presence, input, t.now_ns);
    enum alert_change change = alert_step(a, reading, t.now_ns, t.wall_ns);
    if (change == ALERT_ENDED && input->servers_wanted == 0)
        say(a, "%s wants no server any more", s->name);
    else if (change == ALERT_ENDED)
        say(a, "%s has %u healthy of %u wanted again after %s", s->name, input->servers_healthy,
            input->servers_wanted, format_span(span, t.now_ns - a->life.firing_since_ns));
    else if (alert_life_is_active(&a->life))
        say(a, "%s has had none for %s; %u wanted", s->name,
            format_span(span, t.now_ns - s->presence.absent_since_ns), input->servers_wanted);
    tell(r, a, change, t);
}

static void step_crashing(struct rules *r, struct service_alerts *s, struct rules_time t)
{
    char window[UNITS_TEXT_BYTES], ago[UNITS_TEXT_BYTES];
    struct alert *a = &s->crashing;
    if (r->crash_count == 0)
        return;
    uint32_t count = deaths_within(&s->deaths, r->crash_window_ns, t.now_ns);
    enum alert_change change = alert_step(a, reading_known(count), t.now_ns, t.wall_ns);
    format_span(window, r->crash_window_ns);
    format_span(ago, t.now_ns - deaths_last_ns(&s->deaths));
    if (change == ALERT_ENDED)
        say(a, "no server of %s died for %s", s->name, ago);
    else if (alert_life_is_active(&a->life))
        say(a, "%u servers of %s died within %s (limit %u); the last, %s, %s ago: %s", count, s->name, window,
            r->crash_count, s->deaths.last_server, ago, s->deaths.last_reason);
    tell(r, a, change, t);
}

static void step_errors(struct rules *r, struct service_alerts *s, const struct watch_service_input *input,
                        struct rules_time t)
{
    char span[UNITS_TEXT_BYTES];
    struct alert *a = &s->errors;
    int64_t window_ns = MAX(r->error_threshold.for_ns, RATE_WINDOW_NS_MIN);
    if (!r->error_threshold.is_enabled)
        return;
    rate_window_add(&s->requests, window_ns, input->requests_total, input->errors_total, t.now_ns);
    struct rate rate =
        rate_window_get(&s->requests, window_ns, r->requests_min, alert_life_is_active(&a->life));
    enum alert_change change = alert_step(a, rate.percent, t.now_ns, t.wall_ns);
    if (is_worth_a_sentence(a) && a->life.is_known)
        say(a, "%.1f %% of %s's requests failed: %llu of %llu within %s (threshold %g %%, clears at %g %%)",
            rate.percent.value, s->name, (unsigned long long)rate.errors, (unsigned long long)rate.requests,
            format_span(span, rate.window_ns), a->rule.above, a->rule.clear);
    tell(r, a, change, t);
}

/* The patience is the source's: it counts from its first failure, not from when somebody looked. */
static void step_lost(struct rules *r, struct service_alerts *s, const struct watch_service_input *input,
                      struct rules_time t)
{
    char span[UNITS_TEXT_BYTES];
    struct alert *a = &s->lost;
    if (r->source_patience_ns == 0)
        return;
    bool is_overdue = input->source_failing_ns >= r->source_patience_ns;
    enum alert_change change = alert_step(a, reading_known(is_overdue), t.now_ns, t.wall_ns);
    if (change == ALERT_ENDED)
        say(a, "the servers of %s can be found again after %s", s->name,
            format_span(span, t.now_ns - a->life.firing_since_ns + r->source_patience_ns));
    else if (alert_life_is_active(&a->life))
        say(a, "for %s, where the servers of %s are listed could not be read: %s",
            format_span(span, input->source_failing_ns), s->name,
            input->source_error ? input->source_error : "it does not say why");
    tell(r, a, change, t);
}

static void step_provider(struct rules *r, struct service_alerts *s, const struct watch_service_input *input,
                          struct rules_time t)
{
    char span[UNITS_TEXT_BYTES];
    struct alert *a = &s->provider;
    bool is_failing = input->provider_trouble && input->provider_trouble[0];
    enum alert_change change = alert_step(a, reading_known(is_failing), t.now_ns, t.wall_ns);
    if (change == ALERT_ENDED)
        say(a, "where %s's servers come from answers again after %s", s->name,
            format_span(span, t.now_ns - a->life.firing_since_ns));
    else if (is_failing)
        say(a, "servers of %s: %s", s->name, input->provider_trouble);
    tell(r, a, change, t);
}

static void end_service(struct rules *r, struct service_alerts *s, struct rules_time t)
{
    static const char why[] = "the service is not configured any more";
    end(r, &s->down, why, t);
    end(r, &s->crashing, why, t);
    end(r, &s->errors, why, t);
    end(r, &s->lost, why, t);
    end(r, &s->provider, why, t);
    free(s);
}

void rules_step_services(struct rules *r, const struct watch_service_input *services, size_t count,
                         struct rules_time t)
{
    for (size_t i = 0; i < r->service_count; i++)
        r->services[i]->is_seen = false;
    for (size_t i = 0; i < count; i++) {
        struct service_alerts *s = find_service(r, services[i].name, i);
        s->is_seen = true;
        step_down(r, s, &services[i], t);
        step_crashing(r, s, t);
        step_errors(r, s, &services[i], t);
        step_lost(r, s, &services[i], t);
        step_provider(r, s, &services[i], t);
    }
    size_t kept = 0;
    for (size_t i = 0; i < r->service_count; i++) {
        if (r->services[i]->is_seen)
            r->services[kept++] = r->services[i];
        else
            end_service(r, r->services[i], t);
    }
    r->service_count = kept;
}

void rules_note_death(struct rules *r, struct str service, struct str server, struct str reason,
                      int64_t now_ns)
{
    deaths_add(&find_service(r, service, 0)->deaths, server, reason, now_ns);
}

/* ---- configuration ---- */

static void configure_host_alert(struct rules *r, struct alert *a, const struct config_threshold *threshold,
                                 struct rules_time t)
{
    a->rule = rule_of(threshold);
    if (!threshold->is_enabled)
        end(r, a, "it is switched off in the configuration", t);
}

void rules_configure(struct rules *r, const struct config_watch *config, struct rules_time t)
{
    bool has_new_window = r->error_threshold.for_ns != config->error_rate.for_ns;
    r->cpu_threshold = config->cpu;
    r->memory_threshold = config->memory;
    r->disk_threshold = config->disk;
    r->error_threshold = config->error_rate;
    r->requests_min = config->error_rate_requests_min;
    r->crash_count = MIN(config->crash_count, (uint32_t)DEATHS_KEPT);
    r->crash_window_ns = config->crash_window_ns;
    r->source_patience_ns = config->discovery_ns;
    configure_host_alert(r, &r->cpu, &r->cpu_threshold, t);
    configure_host_alert(r, &r->memory, &r->memory_threshold, t);
    for (uint32_t i = 0; i < r->disk_count; i++)
        r->disks[i]->alert.rule = rule_of(&r->disk_threshold);
    for (size_t i = 0; i < r->service_count; i++) {
        struct service_alerts *s = r->services[i];
        set_service_rules(r, s);
        if (has_new_window)
            s->requests = (struct rate_window){0};
        if (r->crash_count == 0)
            end(r, &s->crashing, "it is switched off in the configuration", t);
        if (!r->error_threshold.is_enabled)
            end(r, &s->errors, "it is switched off in the configuration", t);
        if (r->source_patience_ns == 0)
            end(r, &s->lost, "it is switched off in the configuration", t);
    }
}

const struct alert *rules_alert(const struct rules *r, size_t index)
{
    if (index == 0)
        return &r->cpu;
    if (index == 1)
        return &r->memory;
    index -= 2;
    if (index < r->disk_count)
        return &r->disks[index]->alert;
    index -= r->disk_count;
    if (index / SERVICE_ALERTS >= r->service_count)
        return NULL;
    struct service_alerts *s = r->services[index / SERVICE_ALERTS];
    struct alert *const alerts[SERVICE_ALERTS] = {&s->down, &s->crashing, &s->errors, &s->lost, &s->provider};
    return alerts[index % SERVICE_ALERTS];
}
