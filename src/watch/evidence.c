/* evidence.c: see evidence.h. The words are a table for each language, what fills them in is the same. */
#include "watch/evidence.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/utf8.h"
#include "rule/metric_value.h"
#include "watch/evidence_korean.h"
#include "watch/notify/phrases.h"

#include <stdio.h>

static const char general[] = "{subject}{value}{of} {course}{rest}";
static const char general_flag[] = "{subject}{metric} {course}{rest}";

struct telling {
    const struct alert *alert;
    const struct armed_rule *rule;
    const char *note;
    bool is_over, is_firing_now;
    int64_t now_ns;
};

static bool is_over(const struct alert *a, enum alert_change change)
{
    return change == ALERT_ENDED || a->life.state == ALERT_RESOLVED;
}

/* ---- the words ---- */

static enum metric_unit unit_of(const struct telling *t, size_t i)
{
    return metric_infos[t->rule->rule.conditions[i].metric].unit;
}

static enum metric metric_of(const struct telling *t)
{
    return t->rule->rule.conditions[0].metric;
}

/* "90 %", without the decimals that a reading has. */
static void put_limit(enum metric_unit unit, double value, struct buf *out)
{
    char text[METRIC_VALUE_BYTES];
    if (unit == METRIC_UNIT_PERCENT)
        buf_printf(out, "%g %%", value);
    else
        buf_put(out, str_of(metric_value_show(unit, value, text)));
}

/* One number for each condition: "20.1", or "burn_1h 20.1 and burn_5m 18". */
static void put_values(const struct telling *t, const double *values, struct buf *out)
{
    char text[METRIC_VALUE_BYTES];
    const struct rule *r = &t->rule->rule;
    for (size_t i = 0; i < r->condition_count; i++) {
        if (r->condition_count > 1)
            buf_printf(out, "%s%s ", i ? " and " : "", metric_infos[r->conditions[i].metric].name);
        buf_put(out, str_of(metric_value_show(unit_of(t, i), values[i], text)));
    }
}

static void put_thresholds(const struct telling *t, struct buf *out)
{
    const struct alert_rule *r = &t->alert->rule;
    for (size_t i = 0; i < r->limit_count; i++) {
        buf_put(out, i ? STR(" and ") : STR(""));
        put_limit(unit_of(t, i), r->limits[i].threshold, out);
    }
}

static void put_clears(const struct telling *t, struct buf *out)
{
    const struct alert_rule *r = &t->alert->rule;
    for (size_t i = 0; i < r->limit_count; i++) {
        buf_put(out, i ? STR(" or ") : STR(""));
        put_limit(unit_of(t, i), r->limits[i].clear, out);
    }
}

/* In whole seconds. */
static int64_t lasted_ns(const struct telling *t)
{
    const struct alert_life *l = &t->alert->life;
    int64_t ns = t->is_over                  ? l->state_since_ns - l->firing_since_ns
                 : l->state == ALERT_PENDING ? t->now_ns - l->state_since_ns
                                             : t->now_ns - l->passed_since_ns;
    return ns - ns % NS_PER_S;
}

static void put_lasted(const struct telling *t, struct buf *out)
{
    char span[METRIC_VALUE_BYTES];
    buf_put(out, str_of(metric_span_show(lasted_ns(t), span)));
}

static bool has_own_clear(const struct alert_rule *r)
{
    return r->limits[0].clear != r->limits[0].threshold;
}

static void put_course(const struct telling *t, struct buf *out)
{
    bool is_flag = unit_of(t, 0) == METRIC_UNIT_FLAG;
    const struct alert_rule *r = &t->alert->rule;
    if (t->is_over) {
        buf_put(out, is_flag                 ? STR("no more")
                     : r->limits[0].is_below ? STR("now, at least ")
                                             : STR("now, at most "));
        if (!is_flag)
            put_clears(t, out);
        buf_put(out, is_flag ? STR(" after ") : STR(", after "));
        put_lasted(t, out);
        return;
    }
    buf_put(out, STR("for "));
    put_lasted(t, out);
    if (is_flag)
        return;
    buf_put(out, r->limit_count > 1 ? STR(" (thresholds ") : STR(" (threshold "));
    put_thresholds(t, out);
    if (has_own_clear(r)) {
        buf_put(out, STR(", clears at "));
        put_clears(t, out);
    }
    buf_put_char(out, ')');
}

