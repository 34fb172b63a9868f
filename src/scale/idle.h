/*
 * idle.h: how long the last server of a service is kept when nobody asks: long enough that a request which is
 * likely to come finds it there, no longer than starting it again would cost. Pure: what is so at each moment
 * in, a time out. One thread at a time; nothing is allocated.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct keep; /* keep.h */

enum {
    IDLE_GAP_MIN_S = 10, /* shorter gaps do not matter: a server is kept longer than that anyway */
    IDLE_BINS_OF_OCTAVE = 8,
    IDLE_BINS = 69, /* from 10 s to an hour; the last: longer */
};

/* All zero: nothing known. */
struct idle {
    bool is_clock_set, is_request_seen;
    int64_t last_ns;        /* of the last idle_note() */
    int64_t idle_ns;        /* how long nobody has asked for anything, starts left out */
    double gaps[IDLE_BINS]; /* how many were so long; each that comes makes the earlier ones count less */
};

/*
 * What is so at now_ns, which must not go back; the time since the call before belongs to it. is_busy:
 * requests came, wait or are in flight. is_starting: a server is on its way; the clock stands still, so that
 * the time to use it is not over before it is there.
 */
void idle_note(struct idle *i, bool is_busy, bool is_starting, int64_t now_ns);

/*
 * How long after the last request the last server is best stopped. start_ns: how long a server takes to
 * start. Between 10 s (or the start time, if that is longer) and an hour.
 */
int64_t idle_hold_ns(const struct idle *i, int64_t start_ns);
/* The gaps seen. Whether anybody would have come during the pause is not known: that gap does not count. */
void idle_keep(struct keep *k, struct idle *i);
