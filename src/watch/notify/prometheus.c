/* prometheus.c: see prometheus.h. */
#include "watch/notify/prometheus.h"

const char *prometheus_label(const struct notice *n, const char *name)
{
    if (strcmp(name, "alertname") == 0)
        return n->name;
    return strcmp(name, "severity") == 0 ? alert_severity_name(n->severity) : notice_label(n, name);
}

void prometheus_write_labels(struct json *j, const char *key, const struct notice *n)
{
    bool has_severity = false;
    json_key(j, key);
    json_begin_object(j);
    json_put_text(j, "alertname", n->name);
    for (size_t i = 0; i < n->label_count; i++) {
        if (!has_severity && strcmp(n->labels[i].name, "severity") > 0) {
            json_put_text(j, "severity", alert_severity_name(n->severity));
            has_severity = true;
        }
        json_put_text(j, n->labels[i].name, n->labels[i].value);
    }
    if (!has_severity)
        json_put_text(j, "severity", alert_severity_name(n->severity));
    json_end_object(j);
}

void prometheus_write_annotations(struct json *j, const char *key, const struct notice *n)
{
    json_key(j, key);
    json_begin_object(j);
    json_put_text(j, "description", n->evidence);
    if (!notice_is_over(n) && n->silence[0])
        json_put_text(j, "silence", n->silence);
    json_put_text(j, "summary", n->summary);
    json_end_object(j);
}
