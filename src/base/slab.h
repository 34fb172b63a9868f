/*
 * slab.h: objects of one size on a free list: no malloc in steady state. Owner thread only. Memory is kept
 * until slab_fini.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct slab {
    size_t object_bytes;
    uint32_t used, used_max; /* used_max 0: no limit */
    struct slab_free {
        struct slab_free *next;
    } * free;
    struct slab_block *blocks;
};

void slab_init(struct slab *s, size_t object_bytes, uint32_t used_max);
void slab_fini(struct slab *s);
void *slab_take(struct slab *s); /* zeroed; NULL at used_max or when memory is out */
void slab_give(struct slab *s, void *object);
