/*
 * check_rules.c: rules of the configuration: their text is read here, so that a mistake in it is told with
 * its own place in the file, and is kept in its canonical form.
 */
#include "config/checks.h"

#include "config/reader.h"
#include "rule/default_rules.h"

enum { ALERT_NAME_BYTES_MAX = 64 };

/* ---- one rule ---- */

static bool is_alert_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!ascii_is_letter(c) && c != '_' && (i == 0 || !(ascii_is_digit(c) || c == '-')))
            return false;
    }
    return name.len > 0 && name.len <= ALERT_NAME_BYTES_MAX;
}

static void check_name(struct decoding *d, struct node *name, struct str text)
{
    if (!name || name->is_bad || is_alert_name(text))
        return;
    struct diagnostic *item = node_error(d->d, name, "this is no name for an alert");
    diagnostics_hint(d->d, item, "letters, digits, '_' and '-', a letter first, at most %d",
                     ALERT_NAME_BYTES_MAX);
}

static void check_off(struct decoding *d, struct node *when, const struct config_rule *r)
{
    char shown[SHOWN_BYTES];
    if (default_rule_find(r->name))
        return;
    const char *nearest = default_rule_suggest(r->name);
    struct diagnostic *item = node_error(d->d, when, "there is no default rule '%s' that could be off",
                                         decode_shown(shown, r->name));
    if (nearest)
        diagnostics_hint(d->d, item, "did you mean '%s'?", nearest);
    else
        diagnostics_hint(d->d, item, "a rule of your own is simply left out");
}

static void check_when(struct decoding *d, struct node *when, struct config_rule *r)
{
    struct rule rule;
    struct rule_mistake mistake;
    r->is_enabled = !str_eq(r->when, STR("off"));
    if (!node_is_good(when))
        return;
    if (!r->is_enabled) {
        check_off(d, when, r);
        return;
    }
    if (!rule_parse(r->when, d->arena, &rule, &mistake)) {
        check_tell_mistake(d, when, &mistake);
        return;
    }
    CLEANUP(buf_fini) struct buf text = {0};
    rule_format(&rule, &text);
    r->when = arena_copy_str(d->arena, buf_str(&text));
}

/* Labels that an alert has anyway. */
static bool is_taken(struct str name)
{
    static const char *const own[] = {"alertname", "severity", "instance"};
    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        if (str_eq(name, str_of(own[i])))
            return true;
    for (size_t kind = 0; kind < SUBJECT_KIND_COUNT; kind++)
        for (size_t i = 0; i < SUBJECT_NAMES_MAX; i++)
            if (str_eq(name, str_of(subject_label((enum subject_kind)kind, i))))
                return true;
    return false;
}

static void check_labels(struct decoding *d, struct node *labels)
{
    char shown[SHOWN_BYTES];
    for (struct node *n = labels ? labels->first : NULL; n; n = n->next) {
        if (!n->key || n->is_bad || !is_taken(n->key->text))
            continue;
        struct diagnostic *item = node_error(d->d, n->key, "'%s' is a label that alerts have already",
                                             decode_shown(shown, n->key->text));
        diagnostics_hint(d->d, item, "choose another name");
    }
    if (!labels || labels->is_bad || labels->child_count <= CONFIG_RULE_LABELS_MAX)
        return;
    node_key_error(d->d, labels, "'labels' has %zu entries; at most %d are allowed", labels->child_count,
                   CONFIG_RULE_LABELS_MAX);
}

void check_rule(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    struct config_rule *r = target;
    if (!node_is_good(node))
        return;
    check_name(d, node_find(node, "alert"), r->name);
    check_when(d, node_find(node, "when"), r);
    check_labels(d, node_find(node, "labels"));
}

/* ---- rules over numbers of exporters ---- */

static bool is_declared(const struct config_watch *w, struct str pattern)
{
    for (size_t i = 0; i < w->host_count; i++)
        for (size_t k = 0; k < w->hosts[i].number_count; k++)
            if (rule_glob(pattern, w->hosts[i].numbers[k].name))
                return true;
    return false;
}

static const char *suggest_number(const struct config_watch *w, struct str name)
{
    enum { NAMES_MAX = 256 };
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < w->host_count; i++)
        for (size_t k = 0; k < w->hosts[i].number_count && count < NAMES_MAX; k++)
            names[count++] = w->hosts[i].numbers[k].name.ptr;
    return str_nearest(name, names, count);
}

