/*
 * history_read.c: the answers of history_file.h.
 *
 * An answer comes from one level, the coarsest whose points are not longer than those asked for: that one has
 * the fewest to read. What it has not been made of yet is read from the finer one below it. Where it does not
 * reach as far back as a coarser one does, the coarser one is taken: points are longer then than asked for,
 * and the answer says so.
 */
#include "base/json.h"
#include "base/mem.h"
#include "store/history_file_priv.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- which level ---- */

struct plan {
    int level;
    int64_t step_s, from_s, to_s; /* from and to: multiples of step */
    size_t point_count;
    int64_t parts[HISTORY_LEVELS + 1]; /* level i is read from parts[i + 1] to parts[i] */
};

/* How far back a level and those below it reach. */
static int64_t reach(const int64_t oldest[HISTORY_LEVELS], int level)
{
    int64_t least = INT64_MAX;
    for (int i = 0; i <= level; i++)
        least = MIN(least, oldest[i]);
    return least;
}

/* True: a coarser level knows of a time, in what is asked for, of which this one knows nothing. A coarser
 * level's first block begins up to its span before its first value. */
static bool is_too_short(const int64_t oldest[HISTORY_LEVELS], int level, int64_t from_s)
{
    for (int i = level + 1; i < HISTORY_LEVELS; i++)
        if (oldest[i] != INT64_MAX && reach(oldest, level) > MAX(from_s + history_levels[level].span_s,
                                                                 oldest[i] + history_levels[i].span_s))
            return true;
    return false;
}

static int choose_level(const int64_t oldest[HISTORY_LEVELS], int64_t step_s, int64_t from_s)
{
    int level = 0;
    while (level + 1 < HISTORY_LEVELS && history_levels[level + 1].step_s <= step_s)
        level++;
    while (level + 1 < HISTORY_LEVELS && is_too_short(oldest, level, from_s))
        level++;
    return level;
}

static int64_t ceil_to(int64_t s, int64_t step_s)
{
    return history_floor(s + step_s - 1, step_s);
}

static struct plan make_plan(struct sql *s, const struct history_question *q)
{
    struct plan p = {0};
    int64_t oldest[HISTORY_LEVELS], all_s = INT64_MAX;
    for (int i = 0; i < HISTORY_LEVELS; i++) {
        oldest[i] = history_oldest(s, i, INT64_MIN);
        all_s = MIN(all_s, oldest[i]);
    }
    int64_t wanted_s =
        q->step_s ? q->step_s : ceil_to(q->to_s - q->from_s, HISTORY_CHART_POINTS) / HISTORY_CHART_POINTS;
    wanted_s = MAX(wanted_s, MAX(q->step_least_s, 1));
    p.level = choose_level(oldest, wanted_s, q->from_s);
    p.step_s = ceil_to(wanted_s, history_levels[p.level].step_s);
    p.from_s = history_floor(q->from_s, p.step_s);
    p.to_s = ceil_to(q->to_s, p.step_s);
    p.point_count = (size_t)((p.to_s - p.from_s) / p.step_s);
    /* What is before all that is kept need not be looked for. */
    int64_t first_s = MIN(MAX(p.from_s, all_s), p.to_s);
    p.parts[p.level + 1] = first_s;
    for (int i = p.level; i > 0; i--)
        p.parts[i] = MIN(MAX(history_rolled(s, i), first_s), p.to_s);
    p.parts[0] = p.to_s;
    return p;
}

/* ---- writing ---- */

static void write_number(struct json *j, double value)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%.6g", value);
    json_raw(j, str_n(text, (size_t)len));
}

static void write_point(struct json *j, int64_t at_s, const struct point *p)
{
    json_begin_array(j);
    json_int(j, at_s);
    if (p->count) {
        write_number(j, p->min);
        write_number(j, p->mean);
        write_number(j, p->max);
    } else {
        json_null(j);
        json_null(j);
        json_null(j);
    }
    json_end_array(j);
}

static void write_series(struct json *j, const struct plan *p, struct history_reader *readers, int64_t series,
                         struct point_sum *sums)
{
    memset(sums, 0, p->point_count * sizeof(*sums));
    for (int i = p->level; i >= 0; i--)
        if (p->parts[i + 1] < p->parts[i])
            history_gather(&readers[i], series, p->parts[i + 1], p->parts[i], p->from_s, p->step_s, sums);
    json_key(j, "points");
    json_begin_array(j);
    for (size_t i = 0; i < p->point_count; i++) {
        struct point point = point_sum_get(&sums[i]);
        write_point(j, p->from_s + (int64_t)i * p->step_s, &point);
    }
    json_end_array(j);
}

static bool contains(struct str text, struct str part)
{
    return part.len == 0 || memmem(text.ptr, text.len, part.ptr, part.len) != NULL;
}

/* Quotes in a value are escaped, so a filter with its own is found nowhere else. */
static bool is_asked_for(const struct history_question *q, struct str labels)
{
    for (size_t i = 0; i < q->filter_count; i++)
        if (!contains(labels, q->filters[i]))
            return false;
    return true;
}

