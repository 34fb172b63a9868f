/*
 * back_off.h: when the next server of a service may be started after servers failed. Pure.
 *
 * Servers of one service are alike, so the back-off is the service's: whatever made this one fail waits for
 * the next one too.
 */
#pragma once
#include "base/random.h"

#include <stdbool.h>
#include <stdint.h>

#define BACK_OFF_FIRST_NS  INT64_C(500000000) /* doubled with each step */
#define BACK_OFF_MAX_NS    INT64_C(30000000000)
#define BACK_OFF_PROVEN_NS INT64_C(30000000000) /* a server that took requests so long is no crash loop */

struct back_off {
    uint32_t steps;        /* failures in a row */
    int64_t step_ns;       /* when the last one was counted */
    int64_t not_before_ns; /* no start before; in the past: free */
};

/*
 * A server asked for at requested_ns failed now, after it had taken requests for served_ns (-1: it never
 * did). Servers asked for before the last step say nothing new: ten that fail of one cause are one step. The
 * first failure of a server that had taken requests is forgiven: it is replaced at once, and so is one that
 * was proven.
 */
void back_off_note_failure(struct back_off *b, int64_t requested_ns, int64_t served_ns, int64_t now_ns,
                           struct random *random);
/* A server asked for at requested_ns has been taking requests for BACK_OFF_PROVEN_NS. */
void back_off_note_proven(struct back_off *b, int64_t requested_ns);
/* People said to go on: the next start is free. */
void back_off_clear(struct back_off *b);
