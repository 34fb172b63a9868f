/*
 * One recursive walk. For a mapping: all defaults first, then each pair of the file by its row of the schema,
 * then what is required and missing, then the mapping's own cross checks. A node about which an error was
 * told is marked bad, and cross checks leave bad nodes alone: one mistake, one message. Recursion is bounded:
 * the tree is at most CONFIG_DEPTH_MAX deep.
 */
#include "config/decode.h"

#include "base/addr.h"
#include "config/checks.h"
#include "config/reader.h"
#include "config/values.h"

#include <stdio.h>

enum { TITLE_BYTES = 96 };

static void decode_key(struct decoding *d, const struct schema_key *k, struct node *node, void *target);

char *decode_shown(char out[SHOWN_BYTES], struct str text)
{
    size_t n = str_copy(out, SHOWN_BYTES - 3, text);
    if (n < text.len) {
        while (n && ((unsigned char)out[n] & 0xC0) == 0x80)
            n--;
        snprintf(out + n, SHOWN_BYTES - n, "...");
    }
    for (size_t i = 0; out[i]; i++)
        if ((unsigned char)out[i] < 0x20 || out[i] == 0x7F)
            out[i] = '?';
    return out;
}

static const char *what_it_is(const struct node *n)
{
    return n->kind == NODE_LIST ? "a list" : n->kind == NODE_MAPPING ? "a mapping" : "a single value";
}

/* `{address}` without quotes is a mapping with an empty value to YAML. */
static bool is_unquoted_placeholder(const struct node *n)
{
    return n->kind == NODE_MAPPING && n->is_flow && n->child_count == 1 && node_is_empty(n->first);
}

/* `command: a b c` as the list that was probably meant. */
static void hint_at_list(struct decoding *d, struct diagnostic *item, struct str text)
{
    CLEANUP(buf_fini) struct buf list = {0};
    struct str part;
    while (str_split(&text, ' ', &part)) {
        bool is_quoted = part.len && strpbrk(arena_strdup(d->arena, part), "{}[]:,#&*!|>'\"%@`\\") != NULL;
        if (part.len == 0)
            continue;
        buf_put(&list, list.len ? STR(", ") : STR("["));
        if (is_quoted)
            value_put_quoted(part, &list);
        else
            buf_put(&list, part);
    }
    diagnostics_hint(d->d, item, "as a list: %.*s]", STR_ARG(buf_str(&list)));
}

static struct diagnostic *refuse_kind(struct decoding *d, const struct schema_key *k, const char *wanted,
                                      struct node *n)
{
    char word[SHOWN_BYTES];
    struct diagnostic *item = node_error(d->d, n, "'%s' takes %s, not %s", k->name, wanted, what_it_is(n));
    if (is_unquoted_placeholder(n))
        diagnostics_hint(d->d, item, "put it in quotes: \"{%s}\"", decode_shown(word, n->first->key->text));
    else if (k->shape == SHAPE_STRICT_LIST && n->kind == NODE_SCALAR && n->text.len)
        hint_at_list(d, item, n->text);
    else if (k->example)
        diagnostics_hint(d->d, item, "such as %s", k->example);
    return item;
}

/* ---- scalars ---- */

/* Hides what may be a password: a URL behind its host, the value of a variable. */
static void hide_secret(struct decoding *d, const struct schema_key *k, const struct node *n)
{
    if (!k->is_secret || n->kind != NODE_SCALAR)
        return;
    size_t skip = 0, at;
    struct str source = str_n(d->d->source.ptr + n->offset, n->length);
    if (k->type == VALUE_URL) {
        const char *host = n->length ? memmem(source.ptr, source.len, "://", 3) : NULL;
        skip = host ? (size_t)(host - source.ptr) + 3 : 0;
        struct str rest = str_n(source.ptr + skip, source.len - skip);
        if (!str_find(rest, '@', &at) && str_find(rest, '/', &at))
            skip += at + 1;
    }
    diagnostics_hide(d->d, n->offset + skip, n->length - skip);
}

