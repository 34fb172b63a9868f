/*
 * knee.h: how many requests a server works on at once, from how long requests took by how many there were
 * when they were sent. Pure; what capacity.h asks of all servers together, and server_knee.h of each.
 */
#pragma once
#include "stats/levels.h"

/* What was seen at one level of concurrency (stats/levels.h). */
struct knee_level {
    double time_s;                      /* server-seconds with so many in flight */
    double departures;                  /* requests answered then */
    double admissions;                  /* requests sent then */
    double admission_s, admission_logs; /* sums of their durations, and of the logarithms of these */
};

/* Makes all that was seen there count for `keep` of what it did; 0..1. */
void knee_level_fade(struct knee_level *l, double keep);
/* What is taken from how much the times of requests vary that were sent at the same level. */
struct knee_law {
    double half_done; /* how much of a request is done when another begins to wait for it; 0..0.25 */
};
struct knee_law knee_law_of(const struct knee_level levels[LEVEL_COUNT]);

/* What a knee is looked for in: the levels of which enough was seen, and nothing else, since it is asked
 * about hundreds of knees. */
struct knee_seen {
    unsigned duration_count, pace_count;
    struct knee_durations {
        double in_flight;                       /* that a request met: less what of it was done */
        double requests, total_s, total_square; /* total_square: total_s squared, a request */
    } durations[LEVEL_COUNT];
    struct knee_pace {
        double in_flight, time_s, trust, answers;
        double log_rate, log_pace; /* of answers a second, and of those for each in flight */
    } paces[LEVEL_COUNT];
};
void knee_see(const struct knee_level levels[LEVEL_COUNT], const struct knee_law *law,
              struct knee_seen *ret_seen);

/* How badly a knee fits the durations (0: perfectly), twice the logarithm of how much less likely it makes
 * them; INFINITY: no knee. *ret_service_s: the time of a request below it. */
double knee_misfit_of_durations(const struct knee_seen *s, double knee, double *ret_service_s);
/* The same of durations and pace. */
double knee_misfit(const struct knee_seen *s, double knee, double *ret_service_s);
/* Workers and cores are counted in whole numbers: what is near one is taken for it. */
double knee_whole(double knee);
/* Requests in flight that a server with this knee is kept to. */
uint32_t knee_limit(double knee);
