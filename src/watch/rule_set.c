/*
 * rule_set.c: see rule_set.h. A rule of the configuration that has a default's name takes its place, and what
 * it does not say (severity, summary) stays the default's. The older keys of the configuration only change
 * numbers in the default rules.
 */
#include "watch/rule_set.h"

#include "base/clock.h"
#include "base/macros.h"
#include "rule/default_rules.h"
#include "watch/evidence_korean.h"

#define HOLD_MAX_NS       (60 * NS_PER_S)  /* of rules that do not say for how long it must be clear */
#define SPARK_STEP_MAX_NS (600 * NS_PER_S) /* a small picture spans twice `for`, within these two */
#define SPARK_STEP_MIN_NS (1 * NS_PER_S)

/* ---- numbers from the older keys ---- */

static void take_threshold(struct rule *r, const struct config_threshold *t)
{
    struct rule_condition *c = &r->conditions[0];
    c->threshold = t->above;
    c->clear = t->clear;
    r->for_ns = t->for_ns;
    r->hold_ns = MIN(t->for_ns, HOLD_MAX_NS);
}

static double halfway_to_100(double percent)
{
    return percent + (100 - percent) / 2;
}

static void take_memory_half(struct rule *r, const struct config_threshold *t)
{
    take_threshold(r, t);
    r->conditions[0].threshold = halfway_to_100(t->above);
    r->conditions[0].clear = halfway_to_100(t->clear);
}

/* Its own numbers, unless the warning begins later still. */
static void take_disk_end(struct rule *r, const struct config_threshold *t)
{
    struct rule_condition *c = &r->conditions[0];
    c->threshold = MAX(c->threshold, t->above);
    c->clear = MAX(c->clear, t->clear);
}

static void take_error_rate(struct rule *r, const struct config_threshold *t)
{
    r->conditions[0].threshold = t->above;
    r->conditions[0].clear = t->clear;
}

/* Puts the configuration's numbers into a default rule; false: it is switched off there. */
static bool take_numbers(struct rule *r, enum default_rule_numbers numbers, const struct config_watch *config)
{
    switch (numbers) {
    case NUMBERS_OWN:
        return true;
    case NUMBERS_CPU:
        take_threshold(r, &config->cpu);
        return config->cpu.is_enabled;
    case NUMBERS_MEMORY:
        take_threshold(r, &config->memory);
        return config->memory.is_enabled;
    case NUMBERS_MEMORY_HALF:
        take_memory_half(r, &config->memory);
        return config->memory.is_enabled;
    case NUMBERS_DISK:
        take_threshold(r, &config->disk);
        return config->disk.is_enabled;
    case NUMBERS_DISK_END:
        take_disk_end(r, &config->disk);
        return config->disk.is_enabled;
    case NUMBERS_ERROR_RATE:
        take_error_rate(r, &config->error_rate);
        return config->error_rate.is_enabled;
    case NUMBERS_CRASHES:
        r->conditions[0].threshold = (double)config->crash_count - 1;
        return config->crash_count > 0;
    case NUMBERS_DISCOVERY:
        r->conditions[0].threshold = (double)config->discovery_ns / 1e9;
        return config->discovery_ns > 0;
    }
    ASSERT(false);
}

/* ---- arming ---- */

static void arm(struct rule_set *s, struct armed_rule *a)
{
    struct buf text CLEANUP(buf_fini) = {0};
    const struct rule *r = &a->rule;
    rule_format(r, &text);
    a->when = arena_strdup(s->arena, buf_str(&text));
    a->limits = (struct alert_rule){
        .limit_count = r->condition_count,
        .for_ns = r->for_ns,
        .hold_ns = r->has_hold ? r->hold_ns : MIN(r->for_ns, HOLD_MAX_NS),
        .keep_ns = r->keep_ns,
        .unknown = r->unknown,
    };
    for (size_t i = 0; i < r->condition_count; i++)
        a->limits.limits[i] = (struct alert_limit){.is_below = r->conditions[i].is_below,
                                                   .threshold = r->conditions[i].threshold,
                                                   .clear = r->conditions[i].clear};
    int64_t span_ns = 2 * r->for_ns / SPARKLINE_VALUES / NS_PER_S * NS_PER_S;
    a->spark_step_ns = MAX(MIN(span_ns, SPARK_STEP_MAX_NS), SPARK_STEP_MIN_NS);
}

