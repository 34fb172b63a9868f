/*
 * pattern.h: load that comes back: every so many minutes, daily, weekly. What came in each minute of the last
 * four weeks, the period that foretells it best, and what that says of the time until a server asked for now
 * would be there. Pure: counts and the wall clock in, a rate out. Control thread; about 320 KiB a service.
 *
 * It is heard only while it pays on what was seen: of what late servers would cost it must leave a fifth less
 * than periods chosen at random do, judged on minutes that it did not know. It only raises.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
    /* Kept: a weekly period is chosen by one week and proves itself in another, by two before each. */
    PATTERN_MINUTES = 4 * 7 * 1440 + 720,
    PATTERN_PERIOD_MIN = 10, /* minutes */
};

struct pattern {
    int64_t minute;              /* the newest whole one, since 1970 in UTC; 0: none yet */
    int64_t first;               /* the oldest that is kept */
    float rate[PATTERN_MINUTES]; /* ring: requests a second in the busiest ten seconds; < 0: not known */
    float most[PATTERN_MINUTES]; /* ring: the busiest of this minute and the `horizon` after it; < 0: not
                                    known */
    int64_t horizon;             /* minutes; 0: `most` is to be computed anew */
    int64_t now_tens;            /* the present ten seconds, counted since 1970 */
    uint64_t in_tens;            /* requests that came in them */
    double busiest;              /* of the present minute so far */
    bool is_whole;               /* it was seen from its beginning */
    double ready;                /* a second, that the servers wanted now could carry; 0: not told */
    double margin;               /* moving mean of `ready` over what came; 0: not known */
    uint32_t margins;            /* minutes in it */
    uint32_t at;                 /* the next to try */
    uint32_t period;             /* that is heard, in minutes; 0: none */
    double saving;               /* what it saves of the cost of late servers, 0..1 */
    uint32_t best;               /* of those tried since the first */
    double best_saving;
    double sum;      /* of the savings of those tried */
    uint32_t judged; /* of these, enough was known to judge */
    double typical;  /* the mean saving of the last round, 0..1 */
};

struct pattern *pattern_new(void);
void pattern_free(struct pattern *p); /* NULL is fine */
struct pattern_sample {
    uint64_t requests;  /* that came since the last one */
    double ready_per_s; /* what the servers wanted without this could carry; 0: not known */
    int64_t horizon_ns; /* how far ahead it is asked */
    int64_t wall_ns;    /* since 1970; 0, and a clock that was set back, are passed over */
};
void pattern_note(struct pattern *p, const struct pattern_sample *s);
/* Requests a second that come back within the horizon last noted; 0: nothing is known to. */
double pattern_ahead(const struct pattern *p, int64_t wall_ns);

/* For what outlives the worker. True: the minute is known. */
bool pattern_get(const struct pattern *p, int64_t minute, double *ret_rate);
/* Minutes from before, in any order; those that are known already, or are too old, are passed over. */
void pattern_restore(struct pattern *p, int64_t minute, double rate);
