/*
 * check_texts.c: mistakes within one text of the file, such as a rule, told with their own place. What a
 * place in the text is in the source can be told as long as the text is written in one line and its only
 * escapes are the quotes.
 */
#include "config/checks.h"

#include "rule/rule.h"

/* How many bytes of the source one byte of a scalar's text takes, or 0 when that cannot be told: \" and \\ in
 * double quotes, '' in single ones. */
static size_t source_bytes(struct str source, size_t at, char quote, char byte)
{
    if (at >= source.len)
        return 0;
    bool is_escape = (quote == '"' && source.ptr[at] == '\\') || (quote == '\'' && source.ptr[at] == '\'');
    size_t skip = is_escape ? 1 : 0;
    return at + skip < source.len && source.ptr[at + skip] == byte ? 1 + skip : 0;
}

/* The offset in the file of a scalar's text[at]; false when the text was folded or has other escapes. */
static bool find_source(const struct decoding *d, const struct node *n, size_t at, size_t *ret_offset)
{
    struct str source = d->d->source;
    size_t offset = n->offset;
    char quote = n->is_plain || offset >= source.len ? '\0' : source.ptr[offset];
    offset += quote ? 1 : 0;
    for (size_t i = 0; i < at; i++) {
        size_t bytes = source_bytes(source, offset, quote, n->text.ptr[i]);
        if (bytes == 0)
            return false;
        offset += bytes;
    }
    *ret_offset = offset;
    return true;
}

void check_tell_mistake(struct decoding *d, struct node *n, const struct rule_mistake *m)
{
    size_t begin, end;
    struct diagnostic *item;
    bool is_found = find_source(d, n, m->at, &begin) && find_source(d, n, m->at + m->length, &end);
    n->is_bad = true;
    if (is_found)
        item = diagnostics_add(d->d, DIAGNOSTIC_ERROR, begin, MAX(end - begin, (size_t)1), "%s", m->text);
    else
        item = node_error(d->d, n, "%s", m->text);
    if (m->hint[0])
        diagnostics_hint(d->d, item, "%s", m->hint);
}
