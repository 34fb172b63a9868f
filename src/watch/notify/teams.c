/*
 * teams.c: adaptive cards to a Teams workflow ("Post to a channel when a webhook request is received"); the
 * connectors of before are gone. A message is 28 KB at most; alerts beyond are counted.
 *
 * Source: learn.microsoft.com, "Create incoming webhooks with Workflows for Microsoft Teams", "Format cards
 * in Microsoft Teams", adaptivecards.io/explorer. The answer 202 says that the workflow has begun, no more.
 * The URL carries its signature and is the secret.
 */
#include "watch/notify/kind.h"

#include "base/json.h"
#include "watch/notify/text.h"

enum {
    ALERTS_MAX = 10,
    BODY_BYTES_MAX = 27 * 1024,
    TITLE_UNITS_MAX = 300,
    TEXT_UNITS_MAX = 4000,
    FACT_UNITS_MAX = 1024,
};

/* A text block knows some Markdown, and takes a single line's end for a blank. */
static void put(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (strchr("\\*_`[]#", s.ptr[i]) && s.ptr[i])
            buf_put_char(out, '\\');
        buf_put_char(out, s.ptr[i]);
        if (s.ptr[i] == '\n')
            buf_put_char(out, '\n');
    }
}

static const char *colour_of(const struct notice *n)
{
    if (notice_is_over(n))
        return "good";
    return n->severity == ALERT_CRITICAL ? "attention" : n->severity == ALERT_WARNING ? "warning" : "accent";
}

static void begin_block(struct json *j, const char *type)
{
    json_begin_object(j);
    json_put_text(j, "type", type);
}

static void begin_text(struct json *j, struct str text)
{
    begin_block(j, "TextBlock");
    json_put_str(j, "text", text);
    json_put_bool(j, "wrap", true);
}

static void write_facts(struct json *j, const struct text_voice *v, const struct notice *n)
{
    struct text_facts facts;
    text_find_facts(v, n, &facts);
    if (facts.count == 0)
        return;
    begin_block(j, "FactSet");
    json_key(j, "facts");
    json_begin_array(j);
    for (size_t i = 0; i < facts.count; i++) {
        CLEANUP(buf_fini) struct buf value = {0};
        put(&value, str_of(facts.items[i].value));
        text_cut(&value, 0, FACT_UNITS_MAX);
        json_begin_object(j);
        json_put_text(j, "title", facts.items[i].label);
        json_put_str(j, "value", buf_str(&value));
        json_end_object(j);
    }
    json_end_array(j);
    json_end_object(j);
}

static void write_silence(struct json *j, const struct text_voice *v, const struct notice *n)
{
    const char *label, *silence = text_silence(v, n, &label);
    CLEANUP(buf_fini) struct buf line = {0};
    if (!silence)
        return;
    buf_printf(&line, "%s: ", label);
    put(&line, str_of(silence));
    begin_text(j, buf_str(&line));
    json_put_text(j, "fontType", "Monospace");
    json_put_text(j, "size", "Small");
    json_end_object(j);
}

static void write_alert(struct json *j, const struct text_voice *v, const struct notice *n)
{
    CLEANUP(buf_fini) struct buf title = {0};
    CLEANUP(buf_fini) struct buf text = {0};
    text_write_title(v, n, &title);
    text_cut(&title, 0, TITLE_UNITS_MAX);
    text_write_text(v, n, &text);
    text_cut(&text, 0, TEXT_UNITS_MAX);
    begin_block(j, "Container");
    json_put_bool(j, "separator", true);
    json_key(j, "items");
    json_begin_array(j);
    begin_text(j, buf_str(&title));
    json_put_text(j, "weight", "Bolder");
    json_put_text(j, "color", colour_of(n));
    json_end_object(j);
    if (text.len) {
        begin_text(j, buf_str(&text));
        json_end_object(j);
    }
    write_facts(j, v, n);
    write_silence(j, v, n);
    json_end_array(j);
    json_end_object(j);
}

/* What several have in common comes first; of one alert the title says it all. */
static void write_head(struct json *j, const struct text_voice *v)
{
    CLEANUP(buf_fini) struct buf headline = {0};
    if (v->message->count == 1 && v->message->left_out == 0)
        return;
    text_write_headline(v, &headline);
    text_cut(&headline, 0, TITLE_UNITS_MAX);
    begin_text(j, buf_str(&headline));
    json_put_text(j, "weight", "Bolder");
    json_put_text(j, "size", "Medium");
    json_end_object(j);
}

static void write_more(struct json *j, const struct text_voice *v, size_t hidden)
{
    CLEANUP(buf_fini) struct buf more = {0};
    if (hidden == 0)
        return;
    text_write_more(v, hidden, &more);
    begin_text(j, buf_str(&more));
    json_put_bool(j, "isSubtle", true);
    json_end_object(j);
}

static void write_action(struct json *j, const struct text_voice *v)
{
    CLEANUP(buf_fini) struct buf link = {0};
    if (v->message->count == 1)
        text_write_link(v, &v->message->notices[0], &link);
    else
        buf_put(&link, str_of(v->message->external_url));
    if (link.len == 0)
        return;
    json_key(j, "actions");
    json_begin_array(j);
    begin_block(j, "Action.OpenUrl");
    json_put_text(j, "title", text_link_label(v));
    json_put_str(j, "url", buf_str(&link));
    json_end_object(j);
    json_end_array(j);
}

static void write_card(struct json *j, const struct text_voice *v, size_t shown)
{
    const struct alert_message *m = v->message;
    begin_block(j, "AdaptiveCard");
    json_put_text(j, "$schema", "http://adaptivecards.io/schemas/adaptive-card.json");
    json_put_text(j, "version", "1.4");
    json_key(j, "msteams");
    json_begin_object(j);
    json_put_text(j, "width", "Full");
    json_end_object(j);
    json_key(j, "body");
    json_begin_array(j);
    write_head(j, v);
    for (size_t i = 0; i < shown; i++)
        write_alert(j, v, &m->notices[i]);
    write_more(j, v, m->count - shown + m->left_out);
    json_end_array(j);
    write_action(j, v);
    json_end_object(j);
}

static size_t write_body(const struct text_voice *v, size_t shown, struct buf *body)
{
    struct json j;
    buf_clear(body);
    json_init(&j, body);
    json_begin_object(&j);
    json_put_text(&j, "type", "message");
    json_key(&j, "attachments");
    json_begin_array(&j);
    json_begin_object(&j);
    json_put_text(&j, "contentType", "application/vnd.microsoft.card.adaptive");
    json_put_text(&j, "contentUrl", NULL);
    json_key(&j, "content");
    write_card(&j, v, shown);
    json_end_object(&j);
    json_end_array(&j);
    json_end_object(&j);
    return body->len;
}

static void teams_write(const struct alert_message *m, const struct sink_setup *setup, struct outgoing *out)
{
    struct text_voice v = {
        .message = m, .words = &setup->config->words, .put = put, .has_template_markup = true};
    size_t shown = m->count;
    while (write_body(&v, shown, &out->body) > BODY_BYTES_MAX && !v.is_short) {
        v.is_short = shown == 1;
        shown = MAX(shown - 1, (size_t)1);
    }
    outgoing_put_header(out, "Content-Type", "application/json");
}

const struct sink_kind sink_teams = {.alerts_max = ALERTS_MAX, .has_digest = true, .write = teams_write};