/* Whatever is written where variables belong, their values are not shown. */
static void hide_all(struct decoding *d, const struct node *n)
{
    if (n->kind == NODE_SCALAR)
        diagnostics_hide(d->d, n->offset, n->length);
    for (const struct node *child = n->first; child; child = child->next)
        hide_all(d, child);
}

/* A sink or the like, whose secret is in a file or a variable: what is written there under a wrong name may
 * be that secret. */
static bool may_hold_secrets(const struct schema_mapping *m)
{
    for (size_t i = 0; i < m->key_count; i++)
        if (str_ends_with(str_of(m->keys[i].name), STR("_env")))
            return true;
    return false;
}

static void decode_scalar(struct decoding *d, const struct schema_key *k, struct node *n, void *target)
{
    const struct value_row *row = value_row(k->type);
    struct err hint = {0};
    hide_secret(d, k, n);
    if (n->is_bad)
        return;
    if (n->kind != NODE_SCALAR) {
        (void)refuse_kind(d, k, row->noun, n);
        return;
    }
    if (node_is_empty(n)) {
        struct diagnostic *item = node_error(d->d, n, "'%s' has no value", k->name);
        if (k->example)
            diagnostics_hint(d->d, item, "such as %s", k->example);
        return;
    }
    enum value_outcome outcome = row->parse(k, n->text, d->arena, target, &hint);
    if (outcome == VALUE_OK)
        return;
    struct diagnostic *item;
    if (outcome == VALUE_OUT_OF_RANGE)
        item = node_error(d->d, n, "'%s' is out of range", k->name);
    else if (k->type == VALUE_CHOICE)
        item = node_error(d->d, n, "'%s' has no such choice", k->name);
    else
        item = node_error(d->d, n, "'%s' takes %s", k->name, row->noun);
    diagnostics_hint(d->d, item, "%s", hint.text);
}

static void decode_one(struct decoding *d, const struct schema_key *k, const char *title, struct node *n,
                       void *target)
{
    if (k->type == VALUE_MAPPING)
        decode_mapping(d, k->mapping, title, n, target);
    else
        decode_scalar(d, k, n, target);
}

/* ---- lists and named things ---- */

static bool is_short_enough(struct decoding *d, const struct schema_key *k, struct node *n)
{
    if (k->count_max == 0 || n->child_count <= k->count_max)
        return true;
    node_key_error(d->d, n, "'%s' has %zu entries; at most %zu are allowed", k->name, n->child_count,
                   k->count_max);
    return false;
}

static void *item_at(const struct schema_key *k, const struct schema_items *list, size_t i)
{
    return (char *)list->items + i * k->item_bytes;
}

static void decode_list(struct decoding *d, const struct schema_key *k, struct node *n,
                        struct schema_items *list)
{
    char title[TITLE_BYTES];
    bool may_be_single = n->kind == NODE_SCALAR && k->shape == SHAPE_LIST && k->type != VALUE_MAPPING;
    if (n->is_bad || node_is_empty(n))
        return;
    if (n->kind != NODE_LIST && !may_be_single) {
        struct diagnostic *item = refuse_kind(d, k, "a list", n);
        if (k->type == VALUE_MAPPING && n->kind == NODE_MAPPING)
            diagnostics_hint(d->d, item, "begin each item with '- ', such as '- %s: %s'",
                             k->mapping->keys[0].name, k->mapping->keys[0].example);
        return;
    }
    if (!is_short_enough(d, k, n))
        return;
    size_t count = may_be_single ? 1 : n->child_count;
    list->items = arena_alloc(d->arena, count * k->item_bytes + 1);
    snprintf(title, sizeof(title), "%s", k->item_title ? k->item_title : "");
    for (struct node *child = may_be_single ? n : n->first; child;
         child = may_be_single ? NULL : child->next) {
        decode_one(d, k, title, child, item_at(k, list, list->count));
        list->count++;
    }
}

