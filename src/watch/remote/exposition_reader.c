/*
 * exposition_reader.c: see exposition_reader.h. A row is checked whole before it is given: a name, labels
 * with closed quotes, one number. Looking at one label walks the checked text again, which is short.
 */
#include "watch/remote/exposition_reader.h"

#include "base/macros.h"

#include <math.h>
#include <stdlib.h>

enum { NUMBER_BYTES_MAX = 64 };

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}

static bool is_name(char c)
{
    return is_name_start(c) || (c >= '0' && c <= '9');
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_blanks(struct str *s)
{
    while (s->len && is_blank(s->ptr[0]))
        *s = str_n(s->ptr + 1, s->len - 1);
}

static struct str take_name(struct str *s)
{
    size_t n = 0;
    if (s->len && is_name_start(s->ptr[0]))
        for (n = 1; n < s->len && is_name(s->ptr[n]);)
            n++;
    struct str name = str_n(s->ptr, n);
    *s = str_n(s->ptr + n, s->len - n);
    return name;
}

static bool take_char(struct str *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c)
        return false;
    *s = str_n(s->ptr + 1, s->len - 1);
    return true;
}

/* "…" with its quotes taken off, escapes left in. */
static bool take_quoted(struct str *s, struct str *ret_text)
{
    if (!take_char(s, '"'))
        return false;
    for (size_t n = 0; n < s->len; n++) {
        if (s->ptr[n] == '\\') {
            n++;
            continue;
        }
        if (s->ptr[n] != '"')
            continue;
        *ret_text = str_n(s->ptr, n);
        *s = str_n(s->ptr + n + 1, s->len - n - 1);
        return true;
    }
    return false;
}

/* The next label; false at the end of them, or with *ret_is_bad. */
static bool next_label(struct str *s, struct str *ret_name, struct str *ret_text, bool *ret_is_bad)
{
    *ret_is_bad = false;
    skip_blanks(s);
    if (s->len == 0)
        return false;
    *ret_is_bad = true;
    *ret_name = take_name(s);
    skip_blanks(s);
    if (ret_name->len == 0 || !take_char(s, '='))
        return false;
    skip_blanks(s);
    if (!take_quoted(s, ret_text))
        return false;
    skip_blanks(s);
    if (s->len && !take_char(s, ','))
        return false;
    *ret_is_bad = false;
    return true;
}

/* Up to the brace that closes them, which may stand in a quoted value, too. */
static bool take_labels(struct str *s, struct str *ret_labels)
{
    bool is_quoted = false;
    for (size_t n = 0; n < s->len; n++) {
        if (is_quoted && s->ptr[n] == '\\')
            n++;
        else if (s->ptr[n] == '"')
            is_quoted = !is_quoted;
        else if (s->ptr[n] == '}' && !is_quoted) {
            *ret_labels = str_n(s->ptr, n);
            *s = str_n(s->ptr + n + 1, s->len - n - 1);
            return true;
        }
    }
    return false;
}

static bool labels_are_good(struct str labels)
{
    struct str name, text;
    bool is_bad;
    while (next_label(&labels, &name, &text, &is_bad))
        continue;
    return !is_bad;
}

static bool take_number(struct str *s, double *ret_value)
{
    char text[NUMBER_BYTES_MAX], *end;
    size_t n = 0;
    while (n < s->len && !is_blank(s->ptr[n]))
        n++;
    if (n == 0 || n >= sizeof(text) || memchr(s->ptr, '\0', n))
        return false;
    str_copy(text, sizeof(text), str_n(s->ptr, n));
    *ret_value = strtod(text, &end); /* takes +Inf, NaN; the locale is C */
    *s = str_n(s->ptr + n, s->len - n);
    return *end == '\0';
}

static const char *read_row(struct str line, struct exposition_row *row)
{
    row->labels = STR("");
    row->name = take_name(&line);
    if (row->name.len == 0)
        return "a row begins with the name of a metric";
    skip_blanks(&line);
    if (take_char(&line, '{') && !take_labels(&line, &row->labels))
        return "the labels are not closed";
    if (!labels_are_good(row->labels))
        return "the labels make no sense";
    skip_blanks(&line);
    if (!take_number(&line, &row->value))
        return "the value is no number";
    return NULL;
}

void exposition_reader_init(struct exposition_reader *e, struct str text)
{
    *e = (struct exposition_reader){.rest = text};
}

bool exposition_reader_next(struct exposition_reader *e, struct exposition_row *ret_row)
{
    while (e->rest.len && !e->why) {
        size_t end;
        struct str line = e->rest;
        if (str_find(e->rest, '\n', &end)) {
            line.len = end;
            e->rest = str_n(e->rest.ptr + end + 1, e->rest.len - end - 1);
        } else {
            e->rest = str_n(e->rest.ptr + e->rest.len, 0);
        }
        e->line++;
        if (line.len && line.ptr[line.len - 1] == '\r')
            line.len--;
        skip_blanks(&line);
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        e->why = read_row(line, ret_row);
        return e->why == NULL;
    }
    return false;
}

static void unescape(struct str text, char *out, size_t out_bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len && n + 1 < out_bytes; i++) {
        char c = text.ptr[i];
        if (c == '\\' && i + 1 < text.len) {
            i++;
            c = text.ptr[i] == 'n' ? '\n' : text.ptr[i];
        }
        out[n++] = c;
    }
    out[n] = '\0';
}

bool exposition_label(const struct exposition_row *row, const char *name, char *out, size_t out_bytes)
{
    struct str labels = row->labels, at, text;
    bool is_bad;
    while (next_label(&labels, &at, &text, &is_bad)) {
        if (!str_eq(at, str_of(name)))
            continue;
        unescape(text, out, out_bytes);
        return true;
    }
    out[0] = '\0';
    return false;
}
