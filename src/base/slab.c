/*
 * slab.c: see slab.h. Blocks of 32 objects, each on cache lines of its own, so that no two objects share one.
 * The list is last in, first out: what was used last is still in the cache.
 */
#include "base/slab.h"

#include "base/macros.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_OBJECTS = 32, ALIGNMENT = 64 };

struct slab_block {
    struct slab_block *next;
    _Alignas(ALIGNMENT) char objects[];
};

void slab_init(struct slab *s, size_t object_bytes, uint32_t used_max)
{
    size_t rounded = (object_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    *s = (struct slab){.object_bytes = rounded, .used_max = used_max};
}

void slab_fini(struct slab *s)
{
    while (s->blocks) {
        struct slab_block *next = s->blocks->next;
        free(s->blocks);
        s->blocks = next;
    }
    s->free = NULL;
}

static void add_block(struct slab *s)
{
    struct slab_block *b = aligned_alloc(ALIGNMENT, sizeof(*b) + s->object_bytes * BLOCK_OBJECTS);
    if (!b)
        return;
    b->next = s->blocks;
    s->blocks = b;
    for (size_t i = BLOCK_OBJECTS; i-- > 0;) {
        struct slab_free *object = (struct slab_free *)(b->objects + i * s->object_bytes);
        object->next = s->free;
        s->free = object;
    }
}

void *slab_take(struct slab *s)
{
    if (s->used_max && s->used >= s->used_max)
        return NULL;
    if (!s->free)
        add_block(s);
    struct slab_free *object = s->free;
    if (!object)
        return NULL;
    s->free = object->next;
    s->used++;
    return memset(object, 0, s->object_bytes);
}

void slab_give(struct slab *s, void *object)
{
    ASSERT(s->used > 0);
    struct slab_free *free_object = object;
    free_object->next = s->free;
    s->free = free_object;
    s->used--;
}
