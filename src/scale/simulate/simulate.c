/*
 * The command: options -> configuration -> for each trace: load -> study -> table, JSON, drawing.
 *
 * Without -c, Weir is configured as the standard study says, by the configuration text below and every
 * default that it leaves alone. With -c, bounds, objective and queue are the service's, for all policies, and
 * the load is as it was recorded: bounds and load belong together.
 */
#include "scale/simulate/simulate.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"
#include "config/cpus.h"
#include "config/reader.h"
#include "scale/simulate/options.h"
#include "scale/simulate/plot.h"
#include "scale/simulate/report.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* The standard study: servers for the busiest minute, fewer for traces that have hardly any load, and so many
 * times as much at most. */
enum { PEAK_SERVERS = 40, PEAK_SERVERS_FEW = 4, SERVERS_MAX_FACTOR = 10 };
static const double few_requests = 1; /* a second, mean */
/* The provider's delays and the probe that finds a server ready, beside the time that it takes to start. */
static const int64_t start_slack_ns = 10 * NS_PER_S;

struct run {
    struct options options;
    struct sim_setting settings[SETTINGS_MAX];
    uint32_t setting_count;
    struct config *config;          /* owned; of the user */
    struct config_service *service; /* in it; NULL: the standard study's */
    struct buf json_text;
    struct json json;
};

/* ---- configuration ---- */

static struct config *read_text(struct str text, struct err *err)
{
    struct diagnostics d;
    struct buf problems = {0};
    struct config *c = config_read("the standard study", text, &d);
    if (!c) {
        diagnostics_print(&d, false, &problems);
        (void)err_set(err, "%s", problems.ptr);
    }
    buf_fini(&problems);
    diagnostics_fini(&d);
    return c;
}

static struct config *standard_config(const struct sim_model *m, struct err *err)
{
    struct buf text = {0};
    buf_printf(&text,
               "listeners: [{http: ':8080'}]\n"
               "services:\n"
               "  study:\n"
               "    balance: least-requests\n"
               "    scale:\n"
               "      command: [study]\n"
               "      servers: %u..%u\n"
               "      objective: p99 < %lldms\n"
               "      start_timeout: 10m\n",
               m->servers_min, m->servers_max, (long long)(m->objective_ns / NS_PER_MS));
    struct config *c = read_text(buf_str(&text), err);
    buf_fini(&text);
    return c;
}

static bool load_config(struct run *r)
{
    struct diagnostics d;
    struct buf problems = {0};
    r->config = config_load(r->options.config_path, &d);
    diagnostics_print(&d, isatty(STDERR_FILENO), &problems);
    if (problems.len)
        fprintf(stderr, "%s", problems.ptr);
    buf_fini(&problems);
    diagnostics_fini(&d);
    return r->config;
}

static bool find_service(struct run *r, struct err *err)
{
    const char *name = r->options.service_name;
    struct config *c = r->config;
    for (size_t i = 0; i < c->service_count && !r->service; i++) {
        bool is_scaled = c->services[i].scale.provider != SCALE_PROVIDER_NONE;
        if (name ? str_eq(c->services[i].name, str_of(name)) : is_scaled)
            r->service = &c->services[i];
    }
    if (!r->service)
        return err_set(err, name ? "there is no service '%s' in it" : "no service in it has `scale`", name);
    if (r->service->scale.provider == SCALE_PROVIDER_NONE)
        return err_set(err, "service '%.*s' has fixed servers: there is nothing to scale",
                       STR_ARG(r->service->name));
    return true;
}

/* So that no server is given up that only takes as long as was asked. True when that took a change. */
static bool let_start(const struct options *o, struct config_service *s)
{
    uint32_t longest_s = 0;
    for (uint32_t i = 0; i < o->start_count; i++)
        longest_s = MAX(longest_s, o->start_s[i]);
    int64_t least_ns = longest_s * NS_PER_S + start_slack_ns;
    bool is_short = s->scale.start_timeout_ns < least_ns;
    s->scale.start_timeout_ns = MAX(s->scale.start_timeout_ns, least_ns);
    return is_short;
}

static void tell_start_timeout(const struct run *r, int64_t before_ns)
{
    char before[UNITS_TEXT_BYTES], now[UNITS_TEXT_BYTES];
    fprintf(stderr,
            "weir simulate: `start_timeout` of %.*s is %s: servers that start for longer would be given up; "
            "taken as %s here\n",
            STR_ARG(r->service->name), units_format_duration(before, before_ns),
            units_format_duration(now, r->service->scale.start_timeout_ns));
}

/* What the service's configuration says holds for all policies. What would be done is the question here, so
 * one that only advises acts. */
static void adopt_service(struct run *r)
{
    struct sim_model *m = &r->options.model;
    struct config_service *s = r->service;
    int64_t start_timeout_ns = s->scale.start_timeout_ns;
    s->scale.mode = SCALE_MODE_ACT;
    if (let_start(&r->options, s))
        tell_start_timeout(r, start_timeout_ns);
    if (!r->options.has_servers) {
        m->servers_min = s->scale.servers_min;
        m->servers_max = s->scale.servers_max;
    }
    if (s->scale.objective_ns > 0)
        m->objective_ns = s->scale.objective_ns;
    m->queue_length = MAX(s->queue_length, 1);
    m->queue_timeout_ns = s->queue_timeout_ns;
}

