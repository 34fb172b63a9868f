/*
 * database.c: see database.h.
 *
 * Every operation goes the same way (run): make the file ready, do the work in one transaction, and where
 * that fails remove the cause once: a damaged file is renamed, a full one loses its oldest minutes. What is
 * left is told in the report. An error that may be the file's or the disk's closes the connection, so that
 * the next operation opens it afresh: a disk that was mounted read-only, or a folder that was moved, heals by
 * itself.
 *
 * - WAL: a crash at any moment leaves a whole file, commits need no fsync (synchronous=NORMAL: a power
 * failure may lose the last of them), and people may read the file with any tool while Weir writes it.
 * - One Weir a file: an flock on FILE.lock. SQLite's own exclusive mode would shut out readers too. The
 * kernel takes the lock from whoever dies.
 * - user_version counts the steps of `upgrades`; a file with more of them is a later Weir's and left alone.
 * - Size: max_page_count; the WAL is cut at each checkpoint, and while a reader hinders that for too long
 *   nothing is written.
 *
 * Rejected: one row for all documents (rewrites what has not changed); one blob for a day of minutes (no
 * smaller than the rows without rowid, and not readable with sqlite3).
 */
#include "store/database.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ATTEMPTS_MAX = 3, /* the first, after a damaged file, after a full one */
    BUSY_MS = 1000,   /* somebody writes to the file with a tool */
    PAGE_BYTES = 4096,
    LOCK_LOOK_MS = 20,
    FULL_PERCENT = 90, /* a file nearer to its maximum than this is full itself, and not the disk */
};
#define WAL_BYTES_MAX (UINT64_C(64) << 20)

struct database {
    char *path, *lock_path, *wal_path;
    uint64_t bytes_max;
    int64_t keep_minutes;
    int lock_fd; /* -1: not held */
    int64_t lock_wait_ns;
    sqlite3 *sqlite;     /* NULL: not open */
    int64_t pruned_hour; /* when minutes were dropped last */
    char anew[512];      /* why a new file is to be begun; "": none, or told */
};

/* Each brings the file from the version of its index to the next. */
static const char *const upgrades[] = {
    "CREATE TABLE learned (service TEXT PRIMARY KEY, saved_at INTEGER NOT NULL, document TEXT NOT NULL) "
    "STRICT",
    "CREATE TABLE series (id INTEGER PRIMARY KEY, service TEXT NOT NULL, name TEXT NOT NULL,"
    " UNIQUE (service, name)) STRICT;"
    "CREATE TABLE minute (series INTEGER NOT NULL, minute INTEGER NOT NULL, value REAL NOT NULL,"
    " PRIMARY KEY (series, minute)) STRICT, WITHOUT ROWID",
};

/* ---- the connection ---- */

static char *with_suffix(const char *path, const char *suffix)
{
    size_t bytes = strlen(path) + strlen(suffix) + 1;
    char *joined = mem_alloc(bytes);
    snprintf(joined, bytes, "%s%s", path, suffix);
    return joined;
}

static void note(struct database_report *r, const char *what, const char *detail)
{
    snprintf(r->why, sizeof(r->why), "%s%s%s", what, detail[0] ? ": " : "", detail);
}

static void close_sqlite(struct database *d)
{
    if (d->sqlite)
        (void)sqlite3_close(d->sqlite);
    d->sqlite = NULL;
}

static void unlock(struct database *d)
{
    if (d->lock_fd >= 0)
        close(d->lock_fd);
    d->lock_fd = -1;
}

void database_close(struct database *d)
{
    close_sqlite(d);
    unlock(d);
}

/* A worker that was just killed, or is ending, gives the lock back in a moment. */
static bool lock(struct database *d, struct database_report *r)
{
    int64_t until_ns = clock_now_ns() + d->lock_wait_ns;
    if (d->lock_fd >= 0)
        return true;
    d->lock_fd = open(d->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (d->lock_fd < 0) {
        r->result = DATABASE_FAILED;
        note(r, d->lock_path, strerror(errno));
        return false;
    }
    while (flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK || clock_now_ns() >= until_ns) {
            r->result = errno == EWOULDBLOCK ? DATABASE_HELD : DATABASE_FAILED;
            note(r, r->result == DATABASE_HELD ? "another running Weir uses it" : "locking it",
                 r->result == DATABASE_HELD ? "" : strerror(errno));
            unlock(d);
            return false;
        }
        (void)usleep(LOCK_LOOK_MS * 1000);
    }
    return true;
}

