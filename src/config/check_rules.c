/*
 * check_rules.c: rules of the configuration: their text is read here, so that a mistake in it is told with
 * its own place in the file, and is kept in its canonical form.
 */
#include "config/checks.h"

#include "config/reader.h"
#include "rule/default_rules.h"

enum { ALERT_NAME_BYTES_MAX = 64 };

/* ---- where in the file ---- */

/* How many bytes of the source one byte of a scalar's text takes, or 0 when that cannot be told: \" and \\ in
 * double quotes, '' in single ones. */
static size_t source_bytes(struct str source, size_t at, char quote, char byte)
{
    if (at >= source.len)
        return 0;
    bool is_escape = (quote == '"' && source.ptr[at] == '\\') || (quote == '\'' && source.ptr[at] == '\'');
    size_t skip = is_escape ? 1 : 0;
    return at + skip < source.len && source.ptr[at + skip] == byte ? 1 + skip : 0;
}

/* The offset in the file of a scalar's text[at]; false when the text was folded or has other escapes. */
static bool find_source(const struct decoding *d, const struct node *n, size_t at, size_t *ret_offset)
{
    struct str source = d->d->source;
    size_t offset = n->offset;
    char quote = n->is_plain || offset >= source.len ? '\0' : source.ptr[offset];
    offset += quote ? 1 : 0;
    for (size_t i = 0; i < at; i++) {
        size_t bytes = source_bytes(source, offset, quote, n->text.ptr[i]);
        if (bytes == 0)
            return false;
        offset += bytes;
    }
    *ret_offset = offset;
    return true;
}

static void tell_mistake(struct decoding *d, struct node *n, const struct rule_mistake *m)
{
    size_t begin, end;
    struct diagnostic *item;
    bool is_found = find_source(d, n, m->at, &begin) && find_source(d, n, m->at + m->length, &end);
    n->is_bad = true;
    if (is_found)
        item = diagnostics_add(d->d, DIAGNOSTIC_ERROR, begin, MAX(end - begin, (size_t)1), "%s", m->text);
    else
        item = node_error(d->d, n, "%s", m->text);
    if (m->hint[0])
        diagnostics_hint(d->d, item, "%s", m->hint);
}

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
    if (!when || when->is_bad)
        return;
    if (!r->is_enabled) {
        check_off(d, when, r);
        return;
    }
    if (!rule_parse(r->when, d->arena, &rule, &mistake)) {
        tell_mistake(d, when, &mistake);
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
    if (!node || node->is_bad)
        return;
    check_name(d, node_find(node, "alert"), r->name);
    check_when(d, node_find(node, "when"), r);
    check_labels(d, node_find(node, "labels"));
}

void check_watch(struct decoding *d, const struct schema_mapping *m, struct node *node, void *target)
{
    const struct config_watch *w = target;
    struct node *rules = node ? node_find(node, "rules") : NULL;
    size_t i = 0;
    for (struct node *n = rules && rules->kind == NODE_LIST ? rules->first : NULL; n && i < w->rule_count;
         n = n->next, i++) {
        struct node *name = n->kind == NODE_MAPPING ? node_find(n, "alert") : NULL;
        for (size_t k = 0; k < i; k++) {
            if (!name || name->is_bad || !str_eq(w->rules[k].name, w->rules[i].name))
                continue;
            struct diagnostic *item = node_error(d->d, name, "there is a rule of this name already");
            diagnostics_hint(d->d, item, "two rules need two names");
            break;
        }
    }
}
