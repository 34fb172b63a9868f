/*
 * telegram.c: messages of a bot, in Telegram's HTML, where three characters are escaped. A text is 4096
 * characters at most; alerts beyond are counted. Notices, and what is over, make no sound.
 *
 * The bot's token is part of the URL's path: it is put together here for each try and is in no log. A
 * template cannot have markup, since a tag that is not closed makes Telegram refuse the message. Source:
 * core.telegram.org/bots/api, "sendMessage", "HTML style", "Making requests", "ResponseParameters".
 */
#include "watch/notify/kind.h"

#include "base/json.h"
#include "base/utf8.h"
#include "net/json_value.h"
#include "watch/notify/text.h"

#include <stdio.h>

enum { ALERTS_MAX = 10, MESSAGE_UNITS_MAX = 4096, TITLE_UNITS_MAX = 300, TEXT_UNITS_MAX = 2048 };

static void put_between(const char *begin, struct str text, const char *end, struct buf *out)
{
    buf_put(out, str_of(begin));
    text_put_entities(out, text);
    buf_put(out, str_of(end));
}

/* Within an attribute a quote would end it. */
static void put_link(struct str url, struct buf *out)
{
    struct str part;
    buf_put(out, STR("\n<a href=\""));
    for (bool is_first = true; str_split(&url, '"', &part); is_first = false) {
        buf_put(out, is_first ? STR("") : STR("&quot;"));
        text_put_entities(out, part);
    }
    buf_put(out, STR("\">"));
}

static void write_title(const struct text_voice *v, const struct notice *n, struct buf *out)
{
    buf_put(out, STR("<b>"));
    size_t start = out->len;
    if (n)
        text_write_title(v, n, out);
    else
        text_write_headline(v, out);
    text_cut(out, start, TITLE_UNITS_MAX);
    buf_put(out, STR("</b>"));
}

static void write_alert(const struct text_voice *v, const struct notice *n, struct buf *out)
{
    struct text_facts facts;
    CLEANUP(buf_fini) struct buf link = {0};
    const char *label, *silence = text_silence(v, n, &label);
    write_title(v, n, out);
    buf_put_char(out, '\n');
    size_t start = out->len;
    text_write_text(v, n, out);
    text_cut(out, start, TEXT_UNITS_MAX);
    text_find_facts(v, n, &facts);
    for (size_t i = 0; i < facts.count; i++) {
        put_between("\n", str_of(facts.items[i].label), ": ", out);
        text_put_entities(out, str_of(facts.items[i].value));
    }
    if (silence) {
        put_between("\n", str_of(label), ": ", out);
        put_between("<code>", str_of(silence), "</code>", out);
    }
    text_write_link(v, n, &link);
    if (link.len && v->words->text.len == 0) {
        put_link(buf_str(&link), out);
        put_between("", str_of(text_link_label(v)), "</a>", out);
    }
}

/* Counted with its tags and escapes, which Telegram does not count: rather too short. */
static size_t write_text(const struct text_voice *v, size_t shown, struct buf *out)
{
    const struct alert_message *m = v->message;
    size_t hidden = m->count - shown + m->left_out;
    buf_clear(out);
    if (m->count > 1 || m->left_out)
        write_title(v, NULL, out);
    for (size_t i = 0; i < shown; i++) {
        if (out->len)
            buf_put(out, STR("\n\n"));
        write_alert(v, &m->notices[i], out);
    }
    if (hidden) {
        buf_put(out, STR("\n\n"));
        text_write_more(v, hidden, out);
    }
    return utf8_units(buf_str(out));
}

static bool is_silent(const struct alert_message *m)
{
    return alert_message_is_over(m) || alert_message_severity(m) == ALERT_NOTICE;
}

static void write_body(const struct alert_message *m, const struct config_telegram *config, struct str text,
                       struct buf *body)
{
    struct json j;
    json_init(&j, body);
    json_begin_object(&j);
    json_put_str(&j, "chat_id", config->chat);
    if (config->thread)
        json_put_int(&j, "message_thread_id", config->thread);
    json_put_str(&j, "text", text);
    json_put_text(&j, "parse_mode", "HTML");
    json_put_bool(&j, "disable_notification", is_silent(m));
    json_key(&j, "link_preview_options");
    json_begin_object(&j);
    json_put_bool(&j, "is_disabled", true);
    json_end_object(&j);
    json_end_object(&j);
}

static void telegram_write(const struct alert_message *m, const struct sink_setup *setup,
                           struct outgoing *out)
{
    struct text_voice v = {.message = m, .words = &setup->config->words, .put = text_put_entities};
    CLEANUP(buf_fini) struct buf text = {0};
    size_t shown = m->count;
    while (write_text(&v, shown, &text) > MESSAGE_UNITS_MAX && !v.is_short) {
        v.is_short = shown == 1;
        shown = MAX(shown - 1, (size_t)1);
    }
    while (out->url.len && out->url.ptr[out->url.len - 1] == '/')
        buf_cut(&out->url, out->url.len - 1);
    buf_printf(&out->url, "/bot%s/sendMessage", setup->token);
    write_body(m, &setup->config->telegram, buf_str(&text), &out->body);
    outgoing_put_header(out, "Content-Type", "application/json");
}

/* {"ok": false, "error_code": 429, "description": "Too Many Requests: retry after 5",
 *  "parameters": {"retry_after": 5}} */
static void telegram_judge(const struct fetch_response *response, struct sink_answer *answer)
{
    struct err err;
    struct json_value *body = json_value_parse(buf_str(&response->body), &err);
    const struct json_value *parameters = json_value_get(body, "parameters");
    int64_t moved_to = json_value_int(parameters, "migrate_to_chat_id", 0);
    answer->retry_after_s = MAX(answer->retry_after_s, json_value_int(parameters, "retry_after", -1));
    sink_answer_quote(answer, str_of(json_value_text(body, "description", "")));
    if (moved_to) {
        char words[64];
        snprintf(words, sizeof(words), "its number is %lld now", (long long)moved_to);
        sink_answer_quote(answer, str_of(words));
    }
    json_value_free(body);
}

const struct sink_kind sink_telegram = {
    .alerts_max = ALERTS_MAX, .has_digest = true, .write = telegram_write, .judge = telegram_judge};