/* The texts are checked where they come from: the table by a test, the configuration by its reader. */
static void parse(struct rule_set *s, struct str when, struct rule *ret_rule)
{
    struct rule_mistake mistake;
    bool is_right = rule_parse(when, s->arena, ret_rule, &mistake);
    ASSERT(is_right);
}

static const struct config_rule *find_config(const struct config_watch *config, const char *name)
{
    for (size_t i = 0; i < config->rule_count; i++)
        if (str_eq(config->rules[i].name, str_of(name)))
            return &config->rules[i];
    return NULL;
}

static void add_default(struct rule_set *s, const struct default_rule *d, const struct config_watch *config)
{
    struct armed_rule *a = &s->rules[s->count];
    *a = (struct armed_rule){.name = d->name,
                             .summary = d->summary,
                             .says = d->says,
                             .says_at_end = d->says_at_end,
                             .korean = evidence_korean_find(d->name),
                             .severity = d->severity};
    parse(s, str_of(d->when), &a->rule);
    if (!take_numbers(&a->rule, d->numbers, config))
        return;
    arm(s, a);
    s->count++;
}

static void add_labels(struct rule_set *s, struct armed_rule *a, const struct config_rule *c)
{
    for (size_t i = 0; i < c->labels.count && a->label_count < RULE_LABELS_MAX; i++) {
        struct str name, rest = c->labels.items[i];
        (void)str_split(&rest, '=', &name);
        a->labels[a->label_count++] =
            (struct rule_label){.name = arena_strdup(s->arena, name), .value = arena_strdup(s->arena, rest)};
    }
}

/* The sentences of a default fit as long as it is about the same number. */
static void keep_sentences(struct armed_rule *a, const struct default_rule *d)
{
    struct rule before;
    struct rule_mistake mistake;
    struct arena *arena = arena_new();
    bool is_same = rule_parse(str_of(d->when), arena, &before, &mistake) &&
                   before.condition_count == a->rule.condition_count &&
                   before.conditions[0].metric == a->rule.conditions[0].metric;
    arena_free(arena);
    a->says = is_same ? d->says : NULL;
    a->says_at_end = is_same ? d->says_at_end : NULL;
    a->korean = is_same ? evidence_korean_find(d->name) : NULL;
}

static void add_config(struct rule_set *s, const struct config_rule *c)
{
    struct armed_rule *a = &s->rules[s->count];
    const struct default_rule *d = default_rule_find(c->name);
    if (!c->is_enabled)
        return;
    *a = (struct armed_rule){.name = arena_strdup(s->arena, c->name)};
    parse(s, c->when, &a->rule);
    arm(s, a);
    a->summary = c->summary.len ? arena_strdup(s->arena, c->summary) : d ? d->summary : a->when;
    a->severity = c->severity != RULE_SEVERITY_DEFAULT
                      ? (enum alert_severity)(c->severity - RULE_SEVERITY_CRITICAL)
                  : d ? d->severity
                      : ALERT_WARNING;
    if (d)
        keep_sentences(a, d);
    add_labels(s, a, c);
    s->count++;
}

void rule_set_build(struct rule_set *ret_set, const struct config_watch *config)
{
    *ret_set = (struct rule_set){.arena = arena_new()};
    ret_set->rules = ARENA_ARRAY(ret_set->arena, struct armed_rule, default_rule_count + config->rule_count);
    for (size_t i = 0; i < default_rule_count; i++) {
        const struct config_rule *c = find_config(config, default_rules[i].name);
        if (c)
            add_config(ret_set, c);
        else
            add_default(ret_set, &default_rules[i], config);
    }
    for (size_t i = 0; i < config->rule_count; i++)
        if (!default_rule_find(config->rules[i].name))
            add_config(ret_set, &config->rules[i]);
}

void rule_set_fini(struct rule_set *s)
{
    arena_free(s->arena);
    *s = (struct rule_set){0};
}
