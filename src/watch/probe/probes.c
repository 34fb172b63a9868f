/*
 * probes.c: see probes.h. One timer a probe; a look at a time. A look that blocks is a job with memory of its
 * own, for it may hang beyond its timeout (a name server that never answers): then it is counted as failed,
 * left alone, and the next one goes its way.
 *
 * The first looks are spread over a second, later ones by a tenth of the interval, so that a hundred probes
 * do not all ask in the same moment.
 */
#include "watch/probe/probes.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/shown_url.h"
#include "net/job.h"
#include "stats/exposition.h"
#include "watch/probe/probe.h"

#include <stdlib.h>

enum { THREADS_MAX_PROBES = 8, TARGET_SHOWN_BYTES = 121 };
#define LATE_NS NS_PER_S /* beyond the timeout, in which a look should have ended by itself */

struct probe {
    struct probes *set;
    const struct config_probe *config;
    struct timer timer;
    struct look *look;     /* under way on a thread; NULL: none */
    struct probe_dns *dns; /* under way on the loop; NULL: none */
    bool has_result;
    struct probe_result result; /* the latest */
    int64_t taken_ns;           /* when it came */
    int64_t since_ns;           /* since when it is as good or bad as it is */
    uint32_t failures;          /* in a row */
    uint64_t good_total, failed_total;
    int64_t certificate_end_s; /* of the latest certificate seen; 0: none yet */
};

struct look {
    struct job job;
    struct probe *probe; /* NULL: nobody waits for it any more */
    const struct config_probe *config;
    struct probe_result result;
};

struct probes {
    struct loop *loop;
    struct job_pool *jobs; /* owned */
    struct random random;
    size_t count;
    struct probe *probes; /* owned */
};

/* ---- looking ---- */

static void plan_next(struct probe *p)
{
    int64_t tenth_ns = p->config->interval_ns / 10;
    int64_t wait_ns = p->config->interval_ns - tenth_ns +
                      (int64_t)(random_next(&p->set->random) % (uint64_t)(2 * tenth_ns));
    timer_set(p->set->loop, &p->timer, loop_now_ns(p->set->loop) + wait_ns);
}

static void take(struct probe *p, const struct probe_result *result)
{
    int64_t now_ns = clock_now_ns();
    if (!p->has_result || p->result.is_good != result->is_good)
        p->since_ns = now_ns;
    p->has_result = true;
    p->result = *result;
    p->taken_ns = now_ns;
    p->failures = result->is_good ? 0 : p->failures + 1;
    p->good_total += result->is_good;
    p->failed_total += !result->is_good;
    if (result->certificate_end_s)
        p->certificate_end_s = result->certificate_end_s;
    plan_next(p);
}

static void take_failure(struct probe *p, const char *reason)
{
    struct probe_result failed = {0};
    str_copy(failed.reason, sizeof(failed.reason), str_of(reason));
    take(p, &failed);
}

static void run(struct job *j)
{
    struct look *l = container_of(j, struct look, job);
    probe_ask(l->config, &l->result);
}

static void on_done(struct job *j, enum job_outcome outcome)
{
    struct look *l = container_of(j, struct look, job);
    struct probe *p = l->probe;
    l->probe = NULL;
    if (p == NULL)
        return;
    p->look = NULL;
    if (outcome == JOB_DONE)
        take(p, &l->result);
    else if (outcome == JOB_LATE)
        take_failure(p, "no answer in time");
}

static void release(struct job *j)
{
    free(container_of(j, struct look, job));
}

static void on_dns(void *context, const struct probe_result *result)
{
    struct probe *p = context;
    probe_dns_free(p->dns);
    p->dns = NULL;
    take(p, result);
}

