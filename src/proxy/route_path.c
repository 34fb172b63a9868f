/*
 * The quick way is one look: a path without `%`, `//` and `/.` is its own meaning. All others are decoded to
 * `out` first and then resolved in place, segment by segment: the write position never overtakes the read
 * position.
 *
 * nginx and Traefik resolve before they match; a prefix that is matched as it is written can be walked around
 * ("/public/../admin" goes to whom "/public/" belongs to, who may well resolve it). What is ambiguous is
 * refused rather than guessed.
 */
#include "proxy/route_path.h"

#include "base/macros.h"
#include "base/percent.h"

static bool is_plain(struct str path)
{
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] == '%')
            return false;
        if (path.ptr[i] == '/' && i + 1 < path.len && (path.ptr[i + 1] == '/' || path.ptr[i + 1] == '.'))
            return false;
    }
    return true;
}

static unsigned hex_value(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(ascii_lower(c) - 'a') + 10;
}

/* False at %00: some servers end the path there. */
static bool decode_unreserved(struct str path, char *out, size_t *ret_len)
{
    size_t len = 0;
    for (size_t i = 0; i < path.len; i++) {
        out[len++] = path.ptr[i];
        if (path.ptr[i] != '%')
            continue;
        ASSERT(i + 2 < path.len);
        unsigned char c = (unsigned char)(hex_value(path.ptr[i + 1]) << 4 | hex_value(path.ptr[i + 2]));
        if (c == 0)
            return false;
        if (percent_is_plain((char)c)) {
            out[len - 1] = (char)c;
            i += 2;
        }
    }
    *ret_len = len;
    return true;
}

static size_t dots(struct str s)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] == '.')
        n++;
    return n == s.len && n <= 2 ? n : 0;
}

static bool is_escaped_separator(struct str s)
{
    if (s.len < 3)
        return false;
    struct str escape = str_n(s.ptr, 3);
    return str_eq_nocase(escape, STR("%2f")) || str_eq_nocase(escape, STR("%5c"));
}

/* One part of a segment: ends at an escaped separator; what follows a `;` are parameters to some (Tomcat). */
static bool part_hides_dots(struct str part, bool is_whole_segment)
{
    size_t at;
    bool has_parameters = str_find(part, ';', &at);
    if (has_parameters)
        part.len = at;
    return dots(part) && (has_parameters || !is_whole_segment);
}

/* "..;x", "a%2F..": a dot segment to some, an odd name to others. */
static bool hides_dots(struct str segment)
{
    size_t start = 0;
    for (size_t i = 0; i < segment.len; i++) {
        if (!is_escaped_separator(str_n(segment.ptr + i, segment.len - i)))
            continue;
        if (part_hides_dots(str_n(segment.ptr + start, i - start), false))
            return true;
        start = i + 3;
    }
    return part_hides_dots(str_n(segment.ptr + start, segment.len - start), start == 0);
}

/* Takes the last segment off out[0, len), which ends in "/"; false at the root. */
static bool go_up(const char *out, size_t *len)
{
    if (*len <= 1)
        return false;
    size_t at = *len - 1;
    while (out[at - 1] != '/')
        at--;
    *len = at;
    return true;
}

bool route_path_resolve(struct str path, char *out, struct str *ret_path)
{
    size_t decoded, len = 1;
    if (is_plain(path)) {
        *ret_path = path;
        return true;
    }
    if (!decode_unreserved(path, out, &decoded))
        return false;
    for (size_t start = 1, end; start < decoded; start = end + 1) {
        for (end = start; end < decoded && out[end] != '/'; end++)
            ;
        struct str segment = str_n(out + start, end - start);
        size_t dot_count = dots(segment);
        if (hides_dots(segment) || (dot_count == 2 && !go_up(out, &len)))
            return false;
        if (segment.len == 0 || dot_count)
            continue;
        memmove(out + len, segment.ptr, segment.len);
        len += segment.len;
        if (end < decoded)
            out[len++] = '/';
    }
    *ret_path = str_n(out, len);
    return true;
}
