/*
 * out.h: a cursor over the caller's bytes. What does not fit is not written and sets is_full; the writers
 * test it once, at their end. Private to http/.
 */
#pragma once
#include "base/macros.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct out {
    char *begin, *p, *end;
    bool is_full;
};

static inline struct out out_over(char *bytes, size_t len)
{
    return (struct out){.begin = bytes, .p = bytes, .end = bytes + len};
}

static inline void out_put(struct out *o, const char *ptr, size_t len)
{
    if (UNLIKELY((size_t)(o->end - o->p) < len)) {
        o->is_full = true;
        o->end = o->p; /* nothing shorter may follow */
        return;
    }
    memcpy(o->p, ptr, len);
    o->p += len;
}

static inline void out_str(struct out *o, struct str s)
{
    if (s.len)
        out_put(o, s.ptr, s.len);
}

#define OUT_TEXT(o, literal) out_put(o, literal, sizeof(literal) - 1)

static inline void out_u64(struct out *o, uint64_t value)
{
    char digits[20], *p = digits + sizeof(digits);
    do
        *--p = (char)('0' + value % 10);
    while (value /= 10);
    out_put(o, p, (size_t)(digits + sizeof(digits) - p));
}

/* Bytes written, 0 when they did not fit. */
static inline size_t out_len(const struct out *o)
{
    return o->is_full ? 0 : (size_t)(o->p - o->begin);
}
