/*
 * discord.c: messages to a channel's webhook. `content` is what a phone shows; each alert is an embed with
 * the colour of its severity.
 *
 * Limits: 2000 characters of content, 256 of a title, 4096 of a description, 1024 of a field, 10 embeds and
 * 6000 characters in all of them; alerts beyond are counted. Nobody is pinged by what an alert says, but by
 * what a template says. Source: discord.com/developers/docs, "Execute Webhook", "Embed Limits", "Allowed
 * Mentions Object".
 */
#include "watch/notify/kind.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"
#include "net/json_value.h"
#include "watch/notify/text.h"

#include <math.h>

enum {
    EMBEDS_MAX = 10,
    CONTENT_UNITS_MAX = 2000,
    TITLE_UNITS_MAX = 256,
    DESCRIPTION_UNITS_MAX = 2048, /* of 4096, so that the fields have room */
    FIELD_UNITS_MAX = 1024,
    EMBED_UNITS_MAX = 6000, /* over all */
};

static void put(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (strchr("\\*_~`|<>[]#", s.ptr[i]) && s.ptr[i])
            buf_put_char(out, '\\');
        buf_put_char(out, s.ptr[i]);
    }
}

/* Adds up what Discord counts. */
struct embeds {
    struct json *json;
    const struct text_voice *voice;
    size_t units;
};

static void write_field(struct embeds *e, const char *label, struct str value)
{
    json_begin_object(e->json);
    json_put_text(e->json, "name", label);
    json_put_str(e->json, "value", value);
    json_end_object(e->json);
    e->units += utf8_units(str_of(label)) + utf8_units(value);
}

static void write_fields(struct embeds *e, const struct notice *n)
{
    struct text_facts facts;
    const char *label, *silence = text_silence(e->voice, n, &label);
    text_find_facts(e->voice, n, &facts);
    json_key(e->json, "fields");
    json_begin_array(e->json);
    for (size_t i = 0; i < facts.count; i++) {
        CLEANUP(buf_fini) struct buf value = {0};
        put(&value, str_of(facts.items[i].value));
        text_cut(&value, 0, FIELD_UNITS_MAX);
        write_field(e, facts.items[i].label, buf_str(&value));
    }
    if (silence) {
        CLEANUP(buf_fini) struct buf value = {0};
        buf_printf(&value, "`%s`", silence);
        if (utf8_units(buf_str(&value)) <= FIELD_UNITS_MAX)
            write_field(e, label, buf_str(&value));
    }
    json_end_array(e->json);
}

static void write_embed(struct embeds *e, const struct notice *n)
{
    CLEANUP(buf_fini) struct buf title = {0};
    CLEANUP(buf_fini) struct buf text = {0};
    CLEANUP(buf_fini) struct buf link = {0};
    char time[CLOCK_RFC3339_BYTES];
    text_write_title(e->voice, n, &title);
    text_cut(&title, 0, TITLE_UNITS_MAX);
    text_write_text(e->voice, n, &text);
    text_cut(&text, 0, DESCRIPTION_UNITS_MAX);
    text_write_link(e->voice, n, &link);
    json_begin_object(e->json);
    json_put_str(e->json, "title", buf_str(&title));
    if (link.len)
        json_put_str(e->json, "url", buf_str(&link));
    json_put_str(e->json, "description", buf_str(&text));
    json_put_int(e->json, "color", text_colour(n));
    json_put_text(e->json, "timestamp",
                  clock_format_rfc3339(time, notice_is_over(n) ? n->ended_wall_ns : n->started_wall_ns));
    write_fields(e, n);
    json_end_object(e->json);
    e->units += utf8_units(buf_str(&title)) + utf8_units(buf_str(&text));
}

static void write_content(struct json *j, const struct text_voice *v, size_t hidden)
{
    CLEANUP(buf_fini) struct buf content = {0};
    text_write_headline(v, &content);
    text_cut(&content, 0, CONTENT_UNITS_MAX / 2);
    if (hidden) {
        buf_put_char(&content, '\n');
        text_write_more(v, hidden, &content);
    }
    json_put_str(j, "content", buf_str(&content));
}

static void write_mentions(struct json *j, bool may_ping)
{
    json_key(j, "allowed_mentions");
    json_begin_object(j);
    json_key(j, "parse");
    json_begin_array(j);
    if (may_ping) {
        json_str(j, STR("roles"));
        json_str(j, STR("users"));
        json_str(j, STR("everyone"));
    }
    json_end_array(j);
    json_end_object(j);
}

/* The first `shown` alerts. Returns what Discord counts in the embeds. */
static size_t write_body(const struct text_voice *v, size_t shown, struct buf *body)
{
    const struct alert_message *m = v->message;
    struct json j;
    struct embeds e = {.json = &j, .voice = v};
    buf_clear(body);
    json_init(&j, body);
    json_begin_object(&j);
    write_content(&j, v, m->count - shown + m->left_out);
    json_key(&j, "embeds");
    json_begin_array(&j);
    for (size_t i = 0; i < shown; i++)
        write_embed(&e, &m->notices[i]);
    json_end_array(&j);
    write_mentions(&j, v->words->title.len || v->words->text.len);
    json_end_object(&j);
    return e.units;
}

static void discord_write(const struct alert_message *m, const struct sink_setup *setup, struct outgoing *out)
{
    struct text_voice v = {
        .message = m, .words = &setup->config->words, .put = put, .has_template_markup = true};
    size_t shown = m->count;
    while (write_body(&v, shown, &out->body) > EMBED_UNITS_MAX && !v.is_short) {
        v.is_short = shown == 1;
        shown = MAX(shown - 1, (size_t)1);
    }
    outgoing_put_header(out, "Content-Type", "application/json");
}

/* {"message": "You are being rate limited.", "retry_after": 0.529} */
static void discord_judge(const struct fetch_response *response, struct sink_answer *answer)
{
    struct err err;
    struct json_value *body = json_value_parse(buf_str(&response->body), &err);
    double seconds = json_value_double(body, "retry_after", 0);
    sink_answer_quote(answer, str_of(json_value_text(body, "message", "")));
    if (seconds > 0 && seconds < 86400)
        answer->retry_after_s = MAX(answer->retry_after_s, (int64_t)ceil(seconds));
    json_value_free(body);
}

const struct sink_kind sink_discord = {
    .alerts_max = EMBEDS_MAX, .has_digest = true, .write = discord_write, .judge = discord_judge};
