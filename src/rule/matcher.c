/* matcher.c: see matcher.h. */
#include "rule/matcher.h"

#include "rule/rule.h"

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

bool matcher_is_valid(const struct matcher *m, struct err *hint)
{
    if (!is_name(m->name) || m->name.len > MATCHER_NAME_BYTES_MAX)
        return err_set(hint,
                       "a label's name has letters, digits and `_`, such as service, alertname or path");
    if (m->value.len > MATCHER_VALUE_BYTES_MAX)
        return err_set(hint, "a value has %d bytes at most", MATCHER_VALUE_BYTES_MAX);
    return is_printable(m->value) || err_set(hint, "a value is text of one line");
}

bool matcher_parse(struct str text, struct matcher *ret, struct err *hint)
{
    size_t at;
    if (!str_find(text, '=', &at))
        return err_set(hint, "LABEL=VALUE or LABEL!=VALUE, such as service=shop or path=/srv*");
    struct matcher m = {.name = str_n(text.ptr, at),
                        .value = str_n(text.ptr + at + 1, text.len - at - 1),
                        .is_unlike = at > 0 && text.ptr[at - 1] == '!'};
    m.name.len -= m.is_unlike;
    if (str_starts_with(m.value, STR("~")))
        return err_set(hint, "no regular expressions; `*` in the value stands for any text");
    if (!matcher_is_valid(&m, hint))
        return false;
    *ret = m;
    return true;
}

bool matcher_fits(const struct matcher *m, struct str label)
{
    return rule_glob(m->value, label) != m->is_unlike;
}
