/*
 * hosts.c: see hosts.h. One timer a host, one question at a time; a question is a job with memory of its own,
 * for it may hang beyond its timeout. Answers are read on the loop's thread: some hundred rows take a
 * fraction of a millisecond.
 */
#include "watch/remote/hosts.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "base/shown_url.h"
#include "net/fetch.h"
#include "net/job.h"
#include "stats/exposition.h"
#include "watch/host_report.h"
#include "watch/notify/secret.h"
#include "watch/remote/node_exporter.h"
#include "watch/remote/numbers.h"
#include "watch/remote/readings.h"
#include "watch/remote/whereabouts.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    TARGET_SHOWN_BYTES = 121,
    HOST_THREADS_MAX = 8,
    REASON_BYTES = 256,
    NAME_BYTES = 64,
    ANSWER_BYTES_MAX = 4 << 20, /* of an agent */
    STALE_INTERVALS = 3,        /* without a new answer for so many, what was told is too old */
};
static const char too_old[] = "its machine has not told anything for too long";
static const char only_answers[] =
    "only whether it answers is watched: it is no node_exporter, and no 'numbers' "
    "of it are configured";

#define LATE_NS NS_PER_S /* beyond the timeout, in which an answer should have come or failed */

struct host_entry {
    struct hosts *set;
    const struct config_host *config;
    char name[NAME_BYTES];
    struct timer timer;
    struct question *question; /* under way; NULL: none */
    bool has_result, is_good;
    char reason[REASON_BYTES]; /* why the latest failed; "" when it did not */
    int64_t taken_ns;          /* of the latest good answer; 0: none yet */
    struct whereabouts whereabouts;
    uint32_t failures; /* in a row */
    uint64_t good_total, failed_total;
    struct node_exporter *exporter; /* owned; of that kind */
    struct host_sample *sample;     /* owned; what it told last */
    struct numbers *numbers;        /* owned; of that kind, too */
    struct json_value *readings;    /* owned; what an agent told last; NULL: nothing */
};

struct question {
    struct job job;
    struct host_entry *host; /* NULL: nobody waits for it any more */
    const struct config_host *config;
    int64_t asked_ns;
    bool is_answered;
    struct fetch_response response; /* when answered */
    struct err err;                 /* when not */
};

struct hosts {
    struct loop *loop;
    struct job_pool *jobs; /* owned */
    size_t count;
    struct host_entry *entries; /* owned */
};

/* ---- asking, on a job thread ---- */

static void write_url(const struct config_host *c, struct buf *out)
{
    struct str base = c->kind == HOST_KIND_EXPORTER ? c->exporter : c->agent;
    while (c->kind == HOST_KIND_AGENT && base.len && base.ptr[base.len - 1] == '/')
        base.len--;
    buf_put(out, base);
    if (c->kind == HOST_KIND_AGENT)
        buf_put(out, STR("/api/v1/readings"));
}

static size_t answer_bytes_max(const struct config_host *c)
{
    return c->kind == HOST_KIND_EXPORTER ? (size_t)c->answer_bytes_max : ANSWER_BYTES_MAX;
}

static void run(struct job *j)
{
    struct question *q = container_of(j, struct question, job);
    struct buf url CLEANUP(buf_fini) = {0}, token CLEANUP(secret_wipe) = {0};
    struct fetch_tls tls = {.ca_file = q->config->ca_file.ptr};
    if (!secret_read(&q->config->token, &token, &q->err))
        return;
    write_url(q->config, &url);
    struct fetch_request request = {.method = "GET",
                                    .url = url.ptr,
                                    .bearer_token = token.ptr,
                                    .is_direct = true,
                                    .timeout_ns = q->config->timeout_ns,
                                    .response_bytes_max = answer_bytes_max(q->config),
                                    .tls = &tls};
    q->is_answered = fetch(&request, &q->response, &q->err);
}

/* ---- answers ---- */

static void fail(struct host_entry *h, const char *reason)
{
    h->has_result = true;
    h->is_good = false;
    h->failures++;
    h->failed_total++;
    str_copy(h->reason, sizeof(h->reason), str_of(reason));
}

static void succeed(struct host_entry *h)
{
    h->has_result = h->is_good = true;
    h->failures = 0;
    h->good_total++;
    h->reason[0] = '\0';
    h->taken_ns = clock_now_ns();
}

static void take_exposition(struct host_entry *h, const struct question *q)
{
    char why[REASON_BYTES];
    struct str text = buf_str(&q->response.body);
    if (!node_exporter_read(h->exporter, text, q->asked_ns, h->sample, why, sizeof(why))) {
        fail(h, why);
        return;
    }
    numbers_read(h->numbers, text, q->asked_ns);
    succeed(h);
}

