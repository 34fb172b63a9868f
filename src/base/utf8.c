#include "base/utf8.h"

size_t utf8_sequence(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xC2 && p[0] <= 0xDF   ? 2
               : (p[0] & 0xF0) == 0xE0        ? 3
               : p[0] >= 0xF0 && p[0] <= 0xF4 ? 4
                                              : 0;
    if (n == 0 || s.len < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) || (p[0] == 0xF0 && p[1] < 0x90) ||
        (p[0] == 0xF4 && p[1] > 0x8F))
        return 0;
    return n;
}

struct str utf8_cut(struct str s, size_t bytes_max)
{
    size_t len = 0;
    if (s.len <= bytes_max)
        return s;
    for (;;) {
        size_t n = utf8_sequence(str_n(s.ptr + len, s.len - len));
        n = n ? n : 1;
        if (len + n > bytes_max)
            return str_n(s.ptr, len);
        len += n;
    }
}

/* How far units_max units reach, and how many there were. */
static size_t walk(struct str s, size_t units_max, size_t *ret_units)
{
    size_t len = 0, units = 0;
    while (len < s.len) {
        size_t n = utf8_sequence(str_n(s.ptr + len, s.len - len));
        size_t width = n == 4 ? 2 : 1;
        if (units + width > units_max)
            break;
        len += n ? n : 1;
        units += width;
    }
    *ret_units = units;
    return len;
}

size_t utf8_units(struct str s)
{
    size_t units;
    (void)walk(s, SIZE_MAX, &units);
    return units;
}

struct str utf8_cut_units(struct str s, size_t units_max)
{
    size_t units;
    return str_n(s.ptr, walk(s, units_max, &units));
}
