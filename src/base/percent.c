#include "base/percent.h"

static int hex_digit(char c)
{
    c = ascii_lower(c);
    return ascii_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void percent_put(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (percent_is_plain(s.ptr[i]))
            buf_put_char(out, s.ptr[i]);
        else
            buf_printf(out, "%%%02X", (unsigned char)s.ptr[i]);
}

bool percent_decode(struct str s, char *out, size_t out_bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%') {
            int high = i + 2 < s.len ? hex_digit(s.ptr[i + 1]) : -1;
            int low = i + 2 < s.len ? hex_digit(s.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == '\0' || n + 1 >= out_bytes)
            return false;
        out[n++] = c;
    }
    out[n] = '\0';
    return n > 0;
}
