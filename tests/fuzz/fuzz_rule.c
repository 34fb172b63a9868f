/*
 * Any bytes as an alert rule, as a selector of an exporter's series, and as a matcher of a silence, which may
 * be a regular expression. What must hold: nothing crashes; a
 * refusal has a place inside the text and words; a rule that is taken has sane numbers; both are written in a
 * canonical form that reads as itself, and their patterns end.
 */
#include "rule/matcher.h"
#include "rule/rule.h"
#include "rule/selector.h"

#include "base/macros.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_condition(const struct rule_condition *c, struct str text)
{
    ASSERT(c->metric < METRIC_COUNT && isfinite(c->threshold) && c->threshold >= 0 && c->clear >= 0);
    ASSERT(c->is_below ? c->clear >= c->threshold : c->clear <= c->threshold);
    ASSERT(c->matcher_count <= RULE_MATCHERS_MAX);
    for (size_t i = 0; i < c->matcher_count; i++) {
        ASSERT(c->matchers[i].label[0]);
        (void)rule_glob(c->matchers[i].pattern, text);
    }
}

static void check_rule(const struct rule *r, struct str text)
{
    ASSERT(r->condition_count >= 1 && r->condition_count <= RULE_CONDITIONS_MAX);
    ASSERT(r->for_ns >= 0 && r->for_ns <= RULE_SPAN_MAX_NS && r->keep_ns >= 0 && r->hold_ns >= 0);
    for (size_t i = 0; i < r->condition_count; i++)
        check_condition(&r->conditions[i], text);
}

static void try_selector(struct str text, struct arena *arena)
{
    struct buf once = {0}, twice = {0};
    struct selector s, again;
    struct rule_mistake m;
    if (selector_parse(text, arena, &s, &m)) {
        ASSERT(s.metric.len > 0 && s.label_count <= SELECTOR_LABELS_MAX);
        selector_format(&s, &once);
        ASSERT(once.len <= text.len && selector_parse(buf_str(&once), arena, &again, &m));
        selector_format(&again, &twice);
        ASSERT(str_eq(buf_str(&once), buf_str(&twice)));
    } else {
        ASSERT(m.text[0] && m.at <= text.len && m.length <= text.len - m.at);
    }
    buf_fini(&once);
    buf_fini(&twice);
}

static void try_matcher(struct str text)
{
    struct matcher m;
    struct rule_mistake mistake = {0};
    struct err err;
    if (matcher_parse(text, &m, &mistake)) {
        ASSERT(matcher_is_valid(&m, &err) && m.name.len > 0);
        matcher_arm(&m);
        bool does_fit = matcher_fits(&m, text);
        m.is_unlike = !m.is_unlike;
        ASSERT(matcher_fits(&m, text) != does_fit);
        (void)matcher_fits(&m, m.value);
        matcher_disarm(&m);
    } else {
        ASSERT(mistake.text[0] && mistake.at <= text.len && mistake.length <= text.len - mistake.at);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_n((const char *)data, size);
    struct arena *arena = arena_new();
    struct buf once = {0}, twice = {0};
    struct rule r, again;
    struct rule_mistake m;
    if (rule_parse(text, arena, &r, &m)) {
        check_rule(&r, text);
        rule_format(&r, &once);
        if (once.len <= RULE_TEXT_BYTES_MAX) { /* "for" at its longest may need more than it was read from */
            ASSERT(rule_parse(buf_str(&once), arena, &again, &m));
            rule_format(&again, &twice);
            ASSERT(str_eq(buf_str(&once), buf_str(&twice)));
        }
    } else {
        ASSERT(m.text[0] && m.at <= size && m.length <= size - m.at);
    }
    buf_fini(&once);
    buf_fini(&twice);
    try_selector(text, arena);
    try_matcher(text);
    arena_free(arena);
    return 0;
}
