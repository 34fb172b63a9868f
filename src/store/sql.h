/*
 * sql.h: one SQLite file that Weir keeps, and statements on it. SQLite lives behind this header.
 *
 * Everything here blocks and belongs to one thread at a time. No call fails for good: each report says how it
 * went, and the next call tries anew. A damaged file is put aside, a full one makes room, a removed one is
 * begun anew.
 */
#pragma once
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sql;

struct sql_params {
    const char *path;       /* copied; its folder must exist */
    uint64_t bytes_max;     /* the file grows no larger */
    uint64_t log_bytes_max; /* while the log beside it is longer, nothing is written */
    bool can_shrink;        /* sql_shrink() may be called; decided when the file is made */
    /* Each brings the file from the version of its index to the next. Borrowed. */
    const char *const *upgrades;
    size_t upgrade_count;
    /* The file is full: takes out what can be spared. False: there is nothing. */
    bool (*make_room)(void *context, struct sql *s);
    void *context;
};

enum sql_result {
    SQL_GOOD,
    SQL_HELD,   /* another running Weir uses the file: nothing was touched */
    SQL_NEWER,  /* a later version of Weir made it: nothing was touched */
    SQL_FAILED, /* cannot be read or written now */
};

struct sql_report {
    enum sql_result result;
    bool is_anew;   /* a new file was begun in place of one that was damaged or removed */
    char why[512];  /* it failed, or was begun anew; "" otherwise */
    uint64_t bytes; /* of the file and its log; 0: not known */
};

/* Opens nothing yet. */
struct sql *sql_new(const struct sql_params *params);
void sql_free(struct sql *s); /* NULL is fine */

/* The next operation opens it again. */
void sql_close(struct sql *s);

/* Opens the file; another Weir that is just ending is waited for at most wait_ns. */
struct sql_report sql_open(struct sql *s, int64_t wait_ns);

/*
 * Does the work in one transaction: all of it or nothing. It is called again from its beginning where the
 * cause of a failure could be removed, perhaps on a file that is new.
 */
struct sql_report sql_run(struct sql *s, bool is_write, void (*work)(void *context, struct sql *s),
                          void *context);

/* ---- inside work and make_room ---- */

/* An error sticks: from then on nothing is done and no row comes, so work need not look after each step. */
bool sql_is_good(const struct sql *s);
void sql_execute(struct sql *s, const char *text);
int64_t sql_changes(const struct sql *s); /* rows that the last statement changed */
/* Of the file: all that it has, those in use, and how many there may be. */
struct sql_pages {
    uint64_t all, used, max;
};
struct sql_pages sql_count_pages(struct sql *s);
/* Gives unused pages back to the disk, at most so many at once. */
void sql_shrink(struct sql *s, uint64_t pages);

/* NULL after an error; all functions take it. */
struct sql_statement *sql_prepare(struct sql *s, const char *text);
void sql_finish(struct sql_statement *t);
/* at: 1 for ?1. Text and bytes are borrowed until the statement is run. */
void sql_bind_int(struct sql_statement *t, int at, int64_t value);
void sql_bind_double(struct sql_statement *t, int at, double value);
void sql_bind_text(struct sql_statement *t, int at, struct str text);
void sql_bind_bytes(struct sql_statement *t, int at, struct str bytes);
/* True: there is a row. False: there is none any more, and the statement is ready to be run again. */
bool sql_step(struct sql_statement *t);
/* Runs what gives no rows. False: an error, or it is there already: nothing was written and no error sticks.
 */
bool sql_insert(struct sql_statement *t);
/* Ends a run before its last row. */
void sql_reset(struct sql_statement *t);
/* Of the row; column 0 is the first. Borrowed until the next step. */
int64_t sql_int(struct sql_statement *t, int column);
double sql_double(struct sql_statement *t, int column);
struct str sql_text(struct sql_statement *t, int column);
struct str sql_bytes(struct sql_statement *t, int column);
bool sql_is_null(struct sql_statement *t, int column);
/* The first number of the first row; when_none: there is no row, or it is null. */
int64_t sql_number(struct sql *s, const char *text, int64_t when_none);
