/*
 * str.h: borrowed text, passed by value. A struct str never owns its bytes and need not end in NUL.
 * All functions are pure; none allocates.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_ARG(s)   (int)(s).len, (s).ptr /* for "%.*s" */

static inline struct str str_of(const char *text)
{
    return (struct str){text, text ? strlen(text) : 0};
}

static inline struct str str_n(const char *ptr, size_t len)
{
    return (struct str){ptr, len};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool str_starts_with(struct str s, struct str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool str_ends_with(struct str s, struct str suffix)
{
    return s.len >= suffix.len &&
           (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

/* ASCII only, independent of the locale. */
static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline bool ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool ascii_is_letter(char c)
{
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

bool str_eq_nocase(struct str a, struct str b);
struct str str_trim(struct str s);                                      /* spaces and tabs at both ends */
bool str_split(struct str *rest, char separator, struct str *ret_part); /* false when rest is used up */
bool str_find(struct str s, char c, size_t *ret_at);
bool str_has_only(struct str s, bool (*is_fine)(char c));   /* "" has */
bool str_parse_u64(struct str s, uint64_t *ret_value);      /* decimal digits only; false on overflow */
size_t str_copy(char *out, size_t out_bytes, struct str s); /* always ends in NUL; returns bytes copied */
/* The word of `words` nearest to `s` by edits, or NULL when none is near enough to suggest. */
const char *str_nearest(struct str s, const char *const *words, size_t word_count);
