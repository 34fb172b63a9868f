/*
 * scan.h: classes of bytes and the loops that run over them: what every parser of this room is made of.
 * Private to http/.
 */
#pragma once
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum char_class {
    CHAR_TOKEN = 1 << 0,  /* tchar, RFC 9110 §5.6.2: methods, field names, options */
    CHAR_PLAIN = 1 << 1,  /* letters, digits and `-`: the field names that mean the same to every server */
    CHAR_TARGET = 1 << 2, /* what a request target may contain, see target.h */
    CHAR_HOST = 1 << 3,   /* letters, digits and -._~: what a host name may contain */
    CHAR_HEX = 1 << 4,
    CHAR_DIGIT = 1 << 5,
    CHAR_QUOTED = 1 << 6, /* qdtext, RFC 9110 §5.6.4: inside quotes, without `"` and `\` */
    CHAR_ID = 1 << 7,     /* what a request id may contain */
};

extern const uint8_t char_classes[256];

static inline bool char_is(char c, enum char_class class)
{
    return char_classes[(uint8_t)c] & class;
}

static inline bool char_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The first byte at or behind p that is not of the class, or end. */
static inline const char *scan_class(const char *p, const char *end, enum char_class class)
{
    while (p < end && char_is(*p, class))
        p++;
    return p;
}

static inline bool str_is_class(struct str s, enum char_class class)
{
    return s.len > 0 && scan_class(s.ptr, s.ptr + s.len, class) == s.ptr + s.len;
}

/* The first byte that may not stand in a field value (a control byte other than tab: the line's CR if all is
 * well), or end. */
const char *scan_value(const char *p, const char *end);

/* The next element of a comma-separated list, blanks taken off, perhaps empty; false when there is none left.
 */
static inline bool list_next(struct str *rest, struct str *ret_element)
{
    struct str part;
    if (!str_split(rest, ',', &part))
        return false;
    *ret_element = str_trim(part);
    return true;
}