static void take_readings(struct host_entry *h, const struct question *q)
{
    struct err err = {0};
    char reason[REASON_BYTES];
    struct json_value *object = json_value_parse(buf_str(&q->response.body), &err);
    if (object && json_value_is_array(json_value_get(object, "readings"))) {
        json_value_free(h->readings);
        h->readings = object;
        succeed(h);
        return;
    }
    (void)snprintf(reason, sizeof(reason), "the answer is no Weir's: %.200s",
                   object ? "no readings" : err.text);
    json_value_free(object);
    fail(h, reason);
}

static void take(struct host_entry *h, const struct question *q)
{
    char reason[REASON_BYTES];
    if (!q->is_answered) {
        fail(h, q->err.text);
    } else if (q->response.status != 200) {
        (void)snprintf(reason, sizeof(reason), "it answered with status %d%s", q->response.status,
                       q->response.status == 401 ? ": a token is needed, or it is another one" : "");
        fail(h, reason);
    } else if (h->config->kind == HOST_KIND_EXPORTER) {
        take_exposition(h, q);
    } else {
        take_readings(h, q);
    }
    if (h->is_good)
        whereabouts_note(&h->whereabouts, q->response.peer);
}

static void plan_next(struct host_entry *h)
{
    timer_set(h->set->loop, &h->timer, loop_now_ns(h->set->loop) + h->config->interval_ns);
}

static void on_done(struct job *j, enum job_outcome outcome)
{
    struct question *q = container_of(j, struct question, job);
    struct host_entry *h = q->host;
    q->host = NULL;
    if (h == NULL)
        return;
    h->question = NULL;
    if (outcome == JOB_DONE)
        take(h, q);
    else if (outcome == JOB_LATE)
        fail(h, "no answer in time");
    plan_next(h);
}

static void release(struct job *j)
{
    struct question *q = container_of(j, struct question, job);
    if (q->is_answered)
        fetch_response_fini(&q->response);
    free(q);
}

static void on_timer(struct loop *loop, struct timer *t)
{
    struct host_entry *h = container_of(t, struct host_entry, timer);
    struct question *q = NEW(struct question);
    *q = (struct question){.job = {.run = run, .on_done = on_done, .release = release},
                           .host = h,
                           .config = h->config,
                           .asked_ns = clock_now_ns()};
    h->question = q;
    if (job_submit(h->set->jobs, &q->job, loop_now_ns(loop) + h->config->timeout_ns + LATE_NS))
        return;
    h->question = NULL;
    free(q);
    fail(h, "too many questions are under way");
    plan_next(h);
}

/* ---- life ---- */

struct hosts *hosts_new(const struct hosts_params *params)
{
    struct hosts *h = NEW(struct hosts);
    h->loop = params->loop;
    h->jobs = job_pool_new(&(struct job_pool_params){.loop = params->loop,
                                                     .name = "hosts",
                                                     .threads_max = HOST_THREADS_MAX,
                                                     .queue_max = CONFIG_HOSTS_MAX});
    if (!h->jobs) {
        free(h);
        return NULL;
    }
    h->count = params->count;
    h->entries = NEW_ARRAY(struct host_entry, MAX(params->count, (size_t)1));
    for (size_t i = 0; i < h->count; i++) {
        struct host_entry *e = &h->entries[i];
        e->set = h;
        e->config = &params->configs[i];
        str_copy(e->name, sizeof(e->name), e->config->name);
        whereabouts_init(&e->whereabouts, e->config);
        if (e->config->kind == HOST_KIND_EXPORTER) {
            e->exporter = node_exporter_new();
            e->sample = NEW(struct host_sample);
            e->numbers = numbers_new(e->config);
        }
        timer_init(&e->timer, on_timer);
        timer_set(h->loop, &e->timer, loop_now_ns(h->loop) + (int64_t)(i * (uint64_t)NS_PER_S / h->count));
    }
    return h;
}

void hosts_free(struct hosts *h)
{
    if (h == NULL)
        return;
    for (size_t i = 0; i < h->count; i++) {
        struct host_entry *e = &h->entries[i];
        timer_cancel(&e->timer);
        if (e->question)
            e->question->host = NULL;
        node_exporter_free(e->exporter);
        free(e->sample);
        numbers_free(e->numbers);
        json_value_free(e->readings);
    }
    job_pool_free(h->jobs, 0);
    free(h->entries);
    free(h);
}

/* ---- telling ---- */

static struct str target_of(const struct config_host *c)
{
    return c->kind == HOST_KIND_EXPORTER ? c->exporter : c->agent;
}

/* What it told last is too old. Before it has told anything, its readings say so themselves. */
static bool is_stale(const struct host_entry *h, int64_t now_ns)
{
    return h->taken_ns && now_ns - h->taken_ns > STALE_INTERVALS * h->config->interval_ns;
}

static bool is_machine(const struct host_entry *h)
{
    return h->exporter && node_exporter_is_machine(h->exporter);
}

