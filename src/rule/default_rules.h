/* default_rules.h: the alerts that are there without any configuration, as rules in one table. Constant. */
#pragma once
#include "rule/rule.h"

#include <stddef.h>

/* Whose numbers a default takes from older keys of the configuration. */
enum default_rule_numbers {
    NUMBERS_OWN,         /* those in the text */
    NUMBERS_CPU,         /* watch.host.cpu */
    NUMBERS_MEMORY,      /* watch.host.memory */
    NUMBERS_MEMORY_HALF, /* half of what is left above that */
    NUMBERS_DISK,        /* watch.host.disk */
    NUMBERS_DISK_END,    /* its own, but never below that */
    NUMBERS_ERROR_RATE,  /* watch.error_rate */
    NUMBERS_CRASHES,     /* watch.crashes */
    NUMBERS_DISCOVERY,   /* watch.discovery */
};

struct default_rule {
    const char *name;
    const char *when; /* the rule */
    enum alert_severity severity;
    const char *summary;
    /* The evidence while it is active and when it has ended, see watch/evidence.h; NULL: as for all rules. */
    const char *says, *says_at_end;
    enum default_rule_numbers numbers;
};

extern const struct default_rule default_rules[];
extern const size_t default_rule_count;

/* While `source` is active, `hidden` is shown but not told: it only follows from it. */
struct default_inhibition {
    const char *source, *hidden; /* names of alerts; in `hidden` * stands for any text */
    const char *label;           /* that both have with the same value, besides `instance` and `service` */
};
extern const struct default_inhibition default_inhibitions[];
extern const size_t default_inhibition_count;

const struct default_rule *default_rule_find(struct str name); /* NULL */
const char *default_rule_suggest(struct str name);             /* the nearest name; NULL when none is near */
