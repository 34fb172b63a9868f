/*
 * evidence_korean.h: the words of evidence.h in Korean: sentences for the default rules, and the notes of
 * collectors. Pure.
 *
 * A template has the words of evidence.h, but for {of}; {rest} is the whole note in parentheses, or nothing.
 * Beside them: {what} is "평균" at the firing of a rule with `for`, else "현재".
 */
#pragma once
#include "base/buf.h"
#include "rule/metric.h"

struct evidence_korean {
    const char *rule;               /* its name */
    const char *says, *says_at_end; /* as in struct default_rule */
};

extern const char evidence_korean_general[], evidence_korean_general_flag[];

const struct evidence_korean *evidence_korean_find(const char *rule); /* NULL: the general ones do */

/* What a collector wrote beside a reading. The words of others in it, such as an engine's, stay as they are;
 * so does all that is not known. */
void evidence_korean_put_note(enum metric metric, struct str note, struct buf *out);
