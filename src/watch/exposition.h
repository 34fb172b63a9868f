/* exposition.h: lines of Prometheus' text format. Pure. */
#pragma once
#include "base/buf.h"
#include "watch/reading.h"

/* HELP and TYPE. */
void exposition_begin(struct buf *out, const char *name, const char *type, const char *help);
void exposition_put_label(struct buf *out, const char *text); /* escaped */
/* labels: with braces, escaped; "" for none. No row when the reading is unknown. */
void exposition_put_row(struct buf *out, const char *name, const char *labels, struct reading r,
                        double scale);
