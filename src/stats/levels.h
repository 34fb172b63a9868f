/*
 * levels.h: requests in flight on one server, in levels: each number up to 16 for itself, then four levels to
 * a power of two, so that none is wider than a quarter of where it begins. What happened at each level tells
 * how many requests a server carries well (scale/capacity.h).
 */
#pragma once
#include <stdint.h>

enum { LEVELS_EXACT = 16, LEVEL_COUNT = 48 }; /* the last one holds 3585 and more */

static inline unsigned level_of(uint32_t in_flight) /* 0 counts as 1 */
{
    if (in_flight <= LEVELS_EXACT)
        return in_flight ? in_flight - 1 : 0;
    unsigned top = 31 - (unsigned)__builtin_clz(in_flight - 1);
    unsigned level = LEVELS_EXACT + 4 * (top - 4) + (((in_flight - 1) >> (top - 2)) & 3);
    return level < LEVEL_COUNT ? level : LEVEL_COUNT - 1;
}

/* The middle of a level. */
static inline double level_in_flight(unsigned level)
{
    if (level < LEVELS_EXACT)
        return level + 1;
    unsigned top = 4 + (level - LEVELS_EXACT) / 4, width = 1U << (top - 2);
    unsigned first = (1U << top) + ((level - LEVELS_EXACT) & 3) * width + 1;
    return first + (width - 1) / 2.0;
}
