/*
 * values_priv.h: what the families of scalars share. A new kind is a row in the table of its family,
 * value_*.c.
 */
#pragma once
#include "config/values.h"

/* Indexed by enum value_type; each family has the rows of its kinds. */
extern const struct value_row value_numbers[VALUE_TYPE_COUNT], value_texts[VALUE_TYPE_COUNT],
    value_hosts[VALUE_TYPE_COUNT], value_times[VALUE_TYPE_COUNT];

static inline enum value_outcome value_wrong(struct err *hint, const char *why)
{
    (void)err_set(hint, "%s", why);
    return VALUE_WRONG;
}

static inline bool value_is_visible(char c) /* ASCII, no blank */
{
    return c > 0x20 && c < 0x7F;
}

/* Copies text into the arena and puts it into the struct str at target. */
enum value_outcome value_keep_text(struct str text, struct arena *arena, void *target);
/* The formatter of every struct str: bare where YAML takes it as it is. */
bool value_format_text(const struct schema_key *k, const void *target, struct buf *out);
