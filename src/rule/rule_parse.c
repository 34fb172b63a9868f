/*
 * rule_parse.c: rules as text, read. A scanner that gives one token at a time and a parser by recursive
 * descent, a function for each line of the grammar in rule.h. The first mistake ends it; it has the place of
 * the token that is wrong, and names what would be right.
 */
#include "base/macros.h"
#include "base/units.h"
#include "rule/metric_value.h"
#include "rule/rule.h"

#include <stdarg.h>
#include <stdio.h>

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,   /* cpu, for, and */
    TOKEN_VALUE,  /* begins with a digit: 90%, 10MiB/s */
    TOKEN_STRING, /* quoted; text is what is inside */
    TOKEN_SIGN,   /* { } , = != < > and what else stands alone */
};

struct token {
    enum token_kind kind;
    size_t at, length; /* in the rule's text */
    struct str text;
};

struct parser {
    struct str text;
    struct arena *arena;
    size_t at; /* behind the current token */
    struct token token;
    struct rule rule;
    bool has_for, has_keep, has_unknown;
    struct rule_mistake *mistake;
};

/* ---- mistakes ---- */

static bool refuse(struct parser *p, const struct token *where, const char *format, ...) PRINTF_LIKE(3, 4);
static bool refuse(struct parser *p, const struct token *where, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    *p->mistake = (struct rule_mistake){.at = where->at, .length = where->length};
    vsnprintf(p->mistake->text, sizeof(p->mistake->text), format, args);
    va_end(args);
    return false;
}

static bool hint(struct parser *p, const char *format, ...) PRINTF_LIKE(2, 3);
static bool hint(struct parser *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(p->mistake->hint, sizeof(p->mistake->hint), format, args);
    va_end(args);
    return false;
}

/* The token as messages show it. */
enum { SHOWN_BYTES = 48 };
static const char *shown(const struct token *t, char out[SHOWN_BYTES])
{
    if (t->kind == TOKEN_END)
        return "the end";
    snprintf(out, SHOWN_BYTES, "'%.*s'", (int)MIN(t->text.len, (size_t)SHOWN_BYTES - 8), t->text.ptr);
    return out;
}

/* ---- tokens ---- */

static bool is_letter(char c)
{
    return ascii_is_letter(c) || c == '_';
}

static bool is_of_value(char c)
{
    return ascii_is_digit(c) || is_letter(c) || c == '.' || c == '%' || c == '/';
}

static bool is_of_word(char c)
{
    return ascii_is_digit(c) || is_letter(c);
}

static size_t run_length(struct str text, size_t at, bool (*is_of)(char c))
{
    size_t end = at;
    while (end < text.len && is_of(text.ptr[end]))
        end++;
    return end - at;
}

/* A quoted text; the quote itself cannot stand in it. */
static bool scan_string(struct parser *p, struct token *t)
{
    size_t end = 0;
    struct str rest = str_n(p->text.ptr + t->at + 1, p->text.len - t->at - 1);
    if (!str_find(rest, p->text.ptr[t->at], &end)) {
        t->length = p->text.len - t->at;
        return refuse(p, t, "the quote is not closed");
    }
    *t = (struct token){TOKEN_STRING, t->at, end + 2, str_n(rest.ptr, end)};
    return true;
}

static size_t sign_length(const struct parser *p, size_t at)
{
    char next = at + 1 < p->text.len ? p->text.ptr[at + 1] : '\0';
    if (next == '=' && strchr("!<>=", p->text.ptr[at]) && p->text.ptr[at])
        return 2;
    size_t length = 1; /* a character of UTF-8 is told as a whole */
    while (at + length < p->text.len && ((unsigned char)p->text.ptr[at + length] & 0xC0) == 0x80)
        length++;
    return length;
}