static int execute(struct database *d, const char *sql)
{
    return sqlite3_exec(d->sqlite, sql, NULL, NULL, NULL);
}

/* The first number of the first row. */
static int read_number(struct database *d, const char *sql, int64_t *ret_number)
{
    sqlite3_stmt *statement = NULL;
    int error = sqlite3_prepare_v2(d->sqlite, sql, -1, &statement, NULL);
    if (error == SQLITE_OK && (error = sqlite3_step(statement)) == SQLITE_ROW) {
        *ret_number = sqlite3_column_int64(statement, 0);
        error = SQLITE_OK;
    }
    (void)sqlite3_finalize(statement);
    return error == SQLITE_DONE ? SQLITE_ERROR : error;
}

static int set_page_count_max(struct database *d, uint64_t bytes)
{
    char sql[64];
    snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %llu", (unsigned long long)(bytes / PAGE_BYTES + 1));
    return execute(d, sql);
}

static int upgrade(struct database *d, int64_t version)
{
    char sql[64];
    int error = execute(d, "BEGIN IMMEDIATE");
    for (size_t i = (size_t)version; error == SQLITE_OK && i < ARRAY_LEN(upgrades); i++)
        error = execute(d, upgrades[i]);
    snprintf(sql, sizeof(sql), "PRAGMA user_version = %zu", ARRAY_LEN(upgrades));
    if (error == SQLITE_OK)
        error = execute(d, sql);
    if (error == SQLITE_OK)
        error = execute(d, "COMMIT");
    return error;
}

