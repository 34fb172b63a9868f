#include "base/str.h"

#include "base/macros.h"

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
            return false;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
    while (s.len && is_blank(s.ptr[0]))
        s.ptr++, s.len--;
    while (s.len && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool str_find(struct str s, char c, size_t *ret_at)
{
    const char *hit = s.len ? memchr(s.ptr, c, s.len) : NULL;
    if (!hit)
        return false;
    *ret_at = (size_t)(hit - s.ptr);
    return true;
}

bool str_has_only(struct str s, bool (*is_fine)(char c))
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_fine(s.ptr[i]))
            return false;
    return true;
}

bool str_split(struct str *rest, char separator, struct str *ret_part)
{
    if (!rest->ptr)
        return false;
    size_t at;
    if (str_find(*rest, separator, &at)) {
        *ret_part = str_n(rest->ptr, at);
        *rest = str_n(rest->ptr + at + 1, rest->len - at - 1);
    } else {
        *ret_part = *rest;
        *rest = (struct str){NULL, 0};
    }
    return true;
}

bool str_parse_u64(struct str s, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)(s.ptr[i] - '0');
        if (digit > 9 || value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *ret_value = value;
    return true;
}

size_t str_copy(char *out, size_t out_bytes, struct str s)
{
    ASSERT(out_bytes > 0);
    size_t n = MIN(s.len, out_bytes - 1);
    if (n)
        memcpy(out, s.ptr, n);
    out[n] = '\0';
    return n;
}

/* Optimal string alignment distance: edits, with a swap of neighbours counted as one. */
static size_t edit_distance(struct str a, struct str b)
{
    enum { LEN_MAX = 48 };
    size_t rows[3][LEN_MAX + 1];
    if (a.len > LEN_MAX || b.len > LEN_MAX)
        return SIZE_MAX;
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b.len; j++)
        above[j] = before[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            char x = ascii_lower(a.ptr[i - 1]), y = ascii_lower(b.ptr[j - 1]);
            size_t best = MIN(MIN(above[j] + 1, row[j - 1] + 1), above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == ascii_lower(b.ptr[j - 2]) && ascii_lower(a.ptr[i - 2]) == y)
                best = MIN(best, before[j - 2] + 1);
            row[j] = best;
        }
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b.len];
}

const char *str_nearest(struct str s, const char *const *words, size_t word_count)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (size_t i = 0; i < word_count; i++) {
        size_t distance = edit_distance(s, str_of(words[i]));
        if (distance < best_distance) {
            best_distance = distance;
            best = words[i];
        }
    }
    size_t allowed = s.len <= 3 ? 1 : s.len <= 6 ? 2 : 3;
    return best_distance <= allowed ? best : NULL;
}
