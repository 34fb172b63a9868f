/*
 * watch.c: see watch.h. Ties the parts together: host.h takes a sample, its readings go to the board, rules.h
 * judges it and the services, and each change goes as one line of text to the sinks and to control.
 *
 * Everything below is called from watch_tick; between two ticks only job threads of disks.c and
 * notify/delivery.c work for us.
 */
#include "watch/watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/mem.h"
#include "base/random.h"
#include "stats/exposition.h"
#include "watch/alert_labels.h"
#include "watch/host.h"
#include "watch/host_json.h"
#include "watch/host_metrics.h"
#include "watch/host_report.h"
#include "watch/notify/notify.h"
#include "watch/probe/probes.h"
#include "watch/remote/hosts.h"
#include "watch/remote/readings.h"
#include "watch/report.h"
#include "watch/rules.h"
#include "watch/telling.h"
#include "watch/service_report.h"
#include "watch/watch_keep.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* An alert of the worker before that does not fire by then is over: every rule has had the time to say so. */
#define SETTLE_NS (15 * 60 * NS_PER_S)

struct watch {
    struct loop *loop;
    char *external_url; /* owned; "" for none, without a slash at the end */
    void (*on_alert)(void *context, const struct watch_alert_event *event);
    void (*report)(void *context, struct board *board);
    bool (*find_past)(void *context, const struct alert *a, int64_t began_ns, struct alert_past *ret_past);
    void *context;
    struct host *host;
    struct board *board;
    struct hosts *hosts;   /* the same, of other machines */
    struct probes *probes; /* NULL: none are configured, or no thread could be had for them */
    struct service_report *services;
    struct rules *rules;
    struct objectives *objectives;
    struct silences *silences;
    struct telling *telling;
    struct watch_keep *keep;
    struct notifier *notifier;
    char instance[ALERT_VALUE_BYTES]; /* this machine's name */
    int64_t now_ns;                   /* of the latest tick */
    int64_t wall_ns;                  /* the same moment */
    int64_t settle_ns;                /* when what the worker before has told is looked through; 0: never */
    bool has_told_scope; /* the log says once, and again when it changes, what the alerts look at */
    enum sample_scope told_cpu_scope, told_memory_scope;
    struct host_sample sample;
};

static void tell(void *context, const struct alert *a, enum alert_change change)
{
    const struct watch *w = context;
    char text[ALERT_TEXT_BYTES + 128];
    struct buf link CLEANUP(buf_fini) = {0}, command CLEANUP(buf_fini) = {0};
    alert_put_link(a, w->external_url, &link);
    alert_put_silence_command(a, str_of(w->instance), &command);
    notifier_send(w->notifier,
                  &(struct notification){.change = change,
                                         .alert = a,
                                         .text = alert_format_line(a, change, text, sizeof(text)),
                                         .link = buf_str(&link).ptr,
                                         .silence = buf_str(&command).ptr});
}

static void pass_over(void *context, const struct alert *a, enum alert_change change, struct silence_hit by)
{
    char text[ALERT_TEXT_BYTES + 128], until[CLOCK_RFC3339_BYTES];
    alert_format_line(a, change, text, sizeof(text));
    if (by.id)
        log_info("nobody is told until %s, by silence %s (%s, %s): %s",
                 by.until_wall_ns == INT64_MAX ? "it is changed"
                                               : clock_format_rfc3339(until, by.until_wall_ns),
                 by.id, by.who, by.comment, text);
    else if (a->hidden[0])
        log_info("nobody is told, for %s: %s", a->hidden, text);
    else
        log_info("nobody was told of its beginning: %s", text);
}

static void on_change(void *context, const struct alert *a, enum alert_change change, struct rules_time t)
{
    struct watch *w = context;
    char text[ALERT_TEXT_BYTES + 128];
    alert_format_line(a, change, text, sizeof(text));
    telling_note(w->telling, a, change, t.wall_ns);
    if (w->on_alert)
        w->on_alert(w->context, &(struct watch_alert_event){.change = change, .alert = a, .text = text});
}

static void on_new(void *context, struct alert *a, struct rules_time t)
{
    struct watch *w = context;
    watch_keep_take(w->keep, a, t.now_ns);
}

static bool find_past(void *context, const struct alert *a, struct rules_time t, struct alert_past *ret_past)
{
    struct watch *w = context;
    return w->find_past && w->find_past(w->context, a, t.now_ns, ret_past);
}

