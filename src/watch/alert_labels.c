/* alert_labels.c: see alert_labels.h. */
#include "watch/alert_labels.h"

#define SILENCE_FOR "2h"

struct str alert_label_value(const struct alert *a, struct str name)
{
    if (str_eq(name, STR("alertname")))
        return str_of(a->name);
    if (str_eq(name, STR("severity")))
        return str_of(alert_severity_name(a->severity));
    for (size_t i = 0; i < a->label_count; i++)
        if (str_eq(name, str_of(a->labels[i].name)))
            return str_of(a->labels[i].value);
    return STR("");
}

static bool is_plain(char c)
{
    char lower = ascii_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || (c && strchr("_./:=@%+,-", c));
}

/* In single quotes where a shell could read something into it. */
static void put_quoted(struct buf *out, struct str text)
{
    bool is_safe = true;
    for (size_t i = 0; i < text.len; i++)
        is_safe &= is_plain(text.ptr[i]);
    if (is_safe) {
        buf_put(out, text);
        return;
    }
    buf_put_char(out, '\'');
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\'')
            buf_put(out, STR("'\\''"));
        else
            buf_put_char(out, text.ptr[i]);
    buf_put_char(out, '\'');
}

/* What begins with `~` would be taken for a regular expression: then it is one, of signs alone. */
static void put_matcher(struct buf *out, const struct alert_label *l)
{
    CLEANUP(buf_fini) struct buf regex = {0};
    buf_printf(out, " %s=", l->name);
    for (const char *c = l->value; l->value[0] == '~' && *c; c++) {
        buf_put(&regex, c == l->value ? STR("~") : STR(""));
        if (strchr("\\.+*?()|[]{}^$", *c))
            buf_put_char(&regex, '\\');
        buf_put_char(&regex, *c);
    }
    put_quoted(out, regex.len ? buf_str(&regex) : str_of(l->value));
}

void alert_put_silence_command(const struct alert *a, struct str instance, struct buf *out)
{
    buf_printf(out, "weir silence alertname=%s", a->name);
    for (size_t i = 0; i < a->label_count; i++) {
        const struct alert_label *l = &a->labels[i];
        if (strcmp(l->name, "instance") == 0 && str_eq(str_of(l->value), instance))
            continue;
        put_matcher(out, l);
    }
    buf_put(out, STR(" --for " SILENCE_FOR));
}

void alert_put_link(const struct alert *a, const char *external_url, struct buf *out)
{
    if (external_url[0])
        buf_printf(out, "%s/#alert-%016llx", external_url, (unsigned long long)a->fingerprint);
}
