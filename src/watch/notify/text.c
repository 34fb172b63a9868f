/*
 * text.c: see text.h. Everything is put together plain and goes through the kind's `put` once, on its way
 * into the message; only what a user wrote into a template beside its placeholders may be markup.
 */
#include "watch/notify/text.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/utf8.h"
#include "config/template.h"
#include "watch/notify/phrases.h"

#include <stdlib.h>

enum { TIME_BYTES = 48 };
#define WORTH_TELLING_NS (60 * NS_PER_S) /* how late a message has to be for its age to be told */

void text_put_plain(struct buf *out, struct str s)
{
    buf_put(out, s);
}

void text_put_entities(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '&')
            buf_put(out, STR("&amp;"));
        else if (s.ptr[i] == '<')
            buf_put(out, STR("&lt;"));
        else if (s.ptr[i] == '>')
            buf_put(out, STR("&gt;"));
        else
            buf_put_char(out, s.ptr[i]);
    }
}

static const char *say(const struct text_voice *v, enum phrase p)
{
    return phrase(v->words->language, p);
}

/* ---- facts, plain ---- */

/* "2026-11-23 16:26:59 +09:00" */
static void write_time(const struct text_voice *v, int64_t wall_ns, struct buf *out)
{
    const struct config_zone *zone = &v->words->zone;
    char time[TIME_BYTES];
    int64_t utc_s = wall_ns / NS_PER_S;
    int32_t offset_s = zone_offset_s(&zone->rules, utc_s);
    time_t local_s = (time_t)(utc_s + offset_s);
    int minutes = offset_s / 60;
    struct tm tm;
    gmtime_r(&local_s, &tm);
    (void)strftime(time, sizeof(time), "%Y-%m-%d %H:%M:%S", &tm);
    if (minutes == 0)
        buf_printf(out, "%s UTC", time);
    else
        buf_printf(out, "%s %c%02d:%02d", time, minutes < 0 ? '-' : '+', abs(minutes) / 60,
                   abs(minutes) % 60);
}

static int64_t lasted_ns(const struct text_voice *v, const struct notice *n)
{
    int64_t until_ns = notice_is_over(n) && n->ended_wall_ns ? n->ended_wall_ns : v->message->wall_ns;
    return MAX(until_ns - n->started_wall_ns, 0);
}

static bool has_value(const struct notice *n)
{
    return n->has_value && n->unit != METRIC_UNIT_FLAG;
}

static void write_number(const struct text_voice *v, const struct notice *n, double value, struct buf *out)
{
    if (has_value(n))
        phrase_write_value(v->words->language, n->unit, value, out);
}

/* "/srv, web-1": the machine comes last. */
static void write_subject(const struct notice *n, struct buf *out)
{
    const char *instance = notice_label(n, "instance"), *comma = "";
    for (size_t i = 0; i < n->label_count; i++)
        if (strcmp(n->labels[i].name, "instance") != 0) {
            buf_printf(out, "%s%s", comma, n->labels[i].value);
            comma = ", ";
        }
    if (instance && instance[0])
        buf_printf(out, "%s%s", comma, instance);
}

static void write_labels(const struct notice *n, struct buf *out)
{
    for (size_t i = 0; i < n->label_count; i++)
        buf_printf(out, "%s%s=%s", i ? ", " : "", n->labels[i].name, n->labels[i].value);
}

static enum phrase severity_phrase(enum alert_severity severity, enum phrase critical)
{
    return (enum phrase)(critical + severity);
}

static const char *summary_of(const struct text_voice *v, const struct notice *n)
{
    const char *summary = phrase_summary(v->words->language, n->name, n->summary);
    return summary ? summary : n->summary;
}

static const char *evidence_of(const struct text_voice *v, const struct notice *n)
{
    return v->words->language == LANGUAGE_KOREAN && n->evidence_korean[0] ? n->evidence_korean : n->evidence;
}

/* Those of a notice that an earlier Weir kept are there in English alone. */
static const char *find_changes(const struct text_voice *v, const struct notice *n)
{
    return v->words->language == LANGUAGE_KOREAN && n->changes_korean[0] ? n->changes_korean : n->changes;
}

/* ---- in Weir's own words, plain ---- */