/* Moves on to the next token. */
static bool next(struct parser *p)
{
    size_t at = p->at;
    while (at < p->text.len && strchr(" \t\r\n", p->text.ptr[at]) && p->text.ptr[at])
        at++;
    struct token *t = &p->token;
    *t = (struct token){.kind = TOKEN_END, .at = at};
    if (at < p->text.len) {
        char c = p->text.ptr[at];
        if (c == '"' || c == '\'') {
            if (!scan_string(p, t))
                return false;
        } else {
            t->kind = ascii_is_digit(c) ? TOKEN_VALUE : is_letter(c) ? TOKEN_WORD : TOKEN_SIGN;
            t->length = t->kind == TOKEN_VALUE  ? run_length(p->text, at, is_of_value)
                        : t->kind == TOKEN_WORD ? run_length(p->text, at, is_of_word)
                                                : sign_length(p, at);
            t->text = str_n(p->text.ptr + at, t->length);
        }
    }
    p->at = at + t->length;
    return true;
}

static bool is_word(const struct parser *p, struct str word)
{
    return p->token.kind == TOKEN_WORD && str_eq(p->token.text, word);
}

static bool is_sign(const struct parser *p, struct str sign)
{
    return p->token.kind == TOKEN_SIGN && str_eq(p->token.text, sign);
}

/* ---- the grammar ---- */

static bool parse_span(struct parser *p, const char *after, int64_t *ret_ns)
{
    char word[SHOWN_BYTES];
    const char *problem = "such as 30s, 5m or 1h";
    bool is_value = p->token.kind == TOKEN_VALUE;
    if (!is_value || !units_parse_duration(p->token.text, ret_ns, &problem)) {
        (void)refuse(p, &p->token, "'%s' takes a duration, not %s", after, shown(&p->token, word));
        return hint(p, "%s", problem);
    }
    if (*ret_ns > RULE_SPAN_MAX_NS) {
        (void)refuse(p, &p->token, "'%s' is out of range", after);
        return hint(p, "at most 7d");
    }
    return next(p);
}

static bool parse_value(struct parser *p, enum metric metric, double *ret_value)
{
    char word[SHOWN_BYTES];
    const char *problem = "";
    const struct metric_info *m = &metric_infos[metric];
    if (p->token.kind == TOKEN_VALUE && metric_value_parse(m->unit, p->token.text, ret_value, &problem))
        return next(p);
    double ignored;
    if (p->token.kind != TOKEN_VALUE)
        (void)metric_value_parse(m->unit, STR("?"), &ignored, &problem);
    (void)refuse(p, &p->token, "'%s' is in %s, and %s is no such number", m->name, metric_unit_name(m->unit),
                 shown(&p->token, word));
    return hint(p, "%s", problem);
}

/* The constant name of the label; NULL: the kind has no such label. */
static const char *find_label(enum subject_kind kind, struct str name, const char *ret_all[])
{
    const char *found = NULL;
    for (size_t i = 0; i <= SUBJECT_NAMES_MAX; i++) {
        ret_all[i] = i < SUBJECT_NAMES_MAX ? subject_label(kind, i) : "instance";
        if (ret_all[i][0] && str_eq(name, str_of(ret_all[i])))
            found = ret_all[i];
    }
    return found;
}

static bool refuse_label(struct parser *p, const char *metric, const char *const *labels)
{
    char word[SHOWN_BYTES], all[128] = "";
    const char *nearest = str_nearest(p->token.text, labels, SUBJECT_NAMES_MAX + 1);
    size_t len = 0;
    for (size_t i = 0; i <= SUBJECT_NAMES_MAX; i++)
        if (labels[i][0])
            len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s", len ? ", " : "", labels[i]);
    (void)refuse(p, &p->token, "'%s' has no label %s", metric, shown(&p->token, word));
    return nearest && nearest[0] ? hint(p, "did you mean '%s'?", nearest) : hint(p, "it has: %s", all);
}

