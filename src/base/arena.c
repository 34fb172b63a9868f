/*
 * arena.c: see arena.h. Chunks in a list, the newest of which is filled; what does not fit gets a chunk of
 * its own size, and the rest of the one before is given up. Texts go through the same door, so they cost up
 * to 15 bytes more: one rule of alignment is worth that to configurations and snapshots.
 */
#include "base/arena.h"

#include "base/macros.h"
#include "base/mem.h"

#include <stdlib.h>

enum { CHUNK_BYTES = 16 * 1024, ALIGNMENT = 16 };

struct chunk {
    struct chunk *next;
    size_t used, capacity;
    _Alignas(ALIGNMENT) char bytes[];
};

struct arena {
    struct chunk *chunks; /* newest first */
};

struct arena *arena_new(void)
{
    return NEW(struct arena);
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    while (a->chunks) {
        struct chunk *next = a->chunks->next;
        free(a->chunks);
        a->chunks = next;
    }
    free(a);
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    bytes = (MAX(bytes, (size_t)1) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct chunk *c = a->chunks;
    if (!c || c->capacity - c->used < bytes) {
        size_t capacity = MAX(bytes, (size_t)CHUNK_BYTES);
        c = mem_alloc(sizeof(*c) + capacity);
        c->capacity = capacity;
        c->next = a->chunks;
        a->chunks = c;
    }
    void *ptr = c->bytes + c->used;
    c->used += bytes;
    return ptr;
}

char *arena_strdup(struct arena *a, struct str s)
{
    char *copy = arena_alloc(a, s.len + 1);
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    return copy;
}

struct str arena_copy_str(struct arena *a, struct str s)
{
    return str_n(arena_strdup(a, s), s.len);
}

size_t arena_bytes(const struct arena *a)
{
    size_t total = 0;
    for (const struct chunk *c = a->chunks; c; c = c->next)
        total += sizeof(*c) + c->capacity;
    return total;
}
