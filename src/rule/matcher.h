/*
 * matcher.h: which alerts are meant, by one of their labels: `service=shop`, `severity!=critical`,
 * `path=/srv*`, `service=~shop|blog`, `server!~web-\d+`. Pure.
 *
 * In the value of `=` and `!=` a `*` stands for any text, the empty one included; that of `=~` and `!~` is a
 * regular expression (regex.h), which has to fit all of the label. A label that an alert does not have
 * counts as empty, so `service!=shop` fits alerts that are not about a service, too.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include "rule/rule.h"

enum { MATCHER_NAME_BYTES_MAX = 64, MATCHER_VALUE_BYTES_MAX = 256 };

struct regex;

struct matcher {
    struct str name, value; /* borrowed */
    bool is_unlike;         /* `!=`, `!~` */
    bool is_regex;          /* `=~`, `!~` */
    struct regex *regex;    /* of a regular expression that is armed: owned; else NULL */
};

/* Borrows from text. On failure *ret is unchanged and *ret_mistake, if not NULL, says what would be right. */
bool matcher_parse(struct str text, struct matcher *ret, struct rule_mistake *ret_mistake);
/* The same for parts that were given one by one. */
bool matcher_is_valid(const struct matcher *m, struct err *err);
/* "=", "!=", "=~" or "!~" */
const char *matcher_sign(const struct matcher *m);

/* Before matcher_fits(): makes of a valid one's value what is matched with; matcher_disarm() frees that. */
void matcher_arm(struct matcher *m);
void matcher_disarm(struct matcher *m);
bool matcher_fits(const struct matcher *m, struct str label);
