/*
 * hold.h: how long servers are kept when fewer are needed: long enough that what comes back soon finds them
 * there, no longer than starting them again would cost. Pure: servers needed at each moment in, a time and
 * the number that is held out. One thread at a time; nothing is allocated.
 *
 * The same thought as idle.h, for every server but the last: each number of servers has its own gaps, the
 * times between being needed and being needed again. Numbers of one size (2 and 3, 4 to 7, 8 to 15, ...) are
 * counted together.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct keep;

enum {
    HOLD_LEVELS = 1024, /* more servers are taken for so many: 8 kB a service */
    HOLD_SIZES = 11,    /* of numbers of servers, by powers of two */
    HOLD_BINS_OF_OCTAVE = 6,
    HOLD_BINS = 72,       /* from one second to over an hour; the last: longer */
    HOLD_MEMORY_S = 7200, /* older gaps are forgotten, as in forecast.h */
};

/* All zero: nothing known. */
struct hold {
    bool is_started;
    uint32_t needed, held; /* at present; needed <= held */
    int64_t needed_ns[HOLD_LEVELS +
                      1]; /* when so many were needed the last time; 0: never. Of those above `needed` */
    double gaps[HOLD_SIZES][HOLD_BINS];
    int64_t second, best_ns[HOLD_SIZES]; /* when best_ns was looked for; how long a server is best kept */
};

/* So many servers are needed at now_ns, which must not go back. start_ns: how long a server takes to start.
 */
void hold_note(struct hold *h, uint32_t needed, int64_t start_ns, int64_t now_ns);
/* How long the last one of so many servers (1 at least) is best kept after it was needed: between 10 s (or a
 * quarter of the start time, if that is longer) and an hour. 0 before the first note. */
int64_t hold_time_ns(const struct hold *h, uint32_t servers);
/* How many were needed within the last stated_ns; 0: within the time that each is best kept. What was let go
 * once does not come back with a longer one. */
uint32_t hold_count(struct hold *h, int64_t stated_ns, int64_t now_ns);
/* keep.h: the gaps. When servers were needed last belongs to servers that may be gone. */
void hold_keep(struct keep *k, struct hold *h);
