/* history_levels.c: see history_levels.h. A block is found by its rowid, which its time and series make. */
#include "store/history_levels.h"

#include <stdio.h>

const struct history_level history_levels[HISTORY_LEVELS] = {
    {"1s", 1, HISTORY_BLOCK_S}, {"10s", 10, 300}, {"1m", 60, 3600}, {"1h", 3600, 86400}};

struct sql_statement *history_prepare(struct sql *s, const char *before, int level, const char *after)
{
    char text[256];
    snprintf(text, sizeof(text), "%s level_%s %s", before, history_levels[level].name, after);
    return sql_prepare(s, text);
}

int64_t history_oldest(struct sql *s, int level, int64_t from_s)
{
    const int64_t span_s = history_levels[level].span_s;
    struct sql_statement *t = history_prepare(s, "SELECT min(at) FROM", level, "WHERE at >= ?1");
    sql_bind_int(t, 1,
                 from_s == INT64_MIN ? INT64_MIN : history_key(history_floor(from_s, span_s), span_s, 0));
    bool is_there = sql_step(t) && !sql_is_null(t, 0);
    int64_t oldest = is_there ? (sql_int(t, 0) >> HISTORY_SERIES_BITS) * span_s : INT64_MAX;
    sql_finish(t);
    return oldest;
}

int64_t history_rolled(struct sql *s, int level)
{
    struct sql_statement *t = sql_prepare(s, "SELECT until FROM rolled WHERE level = ?1");
    sql_bind_int(t, 1, level);
    int64_t until = sql_step(t) ? sql_int(t, 0) : INT64_MIN;
    sql_finish(t);
    return until;
}

struct history_reader history_reader_open(struct sql *s, int level)
{
    return (struct history_reader){.level = &history_levels[level],
                                   .find = history_prepare(s, "SELECT points FROM", level, "WHERE at = ?1")};
}

void history_reader_close(struct history_reader *r)
{
    sql_finish(r->find);
}

void history_gather(struct history_reader *r, int64_t series, int64_t from_s, int64_t to_s, int64_t base_s,
                    int64_t step_s, struct point_sum *sums)
{
    const struct history_level *l = r->level;
    struct point points[HISTORY_SLOTS_MAX];
    for (int64_t start_s = history_floor(from_s, l->span_s); start_s < to_s; start_s += l->span_s) {
        sql_bind_int(r->find, 1, history_key(start_s, l->span_s, series));
        if (!sql_step(r->find))
            continue;
        (void)points_decode(sql_bytes(r->find, 0), points, (size_t)(l->span_s / l->step_s));
        sql_reset(r->find);
        for (int64_t i = 0, at_s = start_s; at_s < start_s + l->span_s; i++, at_s += l->step_s)
            if (at_s >= from_s && at_s < to_s)
                point_sum_add(&sums[(at_s - base_s) / step_s], &points[i]);
    }
}
