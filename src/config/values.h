/*
 * values.h: scalars, in both directions: text to value and value to text, one row per enum value_type. Pure.
 * Only this room. parse(format(x)) gives x again.
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "config/schema.h"

enum value_outcome { VALUE_OK, VALUE_WRONG, VALUE_OUT_OF_RANGE };

struct value_row {
    const char *noun, *plural; /* "a duration", "durations" */
    /* On failure target is untouched and hint reads as what would be right; it may be empty. */
    enum value_outcome (*parse)(const struct schema_key *k, struct str text, struct arena *arena,
                                void *target, struct err *hint);
    /* Writes it as in a file, quoted where that is needed; false when there is nothing to write. */
    bool (*format)(const struct schema_key *k, const void *target, struct buf *out);
};

const struct value_row *value_row(enum value_type type);              /* not for VALUE_MAPPING */
bool value_is_text(enum value_type type);                             /* decodes into a struct str */
void value_format_range(const struct schema_key *k, struct buf *out); /* "1ms to 1h" */
void value_put_quoted(struct str text, struct buf *out);              /* as a YAML double-quoted scalar */
