/* form.c: see form.h. What is filled in reaches up to where the next literal part first stands, and is never
 * empty. */
#include "watch/form.h"

#include "base/macros.h"
#include "rule/metric_value.h"
#include "watch/notify/phrases.h"

#include <string.h>

enum { FILLED_MAX = 10 };

struct filled {
    size_t count;
    struct str items[FILLED_MAX];
    bool is_span[FILLED_MAX];
};

static bool is_span(struct str text)
{
    double seconds;
    const char *problem;
    return metric_value_parse(METRIC_UNIT_SECONDS, text, &seconds, &problem);
}

/* Cuts the text up to the next literal part off *rest. */
static bool take_filled(struct str literal, struct str *rest, struct str *ret)
{
    size_t len = rest->len;
    if (literal.len) {
        const char *at = memmem(rest->ptr, rest->len, literal.ptr, literal.len);
        if (!at)
            return false;
        len = (size_t)(at - rest->ptr);
    }
    *ret = str_n(rest->ptr, len);
    *rest = str_n(rest->ptr + len, rest->len - len);
    return len > 0;
}

/* The part before the next brace; *at goes behind it. */
static struct str next_literal(const char **at)
{
    size_t len = strcspn(*at, "{");
    struct str literal = str_n(*at, len);
    *at += len;
    return literal;
}

static bool is_of_form(const char *form, struct str text, struct filled *ret)
{
    struct str literal = next_literal(&form);
    ret->count = 0;
    while (str_starts_with(text, literal)) {
        text = str_n(text.ptr + literal.len, text.len - literal.len);
        if (*form == '\0')
            return text.len == 0;
        ASSERT(ret->count < FILLED_MAX);
        bool *must_be_span = &ret->is_span[ret->count];
        struct str *item = &ret->items[ret->count++];
        *must_be_span = form[1] == 't';
        form = strchr(form, '}') + 1;
        literal = next_literal(&form);
        if (!take_filled(literal, &text, item) || (*must_be_span && !is_span(*item)))
            return false;
    }
    return false;
}

static void put_span(struct str text, struct buf *out)
{
    double seconds = 0;
    const char *problem;
    (void)metric_value_parse(METRIC_UNIT_SECONDS, text, &seconds, &problem);
    phrase_write_value(LANGUAGE_KOREAN, METRIC_UNIT_SECONDS, seconds, out);
}

bool form_translate(const char *english, const char *korean, struct str text, struct buf *out,
                    void (*put_item)(struct str item, struct buf *out))
{
    struct filled f;
    if (!is_of_form(english, text, &f))
        return false;
    for (;;) {
        buf_put(out, next_literal(&korean));
        if (*korean == '\0')
            return true;
        size_t i = (size_t)(korean[1] - '0');
        ASSERT(i < f.count);
        if (f.is_span[i])
            put_span(f.items[i], out);
        else if (put_item)
            put_item(f.items[i], out);
        else
            buf_put(out, f.items[i]);
        korean += strlen("{0}");
    }
}
