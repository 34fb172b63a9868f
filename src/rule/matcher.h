/*
 * matcher.h: which alerts are meant, by one of their labels: `service=shop`, `severity!=critical`,
 * `path=/srv*`. Pure.
 *
 * In the value `*` stands for any text, the empty one included. A label that an alert does not have counts as
 * empty, so `service!=shop` fits alerts that are not about a service, too.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

enum { MATCHER_NAME_BYTES_MAX = 64, MATCHER_VALUE_BYTES_MAX = 256 };

struct matcher {
    struct str name, value; /* borrowed */
    bool is_unlike;         /* `!=` */
};

/* Borrows from text. On failure *ret is unchanged and hint says what would be right. */
bool matcher_parse(struct str text, struct matcher *ret, struct err *hint);
/* The same for parts that were given one by one. */
bool matcher_is_valid(const struct matcher *m, struct err *hint);
bool matcher_fits(const struct matcher *m, struct str label);
