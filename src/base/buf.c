#include "base/buf.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

void buf_fini(struct buf *b)
{
    free(b->ptr);
    *b = (struct buf){0};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    if (b->ptr)
        b->ptr[0] = '\0';
}

static void reserve(struct buf *b, size_t more)
{
    size_t wanted = b->len + more + 1;
    if (wanted <= b->capacity)
        return;
    size_t capacity = MAX(b->capacity * 2, (size_t)256);
    while (capacity < wanted)
        capacity *= 2;
    b->ptr = mem_realloc(b->ptr, capacity);
    b->capacity = capacity;
}

void buf_put(struct buf *b, struct str s)
{
    reserve(b, s.len);
    if (s.len)
        memcpy(b->ptr + b->len, s.ptr, s.len);
    b->len += s.len;
    b->ptr[b->len] = '\0';
}

void buf_put_char(struct buf *b, char c)
{
    buf_put(b, str_n(&c, 1));
}

void buf_vprintf(struct buf *b, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    ASSERT(n >= 0);
    reserve(b, (size_t)n);
    vsnprintf(b->ptr + b->len, (size_t)n + 1, format, again);
    b->len += (size_t)n;
    va_end(again);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(b, format, args);
    va_end(args);
}

void buf_consume(struct buf *b, size_t bytes)
{
    ASSERT(bytes <= b->len);
    memmove(b->ptr, b->ptr + bytes, b->len - bytes);
    b->len -= bytes;
    if (b->ptr)
        b->ptr[b->len] = '\0';
}

void buf_cut(struct buf *b, size_t len)
{
    ASSERT(len <= b->len);
    b->len = len;
    if (b->ptr)
        b->ptr[len] = '\0';
}
