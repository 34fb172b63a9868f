/* The table of the configuration's own alert rules. See schema.c; what a rule may say is checked by
 * check_rules.c. */
#include "config/schema_table.h"

static const struct schema_choice severities[] = {
#define SEVERITY_CHOICE(id, name, help) {name, RULE_SEVERITY_##id, help},
    ALERT_SEVERITIES(SEVERITY_CHOICE)
#undef SEVERITY_CHOICE
        {0}};

static const struct schema_key rule_keys[] = {
    {.name = "alert",
     .type = VALUE_WORD,
     .offset = AT(config_rule, name),
     .is_required = true,
     .example = "CheckoutSlow",
     .synonyms = " name alertname id ",
     .help = "Its name. One that a default rule has takes that rule's place."},
    {.name = "when",
     .type = VALUE_TEXT,
     .offset = AT(config_rule, when),
     .is_required = true,
     .example = "\"latency_p99{service='shop'} > 800ms for 5m clear 500ms\"",
     .synonyms = " expr expression rule condition if ",
     .help = "The rule ([its language](rules.md)), or `off` for a default that is not wanted."},
    {.name = "severity",
     .type = VALUE_CHOICE,
     .offset = AT(config_rule, severity),
     .choices = severities,
     .default_shown = "the default rule's, else `warning`",
     .example = "critical",
     .synonyms = " level priority ",
     .help = "How bad it is."},
    {.name = "summary",
     .type = VALUE_TEXT,
     .offset = AT(config_rule, summary),
     .default_shown = "the default rule's, else the rule",
     .example = "\"The checkout is slow\"",
     .synonyms = " description title message text ",
     .help = "What people are told, in a few words."},
    {.name = "labels",
     .shape = SHAPE_VARIABLES,
     .type = VALUE_TEXT,
     .offset = AT(config_rule, labels),
     .item_bytes = sizeof(struct str),
     .count_max = CONFIG_RULE_LABELS_MAX,
     .default_shown = "none",
     .example = "{team: shop}",
     .synonyms = " tags ",
     .help = "Labels of its alerts, for those who sort or route them."},
};
const struct schema_mapping schema_rule = {
    .help = "Own rules and changed defaults, a list.",
    KEYS(rule_keys),
    .check = check_rule,
};
