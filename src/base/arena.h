/*
 * arena.h: memory by lifetime: everything is freed at once. Used for configurations and snapshots.
 * One owner thread at a time; alloc aborts when memory is out (control path).
 */
#pragma once
#include "base/str.h"

#include <stddef.h>

struct arena;
struct arena *arena_new(void);
void arena_free(struct arena *a);                         /* NULL is fine */
void *arena_alloc(struct arena *a, size_t bytes);         /* zeroed, aligned to 16 */
struct str arena_copy_str(struct arena *a, struct str s); /* the copy ends in NUL */
char *arena_strdup(struct arena *a, struct str s);
size_t arena_bytes(const struct arena *a); /* all memory it holds */
#define ARENA_NEW(a, type)          ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, count) ((type *)arena_alloc((a), sizeof(type) * (count)))
