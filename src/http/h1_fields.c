/*
 * h1_fields.c: field lines. Two ways through the same rules:
 *
 *   h1_fields_parse  the whole section at once, the usual case: one pass over the bytes.
 *   h1_fields_look   a section that comes in pieces: control bytes and bare CR or LF in the new bytes, then
 * each line that they complete. When the section is complete it is parsed at once; so every byte is seen
 * about twice, never more.
 *
 * Both must give the same verdict. The order is: within a line a control byte is found before a malformed
 * name, and a name is judged when its line is complete. So the parser, when it meets a bad name, first looks
 * at the rest of the line.
 */
#include "http/h1_fields.h"

#include "http/scan.h"

enum http_fault h1_byte_fault(char c, enum http_fault other)
{
    if (c == '\r')
        return HTTP_FAULT_BARE_CR;
    if (c == '\n')
        return HTTP_FAULT_BARE_LF;
    return (uint8_t)c < 0x20 || c == 0x7f ? HTTP_FAULT_CONTROL_BYTE : other;
}

/* The CR of the CRLF that ends the line. */
static enum parse find_line_end(const char *p, const char *end, const char **ret_cr,
                                enum http_fault *ret_fault)
{
    p = scan_value(p, end);
    if (p == end || (*p == '\r' && p + 1 == end))
        return PARSE_MORE;
    *ret_cr = p;
    if (LIKELY(*p == '\r' && p[1] == '\n'))
        return PARSE_DONE;
    *ret_fault = h1_byte_fault(*p, HTTP_FAULT_CONTROL_BYTE);
    return PARSE_BAD;
}

/* What is wrong with the name of a complete line, if anything. */
static enum http_fault line_fault(const char *line, const char *cr)
{
    if (char_is_blank(*line))
        return HTTP_FAULT_FOLDED_LINE;
    const char *colon = scan_class(line, cr, CHAR_TOKEN);
    if (colon == cr)
        return HTTP_FAULT_FIELD_LINE;
    return *colon == ':' && colon > line ? HTTP_FAULT_NONE : HTTP_FAULT_FIELD_NAME;
}

static enum parse refuse_name(const char *line, const char *end, enum http_fault *ret_fault)
{
    const char *cr;
    enum parse verdict = find_line_end(line, end, &cr, ret_fault);
    if (verdict != PARSE_DONE)
        return verdict;
    *ret_fault = line_fault(line, cr);
    return PARSE_BAD;
}

/* The field that a server might see which maps every odd character of a name to one, as CGI does to `-`. */
static bool is_alias(struct str name)
{
    char plain[32];
    if (name.len >= sizeof(plain))
        return false;
    for (size_t i = 0; i < name.len; i++)
        plain[i] = char_is(name.ptr[i], CHAR_PLAIN) ? name.ptr[i] : '-';
    return http_field_find(str_n(plain, name.len)) != HTTP_FIELD_OTHER;
}

/* Fills in a field from its line: the colon and the CR are found, the name is a token. */
static void set_field(struct http_field *f, const char *line, const char *colon, const char *cr,
                      bool is_plain)
{
    const char *from = colon + 1, *to = cr;
    while (from < to && char_is_blank(*from))
        from++;
    while (to > from && char_is_blank(to[-1]))
        to--;
    f->name = str_n(line, (size_t)(colon - line));
    f->value = str_n(from, (size_t)(to - from));
    f->id = http_field_find(f->name);
    f->flags = from == colon + 2 && from[-1] == ' ' && to == cr ? HTTP_FIELD_CONTIGUOUS : 0;
    if (UNLIKELY(!is_plain) && is_alias(f->name))
        f->flags |= HTTP_FIELD_ALIAS;
}

static void note_field(struct h1_fields *noted, const struct http_field *f)
{
    uint64_t bit = UINT64_C(1) << f->id;
    noted->repeated |= noted->seen & bit;
    noted->seen |= bit;
    noted->count++;
}

enum parse h1_fields_parse(struct http_field *fields, uint32_t capacity, const char *p, const char *end,
                           struct h1_fields *ret_fields, const char **ret_end, enum http_fault *ret_fault)
{
    struct h1_fields noted = {0};
    const char *line = p, *cr;
    for (;; line = cr + 2) {
        uint8_t classes = CHAR_TOKEN | CHAR_PLAIN;
        for (p = line; p < end && char_is(*p, CHAR_TOKEN); p++)
            classes &= char_classes[(uint8_t)*p];
        if (p == end)
            return PARSE_MORE;
        if (p == line && *p == '\r')
            break;
        if (UNLIKELY(*p != ':' || p == line))
            return refuse_name(line, end, ret_fault);
        enum parse verdict = find_line_end(p + 1, end, &cr, ret_fault);
        if (UNLIKELY(verdict != PARSE_DONE))
            return verdict;
        if (UNLIKELY(noted.count == capacity)) {
            noted.is_overfull = true;
            continue;
        }
        set_field(&fields[noted.count], line, p, cr, classes & CHAR_PLAIN);
        note_field(&noted, &fields[noted.count]);
    }
    enum parse verdict = find_line_end(line, end, &cr, ret_fault);
    if (verdict != PARSE_DONE)
        return verdict;
    *ret_fields = noted;
    *ret_end = cr + 2;
    return PARSE_DONE;
}

enum parse h1_fields_look(const char *section, const char *from, const char *end, const char **ret_end,
                          enum http_fault *ret_fault)
{
    if (from > section && from[-1] == '\r') /* it was not yet judged */
        from--;
    for (;;) {
        const char *cr;
        enum parse verdict = find_line_end(from, end, &cr, ret_fault);
        if (verdict != PARSE_DONE)
            return verdict;
        const char *newline = memrchr(section, '\n', (size_t)(cr - section));
        const char *line = newline ? newline + 1 : section;
        from = cr + 2;
        if (line == cr) {
            *ret_end = from;
            return PARSE_DONE;
        }
        *ret_fault = line_fault(line, cr);
        if (*ret_fault)
            return PARSE_BAD;
    }
}

bool h1_fields_next(struct str *lines, struct http_field *ret_field)
{
    if (lines->len == 0)
        return false;
    const char *line = lines->ptr, *end = line + lines->len;
    const char *colon = scan_class(line, end, CHAR_TOKEN), *cr = scan_value(colon, end);
    ASSERT(colon < end && *colon == ':' && end - cr >= 2);
    bool is_plain = scan_class(line, colon, CHAR_PLAIN) == colon;
    set_field(ret_field, line, colon, cr, is_plain);
    *lines = str_n(cr + 2, (size_t)(end - cr) - 2);
    return true;
}
