/* clock.h: monotonic nanoseconds for the program, wall clock for people. Any thread. */
#pragma once
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

static inline int64_t clock_now_ns(void) /* CLOCK_MONOTONIC */
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static inline int64_t clock_wall_ns(void) /* CLOCK_REALTIME, since 1970 */
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static inline int64_t clock_thread_cpu_ns(void) /* CPU time that this thread has used */
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

enum { CLOCK_RFC3339_BYTES = 32 };
/* Writes `2026-11-23T06:30:00.123Z` and returns out. */
char *clock_format_rfc3339(char out[CLOCK_RFC3339_BYTES], int64_t wall_ns);
/* Reads what RFC 3339 allows (`2026-11-23T07:30:00.5+01:00`), years 1970 to 2261; false: it is something
 * else. */
bool clock_parse_rfc3339(struct str text, int64_t *ret_wall_ns);
