/*
 * alertmanager.c: see alertmanager.h. One alert a message, grouped by its name; each alert thus has its own
 * order.
 *
 * Lists of labels are written in the order of their names, as Go's encoder does with maps.
 */
#include "watch/notify/alertmanager.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/macros.h"

#include <stdio.h>

/* What Go prints for a time that was never set: "not over yet" to all receivers. */
static const char zero_time[] = "0001-01-01T00:00:00Z";

bool alertmanager_can_tell(enum alert_change change)
{
    return change == ALERT_FIRED || change == ALERT_ENDED;
}

static void write_labels(struct json *j, const char *key, const struct alert *a)
{
    json_key(j, key);
    json_begin_object(j);
    json_put_text(j, "alertname", a->name);
    for (size_t i = 0; i < a->label_count; i++)
        json_put_text(j, a->labels[i].name, a->labels[i].value);
    json_put_text(j, "severity", alert_severity_name(a->severity));
    json_end_object(j);
}

static void write_annotations(struct json *j, const char *key, const struct alert *a)
{
    json_key(j, key);
    json_begin_object(j);
    json_put_text(j, "description", a->evidence);
    json_put_text(j, "summary", a->summary);
    json_end_object(j);
}

static void write_alert(struct json *j, const struct notification *n)
{
    const struct alert *a = n->alert;
    bool is_over = n->change == ALERT_ENDED;
    char time[CLOCK_RFC3339_BYTES], fingerprint[32], url[512];
    snprintf(fingerprint, sizeof(fingerprint), "%016llx", (unsigned long long)a->fingerprint);
    snprintf(url, sizeof(url), "%s%s", n->external_url, n->external_url[0] ? "/api/v1/alerts" : "");
    json_begin_object(j);
    json_put_text(j, "status", is_over ? "resolved" : "firing");
    write_labels(j, "labels", a);
    write_annotations(j, "annotations", a);
    json_put_text(j, "startsAt", clock_format_rfc3339(time, a->started_wall_ns));
    json_put_text(j, "endsAt", is_over ? clock_format_rfc3339(time, a->ended_wall_ns) : zero_time);
    json_put_text(j, "generatorURL", url);
    json_put_text(j, "fingerprint", fingerprint);
    json_end_object(j);
}

void alertmanager_write(struct buf *out, const struct notification *n, const char *receiver)
{
    const struct alert *a = n->alert;
    ASSERT(alertmanager_can_tell(n->change));
    char group_key[128];
    snprintf(group_key, sizeof(group_key), "{}:{alertname=\"%s\"}", a->name);
    struct json j;
    json_init(&j, out);
    json_begin_object(&j);
    json_put_text(&j, "receiver", receiver);
    json_put_text(&j, "status", n->change == ALERT_ENDED ? "resolved" : "firing");
    json_key(&j, "alerts");
    json_begin_array(&j);
    write_alert(&j, n);
    json_end_array(&j);
    json_key(&j, "groupLabels");
    json_begin_object(&j);
    json_put_text(&j, "alertname", a->name);
    json_end_object(&j);
    write_labels(&j, "commonLabels", a);
    write_annotations(&j, "commonAnnotations", a);
    json_put_text(&j, "externalURL", n->external_url);
    json_put_text(&j, "version", "4");
    json_put_text(&j, "groupKey", group_key);
    json_put_int(&j, "truncatedAlerts", 0);
    json_end_object(&j);
}
