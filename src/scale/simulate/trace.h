/*
 * trace.h: recorded load: requests in bins of equal length. Read from `t_seconds,requests` lines (CSV), or
 * counted from an access log (combined format, or one JSON object a line).
 *
 * CSV: an optional header line, then a stamp and a number a line; the bin width is the smallest distance of
 * two stamps, stamps must rise by multiples of it, and bins left out had no requests. Logs: one request a
 * line, the time in [10/Oct/2000:13:55:36 -0700], or in the field time, timestamp, @timestamp, ts, msec,
 * time_iso8601, time_local or date as ISO 8601 text or as seconds or milliseconds since 1970; lines need not
 * be in order.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

#include <stdio.h>

enum {
    TRACE_LINE_BYTES_MAX = 1 << 20,
    TRACE_BINS_MAX = 40000000,
    TRACE_SECONDS_MAX = 40000000, /* 463 days */
};
#define TRACE_REQUESTS_MAX 1e12 /* in one bin */
#define TRACE_STAMP_MAX    1e18 /* seconds; before zero, too */

struct trace {
    double start_s;   /* the stamp of the first bin: since 1970, or since anything */
    double bin_s;     /* width of a bin, > 0 */
    size_t bin_count; /* >= 1 */
    double *requests; /* owned; one number a bin, >= 0 */
};

/* path "-": standard input. False with "FILE:LINE: what is wrong". The caller finishes *ret_trace. */
bool trace_load(const char *path, struct trace *ret_trace, struct err *err) MUST_USE;
/* The same from an open stream; name is for the messages. */
bool trace_read(FILE *in, const char *name, struct trace *ret_trace, struct err *err) MUST_USE;
void trace_fini(struct trace *t); /* also fine on a zeroed struct */
