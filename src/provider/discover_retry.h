/* discover_retry.h: when a source that failed is asked again. Pure. */
#pragma once
#include "base/clock.h"
#include "base/macros.h"

#define DISCOVER_RETRY_NS     NS_PER_S
#define DISCOVER_RETRY_NS_MAX (30 * NS_PER_S)

/* After so many failures in a row (> 0): one second, two, four, … at most 30, each ±10 %, so that many who
 * lost their server do not ask it as one. */
static inline int64_t discover_retry_ns(uint32_t failures, uint64_t random)
{
    int64_t wait_ns = MIN(DISCOVER_RETRY_NS << MIN(failures - 1, 10u), DISCOVER_RETRY_NS_MAX);
    return wait_ns - wait_ns / 10 + (int64_t)(random % (uint64_t)(wait_ns / 5));
}