/* Where the part that begins with "of" ends. */
static size_t of_length(struct str note)
{
    size_t at;
    if (!str_starts_with(note, STR("of ")))
        return 0;
    return str_find(note, ';', &at) ? at : note.len;
}

static void put_of(const struct telling *t, struct buf *out)
{
    size_t length = of_length(str_of(t->note));
    if (length)
        buf_printf(out, " %.*s", (int)length, t->note);
}

static void put_rest(const struct telling *t, struct buf *out)
{
    size_t skip = of_length(str_of(t->note));
    const char *rest = t->note + skip;
    if (*rest)
        buf_printf(out, "%s%s", skip ? "" : "; ", rest);
}

static void put_subject(const struct telling *t, struct buf *out)
{
    enum subject_kind kind = metric_infos[metric_of(t)].subject;
    for (size_t i = SUBJECT_NAMES_MAX; i-- > 0;) {
        const char *label = subject_label(kind, i);
        const char *value = label[0] ? alert_label(t->alert, label) : NULL;
        if (value) {
            buf_printf(out, "%s: ", value);
            return;
        }
    }
}

/* At the firing the means that fired it. */
static const double *told_values(const struct telling *t)
{
    return t->is_firing_now ? t->alert->life.means : t->alert->life.values;
}

static void put_value(const struct telling *t, struct buf *out)
{
    put_values(t, told_values(t), out);
}

static void put_now(const struct telling *t, struct buf *out)
{
    put_values(t, t->alert->life.values, out);
}

static void put_one(const struct telling *t, size_t i, struct buf *out)
{
    char text[METRIC_VALUE_BYTES];
    buf_put(out, str_of(metric_value_show(unit_of(t, i), told_values(t)[i], text)));
}

static void put_first(const struct telling *t, struct buf *out)
{
    put_one(t, 0, out);
}

static void put_second(const struct telling *t, struct buf *out)
{
    put_one(t, 1, out);
}

static void put_note(const struct telling *t, struct buf *out)
{
    buf_put(out, str_of(t->note));
}

static void put_metric(const struct telling *t, struct buf *out)
{
    buf_put(out, str_of(metric_infos[metric_of(t)].name));
}

struct word {
    const char *name;
    void (*put)(const struct telling *t, struct buf *out);
};

static const struct word words[] = {
    {"value", put_value},     {"now", put_now},       {"threshold", put_thresholds},
    {"clear", put_clears},    {"course", put_course}, {"lasted", put_lasted},
    {"note", put_note},       {"of", put_of},         {"rest", put_rest},
    {"subject", put_subject}, {"metric", put_metric}, {"first", put_first},
    {"second", put_second},
};

/* ---- the words in Korean ---- */

static void put_korean_numbers(const struct telling *t, const double *values, struct buf *out)
{
    const struct rule *r = &t->rule->rule;
    for (size_t i = 0; i < r->condition_count; i++) {
        if (r->condition_count > 1)
            buf_printf(out, "%s%s ", i ? ", " : "", metric_infos[r->conditions[i].metric].name);
        phrase_write_value(LANGUAGE_KOREAN, unit_of(t, i), values[i], out);
    }
}

static void put_korean_value(const struct telling *t, struct buf *out)
{
    put_korean_numbers(t, told_values(t), out);
}

static void put_korean_now(const struct telling *t, struct buf *out)
{
    put_korean_numbers(t, t->alert->life.values, out);
}

static void put_korean_one(const struct telling *t, size_t i, struct buf *out)
{
    phrase_write_value(LANGUAGE_KOREAN, unit_of(t, i), told_values(t)[i], out);
}

static void put_korean_first(const struct telling *t, struct buf *out)
{
    put_korean_one(t, 0, out);
}

