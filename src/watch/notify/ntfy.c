/*
 * ntfy.c: notifications to phones by ntfy.sh or a server of one's own. Published as JSON to the server's
 * root, since fields of HTTP hold no text beyond ASCII; the topic is the last part of the configured address.
 *
 * Source: docs.ntfy.sh/publish, "Publish as JSON", "Message priority", "Tags & emojis"; a message has 4096
 * bytes at most, else it is made an attachment. Whoever knows a topic can read it: the address is a secret.
 */
#include "watch/notify/kind.h"

#include "base/json.h"
#include "base/utf8.h"
#include "watch/notify/text.h"

enum { ALERTS_MAX = 10, MESSAGE_BYTES_MAX = 4096, TITLE_UNITS_MAX = 250, TEXT_UNITS_MAX = 1000 };

/* 5: rings through "do not disturb"; 3 is ntfy's ordinary one; 2: no sound. */
static int priority_of(const struct alert_message *m)
{
    static const int priorities[] = {[ALERT_CRITICAL] = 5, [ALERT_WARNING] = 4, [ALERT_NOTICE] = 3};
    if (m->is_test)
        return 3;
    return alert_message_is_over(m) ? 2 : priorities[alert_message_severity(m)];
}

/* Names of emojis. */
static const char *tag_of(const struct alert_message *m)
{
    static const char *const tags[] = {[ALERT_CRITICAL] = "rotating_light",
                                       [ALERT_WARNING] = "warning",
                                       [ALERT_NOTICE] = "information_source"};
    return alert_message_is_over(m) ? "white_check_mark" : tags[alert_message_severity(m)];
}

static void write_alert(const struct text_voice *v, const struct notice *n, bool is_alone, struct buf *out)
{
    size_t start = out->len;
    if (!is_alone) {
        text_write_title(v, n, out);
        text_cut(out, start, TITLE_UNITS_MAX);
        buf_put_char(out, '\n');
    }
    start = out->len;
    text_write_lines(v, n, out);
    if (v->is_short)
        text_cut(out, start, TEXT_UNITS_MAX);
}

static size_t write_text(const struct text_voice *v, size_t shown, struct buf *out)
{
    const struct alert_message *m = v->message;
    size_t hidden = m->count - shown + m->left_out;
    buf_clear(out);
    for (size_t i = 0; i < shown; i++) {
        if (i)
            buf_put(out, STR("\n\n"));
        write_alert(v, &m->notices[i], m->count == 1 && m->left_out == 0, out);
    }
    if (hidden) {
        buf_put(out, STR("\n\n"));
        text_write_more(v, hidden, out);
    }
    return out->len;
}

static void write_click(struct json *j, const struct text_voice *v)
{
    CLEANUP(buf_fini) struct buf link = {0};
    if (v->message->count == 1)
        text_write_link(v, &v->message->notices[0], &link);
    else
        buf_put(&link, str_of(v->message->external_url));
    if (link.len)
        json_put_str(j, "click", buf_str(&link));
}

/* Moves the last part of the address to *topic. */
static void take_topic(struct buf *url, struct buf *topic)
{
    size_t at = url->len;
    while (at > 0 && url->ptr[at - 1] != '/')
        at--;
    buf_put(topic, str_n(buf_str(url).ptr + at, url->len - at));
    buf_cut(url, at);
}

static void ntfy_write(const struct alert_message *m, const struct sink_setup *setup, struct outgoing *out)
{
    struct text_voice v = {.message = m, .words = &setup->config->words, .put = text_put_plain};
    CLEANUP(buf_fini) struct buf title = {0};
    CLEANUP(buf_fini) struct buf text = {0};
    CLEANUP(buf_fini) struct buf topic = {0};
    size_t shown = m->count;
    struct json j;
    while (write_text(&v, shown, &text) > MESSAGE_BYTES_MAX && !v.is_short) {
        v.is_short = shown == 1;
        shown = MAX(shown - 1, (size_t)1);
    }
    text_write_headline(&v, &title);
    text_cut(&title, 0, TITLE_UNITS_MAX);
    out->bearer_token = setup->token;
    take_topic(&out->url, &topic);
    json_init(&j, &out->body);
    json_begin_object(&j);
    json_put_str(&j, "topic", buf_str(&topic));
    json_put_str(&j, "title", buf_str(&title));
    json_put_str(&j, "message", buf_str(&text));
    json_put_int(&j, "priority", priority_of(m));
    json_key(&j, "tags");
    json_begin_array(&j);
    json_str(&j, str_of(tag_of(m)));
    json_end_array(&j);
    write_click(&j, &v);
    json_end_object(&j);
    outgoing_put_header(out, "Content-Type", "application/json");
}

const struct sink_kind sink_ntfy = {.alerts_max = ALERTS_MAX, .has_digest = true, .write = ntfy_write};
