/*
 * address_list.h: reads a text that lists servers, as a watched file holds it. Pure.
 *
 * Either one address a line, `#` begins a comment, empty lines count for nothing:
 *
 *     10.0.0.1:8000
 *     [2001:db8::1]:8000   # the new one
 *     unix:/run/shop.sock
 *
 * or JSON: a list of such texts, or Prometheus' format for files ([{"targets": [...], "labels": {...}}],
 * where labels mean nothing here). A text with JSON begins with `[` and, after blanks, one of `"`, `{` or
 * `]`.
 */
#pragma once
#include "base/addr.h"
#include "base/err.h"
#include "base/macros.h"

#include <stdint.h>

enum {
    ADDRESS_LIST_BYTES_MAX = 1 << 20, /* a longer text is refused */
    ADDRESS_LIST_MAX = 16384,         /* and so are more addresses, the same one given twice counted twice */
};

struct address_list {
    uint32_t count;
    struct addr *addresses; /* owned; in the order of the text */
    bool is_stated;         /* none is meant where there is none: `[]`. Lines can only lack addresses */
    bool is_cut;            /* the last line has no end: perhaps somebody is still writing it */
};

/* False with what is wrong and what would be right, and its line (from 1); 0: the text as a whole. One bad
 * address spoils the whole list. *ret_list is set on success only. */
bool address_list_parse(struct str text, struct address_list *ret_list, uint32_t *ret_line,
                        struct err *err) MUST_USE;
void address_list_fini(struct address_list *list);