static void decode_named(struct decoding *d, const struct schema_key *k, struct node *n,
                         struct schema_items *list)
{
    struct schema_key name_key = {.name = "name", .type = k->name_type ? k->name_type : VALUE_NAME};
    if (n->is_bad || node_is_empty(n))
        return;
    if (n->kind != NODE_MAPPING) {
        struct diagnostic *item =
            node_error(d->d, n, "'%s' takes a mapping of names, not %s", k->name, what_it_is(n));
        diagnostics_hint(d->d, item, "one line for each %s: its name and a colon", k->item_title);
        return;
    }
    if (!is_short_enough(d, k, n))
        return;
    list->items = arena_alloc(d->arena, n->child_count * k->item_bytes + 1);
    for (struct node *child = n->first; child; child = child->next) {
        char title[TITLE_BYTES], shown[SHOWN_BYTES];
        struct err hint = {0};
        void *target = item_at(k, list, list->count++);
        snprintf(title, sizeof(title), "%s '%s'", k->item_title, decode_shown(shown, child->key->text));
        if (value_row(name_key.type)->parse(&name_key, child->key->text, d->arena, target, &hint) !=
            VALUE_OK) {
            struct diagnostic *item =
                node_error(d->d, child->key, "'%s' is no name for a %s", shown, k->item_title);
            diagnostics_hint(d->d, item, "%s", hint.text);
            *(struct str *)target = arena_copy_str(d->arena, str_of(shown)); /* for the messages to come */
        }
        decode_mapping(d, k->mapping, title, child, target);
    }
}

static void decode_variable(struct decoding *d, struct node *n, struct str *target)
{
    static const struct schema_key name_key = {.name = "name", .type = VALUE_VARIABLE};
    struct str name, value = STR("");
    struct err hint = {0};
    char shown[SHOWN_BYTES];
    if (value_row(VALUE_VARIABLE)->parse(&name_key, n->key->text, d->arena, &name, &hint) != VALUE_OK) {
        struct diagnostic *item =
            node_error(d->d, n->key, "'%s' is no name for a variable", decode_shown(shown, n->key->text));
        diagnostics_hint(d->d, item, "%s", hint.text);
        return;
    }
    if (n->kind == NODE_SCALAR && node_is_empty(n))
        value = STR("");
    else
        decode_scalar(d, &(struct schema_key){.name = n->key->text.ptr, .type = VALUE_TEXT}, n, &value);
    if (str_eq(name, STR("PORT"))) {
        struct diagnostic *item = node_error(d->d, n->key, "PORT is set by Weir itself");
        diagnostics_hint(d->d, item, "it tells each server its own port");
        return;
    }
    CLEANUP(buf_fini) struct buf pair = {0};
    buf_printf(&pair, "%.*s=%.*s", STR_ARG(name), STR_ARG(value));
    *target = arena_copy_str(d->arena, buf_str(&pair));
}

static void decode_variables(struct decoding *d, const struct schema_key *k, struct node *n,
                             struct schema_items *list)
{
    hide_all(d, n);
    if (n->is_bad || node_is_empty(n))
        return;
    if (n->kind != NODE_MAPPING) {
        (void)refuse_kind(d, k, "a mapping of names to values", n);
        return;
    }
    list->items = ARENA_ARRAY(d->arena, struct str, n->child_count + 1);
    for (struct node *child = n->first; child; child = child->next)
        decode_variable(d, child, (struct str *)list->items + list->count++);
}

/* ---- keys and mappings ---- */

static void decode_key(struct decoding *d, const struct schema_key *k, struct node *node, void *target)
{
    char title[TITLE_BYTES];
    snprintf(title, sizeof(title), "'%s'", k->name);
    switch (k->shape) {
    case SHAPE_ONE:
        decode_one(d, k, title, node, target);
        break;
    case SHAPE_LIST:
    case SHAPE_STRICT_LIST:
        decode_list(d, k, node, target);
        break;
    case SHAPE_NAMED:
        decode_named(d, k, node, target);
        break;
    case SHAPE_VARIABLES:
        decode_variables(d, k, node, target);
        break;
    }
}

