/*
 * node.h: the YAML text as a tree of places and texts, untyped. Only this room. yaml.c, the one file that
 * knows libyaml, builds it; scalars stay text, so that `no`, `1.10` and `22:22` mean what the schema says and
 * nothing else.
 */
#pragma once
#include "config/diagnostics.h"

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAPPING };

struct node {
    enum node_kind kind;
    size_t offset, length;            /* in the source; of a mapping or list only its beginning */
    struct str text;                  /* scalars: unescaped, ends in NUL */
    bool is_plain;                    /* scalars: without quotes */
    bool is_flow;                     /* mappings and lists: {...} and [...] */
    bool is_bad;                      /* an error was already told about it: no follow-up errors */
    bool is_incomplete;               /* mappings: an entry was refused and is not among the children */
    struct node *key;                 /* of a mapping's value: its key, always a scalar */
    struct node *parent;              /* NULL for the root */
    struct node *first, *last, *next; /* children in the order of the text */
    size_t child_count;
};

/*
 * Returns the root (a mapping; an empty text gives an empty one) or NULL when the text is no single YAML
 * document that could be read to its end. Either way everything found is in d: an anchor, a tag or a repeated
 * key is an error that does not stop it.
 */
struct node *node_parse(struct arena *arena, struct str source, struct diagnostics *d);

struct node *node_find(const struct node *mapping, const char *key); /* NULL: not there */
bool node_is_empty(const struct node *n);                            /* `key:` with nothing behind it */
/* It is there and nothing was told about it, so that a check may look at its value. */
static inline bool node_is_good(const struct node *n)
{
    return n && !n->is_bad;
}
/* Adds an error at the node (at its key when the value is empty) and marks it bad. */
struct diagnostic *node_error(struct diagnostics *d, struct node *n, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* The same at the key of a mapping's value, which is clearer when something is missing. */
struct diagnostic *node_key_error(struct diagnostics *d, struct node *n, const char *format, ...)
    PRINTF_LIKE(3, 4);
struct diagnostic *node_warning(struct diagnostics *d, const struct node *n, const char *format, ...)
    PRINTF_LIKE(3, 4);
