/*
 * database.c: see database.h. What a damaged, full, held or removed file comes to is sql.c's; here are the
 * tables and what is done with them.
 *
 * Rejected: one row for all documents (rewrites what has not changed); one blob for a day of minutes (no
 * smaller than the rows without rowid, and not readable with sqlite3).
 */
#include "store/database.h"

#include "base/mem.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define LOG_BYTES_MAX (UINT64_C(64) << 20)

struct database {
    struct sql *sql;
    int64_t keep_minutes;
    int64_t pruned_hour; /* when minutes were dropped last */
};

static const char *const upgrades[] = {
    "CREATE TABLE learned (service TEXT PRIMARY KEY, saved_at INTEGER NOT NULL, document TEXT NOT NULL) "
    "STRICT",
    "CREATE TABLE series (id INTEGER PRIMARY KEY, service TEXT NOT NULL, name TEXT NOT NULL,"
    " UNIQUE (service, name)) STRICT;"
    "CREATE TABLE minute (series INTEGER NOT NULL, minute INTEGER NOT NULL, value REAL NOT NULL,"
    " PRIMARY KEY (series, minute)) STRICT, WITHOUT ROWID",
};

static bool drop_oldest_minutes(void *context, struct sql *s)
{
    sql_execute(s, "DELETE FROM minute WHERE minute <="
                   " (SELECT min(minute) + (max(minute) - min(minute)) / 10 FROM minute)");
    return sql_changes(s) > 0;
}

/* ---- operations ---- */

struct operation {
    struct database *database;
    const struct database_document *documents;
    const struct database_point *points;
    size_t count;
    int64_t wall_s;
    const struct database_documents *out;
    struct str service, name;
    int64_t first, last;
    struct buf *values;
};

struct sql_report database_open(struct database *d, int64_t wait_ns)
{
    return sql_open(d->sql, wait_ns);
}

/* Minutes, series without any, and what was learned of services that are long gone; once an hour. */
static void prune(struct database *d, struct sql *s, int64_t minute)
{
    int64_t oldest = minute - d->keep_minutes;
    char text[512];
    if (minute / 60 == d->pruned_hour)
        return;
    snprintf(text, sizeof(text),
             "DELETE FROM minute WHERE series IN (SELECT id FROM series) AND minute < %lld;"
             "DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM minute WHERE minute.series = series.id);"
             "DELETE FROM learned WHERE saved_at < %lld",
             (long long)oldest, (long long)oldest * 60);
    sql_execute(s, text);
    if (sql_is_good(s))
        d->pruned_hour = minute / 60;
}

static void put_documents(void *context, struct sql *s)
{
    const struct operation *o = context;
    struct sql_statement *put =
        sql_prepare(s, "INSERT OR REPLACE INTO learned (service, saved_at, document) VALUES (?1, ?2, ?3)");
    for (size_t i = 0; i < o->count; i++) {
        sql_bind_text(put, 1, o->documents[i].service);
        sql_bind_int(put, 2, o->wall_s);
        sql_bind_text(put, 3, o->documents[i].text);
        (void)sql_step(put);
    }
    sql_finish(put);
    prune(o->database, s, o->wall_s / 60);
}

struct sql_report database_put_documents(struct database *d, const struct database_document *documents,
                                         size_t count, int64_t wall_s)
{
    struct operation o = {.database = d, .documents = documents, .count = count, .wall_s = wall_s};
    return sql_run(d->sql, true, put_documents, &o);
}

static void read_documents(void *context, struct sql *s)
{
    const struct operation *o = context;
    o->out->begin(o->out->context);
    struct sql_statement *rows =
        sql_prepare(s, "SELECT service, document FROM learned WHERE length(document) <= ?1"
                       " ORDER BY saved_at DESC, service LIMIT ?2");
    sql_bind_int(rows, 1, DATABASE_DOCUMENT_BYTES_MAX);
    sql_bind_int(rows, 2, DATABASE_DOCUMENTS_MAX);
    while (sql_step(rows))
        o->out->take(o->out->context,
                     &(struct database_document){.service = sql_text(rows, 0), .text = sql_text(rows, 1)});
    sql_finish(rows);
}

