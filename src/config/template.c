/*
 * template.c: see template.h. Only braces mean anything, and each has to be right: a placeholder that nobody
 * knows would be seen for the first time in the message that should have helped.
 */
#include "config/template.h"

static const char *const names[] = {
#define TEMPLATE_PLACEHOLDER_NAME(id, name, help) [TEMPLATE_##id] = name,
    TEMPLATE_PLACEHOLDERS(TEMPLATE_PLACEHOLDER_NAME)
#undef TEMPLATE_PLACEHOLDER_NAME
};

static void take(struct str *rest, size_t len)
{
    *rest = str_n(rest->ptr + len, rest->len - len);
}

static enum template_step wrong(struct template_part *ret, struct str place)
{
    *ret = (struct template_part){.text = place};
    return TEMPLATE_WRONG;
}

static bool is_label_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!ascii_is_letter(s.ptr[i]) && s.ptr[i] != '_' && !(i && ascii_is_digit(s.ptr[i])))
            return false;
    return s.len > 0;
}

static bool find(struct str name, struct template_part *ret)
{
    *ret = (struct template_part){0};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(name, str_of(names[i]))) {
            ret->placeholder = (enum template_placeholder)i;
            return true;
        }
    if (!str_starts_with(name, STR("label.")))
        return false;
    ret->placeholder = TEMPLATE_LABEL;
    ret->label = str_n(name.ptr + 6, name.len - 6);
    return is_label_name(ret->label);
}

static void hint_at(struct str name, struct err *hint)
{
    const char *near = str_nearest(name, names, ARRAY_LEN(names));
    if (near) {
        (void)err_set(hint, "did you mean {%s}?", near);
        return;
    }
    char list[256] = "";
    for (size_t i = 0, len = 0; i < ARRAY_LEN(names); i++) {
        len += str_copy(list + len, sizeof(list) - len, i ? STR(", ") : STR(""));
        len += str_copy(list + len, sizeof(list) - len, str_of(names[i]));
    }
    (void)err_set(hint, "known: %s, label.NAME", list);
}

static enum template_step take_placeholder(struct str *rest, struct template_part *ret, struct err *problem,
                                           struct err *hint)
{
    size_t end;
    if (!str_find(*rest, '}', &end)) {
        (void)err_set(problem, "a '{' without its '}'");
        (void)err_set(hint, "a brace itself is written {{");
        return wrong(ret, str_n(rest->ptr, 1));
    }
    struct str name = str_n(rest->ptr + 1, end - 1);
    if (!find(name, ret)) {
        (void)err_set(problem, "there is no placeholder {%.*s}", (int)MIN(name.len, (size_t)40), name.ptr);
        hint_at(name, hint);
        return wrong(ret, str_n(rest->ptr, end + 1));
    }
    take(rest, end + 1);
    return TEMPLATE_PLACEHOLDER;
}

enum template_step template_next(struct str *rest, struct template_part *ret, struct err *problem,
                                 struct err *hint)
{
    if (rest->len == 0)
        return TEMPLATE_END;
    char first = rest->ptr[0];
    bool is_brace = first == '{' || first == '}';
    if (is_brace && rest->len > 1 && rest->ptr[1] == first) {
        *ret = (struct template_part){.text = str_n(rest->ptr, 1)};
        take(rest, 2);
        return TEMPLATE_LITERAL;
    }
    if (first == '{')
        return take_placeholder(rest, ret, problem, hint);
    if (first == '}') {
        (void)err_set(problem, "a '}' without its '{'");
        (void)err_set(hint, "a brace itself is written }}");
        return wrong(ret, str_n(rest->ptr, 1));
    }
    size_t len = 0;
    while (len < rest->len && rest->ptr[len] != '{' && rest->ptr[len] != '}')
        len++;
    *ret = (struct template_part){.text = str_n(rest->ptr, len)};
    take(rest, len);
    return TEMPLATE_LITERAL;
}
