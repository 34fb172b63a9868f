/*
 * webhook.c: alerts to an HTTP receiver, in the shape of Prometheus Alertmanager's webhook version 4, so that
 * every receiver made for that one understands us.
 *
 * Source: prometheus/alertmanager notify/webhook (Message), template (Data, Alert): names, order and types of
 * the fields.
 */
#include "watch/notify/kind.h"

#include "base/clock.h"
#include "base/json.h"
#include "watch/notify/prometheus.h"

#include <inttypes.h>
#include <stdio.h>

/* What Go prints for a time that was never set: "not over yet" to all receivers. */
static const char zero_time[] = "0001-01-01T00:00:00Z";

/* ---- what all alerts of a message share ---- */

static bool is_common(const struct alert_message *m, const char *name, const char *value)
{
    for (size_t i = 0; i < m->count; i++) {
        const char *its = prometheus_label(&m->notices[i], name);
        if (!its || strcmp(its, value) != 0)
            return false;
    }
    return true;
}

static void put_if_common(struct json *j, const struct alert_message *m, const char *name, const char *value)
{
    if (is_common(m, name, value))
        json_put_text(j, name, value);
}

static void write_common_labels(struct json *j, const struct alert_message *m)
{
    const struct notice *first = &m->notices[0];
    json_key(j, "commonLabels");
    json_begin_object(j);
    put_if_common(j, m, "alertname", first->name);
    for (size_t i = 0; i < first->label_count; i++)
        put_if_common(j, m, first->labels[i].name, first->labels[i].value);
    put_if_common(j, m, "severity", alert_severity_name(first->severity));
    json_end_object(j);
}

static void write_common_annotations(struct json *j, const struct alert_message *m)
{
    const struct notice *first = &m->notices[0];
    bool is_description = true, is_summary = true;
    for (size_t i = 1; i < m->count; i++) {
        is_description &= strcmp(m->notices[i].evidence, first->evidence) == 0;
        is_summary &= strcmp(m->notices[i].summary, first->summary) == 0;
    }
    json_key(j, "commonAnnotations");
    json_begin_object(j);
    if (is_description)
        json_put_text(j, "description", first->evidence);
    if (is_summary)
        json_put_text(j, "summary", first->summary);
    json_end_object(j);
}

/* ---- the message ---- */

static void write_alert(struct json *j, const struct alert_message *m, const struct notice *n)
{
    bool is_over = notice_is_over(n);
    char time[CLOCK_RFC3339_BYTES], fingerprint[32];
    snprintf(fingerprint, sizeof(fingerprint), "%016" PRIx64, n->fingerprint);
    json_begin_object(j);
    json_put_text(j, "status", is_over ? "resolved" : "firing");
    prometheus_write_labels(j, "labels", n);
    prometheus_write_annotations(j, "annotations", n);
    json_put_text(j, "startsAt", clock_format_rfc3339(time, n->started_wall_ns));
    json_put_text(j, "endsAt", is_over ? clock_format_rfc3339(time, n->ended_wall_ns) : zero_time);
    json_put_text(j, "generatorURL", n->link);
    json_put_text(j, "fingerprint", fingerprint);
    json_end_object(j);
}

/* A message is the group of what came together: by its name when all alerts have the same. */
static void write_group(struct json *j, const struct alert_message *m)
{
    const char *name = m->notices[0].name;
    bool has_name = is_common(m, "alertname", name);
    json_key(j, "groupLabels");
    json_begin_object(j);
    if (has_name)
        json_put_text(j, "alertname", name);
    json_end_object(j);
}

static void write_group_key(struct json *j, const struct alert_message *m)
{
    const char *name = m->notices[0].name;
    char key[256] = "{}:{}";
    if (is_common(m, "alertname", name))
        snprintf(key, sizeof(key), "{}:{alertname=\"%s\"}", name);
    json_put_text(j, "groupKey", key);
}

static void write_body(const struct alert_message *m, struct buf *out)
{
    struct json j;
    json_init(&j, out);
    json_begin_object(&j);
    json_put_text(&j, "receiver", m->receiver);
    json_put_text(&j, "status", alert_message_is_over(m) ? "resolved" : "firing");
    json_key(&j, "alerts");
    json_begin_array(&j);
    for (size_t i = 0; i < m->count; i++)
        write_alert(&j, m, &m->notices[i]);
    json_end_array(&j);
    write_group(&j, m);
    write_common_labels(&j, m);
    write_common_annotations(&j, m);
    json_put_text(&j, "externalURL", m->external_url);
    json_put_text(&j, "version", "4");
    write_group_key(&j, m);
    json_put_int(&j, "truncatedAlerts", m->left_out);
    json_end_object(&j);
}

static void webhook_write(const struct alert_message *m, const struct sink_setup *setup, struct outgoing *out)
{
    outgoing_put_header(out, "Content-Type", "application/json");
    out->bearer_token = setup->token;
    write_body(m, &out->body);
}

const struct sink_kind sink_webhook = {.alerts_max = 64, .write = webhook_write};