static void put_korean_second(const struct telling *t, struct buf *out)
{
    put_korean_one(t, 1, out);
}

static void put_korean_what(const struct telling *t, struct buf *out)
{
    bool is_mean = t->is_firing_now && t->alert->rule.for_ns > 0;
    buf_put(out, is_mean ? STR("평균") : STR("현재"));
}

static void put_korean_threshold(const struct telling *t, struct buf *out)
{
    const struct alert_rule *r = &t->alert->rule;
    for (size_t i = 0; i < r->limit_count; i++) {
        buf_put(out, i ? STR(", ") : STR(""));
        phrase_write_value(LANGUAGE_KOREAN, unit_of(t, i), r->limits[i].threshold, out);
    }
}

static void put_korean_clear(const struct telling *t, struct buf *out)
{
    const struct alert_rule *r = &t->alert->rule;
    for (size_t i = 0; i < r->limit_count; i++) {
        buf_put(out, i ? STR(" 또는 ") : STR("")); /* one that is clear ends it */
        phrase_write_value(LANGUAGE_KOREAN, unit_of(t, i), r->limits[i].clear, out);
    }
}

static void put_korean_lasted(const struct telling *t, struct buf *out)
{
    phrase_write_span(LANGUAGE_KOREAN, lasted_ns(t), out);
}

static void put_korean_end(const struct telling *t, struct buf *out)
{
    put_korean_lasted(t, out);
    if (unit_of(t, 0) == METRIC_UNIT_FLAG) {
        buf_put(out, STR(" 만에 끝났습니다."));
        return;
    }
    buf_put(out, STR(" 만에 해제 기준 "));
    put_korean_clear(t, out);
    buf_put(out, t->alert->rule.limits[0].is_below ? STR(" 이상이 되었습니다.") : STR(" 이하가 되었습니다."));
}

static void put_korean_course(const struct telling *t, struct buf *out)
{
    const struct alert_rule *r = &t->alert->rule;
    bool is_below = r->limits[0].is_below;
    if (t->is_over) {
        put_korean_end(t, out);
        return;
    }
    put_korean_lasted(t, out);
    if (unit_of(t, 0) == METRIC_UNIT_FLAG) {
        buf_put(out, STR(" 동안 이어지고 있습니다."));
        return;
    }
    buf_put(out, r->limit_count > 1 ? STR(" 동안 각 기준 ") : STR(" 동안 기준 "));
    put_korean_threshold(t, out);
    buf_put(out, is_below ? STR("보다 낮았") : STR("보다 높았"));
    if (!has_own_clear(r)) {
        buf_put(out, STR("습니다."));
        return;
    }
    buf_put(out, STR("으며, "));
    put_korean_clear(t, out);
    buf_put(out, is_below ? STR(" 이상이 되면 해결됩니다.") : STR(" 이하가 되면 해결됩니다."));
}

static void put_korean_note(const struct telling *t, struct buf *out)
{
    evidence_korean_put_note(metric_of(t), str_of(t->note), out);
}

static void put_korean_rest(const struct telling *t, struct buf *out)
{
    if (t->note[0] == '\0')
        return;
    buf_put_char(out, '(');
    put_korean_note(t, out);
    buf_put_char(out, ')');
}

static const struct word korean_words[] = {
    {"value", put_korean_value},   {"now", put_korean_now},       {"threshold", put_korean_threshold},
    {"clear", put_korean_clear},   {"course", put_korean_course}, {"lasted", put_korean_lasted},
    {"note", put_korean_note},     {"rest", put_korean_rest},     {"what", put_korean_what},
    {"subject", put_subject},      {"metric", put_metric},        {"first", put_korean_first},
    {"second", put_korean_second},
};

/* ---- the sentence ---- */

struct tongue {
    const struct word *words;
    size_t word_count;
};

