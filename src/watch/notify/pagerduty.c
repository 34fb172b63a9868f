/*
 * pagerduty.c: an event for each alert: `trigger` when it fires, `resolve` when it is over, both with the key
 * of the episode, so that a message that comes twice makes one incident. In the Events API v2 a 202 is the
 * only success, 429 and 5xx are tried again.
 *
 * Source: developer.pagerduty.com, "Send an Alert Event", "PD-CEF". A summary has 1024 characters at most, a
 * dedup_key 255.
 */
#include "watch/notify/kind.h"

#include "base/clock.h"
#include "base/json.h"
#include "watch/notify/text.h"

enum { SUMMARY_UNITS_MAX = 1024 };
_Static_assert(NOTICE_KEY_BYTES <= 255, "dedup_key");

static const char *severity_of(const struct alert_message *m)
{
    static const char *const names[] = {
        [ALERT_CRITICAL] = "critical", [ALERT_WARNING] = "warning", [ALERT_NOTICE] = "info"};
    return m->is_test ? "info" : names[m->notices[0].severity];
}

static const char *label_or(const struct notice *n, const char *name, const char *when_absent)
{
    const char *value = notice_label(n, name);
    return value && value[0] ? value : when_absent;
}

static void write_details(struct json *j, const struct text_voice *v, const struct notice *n)
{
    struct text_facts facts;
    CLEANUP(buf_fini) struct buf text = {0};
    const char *label, *silence = text_silence(v, n, &label);
    text_write_text(v, n, &text);
    text_find_facts(v, n, &facts);
    json_key(j, "custom_details");
    json_begin_object(j);
    json_put_str(j, "text", buf_str(&text));
    for (size_t i = 0; i < n->label_count; i++)
        json_put_text(j, n->labels[i].name, n->labels[i].value);
    for (size_t i = 0; i < facts.count; i++)
        json_put_text(j, facts.items[i].label, facts.items[i].value);
    if (silence)
        json_put_text(j, label, silence);
    json_end_object(j);
}

static void write_payload(struct json *j, const struct text_voice *v, const struct notice *n)
{
    CLEANUP(buf_fini) struct buf title = {0};
    char time[CLOCK_RFC3339_BYTES];
    const char *path = notice_label(n, "path"), *service = notice_label(n, "service");
    text_write_title(v, n, &title);
    text_cut(&title, 0, SUMMARY_UNITS_MAX);
    json_key(j, "payload");
    json_begin_object(j);
    json_put_str(j, "summary", buf_str(&title));
    json_put_text(j, "source", label_or(n, "instance", "weir"));
    json_put_text(j, "severity", severity_of(v->message));
    json_put_text(j, "timestamp", clock_format_rfc3339(time, n->started_wall_ns));
    if (path || service)
        json_put_text(j, "component", service ? label_or(n, "server", service) : path);
    if (service)
        json_put_text(j, "group", service);
    json_put_text(j, "class", n->name);
    write_details(j, v, n);
    json_end_object(j);
}

static void write_link(struct json *j, const struct text_voice *v, const struct notice *n)
{
    CLEANUP(buf_fini) struct buf link = {0};
    text_write_link(v, n, &link);
    if (link.len == 0)
        return;
    json_put_str(j, "client_url", buf_str(&link));
    json_key(j, "links");
    json_begin_array(j);
    json_begin_object(j);
    json_put_str(j, "href", buf_str(&link));
    json_put_text(j, "text", text_link_label(v));
    json_end_object(j);
    json_end_array(j);
}

static void pagerduty_write(const struct alert_message *m, const struct sink_setup *setup,
                            struct outgoing *out)
{
    const struct notice *n = &m->notices[0];
    struct text_voice v = {.message = m, .words = &setup->config->words, .put = text_put_plain};
    struct json j;
    char key[NOTICE_KEY_BYTES];
    json_init(&j, &out->body);
    json_begin_object(&j);
    json_put_text(&j, "routing_key", setup->token);
    json_put_text(&j, "event_action", notice_is_over(n) ? "resolve" : "trigger");
    json_put_text(&j, "dedup_key", notice_format_key(n, key));
    json_put_text(&j, "client", "Weir");
    write_link(&j, &v, n);
    write_payload(&j, &v, n);
    json_end_object(&j);
    outgoing_put_header(out, "Content-Type", "application/json");
}

/* {"status": "invalid event", "message": "Event object is invalid", "errors": ["'payload.severity' is ..."]}
 */
static void pagerduty_judge(const struct fetch_response *response, struct sink_answer *answer)
{
    struct err err;
    struct json_value *body = json_value_parse(buf_str(&response->body), &err);
    const struct json_value *errors = json_value_get(body, "errors");
    sink_answer_quote(answer, str_of(json_value_text(body, "message", "")));
    if (json_value_count(errors))
        sink_answer_quote(answer, json_value_text_at(errors, 0));
    json_value_free(body);
}

const struct sink_kind sink_pagerduty = {.alerts_max = 1, .write = pagerduty_write, .judge = pagerduty_judge};
