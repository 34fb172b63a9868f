/*
 * history_file.c: see history_file.h. Here what writes; history_read.c answers.
 *
 * A row holds the points of one series in one block of time (points.h), and its rowid is block * 2^24 +
 * series. So a batch is written to the end of its table, which costs SQLite a few full pages and not one a
 * series; what is too old is at its beginning; and what is asked of a series is found block by block.
 *
 *   level   points of   a block     is made of
 *   1s      1 s         10 s        what is written
 *   10s     10 s        5 min       1s
 *   1m      1 min       1 h         10s
 *   1h      1 h         1 day       1m
 *
 * `rolled` says up to when a level has been made. What is finer and not older than that is never dropped, and
 * an answer takes from it what its level does not have yet. Weights make means of means right: every point
 * knows how many values it stands for.
 *
 * Rejected: a row a value (40 bytes instead of 2 to 6); making the coarser points in memory (a crash would
 * lose up to a day of them, or they would be written ten times); one file a level (no transaction over them).
 */
#include "store/history_file.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/history_file_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>

enum {
    ROLL_BLOCKS_MAX = 12,     /* of a level with one batch: catches up bit by bit */
    DROP_ROWS_MAX = 20000,    /* for their age, of a level with one batch */
    SERIES_GO_AT_ONCE = 1024, /* when there are too many */
    TIGHT_PERCENT = 95,       /* of the file's pages: from here the oldest go */
    PAGES_BACK_MAX = 1000,    /* given back to the disk with one batch */
    SHARE_DROPPED = 10,       /* a tenth of the level's time */
    LAST_S = 3600,            /* how exactly a series' last value is noted */
    RESERVE_SHARE = 50,       /* of the disk are left to others... */
};
#define RESERVE_BYTES_MAX (UINT64_C(16) << 20) /* ...at most so much */
#define LOG_SHARE         8                    /* of bytes_max the log may have */

static const char *const upgrades[] = {
    "CREATE TABLE series (id INTEGER PRIMARY KEY AUTOINCREMENT, metric TEXT NOT NULL, unit TEXT NOT NULL,"
    " labels TEXT NOT NULL, last INTEGER NOT NULL, UNIQUE (metric, labels)) STRICT;"
    "CREATE TABLE rolled (level INTEGER PRIMARY KEY, until INTEGER NOT NULL) STRICT;"
    "CREATE TABLE level_1s (at INTEGER PRIMARY KEY, points BLOB NOT NULL) STRICT;"
    "CREATE TABLE level_10s (at INTEGER PRIMARY KEY, points BLOB NOT NULL) STRICT;"
    "CREATE TABLE level_1m (at INTEGER PRIMARY KEY, points BLOB NOT NULL) STRICT;"
    "CREATE TABLE level_1h (at INTEGER PRIMARY KEY, points BLOB NOT NULL) STRICT",
};

/* ---- what there is ---- */

static void set_rolled(struct sql *s, int level, int64_t until_s)
{
    struct sql_statement *t = sql_prepare(s, "INSERT OR REPLACE INTO rolled (level, until) VALUES (?1, ?2)");
    sql_bind_int(t, 1, level);
    sql_bind_int(t, 2, until_s);
    (void)sql_step(t);
    sql_finish(t);
}

static int64_t newest_block(struct sql *s)
{
    struct sql_statement *t = history_prepare(s, "SELECT max(at) FROM", 0, "");
    bool is_there = sql_step(t) && !sql_is_null(t, 0);
    int64_t newest = is_there ? (sql_int(t, 0) >> HISTORY_SERIES_BITS) * HISTORY_BLOCK_S : INT64_MIN;
    sql_finish(t);
    return MAX(newest, history_rolled(s, 1));
}

/* Rows of blocks that begin before it; at most DROP_ROWS_MAX of them. */
static void drop_before(struct sql *s, int level, int64_t start_s)
{
    char text[256];
    snprintf(text, sizeof(text),
             "DELETE FROM level_%s WHERE at IN (SELECT at FROM level_%s WHERE at < ?1 ORDER BY at LIMIT %d)",
             history_levels[level].name, history_levels[level].name, DROP_ROWS_MAX);
    struct sql_statement *t = sql_prepare(s, text);
    sql_bind_int(t, 1, history_key(start_s, history_levels[level].span_s, 0));
    (void)sql_step(t);
    sql_finish(t);
}

/* ---- the clock ---- */

