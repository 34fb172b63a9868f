/*
 * history_file.h: the file of the history: what every series came to, second by second for an hour, and
 * coarser the older it is. A file of its own (sql.h): it is large and can be spared, what was learned is
 * small and precious, and neither a full nor a damaged history shall cost that.
 *
 * Everything here blocks and belongs to one thread at a time.
 *
 * Four levels: points of 1 s, 10 s, 1 min and 1 h, each kept for a time of its own. Writing brings the
 * finest; the coarser ones are made of it, in the same transaction, as soon as a block's time is over. So all
 * that a crash can lose is what had not been written yet.
 *
 * The clock of the wall may be wrong. When it is behind what is recorded, nothing is recorded until it has
 * caught up, for an hour at most: then it is believed, and what was recorded of the future is dropped. When
 * it has jumped ahead by more than an hour, nothing is dropped for its age in the next hour.
 */
#pragma once
#include "base/buf.h"
#include "store/history_levels.h"

enum {
    HISTORY_SERIES_MAX = 65536, /* in the file; more: those longest without a value go */
    HISTORY_FILTERS_MAX = 8,
    HISTORY_CHART_POINTS = 500,         /* of a series, when no step is asked for */
    HISTORY_POINTS_MAX = 5000,          /* of a series */
    HISTORY_ANSWER_POINTS_MAX = 100000, /* of all series together; more series are left out */
    HISTORY_LISTED_MAX = 10000,         /* series in a list */
    HISTORY_CLOCK_WAIT_S = 3600,        /* for a clock that is behind or ahead */
};

struct history_file;

struct history_file_params {
    const char *path; /* copied; its folder must exist */
    uint64_t bytes_max;
    int64_t keep_s[HISTORY_LEVELS]; /* at least two blocks of the next level each; a coarser one not less */
};

/* Opens nothing yet. */
struct history_file *history_file_new(const struct history_file_params *params);
void history_file_free(struct history_file *f); /* NULL is fine */
void history_file_close(struct history_file *f);
struct sql_report history_file_open(struct history_file *f, int64_t wait_ns);

/* labels: a JSON object without blanks, the same for the same series. */
struct history_row {
    struct str metric, unit, labels;
    struct point points[HISTORY_BLOCK_S]; /* of 1 s */
};

struct history_batch {
    int64_t start_s; /* since 1970, UTC; a multiple of HISTORY_BLOCK_S */
    size_t count;
    const struct history_row *rows;
};

struct history_put {
    bool is_behind;        /* the clock is behind what is recorded: nothing was written */
    int64_t behind_s;      /* by so much */
    bool is_cut;           /* it has been for too long: what was recorded of the future was dropped */
    bool is_shortened;     /* the file is full: the oldest points of a level were dropped */
    const char *shortened; /* that level's name */
    uint32_t left_out;     /* series for which there was no place */
};

/* A block that is there already is filled up with what is known now. */
struct sql_report history_file_put(struct history_file *f, const struct history_batch *batch, int64_t now_ns,
                                   struct history_put *ret_put);

struct history_question {
    struct str metric; /* "": which series there are */
    size_t filter_count;
    struct str filters[HISTORY_FILTERS_MAX]; /* of labels, each as in JSON: "path":"/" with its quotes */
    int64_t from_s, to_s;                    /* from < to */
    int64_t step_s;                          /* of the answer's points, at least; 0: what suits a chart */
    int64_t step_least_s;                    /* values do not come more often */
};

/*
 * Writes one JSON object. A metric: {"metric", "unit", "from", "to", "level", "step_seconds", "series":
 * [{"labels", "points": [[t, min, mean, max], …]}], "series_left_out"}, with nulls where nothing is known.
 * None: {"levels", "bytes_max", "series": [{"metric", "unit", "labels", "last"}], "series_left_out"}.
 */
struct sql_report history_file_ask(struct history_file *f, const struct history_question *q,
                                   struct buf *ret_json);
