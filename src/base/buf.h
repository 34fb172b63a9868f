/*
 * buf.h: growing owned bytes for the control path (JSON, metrics, messages). Aborts when memory is out.
 * Not for the data path, which never allocates.
 */
#pragma once
#include "base/macros.h"
#include "base/str.h"

#include <stdarg.h>

struct buf {
    char *ptr; /* owned; NUL follows the last byte whenever ptr is not NULL */
    size_t len, capacity;
};

void buf_fini(struct buf *b);
void buf_clear(struct buf *b); /* keeps the memory */
void buf_put(struct buf *b, struct str s);
void buf_put_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *b, const char *format, va_list args) PRINTF_LIKE(2, 0);
void buf_consume(struct buf *b, size_t bytes); /* drops bytes from the front */
void buf_cut(struct buf *b, size_t len);       /* drops what is behind; len is at most b->len */
static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->ptr ? b->ptr : "", b->len};
}
