/*
 * history_block.h: the values of the ten seconds that are under way, by series, until they are written as one
 * batch. Pure; one thread.
 */
#pragma once
#include "base/arena.h"
#include "store/history_file.h"

enum { HISTORY_BLOCK_SERIES_MAX = 16384 }; /* at a time; more are left out and counted */

/* How a series is kept; borrowed. */
struct history_name {
    struct str metric, unit, labels;
};

struct history_block;

struct history_block *history_block_new(void);
void history_block_free(struct history_block *b); /* NULL is fine */

int64_t history_block_start(const struct history_block *b); /* INT64_MIN: nothing has been put yet */
size_t history_block_series(const struct history_block *b);
/* Series so far for which there was no place. */
uint64_t history_block_left_out(const struct history_block *b);
/* Empty from now on; series without a value in the block that ends are forgotten. */
void history_block_begin(struct history_block *b, int64_t start_s);

/* key: of the series, never used for another. False: it is to be named first. */
bool history_block_put(struct history_block *b, uint64_t key, int64_t wall_s, double value);
void history_block_name(struct history_block *b, uint64_t key, const struct history_name *name);

/* What there is so far, copied. */
struct history_batch history_block_copy(const struct history_block *b, struct arena *arena);