static void on_timer(struct loop *loop, struct timer *t)
{
    struct probe *p = container_of(t, struct probe, timer);
    if (p->config->kind == PROBE_DNS) {
        p->dns = probe_dns_begin(loop, p->config, on_dns, p);
        return;
    }
    struct look *l = NEW(struct look);
    *l = (struct look){
        .job = {.run = run, .on_done = on_done, .release = release}, .probe = p, .config = p->config};
    p->look = l;
    if (job_submit(p->set->jobs, &l->job, loop_now_ns(loop) + p->config->timeout_ns + LATE_NS))
        return;
    p->look = NULL;
    free(l);
    take_failure(p, "too many looks are under way");
}

/* ---- life ---- */

struct probes *probes_new(const struct probes_params *params)
{
    struct probes *p = NEW(struct probes);
    p->loop = params->loop;
    p->random.state = params->seed;
    p->jobs = job_pool_new(&(struct job_pool_params){.loop = params->loop,
                                                     .name = "probe",
                                                     .threads_max = THREADS_MAX_PROBES,
                                                     .queue_max = CONFIG_PROBES_MAX});
    if (!p->jobs) {
        free(p);
        return NULL;
    }
    p->count = params->count;
    p->probes = NEW_ARRAY(struct probe, MAX(params->count, (size_t)1));
    for (size_t i = 0; i < p->count; i++) {
        struct probe *probe = &p->probes[i];
        probe->set = p;
        probe->config = &params->configs[i];
        timer_init(&probe->timer, on_timer);
        timer_set(p->loop, &probe->timer,
                  loop_now_ns(p->loop) + (int64_t)(i * (uint64_t)NS_PER_S / p->count));
    }
    return p;
}

void probes_free(struct probes *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->count; i++) {
        timer_cancel(&p->probes[i].timer);
        probe_dns_free(p->probes[i].dns);
        if (p->probes[i].look)
            p->probes[i].look->probe = NULL;
    }
    job_pool_free(p->jobs, 0);
    free(p->probes);
    free(p);
}

/* ---- telling ---- */

static struct reading failures_of(const struct probe *p)
{
    return p->has_result ? reading_known(p->failures) : reading_unknown("the first look is under way");
}

static struct reading time_of(const struct probe *p)
{
    if (!p->has_result)
        return reading_unknown("the first look is under way");
    if (p->result.time_ns == 0)
        return reading_unknown("it does not answer");
    return reading_known((double)p->result.time_ns / 1e9);
}

static struct reading certificate_left_of(const struct probe *p, int64_t wall_ns)
{
    if (p->certificate_end_s == 0)
        return reading_unknown("no certificate was seen yet");
    return reading_known((double)(p->certificate_end_s - wall_ns / NS_PER_S));
}

static void report(const struct probe *p, struct board *b)
{
    char name[64];
    str_copy(name, sizeof(name), p->config->name);
    struct subject subject = {.names = {name}};
    char target[TARGET_SHOWN_BYTES];
    board_put_note(b, METRIC_PROBE_FAILURES, &subject, failures_of(p), "%s: %s",
                   shown_url(probe_target(p->config), target, sizeof(target)).ptr,
                   p->has_result ? p->result.reason : "not looked at yet");
    board_put(b, METRIC_PROBE_TIME, &subject, time_of(p));
    if (probe_has_certificate(p->config))
        board_put(b, METRIC_CERTIFICATE_LEFT, &subject, certificate_left_of(p, board_wall_ns(b)));
}

void probes_report(const struct probes *p, struct board *b)
{
    for (size_t i = 0; p && i < p->count; i++)
        report(&p->probes[i], b);
}

static void put_seconds_ago(struct json *j, const char *key, int64_t now_ns, int64_t then_ns)
{
    json_put_double_if(j, key, then_ns != 0, (double)(now_ns - then_ns) / 1e9);
}

