/*
 * The one file that knows libyaml. It takes the parser's events and builds our tree of nodes, with a byte
 * range of the source for each. We accept a plain part of YAML: mappings, lists, scalars, comments, flow
 * style. What lets a file say something else than it seems to say is an error: anchors and aliases (and so
 * merge keys), tags, directives, repeated keys, tabs as indentation, more than one document. Those errors do
 * not stop the reading, so that all are told at once; a syntax error does, because what follows it is
 * guesswork, and so do tabs, because only YAML's authors know what they line up with.
 *
 * libyaml counts characters, and its line breaks include some that editors do not show as such; so positions
 * are taken from its character index alone and turned into byte offsets by a table.
 */
#include "config/node.h"

#include "base/mem.h"
#include "config/reader.h"

#include <stdlib.h>
#include <yaml.h>

struct frame {
    struct node *node;        /* an open mapping or list */
    struct node *pending_key; /* of a mapping: the key whose value comes next */
};

struct builder {
    yaml_parser_t parser;
    struct arena *arena;
    struct diagnostics *d;
    struct str source;
    uint32_t *offsets; /* [char_count + 1]: byte offset of each character, the end included */
    size_t char_count;
    struct node *root;
    struct frame frames[CONFIG_DEPTH_MAX];
    int depth;
    int document_count;
    bool is_stopped;
};

/* ---- places ---- */

static void index_characters(struct builder *b)
{
    b->offsets = mem_alloc((b->source.len + 1) * sizeof(*b->offsets));
    for (size_t i = 0; i < b->source.len; i++)
        if (((unsigned char)b->source.ptr[i] & 0xC0) != 0x80)
            b->offsets[b->char_count++] = (uint32_t)i;
    b->offsets[b->char_count] = (uint32_t)b->source.len;
}

static size_t offset_of(const struct builder *b, yaml_mark_t mark)
{
    return b->offsets[MIN(mark.index, b->char_count)];
}

static uint32_t line_of(const struct builder *b, size_t offset)
{
    uint32_t line = 1;
    for (size_t i = 0; i < offset; i++)
        line += b->source.ptr[i] == '\n';
    return line;
}

static size_t word_length(const struct builder *b, size_t offset)
{
    size_t n = 0;
    while (offset + n < b->source.len && !strchr(" \t\r\n,]}", b->source.ptr[offset + n]))
        n++;
    return MAX(n, (size_t)1);
}

/* Where to point at a node: flow collections at their bracket, block ones at their key, or at their first
 * key. */
static void node_place(const struct node *n, size_t *ret_offset, size_t *ret_length)
{
    bool is_block = n->kind != NODE_SCALAR && !n->is_flow;
    if (n->key && (is_block || n->length == 0))
        n = n->key;
    else if (is_block && n->first && n->first->key)
        n = n->first->key;
    else if (is_block && n->first)
        n = n->first;
    *ret_offset = n->offset;
    *ret_length = n->length;
}

static struct diagnostic *add_at(struct diagnostics *d, enum diagnostic_severity severity,
                                 const struct node *place, const char *format, va_list args)
    PRINTF_LIKE(4, 0);
static struct diagnostic *add_at(struct diagnostics *d, enum diagnostic_severity severity,
                                 const struct node *place, const char *format, va_list args)
{
    char text[1024];
    size_t offset, length;
    vsnprintf(text, sizeof(text), format, args);
    node_place(place, &offset, &length);
    return diagnostics_add(d, severity, offset, length, "%s", text);
}

struct diagnostic *node_error(struct diagnostics *d, struct node *n, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct diagnostic *item = add_at(d, DIAGNOSTIC_ERROR, n, format, args);
    va_end(args);
    n->is_bad = true;
    return item;
}

struct diagnostic *node_key_error(struct diagnostics *d, struct node *n, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct diagnostic *item = add_at(d, DIAGNOSTIC_ERROR, n->key ? n->key : n, format, args);
    va_end(args);
    n->is_bad = true;
    return item;
}

struct diagnostic *node_warning(struct diagnostics *d, const struct node *n, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct diagnostic *item = add_at(d, DIAGNOSTIC_WARNING, n, format, args);
    va_end(args);
    return item;
}

