/*
 * values.c: see values.h. One pair of functions for each kind of scalar, in four families with a table each.
 *
 * Parsers are strict and say what would be right; where a wrong text has one likely meaning (`1-16`, a host
 * with a port) the hint names it.
 */
#include "config/values.h"

#include "base/macros.h"
#include "config/values_priv.h"

static const struct value_row *const families[] = {value_numbers, value_texts, value_hosts, value_times};

const struct value_row *value_row(enum value_type type)
{
    const struct value_row *row = NULL;
    ASSERT(type < VALUE_TYPE_COUNT);
    for (size_t i = 0; i < ARRAY_LEN(families) && !row; i++)
        row = families[i][type].parse ? &families[i][type] : NULL;
    ASSERT(row);
    return row;
}

bool value_is_text(enum value_type type)
{
    return type != VALUE_MAPPING && value_row(type)->format == value_format_text;
}