static void cut_future(struct sql *s, int64_t start_s)
{
    for (int level = 0; level < HISTORY_LEVELS; level++) {
        const int64_t span_s = history_levels[level].span_s, first_s = history_floor(start_s, span_s);
        struct sql_statement *t = history_prepare(s, "DELETE FROM", level, "WHERE at >= ?1");
        sql_bind_int(t, 1, history_key(first_s, span_s, 0));
        (void)sql_step(t);
        sql_finish(t);
        if (level > 0 && history_rolled(s, level) > first_s)
            set_rolled(s, level, first_s);
    }
    struct sql_statement *t = sql_prepare(s, "UPDATE series SET last = ?1 WHERE last > ?1");
    sql_bind_int(t, 1, start_s);
    (void)sql_step(t);
    sql_finish(t);
}

/* False: what comes now is not to be recorded. */
static bool clock_is_believed(struct history_file *f, struct sql *s, int64_t start_s, int64_t now_ns,
                              struct history_put *put)
{
    int64_t newest_s = newest_block(s);
    if (newest_s == INT64_MIN || start_s >= newest_s) {
        f->behind_since_ns = 0;
        if (newest_s != INT64_MIN && start_s - newest_s > HISTORY_CLOCK_WAIT_S)
            f->drop_after_ns = now_ns + HISTORY_CLOCK_WAIT_S * NS_PER_S;
        return true;
    }
    if (!f->behind_since_ns)
        f->behind_since_ns = now_ns;
    put->behind_s = newest_s - start_s;
    put->is_cut = now_ns - f->behind_since_ns >= HISTORY_CLOCK_WAIT_S * NS_PER_S;
    put->is_behind = !put->is_cut;
    if (put->is_cut)
        cut_future(s, start_s);
    return put->is_cut;
}

/* ---- what is written ---- */

struct writer {
    struct sql *sql;
    struct sql_statement *find_series, *add_series, *note_last, *insert, *find, *replace;
    int64_t start_s;
    uint32_t left_out;
    struct buf bytes;
};

static void writer_open(struct writer *w, struct sql *s, int64_t start_s)
{
    *w = (struct writer){
        .sql = s,
        .start_s = start_s,
        .find_series = sql_prepare(s, "SELECT id, last FROM series WHERE metric = ?1 AND labels = ?2"),
        .add_series =
            sql_prepare(s, "INSERT INTO series (metric, unit, labels, last) VALUES (?1, ?2, ?3, ?4)"),
        .note_last = sql_prepare(s, "UPDATE series SET last = ?2 WHERE id = ?1"),
        .insert = history_prepare(s, "INSERT INTO", 0, "(at, points) VALUES (?1, ?2)"),
        .find = history_prepare(s, "SELECT points FROM", 0, "WHERE at = ?1"),
        .replace = history_prepare(s, "UPDATE", 0, "SET points = ?2 WHERE at = ?1")};
}

static void writer_close(struct writer *w)
{
    sql_finish(w->find_series);
    sql_finish(w->add_series);
    sql_finish(w->note_last);
    sql_finish(w->insert);
    sql_finish(w->find);
    sql_finish(w->replace);
    buf_fini(&w->bytes);
}

/* Those that had no value for longest go; their points are found by nobody and grow old. */
static bool has_place_for_series(struct writer *w)
{
    char text[192];
    if (sql_number(w->sql, "SELECT count(*) FROM series", 0) < HISTORY_SERIES_MAX)
        return true;
    snprintf(
        text, sizeof(text),
        "DELETE FROM series WHERE id IN (SELECT id FROM series WHERE last < %lld ORDER BY last LIMIT %d)",
        (long long)(w->start_s - 2 * LAST_S), SERIES_GO_AT_ONCE);
    sql_execute(w->sql, text);
    return sql_changes(w->sql) > 0;
}

/* 0: there is no place for it. */
static int64_t add_series(struct writer *w, const struct history_row *row)
{
    if (!has_place_for_series(w))
        return 0;
    sql_bind_text(w->add_series, 1, row->metric);
    sql_bind_text(w->add_series, 2, row->unit);
    sql_bind_text(w->add_series, 3, row->labels);
    sql_bind_int(w->add_series, 4, w->start_s);
    (void)sql_step(w->add_series);
    int64_t id = sql_number(w->sql, "SELECT last_insert_rowid()", 0);
    return id < INT64_C(1) << HISTORY_SERIES_BITS ? id : 0;
}

static int64_t series_of(struct writer *w, const struct history_row *row)
{
    sql_bind_text(w->find_series, 1, row->metric);
    sql_bind_text(w->find_series, 2, row->labels);
    if (!sql_step(w->find_series))
        return sql_is_good(w->sql) ? add_series(w, row) : 0;
    int64_t id = sql_int(w->find_series, 0), last_s = sql_int(w->find_series, 1);
    sql_reset(w->find_series);
    if (w->start_s - last_s >= LAST_S) {
        sql_bind_int(w->note_last, 1, id);
        sql_bind_int(w->note_last, 2, w->start_s);
        (void)sql_step(w->note_last);
    }
    return id;
}