static void write_own_title(const struct text_voice *v, const struct notice *n, struct buf *out)
{
    CLEANUP(buf_fini) struct buf subject = {0};
    write_subject(n, &subject);
    if (v->message->is_test)
        buf_printf(out, "[%s] ", say(v, PHRASE_TEST));
    buf_printf(out, "%s: %s",
               say(v, notice_is_over(n) ? PHRASE_RESOLVED : severity_phrase(n->severity, PHRASE_CRITICAL)),
               summary_of(v, n));
    if (subject.len)
        buf_printf(out, " (%s)", subject.ptr);
}

static void add_sentence(struct buf *out, const char *sentence)
{
    if (out->len && sentence[0])
        buf_put_char(out, ' ');
    buf_put(out, str_of(sentence));
}

static void write_own_text(const struct text_voice *v, const struct notice *n, struct buf *out)
{
    if (v->message->is_test)
        add_sentence(out, say(v, PHRASE_TEST_ONLY));
    add_sentence(out, evidence_of(v, n));
    if (n->is_whole_episode) {
        if (v->words->language != LANGUAGE_KOREAN && out->len && out->ptr[out->len - 1] != '.')
            buf_put_char(out, '.');
        add_sentence(out, say(v, PHRASE_WHOLE));
    }
}

/* ---- templates ---- */

static void write_placeholder(const struct text_voice *v, const struct notice *n,
                              const struct template_part *part, struct buf *out)
{
    const char *label;
    char name[64];
    switch (part->placeholder) {
    case TEMPLATE_TITLE:
        write_own_title(v, n, out);
        break;
    case TEMPLATE_TEXT:
        write_own_text(v, n, out);
        break;
    case TEMPLATE_ALERT:
        buf_put(out, str_of(n->name));
        break;
    case TEMPLATE_SUMMARY:
        buf_put(out, str_of(summary_of(v, n)));
        break;
    case TEMPLATE_EVIDENCE:
        buf_put(out, str_of(evidence_of(v, n)));
        break;
    case TEMPLATE_STATUS:
        buf_put(out, str_of(say(v, notice_is_over(n) ? PHRASE_IS_RESOLVED : PHRASE_IS_FIRING)));
        break;
    case TEMPLATE_SEVERITY:
        buf_put(out, str_of(say(v, severity_phrase(n->severity, PHRASE_IS_CRITICAL))));
        break;
    case TEMPLATE_SUBJECT:
        write_subject(n, out);
        break;
    case TEMPLATE_SERVICE:
    case TEMPLATE_SERVER:
    case TEMPLATE_INSTANCE:
    case TEMPLATE_LABEL:
        str_copy(name, sizeof(name),
                 part->placeholder == TEMPLATE_SERVICE    ? STR("service")
                 : part->placeholder == TEMPLATE_SERVER   ? STR("server")
                 : part->placeholder == TEMPLATE_INSTANCE ? STR("instance")
                                                          : part->label);
        label = notice_label(n, name);
        buf_put(out, str_of(label ? label : ""));
        break;
    case TEMPLATE_VALUE:
        write_number(v, n, n->value, out);
        break;
    case TEMPLATE_THRESHOLD:
        write_number(v, n, n->threshold, out);
        break;
    case TEMPLATE_SINCE:
        write_time(v, n->started_wall_ns, out);
        break;
    case TEMPLATE_DURATION:
        phrase_write_span(v->words->language, lasted_ns(v, n), out);
        break;
    case TEMPLATE_CHANGES:
        buf_put(out, str_of(find_changes(v, n)));
        break;
    case TEMPLATE_LINK:
        text_write_link(v, n, out);
        break;
    case TEMPLATE_SILENCE:
        buf_put(out, str_of(n->silence));
        break;
    case TEMPLATE_LABELS:
        write_labels(n, out);
        break;
    }
}

static void expand(const struct text_voice *v, const struct notice *n, struct str template, struct buf *out)
{
    struct template_part part;
    struct err problem, hint;
    enum template_step step;
    while ((step = template_next(&template, &part, &problem, &hint)) == TEMPLATE_LITERAL ||
           step == TEMPLATE_PLACEHOLDER) {
        CLEANUP(buf_fini) struct buf value = {0};
        if (step == TEMPLATE_LITERAL && v->has_template_markup) {
            buf_put(out, part.text);
        } else if (step == TEMPLATE_LITERAL) {
            v->put(out, part.text);
        } else {
            write_placeholder(v, n, &part, &value);
            v->put(out, buf_str(&value));
        }
    }
}