/* A rule over a number that no host declares would never say anything. */
static void check_numbers_of_rule(struct decoding *d, struct node *when, const struct config_watch *w,
                                  struct str text)
{
    struct rule rule;
    struct rule_mistake mistake;
    char shown[SHOWN_BYTES];
    if (!when || when->is_bad || !rule_parse(text, d->arena, &rule, &mistake))
        return;
    for (size_t i = 0; i < rule.condition_count; i++) {
        const struct rule_condition *c = &rule.conditions[i];
        for (size_t k = 0; c->metric == METRIC_HOST_NUMBER && k < c->matcher_count; k++) {
            const struct rule_matcher *m = &c->matchers[k];
            if (m->is_not || strcmp(m->label, "number") != 0 || is_declared(w, m->pattern))
                continue;
            const char *nearest = suggest_number(w, m->pattern);
            struct diagnostic *item =
                node_warning(d->d, when, "no host has a number '%s', so this never fires",
                             decode_shown(shown, m->pattern));
            if (nearest)
                diagnostics_hint(d->d, item, "did you mean '%s'?", nearest);
            else
                diagnostics_hint(d->d, item, "declare it: watch: {hosts: {NAME: {numbers: ...}}}");
        }
    }
}

void check_watch(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    const struct config_watch *w = target;
    struct node *rules = node ? node_find(node, "rules") : NULL;
    size_t i = 0;
    for (struct node *n = rules && rules->kind == NODE_LIST ? rules->first : NULL; n && i < w->rule_count;
         n = n->next, i++) {
        struct node *name = n->kind == NODE_MAPPING ? node_find(n, "alert") : NULL;
        if (n->kind == NODE_MAPPING)
            check_numbers_of_rule(d, node_find(n, "when"), w, w->rules[i].when);
        for (size_t k = 0; k < i; k++) {
            if (!name || name->is_bad || !str_eq(w->rules[k].name, w->rules[i].name))
                continue;
            struct diagnostic *item = node_error(d->d, name, "there is a rule of this name already");
            diagnostics_hint(d->d, item, "two rules need two names");
            break;
        }
    }
}

/* ---- rules about services and probes ---- */

enum { RULE_NAMES_MAX = 256 }; /* that are looked through for one that was meant */

struct known_names {
    const char *what; /* "service" */
    size_t count;
    const char *names[RULE_NAMES_MAX];
    bool is_all; /* else there are more than fit: nothing can be said to be missing */
};

static void check_matcher(struct decoding *d, struct node *when, const struct known_names *known,
                          const struct rule_matcher *m)
{
    char shown[SHOWN_BYTES];
    if (m->is_not || strcmp(m->label, known->what) != 0 || !known->is_all)
        return;
    for (size_t i = 0; i < known->count; i++)
        if (rule_glob(m->pattern, str_of(known->names[i])))
            return;
    const char *nearest = str_nearest(m->pattern, known->names, known->count);
    struct diagnostic *item = node_warning(d->d, when, "there is no %s '%s', so this never fires",
                                           known->what, decode_shown(shown, m->pattern));
    if (nearest)
        diagnostics_hint(d->d, item, "did you mean '%s'?", nearest);
}

static void check_subjects_of_rule(struct decoding *d, struct node *when, const struct known_names *known,
                                   struct str text)
{
    struct rule rule;
    struct rule_mistake mistake;
    if (!when || when->is_bad || !rule_parse(text, d->arena, &rule, &mistake))
        return;
    for (size_t i = 0; i < rule.condition_count; i++)
        for (size_t k = 0; k < rule.conditions[i].matcher_count; k++)
            check_matcher(d, when, known, &rule.conditions[i].matchers[k]);
}

/* Another Weir may tell of services and probes of its own. */
static bool has_agents(const struct config_watch *w)
{
    for (size_t i = 0; i < w->host_count; i++)
        if (w->hosts[i].kind == HOST_KIND_AGENT)
            return true;
    return false;
}

void check_rule_subjects(struct decoding *d, struct node *root, const struct config *c)
{
    struct known_names services = {.what = "service", .is_all = c->service_count <= RULE_NAMES_MAX};
    struct known_names probes = {.what = "probe", .is_all = c->watch.probe_count <= RULE_NAMES_MAX};
    struct node *watch = node_find(root, "watch"), *rules = watch ? node_find(watch, "rules") : NULL;
    for (size_t i = 0; services.is_all && i < c->service_count; i++)
        services.names[services.count++] = c->services[i].name.ptr;
    for (size_t i = 0; probes.is_all && i < c->watch.probe_count; i++)
        probes.names[probes.count++] = c->watch.probes[i].name.ptr;
    size_t i = 0;
    if (has_agents(&c->watch))
        return;
    for (struct node *n = rules && rules->kind == NODE_LIST ? rules->first : NULL;
         n && i < c->watch.rule_count; n = n->next, i++) {
        struct node *when = n->kind == NODE_MAPPING ? node_find(n, "when") : NULL;
        check_subjects_of_rule(d, when, &services, c->watch.rules[i].when);
        check_subjects_of_rule(d, when, &probes, c->watch.rules[i].when);
    }
}
