/*
 * regex.h: regular expressions of matchers, in time that grows with the lengths of both alone. Pure; any
 * thread.
 *
 *   pattern = piece {piece} {"|" piece {piece}}          either side may be empty
 *   piece   = atom ["*" | "+" | "?"]
 *   atom    = character | "." | "[" ["^"] {character | character "-" character | "\d"} "]"
 *           | "(" ["?:"] pattern ")" | "^" | "$" | "\" sign | "\d" | "\w" | "\s" | "\D" | "\W" | "\S"
 *
 * As in Alertmanager a pattern fits a text as a whole. What of its language (RE2) is missing is refused, not
 * read differently: counts in braces, flags, classes by name, \b and the like.
 */
#pragma once
#include "base/macros.h"
#include "base/str.h"

enum { REGEX_BYTES_MAX = 256, REGEX_DEPTH_MAX = 32 };

struct regex;

struct regex_mistake {
    size_t at;        /* byte of the text, at most its length */
    const char *text; /* constant: what is wrong there */
};

/* NULL: *ret_mistake says why. Copies what it needs. */
struct regex *regex_new(struct str text, struct regex_mistake *ret_mistake) MUST_USE;
void regex_free(struct regex *p); /* NULL is fine */
bool regex_fits(const struct regex *p, struct str text);