struct node *node_find(const struct node *mapping, const char *key)
{
    if (!mapping || mapping->kind != NODE_MAPPING)
        return NULL;
    for (struct node *n = mapping->first; n; n = n->next)
        if (str_eq(n->key->text, str_of(key)))
            return n;
    return NULL;
}

bool node_is_empty(const struct node *n)
{
    return n->kind == NODE_SCALAR && n->is_plain && n->text.len == 0;
}

/* ---- the tree ---- */

static void link_child(struct node *parent, struct node *child)
{
    child->parent = parent;
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->child_count++;
}

static bool is_room_for_child(struct builder *b, struct node *parent, struct node *child)
{
    if (parent->child_count < CONFIG_ITEMS_MAX)
        return true;
    if (!parent->is_bad)
        node_error(b->d, child, "more than %d entries in one %s", CONFIG_ITEMS_MAX,
                   parent->kind == NODE_LIST ? "list" : "mapping");
    parent->is_bad = true;
    return false;
}

static void add_pair(struct builder *b, struct node *mapping, struct node *key, struct node *value)
{
    value->key = key;
    value->parent = mapping;
    if (key->is_bad || !is_room_for_child(b, mapping, value))
        return;
    char text[64];
    str_copy(text, sizeof(text), key->text);
    for (struct node *n = mapping->first; n; n = n->next) {
        if (!str_eq(n->key->text, key->text))
            continue;
        struct diagnostic *item = node_error(b->d, key, "'%s' is given twice", text);
        diagnostics_hint(b->d, item, "the first one is on line %u", line_of(b, n->key->offset));
        return;
    }
    link_child(mapping, value);
}

/* Puts a node where it belongs: at the root, in the list, as a key, or as the value of the key before it. */
static void place_node(struct builder *b, struct node *n)
{
    if (b->depth == 0) {
        b->root = n;
        return;
    }
    struct frame *f = &b->frames[b->depth - 1];
    if (f->node->kind == NODE_LIST) {
        n->parent = f->node;
        if (is_room_for_child(b, f->node, n))
            link_child(f->node, n);
    } else if (f->pending_key) {
        add_pair(b, f->node, f->pending_key, n);
        f->pending_key = NULL;
    } else {
        f->pending_key = n;
        if (n->kind != NODE_SCALAR) {
            f->node->is_incomplete = true;
            struct diagnostic *item = node_error(b->d, n, "a key must be a word");
            diagnostics_hint(b->d, item, "a text with braces or brackets needs quotes: \"{address}\"");
        }
    }
}

static void refuse_properties(struct builder *b, struct node *n, const void *anchor, const void *tag)
{
    struct diagnostic *item = NULL;
    if (anchor) {
        item = diagnostics_add(b->d, DIAGNOSTIC_ERROR, n->offset, word_length(b, n->offset),
                               "anchors are not used here");
        diagnostics_hint(b->d, item,
                         "write the value out where it is wanted; a text that begins with & needs quotes");
    } else if (tag) {
        item = diagnostics_add(b->d, DIAGNOSTIC_ERROR, n->offset, word_length(b, n->offset),
                               "tags are not used here");
        diagnostics_hint(b->d, item,
                         "the key knows the type of its value; a text that begins with ! needs quotes");
    }
    if (item && n->kind == NODE_SCALAR)
        n->is_bad = true;
}

static struct node *new_node(struct builder *b, enum node_kind kind, const yaml_event_t *event)
{
    struct node *n = ARENA_NEW(b->arena, struct node);
    n->kind = kind;
    n->offset = offset_of(b, event->start_mark);
    n->length = MAX(offset_of(b, event->end_mark), n->offset) - n->offset;
    return n;
}

static void on_scalar(struct builder *b, const yaml_event_t *event)
{
    struct node *n = new_node(b, NODE_SCALAR, event);
    n->text =
        arena_copy_str(b->arena, str_n((const char *)event->data.scalar.value, event->data.scalar.length));
    n->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    refuse_properties(b, n, event->data.scalar.anchor, event->data.scalar.tag);
    place_node(b, n);
}

static void on_alias(struct builder *b, const yaml_event_t *event)
{
    struct node *n = new_node(b, NODE_SCALAR, event);
    struct diagnostic *item = node_error(b->d, n, "aliases are not used here");
    diagnostics_hint(b->d, item,
                     "write the value out; a text that begins with * needs quotes: \"*.example.com\"");
    place_node(b, n);
}