static char *copy_url(const char *url)
{
    char *copy = mem_strdup(url ? url : "");
    size_t len = strlen(copy);
    if (len && copy[len - 1] == '/')
        copy[len - 1] = '\0';
    return copy;
}

/* What cannot be watched must not look as if it were. */
static void warn_about_disk_paths(const struct config_strings *paths)
{
    if (paths->count > HOST_DISKS_MAX)
        log_warn("watch: only the first %d of %zu disk_paths are watched", HOST_DISKS_MAX, paths->count);
    for (size_t i = 0; i < paths->count; i++)
        if (paths->items[i].len >= HOST_PATH_BYTES)
            log_warn("watch: a path in disk_paths is longer than %d bytes and cannot be watched: %.*s",
                     HOST_PATH_BYTES - 1, STR_ARG(paths->items[i]));
}

static void open_probes(struct watch *w, const struct config_watch *config)
{
    struct random random;
    random_seed_from_system(&random);
    if (config->probe_count == 0)
        return;
    w->probes = probes_new(&(struct probes_params){.loop = w->loop,
                                                   .configs = config->probes,
                                                   .count = config->probe_count,
                                                   .seed = random_next(&random)});
    if (!w->probes)
        log_error("watch: nothing is probed: no thread for it can be had");
}

static void open_hosts(struct watch *w, const struct config_watch *config)
{
    if (config->host_count == 0)
        return;
    w->hosts = hosts_new(
        &(struct hosts_params){.loop = w->loop, .configs = config->hosts, .count = config->host_count});
    if (!w->hosts)
        log_error("watch: no other host is watched: no thread for it can be had");
}

static void configure(struct watch *w, const struct config_watch *config, const struct config_notify *notify,
                      size_t notify_count)
{
    notifier_open(w->notifier, notify, notify_count);
    warn_about_disk_paths(&config->disk_paths);
    host_configure(w->host, &config->disk_paths);
    open_probes(w, config);
    silences_configure(w->silences, &config->silences);
    silences_step(w->silences, clock_wall_ns());
    open_hosts(w, config);
    service_report_configure(w->services, config);
    rules_open(w->rules, config);
}

struct watch *watch_new(const struct watch_params *params)
{
    struct watch *w = NEW(struct watch);
    w->loop = params->loop;
    w->external_url = copy_url(params->external_url);
    w->on_alert = params->on_alert;
    w->report = params->report;
    w->find_past = params->find_past;
    w->context = params->context;
    if (gethostname(w->instance, sizeof(w->instance) - 1) != 0 || w->instance[0] == '\0')
        str_copy(w->instance, sizeof(w->instance), STR("localhost"));
    w->host = host_new(&(struct host_params){.loop = params->loop,
                                             .root = params->root ? params->root : "",
                                             .supervisor_pid = params->supervisor_pid,
                                             .restarts = params->restarts});
    w->board = board_new();
    w->objectives = objectives_new(loop_now_ns(params->loop), clock_wall_ns());
    w->silences = silences_new();
    w->telling = telling_new(&(struct telling_params){.context = w, .tell = tell, .pass_over = pass_over},
                             w->silences);
    w->services = service_report_new();
    w->keep = watch_keep_new(params->root ? params->root : "", w->silences, w->telling, w->services);
    w->rules = rules_new(&(struct rules_params){.instance = str_of(w->instance),
                                                .on_change = on_change,
                                                .on_new = on_new,
                                                .find_past = find_past,
                                                .context = w});
    w->notifier = notifier_new(
        &(struct notify_params){.loop = params->loop, .external_url = w->external_url, .fetch = fetch});
    configure(w, params->config, params->notify, params->notify_count);
    return w;
}

void watch_free(struct watch *w, int64_t flush_ns)
{
    if (w == NULL)
        return;
    notifier_close(w->notifier, flush_ns);
    notifier_free(w->notifier);
    hosts_free(w->hosts);
    probes_free(w->probes);
    host_free(w->host);
    board_free(w->board);
    rules_free(w->rules);
    watch_keep_free(w->keep);
    telling_free(w->telling);
    silences_free(w->silences);
    objectives_free(w->objectives);
    service_report_free(w->services);
    free(w->external_url);
    free(w);
}

