/*
 * numbers.h: the numbers that the configuration declares of an exporter: sums of its series, and rates of
 * counters. Pure but for the memory it keeps of the answer before. What the exporter does not tell is
 * unknown.
 */
#pragma once
#include "base/buf.h"
#include "base/json.h"
#include "config/model.h"
#include "watch/board.h"

struct numbers;

struct numbers *numbers_new(const struct config_host *config); /* borrowed for good; has read nothing yet */
void numbers_free(struct numbers *n);                          /* NULL is fine */

/* Of text, only what stands before the first nonsense counts: see exposition_reader.h. now_ns: when it was
 * asked for, monotonic. */
void numbers_read(struct numbers *n, struct str text, int64_t now_ns);

void numbers_put(const struct numbers *n, struct board *b); /* for the host that is set there */
/* doubt: why all of it is unknown after all; NULL: it is not. One array: [{"name", "sum_of" or "rate_of",
 * "series": how many fit, "value", "why_unknown"}]. */
void numbers_write_json(const struct numbers *n, const char *doubt, struct json *j);
/* Rows of the family `name`, without what is unknown. */
void numbers_write_rows(const struct numbers *n, const char *name, const char *host, struct buf *out);
/* Series of the latest answer that were beyond max_series. */
uint64_t numbers_left_out(const struct numbers *n);