static void on_begin(struct builder *b, struct node *n)
{
    place_node(b, n);
    if (b->depth == CONFIG_DEPTH_MAX) {
        diagnostics_add(b->d, DIAGNOSTIC_ERROR, n->offset, 1, "more than %d levels inside each other",
                        CONFIG_DEPTH_MAX);
        b->is_stopped = true;
        return;
    }
    b->frames[b->depth++] = (struct frame){.node = n};
}

static void on_mapping(struct builder *b, const yaml_event_t *event)
{
    struct node *n = new_node(b, NODE_MAPPING, event);
    n->is_flow = event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
    n->length = MIN(n->length, (size_t)1);
    refuse_properties(b, n, event->data.mapping_start.anchor, event->data.mapping_start.tag);
    on_begin(b, n);
}

static void on_list(struct builder *b, const yaml_event_t *event)
{
    struct node *n = new_node(b, NODE_LIST, event);
    n->is_flow = event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
    n->length = MIN(n->length, (size_t)1);
    refuse_properties(b, n, event->data.sequence_start.anchor, event->data.sequence_start.tag);
    on_begin(b, n);
}

static void on_document(struct builder *b, const yaml_event_t *event)
{
    size_t offset = offset_of(b, event->start_mark);
    bool has_directive =
        event->data.document_start.version_directive ||
        event->data.document_start.tag_directives.start != event->data.document_start.tag_directives.end;
    if (++b->document_count > 1) {
        struct diagnostic *item = diagnostics_add(b->d, DIAGNOSTIC_ERROR, offset, word_length(b, offset),
                                                  "a second document begins here");
        diagnostics_hint(b->d, item, "a file holds one configuration");
        b->is_stopped = true;
    } else if (has_directive) {
        diagnostics_add(b->d, DIAGNOSTIC_ERROR, offset, word_length(b, offset),
                        "directives are not used here");
    }
}

static void on_event(struct builder *b, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        on_document(b, event);
        break;
    case YAML_SCALAR_EVENT:
        on_scalar(b, event);
        break;
    case YAML_ALIAS_EVENT:
        on_alias(b, event);
        break;
    case YAML_MAPPING_START_EVENT:
        on_mapping(b, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        on_list(b, event);
        break;
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        b->depth--;
        break;
    default:
        break;
    }
}

/* ---- syntax errors ---- */

/* libyaml's words and ours. Its context tells "while scanning an alias" and the like. */
static const struct {
    const char *context, *problem, *text, *hint; /* context and problem: NULL fits all */
    bool is_at_context;                          /* the place to point at is where it began */
} syntax_errors[] = {
    {"while scanning an alias", NULL, "a text that begins with * needs quotes", "such as \"*.example.com\"",
     true},
    {"while scanning an anchor", NULL, "a text that begins with & needs quotes", "", true},
    {"while scanning a quoted scalar", "found unexpected end of stream", "a quote is not closed", "", true},
    {"while scanning a directive", NULL, "a text that begins with % needs quotes", "", true},
    {NULL, "found character that cannot start any token", "a text cannot begin with this character",
     "put it in quotes"},
    {NULL, "mapping values are not allowed in this context", "a ':' is not expected here",
     "check the indentation of this line and the one above; a text that holds ': ' needs quotes"},
    {NULL, "did not find expected key", "this does not fit the lines above",
     "check the indentation; an item of a list begins with '- ', a key ends with ':'"},
    {NULL, "did not find expected '-' indicator", "this does not fit the list above",
     "check the indentation; an item of a list begins with '- '"},
    {NULL, "did not find expected ',' or ']'", "a ',' or ']' is missing", ""},
    {NULL, "did not find expected ',' or '}'", "a ',' or '}' is missing", ""},
    {NULL, "could not find expected ':'", "a ':' is missing after the key", "write 'key: value'"},
    {NULL, "block sequence entries are not allowed in this context", "a '-' is not expected here",
     "an item of a list begins a line of its own"},
    {NULL, "did not find expected node content", "a value is missing here, or needs quotes",
     "inside [...] and {...} a text that begins with ':' needs them: \":80\""},
    {NULL, "found unexpected ':'", "a ':' is not expected here",
     "inside [...] and {...} a key's colon is followed by a blank, and a text with one at an end needs "
     "quotes"},
    {NULL, "control characters are not allowed", "a control character",
     "leave it out, or write it as \"\\x1b\""},
};