/* The block was begun before: by this worker, or by the one before it. */
static void fill_up(struct writer *w, int64_t at, const struct history_row *row)
{
    struct point points[HISTORY_BLOCK_S];
    sql_bind_int(w->find, 1, at);
    if (!sql_step(w->find))
        return;
    (void)points_decode(sql_bytes(w->find, 0), points, HISTORY_BLOCK_S);
    sql_reset(w->find);
    for (size_t i = 0; i < HISTORY_BLOCK_S; i++)
        if (row->points[i].count)
            points[i] = row->points[i];
    buf_clear(&w->bytes);
    points_encode(points, HISTORY_BLOCK_S, &w->bytes);
    sql_bind_int(w->replace, 1, at);
    sql_bind_bytes(w->replace, 2, buf_str(&w->bytes));
    (void)sql_step(w->replace);
}

static void write_row(struct writer *w, const struct history_row *row)
{
    buf_clear(&w->bytes);
    points_encode(row->points, HISTORY_BLOCK_S, &w->bytes);
    if (!w->bytes.len)
        return;
    int64_t series = series_of(w, row), at = history_key(w->start_s, HISTORY_BLOCK_S, series);
    if (!series) {
        w->left_out++;
        return;
    }
    sql_bind_int(w->insert, 1, at);
    sql_bind_bytes(w->insert, 2, buf_str(&w->bytes));
    if (!sql_insert(w->insert))
        fill_up(w, at, row);
}

/* ---- coarser levels ---- */

static void roll_block(struct sql *s, int level, int64_t start_s)
{
    const struct history_level *l = &history_levels[level];
    const size_t slots = (size_t)(l->span_s / l->step_s);
    struct buf bytes CLEANUP(buf_fini) = {0};
    struct history_reader finer = history_reader_open(s, level - 1);
    struct sql_statement *series = sql_prepare(s, "SELECT id FROM series WHERE last >= ?1"),
                         *put = history_prepare(s, "INSERT OR REPLACE INTO", level,
                                                "(at, points) VALUES (?1, ?2)");
    sql_bind_int(series, 1, start_s - LAST_S);
    while (sql_step(series)) {
        struct point_sum sums[HISTORY_SLOTS_MAX] = {0};
        struct point points[HISTORY_SLOTS_MAX];
        history_gather(&finer, sql_int(series, 0), start_s, start_s + l->span_s, start_s, l->step_s, sums);
        for (size_t i = 0; i < slots; i++)
            points[i] = point_sum_get(&sums[i]);
        buf_clear(&bytes);
        points_encode(points, slots, &bytes);
        if (!bytes.len)
            continue;
        sql_bind_int(put, 1, history_key(start_s, l->span_s, sql_int(series, 0)));
        sql_bind_bytes(put, 2, buf_str(&bytes));
        (void)sql_step(put);
    }
    sql_finish(series);
    sql_finish(put);
    history_reader_close(&finer);
}

/* until_s: the finer level is complete up to there. */
static void roll_up(struct sql *s, int level, int64_t until_s)
{
    const int64_t span_s = history_levels[level].span_s;
    int64_t rolled_s = history_rolled(s, level);
    for (int i = 0; i < ROLL_BLOCKS_MAX && sql_is_good(s); i++) {
        int64_t next_s = history_oldest(s, level - 1, rolled_s);
        if (next_s == INT64_MAX || history_floor(next_s, span_s) + span_s > until_s)
            return;
        roll_block(s, level, history_floor(next_s, span_s));
        rolled_s = history_floor(next_s, span_s) + span_s;
        set_rolled(s, level, rolled_s);
    }
}

/* ---- what goes ---- */

/* Up to where a level may lose its points: what the next one has not taken yet stays. */
static int64_t can_spare_until(struct sql *s, int level)
{
    return level + 1 < HISTORY_LEVELS ? history_rolled(s, level + 1) : INT64_MAX;
}

static void drop_old(struct history_file *f, struct sql *s, int64_t start_s)
{
    for (int level = 0; level < HISTORY_LEVELS; level++) {
        const int64_t span_s = history_levels[level].span_s, spare_s = can_spare_until(s, level);
        if (spare_s != INT64_MIN)
            drop_before(s, level, history_floor(MIN(start_s - f->params.keep_s[level], spare_s), span_s));
    }
    if (start_s % LAST_S == 0) {
        char text[96];
        snprintf(text, sizeof(text), "DELETE FROM series WHERE last < %lld",
                 (long long)(start_s - f->params.keep_s[HISTORY_LEVELS - 1] - LAST_S));
        sql_execute(s, text);
    }
}

