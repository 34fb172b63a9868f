/*
 * counter.h: a number that one thread writes and any thread reads.
 * Ordering: relaxed. A reader may see a slightly old value, never a torn one; no lock-prefixed instruction is
 * used.
 */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

struct counter {
    _Atomic uint64_t value;
};

static inline void counter_add(struct counter *c, uint64_t n) /* owner thread only */
{
    uint64_t now = atomic_load_explicit(&c->value, memory_order_relaxed);
    atomic_store_explicit(&c->value, now + n, memory_order_relaxed);
}

static inline uint64_t counter_get(const struct counter *c)
{
    return atomic_load_explicit(&c->value, memory_order_relaxed);
}
