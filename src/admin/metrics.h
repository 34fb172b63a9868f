/*
 * metrics.h: the text of GET /metrics: Prometheus' exposition format 0.0.4, families whole and each declared
 * once. Counters come from stats/catalogue.h; the gauges and histograms are declared in metrics.c.
 * docs/reference/metrics.md lists all.
 */
#pragma once
#include "admin/admin.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Appends the families of threads, services, servers and the process, then what ops->write_metrics adds.
 * Control thread. */
void metrics_write(struct buf *out, const struct fleet *fleet, const struct admin_ops *ops, int64_t now_ns);
