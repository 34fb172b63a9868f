/* report.h: alerts as JSON and as Prometheus text. Pure: alerts in, text out. */
#pragma once
#include "base/buf.h"
#include "base/json.h"
#include "watch/alert.h"
#include "watch/notify/notify.h"
#include "watch/silence.h"

/* What is not of the alert itself. */
struct report_telling {
    bool is_told;               /* people know that it fires */
    struct silence_hit silence; /* why they are not told */
    const char *link, *command; /* see alert_labels.h */
    size_t sink_count;
    const struct sink_report *sinks;
};
/* One object; now_ns: for ages. */
void report_write_alert(struct json *j, const struct alert *a, const struct report_telling *t,
                        int64_t now_ns);
struct alert_list {                                                /* how to go through the alerts */
    const struct alert *(*get)(const void *context, size_t index); /* NULL after the last */
    const void *context;
    const char *instance; /* this machine's; only other machines' are told in a label */
    uint64_t left_out;    /* alerts that were too many */
};
void report_write_alert_metrics(struct buf *out, const struct alert_list *list);
bool report_is_shown(const struct alert *a); /* not just ok, and not "unknown" as nobody ever asked */
