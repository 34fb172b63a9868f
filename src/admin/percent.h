/* percent.h: percent-encoded text (RFC 3986 §2.1). Pure. */
#pragma once
#include "base/str.h"

/* Ends in NUL. False: not well-formed, empty, with a NUL in it, or too long. */
bool percent_decode(struct str s, char *out, size_t out_bytes);
