/* matcher.c: see matcher.h. */
#include "rule/matcher.h"

#include "base/macros.h"
#include "rule/regex.h"

#include <assert.h>

static_assert((int)MATCHER_VALUE_BYTES_MAX == (int)REGEX_BYTES_MAX, "a value may be a pattern");

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!ascii_is_letter(c) && c != '_' && !(ascii_is_digit(c) && i > 0))
            return false;
    }
    return s.len > 0;
}

static bool is_printable(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
            return false;
    return true;
}

static bool refuse(struct rule_mistake *m, size_t at, size_t length, const char *text, const char *hint)
{
    m->at = at;
    m->length = length;
    str_copy(m->text, sizeof(m->text), str_of(text));
    str_copy(m->hint, sizeof(m->hint), str_of(hint));
    return false;
}

/* value_at: where the value begins in what the mistake is told of. */
static bool is_valid(const struct matcher *m, size_t value_at, struct rule_mistake *mistake)
{
    struct regex_mistake of_regex;
    if (!is_name(m->name) || m->name.len > MATCHER_NAME_BYTES_MAX)
        return refuse(mistake, 0, m->name.len, "this is no name of a label",
                      "it has letters, digits and `_`, such as service, alertname or path");
    if (m->value.len > MATCHER_VALUE_BYTES_MAX)
        return refuse(mistake, value_at, m->value.len, "this value is too long", "it has 256 bytes at most");
    if (!is_printable(m->value))
        return refuse(mistake, value_at, m->value.len, "a value is text of one line", "");
    if (!m->is_regex)
        return true;
    struct regex *regex = regex_new(m->value, &of_regex);
    if (!regex)
        return refuse(mistake, value_at + of_regex.at, m->value.len - of_regex.at, of_regex.text,
                      "a regular expression; with `=` and `!=` a `*` stands for any text");
    regex_free(regex);
    return true;
}

bool matcher_is_valid(const struct matcher *m, struct err *err)
{
    struct rule_mistake mistake;
    if (is_valid(m, 0, &mistake))
        return true;
    if (mistake.at == 0 || mistake.length == 0)
        return err_set(err, "%.*s%s%.*s: %s%s%s", STR_ARG(m->name), matcher_sign(m), STR_ARG(m->value),
                       mistake.text, mistake.hint[0] ? ": " : "", mistake.hint);
    return err_set(err, "%.*s%s%.*s: %s, at `%.*s`: %s", STR_ARG(m->name), matcher_sign(m), STR_ARG(m->value),
                   mistake.text, (int)mistake.length, m->value.ptr + mistake.at, mistake.hint);
}

const char *matcher_sign(const struct matcher *m)
{
    if (m->is_regex)
        return m->is_unlike ? "!~" : "=~";
    return m->is_unlike ? "!=" : "=";
}

/* Where the sign stands that parts name and value; text.len: nowhere. */
static size_t find_sign(struct str text)
{
    size_t at = 0;
    while (at < text.len && text.ptr[at] != '=' &&
           !(text.ptr[at] == '!' && at + 1 < text.len && strchr("=~", text.ptr[at + 1]) && text.ptr[at + 1]))
        at++;
    return at;
}

bool matcher_parse(struct str text, struct matcher *ret, struct rule_mistake *ret_mistake)
{
    struct rule_mistake ignored, *mistake = ret_mistake ? ret_mistake : &ignored;
    size_t at = find_sign(text);
    if (at == text.len)
        return refuse(mistake, 0, text.len, "this does not say which alerts are meant",
                      "LABEL=VALUE, LABEL!=VALUE, LABEL=~REGEX or LABEL!~REGEX, such as service=shop or "
                      "path=/srv*");
    struct matcher m = {.name = str_n(text.ptr, at), .is_unlike = text.ptr[at] == '!'};
    at += m.is_unlike ? 1 : 0;
    m.is_regex = text.ptr[at] == '~' || (!m.is_unlike && at + 1 < text.len && text.ptr[at + 1] == '~');
    at += m.is_regex && !m.is_unlike ? 2 : 1;
    m.value = str_n(text.ptr + at, text.len - at);
    if (!is_valid(&m, at, mistake))
        return false;
    *ret = m;
    return true;
}

void matcher_arm(struct matcher *m)
{
    struct regex_mistake mistake;
    m->regex = m->is_regex ? regex_new(m->value, &mistake) : NULL;
    ASSERT(!m->is_regex || m->regex);
}

void matcher_disarm(struct matcher *m)
{
    regex_free(m->regex);
    m->regex = NULL;
}

bool matcher_fits(const struct matcher *m, struct str label)
{
    ASSERT(!m->is_regex || m->regex);
    return (m->is_regex ? regex_fits(m->regex, label) : rule_glob(m->value, label)) != m->is_unlike;
}