static void tell_scope(struct watch *w)
{
    const struct host_sample *s = &w->sample;
    bool is_same =
        w->has_told_scope && w->told_cpu_scope == s->cpu_scope && w->told_memory_scope == s->memory_scope;
    if (is_same)
        return;
    bool is_default = s->cpu_scope == SAMPLE_SCOPE_HOST && s->memory_scope == SAMPLE_SCOPE_HOST;
    if (w->has_told_scope || !is_default)
        log_info("watch: alerts about CPU look at the %s, about memory at the %s (a control group with a "
                 "limit comes first)",
                 sample_scope_name(s->cpu_scope), sample_scope_name(s->memory_scope));
    w->has_told_scope = true;
    w->told_cpu_scope = s->cpu_scope;
    w->told_memory_scope = s->memory_scope;
}

static void count_objectives(struct watch *w, const struct watch_service_input *services, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct watch_service_input *s = &services[i];
        if (s->objectives)
            objectives_count(w->objectives,
                             &(struct objectives_input){.service = s->name,
                                                        .config = s->objectives,
                                                        .latency_ns = s->latency_ns,
                                                        .latency_quantile = s->latency_quantile,
                                                        .requests_total = s->requests_total,
                                                        .errors_total = s->errors_total,
                                                        .slow_total = s->slow_total},
                             w->now_ns);
    }
    objectives_end_tick(w->objectives);
    objectives_report(w->objectives, w->board, w->now_ns);
}

static void tell_what_is_not_silent_any_more(struct watch *w)
{
    const struct alert *a;
    for (size_t i = 0; (a = rules_alert(w->rules, i)) != NULL; i++)
        telling_step(w->telling, a, w->wall_ns);
}

/* ---- what outlives the worker ---- */

void watch_close(struct watch *w, int64_t flush_ns)
{
    notifier_close(w->notifier, flush_ns);
}

void watch_set_keeping(struct watch *w, void (*changed)(void *context), void *context)
{
    notifier_set_keeping(w->notifier, true);
    notifier_on_change(w->notifier, changed, context);
}

static const struct alert *get_alert(const void *rules, size_t index)
{
    return rules_alert(rules, index);
}

static struct watch_keep_alerts all_alerts(const struct watch *w)
{
    return (struct watch_keep_alerts){.get = get_alert, .context = w->rules};
}

bool watch_has_changed(const struct watch *w)
{
    return notifier_has_changed(w->notifier) || watch_keep_is_due(w->keep, all_alerts(w), clock_now_ns());
}

void watch_save(struct watch *w, void (*put)(void *context, const char *key, struct str text), void *context)
{
    notifier_save(w->notifier, clock_now_ns(), clock_wall_ns(), put, context);
    watch_keep_save(w->keep, all_alerts(w), clock_now_ns(), clock_wall_ns(), put, context);
}

void watch_kept(struct watch *w, bool is_kept)
{
    notifier_kept(w->notifier, is_kept);
    watch_keep_kept(w->keep, is_kept);
}

bool watch_restore(struct watch *w, struct str key, struct str text)
{
    int64_t now_ns = clock_now_ns();
    if (watch_keep_restore(w->keep, key, text, now_ns, clock_wall_ns()))
        return true;
    if (!notifier_restore(w->notifier, key, text, now_ns, clock_wall_ns()))
        return false;
    w->settle_ns = now_ns + SETTLE_NS;
    return true;
}

static bool is_firing(void *context, uint64_t fingerprint)
{
    const struct watch *w = context;
    const struct alert *a;
    for (size_t i = 0; (a = rules_alert(w->rules, i)) != NULL; i++)
        if (a->fingerprint == fingerprint)
            return alert_life_is_active(&a->life);
    return watch_keep_is_firing(w->keep, fingerprint);
}

static void settle(struct watch *w)
{
    if (w->settle_ns == 0 || w->now_ns < w->settle_ns)
        return;
    w->settle_ns = 0;
    notifier_settle(w->notifier, is_firing, w, w->wall_ns);
}

void watch_tick(struct watch *w, int64_t now_ns, const struct watch_service_input *services,
                size_t service_count)
{
    struct rules_time t = {.now_ns = now_ns, .wall_ns = clock_wall_ns()};
    w->now_ns = now_ns;
    w->wall_ns = t.wall_ns;
    notifier_tick(w->notifier, now_ns, t.wall_ns);
    silences_step(w->silences, t.wall_ns);
    host_take_sample(w->host, now_ns, &w->sample);
    tell_scope(w);
    board_begin(w->board, now_ns, t.wall_ns);
    host_report(&w->sample, w->board);
    probes_report(w->probes, w->board);
    hosts_report(w->hosts, w->board);
    notifier_put_readings(w->notifier, w->board);
    if (w->report)
        w->report(w->context, w->board);
    count_objectives(w, services, service_count);
    service_report_put(w->services, services, service_count, w->board);
    board_end(w->board);
    rules_step(w->rules, w->board, t);
    tell_what_is_not_silent_any_more(w);
    settle(w);
    watch_keep_tick(w->keep, now_ns);
}

