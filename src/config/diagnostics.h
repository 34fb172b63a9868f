/*
 * diagnostics.h: what is wrong with a configuration text, and where: collected in any order, told in the
 * order of the text, each with the line itself, a caret and a hint. Pure; one thread.
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stdint.h>

enum diagnostic_severity { DIAGNOSTIC_ERROR, DIAGNOSTIC_WARNING };

enum { DIAGNOSTICS_MAX = 200 }; /* further ones are only counted */

struct diagnostic {
    enum diagnostic_severity severity;
    bool has_place;        /* false: about the whole file; then the numbers below are 0 */
    size_t offset, length; /* bytes of the text; within one line, length may be 0 only at the end of a line */
    uint32_t line, column; /* from 1; columns are characters, not bytes */
    struct str text;       /* one sentence without a full stop */
    struct str hint;       /* what would be right; may be "" */
    struct str option;     /* "" or the command line's option that it is about: "--servers 5..2" */
};

/* Owns its memory: file name and text are copied. */
struct diagnostics {
    struct arena *arena;
    struct str file_name, source;
    size_t count, error_count, warning_count, dropped_count;
    struct diagnostic *items; /* [DIAGNOSTICS_MAX], sorted by place once config_read() returns */
    struct str *secrets;      /* parts of source that are never printed */
    size_t secret_count, secret_capacity;
};

void diagnostics_init(struct diagnostics *d, const char *file_name, struct str source);
void diagnostics_fini(struct diagnostics *d); /* also fine on a zeroed struct */

/* Adds one about source[offset, offset + length), cut at the end of its line. Returns it (valid until fini),
 * or NULL when full. */
struct diagnostic *diagnostics_add(struct diagnostics *d, enum diagnostic_severity severity, size_t offset,
                                   size_t length, const char *format, ...) PRINTF_LIKE(5, 6);
/* Adds an error about the whole file: "cannot be read: no such file". */
void diagnostics_add_general(struct diagnostics *d, const char *format, ...) PRINTF_LIKE(2, 3);
void diagnostics_hint(struct diagnostics *d, struct diagnostic *item, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* These bytes of the source are printed as asterisks. */
void diagnostics_hide(struct diagnostics *d, size_t offset, size_t length);
void diagnostics_sort(struct diagnostics *d); /* before printing */

/*
 * Writes all of them as people read them:
 *   weir.yaml:14:9: unknown key 'intervall' in 'health'
 *      14 |         intervall: 5s
 *         |         ^^^^^^^^^ did you mean 'interval'?
 * has_colour: with ANSI colours. The rest of a line that is too long for a terminal is cut.
 */
void diagnostics_print(const struct diagnostics *d, bool has_colour, struct buf *out);
