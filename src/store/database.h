/*
 * database.h: the file in which is kept what must outlive a worker: one SQLite database (sql.h), opened when
 * it is first needed and again when it was lost.
 *
 * Everything here blocks and belongs to one thread at a time. No call fails for good: each report says how it
 * went, and the next call tries anew.
 *
 * Two things are kept. `learned`: one document a service, whatever its text. `series`: one number a minute,
 * by service and name.
 */
#pragma once
#include "base/buf.h"
#include "store/sql.h"

enum {
    DATABASE_DOCUMENTS_MAX = 1024,         /* read; those saved last */
    DATABASE_DOCUMENT_BYTES_MAX = 1 << 20, /* longer ones are not read */
    DATABASE_KEEP_MINUTES = 5 * 7 * 24 * 60,
};
#define DATABASE_BYTES_MAX (UINT64_C(256) << 20)

struct database;

struct database_params {
    const char *path;      /* copied; its folder must exist */
    uint64_t bytes_max;    /* the file grows no larger; 0: DATABASE_BYTES_MAX */
    uint32_t keep_minutes; /* what is older is dropped; 0: DATABASE_KEEP_MINUTES */
};

struct database_document {
    struct str service, text;
};

struct database_point {
    struct str service, name; /* "shop", "load" */
    int64_t minute;           /* since 1970, UTC */
    double value;             /* finite */
};

struct database_value {
    int64_t minute;
    double value;
};

/* Opens nothing yet. */
struct database *database_new(const struct database_params *params);
void database_free(struct database *d); /* NULL is fine */

/* The next operation opens it again. */
void database_close(struct database *d);

/* Opens the file; another Weir that is just ending is waited for at most wait_ns. */
struct sql_report database_open(struct database *d, int64_t wait_ns);

/* All documents or none. wall_s: seconds since 1970, to forget them by. */
struct sql_report database_put_documents(struct database *d, const struct database_document *documents,
                                         size_t count, int64_t wall_s);
/* take is called for each, those saved last first; begin before the first, and again if all is told anew. */
struct database_documents {
    void *context;
    void (*begin)(void *context);
    void (*take)(void *context, const struct database_document *document);
};
struct sql_report database_read_documents(struct database *d, const struct database_documents *out);

/* A minute that is there already takes the new value. Drops what is too old, at most once an hour. */
struct sql_report database_append(struct database *d, const struct database_point *points, size_t count);
/* Minutes first..last that are known, in order, as an array of struct database_value in *ret_values, which is
 * cleared first. */
struct sql_report database_read_range(struct database *d, struct str service, struct str name, int64_t first,
                                      int64_t last, struct buf *ret_values);
