/*
 * utf8.h: text of people who write more than ASCII: whole characters, and where to cut. Pure.
 *
 * Services count in different ways: bytes, or UTF-16 code units, of which characters beyond U+FFFF take two.
 */
#pragma once
#include "base/str.h"

/* Length of the well-formed sequence that s begins with (Unicode 15, table 3-7), or 0. s is not empty. */
size_t utf8_sequence(struct str s);
/* The longest beginning of at most bytes_max bytes that does not end within a character. */
struct str utf8_cut(struct str s, size_t bytes_max);
/* In UTF-16 code units; a byte that belongs to no character counts as one. */
size_t utf8_units(struct str s);
struct str utf8_cut_units(struct str s, size_t units_max);
