/*
 * server_knee.h: whether one server works on clearly fewer requests at once than the others of its service:
 * fewer workers, fewer cores. Pure: what it and the others did in, an estimate out.
 */
#pragma once
#include "scale/knee.h"

#include <stdbool.h>

/* Zero: nothing was seen. */
struct server_knee {
    struct knee_level levels[LEVEL_COUNT];
    double knee;         /* it works on so many at once; 0: on as many as the others, as far as is known */
    uint32_t times_told; /* how often it turned out to be narrow */
};

/* A second of the server. */
void server_knee_note(struct server_knee *k, const struct knee_level second[LEVEL_COUNT]);
/* Whether it is unlike the others, of which all this was seen. */
void server_knee_judge(struct server_knee *k, const struct knee_level others[LEVEL_COUNT]);
/* Enough was seen of it beyond the knee of all to tell whether that is its own as well. */
bool server_knee_is_tried(const struct server_knee *k, double knee_of_all);
