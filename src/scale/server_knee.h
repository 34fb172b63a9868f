/*
 * server_knee.h: whether one server works on clearly fewer requests at once than the others of its service:
 * fewer workers, fewer cores. Pure: what it did in a second in, an estimate out.
 */
#pragma once
#include "scale/knee.h"

/* Zero: nothing was seen. */
struct server_knee {
    struct knee_level levels[LEVEL_COUNT];
    double knee; /* it works on so many at once; 0: on as many as the others, as far as is known */
};

/* A second of the server; `others`: on how many requests the servers of its service work at once; 0: unknown.
 */
void server_knee_note(struct server_knee *k, const struct knee_level second[LEVEL_COUNT], double others);