/* ---- for the kinds ---- */

/* Titles are one line. */
static void flatten(struct buf *out, size_t start)
{
    for (size_t i = start; i < out->len; i++)
        if ((unsigned char)out->ptr[i] < 0x20)
            out->ptr[i] = ' ';
}

void text_write_title(const struct text_voice *v, const struct notice *n, struct buf *out)
{
    size_t start = out->len;
    if (v->words->title.len) {
        expand(v, n, v->words->title, out);
    } else {
        CLEANUP(buf_fini) struct buf own = {0};
        write_own_title(v, n, &own);
        v->put(out, buf_str(&own));
    }
    flatten(out, start);
}

void text_write_text(const struct text_voice *v, const struct notice *n, struct buf *out)
{
    if (v->words->text.len) {
        expand(v, n, v->words->text, out);
        return;
    }
    CLEANUP(buf_fini) struct buf own = {0};
    write_own_text(v, n, &own);
    v->put(out, buf_str(&own));
}

static bool are_all_named(const struct alert_message *m, const char *name)
{
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->notices[i].name, name) != 0)
            return false;
    return true;
}

void text_write_headline(const struct text_voice *v, struct buf *out)
{
    const struct alert_message *m = v->message;
    CLEANUP(buf_fini) struct buf own = {0};
    if (m->count == 1 && m->left_out == 0) {
        text_write_title(v, &m->notices[0], out);
        return;
    }
    if (m->is_test)
        buf_printf(&own, "[%s] ", say(v, PHRASE_TEST));
    buf_printf(&own, "%s: ",
               say(v, alert_message_is_over(m)
                          ? PHRASE_RESOLVED
                          : severity_phrase(alert_message_severity(m), PHRASE_CRITICAL)));
    phrase_write_counts(v->words->language, alert_message_count(m, ALERT_FIRED),
                        alert_message_count(m, ALERT_ENDED), &own);
    if (m->left_out)
        buf_printf(&own, ", +%u", m->left_out);
    if (are_all_named(m, m->notices[0].name))
        buf_printf(&own, " (%s)", summary_of(v, &m->notices[0]));
    flatten(&own, 0);
    v->put(out, buf_str(&own));
}

static void add_fact(struct text_facts *facts, const char *label, const struct buf *value)
{
    if (value->len == 0 || facts->count == TEXT_FACTS_MAX)
        return;
    struct text_fact *f = &facts->items[facts->count++];
    f->label = label;
    str_copy(f->value, sizeof(f->value), utf8_cut(buf_str(value), sizeof(f->value) - 1));
}

static void add_number(const struct text_voice *v, const struct notice *n, struct text_facts *ret)
{
    CLEANUP(buf_fini) struct buf both = {0};
    CLEANUP(buf_fini) struct buf value = {0};
    CLEANUP(buf_fini) struct buf threshold = {0};
    if (!has_value(n))
        return;
    write_number(v, n, n->value, &value);
    write_number(v, n, n->threshold, &threshold);
    phrase_write_value_and_threshold(v->words->language, value.ptr, threshold.ptr, &both);
    add_fact(ret, say(v, PHRASE_VALUE), &both);
}

static void add_times(const struct text_voice *v, const struct notice *n, struct text_facts *ret)
{
    CLEANUP(buf_fini) struct buf since = {0};
    CLEANUP(buf_fini) struct buf span = {0};
    write_time(v, n->started_wall_ns, &since);
    phrase_write_span(v->words->language, lasted_ns(v, n), &span);
    if (!notice_is_over(n) && lasted_ns(v, n) >= WORTH_TELLING_NS)
        buf_printf(&since, " (%s)", span.ptr);
    add_fact(ret, say(v, PHRASE_BEGAN), &since);
    if (notice_is_over(n))
        add_fact(ret, say(v, PHRASE_LASTED), &span);
}

static void add_text(struct text_facts *ret, const char *label, const char *text)
{
    CLEANUP(buf_fini) struct buf value = {0};
    buf_put(&value, str_of(text));
    add_fact(ret, label, &value);
}

