/*
 * rule_set.h: the rules that are in force: the defaults with the numbers of the configuration, and the
 * configuration's own. Pure.
 */
#pragma once
#include "config/model.h"
#include "config/reader.h"
#include "rule/rule.h"
#include "watch/alert.h"

enum { RULE_LABELS_MAX = CONFIG_RULE_LABELS_MAX }; /* of its own */

struct armed_rule {
    const char *name, *summary;
    const char *when;                     /* the canonical form */
    const char *says, *says_at_end;       /* templates of the evidence; NULL: the general ones */
    const struct evidence_korean *korean; /* the same in Korean */
    enum alert_severity severity;
    struct rule rule;
    struct alert_rule limits; /* the same for the life of an alert */
    int64_t spark_step_ns;
    size_t label_count;
    struct rule_label {
        const char *name, *value;
    } labels[RULE_LABELS_MAX];
};

struct rule_set {
    struct arena *arena; /* owns everything here; NULL in an empty set */
    size_t count;
    struct armed_rule *rules; /* the defaults in the order of their table, then the others as configured */
};

/* Copies what it needs. *ret_set needs rule_set_fini. */
void rule_set_build(struct rule_set *ret_set, const struct config_watch *config);
void rule_set_fini(struct rule_set *s); /* also fine on a zeroed one */