static bool parse_matcher(struct parser *p, struct rule_condition *c)
{
    char word[SHOWN_BYTES];
    const char *labels[SUBJECT_NAMES_MAX + 1];
    const struct metric_info *m = &metric_infos[c->metric];
    struct token label = p->token;
    struct rule_matcher matcher = {.label = find_label(m->subject, label.text, labels)};
    if (label.kind != TOKEN_WORD || !matcher.label)
        return refuse_label(p, m->name, labels);
    if (c->matcher_count == RULE_MATCHERS_MAX)
        return refuse(p, &label, "a condition has at most %d matchers", RULE_MATCHERS_MAX);
    if (!next(p))
        return false;
    matcher.is_not = is_sign(p, STR("!="));
    if (!matcher.is_not && !is_sign(p, STR("="))) {
        (void)refuse(p, &p->token, "a label is compared with '=' or '!=', not %s", shown(&p->token, word));
        return hint(p, "such as %s=\"...\"", matcher.label);
    }
    if (!next(p))
        return false;
    if (p->token.kind != TOKEN_STRING) {
        (void)refuse(p, &p->token, "the text of a label stands in quotes, not %s", shown(&p->token, word));
        return hint(p, "such as %s=\"...\", where * stands for any text", matcher.label);
    }
    matcher.pattern = arena_copy_str(p->arena, p->token.text);
    c->matchers[c->matcher_count++] = matcher;
    return next(p);
}

static bool parse_matchers(struct parser *p, struct rule_condition *c)
{
    char word[SHOWN_BYTES];
    do {
        if (!next(p) || !parse_matcher(p, c))
            return false;
    } while (is_sign(p, STR(",")));
    if (!is_sign(p, STR("}")))
        return refuse(p, &p->token, "a ',' or a '}' is missing before %s", shown(&p->token, word));
    return next(p);
}

static bool parse_metric(struct parser *p, struct rule_condition *c)
{
    char word[SHOWN_BYTES];
    c->metric = p->token.kind == TOKEN_WORD ? metric_find(p->token.text) : METRIC_COUNT;
    if (c->metric != METRIC_COUNT)
        return next(p);
    if (p->token.kind != TOKEN_WORD) {
        (void)refuse(p, &p->token, "a condition begins with a metric, not %s", shown(&p->token, word));
        return hint(p, "such as cpu > 90%% for 5m clear 80%%");
    }
    (void)refuse(p, &p->token, "there is no metric %s", shown(&p->token, word));
    const char *nearest = metric_suggest(p->token.text);
    return nearest ? hint(p, "did you mean '%s'?", nearest)
                   : hint(p, "docs/reference/watched-metrics.md lists them");
}

static bool parse_comparison(struct parser *p, struct rule_condition *c)
{
    char word[SHOWN_BYTES];
    bool is_flag = metric_infos[c->metric].unit == METRIC_UNIT_FLAG;
    c->is_below = is_sign(p, STR("<"));
    if (c->is_below || is_sign(p, STR(">")))
        return next(p) && parse_value(p, c->metric, &c->threshold);
    bool is_other = p->token.kind == TOKEN_SIGN && strchr("<>=!", p->token.text.ptr[0]);
    if (is_flag && !is_other)
        return true; /* the metric alone: more than 0 */
    (void)refuse(p, &p->token, "'%s' is compared by '>' or '<', not by %s", metric_infos[c->metric].name,
                 shown(&p->token, word));
    return is_other ? hint(p, "an alert begins beyond the threshold and ends at `clear`")
                    : hint(p, "such as %s > ...", metric_infos[c->metric].name);
}

static bool parse_clear(struct parser *p, struct rule_condition *c)
{
    struct token value = p->token;
    if (c->has_clear)
        return refuse(p, &value, "this condition has a 'clear' already");
    if (!parse_value(p, c->metric, &c->clear))
        return false;
    c->has_clear = true;
    bool is_wrong_side = c->is_below ? c->clear < c->threshold : c->clear > c->threshold;
    if (is_wrong_side) {
        (void)refuse(p, &value, "'clear' is beyond the threshold");
        return hint(p, "an alert that begins %s a number ends at one that is not %s",
                    c->is_below ? "below" : "above", c->is_below ? "less" : "greater");
    }
    if (!is_word(p, STR("for")))
        return true;
    if (p->rule.has_hold)
        return refuse(p, &p->token, "'clear ... for' is given twice");
    p->rule.has_hold = true;
    return next(p) && parse_span(p, "for", &p->rule.hold_ns);
}

