/* random.h: xorshift64*: fast, seedable, not for secrets. One generator a thread. */
#pragma once
#include <stdint.h>

struct random {
    uint64_t state; /* never 0 */
};

static inline uint64_t random_next(struct random *r)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return r->state * UINT64_C(2685821657736338717);
}

static inline uint32_t random_below(struct random *r, uint32_t bound) /* bound > 0; bias below 2^-32 */
{
    return (uint32_t)(((random_next(r) >> 32) * bound) >> 32);
}

void random_seed_from_system(struct random *r);
