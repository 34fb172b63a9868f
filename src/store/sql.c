/*
 * sql.c: see sql.h.
 *
 * Every operation goes the same way (sql_run): make the file ready, do the work in one transaction, and where
 * that fails remove the cause once: a damaged file is renamed, a full one makes room. What is left is told in
 * the report. An error that may be the file's or the disk's closes the connection, so that the next operation
 * opens it afresh: a disk that was mounted read-only, or a folder that was moved, heals by itself.
 *
 * - WAL: a crash at any moment leaves a whole file, commits need no fsync (synchronous=NORMAL: a power
 * failure may lose the last of them), and people may read the file with any tool while Weir writes it.
 * - One Weir a file: an flock on FILE.lock. SQLite's own exclusive mode would shut out readers too. The
 * kernel takes the lock from whoever dies.
 * - user_version counts the steps of `upgrades`; a file with more of them is a later Weir's and left alone.
 * - Size: max_page_count; the WAL is cut at each checkpoint, and while a reader hinders that for too long
 *   nothing is written.
 */
#include "store/sql.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
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

struct sql {
    struct sql_params params;
    char *path, *lock_path, *wal_path;
    int lock_fd; /* -1: not held */
    int64_t lock_wait_ns;
    sqlite3 *sqlite; /* NULL: not open */
    int error;       /* of the operation at hand; SQLITE_OK: none so far */
    char anew[512];  /* why a new file is to be begun; "": none, or told */
};

struct sql_statement {
    struct sql *sql;
    sqlite3_stmt *sqlite;
};

/* ---- statements ---- */

static bool note_error(struct sql *s, int error)
{
    if (s->error == SQLITE_OK)
        s->error = error;
    return error == SQLITE_OK;
}

bool sql_is_good(const struct sql *s)
{
    return s->error == SQLITE_OK;
}

void sql_execute(struct sql *s, const char *text)
{
    if (sql_is_good(s))
        note_error(s, sqlite3_exec(s->sqlite, text, NULL, NULL, NULL));
}

int64_t sql_changes(const struct sql *s)
{
    return sqlite3_changes64(s->sqlite);
}

struct sql_statement *sql_prepare(struct sql *s, const char *text)
{
    sqlite3_stmt *prepared = NULL;
    if (!sql_is_good(s) || !note_error(s, sqlite3_prepare_v2(s->sqlite, text, -1, &prepared, NULL)))
        return NULL;
    struct sql_statement *t = NEW(struct sql_statement);
    t->sql = s;
    t->sqlite = prepared;
    return t;
}

void sql_finish(struct sql_statement *t)
{
    if (t)
        (void)sqlite3_finalize(t->sqlite);
    free(t);
}

static bool is_good(const struct sql_statement *t)
{
    return t && sql_is_good(t->sql);
}

void sql_bind_int(struct sql_statement *t, int at, int64_t value)
{
    if (is_good(t))
        note_error(t->sql, sqlite3_bind_int64(t->sqlite, at, value));
}

void sql_bind_double(struct sql_statement *t, int at, double value)
{
    if (is_good(t))
        note_error(t->sql, sqlite3_bind_double(t->sqlite, at, value));
}

void sql_bind_text(struct sql_statement *t, int at, struct str text)
{
    if (is_good(t))
        note_error(t->sql, sqlite3_bind_text(t->sqlite, at, text.ptr, (int)text.len, SQLITE_STATIC));
}

void sql_bind_bytes(struct sql_statement *t, int at, struct str bytes)
{
    if (is_good(t))
        note_error(t->sql, sqlite3_bind_blob(t->sqlite, at, bytes.ptr, (int)bytes.len, SQLITE_STATIC));
}

bool sql_step(struct sql_statement *t)
{
    if (!is_good(t))
        return false;
    if (sqlite3_step(t->sqlite) == SQLITE_ROW)
        return true;
    note_error(t->sql, sqlite3_reset(t->sqlite)); /* gives the step's error again */
    return false;
}

bool sql_insert(struct sql_statement *t)
{
    if (!is_good(t))
        return false;
    (void)sqlite3_step(t->sqlite);
    int error = sqlite3_reset(t->sqlite);
    int detail = sqlite3_extended_errcode(t->sql->sqlite);
    if (error == SQLITE_CONSTRAINT &&
        (detail == SQLITE_CONSTRAINT_PRIMARYKEY || detail == SQLITE_CONSTRAINT_ROWID))
        return false;
    return note_error(t->sql, error);
}

void sql_reset(struct sql_statement *t)
{
    if (t)
        (void)sqlite3_reset(t->sqlite);
}

int64_t sql_int(struct sql_statement *t, int column)
{
    return sqlite3_column_int64(t->sqlite, column);
}

double sql_double(struct sql_statement *t, int column)
{
    return sqlite3_column_double(t->sqlite, column);
}

struct str sql_text(struct sql_statement *t, int column)
{
    const char *text = (const char *)sqlite3_column_text(t->sqlite, column);
    return str_n(text ? text : "", text ? (size_t)sqlite3_column_bytes(t->sqlite, column) : 0);
}