static size_t find_syntax_error(const char *context, const char *problem)
{
    size_t i = 0;
    for (; i < ARRAY_LEN(syntax_errors); i++) {
        bool is_context =
            !syntax_errors[i].context || (context && strcmp(context, syntax_errors[i].context) == 0);
        bool is_problem = !syntax_errors[i].problem || strcmp(problem, syntax_errors[i].problem) == 0;
        if (is_context && is_problem)
            break;
    }
    return i;
}

static void add_syntax_error(struct builder *b)
{
    const yaml_parser_t *p = &b->parser;
    const char *problem = p->problem ? p->problem : "the text cannot be read";
    bool is_reader = p->error == YAML_READER_ERROR;
    size_t offset = is_reader ? MIN(p->problem_offset, b->source.len) : offset_of(b, p->problem_mark);
    size_t known = find_syntax_error(p->context, problem);
    struct diagnostic *item;
    if (known == ARRAY_LEN(syntax_errors)) {
        item = diagnostics_add(b->d, DIAGNOSTIC_ERROR, offset, 1, "%s%s",
                               is_reader ? "this is no UTF-8 text: " : "", problem);
        if (p->context && !is_reader)
            diagnostics_hint(b->d, item, "%s", p->context);
        return;
    }
    if (syntax_errors[known].is_at_context)
        offset = offset_of(b, p->context_mark);
    item = diagnostics_add(b->d, DIAGNOSTIC_ERROR, offset, 1, "%s", syntax_errors[known].text);
    size_t began = offset_of(b, p->context_mark);
    if (*syntax_errors[known].hint)
        diagnostics_hint(b->d, item, "%s", syntax_errors[known].hint);
    else if (p->context && line_of(b, began) != line_of(b, offset))
        diagnostics_hint(b->d, item, "it began on line %u", line_of(b, began));
}

/* Tells of the first line that is indented with a tab. */
static bool has_tabs(struct builder *b)
{
    size_t first = 0, count = 0;
    bool is_indent = true;
    for (size_t i = 0; i < b->source.len; i++) {
        char c = b->source.ptr[i];
        if (c == '\t' && is_indent) {
            first = count++ ? first : i;
            is_indent = false;
        } else if (c != ' ') {
            is_indent = c == '\n';
        }
    }
    if (count == 0)
        return false;
    struct diagnostic *item = diagnostics_add(b->d, DIAGNOSTIC_ERROR, first, 1, "a tab in the indentation");
    if (count > 1)
        diagnostics_hint(b->d, item, "indent with spaces, in all %zu lines that have one", count);
    else
        diagnostics_hint(b->d, item, "indent with spaces");
    return true;
}

static bool read_events(struct builder *b)
{
    bool is_end = false;
    while (!is_end && !b->is_stopped) {
        yaml_event_t event;
        if (!yaml_parser_parse(&b->parser, &event)) {
            add_syntax_error(b);
            return false;
        }
        is_end = event.type == YAML_STREAM_END_EVENT;
        on_event(b, &event);
        yaml_event_delete(&event);
    }
    return !b->is_stopped;
}

static struct node *finish_root(struct builder *b)
{
    if (!b->root || node_is_empty(b->root)) {
        b->root = ARENA_NEW(b->arena, struct node);
        b->root->kind = NODE_MAPPING;
    }
    if (b->root->kind == NODE_MAPPING)
        return b->root;
    struct diagnostic *item = node_error(b->d, b->root, "a configuration is a mapping of keys to values");
    diagnostics_hint(b->d, item, "such as 'listeners:' and 'services:'");
    return NULL;
}

struct node *node_parse(struct arena *arena, struct str source, struct diagnostics *d)
{
    struct builder b = {.arena = arena, .source = source, .d = d};
    struct node *root = NULL;
    index_characters(&b);
    ASSERT(yaml_parser_initialize(&b.parser));
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)source.ptr, source.len);
    if (!has_tabs(&b) && read_events(&b))
        root = finish_root(&b);
    yaml_parser_delete(&b.parser);
    free(b.offsets);
    return root;
}
