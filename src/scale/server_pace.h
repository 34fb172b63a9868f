/*
 * server_pace.h: how fast one server answers beside the others of its service, and whether it is clearly
 * slow. Pure: what servers did in a second in, an estimate out.
 */
#pragma once
#include "stats/levels.h"

#include <stdbool.h>

/* What one server, or several together, answered in a second, by the requests in flight when they were sent.
 */
struct server_pace_second {
    double admissions[LEVEL_COUNT], admission_logs[LEVEL_COUNT]; /* see server_cells */
};

/* What was compared of late. */
struct server_pace_sums {
    double seconds, requests;    /* in which there was something to compare; its own requests */
    double weight, sum, squares; /* of the octaves by which they took longer */
};

/* Zero: nothing was seen. */
struct server_pace {
    struct server_pace_sums sums;
    struct server_pace_sums stretch; /* the present one, just long enough to say something */
    bool is_slow;
};

void server_pace_second_add(struct server_pace_second *sum, const struct server_pace_second *s);
/* A second of the server, and of all that are compared (itself among them). */
void server_pace_note(struct server_pace *p, const struct server_pace_second *own,
                      const struct server_pace_second *all);
/* 1: like the others with as many requests in flight; 0.5: half as fast; 0: too little was seen. */
double server_pace_factor(const struct server_pace *p);
