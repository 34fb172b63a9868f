/*
 * units.h: sizes, durations and percentages as people write them, in both directions. Pure.
 * A unit is required: `30s`, `1m30s`, `250ms`, `64KiB`, `10MB`, `90%`; a bare 0 is allowed.
 * kB, MB, GB, TB are powers of 1000 and KiB, MiB, GiB, TiB powers of 1024; `B` is bytes.
 */
#pragma once
#include "base/str.h"

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* On failure *ret_problem is a constant phrase such as "a duration needs a unit: 500ms, 30s, 5m, 1h". */
bool units_parse_duration(struct str text, int64_t *ret_ns, const char **ret_problem);
bool units_parse_size(struct str text, uint64_t *ret_bytes, const char **ret_problem);
bool units_parse_percent(struct str text, double *ret_percent, const char **ret_problem); /* 0..100 */

enum { UNITS_TEXT_BYTES = 32 };
char *units_format_duration(char out[UNITS_TEXT_BYTES], int64_t ns); /* "1.5s", "250ms", "5m" */
char *units_format_size(char out[UNITS_TEXT_BYTES], uint64_t bytes); /* "64KiB", "1.5GiB" */

/* Exactly, so that it reads back as the same: "1m30s", "1536KiB". 0 is "0s" and "0B". */
void units_put_duration(struct buf *out, uint64_t ns);
void units_put_size(struct buf *out, uint64_t bytes);