/* Mappings with their own defaults are filled when they are decoded, written or not. */
static void set_defaults(struct decoding *d, const struct schema_mapping *m, char *target)
{
    for (size_t i = 0; i < m->key_count; i++) {
        const struct schema_key *k = &m->keys[i];
        struct err hint = {0};
        if (k->shape == SHAPE_ONE && value_is_text(k->type))
            *(struct str *)(target + k->offset) = STR("");
        if (!k->default_text)
            continue;
        enum value_outcome outcome =
            value_row(k->type)->parse(k, str_of(k->default_text), d->arena, target + k->offset, &hint);
        ASSERT(outcome == VALUE_OK);
    }
    if (m->can_be_off)
        *(bool *)(target + m->is_enabled_offset) = true;
}

static void list_keys(const struct schema_mapping *m, struct buf *out)
{
    for (size_t i = 0; i < m->key_count; i++)
        buf_printf(out, "%s%s", i ? ", " : "", m->keys[i].name);
}

static void refuse_unknown(struct decoding *d, const struct schema_mapping *m, const char *title,
                           struct node *n)
{
    char shown[SHOWN_BYTES], home[TITLE_BYTES];
    struct str name = n->key->text;
    const char *nearest = schema_nearest(m, name);
    struct diagnostic *item = node_error(d->d, n->key, "unknown key '%s'%s%s", decode_shown(shown, name),
                                         *title ? " in " : "", title);
    CLEANUP(buf_fini) struct buf all = {0};
    n->is_bad = true;
    if (may_hold_secrets(m))
        hide_all(d, n);
    if (str_eq(name, STR("<<")))
        diagnostics_hint(d->d, item, "merge keys are not used here; write the keys out");
    else if (nearest && !node_find(n->parent, nearest))
        diagnostics_hint(d->d, item, "did you mean '%s'?", nearest);
    else if (schema_find_home(name, home, sizeof(home)))
        diagnostics_hint(d->d, item, "it belongs %s", home);
    else if (m->key_count) {
        list_keys(m, &all);
        diagnostics_hint(d->d, item, "known here: %.*s", STR_ARG(buf_str(&all)));
    }
}

static void check_one_of(struct decoding *d, const struct schema_mapping *m, const char *title,
                         struct node *node, char *target)
{
    CLEANUP(buf_fini) struct buf all = {0};
    size_t known_count = 0;
    bool is_doubtful = false;
    for (struct node *n = node->first; n; n = n->next) {
        const struct schema_key *k = schema_find(m, n->key->text);
        is_doubtful |= !k;
        if (k && known_count++ == 0)
            *(int *)(target + m->kind_offset) = (int)(k - m->keys);
    }
    if (known_count == 1 || (known_count == 0 && is_doubtful))
        return;
    list_keys(m, &all);
    struct diagnostic *item = node_error(d->d, node, "a %s has exactly one key", title);
    diagnostics_hint(d->d, item, "one of: %.*s", STR_ARG(buf_str(&all)));
}

bool decode_is_misspelt(const struct schema_mapping *m, const struct node *mapping, const char *name)
{
    for (const struct node *n = mapping->first; n; n = n->next) {
        const char *nearest = schema_find(m, n->key->text) ? NULL : schema_nearest(m, n->key->text);
        bool is_merge = str_eq(n->key->text, STR("<<"));
        if (is_merge || (nearest && strcmp(nearest, name) == 0))
            return true;
    }
    return false;
}

static void check_required(struct decoding *d, const struct schema_mapping *m, const char *title,
                           struct node *node)
{
    for (size_t i = 0; i < m->key_count; i++) {
        const struct schema_key *k = &m->keys[i];
        if (!k->is_required || node_find(node, k->name) || node->is_bad ||
            decode_is_misspelt(m, node, k->name))
            continue;
        struct diagnostic *item =
            node_key_error(d->d, node, "'%s' is missing%s%s", k->name, *title ? " in " : "", title);
        if (k->example)
            diagnostics_hint(d->d, item, "such as %s: %s", k->name, k->example);
    }
}

