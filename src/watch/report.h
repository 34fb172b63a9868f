/* report.h: what watch knows as JSON and as Prometheus text. Pure: samples and alerts in, text out. */
#pragma once
#include "base/buf.h"
#include "base/json.h"
#include "watch/alert.h"
#include "watch/host_sample.h"

/* One object; taken_wall_ns: the wall clock at s->taken_ns. Before the first sample it is {}. */
void report_write_host(struct json *j, const struct host_sample *s, int64_t taken_wall_ns);
/* One object; now_ns: for ages. */
void report_write_alert(struct json *j, const struct alert *a, int64_t now_ns);
/* Whole families; numbers that are unknown have no row. */
void report_write_host_metrics(struct buf *out, const struct host_sample *s);

struct alert_list {                                                /* how to go through the alerts */
    const struct alert *(*get)(const void *context, size_t index); /* NULL after the last */
    const void *context;
};
void report_write_alert_metrics(struct buf *out, const struct alert_list *list);
bool report_is_shown(const struct alert *a); /* not just ok, and not "unknown" as nobody ever asked */
