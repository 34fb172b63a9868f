#include "base/mem.h"

#include "base/macros.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *ptr, size_t bytes)
{
    if (!ptr) {
        fprintf(stderr, "weir: out of memory asking for %zu bytes\n", bytes);
        abort();
    }
    return ptr;
}

void *mem_alloc(size_t bytes)
{
    return checked(calloc(1, MAX(bytes, (size_t)1)), bytes);
}

void *mem_alloc_aligned(size_t alignment, size_t bytes)
{
    size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    void *ptr = checked(aligned_alloc(alignment, rounded), rounded);
    return memset(ptr, 0, rounded);
}

void *mem_realloc(void *old, size_t bytes)
{
    return checked(realloc(old, bytes), bytes);
}

char *mem_strdup(const char *text)
{
    return checked(strdup(text), strlen(text) + 1);
}
