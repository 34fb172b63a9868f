/* sink.c: see sink.h. */
#include "config/sink.h"

#include "base/macros.h"
#include "config/schema.h"
#include "config/values.h"

const char *config_sink_kind_name(enum notify_kind kind)
{
#define NOTIFY_KIND_KEY(id, key) [NOTIFY_##id] = key,
    static const char *const keys[] = {NOTIFY_KINDS(NOTIFY_KIND_KEY)};
#undef NOTIFY_KIND_KEY
    ASSERT((size_t)kind < ARRAY_LEN(keys));
    return keys[kind];
}

static void copy_zone(struct arena *arena, struct config_zone *zone)
{
    size_t count = zone->rules.change_count;
    int64_t *changes = ARENA_ARRAY(arena, int64_t, count + 1);
    int32_t *offsets = ARENA_ARRAY(arena, int32_t, count + 1);
    for (size_t i = 0; i < count; i++) {
        changes[i] = zone->rules.change_s[i];
        offsets[i] = zone->rules.offset_s[i];
    }
    zone->name = arena_copy_str(arena, zone->name);
    zone->rules.change_s = changes;
    zone->rules.offset_s = offsets;
}

static void copy_list(struct arena *arena, const struct schema_key *k, struct schema_items *list)
{
    bool is_text = value_is_text(k->type) || k->shape == SHAPE_VARIABLES;
    ASSERT(k->type != VALUE_MAPPING && k->type != VALUE_ZONE); /* no sink has such a list */
    void *items = arena_alloc(arena, (list->count + 1) * k->item_bytes);
    if (list->count)
        memcpy(items, list->items, list->count * k->item_bytes);
    for (size_t i = 0; i < list->count && is_text; i++)
        ((struct str *)items)[i] = arena_copy_str(arena, ((const struct str *)list->items)[i]);
    list->items = items;
}

/* target is a copy of the struct whose pointers still lead to the old one. */
static void copy_mapping(struct arena *arena, const struct schema_mapping *m, char *target)
{
    for (size_t i = 0; i < m->key_count; i++) {
        const struct schema_key *k = &m->keys[i];
        char *place = target + k->offset;
        if (k->shape != SHAPE_ONE)
            copy_list(arena, k, (struct schema_items *)(void *)place);
        else if (k->type == VALUE_MAPPING)
            copy_mapping(arena, k->mapping, place);
        else if (k->type == VALUE_ZONE)
            copy_zone(arena, (struct config_zone *)(void *)place);
        else if (value_is_text(k->type))
            *(struct str *)(void *)place = arena_copy_str(arena, *(struct str *)(void *)place);
    }
}

struct config_notify *config_sink_copy(struct arena *arena, const struct config_notify *sink)
{
    const struct schema_mapping *m = schema_find(&schema_root, STR("notify"))->mapping;
    struct config_notify *copy = ARENA_NEW(arena, struct config_notify);
    *copy = *sink;
    copy_mapping(arena, m->keys[sink->kind].mapping, (char *)copy);
    copy->name = arena_copy_str(arena, sink->name);
    return copy;
}