/* ---- one trace ---- */

/* Stamps before 1973 count from the trace's own begin. */
static int64_t wall_start_ns(const struct trace *t)
{
    const double least_s = 1e8, most_s = 9e9;
    return t->start_s >= least_s && t->start_s <= most_s ? (int64_t)t->start_s * NS_PER_S : 0;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void show_progress(double share_done)
{
    fprintf(stderr, "\r%3.0f%%", share_done * 100);
}

static bool write_file(const char *path, const struct buf *text, struct err *err)
{
    FILE *out = fopen(path, "we");
    if (!out)
        return err_set_errno(err, errno, "%s: opening it", path);
    bool is_written = fwrite(text->ptr, 1, text->len, out) == text->len;
    if (fclose(out) != 0 || !is_written)
        return err_set_errno(err, errno, "%s: writing it", path);
    return true;
}

static bool tell(struct run *r, const struct report_subject *subject, const struct study *s, struct err *err)
{
    struct buf text = {0};
    if (r->options.is_json)
        report_json(subject, s, &r->json);
    else
        report_table(subject, s, &text);
    if (text.len)
        fwrite(text.ptr, 1, text.len, stdout);
    buf_clear(&text);
    bool ok = true;
    if (r->options.plot_path) {
        plot_svg(subject, s, &text);
        ok = write_file(r->options.plot_path, &text, err);
    }
    buf_fini(&text);
    return ok;
}

static bool study_load(struct run *r, const struct report_subject *subject, struct err *err)
{
    struct config *standard = r->service ? NULL : standard_config(subject->model, err);
    if (!r->service && !standard)
        return false;
    if (standard)
        (void)let_start(&r->options, &standard->services[0]);
    struct study_params params = {.load = subject->load,
                                  .model = subject->model,
                                  .config = r->service ? r->service : &standard->services[0],
                                  .settings = r->settings,
                                  .setting_count = r->setting_count,
                                  .start_count = r->options.start_count,
                                  .keeps_points = r->options.plot_path,
                                  .thread_count = MIN(cpus_usable(), STUDY_THREADS_MAX),
                                  .on_progress = isatty(STDERR_FILENO) ? show_progress : NULL};
    memcpy(params.start_s, r->options.start_s, sizeof(params.start_s));
    struct study s;
    study_run(&params, &s);
    if (params.on_progress)
        fprintf(stderr, "\r    \r");
    bool ok = tell(r, subject, &s, err);
    study_fini(&s);
    config_free(standard);
    return ok;
}

static bool simulate_trace(struct run *r, const char *path, struct err *err)
{
    struct trace trace;
    struct load load;
    struct sim_model model = r->options.model;
    if (!trace_load(path, &trace, err))
        return false;
    model.wall_start_ns = wall_start_ns(&trace);
    double mean = trace_mean_rate(&trace), peak = r->options.peak_servers;
    if (peak < 0)
        peak = r->service ? 0 : mean < few_requests ? PEAK_SERVERS_FEW : PEAK_SERVERS;
    bool ok =
        load_build(&trace, peak * sim_model_server_rate(&model), &load, err) || err_wrap(err, "%s", path);
    trace_fini(&trace);
    if (!ok)
        return false;
    double peak_servers = load.peak / sim_model_server_rate(&model);
    if (!model.servers_max) /* neither --servers nor a configuration */
        model.servers_max = (uint32_t)fmin(fmax(ceil(peak_servers * SERVERS_MAX_FACTOR - 1e-6), 1), 500);
    struct report_subject subject = {
        .trace = name_of(path), .load = &load, .model = &model, .trace_mean = mean};
    ok = study_load(r, &subject, err);
    load_fini(&load);
    return ok;
}

/* ---- the command ---- */

static bool simulate_traces(struct run *r, struct err *err)
{
    json_init(&r->json, &r->json_text);
    json_begin_object(&r->json);
    json_key(&r->json, "results");
    json_begin_array(&r->json);
    for (uint32_t i = 0; i < r->options.trace_count; i++) {
        if (i > 0 && !r->options.is_json)
            puts("");
        if (!simulate_trace(r, r->options.traces[i], err))
            return false;
    }
    json_end_array(&r->json);
    json_end_object(&r->json);
    if (r->options.is_json)
        puts(r->json_text.ptr);
    return fflush(stdout) == 0 || err_set_errno(err, errno, "writing the results");
}

static int fail(const struct err *err, int status)
{
    fprintf(stderr, "weir simulate: %s\n", err->text);
    return status;
}

static int run(struct run *r, int argc, char **argv)
{
    struct err err;
    if (!options_read(&r->options, argc, argv, &err) ||
        !(r->setting_count = settings_expand(r->options.policies, r->settings, &err)))
        return fail(&err, EXIT_USAGE);
    if (r->options.config_path) {
        if (!load_config(r))
            return EXIT_FAILED;
        if (!find_service(r, &err)) {
            (void)err_wrap(&err, "%s", r->options.config_path);
            return fail(&err, EXIT_FAILED);
        }
        adopt_service(r);
    }
    return simulate_traces(r, &err) ? EXIT_OK : fail(&err, EXIT_FAILED);
}

int simulate_main(int argc, char **argv)
{
    struct run *r = NEW(struct run);
    int status = run(r, argc, argv);
    config_free(r->config);
    buf_fini(&r->json_text);
    free(r);
    return status;
}