static void write_one(const struct probe *p, struct json *j, int64_t now_ns, int64_t wall_ns)
{
    char target[4096];
    json_begin_object(j);
    json_key(j, "name");
    json_str(j, p->config->name);
    json_put_text(j, "kind", probe_kind_name(p->config->kind));
    json_key(j, "target");
    json_str(j, shown_url(probe_target(p->config), target, sizeof(target)));
    json_key(j, "is_good");
    if (p->has_result)
        json_bool(j, p->result.is_good);
    else
        json_null(j);
    json_put_text(j, "reason", p->has_result ? p->result.reason : "the first look is under way");
    json_put_int(j, "failures", p->failures);
    put_seconds_ago(j, "taken_ago_seconds", now_ns, p->taken_ns);
    put_seconds_ago(j, "since_ago_seconds", now_ns, p->since_ns);
    json_put_double_if(j, "seconds", p->has_result && p->result.time_ns != 0,
                       (double)p->result.time_ns / 1e9);
    if (p->config->kind == PROBE_HTTP) {
        json_put_int(j, "status", p->result.status);
        json_put_int(j, "redirects", p->result.redirects);
    }
    if (probe_has_certificate(p->config)) {
        struct reading left = certificate_left_of(p, wall_ns);
        json_put_double_if(j, "certificate_left_seconds", left.is_known, left.value);
    }
    json_end_object(j);
}

void probes_write_json(const struct probes *p, struct json *j, int64_t now_ns, int64_t wall_ns)
{
    json_begin_array(j);
    for (size_t i = 0; p && i < p->count; i++)
        write_one(&p->probes[i], j, now_ns, wall_ns);
    json_end_array(j);
}

/* ---- Prometheus ---- */

struct family {
    const char *name, *type, *help;
    bool (*value)(const struct probe *p, double *ret_value); /* false: not known */
};

static bool get_up(const struct probe *p, double *ret_value)
{
    *ret_value = p->result.is_good;
    return p->has_result;
}

static bool get_time(const struct probe *p, double *ret_value)
{
    *ret_value = (double)p->result.time_ns / 1e9;
    return p->has_result && p->result.time_ns;
}

static bool get_status(const struct probe *p, double *ret_value)
{
    *ret_value = p->result.status;
    return p->has_result && p->result.status;
}

static bool get_certificate_end(const struct probe *p, double *ret_value)
{
    *ret_value = (double)p->certificate_end_s;
    return p->certificate_end_s != 0;
}

static const struct family families[] = {
    {"weir_probe_up", "gauge", "1: the latest look at a probe's target found it good; 0: it did not.",
     get_up},
    {"weir_probe_duration_seconds", "gauge", "How long the latest look took until all was there.", get_time},
    {"weir_probe_http_status_code", "gauge", "Status of the latest answer, after redirects.", get_status},
    {"weir_probe_certificate_expiry_timestamp_seconds", "gauge",
     "When the first certificate of the chain that was shown ends to be valid.", get_certificate_end},
};

static void write_family(const struct probes *p, const struct family *f, struct buf *out)
{
    double value;
    exposition_begin(out, f->name, f->type, f->help);
    for (size_t i = 0; p && i < p->count; i++)
        if (f->value(&p->probes[i], &value))
            buf_printf(out, "%s{probe=\"%.*s\"} %.15g\n", f->name, STR_ARG(p->probes[i].config->name), value);
}

void probes_write_metrics(const struct probes *p, struct buf *out)
{
    static const char total[] = "weir_probe_looks_total";
    for (size_t i = 0; i < ARRAY_LEN(families); i++)
        write_family(p, &families[i], out);
    exposition_begin(out, total, "counter", "Looks at a probe's target, by what they found.");
    for (size_t i = 0; p && i < p->count; i++) {
        const struct probe *one = &p->probes[i];
        buf_printf(out, "%s{probe=\"%.*s\",result=\"good\"} %llu\n", total, STR_ARG(one->config->name),
                   (unsigned long long)one->good_total);
        buf_printf(out, "%s{probe=\"%.*s\",result=\"failed\"} %llu\n", total, STR_ARG(one->config->name),
                   (unsigned long long)one->failed_total);
    }
}
