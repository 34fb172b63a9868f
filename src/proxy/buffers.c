/*
 * buffers.c: see buffers.h. A free list for each size. The limit counts what lies on the lists as well; when
 * it is met, what lies idle in other sizes goes back first, so that a change of sizes cannot starve anybody.
 */
#include "proxy/buffers.h"

#include "base/macros.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static const uint32_t class_bytes[] = {1024, 4096, 16 * 1024, 64 * 1024, BUFFER_BYTES_MAX};
enum { CLASSES = ARRAY_LEN(class_bytes) };

struct free_buffer {
    struct free_buffer *next;
};

struct buffer_pool {
    struct free_buffer *free[CLASSES];
    uint64_t used, held, bytes_max; /* held: given out or on a free list */
};

static unsigned class_for(size_t bytes)
{
    unsigned i = 0;
    while (i < CLASSES && class_bytes[i] < bytes)
        i++;
    return i;
}

struct buffer_pool *buffer_pool_new(uint64_t bytes_max)
{
    struct buffer_pool *p = NEW(struct buffer_pool);
    p->bytes_max = bytes_max;
    return p;
}

static void drop_free_list(struct buffer_pool *p, unsigned class)
{
    while (p->free[class]) {
        struct free_buffer *b = p->free[class];
        p->free[class] = b->next;
        p->held -= class_bytes[class];
        free(b);
    }
}

void buffer_pool_free(struct buffer_pool *p)
{
    if (!p)
        return;
    for (unsigned i = 0; i < CLASSES; i++)
        drop_free_list(p, i);
    free(p);
}

uint64_t buffer_pool_used(const struct buffer_pool *p)
{
    return p->used;
}

bool buffer_pool_is_short(const struct buffer_pool *p)
{
    return p->used > p->bytes_max - p->bytes_max / 4;
}

static char *take(struct buffer_pool *p, unsigned class)
{
    struct free_buffer *b = p->free[class];
    if (b) {
        p->free[class] = b->next;
    } else {
        /* Near the limit, memory of other sizes that lies idle goes back first. */
        for (unsigned i = 0; i < CLASSES && p->held + class_bytes[class] > p->bytes_max; i++)
            drop_free_list(p, i);
        if (p->held + class_bytes[class] > p->bytes_max)
            return NULL;
        b = malloc(class_bytes[class]);
        if (!b)
            return NULL;
        p->held += class_bytes[class];
    }
    p->used += class_bytes[class];
    return (char *)b;
}

static void give(struct buffer_pool *p, char *ptr, unsigned class)
{
    struct free_buffer *b = (struct free_buffer *)ptr;
    b->next = p->free[class];
    p->free[class] = b;
    p->used -= class_bytes[class];
}

void chunk_release(struct buffer_pool *p, struct chunk *c)
{
    if (c->ptr)
        give(p, c->ptr, class_for(c->capacity));
    *c = (struct chunk){0};
}

bool chunk_reserve(struct buffer_pool *p, struct chunk *c, size_t bytes)
{
    size_t len = chunk_len(c);
    if (c->ptr && c->capacity - c->end >= bytes)
        return true;
    if (c->ptr && c->capacity - len >= bytes) {
        memmove(c->ptr, c->ptr + c->start, len);
        c->start = 0;
        c->end = (uint32_t)len;
        return true;
    }
    unsigned class = class_for(len + bytes);
    char *ptr = class < CLASSES ? take(p, class) : NULL;
    if (!ptr)
        return false;
    if (len)
        memcpy(ptr, c->ptr + c->start, len);
    chunk_release(p, c);
    *c = (struct chunk){.ptr = ptr, .end = (uint32_t)len, .capacity = class_bytes[class]};
    return true;
}

bool chunk_append(struct buffer_pool *p, struct chunk *c, const char *bytes, size_t len)
{
    if (len == 0)
        return true;
    if (!chunk_reserve(p, c, len))
        return false;
    memcpy(c->ptr + c->end, bytes, len);
    c->end += (uint32_t)len;
    return true;
}

void chunk_consume(struct buffer_pool *p, struct chunk *c, size_t bytes)
{
    ASSERT(bytes <= chunk_len(c));
    c->start += (uint32_t)bytes;
    if (c->start == c->end)
        chunk_release(p, c);
}