static void decode_pairs(struct decoding *d, const struct schema_mapping *m, const char *title,
                         struct node *node, char *target)
{
    for (struct node *n = node->first; n; n = n->next) {
        const struct schema_key *k = schema_find(m, n->key->text);
        if (k)
            decode_key(d, k, n, target + k->offset);
        else
            refuse_unknown(d, m, title, n);
    }
}

/* `off`, or the one value that may stand for the whole mapping. True when the node was dealt with. */
static bool decode_short_form(struct decoding *d, const struct schema_mapping *m, const char *title,
                              struct node *node, char *target)
{
    static const char *const wrong_words[] = {"no", "false", "none", "disabled", "Off", "OFF"};
    if (node->kind == NODE_MAPPING)
        return false;
    if (node->kind == NODE_SCALAR && (node_is_empty(node) || node->is_bad))
        return true;
    bool *is_enabled = m->can_be_off ? (bool *)(target + m->is_enabled_offset) : NULL;
    if (is_enabled && node->kind == NODE_SCALAR && str_eq(node->text, STR("off"))) {
        *is_enabled = false;
        return true;
    }
    for (size_t i = 0; is_enabled && node->kind == NODE_SCALAR && i < ARRAY_LEN(wrong_words); i++) {
        if (!str_eq(node->text, str_of(wrong_words[i])))
            continue;
        diagnostics_hint(d->d, node_error(d->d, node, "%s cannot be '%s'", title, wrong_words[i]),
                         "did you mean 'off'?");
        return true;
    }
    struct schema_key short_key =
        m->shorthand ? *schema_find(m, str_of(m->shorthand)) : (struct schema_key){0};
    bool is_list = node->kind == NODE_LIST && short_key.shape == SHAPE_LIST;
    if (m->shorthand && (node->kind == NODE_SCALAR || is_list)) {
        short_key.name =
            node->key ? node->key->text.ptr : short_key.name; /* messages name what was written */
        decode_key(d, &short_key, node, target + short_key.offset);
        return true;
    }
    if (may_hold_secrets(m))
        hide_all(d, node);
    struct diagnostic *item = node_error(d->d, node, "%s takes a mapping of keys, not %s",
                                         *title ? title : "the file", what_it_is(node));
    CLEANUP(buf_fini) struct buf all = {0};
    list_keys(m, &all);
    const struct schema_key *k = node->kind == NODE_SCALAR ? schema_find(m, node->text) : NULL;
    if (k)
        diagnostics_hint(d->d, item, "write '%s: %s'", k->name, k->example);
    else if (m->key_count)
        diagnostics_hint(d->d, item, "keys: %.*s", STR_ARG(buf_str(&all)));
    return true;
}

static void decode_inner_defaults(struct decoding *d, const struct schema_mapping *m, const struct node *node,
                                  char *target)
{
    for (size_t i = 0; i < m->key_count; i++) {
        const struct schema_key *k = &m->keys[i];
        bool is_inner = k->type == VALUE_MAPPING && k->shape == SHAPE_ONE && !m->is_one_of;
        if (is_inner && !(node && node_find(node, k->name)))
            decode_mapping(d, k->mapping, "", NULL, target + k->offset);
    }
}

void decode_mapping(struct decoding *d, const struct schema_mapping *m, const char *title, struct node *node,
                    void *target)
{
    set_defaults(d, m, target);
    bool is_pairs = node && !decode_short_form(d, m, title, node, target) && !node->is_bad;
    if (is_pairs)
        decode_pairs(d, m, title, node, target);
    decode_inner_defaults(d, m, is_pairs ? node : NULL, target);
    bool has_keys = node && (is_pairs || node_is_empty(node));
    if (has_keys && m->is_one_of)
        check_one_of(d, m, title, node, target);
    if (has_keys)
        check_required(d, m, title, node);
    if (m->check)
        m->check(d, m, node, target);
}
