/*
 * buffers.h: the bytes that a connection has to keep between two events. Most never do: reads go to the
 * thread's scratch buffer and are written on at once, so an idle connection, and one whose peers keep up,
 * holds no buffer at all.
 *
 * One pool a data thread, classes of a few sizes on free lists: no malloc in steady state. Owner thread only.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BUFFER_BYTES_MAX = 256 * 1024 };

struct buffer_pool;

/* Bytes [start, end) of an owned buffer; all zero: none. */
struct chunk {
    char *ptr; /* owned, of the pool */
    uint32_t start, end, capacity;
};

struct buffer_pool *buffer_pool_new(uint64_t bytes_max);
void buffer_pool_free(struct buffer_pool *p);
uint64_t buffer_pool_used(const struct buffer_pool *p); /* bytes given out now */
/* Three quarters are given out: who reads more than he can pass on at once should read small pieces. */
bool buffer_pool_is_short(const struct buffer_pool *p);

static inline size_t chunk_len(const struct chunk *c)
{
    return c->end - c->start;
}

/* Makes room for `bytes` more behind the end, moving or growing. False when the pool or the largest class is
 * exhausted. */
bool chunk_reserve(struct buffer_pool *p, struct chunk *c, size_t bytes);
bool chunk_append(struct buffer_pool *p, struct chunk *c, const char *bytes, size_t len);
void chunk_consume(struct buffer_pool *p, struct chunk *c,
                   size_t bytes); /* releases the buffer when it is used up */
void chunk_release(struct buffer_pool *p, struct chunk *c);