/* A tenth of the time that the finest level has; where that has nothing to spare, of the next. */
static bool shorten(void *context, struct sql *s)
{
    struct history_file *f = context;
    for (int level = 0; level < HISTORY_LEVELS; level++) {
        const struct history_level *l = &history_levels[level];
        int64_t oldest_s = history_oldest(s, level, INT64_MIN), spare_s = can_spare_until(s, level);
        if (level + 1 == HISTORY_LEVELS)
            spare_s = history_rolled(s, level);
        if (oldest_s == INT64_MAX || spare_s == INT64_MIN || oldest_s >= history_floor(spare_s, l->span_s))
            continue;
        int64_t blocks = (history_floor(spare_s, l->span_s) - oldest_s) / l->span_s;
        drop_before(s, level, oldest_s + MAX(blocks / SHARE_DROPPED, 1) * l->span_s);
        f->shortened = l->name;
        return sql_is_good(s);
    }
    return false;
}

static void shorten_when_tight(struct history_file *f, struct sql *s)
{
    struct sql_pages pages = sql_count_pages(s);
    if (pages.used > pages.max / 100 * TIGHT_PERCENT)
        (void)shorten(f, s);
    if (pages.all > pages.max) /* it may be less than it was when they were written */
        sql_shrink(s, PAGES_BACK_MAX);
}

/* ---- one batch ---- */

struct putting {
    struct history_file *file;
    const struct history_batch *batch;
    int64_t now_ns;
    struct history_put put;
};

static void put_batch(void *context, struct sql *s)
{
    struct putting *p = context;
    const struct history_batch *b = p->batch;
    struct writer w;
    p->put = (struct history_put){0};
    if (!clock_is_believed(p->file, s, b->start_s, p->now_ns, &p->put))
        return;
    writer_open(&w, s, b->start_s);
    for (size_t i = 0; i < b->count; i++)
        write_row(&w, &b->rows[i]);
    p->put.left_out = w.left_out;
    writer_close(&w);
    roll_up(s, 1, b->start_s);
    for (int level = 2; level < HISTORY_LEVELS; level++)
        roll_up(s, level, history_rolled(s, level - 1));
    if (p->now_ns >= p->file->drop_after_ns)
        drop_old(p->file, s, b->start_s);
    shorten_when_tight(p->file, s);
}

/* The file shares its disk with what was learned: the last bytes are not the history's. */
static bool leaves_room_on_disk(const struct history_file *f, struct sql_report *r)
{
    char folder[4096];
    struct statvfs disk;
    str_copy(folder, sizeof(folder), str_of(f->params.path));
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    if (statvfs(slash ? (folder[0] ? folder : "/") : ".", &disk) != 0)
        return true; /* SQLite will say what it is */
    uint64_t all = (uint64_t)disk.f_blocks * disk.f_frsize, free = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (free >= MIN(RESERVE_BYTES_MAX, all / RESERVE_SHARE))
        return true;
    *r = (struct sql_report){.result = SQL_FAILED};
    snprintf(r->why, sizeof(r->why), "the disk is full but for %llu KiB, which are left to others",
             (unsigned long long)free >> 10);
    return false;
}

struct sql_report history_file_put(struct history_file *f, const struct history_batch *batch, int64_t now_ns,
                                   struct history_put *ret_put)
{
    struct putting p = {.file = f, .batch = batch, .now_ns = now_ns};
    struct sql_report r;
    ASSERT(batch->start_s % HISTORY_BLOCK_S == 0);
    if (leaves_room_on_disk(f, &r))
        r = sql_run(f->sql, true, put_batch, &p);
    *ret_put = p.put;
    ret_put->is_shortened = f->shortened != NULL;
    ret_put->shortened = f->shortened;
    f->shortened = NULL;
    return r;
}

/* ---- making and freeing ---- */

struct history_file *history_file_new(const struct history_file_params *params)
{
    struct history_file *f = NEW(struct history_file);
    f->params = *params;
    f->params.path = mem_strdup(params->path);
    struct sql_params sql = {.path = params->path,
                             .bytes_max = params->bytes_max - params->bytes_max / LOG_SHARE,
                             .log_bytes_max = params->bytes_max / LOG_SHARE,
                             .can_shrink = true,
                             .upgrades = upgrades,
                             .upgrade_count = ARRAY_LEN(upgrades),
                             .make_room = shorten,
                             .context = f};
    f->sql = sql_new(&sql);
    return f;
}

struct sql_report history_file_open(struct history_file *f, int64_t wait_ns)
{
    return sql_open(f->sql, wait_ns);
}

void history_file_close(struct history_file *f)
{
    sql_close(f->sql);
}

void history_file_free(struct history_file *f)
{
    if (!f)
        return;
    sql_free(f->sql);
    free((char *)f->params.path);
    free(f);
}