struct str sql_bytes(struct sql_statement *t, int column)
{
    const char *bytes = sqlite3_column_blob(t->sqlite, column);
    return str_n(bytes ? bytes : "", bytes ? (size_t)sqlite3_column_bytes(t->sqlite, column) : 0);
}

bool sql_is_null(struct sql_statement *t, int column)
{
    return sqlite3_column_type(t->sqlite, column) == SQLITE_NULL;
}

int64_t sql_number(struct sql *s, const char *text, int64_t when_none)
{
    struct sql_statement *t = sql_prepare(s, text);
    bool is_there = sql_step(t) && !sql_is_null(t, 0);
    int64_t number = is_there ? sql_int(t, 0) : when_none;
    sql_finish(t);
    return number;
}

static uint64_t pages_max(const struct sql *s)
{
    return s->params.bytes_max / PAGE_BYTES + 1;
}

struct sql_pages sql_count_pages(struct sql *s)
{
    int64_t all = sql_number(s, "PRAGMA page_count", 0), unused = sql_number(s, "PRAGMA freelist_count", 0);
    return (struct sql_pages){
        .all = (uint64_t)all, .used = (uint64_t)MAX(all - unused, 0), .max = pages_max(s)};
}

void sql_shrink(struct sql *s, uint64_t pages)
{
    char text[64];
    snprintf(text, sizeof(text), "PRAGMA incremental_vacuum(%llu)", (unsigned long long)pages);
    sql_execute(s, text);
}

/* ---- the connection ---- */

static char *with_suffix(const char *path, const char *suffix)
{
    size_t bytes = strlen(path) + strlen(suffix) + 1;
    char *joined = mem_alloc(bytes);
    snprintf(joined, bytes, "%s%s", path, suffix);
    return joined;
}

static void note(struct sql_report *r, const char *what, const char *detail)
{
    snprintf(r->why, sizeof(r->why), "%s%s%s", what, detail[0] ? ": " : "", detail);
}

static void close_sqlite(struct sql *s)
{
    if (s->sqlite)
        (void)sqlite3_close(s->sqlite);
    s->sqlite = NULL;
}

static void unlock(struct sql *s)
{
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    s->lock_fd = -1;
}

void sql_close(struct sql *s)
{
    close_sqlite(s);
    unlock(s);
}

/* A worker that was just killed, or is ending, gives the lock back in a moment. */
static bool lock(struct sql *s, struct sql_report *r)
{
    int64_t until_ns = clock_now_ns() + s->lock_wait_ns;
    if (s->lock_fd >= 0)
        return true;
    s->lock_fd = open(s->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->lock_fd < 0) {
        r->result = SQL_FAILED;
        note(r, s->lock_path, strerror(errno));
        return false;
    }
    while (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK || clock_now_ns() >= until_ns) {
            r->result = errno == EWOULDBLOCK ? SQL_HELD : SQL_FAILED;
            note(r, r->result == SQL_HELD ? "another running Weir uses it" : "locking it",
                 r->result == SQL_HELD ? "" : strerror(errno));
            unlock(s);
            return false;
        }
        (void)usleep(LOCK_LOOK_MS * 1000);
    }
    return true;
}

static void set_pages_max(struct sql *s, uint64_t pages)
{
    char text[64];
    snprintf(text, sizeof(text), "PRAGMA max_page_count = %llu", (unsigned long long)pages);
    sql_execute(s, text);
}

static void upgrade(struct sql *s, int64_t version)
{
    char text[64];
    sql_execute(s, "BEGIN IMMEDIATE");
    for (size_t i = (size_t)version; i < s->params.upgrade_count; i++)
        sql_execute(s, s->params.upgrades[i]);
    snprintf(text, sizeof(text), "PRAGMA user_version = %zu", s->params.upgrade_count);
    sql_execute(s, text);
    sql_execute(s, "COMMIT");
}

static void open_sqlite(struct sql *s, struct sql_report *r)
{
    const int64_t known = (int64_t)s->params.upgrade_count;
    if (!note_error(s,
                    sqlite3_open_v2(s->path, &s->sqlite,
                                    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL)))
        return;
    note_error(s, sqlite3_busy_timeout(s->sqlite, BUSY_MS));
    int64_t version = sql_number(s, "PRAGMA user_version", 0);
    if (version > known) {
        r->result = SQL_NEWER;
        note(r, "a later version of Weir made it", "");
        close_sqlite(s);
        return;
    }
    if (version == 0 && s->params.can_shrink)
        sql_execute(s, "PRAGMA auto_vacuum = INCREMENTAL"); /* counts before the first table only */
    sql_execute(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                   "PRAGMA journal_size_limit = 4194304; PRAGMA trusted_schema = OFF");
    set_pages_max(s, pages_max(s));
    if (version > 0 && sql_is_good(s))
        s->anew[0] = '\0'; /* what was away is back */
    if (version < known)
        upgrade(s, MAX(version, 0));
}

