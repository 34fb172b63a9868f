/*
 * metric_value.h: the numbers of the catalogue as text, by their unit. Pure.
 *
 * The exact form is how a number stands in a rule: "90%", "1m30s", "2GiB", "5/s", "14.4"; reading it gives
 * the same number again. The shown form is for sentences: "93.4 %", "4h12m", "1.5GiB".
 */
#pragma once
#include "base/buf.h"
#include "rule/metric.h"

enum { METRIC_VALUE_BYTES = 48 };

/* On failure *ret_problem is a constant phrase that says what would be right. */
bool metric_value_parse(enum metric_unit unit, struct str text, double *ret_value, const char **ret_problem);
void metric_value_format(enum metric_unit unit, double value, struct buf *out);
char *metric_value_show(enum metric_unit unit, double value, char out[METRIC_VALUE_BYTES]);

/* A span as people say it, in whole seconds from a second on: "1h2m3s", "5m", "250ms", "0s". */
char *metric_span_show(int64_t ns, char out[METRIC_VALUE_BYTES]);