static void put_word(const struct telling *t, const struct tongue *tongue, struct str name, struct buf *out)
{
    char label[64];
    for (size_t i = 0; i < tongue->word_count; i++) {
        if (str_eq(name, str_of(tongue->words[i].name))) {
            tongue->words[i].put(t, out);
            return;
        }
    }
    str_copy(label, sizeof(label), name);
    const char *value = alert_label(t->alert, label);
    buf_put(out, str_of(value ? value : "?"));
}

static void fill_in(const struct telling *t, const struct tongue *tongue, struct str text, struct buf *out)
{
    size_t open, close;
    while (str_find(text, '{', &open) && str_find(text, '}', &close) && close > open) {
        buf_put(out, str_n(text.ptr, open));
        put_word(t, tongue, str_n(text.ptr + open + 1, close - open - 1), out);
        text = str_n(text.ptr + close + 1, text.len - close - 1);
    }
    buf_put(out, text);
}

static const char *template_of(const struct telling *t)
{
    const char *own = t->is_over && t->rule->says_at_end ? t->rule->says_at_end : t->rule->says;
    return own ? own : unit_of(t, 0) == METRIC_UNIT_FLAG ? general_flag : general;
}

static const char *korean_template_of(const struct telling *t)
{
    const struct evidence_korean *own = t->rule->korean;
    if (!own)
        return unit_of(t, 0) == METRIC_UNIT_FLAG ? evidence_korean_general_flag : evidence_korean_general;
    return t->is_over && own->says_at_end ? own->says_at_end : own->says;
}

static const char *why_blind(const struct telling *t)
{
    return t->alert->why_unknown ? t->alert->why_unknown : "nobody knows why";
}

static void put_blindness(const struct telling *t, struct buf *out)
{
    char span[METRIC_VALUE_BYTES];
    put_subject(t, out);
    buf_printf(out, "there has been no reading for %s: %s",
               metric_span_show(t->now_ns - t->alert->life.unknown_since_ns, span), why_blind(t));
}

static void put_korean_blindness(const struct telling *t, struct buf *out)
{
    put_subject(t, out);
    phrase_write_span(LANGUAGE_KOREAN, t->now_ns - t->alert->life.unknown_since_ns, out);
    buf_printf(out, " 동안 측정값이 없습니다(%s).", why_blind(t));
}

static void write_english(const struct telling *t, bool is_flapping, struct buf *out)
{
    static const struct tongue english = {words, ARRAY_LEN(words)};
    if (t->alert->life.is_blind)
        put_blindness(t, out);
    else
        fill_in(t, &english, str_of(template_of(t)), out);
    if (is_flapping)
        buf_put(out, STR("; it comes and goes, so it ends only after half an hour of calm"));
}

static void write_korean(const struct telling *t, bool is_flapping, struct buf *out)
{
    static const struct tongue korean = {korean_words, ARRAY_LEN(korean_words)};
    if (t->alert->life.is_blind)
        put_korean_blindness(t, out);
    else
        fill_in(t, &korean, str_of(korean_template_of(t)), out);
    if (is_flapping)
        buf_put(out, STR(" 발생과 해결이 되풀이되어, 30분 동안 이상이 없어야 해결됩니다."));
}

static void take_sentence(char out[ALERT_TEXT_BYTES], const struct buf *text)
{
    str_copy(out, ALERT_TEXT_BYTES, utf8_cut(buf_str(text), ALERT_TEXT_BYTES - 1));
}

void evidence_write(struct alert *a, const struct armed_rule *rule, const char *note,
                    enum alert_change change, int64_t now_ns)
{
    struct buf english CLEANUP(buf_fini) = {0}, korean CLEANUP(buf_fini) = {0};
    struct telling t = {.alert = a,
                        .rule = rule,
                        .note = note,
                        .is_over = is_over(a, change),
                        .is_firing_now = change == ALERT_FIRED,
                        .now_ns = now_ns};
    bool is_flapping = alert_life_is_active(&a->life) && alert_life_is_flapping(&a->life, now_ns);
    write_english(&t, is_flapping, &english);
    write_korean(&t, is_flapping, &korean);
    take_sentence(a->evidence, &english);
    take_sentence(a->evidence_korean, &korean);
}