/* What people should know although it answers; NULL: nothing. */
static const char *remark_of(const struct host_entry *h)
{
    bool is_unread = h->taken_ns && h->exporter && !is_machine(h) && h->config->number_count == 0;
    return is_unread ? only_answers : NULL;
}

static void report(const struct host_entry *h, struct board *b)
{
    static const struct subject machine;
    char target[TARGET_SHOWN_BYTES];
    const char *remark = remark_of(h), *said = h->reason[0] ? h->reason : remark ? remark : "";
    board_set_host(b, h->name);
    if (is_machine(h))
        host_report(h->sample, b);
    if (h->numbers)
        numbers_put(h->numbers, b);
    if (h->taken_ns && h->readings)
        (void)readings_put(h->readings, b);
    if (is_stale(h, board_now_ns(b)))
        board_doubt(b, h->name, too_old);
    board_put_note(b, METRIC_HOST_FAILURES, &machine,
                   h->has_result ? reading_known(h->failures) : reading_unknown("the first question is open"),
                   "%s%s%s", shown_url(target_of(h->config), target, sizeof(target)).ptr, said[0] ? ": " : "",
                   said);
    board_set_host(b, "");
}

void hosts_report(const struct hosts *h, struct board *b)
{
    for (size_t i = 0; h && i < h->count; i++)
        report(&h->entries[i], b);
}

const char *hosts_name_at(const struct hosts *h, const struct addr *a)
{
    for (size_t i = 0; h && i < h->count; i++)
        if (whereabouts_has(&h->entries[i].whereabouts, a))
            return h->entries[i].name;
    return "";
}

static void write_one(const struct host_entry *h, struct json *j)
{
    char target[4096];
    json_begin_object(j);
    json_put_text(j, "name", h->name);
    json_put_text(j, "kind", h->config->kind == HOST_KIND_EXPORTER ? "exporter" : "agent");
    json_key(j, "target");
    json_str(j, shown_url(target_of(h->config), target, sizeof(target)));
    json_key(j, "is_good");
    if (h->has_result)
        json_bool(j, h->is_good);
    else
        json_null(j);
    json_put_text(j, "reason", h->has_result ? h->reason : "the first question is open");
    json_put_text(j, "remark", remark_of(h));
    json_put_int(j, "failures", h->failures);
    json_put_double_if(j, "taken_ago_seconds", h->taken_ns != 0,
                       (double)(loop_now_ns(h->set->loop) - h->taken_ns) / 1e9);
    if (h->exporter) {
        json_put_text(j, "family", !h->taken_ns ? NULL : is_machine(h) ? "node_exporter" : "other");
        json_key(j, "numbers");
        numbers_write_json(h->numbers, is_stale(h, loop_now_ns(h->set->loop)) ? too_old : NULL, j);
    }
    json_end_object(j);
}

void hosts_write_json(const struct hosts *h, struct json *j)
{
    json_begin_array(j);
    for (size_t i = 0; h && i < h->count; i++)
        write_one(&h->entries[i], j);
    json_end_array(j);
}

static void write_numbers(const struct hosts *h, struct buf *out)
{
    static const char number[] = "weir_remote_host_number", left_out[] = "weir_remote_host_series_left_out";
    exposition_begin(out, number, "gauge", "A number that is declared of another machine's exporter.");
    for (size_t i = 0; h && i < h->count; i++)
        if (h->entries[i].numbers && !is_stale(&h->entries[i], loop_now_ns(h->loop)))
            numbers_write_rows(h->entries[i].numbers, number, h->entries[i].name, out);
    exposition_begin(out, left_out, "gauge",
                     "Series of another machine's latest answer that were more than max_series.");
    for (size_t i = 0; h && i < h->count; i++)
        if (h->entries[i].numbers)
            buf_printf(out, "%s{host=\"%s\"} %llu\n", left_out, h->entries[i].name,
                       (unsigned long long)numbers_left_out(h->entries[i].numbers));
}

void hosts_write_metrics(const struct hosts *h, struct buf *out)
{
    static const char up[] = "weir_remote_host_up", total[] = "weir_remote_host_questions_total";
    exposition_begin(out, up, "gauge",
                     "1: another machine told its numbers when it was asked last; 0: it did not.");
    for (size_t i = 0; h && i < h->count; i++)
        if (h->entries[i].has_result)
            buf_printf(out, "%s{host=\"%s\"} %d\n", up, h->entries[i].name, h->entries[i].is_good);
    exposition_begin(out, total, "counter",
                     "Times that another machine was asked for its numbers, by what came of it.");
    for (size_t i = 0; h && i < h->count; i++) {
        buf_printf(out, "%s{host=\"%s\",result=\"good\"} %llu\n", total, h->entries[i].name,
                   (unsigned long long)h->entries[i].good_total);
        buf_printf(out, "%s{host=\"%s\",result=\"failed\"} %llu\n", total, h->entries[i].name,
                   (unsigned long long)h->entries[i].failed_total);
    }
    write_numbers(h, out);
}