void text_find_facts(const struct text_voice *v, const struct notice *n, struct text_facts *ret)
{
    ret->count = 0;
    if (v->words->text.len || v->is_short)
        return;
    add_text(ret, say(v, PHRASE_SEVERITY), say(v, severity_phrase(n->severity, PHRASE_IS_CRITICAL)));
    add_number(v, n, ret);
    add_times(v, n, ret);
    add_text(ret, say(v, PHRASE_BEFORE), find_changes(v, n));
    if (n->episodes_before) {
        CLEANUP(buf_fini) struct buf earlier = {0};
        phrase_write_earlier(v->words->language, n->episodes_before, &earlier);
        add_fact(ret, say(v, PHRASE_EARLIER), &earlier);
    }
}

const char *text_silence(const struct text_voice *v, const struct notice *n, const char **ret_label)
{
    *ret_label = say(v, PHRASE_SILENCE);
    return n->silence[0] && !notice_is_over(n) && v->words->text.len == 0 ? n->silence : NULL;
}

void text_write_link(const struct text_voice *v, const struct notice *n, struct buf *out)
{
    buf_put(out, str_of(n->link[0] ? n->link : v->message->external_url));
}

const char *text_link_label(const struct text_voice *v)
{
    return say(v, PHRASE_PAGE);
}

void text_write_more(const struct text_voice *v, size_t more, struct buf *out)
{
    CLEANUP(buf_fini) struct buf own = {0};
    phrase_write_more(v->words->language, more, v->message->external_url[0] != '\0', &own);
    v->put(out, buf_str(&own));
}

/* Where the last character begins, if a cut left only a part of what stands for it; else s.len. */
static size_t end_of_whole(struct str s)
{
    enum { ENTITY_BYTES_MAX = 6 };
    size_t backslashes = 0;
    while (backslashes < s.len && s.ptr[s.len - 1 - backslashes] == '\\')
        backslashes++;
    if (backslashes % 2)
        return s.len - 1;
    for (size_t i = s.len; i > 0 && s.len - i < ENTITY_BYTES_MAX && s.ptr[i - 1] != ';'; i--)
        if (s.ptr[i - 1] == '&')
            return i - 1;
    return s.len;
}

void text_cut(struct buf *out, size_t start, size_t units_max)
{
    struct str whole = str_n(buf_str(out).ptr + start, out->len - start);
    struct str cut = utf8_cut_units(whole, units_max);
    if (cut.len == whole.len)
        return;
    cut = utf8_cut_units(whole, units_max - 1);
    buf_cut(out, start + end_of_whole(cut));
    buf_put(out, STR("…"));
}

uint32_t text_colour(const struct notice *n)
{
    static const uint32_t colours[] = {
        [ALERT_CRITICAL] = 0xD32F2F, [ALERT_WARNING] = 0xF9A825, [ALERT_NOTICE] = 0x1976D2};
    return notice_is_over(n) ? 0x2E7D32 : colours[n->severity];
}

static void write_line(const struct text_voice *v, const char *label, const char *value, struct buf *out)
{
    if (value[0] == '\0')
        return;
    buf_put(out, STR("\n"));
    v->put(out, str_of(label));
    buf_put(out, strchr(value, '\n') ? STR(":\n") : STR(": "));
    v->put(out, str_of(value));
}

void text_write_lines(const struct text_voice *v, const struct notice *n, struct buf *out)
{
    struct text_facts facts;
    CLEANUP(buf_fini) struct buf link = {0};
    const char *label, *silence = text_silence(v, n, &label);
    text_write_text(v, n, out);
    text_find_facts(v, n, &facts);
    for (size_t i = 0; i < facts.count; i++)
        write_line(v, facts.items[i].label, facts.items[i].value, out);
    if (silence)
        write_line(v, label, silence, out);
    text_write_link(v, n, &link);
    if (v->words->text.len == 0)
        write_line(v, text_link_label(v), buf_str(&link).ptr, out);
}

void text_write_body(const struct text_voice *v, struct buf *out)
{
    const struct alert_message *m = v->message;
    bool is_alone = m->count == 1 && m->left_out == 0;
    for (size_t i = 0; i < m->count; i++) {
        buf_put(out, i ? STR("\n\n") : STR(""));
        if (!is_alone) {
            text_write_title(v, &m->notices[i], out);
            buf_put_char(out, '\n');
        }
        text_write_lines(v, &m->notices[i], out);
    }
    if (m->left_out == 0)
        return;
    buf_put(out, STR("\n\n"));
    text_write_more(v, m->left_out, out);
}
