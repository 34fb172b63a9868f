/* prometheus.h: an alert's labels and annotations as Prometheus and Alertmanager write them. Pure. */
#pragma once
#include "base/json.h"
#include "watch/notify/kind.h"

/* "alertname" and "severity" included; NULL: it has no such label. */
const char *prometheus_label(const struct notice *n, const char *name);
/* An object under the key, in the order of the labels' names, as Go's encoder writes maps. */
void prometheus_write_labels(struct json *j, const char *key, const struct notice *n);
void prometheus_write_annotations(struct json *j, const char *key, const struct notice *n);
