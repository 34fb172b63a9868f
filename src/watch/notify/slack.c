/*
 * slack.c: messages to Slack's incoming webhooks, which Mattermost and Rocket.Chat take as well.
 *
 * `text` is what a phone shows; each alert is an attachment with the colour of its severity. Three characters
 * are escaped and nothing else is markup then. A template may use markup and mentions (<!channel>).
 * Source: docs.slack.dev, "Sending messages using incoming webhooks", "Formatting message text", "Reference:
 * Secondary message attachments". The URL is the secret.
 */
#include "watch/notify/kind.h"

#include "base/json.h"
#include "watch/notify/text.h"

#include <stdio.h>

enum { ALERTS_MAX = 20, TITLE_UNITS_MAX = 300, TEXT_UNITS_MAX = 3000, FACT_UNITS_MAX = 2000 };

static void write_field(struct json *j, const char *label, struct str value, bool is_short)
{
    json_begin_object(j);
    json_put_text(j, "title", label);
    json_put_str(j, "value", value);
    json_put_bool(j, "short", is_short);
    json_end_object(j);
}

static void write_fields(struct json *j, const struct text_voice *v, const struct notice *n)
{
    enum { SHORT_BYTES = 48 };
    struct text_facts facts;
    const char *label, *silence = text_silence(v, n, &label);
    text_find_facts(v, n, &facts);
    json_key(j, "fields");
    json_begin_array(j);
    for (size_t i = 0; i < facts.count; i++) {
        CLEANUP(buf_fini) struct buf value = {0};
        text_put_entities(&value, str_of(facts.items[i].value));
        text_cut(&value, 0, FACT_UNITS_MAX);
        write_field(j, facts.items[i].label, buf_str(&value), value.len <= SHORT_BYTES);
    }
    if (silence) {
        CLEANUP(buf_fini) struct buf value = {0};
        buf_put_char(&value, '`');
        text_put_entities(&value, str_of(silence));
        buf_put_char(&value, '`');
        write_field(j, label, buf_str(&value), false);
    }
    json_end_array(j);
}

static void put_colour(struct json *j, uint32_t colour)
{
    char text[8];
    snprintf(text, sizeof(text), "#%06X", (unsigned)colour);
    json_put_text(j, "color", text);
}

/* The title is the message's text already when there is only one. */
static void write_attachment(struct json *j, const struct text_voice *v, const struct notice *n,
                             bool is_alone)
{
    CLEANUP(buf_fini) struct buf title = {0};
    CLEANUP(buf_fini) struct buf text = {0};
    CLEANUP(buf_fini) struct buf link = {0};
    text_write_title(v, n, &title);
    text_cut(&title, 0, TITLE_UNITS_MAX);
    text_write_text(v, n, &text);
    text_cut(&text, 0, TEXT_UNITS_MAX);
    text_write_link(v, n, &link);
    json_begin_object(j);
    put_colour(j, text_colour(n));
    json_put_str(j, "fallback", buf_str(&title));
    json_put_str(j, "title", is_alone ? str_of(link.len ? text_link_label(v) : "") : buf_str(&title));
    if (link.len)
        json_put_str(j, "title_link", buf_str(&link));
    json_put_str(j, "text", buf_str(&text));
    write_fields(j, v, n);
    json_key(j, "mrkdwn_in");
    json_begin_array(j);
    json_str(j, STR("text"));
    json_str(j, STR("fields"));
    json_end_array(j);
    json_end_object(j);
}

static void write_more(struct json *j, const struct text_voice *v)
{
    CLEANUP(buf_fini) struct buf more = {0};
    text_write_more(v, v->message->left_out, &more);
    json_begin_object(j);
    json_put_str(j, "fallback", buf_str(&more));
    json_put_str(j, "text", buf_str(&more));
    json_end_object(j);
}

static void slack_write(const struct alert_message *m, const struct sink_setup *setup, struct outgoing *out)
{
    struct text_voice v = {
        .message = m, .words = &setup->config->words, .put = text_put_entities, .has_template_markup = true};
    CLEANUP(buf_fini) struct buf headline = {0};
    struct json j;
    text_write_headline(&v, &headline);
    text_cut(&headline, 0, TITLE_UNITS_MAX);
    json_init(&j, &out->body);
    json_begin_object(&j);
    json_put_str(&j, "text", buf_str(&headline));
    json_key(&j, "attachments");
    json_begin_array(&j);
    for (size_t i = 0; i < m->count; i++)
        write_attachment(&j, &v, &m->notices[i], m->count == 1 && m->left_out == 0);
    if (m->left_out)
        write_more(&j, &v);
    json_end_array(&j);
    json_end_object(&j);
    outgoing_put_header(out, "Content-Type", "application/json");
}

/* Slack says in a word what was wrong: "invalid_payload", "channel_is_archived". */
static void slack_judge(const struct fetch_response *response, struct sink_answer *answer)
{
    sink_answer_quote(answer, buf_str(&response->body));
}

const struct sink_kind sink_slack = {
    .alerts_max = ALERTS_MAX, .has_digest = true, .write = slack_write, .judge = slack_judge};
