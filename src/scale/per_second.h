/*
 * per_second.h: how many requests came to a service in each of the last seconds. For `weir record` and for
 * explaining. Pure; a zeroed struct has counted nothing.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { PER_SECOND_KEPT = 600 }; /* seconds; older ones are forgotten */

/* Seconds are those of the caller's clock (now_ns / 1e9): in a running Weir the time since the host booted,
 * so a second has the same number for the next worker. */
struct per_second {
    bool is_started;
    int64_t first, last; /* the first second that was counted from the first call on; the present one */
    uint32_t counts[PER_SECOND_KEPT];
};

/* Adds what came since the call before to the second of now_ns, which must not go back. */
void per_second_note(struct per_second *p, uint64_t count, int64_t now_ns);
/* The oldest second that is still kept; `last` is not over yet, all before it are. */
int64_t per_second_oldest(const struct per_second *p);
/* Of a second from per_second_oldest() to last. */
uint32_t per_second_get(const struct per_second *p, int64_t second);
/* Requests a second over the last one to two seconds. */
double per_second_recent(const struct per_second *p, int64_t now_ns);
