/*
 * history_levels.h: the tables of the history's levels (history_file.c says what is in them), and reading
 * them. For those who write and those who answer. Blocks; belongs to one thread at a time.
 */
#pragma once
#include "store/points.h"
#include "store/sql.h"

enum {
    HISTORY_LEVELS = 4,
    HISTORY_BLOCK_S = 10,   /* what is written at once: a multiple of it to the next */
    HISTORY_SLOTS_MAX = 60, /* points of a block */
    HISTORY_SERIES_BITS = 24,
};

struct history_level {
    const char *name; /* "1s" */
    int64_t step_s;   /* of a point */
    int64_t span_s;   /* of a block: a row of the file, as many points of one series */
};
extern const struct history_level history_levels[HISTORY_LEVELS];

/* Down to a multiple of span, before 1970 as well. */
static inline int64_t history_floor(int64_t s, int64_t span_s)
{
    return (s >= 0 ? s / span_s : -((-s + span_s - 1) / span_s)) * span_s;
}

/* A block's row: in the order of time, then of series. */
static inline int64_t history_key(int64_t start_s, int64_t span_s, int64_t series)
{
    return start_s / span_s * (INT64_C(1) << HISTORY_SERIES_BITS) + series;
}

/* A statement on a level's table, whose name stands between the two texts. */
struct sql_statement *history_prepare(struct sql *s, const char *before, int level, const char *after);
/* The start of the level's first block at or after from_s; INT64_MAX: there is none. */
int64_t history_oldest(struct sql *s, int level, int64_t from_s);
/* What is before it has been made of the finer level; INT64_MIN: nothing has. */
int64_t history_rolled(struct sql *s, int level);

/* Reads blocks of one level by series. */
struct history_reader {
    const struct history_level *level;
    struct sql_statement *find; /* NULL after an error, as sql.h has it */
};
struct history_reader history_reader_open(struct sql *s, int level);
void history_reader_close(struct history_reader *r);
/* Adds the level's points of from_s..to_s (multiples of the level's step) to sums, one a step_s, the first at
 * base_s. */
void history_gather(struct history_reader *r, int64_t series, int64_t from_s, int64_t to_s, int64_t base_s,
                    int64_t step_s, struct point_sum *sums);
