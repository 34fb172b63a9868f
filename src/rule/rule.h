/*
 * rule.h: the language of rules over the catalogue. Pure; any thread.
 *
 *   rule      = condition {"and" condition} {option}
 *   condition = metric ["{" matcher {"," matcher} "}"] [(">" | "<") value]   a flag needs no comparison
 *   matcher   = label ("=" | "!=") "pattern"                                 * stands for any text
 *   option    = "for" span | "clear" value ["for" span] | "keep" span | "unknown" ("keep" | "alert" | "ok")
 *
 * A rule of two conditions is about one subject that meets both, so their metrics have subjects of one kind.
 * Options may stand behind any condition; `clear` belongs to the one before it, the others to the whole rule.
 * docs/reference/rules.md is the page for users.
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "rule/metric.h"
#include "rule/severity.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    RULE_TEXT_BYTES_MAX = 1024,
    RULE_CONDITIONS_MAX = 2,
    RULE_MATCHERS_MAX = 6, /* of a condition */
};

#define RULE_SPAN_MAX_NS (INT64_C(7) * 86400 * 1000000000) /* of for, clear for, keep */

struct rule_matcher {
    const char *label; /* constant: "instance", or one of the subject's */
    bool is_not;
    struct str pattern; /* of the arena */
};

struct rule_condition {
    enum metric metric;
    size_t matcher_count;
    struct rule_matcher matchers[RULE_MATCHERS_MAX];
    bool is_below; /* `<` */
    double threshold;
    bool has_clear;
    double clear; /* the threshold when it was not given */
};

/* X(ID, name, help): what missing data means. It never ends an alert. */
#define RULE_UNKNOWNS(X)                                                                                     \
    X(KEEP, "keep", "Nothing changes; after 30 seconds people are told that it cannot be told.")             \
    X(ALERT, "alert", "The alert fires when there was nothing for as long as `for`, at least 30 seconds.")   \
    X(OK, "ok", "Nothing changes and nobody is told: it is ordinary.")
#define RULE_UNKNOWN_ID(id, name, help) RULE_UNKNOWN_##id,
enum rule_unknown { RULE_UNKNOWNS(RULE_UNKNOWN_ID) RULE_UNKNOWN_COUNT };
const char *rule_unknown_name(enum rule_unknown unknown);

struct rule {
    size_t condition_count;
    struct rule_condition conditions[RULE_CONDITIONS_MAX];
    int64_t for_ns; /* 0: at once */
    bool has_hold;
    int64_t hold_ns; /* `clear V for D` */
    int64_t keep_ns; /* an active alert goes on for so long after the conditions were last met */
    enum rule_unknown unknown;
};

/* One mistake: what is wrong with text[at, at + length), and what would be right. */
struct rule_mistake {
    size_t at, length;
    char text[160]; /* a sentence without a full stop */
    char hint[256]; /* may be "" */
};

/* false: *ret_rule is untouched and *ret_mistake is set. */
bool rule_parse(struct str text, struct arena *arena, struct rule *ret_rule,
                struct rule_mistake *ret_mistake) MUST_USE;
/* The canonical form: reading it gives the same rule. */
void rule_format(const struct rule *r, struct buf *out);
/* In the kind of quotes that the text does not hold: it has at most one, for it was read in the other. */
void rule_put_quoted(struct str text, struct buf *out);

/* Whether text matches a pattern in which each * stands for any text. */
bool rule_glob(struct str pattern, struct str text);
