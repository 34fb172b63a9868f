/*
 * Writes a configuration as YAML by the same tables that read it: every key that has a value, block style,
 * two spaces a level. Lists of scalars are written in flow style on one line. What comes out is read as the
 * same configuration again (fuzzed).
 */
#include "config/reader.h"
#include "config/sink.h"
#include "config/values.h"

static void write_mapping(const struct schema_mapping *m, const char *target, int indent, struct buf *out);

static void put_indent(int indent, struct buf *out)
{
    buf_printf(out, "%*s", indent, "");
}

static bool is_off(const struct schema_mapping *m, const char *target)
{
    return m->can_be_off && !*(const bool *)(target + m->is_enabled_offset);
}

/* Behind `key:`, with the line's end. */
static void write_inner(const struct schema_mapping *m, const char *target, int indent, struct buf *out)
{
    if (is_off(m, target)) {
        buf_put(out, STR(" off\n"));
    } else if (m->key_count == 0) {
        buf_put(out, STR(" {}\n"));
    } else {
        buf_put_char(out, '\n');
        write_mapping(m, target, indent, out);
    }
}

static void write_scalars(const struct schema_key *k, const struct schema_items *list, struct buf *out)
{
    buf_put(out, STR(" ["));
    for (size_t i = 0; i < list->count; i++) {
        if (i)
            buf_put(out, STR(", "));
        (void)value_row(k->type)->format(k, (const char *)list->items + i * k->item_bytes, out);
    }
    buf_put(out, STR("]\n"));
}

/* Each item begins with `- ` where its first key's indentation would be. */
static void write_mappings(const struct schema_key *k, const struct schema_items *list, int indent,
                           struct buf *out)
{
    buf_put_char(out, '\n');
    for (size_t i = 0; i < list->count; i++) {
        size_t start = out->len;
        write_mapping(k->mapping, (const char *)list->items + i * k->item_bytes, indent + 2, out);
        ASSERT(out->len > start + (size_t)indent);
        out->ptr[start + (size_t)indent] = '-';
    }
}

static void write_named(const struct schema_key *k, const struct schema_items *list, int indent,
                        struct buf *out)
{
    buf_put_char(out, '\n');
    for (size_t i = 0; i < list->count; i++) {
        const char *item = (const char *)list->items + i * k->item_bytes;
        put_indent(indent, out);
        value_put_quoted(*(const struct str *)item, out);
        buf_put_char(out, ':');
        write_inner(k->mapping, item, indent + 2, out);
    }
}

static void write_variables(const struct schema_items *list, int indent, struct buf *out)
{
    buf_put_char(out, '\n');
    for (size_t i = 0; i < list->count; i++) {
        struct str pair = ((const struct str *)list->items)[i];
        size_t at = 0;
        ASSERT(str_find(pair, '=', &at));
        put_indent(indent, out);
        buf_printf(out, "%.*s: ", (int)at, pair.ptr);
        value_put_quoted(str_n(pair.ptr + at + 1, pair.len - at - 1), out);
        buf_put_char(out, '\n');
    }
}

static void write_key_value(const struct schema_key *k, const char *place, int indent, struct buf *out)
{
    const struct schema_items *list = (const void *)place;
    if (k->shape == SHAPE_VARIABLES)
        write_variables(list, indent, out);
    else if (k->shape == SHAPE_NAMED)
        write_named(k, list, indent, out);
    else if (k->shape != SHAPE_ONE && k->type == VALUE_MAPPING)
        write_mappings(k, list, indent, out);
    else if (k->shape != SHAPE_ONE)
        write_scalars(k, list, out);
    else
        write_inner(k->mapping, place, indent, out);
}

static void write_key(const struct schema_key *k, const char *owner, int indent, struct buf *out)
{
    const char *place = owner + k->offset;
    bool is_scalar = k->shape == SHAPE_ONE && k->type != VALUE_MAPPING;
    size_t start = out->len;
    if (k->is_shown && !k->is_shown(owner))
        return;
    if (k->shape != SHAPE_ONE && ((const struct schema_items *)(const void *)place)->count == 0)
        return;
    put_indent(indent, out);
    buf_printf(out, "%s:", k->name);
    if (!is_scalar) {
        write_key_value(k, place, indent + 2, out);
        return;
    }
    buf_put_char(out, ' ');
    if (value_row(k->type)->format(k, place, out)) {
        buf_put_char(out, '\n');
    } else {
        out->len = start;
        out->ptr[start] = '\0';
    }
}

static void write_mapping(const struct schema_mapping *m, const char *target, int indent, struct buf *out)
{
    if (m->is_one_of) {
        write_key(&m->keys[*(const int *)(target + m->kind_offset)], target, indent, out);
        return;
    }
    for (size_t i = 0; i < m->key_count; i++)
        write_key(&m->keys[i], target, indent, out);
}

void config_format(const struct config *c, struct buf *out)
{
    write_mapping(&schema_root, (const char *)c, 0, out);
}

void config_sink_format(const struct config_notify *sink, struct buf *out)
{
    write_mapping(schema_find(&schema_root, STR("notify"))->mapping, (const char *)sink, 0, out);
}
