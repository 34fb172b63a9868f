/* mem.h: plain memory for the control path and for start-up. Aborts with a message when memory is out. */
#pragma once
#include <stddef.h>

void *mem_alloc(size_t bytes);                           /* zeroed */
void *mem_alloc_aligned(size_t alignment, size_t bytes); /* zeroed */
void *mem_realloc(void *old, size_t bytes);
char *mem_strdup(const char *text);
#define NEW(type)              ((type *)mem_alloc(sizeof(type)))
#define NEW_ARRAY(type, count) ((type *)mem_alloc(sizeof(type) * (count)))
