/*
 * history_block.c: see history_block.h. An array of series and an open-addressing table of indices into it by
 * key. The table is made anew when series are forgotten, which is once a block at most.
 */
#include "store/history_block.h"

#include "base/macros.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

struct block_series {
    uint64_t key;
    struct history_name name; /* owned */
    bool has_values;
    struct point_sum seconds[HISTORY_BLOCK_S];
};

enum { TABLE_SIZE_FIRST = 256 }; /* a power of two */

struct history_block {
    int64_t start_s;
    uint64_t left_out;
    size_t count, capacity;
    struct block_series **series; /* owned */
    size_t table_size;            /* a power of two, at least twice the count */
    uint32_t *table;              /* index + 1; 0: free */
};

struct history_block *history_block_new(void)
{
    struct history_block *b = NEW(struct history_block);
    b->start_s = INT64_MIN;
    b->table_size = TABLE_SIZE_FIRST;
    b->table = NEW_ARRAY(uint32_t, b->table_size);
    return b;
}

static void free_series(struct block_series *s)
{
    free((char *)s->name.metric.ptr);
    free((char *)s->name.unit.ptr);
    free((char *)s->name.labels.ptr);
    free(s);
}

void history_block_free(struct history_block *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->count; i++)
        free_series(b->series[i]);
    free(b->series);
    free(b->table);
    free(b);
}

/* ---- finding ---- */

/* The slot of the table that holds it, or the free one where it belongs. */
static uint32_t *slot_of(const struct history_block *b, uint64_t key)
{
    size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (b->table_size - 1);
    while (b->table[at] && b->series[b->table[at] - 1]->key != key)
        at = (at + 1) & (b->table_size - 1);
    return &b->table[at];
}

static void make_table(struct history_block *b, size_t size)
{
    free(b->table);
    b->table_size = size;
    b->table = NEW_ARRAY(uint32_t, size);
    for (size_t i = 0; i < b->count; i++)
        *slot_of(b, b->series[i]->key) = (uint32_t)i + 1;
}

/* ---- blocks ---- */

int64_t history_block_start(const struct history_block *b)
{
    return b->start_s;
}

size_t history_block_series(const struct history_block *b)
{
    return b->count;
}

uint64_t history_block_left_out(const struct history_block *b)
{
    return b->left_out;
}

void history_block_begin(struct history_block *b, int64_t start_s)
{
    size_t kept = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct block_series *s = b->series[i];
        if (!s->has_values) {
            free_series(s);
            continue;
        }
        memset(s->seconds, 0, sizeof(s->seconds));
        s->has_values = false;
        b->series[kept++] = s;
    }
    bool is_less = kept < b->count;
    b->count = kept;
    b->start_s = start_s;
    if (is_less)
        make_table(b, b->table_size);
}

bool history_block_put(struct history_block *b, uint64_t key, int64_t wall_s, double value)
{
    uint32_t index = *slot_of(b, key);
    ASSERT(wall_s >= b->start_s && wall_s < b->start_s + HISTORY_BLOCK_S);
    if (!index)
        return false;
    struct block_series *s = b->series[index - 1];
    if (!isfinite(value))
        return true;
    s->has_values = true;
    point_sum_add(&s->seconds[wall_s - b->start_s],
                  &(struct point){.count = 1, .min = value, .mean = value, .max = value});
    return true;
}

static struct str copy_str(struct str s)
{
    char *copy = mem_alloc(s.len + 1);
    memcpy(copy, s.ptr, s.len);
    return str_n(copy, s.len);
}

void history_block_name(struct history_block *b, uint64_t key, const struct history_name *name)
{
    if (b->count == HISTORY_BLOCK_SERIES_MAX) {
        b->left_out++;
        return;
    }
    if (b->count == b->capacity) {
        b->capacity = MAX(2 * b->capacity, (size_t)64);
        b->series = mem_realloc(b->series, b->capacity * sizeof(struct block_series *));
    }
    struct block_series *s = b->series[b->count++] = NEW(struct block_series);
    s->key = key;
    s->name = (struct history_name){copy_str(name->metric), copy_str(name->unit), copy_str(name->labels)};
    if (2 * b->count > b->table_size)
        make_table(b, 2 * b->table_size);
    else
        *slot_of(b, key) = (uint32_t)b->count;
}

struct history_batch history_block_copy(const struct history_block *b, struct arena *arena)
{
    struct history_row *rows = ARENA_ARRAY(arena, struct history_row, b->count + 1);
    struct history_batch batch = {.start_s = b->start_s, .rows = rows};
    for (size_t i = 0; i < b->count; i++) {
        const struct block_series *s = b->series[i];
        if (!s->has_values)
            continue;
        struct history_row *row = &rows[batch.count++];
        row->metric = arena_copy_str(arena, s->name.metric);
        row->unit = arena_copy_str(arena, s->name.unit);
        row->labels = arena_copy_str(arena, s->name.labels);
        for (size_t k = 0; k < HISTORY_BLOCK_S; k++)
            row->points[k] = point_sum_get(&s->seconds[k]);
    }
    return batch;
}