static bool is_moved(const struct sql *s)
{
    int has_moved = 0;
    return s->sqlite &&
           sqlite3_file_control(s->sqlite, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved) == SQLITE_OK &&
           has_moved;
}

static void make_ready(struct sql *s, struct sql_report *r)
{
    if (is_moved(s)) {
        sql_close(s);
        snprintf(s->anew, sizeof(s->anew), "it was removed");
    }
    if (lock(s, r) && !s->sqlite)
        open_sqlite(s, r);
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
static bool put_aside(struct sql *s, const char *why, struct sql_report *r)
{
    close_sqlite(s);
    char *aside = with_suffix(s->path, ".damaged"), *shared = with_suffix(s->path, "-shm");
    bool is_renamed = rename(s->path, aside) == 0;
    if (is_renamed) {
        rename_to(s->path, "-wal");
        (void)unlink(shared);
        snprintf(s->anew, sizeof(s->anew), "it was damaged (%s) and put aside as %s", why, aside);
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
    struct stat status;
    return stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
}

/* What is taken out may need some pages first. */
static bool make_room(struct sql *s)
{
    uint64_t max = pages_max(s);
    if ((uint64_t)sql_number(s, "PRAGMA page_count", 0) < max / 100 * FULL_PERCENT)
        return false;
    set_pages_max(s, max + max / 10 + 64);
    bool has_room = s->params.make_room(s->params.context, s) && sql_is_good(s);
    s->error = SQLITE_OK;
    set_pages_max(s, max);
    return has_room && sql_is_good(s);
}

/* True: the cause is gone, try again. */
static bool recover(struct sql *s, struct sql_report *r)
{
    char why[256];
    int kind = s->error & 0xff; /* without SQLite's details */
    snprintf(why, sizeof(why), "%s", s->sqlite ? sqlite3_errmsg(s->sqlite) : sqlite3_errstr(s->error));
    s->error = SQLITE_OK;
    if (s->sqlite && !sqlite3_get_autocommit(s->sqlite))
        sql_execute(s, "ROLLBACK");
    s->error = SQLITE_OK;
    if (kind == SQLITE_NOTADB || kind == SQLITE_CORRUPT)
        return put_aside(s, why, r);
    if (kind == SQLITE_FULL && make_room(s))
        return true;
    note(r, why, "");
    if (kind != SQLITE_BUSY && kind != SQLITE_FULL)
        close_sqlite(s);
    return false;
}

/* ---- operations ---- */

/* Somebody who reads the file for minutes hinders the WAL from being taken over into it. */
static bool is_log_too_long(const struct sql *s)
{
    if (size_of(s->wal_path) <= s->params.log_bytes_max)
        return false;
    (void)sqlite3_wal_checkpoint_v2(s->sqlite, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return size_of(s->wal_path) > s->params.log_bytes_max;
}

static void transact(struct sql *s, bool is_write, void (*work)(void *context, struct sql *s), void *context)
{
    if (is_write && is_log_too_long(s)) {
        note_error(s, SQLITE_BUSY);
        return;
    }
    sql_execute(s, is_write ? "BEGIN IMMEDIATE" : "BEGIN");
    if (sql_is_good(s))
        work(context, s);
    sql_execute(s, "COMMIT");
}

static struct sql_report success(struct sql *s)
{
    struct sql_report r = {
        .result = SQL_GOOD, .is_anew = s->anew[0] != '\0', .bytes = size_of(s->path) + size_of(s->wal_path)};
    note(&r, s->anew, "");
    s->anew[0] = '\0';
    return r;
}

struct sql_report sql_run(struct sql *s, bool is_write, void (*work)(void *context, struct sql *s),
                          void *context)
{
    struct sql_report r = {.result = SQL_GOOD};
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        s->error = SQLITE_OK;
        make_ready(s, &r);
        if (r.result != SQL_GOOD)
            return r;
        if (sql_is_good(s))
            transact(s, is_write, work, context);
        if (sql_is_good(s))
            return success(s);
        if (!recover(s, &r))
            break;
    }
    r.result = SQL_FAILED;
    return r;
}

static void do_nothing(void *context, struct sql *s)
{
}

struct sql_report sql_open(struct sql *s, int64_t wait_ns)
{
    s->lock_wait_ns = wait_ns;
    struct sql_report r = sql_run(s, false, do_nothing, NULL);
    s->lock_wait_ns = 0;
    return r;
}

/* ---- making and freeing ---- */

struct sql *sql_new(const struct sql_params *params)
{
    struct sql *s = NEW(struct sql);
    s->params = *params;
    s->path = mem_strdup(params->path);
    s->params.path = s->path;
    s->lock_path = with_suffix(params->path, ".lock");
    s->wal_path = with_suffix(params->path, "-wal");
    s->lock_fd = -1;
    return s;
}

void sql_free(struct sql *s)
{
    if (!s)
        return;
    sql_close(s);
    free(s->path);
    free(s->lock_path);
    free(s->wal_path);
    free(s);
}
