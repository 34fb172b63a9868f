/*
 * Between watch, whose readings are recorded, the history, which keeps them, and those who ask for them.
 *
 * Each tick's board is put as it is: a reading that is unknown leaves a gap. A series is named to the history
 * once; its labels are a JSON object in the order of the catalogue, with the machine first where it is
 * another than this one.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "control/control_priv.h"
#include "stats/exposition.h"
#include "store/history.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FREE_WAIT_NS (2 * NS_PER_S) /* for what is not written yet, when Weir ends */
#define FILE_NAME    STR("weir-history.db")

struct recording {
    struct control *control;
    struct history *history;
};

/* ---- what is recorded ---- */

static void put_labels(struct buf *out, const struct series *s)
{
    const enum subject_kind kind = metric_infos[s->metric].subject;
    struct json j;
    json_init(&j, out);
    json_begin_object(&j);
    if (s->subject.host[0])
        json_put_text(&j, "instance", s->subject.host);
    for (size_t i = 0; i < SUBJECT_NAMES_MAX; i++)
        if (subject_label(kind, i)[0])
            json_put_text(&j, subject_label(kind, i), s->subject.names[i]);
    json_end_object(&j);
}

static void record(struct history *h, const struct series *s)
{
    struct buf labels CLEANUP(buf_fini) = {0};
    if (!s->reading.is_known || history_put(h, s->id, s->reading.value))
        return;
    put_labels(&labels, s);
    const struct metric_info *info = &metric_infos[s->metric];
    history_name(h, s->id,
                 &(struct history_name){.metric = str_of(info->name),
                                        .unit = str_of(metric_unit_name(info->unit)),
                                        .labels = buf_str(&labels)});
    (void)history_put(h, s->id, s->reading.value);
}

void recording_tick(struct control *c)
{
    const struct board *b = watch_board(c->watch);
    if (!c->recording)
        return;
    history_begin(c->recording->history, board_wall_ns(b) / NS_PER_S);
    for (size_t i = 0; i < board_count(b); i++)
        record(c->recording->history, board_at(b, i));
}

void recording_report(const struct control *c, struct board *board)
{
    if (c->recording)
        board_put(board, METRIC_HISTORY_FAILING, &(struct subject){0},
                  reading_known(history_numbers(c->recording->history).is_failing));
}

/* ---- what is asked ---- */

static bool has_label(enum metric metric, const char *name)
{
    if (strcmp(name, "instance") == 0)
        return true;
    for (size_t i = 0; i < SUBJECT_NAMES_MAX; i++)
        if (strcmp(subject_label(metric_infos[metric].subject, i), name) == 0)
            return true;
    return false;
}

static bool check_metric(const struct history_query *q, struct err *err)
{
    const enum metric metric = metric_find(str_of(q->metric));
    const char *near = metric_suggest(str_of(q->metric));
    if (metric == METRIC_COUNT)
        return err_set(err, "there is no metric '%s'%s%s%s", q->metric, near ? "; did you mean '" : "",
                       near ? near : "", near ? "'?" : "");
    for (size_t i = 0; i < q->label_count; i++)
        if (!has_label(metric, q->labels[i].name))
            return err_set(err, "the metric '%s' has no label '%s'", q->metric, q->labels[i].name);
    return true;
}

/* As it stands in the labels of a series: an object without its braces. */
static struct str filter_of(const struct history_query_label *label, struct buf *text)
{
    struct json j;
    json_init(&j, text);
    json_begin_object(&j);
    json_put_text(&j, label->name, label->value);
    json_end_object(&j);
    return str_n(text->ptr + 1, text->len - 2);
}

static void on_answer(void *context, uint64_t ticket, const struct history_answer *answer)
{
    struct control *c = context;
    struct buf error CLEANUP(buf_fini) = {0};
    struct json j;
    if (answer->is_good) {
        admin_answer_later(c->admin, ticket, 200, answer->json);
        return;
    }
    json_init(&j, &error);
    json_begin_object(&j);
    json_put_text(&j, "error", answer->why);
    json_end_object(&j);
    admin_answer_later(c->admin, ticket, 503, buf_str(&error));
}