static bool parse_unknown(struct parser *p)
{
    char word[SHOWN_BYTES];
    const char *names[RULE_UNKNOWN_COUNT];
    for (size_t i = 0; i < RULE_UNKNOWN_COUNT; i++) {
        names[i] = rule_unknown_name((enum rule_unknown)i);
        if (!is_word(p, str_of(names[i])))
            continue;
        p->rule.unknown = (enum rule_unknown)i;
        return next(p);
    }
    (void)refuse(p, &p->token, "'unknown' takes what missing data means, not %s", shown(&p->token, word));
    return hint(p, "one of: %s, %s, %s", names[0], names[1], names[2]);
}

/* Once each. */
static bool begin_option(struct parser *p, bool *has, const char *name)
{
    if (*has)
        return refuse(p, &p->token, "'%s' is given twice", name);
    *has = true;
    return next(p);
}

/* What stands behind a condition, up to "and" or the end. */
static bool parse_options(struct parser *p, struct rule_condition *c)
{
    static const char *const words[] = {"for", "clear", "keep", "unknown", "and"};
    char word[SHOWN_BYTES];
    for (;;) {
        bool is_fine;
        if (p->token.kind == TOKEN_END || is_word(p, STR("and")))
            return true;
        if (is_word(p, STR("for")))
            is_fine = begin_option(p, &p->has_for, "for") && parse_span(p, "for", &p->rule.for_ns);
        else if (is_word(p, STR("clear")))
            is_fine = next(p) && parse_clear(p, c);
        else if (is_word(p, STR("keep")))
            is_fine = begin_option(p, &p->has_keep, "keep") && parse_span(p, "keep", &p->rule.keep_ns);
        else if (is_word(p, STR("unknown")))
            is_fine = begin_option(p, &p->has_unknown, "unknown") && parse_unknown(p);
        else {
            const char *nearest = str_nearest(p->token.text, words, ARRAY_LEN(words));
            (void)refuse(p, &p->token, "%s is not expected here", shown(&p->token, word));
            return nearest ? hint(p, "did you mean '%s'?", nearest)
                           : hint(p, "here may stand: for, clear, keep, unknown, and");
        }
        if (!is_fine)
            return false;
    }
}

static bool parse_condition(struct parser *p)
{
    struct token begin = p->token;
    struct rule *r = &p->rule;
    if (r->condition_count == RULE_CONDITIONS_MAX)
        return refuse(p, &begin, "a rule has at most %d conditions", RULE_CONDITIONS_MAX);
    struct rule_condition *c = &r->conditions[r->condition_count++];
    if (!parse_metric(p, c))
        return false;
    const struct metric_info *m = &metric_infos[c->metric], *first = &metric_infos[r->conditions[0].metric];
    if (m->subject != first->subject) {
        (void)refuse(p, &begin, "'%s' and '%s' are not about the same", first->name, m->name);
        return hint(p, "both conditions are about one machine, one service, one file system and so on");
    }
    if (is_sign(p, STR("{")) && !parse_matchers(p, c))
        return false;
    return parse_comparison(p, c) && parse_options(p, c);
}

static bool parse_rule(struct parser *p)
{
    if (p->text.len > RULE_TEXT_BYTES_MAX)
        return refuse(p, &p->token, "a rule has at most %d characters", RULE_TEXT_BYTES_MAX);
    if (!next(p) || !parse_condition(p))
        return false;
    while (is_word(p, STR("and")))
        if (!next(p) || !parse_condition(p))
            return false;
    for (size_t i = 0; i < p->rule.condition_count; i++)
        if (!p->rule.conditions[i].has_clear)
            p->rule.conditions[i].clear = p->rule.conditions[i].threshold;
    return true;
}

bool rule_parse(struct str text, struct arena *arena, struct rule *ret_rule, struct rule_mistake *ret_mistake)
{
    struct parser p = {.text = text, .arena = arena, .mistake = ret_mistake};
    if (!parse_rule(&p))
        return false;
    *ret_rule = p.rule;
    return true;
}
