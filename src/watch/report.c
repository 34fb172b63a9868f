/*
 * report.c: see report.h. The metrics follow Prometheus' rules: base units, ratios of 0 to 1, families in one
 * piece.
 */
#include "watch/report.h"

#include "base/clock.h"
#include "base/macros.h"
#include "stats/exposition.h"

#include <stdio.h>

bool report_is_shown(const struct alert *a)
{
    return (a->life.state != ALERT_OK && a->life.state != ALERT_UNKNOWN) || a->life.is_lost;
}

static void put_wall(struct json *j, const char *key, int64_t wall_ns)
{
    char time[CLOCK_RFC3339_BYTES];
    json_put_text(j, key, wall_ns ? clock_format_rfc3339(time, wall_ns) : NULL);
}

static void write_sinks(struct json *j, const struct report_telling *t)
{
    json_key(j, "sinks");
    json_begin_array(j);
    for (size_t i = 0; i < t->sink_count; i++) {
        json_begin_object(j);
        json_put_text(j, "name", t->sinks[i].name);
        json_put_text(j, "state", sink_standing_name(t->sinks[i].standing));
        json_put_text(j, "why", t->sinks[i].why);
        put_wall(j, "told_at", t->sinks[i].told_wall_ns);
        json_end_object(j);
    }
    json_end_array(j);
}

static void write_telling(struct json *j, const struct report_telling *t)
{
    bool is_endless = t->silence.until_wall_ns == INT64_MAX;
    json_put_bool(j, "is_told", t->is_told);
    json_key(j, "silence");
    if (t->silence.id) {
        json_begin_object(j);
        json_put_text(j, "id", t->silence.id);
        put_wall(j, "until", is_endless ? 0 : t->silence.until_wall_ns);
        json_put_text(j, "createdBy", t->silence.who);
        json_put_text(j, "comment", t->silence.comment);
        json_end_object(j);
    } else {
        json_null(j);
    }
    write_sinks(j, t);
    json_put_text(j, "link", t->link[0] ? t->link : NULL);
    json_put_text(j, "silence_command", t->command);
}

/* null where nothing was known. */
static void write_sparkline(struct json *j, const struct sparkline *s)
{
    json_key(j, "sparkline");
    json_begin_object(j);
    json_put_double(j, "step_seconds", (double)s->step_ns / 1e9);
    json_key(j, "values");
    json_begin_array(j);
    for (size_t i = 0; i < s->count; i++)
        json_double(j, (double)sparkline_at(s, i));
    json_end_array(j);
    json_end_object(j);
}

static void write_past(struct json *j, const struct alert_past *past)
{
    char time[CLOCK_RFC3339_BYTES];
    json_key(j, "before");
    json_begin_array(j);
    for (size_t i = 0; past && i < past->count; i++) {
        json_begin_object(j);
        json_put_text(j, "at", clock_format_rfc3339(time, past->events[i].wall_ns));
        json_put_text(j, "text", past->events[i].text);
        json_end_object(j);
    }
    json_end_array(j);
}

void report_write_alert(struct json *j, const struct alert *a, const struct report_telling *t, int64_t now_ns)
{
    char fingerprint[32];
    const struct alert_life *l = &a->life;
    snprintf(fingerprint, sizeof(fingerprint), "%016llx", (unsigned long long)a->fingerprint);
    json_begin_object(j);
    json_put_text(j, "name", a->name);
    json_put_text(j, "summary", a->summary);
    json_put_text(j, "host", a->is_elsewhere ? alert_label(a, "instance") : NULL);
    json_put_text(j, "severity", alert_severity_name(a->severity));
    json_put_text(j, "state", alert_state_name(l->state));
    json_put_bool(j, "is_active", alert_life_is_active(l));
    json_put_text(j, "fingerprint", fingerprint);
    json_key(j, "labels");
    json_begin_object(j);
    for (size_t i = 0; i < a->label_count; i++)
        json_put_text(j, a->labels[i].name, a->labels[i].value);
    json_end_object(j);
    json_put_double(j, "state_seconds", (double)(now_ns - l->state_since_ns) / 1e9);
    put_wall(j, "started_at", a->started_wall_ns);
    put_wall(j, "ended_at", a->ended_wall_ns);
    json_put_double_if(j, "value", l->is_known, l->values[0]);
    if (!l->is_known)
        json_put_text(j, "why_unknown", a->why_unknown);
    json_put_double(j, "threshold", a->rule.limits[0].threshold);
    json_put_double(j, "clear", a->rule.limits[0].clear);
    json_put_double(j, "for_seconds", (double)a->rule.for_ns / 1e9);
    json_put_text(j, "unit", metric_unit_name(a->unit));
    json_put_text(j, "rule", a->when);
    json_put_text(j, "evidence", a->evidence);
    write_telling(j, t);
    json_put_text(j, "hidden", a->hidden[0] ? a->hidden : NULL);
    json_put_bool(j, "is_flapping", alert_life_is_active(l) && alert_life_is_flapping(l, now_ns));
    write_sparkline(j, &a->spark);
    write_past(j, a->past);
    json_end_object(j);
}

/* One row an alert that has something to say; the value is 1 while it is active. */
void report_write_alert_metrics(struct buf *out, const struct alert_list *list)
{
    exposition_begin(out, "weir_alert_active", "gauge",
                     "1 for an alert that is firing or recovering, else 0.");
    const struct alert *a;
    for (size_t i = 0; (a = list->get(list->context, i)) != NULL; i++) {
        buf_printf(out, "weir_alert_active{alertname=\"%s\"", a->name);
        for (size_t k = 0; k < a->label_count; k++) {
            bool is_instance = strcmp(a->labels[k].name, "instance") == 0;
            if (is_instance && strcmp(a->labels[k].value, list->instance) == 0)
                continue; /* the scraper's to say */
            buf_printf(out, ",%s=\"", is_instance ? "host" : a->labels[k].name);
            exposition_put_label(out, a->labels[k].value);
            buf_put_char(out, '"');
        }
        buf_printf(out, ",severity=\"%s\"} %d\n", alert_severity_name(a->severity),
                   alert_life_is_active(&a->life));
    }
    exposition_begin(out, "weir_alerts_left_out", "gauge",
                     "Alerts that there would be if there were not so many.");
    buf_printf(out, "weir_alerts_left_out %llu\n", (unsigned long long)list->left_out);
}
