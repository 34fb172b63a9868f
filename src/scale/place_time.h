/*
 * place_time.h: how long a request holds its place on a server when all goes quickly: the shortest mean of
 * the last stretches of a service's life. Pure. One thread at a time.
 */
#pragma once
#include <stdint.h>

enum {
    PLACE_TIME_STRETCHES = 12,
    PLACE_TIME_REQUESTS_MIN = 20, /* a mean of fewer says little: a stretch lasts until it has as many */
};

/* All zero: nothing known. */
struct place_time {
    int64_t began_ns; /* the present stretch */
    uint64_t finished;
    int64_t busy_ns;
    uint32_t count, next;
    int64_t means_ns[PLACE_TIME_STRETCHES];
};

/* `finished` requests gave their places back since the last call, after they had held them for busy_ns in
 * all. */
void place_time_note(struct place_time *p, uint64_t finished, int64_t busy_ns, int64_t now_ns);
int64_t place_time_shortest_ns(const struct place_time *p); /* 0: nothing known yet */