/* Leaves an error's text in d->sqlite. */
static int open_sqlite(struct database *d, struct database_report *r)
{
    int64_t version = 0;
    int error = sqlite3_open_v2(d->path, &d->sqlite,
                                SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (error == SQLITE_OK)
        error = sqlite3_busy_timeout(d->sqlite, BUSY_MS);
    if (error == SQLITE_OK)
        error = read_number(d, "PRAGMA user_version", &version);
    if (error == SQLITE_OK && version > (int64_t)ARRAY_LEN(upgrades)) {
        r->result = DATABASE_NEWER;
        note(r, "a later version of Weir made it", "");
        close_sqlite(d);
        return SQLITE_OK;
    }
    if (error == SQLITE_OK)
        error = execute(d, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                           "PRAGMA journal_size_limit = 4194304; PRAGMA trusted_schema = OFF");
    if (error == SQLITE_OK)
        error = set_page_count_max(d, d->bytes_max);
    if (error == SQLITE_OK && version < (int64_t)ARRAY_LEN(upgrades))
        error = upgrade(d, MAX(version, 0));
    return error;
}

static bool is_moved(const struct database *d)
{
    int has_moved = 0;
    return d->sqlite &&
           sqlite3_file_control(d->sqlite, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved) == SQLITE_OK &&
           has_moved;
}

static int make_ready(struct database *d, struct database_report *r)
{
    if (is_moved(d)) {
        database_close(d);
        snprintf(d->anew, sizeof(d->anew), "it was removed");
    }
    if (!lock(d, r))
        return SQLITE_OK;
    return d->sqlite ? SQLITE_OK : open_sqlite(d, r);
}

/* ---- what is in the way ---- */

static void rename_to(const char *path, const char *suffix)
{
    char *from = with_suffix(path, suffix), *aside = with_suffix(path, ".damaged");
    char *to = with_suffix(aside, suffix);
    if (rename(from, to) < 0)
        (void)unlink(to); /* what an earlier one left behind does not belong to this one */
    free(from);
    free(aside);
    free(to);
}

/* One damaged file is kept, the last: it is for people to look at. */
static bool put_aside(struct database *d, const char *why, struct database_report *r)
{
    close_sqlite(d);
    char *aside = with_suffix(d->path, ".damaged"), *shared = with_suffix(d->path, "-shm");
    bool is_renamed = rename(d->path, aside) == 0;
    if (is_renamed) {
        rename_to(d->path, "-wal");
        (void)unlink(shared);
        snprintf(d->anew, sizeof(d->anew), "it was damaged (%s) and put aside as %s", why, aside);
    } else {
        snprintf(r->why, sizeof(r->why), "it is damaged (%s) and cannot be put aside: %s", why,
                 strerror(errno));
    }
    free(aside);
    free(shared);
    return is_renamed;
}

static uint64_t size_of(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 ? (uint64_t)s.st_size : 0;
}

static bool make_room(struct database *d)
{
    int64_t bytes = 0;
    if (read_number(d, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", &bytes) !=
            SQLITE_OK ||
        (uint64_t)bytes < d->bytes_max / 100 * FULL_PERCENT)
        return false;
    /* What is taken out may need some pages first. */
    int error = set_page_count_max(d, d->bytes_max + d->bytes_max / 10 + 64 * PAGE_BYTES);
    if (error == SQLITE_OK)
        error = execute(d, "DELETE FROM minute WHERE minute <="
                           " (SELECT min(minute) + (max(minute) - min(minute)) / 10 FROM minute)");
    return set_page_count_max(d, d->bytes_max) == SQLITE_OK && error == SQLITE_OK &&
           sqlite3_changes(d->sqlite) > 0;
}

/* True: the cause is gone, try again. */
static bool recover(struct database *d, int error, struct database_report *r)
{
    char why[256];
    int kind = error & 0xff; /* without SQLite's details */
    snprintf(why, sizeof(why), "%s", d->sqlite ? sqlite3_errmsg(d->sqlite) : sqlite3_errstr(error));
    if (d->sqlite && !sqlite3_get_autocommit(d->sqlite))
        (void)execute(d, "ROLLBACK");
    if (kind == SQLITE_NOTADB || kind == SQLITE_CORRUPT)
        return put_aside(d, why, r);
    if (kind == SQLITE_FULL && make_room(d))
        return true;
    note(r, why, "");
    if (kind != SQLITE_BUSY && kind != SQLITE_FULL)
        close_sqlite(d);
    return false;
}

/* ---- operations ---- */

struct operation {
    int (*run)(struct database *d, struct operation *o); /* SQLITE_OK, or why not */
    bool is_write;
    const struct database_document *documents;
    const struct database_point *points;
    size_t count;
    int64_t wall_s;
    const struct database_documents *out;
    struct str service, name;
    int64_t first, last;
    struct buf *values;
};

/* Somebody who reads the file for minutes hinders the WAL from being taken over into it. */
static bool is_log_too_long(const struct database *d)
{
    if (size_of(d->wal_path) <= WAL_BYTES_MAX)
        return false;
    (void)sqlite3_wal_checkpoint_v2(d->sqlite, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return size_of(d->wal_path) > WAL_BYTES_MAX;
}

static int transact(struct database *d, struct operation *o)
{
    if (o->is_write && is_log_too_long(d))
        return SQLITE_BUSY;
    int error = execute(d, o->is_write ? "BEGIN IMMEDIATE" : "BEGIN");
    if (error == SQLITE_OK)
        error = o->run(d, o);
    if (error == SQLITE_OK)
        error = execute(d, "COMMIT");
    return error;
}

static struct database_report success(struct database *d)
{
    struct database_report r = {.result = DATABASE_OK,
                                .is_anew = d->anew[0] != '\0',
                                .bytes = size_of(d->path) + size_of(d->wal_path)};
    note(&r, d->anew, "");
    d->anew[0] = '\0';
    return r;
}

static struct database_report run(struct database *d, struct operation *o)
{
    struct database_report r = {.result = DATABASE_OK};
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        int error = make_ready(d, &r);
        if (r.result != DATABASE_OK)
            return r;
        if (error == SQLITE_OK)
            error = transact(d, o);
        if (error == SQLITE_OK)
            return success(d);
        if (!recover(d, error, &r))
            break;
    }
    r.result = DATABASE_FAILED;
    return r;
}

static int do_nothing(struct database *d, struct operation *o)
{
    return SQLITE_OK;
}

struct database_report database_open(struct database *d, int64_t wait_ns)
{
    d->lock_wait_ns = wait_ns;
    struct database_report r = run(d, &(struct operation){.run = do_nothing});
    d->lock_wait_ns = 0;
    return r;
}

static int bind_text(sqlite3_stmt *statement, int at, struct str text)
{
    return sqlite3_bind_text(statement, at, text.ptr, (int)text.len, SQLITE_STATIC);
}

/* Runs a statement that gives no rows, and makes it ready for the next. */
static int step_and_reset(sqlite3_stmt *statement)
{
    (void)sqlite3_step(statement);
    return sqlite3_reset(statement); /* gives the step's error again */
}

/* Minutes, series without any, and what was learned of services that are long gone; once an hour. */
static int prune(struct database *d, int64_t minute)
{
    int64_t oldest = minute - d->keep_minutes;
    char sql[512];
    if (minute / 60 == d->pruned_hour)
        return SQLITE_OK;
    snprintf(sql, sizeof(sql),
             "DELETE FROM minute WHERE series IN (SELECT id FROM series) AND minute < %lld;"
             "DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM minute WHERE minute.series = series.id);"
             "DELETE FROM learned WHERE saved_at < %lld",
             (long long)oldest, (long long)oldest * 60);
    int error = execute(d, sql);
    if (error == SQLITE_OK)
        d->pruned_hour = minute / 60;
    return error;
}

static int put_documents(struct database *d, struct operation *o)
{
    sqlite3_stmt *put = NULL;
    int error = sqlite3_prepare_v2(
        d->sqlite, "INSERT OR REPLACE INTO learned (service, saved_at, document) VALUES (?1, ?2, ?3)", -1,
        &put, NULL);
    for (size_t i = 0; error == SQLITE_OK && i < o->count; i++) {
        if ((error = bind_text(put, 1, o->documents[i].service)) == SQLITE_OK &&
            (error = sqlite3_bind_int64(put, 2, o->wall_s)) == SQLITE_OK &&
            (error = bind_text(put, 3, o->documents[i].text)) == SQLITE_OK)
            error = step_and_reset(put);
    }
    (void)sqlite3_finalize(put);
    return error == SQLITE_OK ? prune(d, o->wall_s / 60) : error;
}

struct database_report database_put_documents(struct database *d, const struct database_document *documents,
                                              size_t count, int64_t wall_s)
{
    return run(d, &(struct operation){.run = put_documents,
                                      .is_write = true,
                                      .documents = documents,
                                      .count = count,
                                      .wall_s = wall_s});
}

static struct str column_text(sqlite3_stmt *statement, int at)
{
    const char *text = (const char *)sqlite3_column_text(statement, at);
    return str_n(text ? text : "", text ? (size_t)sqlite3_column_bytes(statement, at) : 0);
}

static int read_documents(struct database *d, struct operation *o)
{
    sqlite3_stmt *rows = NULL;
    o->out->begin(o->out->context);
    int error = sqlite3_prepare_v2(d->sqlite,
                                   "SELECT service, document FROM learned WHERE length(document) <= ?1"
                                   " ORDER BY saved_at DESC, service LIMIT ?2",
                                   -1, &rows, NULL);
    if (error == SQLITE_OK)
        error = sqlite3_bind_int64(rows, 1, DATABASE_DOCUMENT_BYTES_MAX);
    if (error == SQLITE_OK)
        error = sqlite3_bind_int64(rows, 2, DATABASE_DOCUMENTS_MAX);
    if (error == SQLITE_OK)
        while ((error = sqlite3_step(rows)) == SQLITE_ROW)
            o->out->take(o->out->context, &(struct database_document){.service = column_text(rows, 0),
                                                                      .text = column_text(rows, 1)});
    (void)sqlite3_finalize(rows);
    return error == SQLITE_DONE ? SQLITE_OK : error;
}

struct database_report database_read_documents(struct database *d, const struct database_documents *out)
{
    return run(d, &(struct operation){.run = read_documents, .out = out});
}

static int series_id(struct database *d, struct str service, struct str name, int64_t *ret_id)
{
    sqlite3_stmt *put = NULL, *find = NULL;
    int error = sqlite3_prepare_v2(
        d->sqlite, "INSERT INTO series (service, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING", -1, &put,
        NULL);
    if (error == SQLITE_OK && (error = bind_text(put, 1, service)) == SQLITE_OK &&
        (error = bind_text(put, 2, name)) == SQLITE_OK)
        error = step_and_reset(put);
    if (error == SQLITE_OK)
        error = sqlite3_prepare_v2(d->sqlite, "SELECT id FROM series WHERE service = ?1 AND name = ?2", -1,
                                   &find, NULL);
    if (error == SQLITE_OK && (error = bind_text(find, 1, service)) == SQLITE_OK &&
        (error = bind_text(find, 2, name)) == SQLITE_OK && (error = sqlite3_step(find)) == SQLITE_ROW) {
        *ret_id = sqlite3_column_int64(find, 0);
        error = SQLITE_OK;
    }
    (void)sqlite3_finalize(put);
    (void)sqlite3_finalize(find);
    return error;
}

static int put_point(sqlite3_stmt *put, int64_t series, const struct database_point *p)
{
    int error = sqlite3_bind_int64(put, 1, series);
    if (error == SQLITE_OK)
        error = sqlite3_bind_int64(put, 2, p->minute);
    if (error == SQLITE_OK)
        error = sqlite3_bind_double(put, 3, p->value);
    return error == SQLITE_OK ? step_and_reset(put) : error;
}

static int append(struct database *d, struct operation *o)
{
    sqlite3_stmt *put = NULL;
    int64_t series = 0, newest = INT64_MIN;
    int error = sqlite3_prepare_v2(
        d->sqlite, "INSERT OR REPLACE INTO minute (series, minute, value) VALUES (?1, ?2, ?3)", -1, &put,
        NULL);
    for (size_t i = 0; error == SQLITE_OK && i < o->count; i++) {
        const struct database_point *p = &o->points[i];
        ASSERT(isfinite(p->value));
        newest = MAX(newest, p->minute);
        error = series_id(d, p->service, p->name, &series);
        if (error == SQLITE_OK)
            error = put_point(put, series, p);
    }
    (void)sqlite3_finalize(put);
    return error == SQLITE_OK && o->count ? prune(d, newest) : error;
}

struct database_report database_append(struct database *d, const struct database_point *points, size_t count)
{
    return run(d, &(struct operation){.run = append, .is_write = true, .points = points, .count = count});
}

static int read_range(struct database *d, struct operation *o)
{
    sqlite3_stmt *rows = NULL;
    buf_clear(o->values);
    int error = sqlite3_prepare_v2(d->sqlite,
                                   "SELECT minute, value FROM minute WHERE series ="
                                   " (SELECT id FROM series WHERE service = ?1 AND name = ?2)"
                                   " AND minute BETWEEN ?3 AND ?4 ORDER BY minute",
                                   -1, &rows, NULL);
    if (error == SQLITE_OK && (error = bind_text(rows, 1, o->service)) == SQLITE_OK &&
        (error = bind_text(rows, 2, o->name)) == SQLITE_OK &&
        (error = sqlite3_bind_int64(rows, 3, o->first)) == SQLITE_OK)
        error = sqlite3_bind_int64(rows, 4, o->last);
    while (error == SQLITE_OK && (error = sqlite3_step(rows)) == SQLITE_ROW) {
        struct database_value v = {sqlite3_column_int64(rows, 0), sqlite3_column_double(rows, 1)};
        buf_put(o->values, str_n((const char *)&v, sizeof(v)));
        error = SQLITE_OK;
    }
    (void)sqlite3_finalize(rows);
    return error == SQLITE_DONE ? SQLITE_OK : error;
}

struct database_report database_read_range(struct database *d, struct str service, struct str name,
                                           int64_t first, int64_t last, struct buf *ret_values)
{
    return run(d, &(struct operation){.run = read_range,
                                      .service = service,
                                      .name = name,
                                      .first = first,
                                      .last = last,
                                      .values = ret_values});
}

/* ---- making and freeing ---- */

struct database *database_new(const struct database_params *params)
{
    struct database *d = NEW(struct database);
    d->path = mem_strdup(params->path);
    d->lock_path = with_suffix(params->path, ".lock");
    d->wal_path = with_suffix(params->path, "-wal");
    d->bytes_max = params->bytes_max ? params->bytes_max : DATABASE_BYTES_MAX;
    d->keep_minutes = params->keep_minutes ? params->keep_minutes : DATABASE_KEEP_MINUTES;
    d->lock_fd = -1;
    d->pruned_hour = INT64_MIN;
    return d;
}

void database_free(struct database *d)
{
    if (!d)
        return;
    database_close(d);
    free(d->path);
    free(d->lock_path);
    free(d->wal_path);
    free(d);
}
