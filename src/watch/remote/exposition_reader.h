/*
 * exposition_reader.h: reads Prometheus' text format (0.0.4) and OpenMetrics text (1.0) row by row. Pure;
 * nothing in it is believed. Comments, types and time stamps are passed over.
 *
 * Sources: prometheus/docs content/docs/instrumenting/exposition_formats.md; OpenMetrics 1.0.0 §"ABNF".
 */
#pragma once
#include "base/str.h"

#include <stdint.h>

struct exposition_row {
    struct str name;
    struct str labels; /* what is between the braces, still escaped; "" without any */
    double value;      /* NaN and infinities are possible */
};

struct exposition_reader {
    struct str rest;
    uint32_t line;   /* of the row that came last, from 1 */
    const char *why; /* it makes no sense from that line on: a constant phrase; NULL: it does */
};

void exposition_reader_init(struct exposition_reader *e, struct str text);
/* False at the end, or with `why`. */
bool exposition_reader_next(struct exposition_reader *e, struct exposition_row *ret_row)
    __attribute__((warn_unused_result));

/* The value of one label, unescaped and cut to fit; false, and "", when the row does not have it. */
bool exposition_label(const struct exposition_row *row, const char *name, char *out, size_t out_bytes);