struct sql_report database_read_documents(struct database *d, const struct database_documents *out)
{
    struct operation o = {.database = d, .out = out};
    return sql_run(d->sql, false, read_documents, &o);
}

static int64_t series_id(struct sql *s, struct str service, struct str name)
{
    struct sql_statement *put =
        sql_prepare(s, "INSERT INTO series (service, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING");
    sql_bind_text(put, 1, service);
    sql_bind_text(put, 2, name);
    (void)sql_step(put);
    sql_finish(put);
    struct sql_statement *find = sql_prepare(s, "SELECT id FROM series WHERE service = ?1 AND name = ?2");
    sql_bind_text(find, 1, service);
    sql_bind_text(find, 2, name);
    int64_t id = sql_step(find) ? sql_int(find, 0) : 0;
    sql_finish(find);
    return id;
}

static void append(void *context, struct sql *s)
{
    const struct operation *o = context;
    int64_t newest = INT64_MIN;
    struct sql_statement *put =
        sql_prepare(s, "INSERT OR REPLACE INTO minute (series, minute, value) VALUES (?1, ?2, ?3)");
    for (size_t i = 0; i < o->count; i++) {
        const struct database_point *p = &o->points[i];
        ASSERT(isfinite(p->value));
        newest = MAX(newest, p->minute);
        sql_bind_int(put, 1, series_id(s, p->service, p->name));
        sql_bind_int(put, 2, p->minute);
        sql_bind_double(put, 3, p->value);
        (void)sql_step(put);
    }
    sql_finish(put);
    if (o->count)
        prune(o->database, s, newest);
}

struct sql_report database_append(struct database *d, const struct database_point *points, size_t count)
{
    struct operation o = {.database = d, .points = points, .count = count};
    return sql_run(d->sql, true, append, &o);
}

static void read_range(void *context, struct sql *s)
{
    const struct operation *o = context;
    buf_clear(o->values);
    struct sql_statement *rows = sql_prepare(s, "SELECT minute, value FROM minute WHERE series ="
                                                " (SELECT id FROM series WHERE service = ?1 AND name = ?2)"
                                                " AND minute BETWEEN ?3 AND ?4 ORDER BY minute");
    sql_bind_text(rows, 1, o->service);
    sql_bind_text(rows, 2, o->name);
    sql_bind_int(rows, 3, o->first);
    sql_bind_int(rows, 4, o->last);
    while (sql_step(rows)) {
        struct database_value v = {sql_int(rows, 0), sql_double(rows, 1)};
        buf_put(o->values, str_n((const char *)&v, sizeof(v)));
    }
    sql_finish(rows);
}

struct sql_report database_read_range(struct database *d, struct str service, struct str name, int64_t first,
                                      int64_t last, struct buf *ret_values)
{
    struct operation o = {
        .database = d, .service = service, .name = name, .first = first, .last = last, .values = ret_values};
    return sql_run(d->sql, false, read_range, &o);
}

/* ---- making and freeing ---- */

struct database *database_new(const struct database_params *params)
{
    struct database *d = NEW(struct database);
    struct sql_params sql = {.path = params->path,
                             .bytes_max = params->bytes_max ? params->bytes_max : DATABASE_BYTES_MAX,
                             .log_bytes_max = LOG_BYTES_MAX,
                             .upgrades = upgrades,
                             .upgrade_count = ARRAY_LEN(upgrades),
                             .make_room = drop_oldest_minutes,
                             .context = d};
    d->sql = sql_new(&sql);
    d->keep_minutes = params->keep_minutes ? params->keep_minutes : DATABASE_KEEP_MINUTES;
    d->pruned_hour = INT64_MIN;
    return d;
}

void database_close(struct database *d)
{
    sql_close(d->sql);
}

void database_free(struct database *d)
{
    if (!d)
        return;
    sql_free(d->sql);
    free(d);
}
