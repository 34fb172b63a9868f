/*
 * history.h: what was measured of one site, second by second, for the last HISTORY_S seconds: the metrics
 * that a policy may look at, as old and as smoothed as the real one sees them.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { HISTORY_S = 256 };

/* Means over a stretch of time. */
struct history_mean {
    double arrivals;  /* a second */
    double running;   /* requests being worked on: busy places */
    double in_system; /* in service or waiting */
    double serving;   /* servers that take requests */
};

struct history {
    uint32_t seconds;                    /* noted so far */
    struct history_mean sums[HISTORY_S]; /* from the beginning to the end of second i, at i % HISTORY_S */
};

void history_note(struct history *h, const struct history_mean *second);
/*
 * The mean over `length_s` seconds that ended `age_s` ago, or over as much of them as there is. False when
 * there is nothing. age_s + length_s < HISTORY_S.
 */
bool history_get(const struct history *h, uint32_t age_s, uint32_t length_s, struct history_mean *ret_mean);