bool recording_ask(struct control *c, const struct history_query *query, uint64_t ticket, int *ret_status,
                   struct err *err)
{
    struct buf texts[HISTORY_QUERY_LABELS_MAX] = {0};
    struct history_question q = {.metric = str_of(query->metric),
                                 .filter_count = query->label_count,
                                 .from_s = query->from_s,
                                 .to_s = query->to_s,
                                 .step_s = query->step_s,
                                 .step_least_s = (c->config->watch.interval_ns + NS_PER_S - 1) / NS_PER_S};
    static_assert((int)HISTORY_QUERY_LABELS_MAX <= (int)HISTORY_FILTERS_MAX, "each label is a filter");
    static_assert((int)HISTORY_QUERY_POINTS_MAX <= (int)HISTORY_POINTS_MAX, "what may be asked is answered");
    *ret_status = 404;
    if (!c->recording)
        return err_set(err,
                       "no history is kept (`history: off`, `state: off`, or its folder cannot be made)");
    *ret_status = 400;
    if (query->metric[0] && !check_metric(query, err))
        return false;
    for (size_t i = 0; i < query->label_count; i++)
        q.filters[i] = filter_of(&query->labels[i], &texts[i]);
    *ret_status = 503;
    bool is_asked = history_ask(c->recording->history, &q, on_answer, c, ticket);
    for (size_t i = 0; i < query->label_count; i++)
        buf_fini(&texts[i]);
    return is_asked || err_set(err, "too much is asked of the history already");
}

/* ---- beginning and end ---- */

static void on_told(void *context, enum history_told told, const char *text)
{
    struct recording *r = context;
    control_note(r->control, &(struct event_note){.kind = history_told_name(told),
                                                  .level = told == HISTORY_TOLD_RECOVERED ? LOG_LEVEL_INFO
                                                                                          : LOG_LEVEL_WARN,
                                                  .text = text});
}

/* Beside the file of what was learned. */
static void put_path(struct buf *out, const char *state_path)
{
    const char *slash = strrchr(state_path, '/');
    if (slash)
        buf_put(out, str_n(state_path, (size_t)(slash + 1 - state_path)));
    buf_put(out, FILE_NAME);
}

void recording_start(struct control *c)
{
    const struct config_history *config = &c->config->history;
    struct buf path CLEANUP(buf_fini) = {0};
    if (!config->is_enabled || !c->params->state_path)
        return;
    put_path(&path, c->params->state_path);
    struct recording *r = NEW(struct recording);
    struct history_params params = {
        .loop = c->loop,
        .file = {.path = path.ptr,
                 .bytes_max = config->bytes_max,
                 .keep_s = {config->keep.second_ns / NS_PER_S, config->keep.ten_seconds_ns / NS_PER_S,
                            config->keep.minute_ns / NS_PER_S, config->keep.hour_ns / NS_PER_S}},
        .context = r,
        .on_told = on_told};
    r->control = c;
    r->history = history_new(&params);
    if (!r->history) {
        log_warn("no history is kept: %s", strerror(errno));
        free(r);
        return;
    }
    c->recording = r;
}

void recording_stop(struct control *c)
{
    struct recording *r = c->recording;
    if (!r)
        return;
    c->recording = NULL;
    history_free(r->history, FREE_WAIT_NS);
    free(r);
}

void recording_write_metrics(const struct control *c, struct buf *out)
{
    if (!c->recording)
        return;
    struct history_numbers n = history_numbers(c->recording->history);
    exposition_put_one(out, "weir_history_up", "gauge", "1 while the history can be kept.", !n.is_failing);
    exposition_put_one(out, "weir_history_bytes", "gauge", "Size of the history's file.", (double)n.bytes);
    exposition_put_one(out, "weir_history_series", "gauge", "Series that are recorded now.",
                       (double)n.series);
    exposition_put_one(out, "weir_history_writes_total", "counter",
                       "Batches of the history that were written.", (double)n.writes_total);
    exposition_put_one(out, "weir_history_errors_total", "counter",
                       "Reads and writes of the history that failed.", (double)n.errors_total);
    exposition_put_one(out, "weir_history_lost_values_total", "counter",
                       "Values that were never written: the disk or the clock failed for too long.",
                       (double)n.lost_total);
    exposition_put_one(out, "weir_history_shortened_total", "counter",
                       "Times that the oldest points went before their time, for history.max_size.",
                       (double)n.shortened_total);
    exposition_put_one(out, "weir_history_left_out_total", "counter",
                       "Series that were not recorded because there are too many.", (double)n.left_out_total);
}
