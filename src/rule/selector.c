/*
 * selector.c: see selector.h. A cursor over the text and a function for each part of the grammar. The first
 * mistake ends it, with the place of what is wrong and what would be right.
 */
#include "rule/selector.h"

#include "base/macros.h"

#include <stdio.h>

struct reader {
    struct str text;
    struct arena *arena;
    size_t at;
    struct selector selector;
    struct rule_mistake *mistake;
};

enum { SHOWN_BYTES = 48 };

static bool refuse(struct reader *r, size_t length, const char *hint, const char *format, ...)
    PRINTF_LIKE(4, 5);
static bool refuse(struct reader *r, size_t length, const char *hint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    *r->mistake = (struct rule_mistake){.at = r->at, .length = length};
    vsnprintf(r->mistake->text, sizeof(r->mistake->text), format, args);
    va_end(args);
    str_copy(r->mistake->hint, sizeof(r->mistake->hint), str_of(hint));
    return false;
}

/* What stands at the cursor, for messages: a character of UTF-8 is told as a whole. */
static size_t here_length(const struct reader *r)
{
    size_t length = r->at < r->text.len;
    while (length && r->at + length < r->text.len &&
           ((unsigned char)r->text.ptr[r->at + length] & 0xC0) == 0x80)
        length++;
    return length;
}

static const char *here(const struct reader *r, char out[SHOWN_BYTES])
{
    size_t length = here_length(r);
    if (length == 0)
        return "the end";
    bool is_control = (unsigned char)r->text.ptr[r->at] < 0x20 || r->text.ptr[r->at] == 0x7F;
    snprintf(out, SHOWN_BYTES, "'%.*s'", is_control ? 1 : (int)MIN(length, (size_t)8),
             is_control ? "?" : r->text.ptr + r->at);
    return out;
}

static void skip_blanks(struct reader *r)
{
    while (r->at < r->text.len && strchr(" \t", r->text.ptr[r->at]) && r->text.ptr[r->at])
        r->at++;
}

static bool take(struct reader *r, char c)
{
    if (r->at == r->text.len || r->text.ptr[r->at] != c)
        return false;
    r->at++;
    return true;
}

static bool is_name_character(char c, bool is_first, bool may_have_colons)
{
    return ascii_is_letter(c) || c == '_' || (may_have_colons && c == ':') ||
           (!is_first && ascii_is_digit(c));
}

static struct str take_name(struct reader *r, bool may_have_colons)
{
    size_t begin = r->at;
    while (r->at < r->text.len && is_name_character(r->text.ptr[r->at], r->at == begin, may_have_colons))
        r->at++;
    return str_n(r->text.ptr + begin, r->at - begin);
}

static bool take_comparison(struct reader *r, bool *ret_is_not)
{
    char word[SHOWN_BYTES];
    bool has_more = r->at + 1 < r->text.len;
    if (has_more && r->text.ptr[r->at + 1] == '~' && strchr("=!", r->text.ptr[r->at]) && r->text.ptr[r->at])
        return refuse(r, 2, "write label=\"...\", where * stands for any text",
                      "there are no regular expressions here");
    *ret_is_not = take(r, '!');
    if (take(r, '='))
        return true;
    r->at -= *ret_is_not;
    return refuse(r, MAX(here_length(r), (size_t)*ret_is_not), "such as label=\"...\"",
                  "a label is compared with '=' or '!=', not %s", here(r, word));
}

static bool take_text(struct reader *r, struct str *ret_text)
{
    char word[SHOWN_BYTES];
    size_t end;
    char quote = r->at < r->text.len ? r->text.ptr[r->at] : '\0';
    if (quote != '"' && quote != '\'')
        return refuse(r, here_length(r), "such as label=\"...\", where * stands for any text",
                      "the text of a label stands in quotes, not %s", here(r, word));
    struct str rest = str_n(r->text.ptr + r->at + 1, r->text.len - r->at - 1);
    if (!str_find(rest, quote, &end))
        return refuse(r, r->text.len - r->at, "", "the quote is not closed");
    *ret_text = arena_copy_str(r->arena, str_n(rest.ptr, end));
    r->at += end + 2;
    return true;
}

static bool take_label(struct reader *r)
{
    char word[SHOWN_BYTES];
    struct selector *s = &r->selector;
    if (s->label_count == SELECTOR_LABELS_MAX)
        return refuse(r, here_length(r), "", "there are at most %d labels", SELECTOR_LABELS_MAX);
    struct selector_label *label = &s->labels[s->label_count];
    struct str name = take_name(r, false);
    if (name.len == 0)
        return refuse(r, here_length(r), "such as queue=\"mail\"", "here stands the name of a label, not %s",
                      here(r, word));
    label->name = arena_copy_str(r->arena, name);
    skip_blanks(r);
    if (!take_comparison(r, &label->is_not))
        return false;
    skip_blanks(r);
    if (!take_text(r, &label->pattern))
        return false;
    s->label_count++;
    return true;
}

/* Behind the opening brace. As in Prometheus, a comma may stand behind the last one. */
static bool take_labels(struct reader *r)
{
    char word[SHOWN_BYTES];
    for (;;) {
        skip_blanks(r);
        if (take(r, '}'))
            return true;
        if (!take_label(r))
            return false;
        skip_blanks(r);
        if (take(r, ',') || (r->at < r->text.len && r->text.ptr[r->at] == '}'))
            continue;
        return refuse(r, here_length(r), "", "a ',' or a '}' is missing before %s", here(r, word));
    }
}

static bool take_selector(struct reader *r)
{
    char word[SHOWN_BYTES];
    if (r->text.len > SELECTOR_BYTES_MAX)
        return refuse(r, 0, "", "a series is named in at most %d characters", SELECTOR_BYTES_MAX);
    skip_blanks(r);
    struct str metric = take_name(r, true);
    if (metric.len == 0)
        return refuse(r, here_length(r), "such as app_queue_depth{queue=\"mail\"}",
                      "a series begins with the name of a metric, not %s", here(r, word));
    r->selector.metric = arena_copy_str(r->arena, metric);
    skip_blanks(r);
    if (take(r, '{') && !take_labels(r))
        return false;
    skip_blanks(r);
    if (r->at == r->text.len)
        return true;
    bool is_function = r->text.ptr[r->at] == '(';
    return refuse(r, here_length(r),
                  is_function ? "only series are named here; rate_of: makes a rate of a counter"
                              : "the name of a metric, and maybe labels in braces",
                  "%s is not expected here", here(r, word));
}

bool selector_parse(struct str text, struct arena *arena, struct selector *ret_selector,
                    struct rule_mistake *ret_mistake)
{
    struct reader r = {.text = text, .arena = arena, .mistake = ret_mistake};
    if (!take_selector(&r))
        return false;
    *ret_selector = r.selector;
    return true;
}

void selector_format(const struct selector *s, struct buf *out)
{
    buf_put(out, s->metric);
    for (size_t i = 0; i < s->label_count; i++) {
        const struct selector_label *l = &s->labels[i];
        buf_printf(out, "%s%.*s%s", i ? "," : "{", STR_ARG(l->name), l->is_not ? "!=" : "=");
        rule_put_quoted(l->pattern, out);
    }
    if (s->label_count)
        buf_put_char(out, '}');
}