void watch_note_server_death(struct watch *w, struct str service, struct str server, struct str reason,
                             int64_t now_ns)
{
    service_report_note_death(w->services, service, server, reason, now_ns);
}

const struct board *watch_board(const struct watch *w)
{
    return w->board;
}

const struct host_sample *watch_host(const struct watch *w)
{
    return &w->sample;
}

const struct alert *watch_alert(const struct watch *w, size_t index)
{
    return rules_alert(w->rules, index);
}

size_t watch_alerts_firing(const struct watch *w)
{
    size_t firing = 0;
    const struct alert *a;
    for (size_t i = 0; (a = rules_alert(w->rules, i)) != NULL; i++)
        firing += alert_life_is_active(&a->life);
    return firing;
}

void watch_write_host_json(const struct watch *w, struct json *j)
{
    host_json_write(j, &w->sample, w->wall_ns);
}

void watch_write_hosts_json(const struct watch *w, struct json *j)
{
    hosts_write_json(w->hosts, j);
}

const char *watch_host_at(const struct watch *w, const struct addr *a)
{
    return hosts_name_at(w->hosts, a);
}

void watch_write_readings_json(const struct watch *w, struct str host, struct json *j)
{
    readings_write(w->board, host, j);
}

void watch_write_probes_json(const struct watch *w, struct json *j)
{
    probes_write_json(w->probes, j, loop_now_ns(w->loop), clock_wall_ns());
}

static void write_alert(const struct watch *w, struct json *j, const struct alert *a)
{
    struct buf link CLEANUP(buf_fini) = {0}, command CLEANUP(buf_fini) = {0};
    alert_put_link(a, w->external_url, &link);
    alert_put_silence_command(a, str_of(w->instance), &command);
    struct sink_report sinks[CONFIG_SINKS_MAX];
    struct silence_hit silence = silences_find(w->silences, a, clock_wall_ns());
    struct report_telling telling = {.is_told = telling_is_told(w->telling, a),
                                     .silence = silence,
                                     .link = buf_str(&link).ptr,
                                     .command = buf_str(&command).ptr,
                                     .sink_count = notifier_report(w->notifier, a, silence.id != NULL, sinks),
                                     .sinks = sinks};
    report_write_alert(j, a, &telling, w->now_ns);
}

void watch_write_alerts_json(const struct watch *w, struct json *j, bool is_all)
{
    const struct alert *a;
    json_begin_array(j);
    for (size_t i = 0; (a = rules_alert(w->rules, i)) != NULL; i++)
        if (is_all || report_is_shown(a))
            write_alert(w, j, a);
    json_end_array(j);
}

void watch_write_sinks_json(const struct watch *w, struct json *j)
{
    json_key(j, "sinks");
    notifier_write_json(w->notifier, j);
    json_key(j, "test");
    notifier_write_test(w->notifier, j);
}

bool watch_test_sink(struct watch *w, struct str name, struct err *err)
{
    return notifier_start_test(w->notifier, name, err);
}

struct objectives *watch_objectives(struct watch *w)
{
    return w->objectives;
}

struct silences *watch_silences(struct watch *w)
{
    return w->silences;
}

void watch_write_metrics(const struct watch *w, struct buf *out)
{
    if (w->sample.taken_ns)
        host_metrics_write(out, &w->sample);
    report_write_alert_metrics(out, &(struct alert_list){.get = get_alert,
                                                         .context = w->rules,
                                                         .instance = rules_instance(w->rules),
                                                         .left_out = rules_left_out(w->rules)});
    exposition_put_one(out, "weir_readings_left_out_total", "counter",
                       "Readings that were not taken: there are too many different ones.",
                       (double)board_left_out(w->board));
    notifier_write_metrics(w->notifier, out);
    probes_write_metrics(w->probes, out);
    objectives_write_metrics(w->objectives, out, loop_now_ns(w->loop));
    silences_write_metrics(w->silences, out, clock_wall_ns());
    hosts_write_metrics(w->hosts, out);
}
