/* rule.c: rules as text, written, and the patterns of their matchers. See rule.h. */
#include "rule/rule.h"

#include "base/macros.h"
#include "base/units.h"
#include "rule/metric_value.h"

const char *rule_unknown_name(enum rule_unknown unknown)
{
#define UNKNOWN_NAME(id, name, help) name,
    static const char *const names[] = {RULE_UNKNOWNS(UNKNOWN_NAME)};
    ASSERT((size_t)unknown < ARRAY_LEN(names));
    return names[unknown];
}

void rule_put_quoted(struct str text, struct buf *out)
{
    size_t at;
    char quote = str_find(text, '"', &at) ? '\'' : '"';
    buf_put_char(out, quote);
    buf_put(out, text);
    buf_put_char(out, quote);
}

static void format_matchers(const struct rule_condition *c, struct buf *out)
{
    for (size_t i = 0; i < c->matcher_count; i++) {
        const struct rule_matcher *m = &c->matchers[i];
        buf_printf(out, "%s%s%s", i ? ", " : "{", m->label, m->is_not ? "!=" : "=");
        rule_put_quoted(m->pattern, out);
    }
    if (c->matcher_count)
        buf_put_char(out, '}');
}

static void format_condition(const struct rule_condition *c, struct buf *out)
{
    const struct metric_info *m = &metric_infos[c->metric];
    buf_put(out, str_of(m->name));
    format_matchers(c, out);
    bool is_plain_flag = m->unit == METRIC_UNIT_FLAG && !c->is_below && c->threshold == 0;
    if (is_plain_flag)
        return;
    buf_put(out, c->is_below ? STR(" < ") : STR(" > "));
    metric_value_format(m->unit, c->threshold, out);
}

static void format_span(const char *word, int64_t ns, struct buf *out)
{
    if (ns == 0)
        return;
    buf_printf(out, " %s ", word);
    units_put_duration(out, (uint64_t)MAX(ns, 0));
}

/* The hold needs a `clear` to stand behind. */
static void format_clear(const struct rule_condition *c, const struct rule *r, bool is_last, struct buf *out)
{
    bool has_hold = is_last && r->has_hold;
    if (!c->has_clear && !has_hold)
        return;
    buf_put(out, STR(" clear "));
    metric_value_format(metric_infos[c->metric].unit, c->clear, out);
    if (has_hold) {
        buf_put(out, STR(" for "));
        units_put_duration(out, (uint64_t)MAX(r->hold_ns, 0));
    }
}

void rule_format(const struct rule *r, struct buf *out)
{
    for (size_t i = 0; i < r->condition_count; i++) {
        bool is_last = i + 1 == r->condition_count;
        buf_put(out, i ? STR(" and ") : STR(""));
        format_condition(&r->conditions[i], out);
        if (is_last)
            format_span("for", r->for_ns, out);
        format_clear(&r->conditions[i], r, is_last, out);
    }
    format_span("keep", r->keep_ns, out);
    if (r->unknown != RULE_UNKNOWN_KEEP)
        buf_printf(out, " unknown %s", rule_unknown_name(r->unknown));
}

bool rule_glob(struct str pattern, struct str text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, star_text = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            star_text = t;
        } else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) { /* the latest star takes one more */
            p = star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}
