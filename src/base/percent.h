/* percent.h: percent-encoded text (RFC 3986 §2.1). Pure. */
#pragma once
#include "base/buf.h"

/* Unreserved (RFC 3986 §2.3): means the same encoded and as it is. */
static inline bool percent_is_plain(char c)
{
    return ascii_is_letter(c) || ascii_is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/* Everything but what is plain is encoded, `/` too: for one segment of a path, or one value of a query. */
void percent_put(struct buf *out, struct str s);
/* Ends in NUL. False: not well-formed, empty, with a NUL in it, or too long. */
bool percent_decode(struct str s, char *out, size_t out_bytes);
