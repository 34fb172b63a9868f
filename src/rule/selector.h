/*
 * selector.h: which series of an exporter are meant, written nearly as Prometheus does:
 * `http_errors_total`, `app_queue_depth{queue="mail", state!="dead*"}`. Pure; any thread.
 *
 *   selector = metric ["{" [label ("=" | "!=") "text" {"," ...} [","]] "}"]
 *
 * In the text `*` stands for any text, the empty one included; a label that a series does not have counts as
 * empty. There are no regular expressions.
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "rule/rule.h"

enum {
    SELECTOR_BYTES_MAX = 512,
    SELECTOR_LABELS_MAX = 8,
};

struct selector_label {
    struct str name; /* of the arena, with a NUL behind it */
    bool is_not;
    struct str pattern;
};

struct selector {
    struct str metric;
    size_t label_count;
    struct selector_label labels[SELECTOR_LABELS_MAX];
};

/* false: *ret_selector is untouched and *ret_mistake is set. */
bool selector_parse(struct str text, struct arena *arena, struct selector *ret_selector,
                    struct rule_mistake *ret_mistake) MUST_USE;
/* The canonical form: reading it gives the same selector. */
void selector_format(const struct selector *s, struct buf *out);