struct asking {
    const struct history_file *file;
    const struct history_question *question;
    struct buf *out;
};

static uint64_t write_all_series(struct sql *s, struct json *j, const struct history_question *q,
                                 const struct plan *p)
{
    const uint64_t series_max = MAX(HISTORY_ANSWER_POINTS_MAX / p->point_count, 1);
    uint64_t count = 0;
    struct history_reader readers[HISTORY_LEVELS];
    struct point_sum *sums = NEW_ARRAY(struct point_sum, p->point_count);
    for (int i = 0; i < HISTORY_LEVELS; i++)
        readers[i] = history_reader_open(s, i);
    struct sql_statement *rows =
        sql_prepare(s, "SELECT id, labels FROM series WHERE metric = ?1 ORDER BY labels");
    sql_bind_text(rows, 1, q->metric);
    while (sql_step(rows)) {
        if (!is_asked_for(q, sql_text(rows, 1)) || count++ >= series_max)
            continue;
        json_begin_object(j);
        json_key(j, "labels");
        json_raw(j, sql_text(rows, 1));
        write_series(j, p, readers, sql_int(rows, 0), sums);
        json_end_object(j);
    }
    sql_finish(rows);
    for (int i = 0; i < HISTORY_LEVELS; i++)
        history_reader_close(&readers[i]);
    free(sums);
    return count > series_max ? count - series_max : 0;
}

static void write_unit(struct sql *s, struct json *j, struct str metric)
{
    struct sql_statement *row = sql_prepare(s, "SELECT unit FROM series WHERE metric = ?1 LIMIT 1");
    sql_bind_text(row, 1, metric);
    json_key(j, "unit");
    if (sql_step(row))
        json_str(j, sql_text(row, 0));
    else
        json_null(j);
    sql_finish(row);
}

static void answer_metric(void *context, struct sql *s)
{
    const struct asking *a = context;
    const struct history_question *q = a->question;
    struct plan p = make_plan(s, q);
    struct json j;
    buf_clear(a->out);
    json_init(&j, a->out);
    json_begin_object(&j);
    json_put_str(&j, "metric", q->metric);
    write_unit(s, &j, q->metric);
    json_put_int(&j, "from", p.from_s);
    json_put_int(&j, "to", p.to_s);
    json_put_text(&j, "level", history_levels[p.level].name);
    json_put_int(&j, "step_seconds", p.step_s);
    json_key(&j, "series");
    json_begin_array(&j);
    uint64_t left_out = write_all_series(s, &j, q, &p);
    json_end_array(&j);
    json_put_int(&j, "series_left_out", (int64_t)left_out);
    json_end_object(&j);
}

/* ---- which series there are ---- */

static void write_levels(struct sql *s, struct json *j, const struct history_file *f)
{
    json_key(j, "levels");
    json_begin_array(j);
    for (int i = 0; i < HISTORY_LEVELS; i++) {
        int64_t oldest_s = history_oldest(s, i, INT64_MIN);
        json_begin_object(j);
        json_put_text(j, "level", history_levels[i].name);
        json_put_int(j, "step_seconds", history_levels[i].step_s);
        json_put_int(j, "keep_seconds", f->params.keep_s[i]);
        json_put_int_if(j, "oldest", oldest_s != INT64_MAX, oldest_s);
        json_end_object(j);
    }
    json_end_array(j);
}

static void answer_list(void *context, struct sql *s)
{
    const struct asking *a = context;
    uint64_t count = 0;
    struct json j;
    buf_clear(a->out);
    json_init(&j, a->out);
    json_begin_object(&j);
    write_levels(s, &j, a->file);
    json_put_int(&j, "bytes_max", (int64_t)a->file->params.bytes_max);
    json_key(&j, "series");
    json_begin_array(&j);
    struct sql_statement *rows =
        sql_prepare(s, "SELECT metric, unit, labels, last FROM series ORDER BY metric, labels");
    while (sql_step(rows)) {
        if (!is_asked_for(a->question, sql_text(rows, 2)) || count++ >= HISTORY_LISTED_MAX)
            continue;
        json_begin_object(&j);
        json_put_str(&j, "metric", sql_text(rows, 0));
        json_put_str(&j, "unit", sql_text(rows, 1));
        json_key(&j, "labels");
        json_raw(&j, sql_text(rows, 2));
        json_put_int(&j, "last", sql_int(rows, 3));
        json_end_object(&j);
    }
    sql_finish(rows);
    json_end_array(&j);
    json_put_int(&j, "series_left_out",
                 (int64_t)(count > HISTORY_LISTED_MAX ? count - HISTORY_LISTED_MAX : 0));
    json_end_object(&j);
}

struct sql_report history_file_ask(struct history_file *f, const struct history_question *q,
                                   struct buf *ret_json)
{
    struct asking a = {.file = f, .question = q, .out = ret_json};
    ASSERT(!q->metric.len || q->from_s < q->to_s);
    return sql_run(f->sql, false, q->metric.len ? answer_metric : answer_list, &a);
}
