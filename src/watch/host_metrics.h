/* host_metrics.h: a sample of the host as Prometheus text. Pure. */
#pragma once
#include "base/buf.h"
#include "watch/host_sample.h"

/* Whole families; numbers that are unknown have no row. */
void host_metrics_write(struct buf *out, const struct host_sample *s);
