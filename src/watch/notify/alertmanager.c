/*
 * alertmanager.c: alerts to the API v2 of Prometheus Alertmanager, which groups, silences and tells people by
 * its own configuration.
 *
 * It forgets: an alert that is not told again is over for it after the time that endsAt says, and a restarted
 * one may know nothing. So it is told what is so, once a minute, as Prometheus does (kind.h, resend_ns). Of a
 * cluster each member is told: each is a sink of its own.
 *
 * Source: prometheus/alertmanager api/v2/openapi.yaml (postableAlerts), docs/alerts_api.md; prometheus
 * rules/manager.go for the four intervals that endsAt is ahead.
 */
#include "watch/notify/kind.h"

#include "base/clock.h"
#include "base/json.h"
#include "watch/notify/prometheus.h"

#define RESEND_NS       (60 * NS_PER_S)
#define RESEND_ENDED_NS (300 * NS_PER_S)
#define ENDS_AHEAD_NS   (4 * RESEND_NS)

static void write_alert(struct json *j, const struct alert_message *m, const struct notice *n)
{
    char time[CLOCK_RFC3339_BYTES];
    int64_t ends_wall_ns = notice_is_over(n) ? n->ended_wall_ns : m->wall_ns + ENDS_AHEAD_NS;
    json_begin_object(j);
    prometheus_write_labels(j, "labels", n);
    prometheus_write_annotations(j, "annotations", n);
    json_put_text(j, "startsAt", clock_format_rfc3339(time, n->started_wall_ns));
    json_put_text(j, "endsAt", clock_format_rfc3339(time, ends_wall_ns));
    if (n->link[0])
        json_put_text(j, "generatorURL", n->link);
    json_end_object(j);
}

static void alertmanager_write(const struct alert_message *m, const struct sink_setup *setup,
                               struct outgoing *out)
{
    struct str base = setup->config->urls.items[0];
    struct json j;
    while (base.len && base.ptr[base.len - 1] == '/')
        base.len--;
    buf_clear(&out->url);
    buf_put(&out->url, base);
    buf_put(&out->url, STR("/api/v2/alerts"));
    outgoing_put_header(out, "Content-Type", "application/json");
    out->bearer_token = setup->token;
    json_init(&j, &out->body);
    json_begin_array(&j);
    for (size_t i = 0; i < m->count; i++)
        write_alert(&j, m, &m->notices[i]);
    json_end_array(&j);
}

const struct sink_kind sink_alertmanager = {.alerts_max = 256,
                                            .resend_ns = RESEND_NS,
                                            .resend_ended_ns = RESEND_ENDED_NS,
                                            .write = alertmanager_write};
