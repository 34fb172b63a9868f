/* prometheus.c: see prometheus.h. */
#include "watch/notify/prometheus.h"

#include <stdio.h>

const char *prometheus_label(const struct notice *n, const char *name)
{
    if (strcmp(name, "alertname") == 0)
        return n->name;
    return strcmp(name, "severity") == 0 ? alert_severity_name(n->severity) : notice_label(n, name);
}

/* alertname comes first and severity last by their letters: alert_add_label() sees to it. */
void prometheus_write_labels(struct json *j, const char *key, const struct notice *n)
{
    json_key(j, key);
    json_begin_object(j);
    json_put_text(j, "alertname", n->name);
    for (size_t i = 0; i < n->label_count; i++)
        json_put_text(j, n->labels[i].name, n->labels[i].value);
    json_put_text(j, "severity", alert_severity_name(n->severity));
    json_end_object(j);
}

void prometheus_write_annotations(struct json *j, const char *key, const struct notice *n)
{
    json_key(j, key);
    json_begin_object(j);
    json_put_text(j, "description", n->evidence);
    json_put_text(j, "summary", n->summary);
    json_end_object(j);
}

char *prometheus_format_link(const struct alert_message *m, char out[PROMETHEUS_URL_BYTES])
{
    snprintf(out, PROMETHEUS_URL_BYTES, "%s%s", m->external_url, m->external_url[0] ? "/api/v1/alerts" : "");
    return out;
}
